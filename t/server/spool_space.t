#!/usr/bin/env perl
# Licensed under the Apache License, Version 2.0; see LICENSE.
# A disk that is nearly full: mail is put off before it is sent (RFC 5321
# 4.2.3, RFC 1870 6.1), not lost in the middle.
# speed: fast
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Fault;
use SMTPTest::Server;

# A server on a disk with so many octets left, and one that leaves 64 MiB.
sub server_with
{
    my ($free, $directives) = @_;
    my $server = SMTPTest::Server->new(global => $directives // '',
                                       config => 'SMTPMaxMessageSize 0');
    my $fault = SMTPTest::Fault->new(below => $server->spool, free => $free);
    $server->write_config($fault->server_arguments);
    $server->start;
    return ($server, $fault);
}

use constant MIB => 1024 * 1024;

my @rows = (
    # free, directive, MAIL parameter, reply
    [100 * MIB, '', '', '250'],
    [100 * MIB, '', ' SIZE=1000', '250'],
    [100 * MIB, '', ' SIZE=' . 30 * MIB, '250'],
    [100 * MIB, '', ' SIZE=' . 40 * MIB, '452 4.3.1'],
    [100 * MIB, '', ' SIZE=99999999999999999999', '452 4.3.1'],
    [63 * MIB, '', '', '452 4.3.1'],
    [63 * MIB, '', ' SIZE=1', '452 4.3.1'],
    [63 * MIB, 'SMTPSpoolMinFree 10M', '', '250'],
    [63 * MIB, 'SMTPSpoolMinFree 100000K', '', '452 4.3.1'],
    [63 * MIB, 'SMTPSpoolMinFree 1g', '', '452 4.3.1'],
    [0, 'SMTPSpoolMinFree 0', '', '250'],
);

for my $row (@rows) {
    my ($free, $directives, $parameter, $wanted) = @$row;
    my ($server, $fault) = server_with($free, $directives);
    my $client = $server->ehlo_client;
    my $reply = $client->command("MAIL FROM:<a\@example.org>$parameter");
    my $status = $reply->code ne '250' ? ' ' . $reply->status : '';
    is($reply->code . $status, $wanted,
       "$free octets free, '$directives', '$parameter'");
    $server->finish;
}

# The values that httpd -t refuses.
my @bad = (
    ['SMTPSpoolMinFree', '-1', qr/SMTPSpoolMinFree "-1": is not a size/],
    ['SMTPSpoolMinFree', '10X', qr/SMTPSpoolMinFree "10X": is not a size/],
    ['SMTPSpoolMinFree', '10MB', qr/SMTPSpoolMinFree "10MB": is not a size/],
    ['SMTPSpoolMinFree', 'M', qr/SMTPSpoolMinFree "M": is not a size/],
    ['SMTPSpoolMinFree', '99999999999999999999G',
     qr/is not a size from 0 to 1024G: give octets/],
    ['SMTPSpoolSegmentSize', '1K', qr/"1K": is not a size from 1M to 1G/],
    ['SMTPSpoolSegmentSize', '2G', qr/"2G": is not a size from 1M to 1G/],
);
for my $row (@bad) {
    my ($name, $value, $wanted) = @$row;
    my $server = SMTPTest::Server->new(global => "$name $value");
    my ($status, $text) = $server->configtest;
    isnt($status, 0, "httpd -t refuses $name $value");
    like($text, $wanted, '... and says why');
}
my $server = SMTPTest::Server->new(config => 'SMTPSpool x');
my ($status, $text) = $server->configtest;
isnt($status, 0, 'SMTPSpool is for the whole server');
like($text, qr/SMTPSpool cannot occur within <VirtualHost/, '... and says so');

done_testing;
