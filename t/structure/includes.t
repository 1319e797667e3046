#!/usr/bin/env perl
# Licensed under the Apache License, Version 2.0; see LICENSE.
# Which layer may include which: nobody includes server/, modules that stand
# beside each other meet through hooks and providers only, wire/ knows nobody.

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use Tree;

# What a folder may include beside itself, APR and the C library.
my @module = qw(config httpd include wire);
my %may = (
    wire     => [qw(libidn2)],
    sasl     => [qw(wire openssl libidn)],
    dns      => [qw(libunbound wire)],
    client   => [qw(wire sasl openssl)],
    include  => [qw(httpd wire)],
    config   => [qw(httpd wire)],
    server   => [@module, 'sasl', 'openssl'],
    store    => [qw(wire)],
    spool    => [@module, 'store'],
    oauth    => [@module, qw(openssl jansson libcurl)],
    milter   => [@module],
    policy   => [@module, 'dns'],
    mailauth => [@module, 'dns', 'openssl'],
    queue    => [@module, qw(client dns store jansson libcurl)],
    proxy    => [@module, 'client', 'dns'],
    status   => [qw(httpd include)],
    tools    => [qw(wire sasl store jansson)],
);

# Where a header is from that is not ours.
my $httpd_dir = need_env('SMTP_HTTPD_INCLUDEDIR');
my @foreign = (
    [qr{^ap[ru]_?\w*\.h$}  => 'apr'],
    [qr{^openssl/}         => 'openssl'],
    [qr{^unbound\.h$}      => 'libunbound'],
    [qr{^idn2\.h$}         => 'libidn2'],
    [qr{^stringprep\.h$}   => 'libidn'],
    [qr{^libpsl\.h$}       => 'libpsl'],
    [qr{^jansson\.h$}      => 'jansson'],
    [qr{^curl/}            => 'libcurl'],
);
my @headers = source_files(qr{^mod_smtp/.*\.h$});
my %layer_of = map { m{^mod_smtp/(\w+)/.*?([^/]+)$} ? ($2 => $1) : () }
               @headers;

sub origin
{
    my ($name) = @_;

    return $layer_of{$1} if $name =~ m{([^/]+)$} && $layer_of{$1};
    for my $row (@foreign) {
        return $row->[1] if $name =~ $row->[0];
    }
    return 'httpd' if -e "$httpd_dir/$name";
    return 'C library';
}

sub strange_includes
{
    my ($file, $layer) = @_;
    my %allowed = map { $_ => 1 } $layer, 'apr', 'C library',
                                  @{ $may{$layer} };
    my $text = slurp($file);
    my @strange;

    while ($text =~ /^\s*#\s*include\s*[<"]([^>"]+)[>"]/mg) {
        my $origin = origin($1);
        push @strange, "$1 ($origin)" if !$allowed{$origin};
    }
    return @strange;
}

for my $file (c_files()) {
    my ($layer) = $file =~ m{^mod_smtp/([^/]+)/[^/]+$};

    ok $layer && $may{$layer}, "$file stands in a known folder" or next;
    is join(', ', strange_includes($file, $layer)), '',
        "$file includes what its layer may";
}

# Who makes values of octets needs no more of APR than this.
my $pure = qr{^apr(?:_(?:pools|strings|tables|lib|errno|time|date|hash|
                  base64|cstr|encode|escape|fnmatch|want))?\.h$}x;
for my $file (source_files(qr{^mod_smtp/(?:wire|sasl)/})) {
    my @apr = grep { !/$pure/ }
              slurp($file) =~ /^\s*#\s*include\s*<(apr[^>]*)>/mg;
    is join(' ', @apr), '', "$file uses of APR values only";
}
done_testing;
