#!/usr/bin/env perl
# Licensed under the Apache License, Version 2.0; see LICENSE.
# Each program that is installed has its man page, which tells of the options
# and exit statuses that the program has, and of no others.

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use Tree;

my $makefile = slurp('Makefile.am') =~ s/\\\n/ /gr;
my @programs = map { split ' ' } $makefile =~ /^bin_PROGRAMS \+?= (.*)$/mg;
my %pages = map { m{([^/]+)$} => $_ } map { split ' ' }
            $makefile =~ /^dist_man1_MANS \+?= (.*)$/mg;

# The options in the left column of what --help prints.
sub options_of_help
{
    my ($text) = @_;
    return join ' ', sort $text =~ /^  (--?\w[\w-]*)/mg;
}

# Those of the section OPTIONS, each after a .TP.
sub options_of_page
{
    my ($page) = @_;
    my ($section) = $page =~ /^\.SH OPTIONS\n(.*?)^\.SH/ms;
    return join ' ', sort map { s/\\//gr }
        ($section // '') =~ /^\.TP\n\.BI? ((?:\\-)+\w+)/mg;
}

# The values of the EXIT_ words in its source.
sub statuses_of_code
{
    my ($source) = @_;
    return join ' ', slurp($source) =~ /^    EXIT_\w+ = (\d+)/mg;
}

sub statuses_of_page
{
    my ($page) = @_;
    my ($section) = $page =~ /^\.SH EXIT STATUS\n(.*?)^\.SH/ms;
    return join ' ', ($section // '') =~ /^\.TP\n\.B (\d+)$/mg;
}

ok scalar @programs, 'there are programs';
for my $name (@programs) {
    my ($source) = $makefile
        =~ /^\Q@{[$name =~ s{-}{_}gr]}\E_SOURCES = (\S+)/m;
    my ($status, $help) = run(need_env('SMTP_BUILD_DIR') . "/$name", '--help');

    is $status, 0, "$name --help works" or diag $help;
    ok $pages{"$name.1"}, "$name has its man page" or next;
    my $page = slurp($pages{"$name.1"});
    like $page, qr/^\.TH \U\Q$name\E 1 /m, "$name.1 is about $name";
    isnt options_of_help($help), '', "$name --help shows options";
    is options_of_page($page), options_of_help($help),
        "$name.1 tells of its options";
    is statuses_of_page($page), statuses_of_code($source),
        "$name.1 tells of its exit statuses";
}
done_testing;
