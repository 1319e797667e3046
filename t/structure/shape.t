#!/usr/bin/env perl
# Licensed under the Apache License, Version 2.0; see LICENSE.
# The shape of the C files: lines that fit a window, functions that fit a
# head, no tabs, no spaces at an end of line.

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use Tree;

use constant {
    MAX_COLUMNS        => 80,
    MAX_FUNCTION_LINES => 120,
};

# Lines from the brace in the first column to its end: a function's body, as
# only those have it there.
sub long_functions
{
    my @lines = @_;
    my ($begin, @long);

    for my $i (0 .. $#lines) {
        $begin = $i if $lines[$i] =~ /^\{/;
        next if !defined $begin || $lines[$i] !~ /^\}/;
        my $len = $i - $begin + 1;
        push @long, "line $begin: $len lines" if $len > MAX_FUNCTION_LINES;
        undef $begin;
    }
    return @long;
}

for my $file (c_files()) {
    my $text = slurp($file);

    ok utf8::decode($text), "$file is UTF-8";
    my @lines = split /\n/, $text, -1;
    my @wide = grep { length($lines[$_ - 1]) > MAX_COLUMNS } 1 .. @lines;

    is "@wide", '', "$file: no line is wider than " . MAX_COLUMNS;
    is join(', ', long_functions(@lines)), '',
        "$file: no function is longer than " . MAX_FUNCTION_LINES;
    unlike $text, qr/\t|[ \r]$/m, "$file: no tab, no space at a line's end";
    like $text, qr/[^\n]\n\z/, "$file ends with one end of line";
}
done_testing;
