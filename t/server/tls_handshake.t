# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# Handshakes as a network or somebody ill-disposed makes them: cut to
# pieces, of garbage, ended in the midst by the client in each way; a second
# handshake later on. None gets a word in plain text, none disturbs
# anybody else.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Server;

my $server = SMTPTest::Server->start_new(
    tls => 1, ports => { smtp => 'smtp', smtps => 'smtps' },
    vhosts => <<'END');
<VirtualHost 127.0.0.1:${port_smtp} 127.0.0.1:${port_smtps}>
    ServerName mx.example.com
    SMTPEngine On
    Include conf/tls.conf
    SMTPMaxConnections 0
    SMTPMaxErrors 0
    <SMTPDomain example.com>
        SMTPRecipients any
    </SMTPDomain>
</VirtualHost>
END

# A client whose next octets are those of a handshake.
sub client_before
{
    my ($port) = @_;
    return $server->client(port => $port) if $port eq 'smtps';
    my $client = $server->ehlo_client;
    $client->command('STARTTLS')->code eq '220' or die 'no STARTTLS';
    return $client;
}

sub says_ehlo
{
    my ($client, $port) = @_;
    return 0 if $port eq 'smtps' && $client->read_reply->code ne '220';
    return $client->command('EHLO client.test')->code eq '250'
        && $client->quit->code eq '221';
}

# The headers octet by octet, what follows in handfuls.
my @cuts = (1 .. 30, map { $_ * 7 } 5 .. 300);
for my $port ('smtp', 'smtps') {
    for my $version ('TLSv1.2', 'TLSv1.3') {
        my $client = client_before($port);
        ok($client->handshake(version => $version, split => \@cuts)
           && says_ehlo($client, $port),
           "$port, $version: a handshake in many pieces");
    }
}

my $hello = SMTPTest::Client->client_hello;
my %GARBAGE = (
    'SMTP' => "EHLO client.test\r\n",
    'HTTP' => "GET / HTTP/1.0\r\n\r\n",
    'HTTP by half' => 'GET / HT',
    'a proxy\'s header' => "PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n",
    'HTTP/2' => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    'NULs' => "\0" x 500,
    'octets 255' => "\xff" x 500,
    'SSL 2.0' => "\x80\x2e\x01\x00\x02" . "\0" x 43,
    'an empty record' => "\x16\x03\x01\x00\x00",
    'a record too long' => "\x16\x03\x01\xff\xff" . 'x' x 65_535,
    'an alert' => "\x15\x03\x01\x00\x02\x02\x28",
    'application data' => "\x17\x03\x03\x00\x05hello",
    'a ClientHello that breaks off' => substr($hello, 0, 60) . "\0" x 200,
    'a ClientHello with a length of its own'
        => substr($hello, 0, 6) . "\xff\xff\xff" . substr($hello, 9),
    'a ClientHello twice' => $hello x 2,
    'a ClientHello, then SMTP' => $hello . "EHLO client.test\r\n",
);
for my $port ('smtp', 'smtps') {
    for my $name (sort keys %GARBAGE) {
        subtest "$port: $name" => sub {
            my $client = client_before($port);
            $client->send_octets($GARBAGE{$name});
            $client->shutdown_write;
            my $said = $client->read_to_end;
            ok(defined $said, 'the connection ends');
            unlike($said // '', qr/^[2-5]\d\d[ -][\x20-\x7e]*\r\n/m,
                   'without a word in plain text');
        };
    }
}

subtest 'clients that go in the midst' => sub {
    for my $port ('smtp', 'smtps') {
        for my $version ('TLSv1.2', 'TLSv1.3') {
            for my $is_reset (0, 1) {
                my $client = client_before($port);
                $client->begin_handshake(version => $version);
                $client->tls->handshake;
                $client->send_raw($client->tls->drain);
                ok($client->has_input(20), "$port, $version: the server's turn");
                $client->close(is_reset => $is_reset);
            }
            # Whom the client does not trust it leaves with an alert.
            my $client = client_before($port);
            ok(!$client->handshake(version => $version,
                                   ca => $server->certificate->certificate,
                                   host => 'another.example'),
               "$port, $version: not trusted");
            $client->close;
        }
    }
};

# A client that renegotiates makes the server work at will (CVE-2011-1473).
subtest 'renegotiation under TLS 1.2 is refused' => sub {
    my $client = client_before('smtps');
    ok($client->handshake(version => 'TLSv1.2'), 'TLS');
    is($client->read_reply->code, '220', 'greeting');
    $client->tls->renegotiate;
    ok(!$client->send_lines('NOOP'), 'a ClientHello goes, and has no answer');
    shutdown $client->socket, 1;
    my $said = $client->read_raw_to_end;
    my @types;
    while ($said =~ s/\A(.)..(..)//s) {
        push @types, ord $1;
        substr $said, 0, unpack('n', $2), '';
    }
    is("@types", join(' ', grep { $_ == 21 } @types), 'nothing but alerts');
    $client->close;
};

ok(says_ehlo(client_with_tls($_), 'smtp'), 'others are served')
    for 'TLSv1.2', 'TLSv1.3';

sub client_with_tls
{
    my $client = $server->ehlo_client;
    $client->starttls(version => $_[0]);
    return $client;
}

$server->finish;
done_testing;
