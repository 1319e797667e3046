# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# Whatever comes, each reply is well formed, nothing crashes and the next
# client is served: sessions of valid commands, halves of them, control
# octets, wrong sizes and other protocols, thrown together and cut anywhere.
# The same in each run; SMTP_GARBAGE_SEED and SMTP_GARBAGE_SESSIONS for more.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Server;

srand($ENV{SMTP_GARBAGE_SEED} // 1);
my $sessions = $ENV{SMTP_GARBAGE_SESSIONS} // 200;

my $server = SMTPTest::Server->start_new(config => <<'END');
SMTPMaxConnections 0
SMTPMaxErrors 200
SMTPMaxMessageSize 100K
END

my @LINES = (
    'EHLO client.test', 'HELO client.test', 'EHLO [IPv6:::1]',
    ('MAIL FROM:<a@client.test>') x 4, 'MAIL FROM:<>',
    'MAIL FROM:<a@client.test> SIZE=10 BODY=8BITMIME SMTPUTF8 RET=HDRS',
    'MAIL FROM:<a@client.test> BODY=BINARYMIME',
    ('RCPT TO:<bob@example.com>') x 4, 'RCPT TO:<Postmaster>',
    'RCPT TO:<@a.test,@b.test:bob@example.com> NOTIFY=NEVER',
    ('DATA') x 3, 'RSET', 'NOOP', 'VRFY bob', 'EXPN x', 'HELP', 'HELP MAIL',
    '.', '..', '', 'Subject: x', 'Received: x', ' folded', 'AUTH PLAIN =',
    'STARTTLS', 'TURN', 'BDAT 0', 'BDAT 0 LAST', 'BDAT -1', 'BDAT 1 2 3',
    'BDAT 18446744073709551616', 'XYZZY');
my @OCTETS = ("\0", "\r", "\n", "\r\n", "\n.\n", "\r\n.\r\n", "\x16\x03\x01",
              "\xff\xfe", "\xc3\xbc", '<' x 300, 'x' x 3000, ' ' x 70, '"',
              "\e[2J", '%s%n%x', '../' x 20, ':@<>,;[]\\"');

sub pick { return $_[int rand @_] }

sub piece
{
    my $kind = rand;
    return pick(@LINES) . "\r\n" if $kind < 0.70;
    return pick(@OCTETS) if $kind < 0.80;
    return pick(@LINES) =~ s/\A.{0,3}//r . "\r\n" if $kind < 0.85;
    return pick(@LINES) . pick(@OCTETS) . "\r\n" if $kind < 0.90;
    return join('', map { chr int rand 256 } 1 .. 20 + rand 200)
        if $kind < 0.93;
    my $octets = 'y' x rand 2000;
    my $claimed = pick(length $octets, length($octets) + 5, 3);
    return "BDAT $claimed" . pick('', ' LAST') . "\r\n$octets";
}

my $read = 0;    # replies in all

# One session; what was wrong with a reply, or nothing.
sub play
{
    my $client = $server->client;
    $client->read_reply;
    $client->command('EHLO client.test') if rand > 0.1;
    for (1 .. 5 + rand 40) {
        my $octets = piece();
        $client->send_octets($octets) or last;
        # Behind these nothing may follow at once, or the session is over.
        $client->wait_taken if $octets =~ /EHLO|HELO|DATA/ || rand > 0.8;
    }
    # What it waits for may be mail data or a chunk: end both.
    $client->send_octets("\r\n.\r\n" . "z" x 3000 . "\r\n.\r\nQUIT\r\n");
    $client->shutdown_write;
    my @replies = $client->read_replies;
    $client->close;
    $read += @replies;
    return map { my $reply = $_; map { "$_: $reply" } $reply->faults }
        @replies;
}

my @faults;
for my $session (1 .. $sessions) {
    push @faults, map { "session $session: $_" } play();
    last if @faults > 10;
}
ok(!@faults, "$sessions sessions, each reply is well formed")
    || diag(join "\n", @faults);
note("$read replies");
my $client = $server->ehlo_client;
is($client->send_message(to => 'after@example.com',
                         message => "Subject: x\r\n\r\n")->code, '250',
   'the next client is served');
$client->quit;
my @stored = ($server->maildir('bob@example.com')->messages,
              $server->maildir('postmaster@example.com')->messages);
is(scalar(grep { !eval { SMTPTest::Maildir::parse($_) } } @stored), 0,
   'what was taken has its trace (' . @stored . ')');
$server->finish;
done_testing;
