# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# Clients under TLS that pipeline commands and never read the replies: mod_ssl
# flushes each record, and a flush waits for the reader. 30 of them must not
# stop a server of 25 threads (event), nor hold more than a thread each
# (worker, prefork). A client that reads at last gets all that it is owed.
use strict;
use warnings;

use FindBin;
use IO::Select;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Server;

my $SLOW_READERS = 30;

my $server = SMTPTest::Server->new(
    tls => 1, ports => { smtp => 'smtp', smtps => 'smtps', https => 'https' },
    # While they still send, 30 clients can keep 25 threads busy.
    expected => [qr/AH00484: server reached MaxRequestWorkers/],
    files => { 'htdocs/index.html' => "still here\n" },
    vhosts => <<'END',
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
<VirtualHost 127.0.0.1:${port_https}>
    ServerName mx.example.com
    Include conf/tls.conf
    DocumentRoot ${root}/htdocs
</VirtualHost>
END
    few_threads => 1);
$server->start;

# A session under TLS, of both kinds by turns.
sub tls_client
{
    my ($number, @arg) = @_;
    return $server->ehlo_client(port => 'smtps', tls => 1, @arg)
        if $number % 2;
    my $client = $server->ehlo_client(@arg);
    $client->starttls;
    $client->command('EHLO client.test')->code eq '250' or die 'no EHLO';
    return $client;
}

# Sends commands until the server takes no more from anybody: its replies fill
# what the kernel holds for a client, then its own buffers, then it stops
# reading. How many each client has sent, undef if one is gone.
sub stuff_clients
{
    my %client = map { fileno($_->socket) => $_ } @_;
    my $select = IO::Select->new(map { $_->socket } @_);
    my %count;
    while (my @ready = $select->can_write(1)) {
        for my $number (map { fileno $_ } @ready) {
            my $left = $client{$number}->send_nowait('');
            return if !defined $left;
            next if $left;
            defined $client{$number}->send_nowait("NOOP\r\n" x 1000)
                or return;
            $count{$number} += 1000;
        }
    }
    return \%count;
}

my @slow = map { tls_client($_, rcvbuf => 4096) } 1 .. $SLOW_READERS;
my $sent = stuff_clients(@slow);
ok($sent, "$SLOW_READERS clients do not read");

for my $number (1, 2) {
    my $client = tls_client($number);
    is($client->send_message(to => 'bob@example.com',
                             message => "Subject: x\r\n\r\n")->code,
       '250', 'a new session delivers a message');
    is($client->quit->code, '221', 'and ends');
}
my $https = $server->client(port => 'https', tls => 1);
$https->send_octets("GET /index.html HTTP/1.0\r\n\r\n");
like($https->read_to_end, qr/still here/, 'HTTPS is served');

subtest 'a slow reader that reads at last gets all replies' => sub {
    my $reader = $slow[0];
    # What the socket did not take goes as the replies are read.
    my $expected = $sent->{ fileno $reader->socket };
    my $count = 0;
    while ($count < $expected) {
        defined $reader->send_nowait('') or last;
        my $reply = $reader->read_reply;
        last if $reply->code ne '250';
        $count++;
    }
    is($count, $expected, "$expected replies");
    is($reader->command('QUIT')->code, '221', 'then QUIT');
    ok($reader->is_closed, 'closed');
};

$_->close(is_reset => 1) for @slow;
ok($server->wait_disconnected($_), "$_: clients that vanish are let go")
    for 'smtp', 'smtps';
$server->finish;
done_testing;
