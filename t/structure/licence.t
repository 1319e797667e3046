#!/usr/bin/env perl
# Licensed under the Apache License, Version 2.0; see LICENSE.
# Every source file says under which licence it may be copied.

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use Tree;

my $words = qr/Licensed under the Apache License, Version 2\.0; see LICENSE\./;

sub is_source
{
    my ($file) = @_;

    return 1 if $file =~ /\.(?:[ch1]|pl|pm|t|sh|m4|am|ac|in)$/;
    return $file =~ m{(?:^|/)[^./]+$} && slurp($file) =~ /^#!/;
}

my @sources = grep { is_source($_) && !m{/corpus/|/dialog/} } source_files();
# Automake's, in an archive.
@sources = grep { $_ ne 'Makefile.in' && $_ ne 'configure' } @sources;

for my $file (@sources) {
    my ($first, $second) = split /\n/, slurp($file), 3;
    my $line = $first =~ /^#!/ ? $second : $first;

    like $line // '', $words, "$file says its licence";
}
like slurp('LICENSE'), qr/Apache License\s+Version 2\.0, January 2004/,
    'LICENSE is there';
done_testing;
