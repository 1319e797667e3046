# Licensed under the Apache License, Version 2.0; see LICENSE.
package SMTPTest::Process;

# Processes that a test started, by id alone: never by name.

use strict;
use warnings;

use SMTPTest::Wait qw(wait_until);

# A process and all below it.
sub tree
{
    my ($root) = @_;
    my %parent = _parents();
    return () if !exists $parent{$root};
    my @tree = ($root);
    for (my $i = 0; $i < @tree; $i++) {
        push @tree, grep { $parent{$_} == $tree[$i] } keys %parent;
    }
    return @tree;
}

# Kills a process group, which is an httpd's, and waits until all of it is
# gone with its ports and locks. By the group, since a child that is forked this
# instant is in no list.
sub kill_group
{
    my ($group) = @_;
    kill 'KILL', -$group;
    wait_until(10, sub { return !_group($group) });
    return;
}

# The processes of a group, but for zombies, for whom nobody may have asked
# yet. One of whom threads are left, waiting for the disk, is none: it holds
# all that it had.
sub _group
{
    my ($group) = @_;
    my @pids;
    for my $path (glob '/proc/[0-9]*/stat') {
        open my $file, '<', $path or next;
        my $line = <$file> // next;
        my ($pid, $state, $of) = $line =~ /\A(\d+) \(.*\) (\S) \d+ (\d+)/s
            or next;
        next if $of != $group;
        my @threads = glob "/proc/$pid/task/*";
        push @pids, $pid if $state ne 'Z' || @threads > 1;
    }
    return @pids;
}

# The memory of a process that it shares with nobody, in KiB.
sub private_kib
{
    my ($pid) = @_;
    open my $file, '<', "/proc/$pid/smaps_rollup" or return 0;
    my $kib = 0;
    while (my $line = <$file>) {
        $kib += $1 if $line =~ /^Private_\w+:\s+(\d+) kB/;
    }
    return $kib;
}

sub _parents
{
    my %parent;
    for my $path (glob '/proc/[0-9]*/stat') {
        open my $file, '<', $path or next;
        my $line = <$file> // next;
        $parent{$1} = $2 if $line =~ /\A(\d+) \(.*\) \S (\d+)/s;
    }
    return %parent;
}

1;
