# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# SMTPLoginLimit: a login whose password was stolen sends no more than so many
# messages, to no more than so many recipients; what was refused does not count,
# and sessions at the same time cannot pass the limit together.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MIME::Base64 qw(encode_base64);

use SMTPTest::Server;
use SMTPTest::Wait qw(wait_until);

my %USERS = (bob => 'secret', alice => 'clue', Bob => 'other');
my $MESSAGE = "Subject: x\r\n\r\nHi\r\n";

sub start
{
    my ($limits, %arg) = @_;
    return SMTPTest::Server->start_new(
        auth => \%USERS, modules => ['socache_shmcb'],
        domain => 'SMTPRecipients list:dora,emil,fritz,gerda,hans,ida',
        config => "SMTPAuthWithoutTLS On\nSMTPLoginLimit $limits\n", %arg);
}

sub login
{
    my ($server, $login, $password) = @_;
    my $client = $server->ehlo_client;
    is($client->command('AUTH PLAIN '
                        . encode_base64("\0$login\0$password", ''))->code,
       '235', "$login logs in");
    return $client;
}

sub is_refused
{
    my ($reply, $name) = @_;
    is($reply->code . ' ' . $reply->status, '450 4.7.1', $name)
        || diag($reply->text);
    return;
}

sub codes
{
    my ($client, @commands) = @_;
    return join ' ', map { $client->command($_)->code } @commands;
}

sub mail
{
    my ($client, @to) = @_;
    return $client->send_message(to => $to[0] // 'dora@example.com',
                                 message => $MESSAGE)->code;
}

subtest 'so many messages' => sub {
    my $server = start('messages=3/1h');
    my $first = login($server, 'bob', 'secret');
    is(mail($first), '250', "message $_") for 1 .. 2;
    $first->quit;
    my $client = login($server, 'bob', 'secret');
    is(mail($client), '250', 'message 3, on another connection');
    is_refused($client->command('MAIL FROM:<a@example.org>'), 'message 4');
    is($client->command('RCPT TO:<dora@example.com>')->code, '503',
       'there is no transaction');
    my $other = login($server, 'Bob', 'other');
    is_refused($other->command('MAIL FROM:<a@example.org>'),
               'another spelling is no other login');
    is(mail(login($server, 'alice', 'clue')), '250', 'another login is');
    is(mail($server->ehlo_client), '250', 'who did not log in has no login');
    like($server->wait_log(qr/SM1067/),
         qr/mail refused: client 127\.0\.0\.1, login "bob": SMTPLoginLimit \Qmessages=3\/3600s\E is reached/,
         'the log says so');
    $server->graceful;
    is_refused(login($server, 'bob', 'secret')
                   ->command('MAIL FROM:<a@example.org>'),
               'a graceful restart forgets nothing');
    $server->finish;
};

subtest 'refused mail is no mail' => sub {
    my $server = start('messages=1/1h recipients=2/1h');
    my $client = login($server, 'bob', 'secret');
    for my $end ('RSET', 'EHLO client.test') {
        is(codes($client, 'MAIL FROM:<a@example.org>',
                 'RCPT TO:<dora@example.com>', 'RCPT TO:<emil@example.com>',
                 $end), '250 250 250 250', "taken back by $end");
    }
    is(codes($client, 'MAIL FROM:<a@example.org>',
             map { "RCPT TO:<nobody$_\@example.com>" } 1 .. 5),
       '250 550 550 550 550 550', 'unknown recipients');
    is($client->command('RCPT TO:<dora@example.com>')->code, '250',
       'do not count');
    $client->close(is_reset => 1);
    $client = login($server, 'bob', 'secret');
    # Once the server has noticed the end of the other.
    ok(wait_until(10, sub {
           $client->command('MAIL FROM:<a@example.org>')->code eq '250';
       }), 'nor does a connection that broke');
    is(codes($client, 'RCPT TO:<dora@example.com>', 'DATA'), '250 354',
       'mail');
    $client->send_octets("$MESSAGE.\r\n");
    is($client->read_reply->code, '250', 'is sent');
    is_refused($client->command('MAIL FROM:<a@example.org>'), 'this one did');
    $server->finish;
};

subtest 'so many recipients' => sub {
    my $server = start('recipients=4/1h');
    my $client = login($server, 'bob', 'secret');
    is(codes($client, 'MAIL FROM:<a@example.org>',
             map { "RCPT TO:<$_\@example.com>" } qw(dora emil fritz)),
       '250 250 250 250', 'three');
    is(codes($client, 'DATA'), '354', 'DATA');
    $client->send_octets("$MESSAGE.\r\n");
    is($client->read_reply->code, '250', 'sent');
    is(codes($client, 'MAIL FROM:<a@example.org>',
             'RCPT TO:<dora@example.com>'), '250 250', 'a fourth');
    is_refused($client->command("RCPT TO:<$_\@example.com>"), $_)
        for qw(emil fritz);
    is(codes($client, 'DATA'), '354', 'the one gets the mail');
    $client->send_octets("$MESSAGE.\r\n");
    is($client->read_reply->code, '250', 'sent');
    $server->finish;
    is($server->maildir('dora@example.com')->count, 2, 'dora has both');
    is($server->maildir('emil@example.com')->count, 1, 'emil has one');
};

subtest 'sessions at the same time do not pass the limit together' => sub {
    my $server = start('messages=5/1h');
    my @clients = map { login($server, 'bob', 'secret') } 1 .. 12;
    $_->send_octets("MAIL FROM:<a\@example.org>\r\n") for @clients;
    my %count;
    $count{ $_->read_reply->code }++ for @clients;
    is_deeply(\%count, { 250 => 5, 450 => 7 }, 'five of twelve');
    $server->finish;
};

subtest 'a limit without a cache is refused by httpd -t' => sub {
    my $server = SMTPTest::Server->new(config => 'SMTPLoginLimit messages=1/1h');
    like($server->start_refused,
         qr/SMTPLoginLimit: .*LoadModule socache_shmcb_module/,
         'and it says what to do');
};

done_testing;
