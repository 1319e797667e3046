#!/usr/bin/env perl
# Licensed under the Apache License, Version 2.0; see LICENSE.
# Processes come and go while mail comes in: children that are replaced after
# some connections, graceful restarts, one that crashes. Each message that was
# acknowledged is there once, and no journal is left.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Load;
use SMTPTest::Server;
use SMTPTest::Wait qw(wait_until);

my $server = SMTPTest::Server->start_new(
    global => 'MaxConnectionsPerChild 15',
    expected => [qr/AH0005[12]: child pid/]);
my $load = SMTPTest::Load->new(server => $server);

$load->begin;
for my $restart (1 .. 3) {
    ok($load->wait_acknowledged(40 * $restart), 'mail comes in');
    $server->graceful;
}
ok($load->wait_acknowledged(160), 'mail comes in');
my ($child) = $server->child_pids;
kill 'KILL', $child;
ok($load->wait_acknowledged(200), 'mail comes in after a child was killed');
$load->end;
ok(wait_until(60, sub {
    my @journals = glob $server->spool . "/journal/$child-*";
    return !@journals;
}), 'its journal is recovered');
ok($server->stop, 'httpd stops');
is(join(' ', glob $server->spool . '/journal/*'), '', 'no journal is left');
$load->check;
$server->finish;
done_testing;
