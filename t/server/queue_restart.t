# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# Whatever ends the queue process or httpd, at any moment: no recipient is
# lost, and none has the mail twice unless the next hop had taken it and its
# reply did not arrive.
use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::NextHop;
use SMTPTest::Server;
use SMTPTest::Wait qw(wait_until);

my $hop = SMTPTest::NextHop->start_new(directory => tempdir(CLEANUP => 1));
my $server = SMTPTest::Server->start_new(
    queue => 1,
    config => "<SMTPRelay>\nRequire ip 127.0.0.1\n</SMTPRelay>\n"
        . 'SMTPRoute smtp:127.0.0.1:' . $hop->port . "\nSMTPRetry 1s\nSMTPBackoff first=1s last=1s",
    expected => [qr/SM40\d\d/, qr/AH00098/],
);
my $number = 0;

# Sends COUNT messages with bodies of their own; these.
sub send_some
{
    my ($count) = @_;
    my $client = $server->ehlo_client;
    my @bodies;
    for (1 .. $count) {
        push @bodies, sprintf 'number %06d', ++$number;
        is($client->send_message(from => 'bob@example.com',
                                 to => "user$number\@elsewhere.test",
                                 message => "Subject: x\r\n\r\n$bodies[-1]\r\n")
               ->code, '250', "$bodies[-1] is accepted");
    }
    $client->quit;
    return @bodies;
}

# How often each body has come.
sub taken
{
    my %count;
    for my $message ($hop->messages) {
        $count{$1}++ if $message->{content} =~ /^(number \d+)\r$/m;
    }
    return \%count;
}

sub all_came_once
{
    my (@bodies) = @_;
    ok(wait_until(90, sub {
        my $taken = taken();
        return !grep { !$taken->{$_} } @bodies;
    }), 'all came');
    my $taken = taken();
    is_deeply([grep { ($taken->{$_} // 0) != 1 } @bodies], [], 'each once');
    return;
}

# The process that has the lock of the queue.
sub queue_pid
{
    for my $pid ($server->pids) {
        open my $file, '<', "/proc/$pid/comm" or next;
        return $pid if <$file> =~ /\Asmtp-queue/;
    }
    return;
}

subtest 'killed while a next hop hangs at each stage' => sub {
    for my $stage (qw(greeting ehlo mail rcpt data)) {
        $hop->say($stage => 'hang');
        my @bodies = send_some(2);
        my $pid = queue_pid();
        ok($pid, 'there is a queue process');
        kill 'KILL', $pid;
        $hop->say($stage => undef);
        ok(wait_until(60, sub {
            my $new = queue_pid();
            return $new && $new != $pid;
        }), 'it is started again');
        all_came_once(@bodies);
    }
};

subtest 'killed with mail deferred' => sub {
    $hop->say(mail => '451 4.3.0 Later');
    my @bodies = send_some(5);
    ok(wait_until(60, sub { return 5 == (() = glob $server->spool
                                             . '/queue/??/*') }),
       'five files');
    kill 'KILL', queue_pid();
    $hop->say(mail => undef);
    all_came_once(@bodies);
};

subtest 'all of httpd killed' => sub {
    $hop->say(rcpt => 'hang');
    my @bodies = send_some(5);
    $server->kill_all;
    $hop->say(rcpt => undef);
    $server->start;
    all_came_once(@bodies);
};

subtest 'stopped and started' => sub {
    $hop->say(data => 'hang');
    my @bodies = send_some(5);
    $server->stop;
    $hop->say(data => undef);
    $server->start;
    all_came_once(@bodies);
};

subtest 'graceful restarts amid the traffic' => sub {
    my @bodies;
    for (1 .. 4) {
        push @bodies, send_some(25);
        $server->graceful;
    }
    push @bodies, send_some(25);
    all_came_once(@bodies);
};

subtest 'the next hop is amid its last reply at a graceful restart' => sub {
    $hop->say(end => 'hang');
    my @bodies = send_some(1);
    ok(wait_until(60, sub {
        return grep { /mail data/ } ($hop->transcript)[-3 .. -1] }),
       'the mail data is sent');
    $server->graceful;
    $hop->say(end => undef);
    all_came_once(@bodies);
};

ok(wait_until(60, sub { return !glob $server->spool . '/queue/??/*' }),
   'nothing is left');
$server->finish;
done_testing;
