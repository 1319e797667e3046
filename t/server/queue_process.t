#!/usr/bin/env perl
# Licensed under the Apache License, Version 2.0; see LICENSE.
# The queue process comes with httpd, comes again when it dies, is replaced by
# a graceful restart and goes with httpd; and it hears what it is told,
# whatever else comes by that way.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Fcntl qw(LOCK_EX);
use IO::Select;
use IO::Socket::UNIX;
use POSIX ();
use Socket qw(SOCK_STREAM);
use Test::More;

use SMTPTest::Server;
use SMTPTest::Wait qw(wait_until);

my $MAGIC = 'SMQHINT1';

sub hint_frame
{
    my ($dir, $place) = @_;
    return pack 'a8 a48 Q3', $MAGIC, $dir, 1, 1, $place;
}

sub hint_socket
{
    my ($server) = @_;
    my $socket;
    wait_until(10, sub {
        $socket = IO::Socket::UNIX->new(
            Type => SOCK_STREAM, Peer => $server->spool . '/queue/hint');
        return $socket;
    }) or die "no socket: $!";
    return $socket;
}

# Nothing is ever sent to who gives hints.
sub is_cut_off
{
    my ($socket) = @_;
    IO::Select->new($socket)->can_read(10) or return 0;
    return !sysread $socket, my $octets, 1;
}

# The id of a queue process that is not one of these.
sub wait_queue
{
    my ($server, @former) = @_;
    my $pid;
    wait_until(20, sub {
        $pid = $server->queue_pid;
        return $pid && !grep { $_ == $pid } @former;
    }) or return 0;
    return $pid;
}

sub is_alive { my ($pid) = @_; return -d "/proc/$pid" }

# A line of the log for each hint that came.
sub count_log
{
    my ($server, $pattern) = @_;
    return scalar grep { /$pattern/ } $server->log;
}

my $server = SMTPTest::Server->new(
    queue => 1, global => 'LogLevel smtp_queue:debug',
    expected => [qr/SM4003: queue process \d+ died/, qr/AH00098: pid file/]);
my ($status, $said) = $server->configtest;
is($status, 0, 'httpd -t is content') or diag $said;
ok(!-e $server->spool . '/queue', 'and has begun nothing');
$server->start;

subtest 'it is there, as the user of the children' => sub {
    my $pid = wait_queue($server);
    ok($pid, 'it is there') or return;
    my ($child) = $server->child_pids;
    is((stat "/proc/$pid")[4], (stat "/proc/$child")[4], 'the same user');
    hint_socket($server);
    my $path = $server->spool . '/queue/hint';
    is(sprintf('%o', (stat $path)[2] & 07777), '600',
       'its socket is its own');
    is(count_log($server, qr/resuming normal op/), 1, 'httpd runs once');
    my @listens = grep { /socket/ } map { readlink } glob "/proc/$pid/fd/*";
    my $tcp = qx(cat /proc/net/tcp);
    is(join(' ', grep { my ($inode) = /(\d+)/; $tcp =~ /\b$inode\b/ }
            @listens), '', 'it holds no port');
};

subtest 'hints come, also many and in pieces' => sub {
    my $socket = hint_socket($server);
    print {$socket} hint_frame('77-first', 4096);
    $socket->flush;
    ok($server->wait_log(qr/SM4013: hint: journal 77-first, .* at 4096$/),
       'one is heard');
    my $frames = join '', map { hint_frame('77-many', $_) } 1 .. 500;
    while (length $frames) {
        my $piece = substr $frames, 0, 1 + int rand 999, '';
        syswrite($socket, $piece) == length $piece or die "write: $!";
    }
    ok($server->wait_log(qr/77-many, .* at 500$/), 'and 500 in pieces');
    is(count_log($server, qr/77-many/), 500, 'each once');
};

subtest 'an end may mean a loss' => sub {
    my $before = count_log($server, qr/SM4014/);
    my $socket = hint_socket($server);
    close $socket;
    ok(wait_until(10, sub { count_log($server, qr/SM4014/) > $before }),
       'it looks for itself');
};

subtest 'junk does no harm' => sub {
    my $good = hint_socket($server);
    my @junk = ("GET / HTTP/1.0\r\n" x 20, "\0" x 800, $MAGIC x 100,
                hint_frame('../lock', 1), hint_frame("a\nb", 1));
    $server->expect_log(qr/SM4001: who writes to the socket of hints/);
    for my $junk (@junk) {
        my $socket = hint_socket($server);
        syswrite $socket, $junk;
        ok(is_cut_off($socket), 'it is cut off');
    }
    is(count_log($server, qr/SM4001/), scalar @junk, 'and told of');
    my $half = hint_socket($server);
    syswrite $half, substr hint_frame('half', 1), 0, 40;
    close $half;
    print {$good} hint_frame('77-good', 9);
    $good->flush;
    ok($server->wait_log(qr/77-good/), 'others are heard');
    is(count_log($server, qr/journal half/), 0, 'half a hint is none');
};

subtest 'signals that are for httpd are not for it' => sub {
    my $pid = wait_queue($server);
    kill $_, $pid for qw(HUP USR1 WINCH INT PIPE);
    my $socket = hint_socket($server);
    print {$socket} hint_frame('77-after', 1);
    $socket->flush;
    ok($server->wait_log(qr/77-after/), 'it is still there');
    is($server->queue_pid, $pid, 'the same');
};

my @former;
subtest 'it comes again when it dies' => sub {
    for my $time (1, 2) {
        push @former, wait_queue($server, @former);
        kill 'KILL', $former[-1];
        ok($server->wait_log(qr/SM4003: queue process $former[-1] died: /),
           'httpd has noticed');
        ok(wait_queue($server, @former), 'another one comes');
    }
    ok($server->wait_log(qr/$former[0] died: another one begins in 1 s/),
       'soon');
    ok($server->wait_log(qr/$former[1] died: another one begins in 2 s/),
       'and later when it dies again');
    my $socket = hint_socket($server);
    print {$socket} hint_frame('77-again', 1);
    $socket->flush;
    ok($server->wait_log(qr/77-again/), 'it hears');
    ok($server->ehlo_client->quit, 'mail comes in all the while');
};

subtest 'a graceful restart brings another' => sub {
    my $before = wait_queue($server, @former);
    push @former, $before;
    my $old = hint_socket($server);
    $server->graceful;
    my $now = wait_queue($server, @former);
    ok($now, 'it is there');
    ok(wait_until(20, sub { !is_alive($before) }), 'the one before is gone');
    ok(is_cut_off($old), 'who was connected to it knows');
    my $socket = hint_socket($server);
    print {$socket} hint_frame('77-graceful', 1);
    $socket->flush;
    ok($server->wait_log(qr/77-graceful/), 'the new one hears');
    push @former, $now;
    $server->signal('HUP');
    ok(wait_queue($server, @former), 'a restart that is not brings another');
    ok(wait_until(20, sub { !is_alive($now) }), 'the one before is gone');
};

subtest 'it does not outlive httpd' => sub {
    my $pid = wait_queue($server, @former);
    ok($server->stop, 'httpd stops');
    ok(!is_alive($pid), 'and has waited for it');
    $server->start;
    $pid = wait_queue($server, $pid);
    $server->begin_graceful_stop;
    ok($server->wait_gone, 'httpd stops gracefully');
    ok(!is_alive($pid), 'and has waited for it');
    $server->start;
    $pid = wait_queue($server, $pid);
    kill 'KILL', $server->{pid};
    ok(wait_until(20, sub { !is_alive($pid) }), 'nor when httpd is killed');
    $server->kill_all;
};

# Each client a thread or process of httpd's; many send at the same time.
sub send_in_bulk
{
    my ($at, $clients, $messages) = @_;
    my @pids;
    for (1 .. $clients) {
        my $pid = fork // die "fork: $!";
        push @pids, $pid;
        next if $pid;
        my $sent = eval {
            my $client = $at->ehlo_client;
            grep { $client->send_message(
                from => 'bob@example.com', to => 'user@elsewhere.test',
                message => "Subject: x\r\n\r\nx\r\n")->code eq '250' }
                1 .. $messages;
        };
        POSIX::_exit(($sent // 0) == $messages ? 0 : 1);
    }
    return !grep { waitpid $_, 0; $? } @pids;
}

subtest 'children tell it of each message' => sub {
    my $relay = SMTPTest::Server->start_new(
        queue => 1, global => 'LogLevel smtp_queue:debug',
        config => "<SMTPRelay>\nRequire ip 127.0.0.1\n</SMTPRelay>\n"
            . 'SMTPRoute discard');
    ok($relay->wait_log(qr/SM4015/), 'it is ready');
    ok(send_in_bulk($relay, 12, 40), '480 messages are taken');
    ok(wait_until(20, sub {
        return count_log($relay, qr/SM4013/) >= 480
            || count_log($relay, qr/SM4014/);
    }), 'it knows of all, or that it does not') or diag $relay->log_text;
    $relay->finish;
};

subtest 'while another one has the lock it only listens' => sub {
    open my $lock, '>>', $server->spool . '/queue/lock' or die $!;
    flock $lock, LOCK_EX or die $!;
    my $before = count_log($server, qr/SM4015/);
    $server->start;
    ok($server->wait_log(qr/SM4016: the queue process waits/), 'it waits');
    my $socket = hint_socket($server);
    print {$socket} hint_frame('77-waiting', 1);
    $socket->flush;
    ok($server->wait_log(qr/77-waiting/), 'it listens');
    is(count_log($server, qr/SM4015/), $before, 'it does not send');
    close $lock;
    ok(wait_until(10, sub { count_log($server, qr/SM4015/) > $before }),
       'it sends when the other one has gone');
    ok($server->stop, 'httpd stops');
    open $lock, '>>', $server->spool . '/queue/lock' or die $!;
    flock $lock, LOCK_EX or die $!;
    $server->start;
    my $pid = wait_queue($server);
    ok($server->stop, 'httpd stops while it waits');
    ok(!is_alive($pid), 'and so does it');
};

subtest 'one that hangs is killed in the end' => sub {
    $server->write_config(global => 'SMTPQueueStopTimeout 1s');
    $server->expect_log(qr/SM4006: queue process \d+ did not end in time/);
    $server->start;
    my $pid = wait_queue($server);
    hint_socket($server);
    kill 'STOP', $pid;
    ok($server->stop, 'httpd stops');
    ok(!is_alive($pid), 'and leaves nobody behind');
    ok($server->wait_log(qr/SM4006: queue process $pid did not end/),
       'it says so');
};

subtest 'a spool too deep for sockets is refused at the start' => sub {
    $server->write_config(global => 'SMTPSpool ' . 'x' x 100);
    like($server->start_refused, qr/SM4007: SMTPSpool .*x: the path is too/,
         'with the remedy');
    $server->expect_log(qr/SM4007/, qr/AH00016: Configuration Failed/,
                        qr/AH00020/);
    delete $server->{finished};
};

subtest 'it can be switched off' => sub {
    $server->write_config(global => 'SMTPQueue Off');
    $server->start;
    $server->ehlo_client->quit;
    is($server->queue_pid, undef, 'there is none');
};
$server->finish;
done_testing;
