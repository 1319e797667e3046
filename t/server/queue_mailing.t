# Licensed under the Apache License, Version 2.0; see LICENSE.
# mpm: event
#
# A mailing to 100,000 recipients reaches each of them once, and the letter of
# somebody else does not wait for its end.
use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::NextHop;
use SMTPTest::Server;
use SMTPTest::Wait qw(wait_until);

my $MAILS = 100;
my $RECIPIENTS = 1000;

my $hop = SMTPTest::NextHop->start_new(directory => tempdir(CLEANUP => 1));
my $server = SMTPTest::Server->start_new(
    queue => 1,
    config => "<SMTPRelay>\nRequire ip 127.0.0.1\n</SMTPRelay>\n"
        . "SMTPMaxRecipients $RECIPIENTS\nSMTPMaxMessages 0\n"
        . 'SMTPRoute smtp:127.0.0.1:' . $hop->port
        . "\nSMTPConcurrency 4 first=4",
);
$hop->say('end news@example.com' => 'hang');
my $client = $server->ehlo_client;
my $bulk = "Precedence: bulk\r\nSubject: news\r\n\r\nRead all about it\r\n";
my @refused;
for my $mail (1 .. $MAILS) {
    my @commands = ('MAIL FROM:<news@example.com>',
                    map { "RCPT TO:<u$mail.$_\@elsewhere.test>" }
                    1 .. $RECIPIENTS);
    push @refused, grep { $_->code ne '250' }
        $client->pipeline(@commands);
    $client->command('DATA');
    push @refused, grep { $_->code ne '250' }
        $client->command("$bulk.");
}
is(scalar @refused, 0, "$MAILS mails to $RECIPIENTS recipients are accepted");

# All connections are busy with the mailing, which has hardly begun.
is($client->send_message(from => 'bob@example.com',
                         to => 'friend@elsewhere.test',
                         message => "Subject: letter\r\n\r\nx\r\n")->code,
   '250', 'a letter is accepted');
$hop->say('end news@example.com' => undef);
my $transactions = $MAILS * $RECIPIENTS / 100 + 1;
my @messages = $hop->wait_messages($transactions, 300);
is(scalar @messages, $transactions, 'transactions of 100 recipients');

my %times;
$times{$_}++ for map { @{ $_->{to} } } @messages;
is(scalar(keys %times), $MAILS * $RECIPIENTS + 1, 'each recipient has it');
is(scalar(grep { $_ != 1 } values %times), 0, 'once');

my ($place) = grep { $messages[$_]{from} eq 'bob@example.com' } 0 .. $#messages;
cmp_ok($place, '<', @messages / 4, 'the letter came long before the end');
my %connections = map { $_->{connection} => 1 } @messages;
cmp_ok(scalar(keys %connections), '<', @messages / 10,
       'connections are used again');
ok(wait_until(60, sub { return !glob $server->spool . '/queue/??/*' }),
   'nothing is left');
$client->quit;
$server->finish;
done_testing;
