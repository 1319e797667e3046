# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# Between Postfix and Exim, in either direction, mail passes us as it came: its
# octets, what its envelope asks for, and the word that somebody did not get it.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Client;
use SMTPTest::Exim;
use SMTPTest::Postfix;
use SMTPTest::Program;
use SMTPTest::Relay;

SMTPTest::Program::need('postfix', root => 1);

my $HEADER = "From: bob\@example.com\r\nSubject: x\r\n";
my $REFUSED = 'refused@relayed.test';
my %START = (
    Postfix => sub {
        my ($next_port, $refused) = @_;
        my $postfix = SMTPTest::Postfix->start($next_port, $refused
            ? 'smtpd_recipient_restrictions = check_recipient_access'
                . " inline:{{$refused = REJECT}}, permit_mynetworks, reject"
            : ());
        return ($postfix, $postfix->port);
    },
    Exim => sub {
        my ($next_port, $refused) = @_;
        my $exim = SMTPTest::Exim->new($next_port, refuses => $refused);
        return ($exim, $exim->listen);
    },
);
my ($relay, $receiver, $first, $sender, $port);    # of the way that is tested

sub client
{
    my $client = SMTPTest::Client->new(port => $port);
    $client->read_reply;
    $client->command('EHLO client.test');
    return $client;
}

sub is_taken
{
    my (%arg) = @_;
    my $client = client();
    is($client->send_message(from => 'bob@example.com',
                             message => "$HEADER\r\nx\r\n", %arg)->code,
       '250', 'taken');
    $client->quit;
    return;
}

# What the DSN in bob's mailbox says; he has no other.
sub is_reported
{
    my ($to, $status, @about) = @_;
    my @reports = $sender->wait_messages(1, 60);
    is(scalar @reports, 1, 'the sender is told');
    like($reports[0], qr/^Final-Recipient: rfc822; ?\Q$to\E$/m, 'of whom');
    like($reports[0], qr/^Status: \Q$status\E/m, 'and why');
    like($reports[0], $_, 'with what he said himself') for @about;
    is(scalar(() = $reports[0] =~ /^Final-Recipient:/mg), 1,
       'and of nobody else');
    $sender->clear;
    return;
}

sub has_one
{
    my ($mailbox) = @_;
    my @found = $relay->last_server->maildir($mailbox)->wait_messages(1, 60);
    return is(scalar @found, 1, "$mailbox has it");
}

# The command of a client of the last server that begins so.
sub came
{
    my ($begin) = @_;
    my ($line) = grep { /C: \Q$begin\E/ } $relay->last_server->log;
    return $line =~ s/.*C: |\n//gr if $line;
    return "no $begin";
}

sub check_envelope
{
    is_taken(to => 'dsn@relayed.test', mail => 'RET=HDRS ENVID=Q+2B1',
             rcpt => 'NOTIFY=FAILURE,DELAY ORCPT=rfc822;u+2Bx@old.test');
    has_one('dsn@relayed.test');
    my $rcpt = came('RCPT TO:<dsn@relayed.test>');
    like($rcpt, qr/ NOTIFY=(?:FAILURE,DELAY|DELAY,FAILURE)\b/, 'NOTIFY');
    like($rcpt, qr/ ORCPT=rfc822;u\+2Bx\@old\.test/, 'ORCPT');
    like(join('', $relay->last_server->log),
         qr/C: MAIL FROM:<bob\@example\.com>(?=.* RET=HDRS).* ENVID=Q\+2B1/,
         'RET and ENVID');

    is_taken(from => "j\xc3\xbcrgen\@b\xc3\xbccher.test", mail => 'SMTPUTF8',
             to => "z\xc3\xbcrich\@relayed.test",
             message => "Subject: Gr\xc3\xbc\xc3\x9fe\r\n\r\nx\r\n");
    has_one("z\xc3\xbcrich\@relayed.test");
    like(came('MAIL FROM:<j'), qr/ SMTPUTF8/, 'SMTPUTF8');

    is_taken(from => 'eight@client.test', to => 'eight@relayed.test',
             mail => 'BODY=8BITMIME', message => "$HEADER\r\n\xe4\xf6\r\n");
    has_one('eight@relayed.test');
    # Exim takes it so and says so, but does not pass it on.
    like(join('', $relay->last_server->log, $receiver->log),
         qr/eight\@client\.test>? .*(?:BODY=8BITMIME|M8S=8)/, '8BITMIME');
    return;
}

sub check_refused
{
    # By who is behind us: we tell.
    is_taken(to => [map { "$_\@relayed.test" } qw(one refused two)],
             mail => 'RET=HDRS ENVID=of-bob');
    is_reported($REFUSED, '5.', qr/^Original-Envelope-Id: of-bob$/m,
                qr/^Reporting-MTA: dns; ?mx\.example\.com$/m);
    has_one($_) for 'one@relayed.test', 'two@relayed.test';

    # By us: who is before us tells, by way of us.
    is_taken(to => ['three@relayed.test', 'nobody@list.test',
                    'four@relayed.test']);
    is_reported('nobody@list.test', '5.', qr/ 550 5\.1\.1 No such/,
                qr/^Reporting-MTA: dns; ?(?:postfix|exim)\.client\.test$/m);
    has_one($_) for 'three@relayed.test', 'four@relayed.test';

    # Who does not want to know is not told.
    is_taken(to => $REFUSED, rcpt => 'NOTIFY=NEVER');
    is_taken(to => $REFUSED, rcpt => 'NOTIFY=FAILURE');
    is_reported($REFUSED, '5.');
    return;
}

for my $way (['Postfix', 'Exim'], ['Exim', 'Postfix']) {
    my ($before, $after) = @{$way};
    subtest "from $before to $after" => sub {
        $relay = SMTPTest::Relay->new;
        ($receiver, $port) = $START{$after}->($relay->port, $REFUSED);
        $first = $relay->start($port, '<SMTPDomain list.test>',
                               'SMTPRecipients list:carol', '</SMTPDomain>');
        $sender = $first->maildir('bob@example.com');
        (my $client, $port) = $START{$before}->($first->port);
        subtest 'what the envelope asks for' => \&check_envelope;
        subtest 'some recipients are refused' => \&check_refused;
        subtest 'byte for byte' => sub {
            $relay->check(64, 3, client => client());
        };
        is($sender->count, 0, 'the sender is told of nothing else');
    };
}
done_testing;
