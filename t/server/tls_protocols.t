# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# Nothing below TLS 1.2 (RFC 8996, 8997), whatever SSLProtocol says, and no
# weak cipher by default: by our own client, by nmap's ssl-enum-ciphers and by
# testssl.sh.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP qw(decode_json);
use Test::More;

use SMTPTest::Program;
use SMTPTest::Server;

my $nmap = SMTPTest::Program::need('nmap');
my $testssl = SMTPTest::Program::need('testssl');

# Two virtual hosts: one that says nothing, one that allows what it can.
my $LAX = "SSLProtocol all\nSSLCipherSuite ALL:COMPLEMENTOFALL:\@SECLEVEL=0\n";
my $server = SMTPTest::Server->start_new(
    tls => 1, ports => { map { ($_ => 'smtp', "${_}s" => 'smtps') }
                         qw(plain lax) },
    # What scanners send is no mail, and often no TLS.
    expected => [qr/\[ssl:/],
    vhosts => join '', map { sprintf <<'END', @{$_} }
<VirtualHost 127.0.0.1:${port_%1$s} 127.0.0.1:${port_%1$ss}>
    ServerName mx.example.com
    SMTPEngine On
    Include conf/tls.conf
    SMTPMaxConnections 0
    SMTPMaxErrors 0
    %2$s
    <SMTPDomain example.com>
        SMTPRecipients any
    </SMTPDomain>
</VirtualHost>
END
    ['plain', ''], ['lax', $LAX]);

sub handshake_with
{
    my ($port, @tls) = @_;
    my $client = $port =~ /s\z/ ? $server->client(port => $port)
        : $server->ehlo_client(port => $port);
    $client->command('STARTTLS') if $port !~ /s\z/;
    $client->handshake(@tls);
    # Under TLS 1.3 a refusal could come after our last word.
    $client->send_lines('EHLO client.test') if $client->tls->is_up;
    my $code = $client->read_reply->code;
    $client->close;
    return $code =~ /\A2/;
}

for my $port (qw(plain plains lax laxs)) {
    ok(!handshake_with($port, version => $_), "$port: no $_")
        for 'TLSv1', 'TLSv1.1';
    ok(handshake_with($port, version => $_), "$port: $_")
        for 'TLSv1.2', 'TLSv1.3';
}
for my $cipher (qw(NULL aNULL EXPORT RC4 3DES DES MD5 PSK kRSA+NULL)) {
    # What this OpenSSL does not have any more cannot be offered to anybody.
    next if !eval { SMTPTest::TLS->new(ciphers => "$cipher:\@SECLEVEL=0") };
    for my $port (qw(plain plains)) {
        ok(!handshake_with($port, version => 'TLSv1.2',
                           ciphers => "$cipher:\@SECLEVEL=0"),
           "$port: no $cipher");
    }
}

# ---- nmap -----------------------------------------------------------------

# Both ports in one run; it takes its time to learn what they speak.
my ($status, $report) = SMTPTest::Program::run(
    '', $nmap, '-Pn', '-sT', '-sV', '--version-light', '-p',
    $server->port('plain') . ',' . $server->port('plains'),
    '--script', '+ssl-enum-ciphers', '127.0.0.1');
is($status, 0, 'nmap ran') or diag($report);
for my $port (qw(plain plains)) {
    subtest "nmap, $port" => sub {
        my $number = $server->port($port);
        my ($text) = $report =~ m{^($number/tcp.*?)(?=^\d+/tcp|\z)}ms;
        like($text, qr/^\|\s+TLSv1\.2:/m, 'it found TLS 1.2')
            or diag($report);
        like($text, qr/^\|\s+TLSv1\.3:/m, 'and TLS 1.3');
        unlike($text, qr/^\|\s+(?:SSL|TLSv1\.[01]\b)/m, 'and nothing below');
        my ($least) = $text =~ /least strength: (\S+)/;
        is($least, 'A', 'the weakest cipher is strong') or diag($text);
        unlike($text, qr/^\|\s+warnings:/m, 'no warning');
    };
}

# ---- testssl.sh -----------------------------------------------------------

# OpenSSL's default list has CBC ciphers of TLS 1.2, without a fault that is
# known in it; SSLCipherSuite is there for who wants none.
my $OF_CBC = qr/\A(?:cipherlist_AVERAGE|LUCKY13)\z/;

# Half a minute, and what it looks at is the same on each MPM.
subtest 'testssl.sh, STARTTLS' => sub {
    my ($status, $text) = SMTPTest::Program::run(
        '', $testssl, '--quiet', '--color', 0, '--warnings', 'batch',
        '--protocols', '--std', '--vulnerable', '--starttls', 'smtp',
        '--jsonfile', $server->root . '/testssl.json',
        '127.0.0.1:' . $server->port('plain'));
    my $findings = decode_json($server->read_file('testssl.json'));
    my %of = map { $_->{id} => $_ } @{$findings};
    is($of{$_}{finding}, 'not offered', $_) for qw(SSLv2 SSLv3 TLS1 TLS1_1);
    is($of{$_}{severity}, 'OK', $_) for qw(TLS1_2 TLS1_3);
    my @bad = grep { $_->{severity} =~ /LOW|MEDIUM|HIGH|CRITICAL|FATAL/
                     && $_->{id} !~ $OF_CBC } @{$findings};
    is(join("\n", map { "$_->{id}: $_->{finding}" } @bad), '',
       'nothing else is wrong');
} if SMTPTest::Server::mpm() eq 'event';

$server->finish;
done_testing;
