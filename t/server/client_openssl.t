# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# openssl s_client, with which administrators look at a server's TLS: a
# dialogue by hand, to the message that arrives.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use IPC::Open2 qw(open2);
use MIME::Base64 qw(encode_base64);

use SMTPTest::Program;
use SMTPTest::Submission;

my $openssl = SMTPTest::Program::need('openssl');
my $submission = SMTPTest::Submission->start_new(
    # Who ends TLS before he has a word with us.
    expected => [qr/AH02008: SSL library error/]);

my $PLAIN = encode_base64(join("\0", '', $submission->login,
                               $submission->password), '');

# A dialogue: lines are sent one after the other, each when the reply before
# is there. Returns exit status and all that came.
sub talk
{
    my ($port, $options, @lines) = @_;
    my $pid = open2(my $out, my $in, 'sh', '-c', 'exec "$@" 2>/dev/null',
        'sh', $openssl, 's_client', '-quiet', '-crlf',
        '-connect', "127.0.0.1:$port->{number}",
        ($port->{is_implicit} ? () : ('-starttls', 'smtp')),
        '-CAfile', $submission->ca, '-verify_return_error',
        '-verify_hostname', $submission->name, '-verify_quiet',
        '-servername', $submission->name, @{$options});
    local $SIG{PIPE} = 'IGNORE';
    local $SIG{ALRM} = sub { kill 'KILL', $pid };
    alarm 60;
    # s_client itself reads the greeting before STARTTLS.
    my $said = $port->{is_implicit} ? read_reply($out) : '';
    for my $line (@lines) {
        print {$in} "$line\n";
        $in->flush;
        $said .= read_reply($out);
    }
    close $in;
    $said .= join '', <$out>;
    waitpid $pid, 0;
    alarm 0;
    return ($? >> 8, $said);
}

sub read_reply
{
    my ($out) = @_;
    my $reply = '';
    while (defined(my $line = <$out>)) {
        $reply .= $line;
        last if $line =~ /\A\d{3} /;
    }
    return $reply;
}

sub send_by_openssl
{
    my ($port, $message, @options) = @_;
    my $data = $message->{message} =~ s/\r\n/\n/gr =~ s/^\./../gmr;
    my ($status, $said) = talk($port, \@options, 'EHLO client.test',
        "AUTH PLAIN $PLAIN", 'MAIL FROM:<' . $submission->login . '>',
        "RCPT TO:<$message->{to}>", 'DATA', "$data.", 'QUIT');
    my @codes = $said =~ /^(\d{3}) /mg;
    shift @codes if $port->{is_implicit};
    my $codes = join ' ', @codes;
    return ($codes eq '250 235 250 250 354 250 221' ? $status : 1, $said);
}

my @CERTIFICATE = (
    '-cert', $submission->client_certificate->certificate,
    '-key', $submission->client_certificate->key);
$submission->check_ways(\&send_by_openssl, {},
    ['PLAIN'],
    ['PLAIN, TLS 1.2', '-tls1_2'],
    ['PLAIN, TLS 1.3', '-tls1_3'],
    ['PLAIN, with a certificate', @CERTIFICATE]);
$submission->check_messages(\&send_by_openssl, {}, ['PLAIN']);

for my $port ($submission->ports) {
    subtest "$port->{name}: what must fail does" => sub {
        my ($status, $said) = talk($port, ['-tls1_1', '-cipher',
                                           'DEFAULT@SECLEVEL=0'], ());
        isnt($status, 0, 'TLS 1.1');
        ($status, $said) = talk($port, ['-verify_hostname', 'mx.example.org'],
                                'EHLO client.test', 'QUIT');
        isnt($status, 0, 'another name of the server');
        ($status, $said) = talk($port, [], 'EHLO client.test',
                                'MAIL FROM:<' . $submission->login . '>',
                                'QUIT');
        is($status, 0, 'nobody logged in: the dialogue goes on');
        like($said, qr/^530 5\.7\.0 /m, '... MAIL is refused by 530');
        ($status, $said) = talk($port, ['-alpn', 'http/1.1,h2'],
                                'EHLO client.test', 'QUIT');
        isnt($status, 0, 'ALPN that asks for HTTP only');
    };
}

$submission->finish;
done_testing;
