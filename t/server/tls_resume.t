# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# A client that comes again does not pay for another full handshake: TLS 1.2
# by ticket and by the session cache, TLS 1.3 by either; from whichever child.
# What was resumed is no less a new SMTP session.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Server;

my $server = SMTPTest::Server->start_new(
    tls => 1, ports => { map { $_ => $_ eq 'smtps' ? $_ : 'smtp' }
                         qw(smtp smtps cache) },
    vhosts => join '', map { sprintf <<'END', @{$_} }
<VirtualHost %s>
    ServerName mx.example.com
    SMTPEngine On
    Include conf/tls.conf
    %s
    <SMTPDomain example.com>
        SMTPRecipients any
    </SMTPDomain>
</VirtualHost>
END
    ['127.0.0.1:${port_smtp} 127.0.0.1:${port_smtps}', ''],
    ['127.0.0.1:${port_cache}', 'SSLSessionTickets Off']);

sub tls_client
{
    my ($port, @tls) = @_;
    if ($port eq 'smtps') {
        return $server->ehlo_client(port => $port, tls => { @tls });
    }
    my $client = $server->ehlo_client(port => $port);
    $client->starttls(@tls);
    is($client->command('EHLO client.test')->code, '250', 'EHLO');
    return $client;
}

# A session that others can go on with.
sub saved_session
{
    my ($port, $version) = @_;
    my $client = tls_client($port, version => $version);
    ok(!$client->tls->is_session_reused, 'a full handshake');
    is($client->command('MAIL FROM:<alice@client.test>')->code, '250', 'MAIL');
    my $session = $client->tls->session;
    $client->quit;
    return $session;
}

sub check_resumed
{
    my ($port, $version, $session) = @_;
    my $client = tls_client($port, version => $version, session => $session);
    ok($client->tls->is_session_reused, 'resumed');
    is($client->command('RCPT TO:<bob@example.com>')->code, '503',
       'no transaction of the other session');
    is($client->send_message(to => 'bob@example.com',
                             message => "A: b\r\n")->code, '250', 'mail');
    $client->quit;
    return;
}

for my $case (['smtp', 'TLSv1.2'], ['smtp', 'TLSv1.3'],
              ['smtps', 'TLSv1.2'], ['smtps', 'TLSv1.3'],
              ['cache', 'TLSv1.2'], ['cache', 'TLSv1.3']) {
    my ($port, $version) = @{$case};
    subtest "$port, $version" => sub {
        check_resumed($port, $version, saved_session($port, $version))
            for 1 .. 3;
    };
}

# Cache and tickets of an httpd that restarts are its own again: a client that
# offers what they held is served all the same.
subtest 'over a graceful restart' => sub {
    my @kinds = map { my $port = $_; map { [$port, $_] }
                      'TLSv1.2', 'TLSv1.3' } qw(smtp cache);
    my @sessions = map { saved_session(@{$_}) } @kinds;
    $server->graceful;
    for my $i (0 .. $#kinds) {
        my ($port, $version) = @{ $kinds[$i] };
        # A child of the old generation may still have taken the connection.
        my $client;
        SMTPTest::Wait::wait_until(30, sub {
            return $client = eval { $server->ehlo_client(port => $port) } });
        is($client->starttls(version => $version, session => $sessions[$i])
           ->code, '220', "$port, $version: TLS");
        is($client->command('EHLO client.test')->code, '250', 'EHLO');
        $client->quit;
    }
};

$server->finish;
done_testing;
