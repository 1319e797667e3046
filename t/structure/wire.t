#!/usr/bin/env perl
# Licensed under the Apache License, Version 2.0; see LICENSE.
# wire/, sasl/ and client/ are pure: they compile without httpd's headers, and
# their objects call nothing that reads, writes, waits, or asks for the time or
# for chance. Of dns/ that is so but for the files that ask libunbound.

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use Tree;

my @cc = (words(qw(SMTP_CC)), qw(-std=c99 -Wall -Wextra -Werror -M
          -Imod_smtp/wire -Imod_smtp/sasl), words(qw(SMTP_CPPFLAGS)));
my $asks_dns = qr{smtp_dns(?:_context|_resolve)?\.o$};
my $includes = need_env('SMTP_HTTPD_INCLUDEDIR');

# What a value is made from needs none of these. Of APR: strings, tables and
# pools; times may be taken apart, not asked for.
my $impure = qr{^(?:
    apr_(?:file|dir|socket|poll|pollset|thread|proc|shm|mmap|dso|env|global)
        _\w+
    | apr_time_now | apr_sleep | apr_generate_random_bytes | apr_random_\w+
    | ap_\w+
    | (?:f|fd)?open(?:at|dir)?(?:64)? | p?read(?:v|64)? | p?write(?:v|64)?
    | socket | connect | accept | bind | listen | send(?:to|msg)?
    | recv(?:from|msg)? | select | e?poll(?:_\w+)? | ioctl
    | time | gettimeofday | clock_gettime | s?rand(?:om)?(?:_r)?
    | getrandom | RAND_\w+ | (?:u|nano)?sleep | syslog | printf | puts | fopen
    | getenv | fork | execv\w* | system | getaddrinfo | gethostby\w+
)$}x;

sub check_sources
{
    my ($layer) = @_;

    for my $file (source_files(qr{^mod_smtp/$layer/.*\.c$})) {
        my ($status, $text) = run(@cc, $file);
        is $status, 0, "$file compiles without httpd's include path"
            or diag $text;
        unlike $text, qr{\Q$includes\E/}, "$file reads no header of httpd";
    }
    return;
}

sub check_library
{
    my ($layer) = @_;
    my $library = need_env('SMTP_BUILD_DIR') . "/.libs/libsmtp_$layer.a";
    my ($status, $text) = run(words('SMTP_NM'), '-u', $library);
    is $status, 0, "libsmtp_$layer.a was built" or diag $text;

    my %object = $text =~ /^(\S+\.o):\n((?:[ ].*\n)*)/mg;
    my @pure = grep { !/$asks_dns/ } keys %object;
    my %called = map { $_ => 1 } map { /^\s+U (\w+)/mg } @object{@pure};
    cmp_ok scalar(keys %called), '>', 5, 'nm shows what the objects call';
    is join(' ', grep { /$impure/ } sort keys %called), '',
        "$layer/ does no I/O and asks for no time and no chance";
    return;
}

for my $layer (qw(wire sasl client dns)) {
    check_sources($layer);
    check_library($layer);
}
done_testing;
