#!/usr/bin/env perl
# Licensed under the Apache License, Version 2.0; see LICENSE.
# Runs each fuzzer for SMTP_FUZZ_SECONDS (default 5) on its corpus. What made
# one fail stays in fuzz/ of the build, and its path is printed.

use strict;
use warnings;
use Cwd 'abs_path';
use File::Path 'make_path';
use FindBin;
use Test::More;

my $build = $ENV{SMTP_BUILD_DIR}
    // die "SMTP_BUILD_DIR is not set: run make fuzz\n";
my $seconds = $ENV{SMTP_FUZZ_SECONDS} // 5;
my $here = abs_path($FindBin::Bin);

# A fuzzer adds to the first corpus that it is given: the build's own.
sub fuzz
{
    my ($name) = @_;
    my $found = "$build/fuzz/corpus/$name";
    my $log = "$build/fuzz/$name.log";

    make_path($found);
    my @command = ("$build/fuzz/${name}_fuzz", "-max_total_time=$seconds",
        '-timeout=10', '-rss_limit_mb=1024', '-print_final_stats=1',
        "-dict=$here/$name.dict", "-artifact_prefix=$build/fuzz/$name-",
        $found, "$here/corpus/$name");
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        open STDOUT, '>', $log or die "$log: $!";
        open STDERR, '>&', \*STDOUT;
        exec { $command[0] } @command or die "$command[0]: $!";
    }
    waitpid $pid, 0;
    return ($?, $log);
}

sub read_log
{
    my ($log) = @_;

    open my $handle, '<', $log or return "$log: $!";
    local $/;
    return <$handle> // '';
}

my @names = sort map { m{([^/]+)_fuzz\.c$} } glob "$here/*_fuzz.c";
ok scalar @names, 'there are fuzzers';
for my $name (@names) {
    my ($status, $log) = fuzz($name);
    my $text = read_log($log);
    my ($units) = $text =~ /stat::number_of_executed_units:\s+(\d+)/;

    is $status, 0, "$name finds nothing in $seconds s"
        or diag substr($text, -4000);
    cmp_ok $units // 0, '>', 100, "$name ran (" . ($units // 0) . " inputs)";
}
done_testing;
