# Licensed under the Apache License, Version 2.0; see LICENSE.
package SMTPTest::Program;

# Other people's programs as clients and servers of a test: found or skipped,
# run to their end, or run beside us and ended by id.

use strict;
use warnings;

use IO::Socket::INET;
use POSIX qw(WNOHANG);
use Test::More;

use SMTPTest::Wait qw(wait_until);

# Skips the whole test, and says why. In CI nothing is skipped: build/check
# installs what tests need, and what is missing there is a fault.
sub skip_test
{
    my ($why) = @_;
    die "$why, and CI skips nothing\n" if $ENV{CI};
    plan(skip_all => $why);
    return;
}

# The path of a program; skips the whole test, by its name, if there is none.
sub need
{
    my ($name, %arg) = @_;
    my @found = grep { -x } map { "$_/$name" }
        split(/:/, $ENV{PATH}), '/usr/sbin', '/sbin';
    skip_test("$name is not installed") if !@found;
    skip_test("$name has to be started by root") if $arg{root} && $> != 0;
    return $found[0];
}

# Runs a program; its exit status and what it said. INPUT goes to its stdin.
sub run
{
    my ($input, @command) = @_;
    my ($in_read, $in_write, $out_read, $out_write);
    pipe $in_read, $in_write or die "pipe: $!";
    pipe $out_read, $out_write or die "pipe: $!";
    my $pid = _spawn($in_read, $out_write, @command);
    close $in_read;
    close $out_write;
    my $feeder = _feed($in_write, $out_read, $input);
    close $in_write;
    binmode $out_read;
    my $text = do { local $/; <$out_read> } // '';
    waitpid $pid, 0;
    my $status = $?;
    waitpid $feeder, 0;
    return ($status >> 8 || $status, $text);
}

# A process that writes the input, so that we can read meanwhile.
sub _feed
{
    my ($in_write, $out_read, $input) = @_;
    my $pid = fork // die "fork: $!";
    return $pid if $pid;
    close $out_read;
    local $SIG{PIPE} = 'IGNORE';
    binmode $in_write;
    print {$in_write} $input;
    close $in_write;
    POSIX::_exit(0);
}

sub _spawn
{
    my ($in, $out, @command) = @_;
    my $pid = fork // die "fork: $!";
    return $pid if $pid;
    open STDIN, '<&', $in or POSIX::_exit(126);
    open STDOUT, '>&', $out or POSIX::_exit(126);
    open STDERR, '>&', \*STDOUT or POSIX::_exit(126);
    $^F = 2;
    exec { $command[0] } @command or POSIX::_exit(127);
}

# Starts a program beside us, its output in a file; its process id.
sub start
{
    my ($log, @command) = @_;
    open my $null, '<', '/dev/null' or die "/dev/null: $!";
    open my $out, '>', $log or die "$log: $!";
    return _spawn($null, $out, @command);
}

# Words to put before a command, so that root runs it as somebody who may do
# nothing; and that user's ids.
sub as_nobody
{
    my ($uid, $gid) = (getpwnam 'nobody')[2, 3];
    return () if $> != 0;
    return (need('setpriv'), "--reuid=$uid", "--regid=$gid",
            '--clear-groups');
}

# Gives a folder to that user.
sub give_to_nobody
{
    my (@folders) = @_;
    my ($uid, $gid) = (getpwnam 'nobody')[2, 3];
    chown $uid, $gid, @folders if $> == 0;
    return;
}

# Ends a child of ours: politely, then not.
sub stop
{
    my ($pid) = @_;
    kill 'TERM', $pid;
    wait_until(20, sub { waitpid($pid, WNOHANG) != 0 }) and return;
    kill 'KILL', $pid;
    waitpid $pid, 0;
    return;
}

# Ends a process that is no child of ours.
sub stop_other
{
    my ($pid) = @_;
    kill 'TERM', $pid or return;
    wait_until(20, sub { !kill 0, $pid }) or kill 'KILL', $pid;
    return;
}

sub free_port
{
    my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
                                       LocalPort => 0, Listen => 1)
        or die "no free port: $!";
    return $socket->sockport;
}

# Waits until somebody listens on a port of ours.
sub wait_port
{
    my ($port, $seconds) = @_;
    return wait_until($seconds // 30, sub {
        return IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                     PeerPort => $port, Timeout => 5);
    });
}

1;
