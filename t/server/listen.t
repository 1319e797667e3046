# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# "Listen PORT" without "smtp" is for HTTP, whose clients speak first: the
# kernel would hold an SMTP client back for half a minute. The server mends
# that and says so.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(time);

use SMTPTest::Server;

my @PROTOCOLS = ('', ' http');

sub is_greeted_soon
{
    my ($server, $name) = @_;
    my $from = time;
    my $client = $server->client;
    my $reply = $client->read_reply;
    is($reply->code, '220', "$name: greeted") || diag($reply);
    cmp_ok(time - $from, '<', $ENV{SMTP_SLOW} ? 20 : 3, "$name: at once");
    $client->close;
    return;
}

for my $protocol (@PROTOCOLS) {
    my $server = SMTPTest::Server->start_new(
        ports => { smtp => undef },
        global => "AcceptFilter http data\n"
            . "Listen 127.0.0.1:\${port_smtp}$protocol\n",
        expected => [qr/:warn\] .* SM\d+: Listen \d+: /]);
    is_greeted_soon($server, "Listen PORT$protocol");
    my $port = $server->port;
    ok($server->wait_log(qr/:warn\] .*Listen $port\b.* smtp/),
       'the log names the port and the remedy');
    $server->graceful;
    is_greeted_soon($server, "Listen PORT$protocol after graceful");
    $server->finish;
}

my $server = SMTPTest::Server->start_new;
is_greeted_soon($server, 'Listen PORT smtp');
$server->finish;
done_testing;
