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

# What an administrator makes before: a certificate and its key, users, and
# what SCRAM needs of them.
sub make_file
{
    my ($name, @text) = @_;
    open my $file, '>', "$root/conf/$name" or die "$name: $!";
    print $file @text;
    close $file or die "$name: $!";
}

make_file('mail.htpasswd', "bob:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n");
make_file('mail.scram', 'bob SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$'
          . 'WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:'
          . "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=\n");
make_file('sites.htpasswd', "berlin:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n");
make_file('smarthost.secret', "secret\n");
chmod 0600, "$root/conf/smarthost.secret" or die "smarthost.secret: $!";
my ($made, $words) = run('openssl', 'req', '-x509', '-nodes', '-newkey', 'ec',
                         '-pkeyopt', 'ec_paramgen_curve:P-256',
                         '-subj', '/CN=mail.example.com',
                         '-keyout', "$root/conf/mail.key",
                         '-out', "$root/conf/mail.crt");
is $made, 0, 'there is a certificate' or diag $words;

$ENV{LD_PRELOAD} = $ENV{SMTP_PRELOAD} if $ENV{SMTP_PRELOAD};

sub is_taken
{
    my ($name, $defines, @examples) = @_;
    make_file('httpd.conf', "ServerRoot \"$root\"\n",
        "ServerName www.example.com\n", "DefaultRuntimeDir \"$root/run\"\n",
        "ErrorLog logs/error.log\n",
        $> == 0 ? "User nobody\nGroup nogroup\n" : '',
        load(qw(mpm_event unixd log_config authz_core authz_host)), $defines,
        map { 'Include "' . abs_path($_) . "\"\n" } @examples);
    my ($status, $text) = run(need_env('SMTP_HTTPD'), '-t', '-d', $root,
                              '-f', "$root/conf/httpd.conf");
    is $status, 0, "httpd takes $name" or diag $text;
    is $text, "Syntax OK\n", 'and has nothing to say against it';
}

my @examples = source_files(qr{^conf/smtp-.*\.conf$});
ok scalar @examples, 'there are examples';
is_taken($_, '', $_) for @examples;
# Beside an MX each has an address of its own.
my $apart = "Define SMTP_RELAY_ADDRESS 192.0.2.25\n"
    . "Define SMTP_ON_DEMAND_ADDRESS 192.0.2.26\n";
is_taken('all together', $apart, @examples);
is_taken('all together, in another order', $apart, reverse @examples);
is_taken('all together, each with TLS',
         "${apart}Define SMTP_CERTIFICATE conf/mail.crt\nDefine SMTP_KEY conf/mail.key\n",
         @examples);
unlink "$root/conf/mail.scram" or die "mail.scram: $!";
is_taken('all together, without SCRAM', $apart, @examples);
done_testing;
