# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# What <SMTPRelay> lets through reaches the module that relays, and no other:
# with no mailbox of ours, whole envelope, and no report of a success that
# nobody has seen.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Server;

my $server = SMTPTest::Server->start_new(
    dsos => ['mod_smtp_discard'], global => 'DiscardMail relayed',
    config => "SMTPService submission\nSMTPTLS off\n"
        . "<SMTPRelay>\nRequire ip 127.0.0.1\n</SMTPRelay>",
);
my $HEADER = "From: bob\@example.com\r\nSubject: x\r\n";

sub relayed
{
    return map { /relayed: (.*)/ ? $1 : () } $server->log;
}

my $client = $server->ehlo_client;

subtest 'another domain is relayed' => sub {
    my $reply = $client->send_message(
        from => 'bob@example.com', message => "$HEADER\r\nx\r\n",
        to => ['user@elsewhere.test', 'user%third.test@[192.0.2.25]']);
    is($reply->code, '250', 'accepted');
    is_deeply([relayed()],
              ['from <bob@example.com> to <user@elsewhere.test> 7BIT',
               'from <bob@example.com> to <user%third.test@[192.0.2.25]> 7BIT'],
              'by the module, without mailboxes of ours');
};

# RFC 5321 4.5.3.1.10: one transaction, one delivery.
subtest 'local and relayed recipients come separately' => sub {
    for my $order (['user@elsewhere.test', 'bob@example.com'],
                   ['bob@example.com', 'user@elsewhere.test']) {
        $client->command('MAIL FROM:<bob@example.com>');
        is($client->command("RCPT TO:<$order->[0]>")->code, '250',
           "first $order->[0]");
        my $reply = $client->command("RCPT TO:<$order->[1]>");
        is($reply->code . ' ' . $reply->status, '452 4.5.3',
           "not with it $order->[1]");
        $client->command('RSET');
    }
};

# RFC 3461 5.2.2: who hands it on reports.
subtest 'a relayed recipient is no success yet' => sub {
    is($client->send_message(from => 'bob@example.com',
                             to => 'user@elsewhere.test',
                             rcpt => 'NOTIFY=SUCCESS',
                             message => "$HEADER\r\nx\r\n")->code, '250',
       'accepted');
    is($client->send_message(from => 'far@elsewhere.test',
                             to => 'bob@example.com',
                             rcpt => 'NOTIFY=SUCCESS',
                             message => "$HEADER\r\nx\r\n")->code, '250',
       'of local mail from afar');
    is((relayed())[-1], 'from <> to <far@elsewhere.test> 7BIT',
       'the report goes there');
    is(scalar $server->maildir('bob@example.com')->wait_messages(1), 1,
       'and none comes here');
};

subtest 'what it passed before is no loop of ours' => sub {
    is($client->send_message(
           from => 'bob@example.com', to => 'user@elsewhere.test',
           message => "Delivered-To: bob\@example.com\r\n"
               . "Delivered-To: user\@elsewhere.test\r\n$HEADER\r\nx\r\n")
           ->code, '250', 'mailboxes of others are not ours to compare');
};

# RFC 6409 8.4: the next hop is told what the mail is.
subtest 'eight bits are announced' => sub {
    my @ROWS = ([undef, "x\r\n", '7BIT'], [undef, "\xC3\xBC\r\n", '8BITMIME'],
                ['BODY=7BIT', "\xC3\xBC\r\n", '8BITMIME'],
                ['BODY=8BITMIME', "x\r\n", '8BITMIME'],
                ['SMTPUTF8', "\xC3\xBC\r\n", '8BITMIME']);
    for my $row (@ROWS) {
        my ($parameters, $body, $announced) = @{$row};
        is($client->send_message(
               from => 'bob@example.com', to => 'user@elsewhere.test',
               mail => $parameters, message => "$HEADER\r\n$body")->code,
           '250', $parameters // 'nothing said');
        like((relayed())[-1], qr/ $announced\z/, "as $announced");
    }
};

subtest 'a stranger is not relayed for' => sub {
    my $count = relayed();
    my $stranger = $server->client(from => '127.0.0.2');
    $stranger->read_reply;
    $stranger->command('EHLO client.test');
    is($stranger->command('MAIL FROM:<bob@example.com>')->code, '530',
       'he does not get that far');
    $stranger->quit;
    is(scalar(relayed()), $count, 'nothing goes out');
};
$client->quit;
$server->finish;
done_testing;
