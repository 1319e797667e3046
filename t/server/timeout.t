# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# SMTPTimeout: a client that says nothing, or too little, does not keep a
# session for ever (RFC 5321 4.5.3.2.7), and is told so by 421 before the
# server closes (3.8). Two seconds are what time there is for
# each step, eight for all mail data; who keeps to them is never cut.
use strict;
use warnings;

use FindBin;
use IO::Select;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(time);

use SMTPTest::Server;

my $server = SMTPTest::Server->start_new(config => <<'END');
SMTPTimeout command=2s data=2s total=8s
END

# Seconds before which the total of mail data is not over.
my $TOTAL_EARLIEST = 6;

# Waits for 421 and the end; the seconds that it took from $from.
sub is_timed_out
{
    my ($client, $name) = @_;
    my $from = time;
    my $reply = $client->read_reply;
    is($reply->code, '421', "$name: 421") || diag($reply);
    is($reply->status, '4.4.2', "$name: 4.4.2");
    ok($client->is_closed, "$name: closed");
    return time - $from;
}

# Sends octets one by one, as slowly as does not run into the time between
# octets, until the server says something.
sub trickle
{
    my ($client, $octets) = @_;
    my $from = time;
    for my $octet (split //, $octets) {
        $client->send_octets($octet) or last;
        last if $client->has_input(0.25);
    }
    return time - $from;
}

subtest 'a client that says nothing at all' => sub {
    my $client = $server->client;
    $client->read_reply;
    my $took = is_timed_out($client, 'silent');
    cmp_ok($took, '>', 1.5, 'not too early');
    cmp_ok($took, '<', 10, 'not too late');
};

subtest 'a client that falls silent within a transaction' => sub {
    my $client = $server->ehlo_client;
    $client->command('MAIL FROM:<a@client.test>');
    $client->command('RCPT TO:<late@example.com>');
    is_timed_out($client, 'transaction');
};

subtest 'a command line that comes an octet at a time' => sub {
    # Slowloris: octets do not lengthen the time for a command.
    my $client = $server->ehlo_client;
    my $took = trickle($client, 'NOOP ' . 'x' x 100);
    is_timed_out($client, 'trickle');
    cmp_ok($took, '<', 10, 'not for ever');
};

subtest 'a client that falls silent within mail data' => sub {
    for my $begin ("Subject: late\r\n\r\nhalf", "Subject: late\r\n\r\n.\r",
                   '') {
        my $client = $server->ehlo_client;
        $client->pipeline('MAIL FROM:<a@client.test>',
                          'RCPT TO:<late@example.com>', 'DATA');
        $client->send_octets($begin);
        cmp_ok(is_timed_out($client, 'DATA'), '<', $TOTAL_EARLIEST,
               'not only when the total is over');
    }
};

subtest 'a client that falls silent within a chunk' => sub {
    my $client = $server->ehlo_client;
    $client->pipeline('MAIL FROM:<a@client.test>',
                      'RCPT TO:<late@example.com>');
    $client->send_octets("BDAT 100 LAST\r\nSubject: late\r\n");
    cmp_ok(is_timed_out($client, 'BDAT'), '<', $TOTAL_EARLIEST,
           'not only when the total is over');
};

subtest 'mail data that comes an octet at a time' => sub {
    my $client = $server->ehlo_client;
    $client->pipeline('MAIL FROM:<a@client.test>',
                      'RCPT TO:<late@example.com>', 'DATA');
    my $took = trickle($client, "Subject: late\r\n\r\n" . 'x' x 100);
    is_timed_out($client, 'total');
    cmp_ok($took, '>', $TOTAL_EARLIEST, 'not before the total is over');
    cmp_ok($took, '<', 20, 'not for ever');
};

subtest 'a client that does not read' => sub {
    # It cannot be told anything: it is cut.
    my $client = $server->ehlo_client(rcvbuf => 4096);
    my $end = time + ($ENV{SMTP_SLOW} ? 120 : 30);
    my $select = IO::Select->new($client->socket);
    my $error = 0;
    local $SIG{PIPE} = 'IGNORE';
    while (!$error && time < $end) {
        $select->can_write(1) or next;
        my $sent = syswrite $client->socket, "RSET\r\n" x 1000;
        $error = $!{ECONNRESET} || $!{EPIPE} if !defined $sent;
    }
    ok($error, 'the connection is gone');
};

subtest 'a client that keeps in time is served for longer than that' => sub {
    my $client = $server->ehlo_client;
    my $end = time + 5;
    my @codes;
    while (time < $end) {
        push @codes, $client->command('NOOP')->code;
        $client->has_input(0.5);
    }
    is(scalar(grep { $_ ne '250' } @codes), 0, 'each NOOP is answered');
    is($client->send_message(to => 'good@example.com',
                             message => "Subject: good\r\n\r\n")->code,
       '250', 'and mail is taken');
    $client->quit;
};

$server->finish;
is($server->maildir('late@example.com')->count, 0,
   'nothing was delivered by half');
is($server->maildir('good@example.com')->count, 1, 'the good mail is there');
done_testing;
