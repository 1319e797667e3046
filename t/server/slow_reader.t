# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# Clients that pipeline commands and never read the replies must not stop the
# server: under the event MPM they hold no thread (60 of them, 25 threads),
# under the others not more than one each. A new SMTP session is answered, and
# so is an HTTP request to another port of the same httpd.
use strict;
use warnings;

use FindBin;
use IO::Select;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(time);

use SMTPTest::Server;

my $SLOW_READERS = 60;

my $server = SMTPTest::Server->new(
    ports => { smtp => 'smtp', http => 'http' },
    config => "SMTPMaxConnections 0\nSMTPMaxErrors 0\n",
    # While they still send, 60 clients can keep 25 threads busy.
    expected => [qr/AH00484: server reached MaxRequestWorkers/],
    global => "DocumentRoot \${root}/htdocs\n",
    files => { 'htdocs/index.html' => "still here\n" },
    few_threads => 1);
$server->start;

# Sends commands until the server takes no more from anybody: its replies fill
# what the kernel holds for a client, then its own buffers, then it stops
# reading.
sub stuff_clients
{
    my %client = map { fileno($_->socket) => $_ } @_;
    my $select = IO::Select->new(map { $_->socket } @_);
    my $commands = "RSET\r\n" x 2000;
    while (my @ready = $select->can_write(1)) {
        for my $socket (@ready) {
            my $sent = syswrite $socket, $commands;
            return 0 if !defined $sent && !$!{EAGAIN};
        }
    }
    return 1;
}

my @slow;
for (1 .. $SLOW_READERS) {
    my $client = $server->ehlo_client(rcvbuf => 4096);
    $client->send_octets("RSET\r\n" x 5000);
    push @slow, $client;
}
ok(stuff_clients(@slow), "$SLOW_READERS clients do not read");

my $from = time;
my $client = $server->ehlo_client;
is($client->send_message(to => 'bob@example.com',
                         message => "Subject: x\r\n\r\n")->code,
   '250', 'a new session delivers a message');
$client->quit;
cmp_ok(time - $from, '<', $ENV{SMTP_SLOW} ? 60 : 5, 'soon');

$from = time;
my $http = $server->client(port => 'http');
$http->send_octets("GET /index.html HTTP/1.0\r\n\r\n");
like($http->read_to_end, qr/still here/, 'HTTP is served');
cmp_ok(time - $from, '<', $ENV{SMTP_SLOW} ? 60 : 5, 'soon');

subtest 'a slow reader that reads at last gets all replies' => sub {
    my $reader = $slow[0];
    my $count = 0;
    my $reply;
    do {
        $reply = $reader->read_reply(2);
        $count++ if $reply->code eq '250';
    } while $reply->code eq '250';
    is($reply->code, 'timeout', 'nothing but 250, and no more at the end');
    cmp_ok($count, '>=', 5000, "replies to all commands ($count)");
};

$_->close(is_reset => 1) for @slow;
ok($server->wait_disconnected, 'clients that vanish are let go');
$server->finish;
done_testing;
