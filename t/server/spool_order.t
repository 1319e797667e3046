#!/usr/bin/env perl
# Licensed under the Apache License, Version 2.0; see LICENSE.
# A message is written, then synced, and only then acknowledged (RFC 5321
# 4.2.5, 6.1); its mailbox comes after that.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Fault;
use SMTPTest::Server;
use SMTPTest::Wait qw(wait_until);

my $server = SMTPTest::Server->new;
my $fault = SMTPTest::Fault->new(below => $server->spool);
$server->write_config($fault->server_arguments);
$server->start;

my $client = $server->ehlo_client;

# The calls from the mail data on, as words that say what was done to what.
sub calls_of
{
    my ($message, $count) = @_;
    for my $command ('MAIL FROM:<a@example.org>', 'RCPT TO:<bob@example.com>',
                     'DATA') {
        like($client->command($command)->code, qr/\A(?:250|354)\z/, $command);
    }
    $fault->clear_log;
    is($client->command("$message.")->code, '250', 'taken');
    $server->maildir('bob@example.com')->wait_messages($count);
    wait_until(10, sub { grep { $_->{path} =~ /\.marks/ } $fault->log });
    return map { "$_->{call} " . what($_->{path}) } $fault->log;
}

sub what
{
    my ($path) = @_;
    return $path =~ /\A(\d{3})\z/ ? $1
        : $path =~ m{/mail/example\.com/bob/(tmp|new|cur)} ? $1
        : $path =~ m{/journal/[^/]+/\d+\.(\w+)\z} ? $1
        : $path =~ m{/journal/[^/]+/#\d+} ? 'data'
        : $path =~ m{/journal/[^/]+\z} ? 'directory'
        : $path;
}

# Where the first of these calls stands.
sub position
{
    my ($wanted, @calls) = @_;
    my ($at) = grep { $calls[$_] eq $wanted } 0 .. $#calls;
    return $at;
}

# Asserts that each call stands behind the one before it.
sub in_order
{
    my ($calls, @wanted) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @rest = @$calls;
    for my $wanted (@wanted) {
        my $at = position($wanted, @rest);
        if (!defined $at) {
            fail("$wanted in its place");
            diag(join "\n", @$calls);
            return;
        }
        splice @rest, 0, $at + 1;
    }
    return pass(join ', ', @wanted);
}

# At the 250 nothing is unsynced, and nothing of the mailbox was touched.
sub nothing_open
{
    my (@calls) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my %is_open;
    my $reply = position('reply 250', @calls);
    @calls = @calls[0 .. $reply];
    for my $call (@calls) {
        my ($verb, $object) = split / /, $call;
        $is_open{$object} = 1 if $verb =~ /\Apwritev?\z/;
        delete $is_open{$object} if $verb =~ /\Af(?:data)?sync\z/;
    }
    delete $is_open{marks};    # they need none
    is(join(' ', sort keys %is_open), '', 'nothing unsynced at the 250');
    ok(!(grep { / (?:tmp|new)\z/ } @calls),
       'no work in the mailbox that the client waits for');
    return;
}

subtest 'the first message of a process' => sub {
    my @calls = calls_of("Subject: one\r\n\r\nx\r\n", 1);
    in_order(\@calls, 'mkdir directory', 'open seg',
             'fsync directory', 'pwritev seg', 'fdatasync seg', 'reply 250',
             'pwrite tmp', 'link new', 'pwrite marks');
    nothing_open(@calls);
};

subtest 'a later one' => sub {
    my @calls = calls_of("Subject: two\r\n\r\nx\r\n", 2);
    in_order(\@calls, 'pwritev seg', 'fdatasync seg',
             'reply 250', 'link new', 'pwrite marks');
    nothing_open(@calls);
    is(scalar(grep { $_ eq 'fdatasync seg' } @calls), 1, 'one sync');
    is(scalar(grep { $_ eq 'pwritev seg' } @calls), 1, 'one write');
};

subtest 'a large one' => sub {
    my @calls = calls_of("Subject: large\r\n\r\n"
                         . ('x' x 76 . "\r\n") x 5000, 3);
    in_order(\@calls, 'pwritev data', 'fdatasync data',
             'link mail', 'fsync directory', 'pwritev seg', 'fdatasync seg',
             'reply 250', 'link new', 'pwrite marks');
    nothing_open(@calls);
};

$client->quit;
$server->finish;
done_testing;
