#!/usr/bin/env perl
# Licensed under the Apache License, Version 2.0; see LICENSE.
# The examples in conf/ are what a new user copies: httpd takes all of them
# together, as they are, without a word of warning.

use strict;
use warnings;
use Cwd 'abs_path';
use File::Temp 'tempdir';
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use Tree;

my $root = tempdir(CLEANUP => 1);
my $modules = need_env('SMTP_MODULES');
my $own = need_env('SMTP_BUILD_DIR') . '/.libs';

# A ServerRoot as an installation has it.
mkdir "$root/$_" or die "$root/$_: $!" for qw(modules logs conf run);
for my $dso (glob "$modules/mod_*.so $own/mod_smtp*.so") {
    my ($name) = $dso =~ m{([^/]+)$};
    symlink $dso, "$root/modules/$name" if !-e "$root/modules/$name";
}

sub load
{
    return join '', map { -e "$root/modules/mod_$_.so"
                          ? "LoadModule ${_}_module modules/mod_$_.so\n"
                          : '' } @_;
}

my @examples = source_files(qr{^conf/.*\.conf$});
ok scalar @examples, 'there are examples';

open my $conf, '>', "$root/conf/httpd.conf" or die "httpd.conf: $!";
print $conf "ServerRoot \"$root\"\n", "ServerName www.example.com\n",
    "DefaultRuntimeDir \"$root/run\"\n", "ErrorLog logs/error.log\n",
    $> == 0 ? "User nobody\nGroup nogroup\n" : '',
    load(qw(mpm_event unixd log_config authz_core authz_host)),
    map { 'Include "' . abs_path($_) . "\"\n" } @examples;
close $conf or die "httpd.conf: $!";

$ENV{LD_PRELOAD} = $ENV{SMTP_PRELOAD} if $ENV{SMTP_PRELOAD};
my ($status, $text) = run(need_env('SMTP_HTTPD'), '-t', '-d', $root, '-f',
                          "$root/conf/httpd.conf");
is $status, 0, 'httpd takes them' or diag $text;
is $text, "Syntax OK\n", 'and has nothing to say against them';
done_testing;
