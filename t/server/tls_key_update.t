# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# KeyUpdate of TLS 1.3 (RFC 8446 4.6.3): what comes with one is read at once,
# and a client that asks for new keys without end, and reads nothing, holds no
# thread.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Program;
use SMTPTest::Server;

my ($program) = grep { -x } map { "$_/t/client/tls_key_update" }
    $ENV{SMTP_BUILD_DIR} // (), '.', "$FindBin::Bin/../..";
$program or die "t/client/tls_key_update is not built: make test-programs\n";

my $server = SMTPTest::Server->start_new(
    tls => 1, few_threads => 1, config => "SMTPMaxConnections 0\n");

sub reply_after
{
    my ($count) = @_;
    my ($status, $said) = SMTPTest::Program::run('', $program,
                                                 $server->port, $count);
    is($status, 0, "$count: it ran") or diag($said);
    return $said;
}

like(reply_after($_), qr/\A250 /, "NOOP in a segment with $_ of them is heard")
    for 0, 1, 2, 10;
like(reply_after(100_000), qr/\Acut/, 'who goes on without end is cut');

subtest 'a crowd of those holds no thread' => sub {
    my @pids = map {
        SMTPTest::Program::start($server->root . "/client$_.log", $program,
                                 $server->port, 100_000)
    } 1 .. 30;
    my $client = $server->ehlo_client;
    is($client->command('NOOP')->code, '250', 'others are served');
    waitpid $_, 0 for @pids;
    is($server->read_file("client$_.log"), "cut\n", "$_ was cut")
        for 1 .. @pids;
    $client->quit;
};

$server->finish;
done_testing;
