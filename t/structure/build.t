#!/usr/bin/env perl
# Licensed under the Apache License, Version 2.0; see LICENSE.
# Nothing that was written is forgotten: each C file is compiled and put into
# the archive, each unit test and fuzzer is built, each source has its test.

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use Tree;

my $makefile = slurp('Makefile.am') =~ s/^\s*#.*\n//mgr;
my %named = map { $_ => 1 } split /[\s=\\]+/, $makefile;

for my $file (c_files()) {
    ok $named{$file}, "$file is in Makefile.am";
}
for my $file (source_files(qr{^t/unit/.*_test\.c$})) {
    ok $named{ $file =~ s/\.c$//r }, "$file is in Makefile.am";
}

# Each name in Makefile.am leads somewhere: make alone would not tell before
# it is too late, as with a header.
for my $name (sort grep { m{^mod_smtp/.*\.[ch]$} } keys %named) {
    ok -e $name, "$name of Makefile.am is there";
}

for my $file (source_files(qr{^t/fuzz/.*_fuzz\.c$})) {
    my ($name) = $file =~ m{([^/]+)_fuzz\.c$};
    my @seeds = glob "t/fuzz/corpus/$name/*";

    ok $named{"${name}_fuzz"}, "$file is in Makefile.am";
    ok -s "t/fuzz/$name.dict", "the fuzzer $name has a dictionary";
    ok scalar @seeds, "the fuzzer $name has a corpus";
}

# These two are tested with the whole of dns/, by t/server/dns.t.
my %by_whole = map { $_ => 1 } qw(smtp_dns_context smtp_dns_resolve);
for my $file (source_files(qr{^mod_smtp/(?:wire|sasl|dns)/.*\.c$})) {
    my ($layer, $name) = $file =~ m{([^/]+)/([^/]+)\.c$};

    next if $by_whole{$name};
    ok -e "t/unit/$layer/${name}_test.c", "$layer/$name.c has its unit test";
}
done_testing;
