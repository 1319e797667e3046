# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# Who asks by NOTIFY=SUCCESS whether a mail was delivered is told so
# (RFC 3461 4.1, 5.2.3; RFC 3464), and nobody else is.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Server;

my $server = SMTPTest::Server->start_new(
    domain => "SMTPRecipients list:alice,bob,carol,asks,quiet,null\n"
        . 'SMTPAlias both alice bob');

# send_mail($from, \@rcpts): RCPT arguments as they are written.
sub send_mail
{
    my ($from, $rcpts, $message) = @_;
    my $client = $server->ehlo_client;
    is($client->command("MAIL FROM:$from")->code, '250', "MAIL FROM:$from");
    is($client->command("RCPT TO:$_")->code, '250', "RCPT TO:$_") for @$rcpts;
    $client->command('DATA');
    is($client->command("$message\r\n.")->code, '250', 'taken');
    $client->quit;
    return;
}

my $MESSAGE = "Subject: a question\r\nX-Note: kept\r\n\r\nThe body.";

subtest 'success is told once for all who were asked about' => sub {
    send_mail('<asks@example.com> RET=FULL ENVID=QQ+2B1',
              ['<alice@example.com> NOTIFY=SUCCESS '
                   . 'ORCPT=rfc822;Alice+2Bold@example.org',
               '<carol@example.com> NOTIFY=FAILURE,SUCCESS',
               '<bob@example.com> NOTIFY=FAILURE'], $MESSAGE);
    my @reports = $server->maildir('asks@example.com')->wait_messages(1);
    is(@reports, 1, 'one report');
    my $report = $reports[0];
    like($report, qr/^Return-Path: <>$/m, 'null reverse-path (RFC 3461 6.1)');
    like($report, qr/^To: <asks\@example\.com>$/m, 'To');
    like($report, qr/^Auto-Submitted: auto-replied$/m, 'RFC 3834 5');
    like($report, qr{^Content-Type:[ ]multipart/report;\s+
                     report-type=delivery-status;}mx, 'RFC 6522 3');
    like($report, qr/^Original-Envelope-Id: QQ\+1$/m, 'ENVID decoded');
    like($report, qr/^Reporting-MTA: dns; mx\.example\.com$/m,
         'Reporting-MTA');
    like($report, qr/^Original-Recipient:[ ]rfc822;[ ]Alice\+old\@example\.org
                     \nFinal-Recipient:[ ]rfc822;[ ]alice\@example\.com
                     \nAction:[ ]delivered\nStatus:[ ]2\.1\.5$/mx, 'alice');
    like($report, qr/^Final-Recipient: rfc822; carol\@example\.com$/m,
         'carol');
    unlike($report, qr/bob\@example\.com/, 'bob was not asked about');
    like($report, qr/^X-Note: kept$/m, 'the header section comes back');
    unlike($report, qr/The body\./, 'never the whole (RFC 3461 4.3)');
};

subtest 'an alias with several members was expanded' => sub {
    send_mail('<asks@example.com>', ['<both@example.com> NOTIFY=SUCCESS'],
              $MESSAGE);
    my @reports = $server->maildir('asks@example.com')->wait_messages(2);
    ok((grep { /^Final-Recipient:[ ]rfc822;[ ]both\@example\.com
                \nAction:[ ]expanded$/mx } @reports), 'Action: expanded');
};

subtest 'nobody else is told' => sub {
    send_mail('<quiet@example.com>', ['<alice@example.com>',
                                      '<bob@example.com> NOTIFY=NEVER',
                                      '<carol@example.com> '
                                          . 'NOTIFY=FAILURE,DELAY'],
              $MESSAGE);
    send_mail('<>', ['<null@example.com> NOTIFY=SUCCESS'], $MESSAGE);
    # The mail after them has come: a report would have, too.
    send_mail('<asks@example.com>', ['<null@example.com>'], $MESSAGE);
    $server->maildir('null@example.com')->wait_messages(2);
    is($server->maildir('quiet@example.com')->count, 0, 'not asked');
};

subtest 'a sender whom we cannot reach costs the mail nothing' => sub {
    send_mail('<far@away.test>', ['<carol@example.com> NOTIFY=SUCCESS'],
              $MESSAGE);
    $server->maildir('carol@example.com')->wait_messages(3);
    pass('it is there');
};

$server->finish;

# RFC 3461 5.2.1: who fetches it has not got it yet.
my $kept = SMTPTest::Server->start_new(
    queue => 1, domain => 'SMTPRecipients list:asks',
    config => "<SMTPDomain kept.test>\nSMTPRecipients any\n"
        . "SMTPDeliver on-demand\n</SMTPDomain>");

subtest 'mail that waits to be fetched is no success' => sub {
    my $client = $kept->ehlo_client;
    is($client->send_message(from => 'asks@example.com', to => $_,
                             rcpt => 'NOTIFY=SUCCESS',
                             message => "$MESSAGE\r\n")->code, '250', $_)
        for 'alice@kept.test', 'asks@example.com';
    $client->quit;
    my @mails = $kept->maildir('asks@example.com')->wait_messages(2);
    is(scalar(() = grep { /^Action: delivered$/m } @mails), 1,
       'one report, of what was delivered');
    is(scalar @mails, 2, 'and its mail');
};
$kept->finish;
done_testing;
