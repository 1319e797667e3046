# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# All that may befall a server befalls it while mail comes and goes: processes
# are killed, httpd is restarted, next hops answer as they like, the
# administrator steers. Each message that was acknowledged comes to each
# recipient, or its sender is told; twice only if nobody could know better; and
# nothing is left.
use strict;
use warnings;

use FindBin;
use List::Util qw(shuffle);
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Storm;

# So often; each event once in a round, and those more often that let two queue
# processes meet.
use constant ROUNDS => $ENV{SMTP_STORM_ROUNDS} // 1;

my $storm = SMTPTest::Storm->new;
$storm->server->start;
for (1 .. ROUNDS) {
    my @events = shuffle($storm->events, ('graceful') x 6);
    $storm->begin;
    for my $event (splice @events, 0, @events / 2) {
        $storm->wait_acknowledged(int rand 20);
        $storm->befall($event);
    }
    $storm->end;
    for my $event (@events) {
        $storm->wait_taken(int rand 10);
        $storm->befall($event);
    }
}
$storm->befall($_) for qw(up restart);
ok($storm->wait_drained(90), 'all is sent')
    or diag join "\n", $storm->missing, $storm->smtpq('list');
$storm->befall('restart');
ok($storm->wait_recovered(90), 'no journal is left');
ok($storm->wait_drained(90), 'and nothing was in one')
    or diag join "\n", $storm->missing, $storm->smtpq('list');
$storm->server->stop;
$storm->check;
$storm->check_spool;
$storm->server->finish;
done_testing;
