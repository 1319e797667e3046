# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# Mailboxes of a local domain may be Dovecot's, reached by LMTP (RFC 2033)
# over a unix socket: what its users read is what was sent; a recipient that it
# refuses is reported, and keeps no other from the mail.
use strict;
use warnings;

use File::Temp;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Dovecot;
use SMTPTest::Maildir;
use SMTPTest::Messages;
use SMTPTest::Program;
use SMTPTest::Server;

SMTPTest::Program::need('dovecot', root => 1);
-x '/usr/lib/dovecot/lmtp'
    or SMTPTest::Program::skip_test('dovecot-lmtpd is not installed');

my $temp = File::Temp->newdir('smtp-lmtp-XXXXXX', TMPDIR => 1);
chmod 0755, "$temp";
my $server = SMTPTest::Server->new(
    queue => 1, domain => "SMTPRecipients any\nSMTPDeliver maildir",
    config => "SMTPRetry 1s\n<SMTPDomain box.test>\nSMTPRecipients any\n"
        . "SMTPDeliver lmtp:unix:$temp/lmtp\n</SMTPDomain>");
$server->start;
my $dovecot = SMTPTest::Dovecot->start($server->spool, lmtp => "$temp/lmtp",
                                       users => [map { "$_\@box.test" }
                                                 qw(alice bob carol)]);
my @sent = grep { ($_->{mail} // '') !~ /SMTPUTF8/ }
           SMTPTest::Messages::make(64, 'box.test');
my $client = $server->ehlo_client;
my %count;
for my $message (@sent) {
    my $reply = $client->send_message(%{$message},
                                      to => ['bob@box.test',
                                             'alice@box.test']);
    die "$reply\n" if $reply->code ne '250';
}

for my $user ('bob@box.test', 'alice@box.test') {
    subtest $user => sub {
        my $read = [];
        SMTPTest::Wait::wait_until(120, sub {
            $read = [$dovecot->messages($user)];
            return @{$read} >= @sent });
        is(scalar @{$read}, scalar @sent, 'all messages are there');
        my %sent = map { $_->{message} => 1 } @sent;
        my @unknown = grep { !$sent{$_} } map { without_trace($_) } @{$read};
        is(scalar @unknown, 0, 'each as it was sent')
            || diag(substr $unknown[0], 0, 500);
    };
}

# Without what Dovecot and we have put on top.
sub without_trace
{
    my ($message) = @_;
    $message =~ s/\A(?:(?:Return-Path|Delivered-To|Received):
                       \N*\n(?:[ \t]\N*\n)*)+//x;
    return $message;
}

subtest 'one recipient of two is refused' => sub {
    is($client->send_message(from => 'bob@example.com',
                             to => ['nobody@box.test', 'carol@box.test'],
                             message => "Subject: two\r\n\r\nx\r\n")->code,
       '250', 'taken');
    my ($report) = $server->maildir('bob@example.com')->wait_messages(1);
    like($report, qr/^Final-Recipient: rfc822; ?nobody\@box\.test$/m,
         'the sender is told');
    ok(SMTPTest::Wait::wait_until(60, sub {
        return 1 == $dovecot->messages('carol@box.test') }), 'one has it');
};
$client->quit;
$server->finish;
done_testing;
