# Licensed under the Apache License, Version 2.0; see LICENSE.
package SMTPTest::Process;

# Processes that a test started, by id alone: never by name.

use strict;
use warnings;

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

# Kills a process and all below it. It is stopped first, so that it makes no
# more children while we look.
sub kill_tree
{
    my ($root) = @_;
    kill 'STOP', $root;
    kill 'KILL', tree($root);
    return;
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
