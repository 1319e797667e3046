# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# Clients that vanish, by FIN or by RST, at each point of a session: nothing is
# delivered by half, nothing leaks, the next client is served. A child that
# crashes shows in the error log and fails this.
#
# speed: fast
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Server;
use SMTPTest::Wait qw(wait_until);

my $server = SMTPTest::Server->start_new(config => <<'END');
SMTPMaxConnections 3
SMTPMaxErrors 0
END

my @ENVELOPE = ('MAIL FROM:<a@client.test>', 'RCPT TO:<half@example.com>');

# How far a client comes before it vanishes: commands whose replies it reads,
# then octets that it only sends.
my @POINTS = (
    ['before the greeting is read', 0],
    ['within a command line', 1, [], 'NOOP'],
    ['after a CR', 1, [], "NOOP\r"],
    ['after EHLO', 1, ['EHLO client.test']],
    ['with a reply on the way', 1, ['EHLO client.test'], "NOOP\r\n" x 100],
    ['within a transaction', 1, ['EHLO client.test', @ENVELOPE]],
    ['before mail data', 1, ['EHLO client.test', @ENVELOPE, 'DATA']],
    ['within the header section', 1,
     ['EHLO client.test', @ENVELOPE, 'DATA'], "Subject: half\r\n"],
    ['within mail data', 1,
     ['EHLO client.test', @ENVELOPE, 'DATA'], "A: b\r\n\r\nhalf\r\n"],
    ['within much mail data', 1,
     ['EHLO client.test', @ENVELOPE, 'DATA'], "A: b\r\n\r\n" . 'x' x 200_000],
    ['within the end of the data', 1,
     ['EHLO client.test', @ENVELOPE, 'DATA'], "A: b\r\n\r\nhalf\r\n.\r"],
    ['within a BDAT command', 1,
     ['EHLO client.test', @ENVELOPE], 'BDAT 10'],
    ['within a chunk', 1,
     ['EHLO client.test', @ENVELOPE], "BDAT 100 LAST\r\nSubject: half"],
    ['between chunks', 1,
     ['EHLO client.test', @ENVELOPE], "BDAT 6\r\nA: b\r\n"],
);

sub vanish
{
    my ($is_reset, undef, $is_greeted, $commands, $octets) = @_;
    my $client = $server->client;
    $client->read_reply if $is_greeted;
    for my $command (@{ $commands // [] }) {
        my $code = $client->command($command)->code;
        die "$command: $code\n" if $code !~ /\A[23]/;
    }
    $client->send_octets($octets) if defined $octets;
    $client->close(is_reset => $is_reset);
    return;
}

# With three connections for a client at most, one that stayed behind soon
# stops those that follow.
for my $point (@POINTS) {
    for my $is_reset (0, 1) {
        for my $round (1 .. 5) {
            my $ok = wait_until(10, sub {
                return eval { vanish($is_reset, @{$point}); 1 };
            });
            ok($ok, "$point->[0], by " . ($is_reset ? 'RST' : 'FIN'))
                || diag($@) if !$ok || $round == 5;
        }
    }
}

# After the end of the data the message is the server's, whether the client
# waits for the reply or not.
for my $is_reset (0, 1) {
    my $client = $server->ehlo_client;
    $client->pipeline('MAIL FROM:<a@client.test>',
                      'RCPT TO:<whole@example.com>', 'DATA');
    $client->send_octets("Subject: whole\r\n\r\n.\r\n");
    $client->wait_taken;
    $client->close(is_reset => $is_reset);
}

subtest 'a client that half-closes is answered to the end' => sub {
    # FIN says "no more from me", not "I am gone".
    my $client = $server->client;
    $client->read_reply;
    $client->command('EHLO client.test');
    $client->pipeline('MAIL FROM:<a@client.test>',
                      'RCPT TO:<closed@example.com>', 'DATA');
    $client->send_octets("Subject: closed\r\n\r\n.\r\nNOOP\r\n");
    $client->shutdown_write;
    is(join(' ', map { $_->code } $client->read_replies), '250 250',
       'both replies');
};

my $client = $server->ehlo_client;
is($client->send_message(to => 'after@example.com',
                         message => "Subject: x\r\n\r\n")->code, '250',
   'the next client is served');
$client->quit;
$server->finish;
is($server->maildir('half@example.com')->count, 0, 'nothing by half');
is($server->maildir('closed@example.com')->count, 1, 'the whole one');
for my $stored ($server->maildir('whole@example.com')->messages) {
    is(SMTPTest::Maildir::content($stored), "Subject: whole\n\n",
       'what was taken without a witness is whole');
}
done_testing;
