# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# Idle sessions: under the event MPM a thousand of them wait without a thread
# (25 threads in one child), and a new session is answered at once. Under the
# others each holds a thread or a process; as many as there are but a few.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(time);

use SMTPTest::Process;
use SMTPTest::Server;

my %SESSIONS = (event => 1000, worker => 150, prefork => 100);
my $sessions = $SESSIONS{ SMTPTest::Server::mpm() };

# A thousand sockets on both ends.
system 'prlimit', '--pid', $$, '--nofile=4096:' and die "prlimit: $?";

my $server = SMTPTest::Server->new(
    config => "SMTPMaxConnections 0\n",
    few_threads => 1);
# The crowd below keeps all threads busy for a moment.
$server->expect_log(qr/AH00\d+: server reached MaxRequestWorkers/);
$server->start;

sub private_kib
{
    my $kib = 0;
    $kib += SMTPTest::Process::private_kib($_) for $server->child_pids;
    return $kib;
}

$server->ehlo_client->quit for 1 .. 20;
my $before = private_kib();
my @idle = map { $server->ehlo_client } 1 .. $sessions;
is(scalar @idle, $sessions, "$sessions sessions");
my $per_session = (private_kib() - $before) / $sessions;
note(sprintf '%.1f KiB of private memory a session', $per_session);
if (SMTPTest::Server::mpm() eq 'event' && !$ENV{SMTP_PRELOAD}) {
    cmp_ok($per_session, '<', 64, 'a session that waits is small');
}

my $from = time;
my $client = $server->ehlo_client;
note(sprintf '%.2f ms to the reply to EHLO', 1000 * (time - $from));
cmp_ok(time - $from, '<', $ENV{SMTP_SLOW} ? 30 : 2,
       'a new session is answered');
is($client->send_message(to => 'bob@example.com',
                         message => "Subject: x\r\n\r\n")->code,
   '250', 'and delivers');
$client->quit;

my @codes = map { $_->command('NOOP')->code } @idle;
is(scalar(grep { $_ eq '250' } @codes), $sessions,
   'each idle session is still there');
$_->close for @idle;
is($server->ehlo_client->quit->code, '221', 'and so is the server');

# When all threads are busy the MPM takes no connections; when they are not any
# more nobody may be left to tell it so.
subtest 'after all have gone at once new sessions are taken' => sub {
    for my $round (1 .. 10) {
        my @crowd = map { $server->ehlo_client } 1 .. $sessions;
        $_->send_lines('NOOP') for @crowd;
        $_->close for @crowd;
        my $after = $server->client;
        is($after->read_reply->code, '220', "round $round");
        $after->close;
    }
};
# httpd, told to stop amid a crowd that leaves, may look at a socket that is
# gone (mpm/event, close_worker_sockets()).
ok($server->wait_disconnected, 'all are let go');
$server->finish;
done_testing;
