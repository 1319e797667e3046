# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# Command pipelining (RFC 2920): groups of commands keep their order however
# TCP cuts them, and octets sent where the client must wait are refused and
# never carried out.
#
# speed: fast
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Server;

my $server = SMTPTest::Server->start_new(config => <<'END');
SMTPMaxErrors 0
SMTPMaxMessages 0
END

sub codes { return join ' ', map { $_->code } @_ }

sub replies
{
    my ($client, $count) = @_;
    return map { $client->read_reply } 1 .. $count;
}

my $GROUP = "MAIL FROM:<a\@client.test>\r\nRCPT TO:<group\@example.com>\r\n"
    . "RCPT TO:<x\@elsewhere.test>\r\nRCPT TO:<two\@example.com>\r\nDATA\r\n";
my $MESSAGE = "Subject: piped\r\n\r\nx\r\n.\r\n";

subtest 'a group of commands is answered in order' => sub {
    # RFC 2920 3.1, 3.2.
    my $client = $server->ehlo_client;
    $client->send_octets($GROUP);
    my @replies = replies($client, 5);
    is(codes(@replies), '250 250 550 250 354', 'a reply to each');
    is_deeply([map { $_->faults } @replies], [], 'well formed');
    $client->send_octets($MESSAGE . $GROUP);
    is(codes(replies($client, 6)), '250 250 250 550 250 354',
       'the next group may follow the message in one segment');
    $client->send_octets("${MESSAGE}QUIT\r\n");
    is(codes(replies($client, 2)), '250 221', 'QUIT may, too');
    ok($client->is_closed, 'closed');
};

subtest 'a group is the same group wherever TCP cuts it' => sub {
    my $client = $server->ehlo_client;
    my @faults;
    for my $cut (1 .. length($GROUP) - 1) {
        $client->send_split($GROUP, $cut);
        my $codes = codes(replies($client, 5));
        push @faults, "$cut: $codes" if $codes ne '250 250 550 250 354';
        $client->send_octets($MESSAGE);
        is($client->read_reply->code, '250', "cut at $cut") or last;
    }
    ok(!@faults, 'each cut') || diag(@faults);
    $client->send_split($GROUP, 1 .. length($GROUP) - 1);
    is(codes(replies($client, 5)), '250 250 550 250 354',
       'each octet in a segment of its own');
    $client->close;
};

subtest 'when no recipient is left DATA fails and nothing is lost' => sub {
    # RFC 2920 3.1: the client must look at each reply; 3.2: the server must
    # not throw input away.
    my $client = $server->ehlo_client;
    is(codes($client->pipeline('MAIL FROM:<a@client.test>',
                               'RCPT TO:<x@elsewhere.test>', 'DATA'))
       =~ s/554/503/r, '250 550 503', 'DATA is refused');
    is(codes($client->pipeline('RSET', 'MAIL FROM:<a@client.test>',
                               'RCPT TO:<after@example.com>', 'RSET')),
       '250 250 250 250', 'the session goes on');
    $client->quit;
};

subtest 'an error in a group does not lose what follows it' => sub {
    my $client = $server->ehlo_client;
    is(codes($client->pipeline('MAIL FROM:<a@@client.test>', 'XYZZY',
                               'MAIL FROM:<a@client.test> SIZE=x', 'RSET',
                               'MAIL FROM:<b@client.test>',
                               'RCPT TO:<after@example.com>')),
       '501 500 501 250 250 250', 'all are answered');
    $client->quit;
};

subtest 'a long group whose replies are read late' => sub {
    my $client = $server->ehlo_client;
    my @codes = map { $_->code } $client->pipeline(('RSET') x 5000);
    is(scalar(grep { $_ eq '250' } @codes), 5000, '5,000 replies');
    $client->quit;
};

# Where the client must wait for a reply, octets that are there already are
# an attack, or a client out of step: 503 or 554, and the end.
sub is_refused
{
    my ($client, $name) = @_;
    my @replies = $client->read_replies;
    my $last = $replies[-1];
    like(defined $last ? "$last" : 'closed without a word',
         qr/\A(?:503|554|421) /, "$name: refused");
    is(scalar(grep { $_->code =~ /\A2/ && $_->text !~ /client\.test|^mx/ }
              @replies), 0, "$name: nothing was carried out")
        || diag(@replies);
    return;
}

subtest 'octets behind EHLO' => sub {
    # RFC 2920 3.1: EHLO ends a group.
    my $client = $server->client;
    $client->read_reply;
    $client->send_octets("EHLO client.test\r\nMAIL FROM:<a\@client.test>\r\n"
                         . "RCPT TO:<early\@example.com>\r\nDATA\r\n"
                         . "Subject: x\r\n\r\n.\r\n");
    is_refused($client, 'EHLO');
};

subtest 'octets behind HELO' => sub {
    my $client = $server->client;
    $client->read_reply;
    $client->send_octets("HELO client.test\r\nMAIL FROM:<a\@client.test>\r\n");
    is_refused($client, 'HELO');
};

subtest 'octets behind DATA' => sub {
    # RFC 2920 3.1: DATA ends a group; the message must wait for 354.
    my $client = $server->ehlo_client;
    is(codes($client->pipeline('MAIL FROM:<a@client.test>',
                               'RCPT TO:<early@example.com>')),
       '250 250', 'a transaction');
    $client->send_octets("DATA\r\nSubject: early\r\n\r\nx\r\n.\r\n"
                         . "MAIL FROM:<b\@client.test>\r\n");
    is_refused($client, 'DATA');
};

subtest 'octets before the greeting' => sub {
    # RFC 5321 3.1, 4.3.1: the client waits for it. The children are held
    # until the octets are there.
    my @children = $server->child_pids;
    kill 'STOP', @children;
    my $client = $server->client;
    $client->send_octets("EHLO client.test\r\nMAIL FROM:<a\@client.test>\r\n");
    kill 'CONT', @children;
    is_refused($client, 'greeting');
};

subtest 'octets behind QUIT are not answered' => sub {
    my $client = $server->ehlo_client;
    $client->send_octets("QUIT\r\nMAIL FROM:<a\@client.test>\r\nNOOP\r\n");
    my @replies = $client->read_replies;
    is(scalar @replies, 1, 'one reply') || diag(@replies);
    like("$replies[0]", qr/\A(?:221|503|554) /, 'and the end');
};

$server->finish;
is($server->maildir('early@example.com')->count, 0,
   'nothing that came too early was delivered');
done_testing;
