#!/usr/bin/env perl
# Licensed under the Apache License, Version 2.0; see LICENSE.
# What leaves a DSO: the record of the module, and the hooks. Any other symbol
# could meet one of the same name in another module of the same httpd.

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use Tree;

my $build = need_env('SMTP_BUILD_DIR');

sub symbols
{
    my ($file, $which) = @_;
    my ($status, $text) = run(words('SMTP_NM'), '-D', "--$which-only", $file);

    is $status, 0, "$file has a table of $which symbols" or diag $text;
    # Names with two underscores are the compiler's.
    return sort grep { !/^_/ } $text =~ /^[0-9a-f ]+ \w (\S+)$/mg;
}

sub hooks
{
    my ($prefix, @symbols) = @_;

    return join ' ', map { /^smtp_${prefix}_(?!get_)(\w+)$/ ? $1 : () }
                     @symbols;
}

my $makefile = slurp('Makefile.am');
my @modules = $makefile =~ /^modexec_LTLIBRARIES \+= (mod_\w+)\.la$/mg;
ok scalar @modules, 'Makefile.am builds modules';

for my $name (@modules) {
    my @symbols = symbols("$build/.libs/$name.so", 'defined');
    my @needed = symbols("$build/.libs/$name.so", 'undefined');
    my $record = ($name =~ s/^mod_//r) . '_module';
    my $hook = $name eq 'mod_smtp' ? qr/^smtp_(?:hook|run)_\w+$/ : qr/^\b$/;

    is scalar(grep { $_ eq $record } @symbols), 1, "$name exports $record";
    is join(' ', grep { $_ ne $record && !/$hook/ } @symbols), '',
        "$name exports nothing else" . ($name eq 'mod_smtp' ? ' but hooks'
                                                            : '');
    is hooks('run', @symbols), hooks('hook', @symbols),
        "$name: a hook can be joined and run, or neither";
    is join(' ', grep { /^(?:smtp|spool|oauth)/ && !/^smtp_(?:hook|run)_/ } @needed),
        '', "$name finds all that it needs when it is loaded";
}
done_testing;
