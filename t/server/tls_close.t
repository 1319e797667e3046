# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# The end of TLS is the end of the session. A client that says close_notify in
# the midst of BDAT, DATA, AUTH or a command, and goes on in plain text, met a
# server that read on where there was nothing any more (Exim, CVE-2026-45185):
# at each offset the connection dies, nobody is delivered to, nothing crashes.
# A TCP connection that ends without close_notify ends no message either
# (RFC 8446 6.1: truncation).
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use MIME::Base64 qw(encode_base64);
use Test::More;

use SMTPTest::Server;

my $server = SMTPTest::Server->start_new(
    tls => 1, auth => { bob => 'secret' },
    config => "SMTPMaxErrors 0\nSMTPMaxConnections 0\n"
        . "SMTPAuthMechanisms PLAIN LOGIN\n");
my $MESSAGE = "Subject: cut\r\n\r\nbody\r\n.\r\n";
my @TRANSACTION = ('MAIL FROM:<a@client.test>', 'RCPT TO:<bob@example.com>');
my $plain = encode_base64("\0bob\0secret", '');

# What comes before, and what is then cut at each of its octets but the last.
my %CASES = (
    'a command' => [[], "MAIL FROM:<a\@client.test>\r\n"],
    'BDAT' => [[@TRANSACTION], "BDAT 27 LAST\r\n$MESSAGE"],
    'BDAT, a chunk of many' =>
        [[@TRANSACTION], "BDAT 7\r\nSubject" . "BDAT 20 LAST\r\n"
         . substr $MESSAGE, 7],
    'DATA' => [[@TRANSACTION, 'DATA'], $MESSAGE],
    'AUTH' => [[], "AUTH PLAIN $plain\r\n"],
    'AUTH, its response' => [['AUTH PLAIN'], "$plain\r\n"],
    'AUTH LOGIN' => [['AUTH LOGIN'], 'Ym9i' . "\r\nc2VjcmV0\r\n"],
);

# A client under TLS that is where the case begins.
sub client_at
{
    my ($before, @tls) = @_;
    my $client = $server->ehlo_client;
    $client->starttls(@tls);
    $client->command('EHLO client.test')->code eq '250' or die 'no EHLO';
    for my $line (@{$before}) {
        my $reply = $client->command($line);
        die "$line: $reply\n" if $reply->code !~ /\A[23]/;
    }
    return $client;
}

# Whether a reply is among octets that came without TLS.
sub has_reply { return $_[0] =~ /^[2345]\d\d[ -][\x20-\x7e]*\r\n/m }

# What is wrong with the server's conduct; nothing if it is as it should be.
sub faults_at
{
    my ($before, $octets, $offset, $is_apart, $version) = @_;
    my $client = client_at($before, version => $version);
    $client->send_octets(substr $octets, 0, $offset) if $offset;
    $client->close_notify;
    $client->wait_taken if $is_apart;
    $client->send_raw(substr($octets, $offset)
                      . "\r\n.\r\nNOOP\r\nQUIT\r\n");
    my $said = $client->read_raw_to_end;
    $client->close(is_reset => 1);
    return 'the connection lives' if !defined $said;
    return has_reply($said) ? 'a reply in plain text' : ();
}

my @children = sort $server->child_pids;
for my $name (sort keys %CASES) {
    my ($before, $octets) = @{ $CASES{$name} };
    subtest "close_notify amid $name" => sub {
        for my $offset (0 .. length($octets) - 1) {
            # One segment or two, one version or the other: by turns.
            my ($is_apart, $is_new) = ($offset % 2, int($offset / 2) % 2);
            my @faults = faults_at($before, $octets, $offset, $is_apart,
                                   $is_new ? 'TLSv1.3' : 'TLSv1.2');
            is("@faults", '', "at octet $offset");
        }
    };
}

# RST or FIN: the wire was cut, by the network or by somebody else.
for my $name ('BDAT', 'BDAT, a chunk of many', 'DATA') {
    my ($before, $octets) = @{ $CASES{$name} };
    subtest "TCP ends amid $name, without close_notify" => sub {
        for my $offset (0 .. length($octets) - 1) {
            my $client = client_at($before);
            $client->send_octets(substr $octets, 0, $offset) if $offset;
            shutdown $client->socket, 1;
            my $said = $client->read_raw_to_end;
            ok(defined $said, "at octet $offset: closed");
            ok(!has_reply($said // ''), 'no word in plain text');
        }
    };
}

# Whatever the octets of a record are, what does not decipher is no input.
subtest 'octets amid TLS that are none of its records' => sub {
    for my $garbage ("NOOP\r\n", "\x17\x03\x03\x00\x20" . 'x' x 32,
                     "\x17\x03\x03\xff\xff" . 'x' x 100, "\x15\x03\x03\x00\x02"
                     . "\x02\x28", "\0" x 100) {
        my $client = client_at([@TRANSACTION, 'DATA']);
        $client->send_octets("Subject: x\r\n\r\n");
        $client->send_raw("$garbage.\r\n");
        shutdown $client->socket, 1;
        my $said = $client->read_raw_to_end;
        ok(defined $said, 'closed');
        ok(!has_reply($said // ''), 'no word in plain text');
    }
};

is($server->maildir('bob@example.com')->count, 0, 'no message was taken');
is_deeply([sort $server->child_pids], \@children, 'no child died')
    if SMTPTest::Server::mpm() eq 'event';
my $client = client_at([]);
is($client->send_message(to => 'bob@example.com', message => "A: b\r\n")->code,
   '250', 'the server is well');
$client->quit;

$server->finish;
done_testing;
