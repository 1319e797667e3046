# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# msmtp, through which scripts and mail programs send, delivers messages of
# varied shape.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Messages;
use SMTPTest::Program;
use SMTPTest::Server;

my $msmtp = SMTPTest::Program::need('msmtp');
my $server = SMTPTest::Server->start_new(
    domain => 'SMTPRecipients list:bob,alice');
my @BASE = ($msmtp, '--file=/dev/null', '--host=127.0.0.1',
            '--port=' . $server->port, '--domain=client.test', '--tls=off',
            '--auth=off');

# msmtp's input has LF line ends.
sub send_by_msmtp
{
    my ($message, @options) = @_;
    return SMTPTest::Program::run($message =~ s/\r\n/\n/gr, @BASE, @options);
}

my $maildir = $server->maildir('bob@example.com');
for my $message (SMTPTest::Messages::make(16, 'example.com')) {
    $maildir->clear;
    my ($status, $said) = send_by_msmtp($message->{message},
                                        '--from=msmtp@client.test',
                                        'bob@example.com');
    is($status, 0, "message $message->{number}") || diag($said);
    my ($stored) = $maildir->wait_messages(1);
    ok(SMTPTest::Maildir::content($stored)
       eq SMTPTest::Maildir::stored($message->{message}), 'as it was sent');
}

subtest 'recipients from the header section' => sub {
    $maildir->clear;
    my ($status, $said) = send_by_msmtp(
        "To: bob\@example.com\nBcc: alice\@example.com\nSubject: x\n\nx\n",
        '--from=msmtp@client.test', '--read-recipients');
    is($status, 0, 'sent') || diag($said);
    is(scalar $maildir->wait_messages(1), 1, 'bob');
    is(scalar $server->maildir('alice@example.com')->wait_messages(1), 1,
       'alice');
};

subtest 'an unknown recipient is a failure that msmtp understands' => sub {
    my ($status, $said) = send_by_msmtp("Subject: x\n\nx\n",
        '--from=msmtp@client.test', 'eve@example.com');
    is($status, 65, 'EX_DATAERR') || diag($said);
    like($said, qr/550 5\.1\.1/, 'with our reply');
};

$server->finish;
done_testing;
