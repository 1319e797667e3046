#!/usr/bin/env perl
# Licensed under the Apache License, Version 2.0; see LICENSE.
# Where things stand: the top level holds what it may, and a base name leads
# to one place (httpd's log and gdb print nothing more).

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use Tree;

my %top = map { $_ => 1 } qw(mod_smtp conf t build Makefile.am configure.ac
                             README.md LICENSE NOTICE CHANGES);
# Automake's archive adds what build/autogen made.
my %made = map { $_ => 1 } qw(configure Makefile.in aclocal.m4);

my %seen = map { (split m{/})[0] => 1 } source_files();
my @strange = grep { !$top{$_} && !/^\./ && (-e '.git' || !$made{$_}) }
              sort keys %seen;
is "@strange", '', 'the top level holds nothing else';
is join(' ', grep { !-e } sort keys %top), '', 'the top level is complete';

my %folders_of;
for my $file (c_files()) {
    my ($folder, $base) = $file =~ m{^(.*)/([^/]+)\.[ch]$};
    # A public header stands away from the .c that keeps its promise.
    next if $folder eq 'mod_smtp/include';
    $folders_of{$base}{$folder} = 1;
}
for my $base (sort keys %folders_of) {
    my @folders = sort keys %{ $folders_of{$base} };
    is scalar @folders, 1, "$base stands in one folder"
        or diag "@folders";
}

# A number in the error log leads to one place in the code.
my %places_of;
for my $file (c_files()) {
    $places_of{$_}++ for slurp($file) =~ /\b\w*LOGNO\((\d+)\)/g;
}
ok %places_of > 20, 'log numbers were found';
is join(' ', grep { $places_of{$_} > 1 } sort keys %places_of), '',
    'log numbers are unique';

for my $folder (qw(mod_smtp t)) {
    ok -s "$folder/README.md", "$folder/ has its README";
}
done_testing;
