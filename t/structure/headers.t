#!/usr/bin/env perl
# Licensed under the Apache License, Version 2.0; see LICENSE.
# Every header compiles alone: who includes it needs to know nothing else.

use strict;
use warnings;
use File::Copy 'copy';
use File::Temp 'tempdir';
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use Tree;

my @cc = (words(qw(SMTP_CC)), qw(-std=c99 -Wall -Wextra -Werror
          -fsyntax-only -x c), words(qw(SMTP_CPPFLAGS)));
my @httpd = (words(qw(SMTP_HTTPD_CPPFLAGS)), '-Imod_smtp/include');

# The layers that know no httpd.
my %without_httpd = map { $_ => 1 } qw(wire sasl tools client dns store);
# What a layer is built upon, beside wire/ and sasl/.
my %upon = (spool => ['store'], tools => ['store'],
            queue => [qw(store client dns)]);

# The private headers of a DSO may include their neighbours.
for my $header (source_files(qr{^mod_smtp/.*\.h$})) {
    my ($layer) = $header =~ m{^mod_smtp/([^/]+)/};
    my @command = (@cc, '-Imod_smtp/wire');

    push @command, '-Imod_smtp/sasl', "-Imod_smtp/$layer" if $layer ne 'wire';
    push @command, map { "-Imod_smtp/$_" } @{ $upon{$layer} // [] };
    push @command, @httpd if !$without_httpd{$layer};
    my ($status, $text) = run(@command, $header);
    is $status, 0, "$header compiles alone" or diag substr($text, 0, 1000);
    like slurp($header), qr/^#ifndef (\w+)\n#define \1\n/m,
        "$header may be included twice";
}

# What is installed is enough for a module of somebody else: public headers
# include no private one.
my $makefile = slurp('Makefile.am');
my @public = map { /(mod_smtp\S+\.h)/g }
             $makefile =~ /^(?:wire_public|public_HEADERS) \+?=((?:.*\\\n)*.*)/mg;
my $installed = tempdir(CLEANUP => 1);

cmp_ok scalar @public, '>', 3, 'there are public headers';
copy($_, $installed) or die "$_: $!" for @public;
for my $header (sort glob "$installed/*.h") {
    my ($name) = $header =~ m{([^/]+)$};
    my ($status, $text) = run(@cc, words('SMTP_HTTPD_CPPFLAGS'), $header);

    is $status, 0, "$name compiles where it is installed"
        or diag substr($text, 0, 1000);
}
done_testing;
