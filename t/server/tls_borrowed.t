# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# A certificate counts where it was shown, and nowhere else: no session brings
# it from a web site or a virtual host that trusts other authorities, and no
# directive of mod_ssl's makes a login of what every client has.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Certificate;
use SMTPTest::Server;

my $ours = SMTPTest::Certificate->authority(name => 'Ours');
my $theirs = SMTPTest::Certificate->authority(name => 'Theirs');
my $bob = $theirs->client(name => 'bob');
my $own_bob = $ours->client(name => 'bob');

my @PORTS = qw(ours theirs generous named);
my $HOST = <<'END';
<VirtualHost 127.0.0.1:${port_%s}>
    ServerName mx.example.com
    SMTPEngine On
    Include conf/tls.conf
    %s
    <SMTPDomain example.com>
        SMTPRecipients any
    </SMTPDomain>
</VirtualHost>
END
my $CERTIFIED = <<'END';
    <SMTPAuth>
        Require valid-user
    </SMTPAuth>
    SMTPAuthCertificateName SSL_CLIENT_S_DN_CN
    <SMTPRelay>
        Require ssl-verify-client
    </SMTPRelay>
END
my $server = SMTPTest::Server->start_new(
    tls => 1, ports => { (map { $_ => 'smtp' } @PORTS), https => 'https' },
    modules => [qw(authn_core authz_user)],
    files => { 'conf/ours.crt' => $ours->pem,
               'conf/theirs.crt' => $theirs->pem,
               'htdocs/index.html' => "web\n" },
    vhosts => join('',
        # By the cache, which all share; tickets are of one virtual host.
        sprintf($HOST, 'ours', "SSLSessionTickets Off\n"
                . "SSLVerifyClient optional\n"
                . "SSLCACertificateFile conf/ours.crt\n$CERTIFIED"),
        sprintf($HOST, 'theirs', "SSLSessionTickets Off\n"
                . "SSLVerifyClient optional\n"
                . "SSLCACertificateFile conf/theirs.crt\n"),
        sprintf($HOST, 'generous', "SSLVerifyClient optional_no_ca\n"
                . "SSLCACertificateFile conf/ours.crt\n<SMTPRelay>\n"
                . "Require ssl-verify-client\n</SMTPRelay>\n"),
        # What each client under TLS has would be its login.
        sprintf($HOST, 'named', "SSLVerifyClient optional_no_ca\n"
                . "SSLCACertificateFile conf/ours.crt\n"
                . "SSLUserName SSL_PROTOCOL\n<SMTPRelay>\n"
                . "Require valid-user\n</SMTPRelay>\n"),
        <<'END'),
<VirtualHost 127.0.0.1:${port_https}>
    ServerName mx.example.com
    Include conf/tls.conf
    SSLSessionTickets Off
    SSLVerifyClient optional
    SSLCACertificateFile conf/theirs.crt
    DocumentRoot ${root}/htdocs
</VirtualHost>
END
    expected => [qr/SM1163: <SMTPRelay> has a Require that needs a login/,
                 qr/AH02039: Certificate Verification/]);

my %VERSION = ('TLSv1.2' => 'TLS 1.2', 'TLSv1.3' => 'TLS 1.3');

# A client under TLS, past EHLO; nothing if it was cut.
sub tls_client
{
    my ($port, @tls) = @_;
    my $client = $server->ehlo_client(port => $port);
    $client->command('STARTTLS')->code eq '220' or die 'no STARTTLS';
    $client->handshake(@tls);
    return if !$client->tls->is_up;
    $client->send_lines('EHLO client.test');
    return $client->read_reply->code eq '250' ? $client : ();
}

# The session of a client that has shown bob's certificate of the others.
sub session_of
{
    my ($port, $version) = @_;
    my $client;
    if ($port eq 'https') {
        $client = $server->client(port => 'https', tls => {
            version => $version, certificate => $bob });
        $client->send_octets("GET /index.html HTTP/1.1\r\nHost: mx.example.com\r\n"
                             . "Connection: close\r\n\r\n");
        like($client->read_to_end, qr/web/, 'the web site takes it');
        return $client->tls->session;
    }
    $client = tls_client($port, version => $version, certificate => $bob);
    ok($client, "$port: a certificate is shown");
    $client->command('NOOP');
    my $session = $client->tls->session;
    $client->quit;
    return $session;
}

sub relays
{
    my ($client) = @_;
    $client->command('MAIL FROM:<a@client.test>');
    return $client->command('RCPT TO:<user@elsewhere.test>')->code;
}

for my $version (sort keys %VERSION) {
    for my $from (qw(theirs https)) {
        subtest "$VERSION{$version}: a session of $from" => sub {
            my $client = tls_client('ours', version => $version,
                                    session => session_of($from, $version));
            return pass('cut') if !$client;
            isnt($client->command('AUTH EXTERNAL =')->code, '235',
                 'is no login');
            is(relays($client), '550', 'and relays for nobody');
        };
    }
    subtest "$VERSION{$version}: a session of our own" => sub {
        my $session = session_of('generous', $version);
        for my $try (1 .. 2) {
            my $client = tls_client('generous', version => $version,
                                    session => $session);
            is($client ? relays($client) : 'cut', $client ? '550' : 'cut',
               'nobody vouched for the certificate');
        }
    };
    subtest "$VERSION{$version}: our own certificate" => sub {
        my $client = tls_client('ours', version => $version,
                                certificate => $own_bob);
        is($client->command('AUTH EXTERNAL =')->code, '235', 'is a login');
        my $session = $client->tls->session;
        $client->quit;
        $client = tls_client('ours', version => $version,
                             session => $session, certificate => $own_bob);
        ok($client, 'it comes again');
        ok(!$client->tls->is_session_reused, 'by a full handshake');
        is($client->command('AUTH EXTERNAL =')->code, '235', 'and logs in');
        $client->quit;
    };
    subtest "$VERSION{$version}: without a certificate" => sub {
        my $client = tls_client('generous', version => $version);
        $client->command('NOOP');
        my $session = $client->tls->session;
        $client->quit;
        $client = tls_client('generous', version => $version,
                             session => $session);
        is(!!$client->tls->is_session_reused, $version eq 'TLSv1.3',
           'resumed, where it can be known in time');
        is(relays($client), '550', 'and no more than before');
        $client->quit;
    };
    is(relays(tls_client('named', version => $version)), '550',
       "$VERSION{$version}: SSLUserName makes no login");
}

$server->finish;
done_testing;
