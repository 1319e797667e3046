# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# Messages of varied shape that we relay to OpenSMTPD arrive as they were sent:
# it offers neither PIPELINING nor CHUNKING. What it does not take is reported.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::OpenSMTPD;
use SMTPTest::Relay;

my $relay = SMTPTest::Relay->new;
my $opensmtpd = SMTPTest::OpenSMTPD->start($relay->port);
my $server = $relay->start($opensmtpd->port);
my $sender = $server->maildir('bob@example.com');
my $HEADER = "From: bob\@example.com\r\nSubject: x\r\n";

# What bob's DSN says of each recipient.
sub reported
{
    my ($report) = $sender->wait_messages(1, 60);
    $sender->clear;
    return join '', $report =~ /^((?:Final-Recipient|Action|Status): .*\n)/mg;
}

subtest 'one recipient of three is refused' => sub {
    my $client = $server->ehlo_client;
    is($client->send_message(
        from => 'bob@example.com', mail => 'RET=HDRS ENVID=trace-9',
        rcpt => 'NOTIFY=FAILURE ORCPT=rfc822;old@relayed.test',
        to => [map { "$_\@relayed.test" } qw(one refused two)],
        message => "$HEADER\r\nx\r\n")->code, '250', 'taken');
    is(reported(), "Final-Recipient: rfc822; refused\@relayed.test\n"
           . "Action: failed\nStatus: 5.0.0\n", 'the sender is told');
    my $last = $relay->last_server;
    for my $name (qw(one two)) {
        is(scalar $last->maildir("$name\@relayed.test")->wait_messages(1), 1,
           "$name has it");
    }
    like($last->log_text, qr/C: MAIL FROM:<bob\@.* RET=HDRS ENVID=trace-9/,
         'DSN goes on (RFC 3461)');
    like($last->log_text, qr/C: RCPT TO:<one\@.* NOTIFY=FAILURE/, 'NOTIFY');
    is($sender->count, 0, 'nobody is told of the others');
    $client->quit;
};

subtest 'it has no SMTPUTF8 (RFC 6531 3.5)' => sub {
    my $client = $server->ehlo_client;
    is($client->send_message(
        from => 'bob@example.com', mail => 'SMTPUTF8',
        to => "j\xc3\xbcrgen\@relayed.test",
        message => "$HEADER\r\nx\r\n")->code, '250', 'taken');
    like(reported(), qr/^Action: failed\nStatus: 5\.6\.7$/m,
         'the sender is told');
    $client->quit;
};

# Nor can it read a quoted local-part with a space.
$relay->check(63, 2, is_meant => sub {
    return ($_[0]{mail} // '') ne 'SMTPUTF8' && $_[0]{from} !~ /"/;
});
is(scalar(grep { /failed-command/ && !/refused\@/ } $opensmtpd->log), 0,
   'OpenSMTPD had nothing else to complain of')
    || diag(grep { /failed-command/ } $opensmtpd->log);
done_testing;
