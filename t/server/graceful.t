# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# Graceful restart and graceful stop: a message that is on its way is taken
# to its end, sessions that wait are told 421 (RFC 5321 3.8), new sessions
# find the new generation.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Server;

my $server = SMTPTest::Server->start_new;
my $MESSAGE = "Subject: in flight\r\n\r\nfirst half\r\n";

# A client amid mail data, by DATA or by BDAT.
sub client_in_data
{
    my $client = $server->ehlo_client;
    $client->pipeline('MAIL FROM:<a@client.test>',
                      'RCPT TO:<flight@example.com>', 'DATA');
    $client->send_octets($MESSAGE);
    $client->wait_taken;
    return $client;
}

sub client_in_chunk
{
    my $client = $server->ehlo_client;
    $client->pipeline('MAIL FROM:<a@client.test>',
                      'RCPT TO:<flight@example.com>');
    $client->send_octets(sprintf "BDAT %d LAST\r\n%s",
                         length($MESSAGE) + 13, $MESSAGE);
    $client->wait_taken;
    return $client;
}

# A new session. Where children block, one of the old generation may have
# taken the connection before it knew of its end: 421, and again.
sub new_client
{
    my $client;
    SMTPTest::Wait::wait_until(30, sub {
        return $client = eval { $server->ehlo_client }; });
    return $client;
}

# What the sessions go through, and how each ends: what = 'restart' or 'stop'.
sub try_graceful
{
    my ($what, $begin) = @_;
    my $in_data = client_in_data();
    my $in_chunk = client_in_chunk();
    my $greeted = $server->client;
    $greeted->read_reply;
    my $ready = $server->ehlo_client;
    my $in_mail = $server->ehlo_client;
    $in_mail->pipeline('MAIL FROM:<a@client.test>',
                       'RCPT TO:<waiting@example.com>');
    $begin->();
    is_sent_away($greeted, "$what: before EHLO");
    is_sent_away($ready, "$what: after EHLO");
    is_sent_away($in_mail, "$what: within a transaction");
    $in_data->send_octets("second half\r\n.\r\n");
    is($in_data->read_reply->code, '250', "$what: DATA is taken to its end");
    $in_chunk->send_octets("second half\r\n");
    is($in_chunk->read_reply->code, '250',
       "$what: BDAT is taken to its end");
    is_sent_away($in_data, "$what: then that session ends");
    is_sent_away($in_chunk, "$what: then that session ends, too");
    return;
}

sub is_sent_away
{
    my ($client, $name) = @_;
    my $reply = $client->read_reply;
    is($reply->code, '421', "$name: 421") || diag($reply);
    like($reply->status, qr/\A4\.3\.[02]\z/, "$name: enhanced code");
    ok($client->is_closed, "$name: closed");
    return;
}

subtest 'graceful restart' => sub {
    try_graceful('restart', sub { $server->graceful });
    for my $round (1 .. 3) {
        my $client = new_client();
        is($client->send_message(to => 'new@example.com',
                                 message => "Subject: new\r\n\r\n")->code,
           '250', "a new session works, round $round");
        $client->quit;
        $server->graceful;
    }
};

subtest 'a graceful restart takes the new configuration' => sub {
    $server->write_config(config => 'SMTPMaxMessageSize 12345');
    $server->graceful;
    my $client;
    my $is_new = SMTPTest::Wait::wait_until(30, sub {
        $client = $server->client;
        my $greeting = $client->read_reply;
        my %keyword = $client->command('EHLO client.test')->keywords;
        return ($keyword{SIZE} // '') eq '12345';
    });
    ok($is_new, 'SIZE is the new one');
    $client->close;
};

subtest 'graceful stop' => sub {
    try_graceful('stop', sub { $server->begin_graceful_stop });
    ok($server->wait_gone, 'httpd is gone');
    ok(!eval { $server->client; 1 }, 'nobody listens any more');
};

subtest 'a message in flight that stalls does not hold the old child' => sub {
    my $slow = SMTPTest::Server->start_new(
        config => "SMTPTimeout command=3s data=3s total=60s\n");
    my $client = $slow->ehlo_client;
    $client->pipeline('MAIL FROM:<a@client.test>',
                      'RCPT TO:<stalled@example.com>', 'DATA');
    $client->send_octets("Subject: stalled\r\n");
    $client->wait_taken;
    $slow->begin_graceful_stop;
    # It goes on for a while, so that it does not only wait.
    for (1 .. 6) {
        ok(!$client->has_input(0.5), 'has time');
        $client->send_octets("X-Field: still there\r\n" x 50);
        $client->wait_taken;
    }
    my $reply = $client->read_reply;
    is($reply->code . ' ' . $reply->status, '421 4.4.2',
       'is timed out as ever') || diag($reply);
    ok($slow->wait_gone, 'and httpd ends');
    $slow->finish;
};

is($server->maildir('flight@example.com')->count, 4,
   'all messages in flight are there');
like($_, qr/first half\nsecond half\n\z/, 'whole')
    for $server->maildir('flight@example.com')->messages;
is($server->maildir('waiting@example.com')->count, 0, 'none from nowhere');
is($server->maildir('new@example.com')->count, 3, 'those after it are');

$server->start;
$server->ehlo_client->quit;
$server->finish;
done_testing;
