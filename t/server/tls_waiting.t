# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# Sessions under TLS that wait: without a thread each (event: 500 on 25), in
# little memory; told 421 under TLS, with close_notify, when their time is
# over (RFC 5321 4.5.3.2) or the server goes; a handshake that stands still
# keeps no server from stopping.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Process;
use SMTPTest::Server;

my $is_event = SMTPTest::Server::mpm() eq 'event';
my $sessions = $is_event ? 500 : 60;

my $server = SMTPTest::Server->new(
    tls => 1, ports => { smtp => 'smtp', smtps => 'smtps', hasty => 'smtp' },
    # The crowd keeps all threads busy for a moment.
    expected => [qr/AH\d+: server reached MaxRequestWorkers/],
    vhosts => join('', map { sprintf <<'END', @{$_} }
<VirtualHost %s>
    ServerName mx.example.com
    SMTPEngine On
    Include conf/tls.conf
    SMTPMaxConnections 0
    %s
    <SMTPDomain example.com>
        SMTPRecipients any
    </SMTPDomain>
</VirtualHost>
END
        ['127.0.0.1:${port_smtp} 127.0.0.1:${port_smtps}', ''],
        ['127.0.0.1:${port_hasty}', 'SMTPTimeout command=1s data=1s']),
    few_threads => 1);
$server->start;

sub tls_client
{
    my ($number, $port) = @_;
    return $server->ehlo_client(port => 'smtps', tls => 1)
        if !$port && $number % 2;
    my $client = $server->ehlo_client(port => $port // 'smtp');
    $client->starttls;
    $client->command('EHLO client.test')->code eq '250' or die 'no EHLO';
    return $client;
}

sub private_kib
{
    my $kib = 0;
    $kib += SMTPTest::Process::private_kib($_) for $server->child_pids;
    return $kib;
}

tls_client($_)->quit for 1 .. 20;
my $before = private_kib();
my @idle = map { tls_client($_) } 1 .. $sessions;
is(scalar @idle, $sessions, "$sessions sessions under TLS");
my $per_session = (private_kib() - $before) / $sessions;
note(sprintf '%.1f KiB of private memory a session', $per_session);
cmp_ok($per_session, '<', 100, 'a session that waits is small')
    if $is_event && !$ENV{SMTP_PRELOAD};

my $client = tls_client(0);
is($client->send_message(to => 'bob@example.com', message => "A: b\r\n")->code,
   '250', 'a new session delivers');
$client->quit;
is(scalar(grep { $_->command('NOOP')->code eq '250' } @idle), $sessions,
   'each idle session is still there');
$_->close for splice @idle, 10;

# What a session that is told to go must hear.
sub check_told
{
    my ($client, $status, $name) = @_;
    my $reply = $client->read_reply;
    is($reply->code, '421', "$name: 421");
    is($reply->status, $status, "$name: $status");
    ok($client->is_closed, "$name: closed");
    ok($client->tls->has_close_notify, "$name: with close_notify");
    return;
}

subtest 'whose time is over' => sub {
    check_told(tls_client(0, 'hasty'), '4.4.2', 'idle');
    my $client = tls_client(0, 'hasty');
    $client->pipeline('MAIL FROM:<a@client.test>',
                      'RCPT TO:<bob@example.com>', 'DATA');
    $client->send_octets("Subject: half\r\n");
    check_told($client, '4.4.2', 'amid DATA');
    # Half a record is no word of the client's.
    $client = tls_client(0, 'hasty');
    $client->tls->write("NOOP\r\n");
    $client->send_raw(substr $client->tls->drain, 0, 10);
    check_told($client, '4.4.2', 'half a record');
};

subtest 'a server that stops' => sub {
    my $stalled = $server->client(port => 'smtps');
    $stalled->send_octets(substr $stalled->client_hello, 0, 50);
    my $asked = $server->ehlo_client;
    is($asked->command('STARTTLS')->code, '220', 'STARTTLS');
    $_->wait_taken for $stalled, $asked;
    $server->begin_graceful_stop;
    check_told($_, '4.3.2', 'idle') for @idle;
    is($stalled->read_to_end, '', 'amid a handshake: cut');
    is($asked->read_to_end, '', 'before a handshake: cut');
    ok($server->wait_gone, 'httpd is gone');
};

$server->finish;
done_testing;
