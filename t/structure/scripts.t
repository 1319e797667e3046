#!/usr/bin/env perl
# Licensed under the Apache License, Version 2.0; see LICENSE.
# Every script can be read by its interpreter and, if it is a program, run.

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use Tree;

my @check = (
    [qr/^#!.*\b(?:bash|sh)\b/ => 'bash', '-n'],
    [qr/^#!.*\bperl\b/        => $^X, qw(-c -It/lib -It/structure)],
);

sub checker
{
    my ($file) = @_;
    my ($first) = slurp($file) =~ /\A([^\n]*)/;

    return ('bash', '-n') if $file =~ /\.sh$/;
    return (@{ $check[1] })[1 .. 4] if $file =~ /\.(?:t|pl|pm)$/;
    for my $row (@check) {
        my ($interpreter, @command) = @$row;
        return @command if $first =~ $interpreter;
    }
    return;
}

for my $file (source_files(qr{^(?:build|t|conf|\.ci|mod_smtp)/})) {
    my @command = checker($file) or next;
    my ($status, $text) = run(@command, $file);

    is $status, 0, "$file can be read" or diag $text;
    next if slurp($file) !~ /\A#!/;
    ok -x $file, "$file can be run" if $file !~ /\.t$/;
}
done_testing;
