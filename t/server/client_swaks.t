# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# swaks, with which administrators try a mail server, delivers in each way
# that it knows.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Program;
use SMTPTest::Server;

my $swaks = SMTPTest::Program::need('swaks');
my $server = SMTPTest::Server->start_new(
    domain => 'SMTPRecipients list:bob,alice',
    files => { 'attached' => join('', map { chr } 0 .. 255) x 100 });
my @BASE = ($swaks, '--server', '127.0.0.1', '--port', $server->port,
            '--from', 'swaks@client.test', '--ehlo', 'client.test');

# Name, options, exit status (0, or 24 for a refused recipient), messages for
# bob.
my @WAYS = (
    ['plain', [], 0, 1],
    ['PIPELINING', ['--pipeline'], 0, 1],
    ['HELO', ['--protocol', 'SMTP'], 0, 1],
    ['an attachment', ['--attach', '@' . $server->root . '/attached'], 0, 1],
    ['two recipients', ['--to', 'bob@example.com,alice@example.com'], 0, 1],
    ['one of two recipients', ['--to', 'bob@example.com,eve@example.com'],
     0, 1],
    ['an unknown recipient', ['--to', 'eve@example.com'], 24, 0],
    ['a relay', ['--to', 'bob@elsewhere.test'], 24, 0],
    ['the null reverse-path', ['--from', '<>'], 0, 1],
    ['only asking', ['--quit-after', 'RCPT'], 0, 0],
);

for my $way (@WAYS) {
    my ($name, $options, $status, $count) = @{$way};
    subtest $name => sub {
        my $maildir = $server->maildir('bob@example.com');
        $maildir->clear;
        my @to = (grep { $_ eq '--to' } @{$options})
            ? () : ('--to', 'bob@example.com');
        my ($got, $said) = SMTPTest::Program::run('', @BASE, @to,
                                                  @{$options});
        is($got, $status, 'exit status') || diag($said);
        my @messages = $maildir->wait_messages($count);
        is(scalar @messages, $count, "$count messages");
        like($_, qr/^This is a test mailing/m, 'content') for @messages;
    };
}

$server->finish;
done_testing;
