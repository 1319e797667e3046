# Licensed under the Apache License, Version 2.0; see LICENSE.
package Tree;

# What the structural tests share: the files of the tree, their content, and
# the build that is tested. Tests run at the top of the tree.

use strict;
use warnings;
use Exporter 'import';
use FindBin;

our @EXPORT = qw(c_files need_env run slurp source_files words);

chdir($ENV{SMTP_SOURCE_DIR} // "$FindBin::Bin/../..")
    or die "top of the tree: $!";

# Every file of the project, relative to the top; with a pattern, those whose
# name matches.
my @files;

sub source_files
{
    my ($pattern) = @_;

    if (!@files) {
        @files = split /\n/, `build/list-sources`;
        die "build/list-sources failed" if $? || !@files;
    }
    return sort grep { !defined $pattern || /$pattern/ } @files;
}

# The C files of the product.
sub c_files
{
    return source_files(qr{^mod_smtp/.*\.[ch]$});
}

sub slurp
{
    my ($file) = @_;

    open my $handle, '<:raw', $file or die "$file: $!";
    local $/;
    return scalar <$handle> // '';
}

# The value of a variable of test.env.
sub need_env
{
    my ($name) = @_;

    return $ENV{$name} if defined $ENV{$name};
    die "$name is not set: load test.env of a build (. test.env), "
        . "or run make check\n";
}

sub words
{
    return split ' ', join ' ', map { need_env($_) } @_;
}

# Runs a command without a shell; returns its exit status and all it printed.
sub run
{
    my @command = @_;
    my $pid = open(my $out, '-|') // die "fork: $!";

    if (!$pid) {
        open STDERR, '>&', \*STDOUT;
        exec { $command[0] } @command or die "$command[0]: $!";
    }
    local $/;
    my $text = <$out> // '';
    close $out;
    return ($?, $text);
}

1;
