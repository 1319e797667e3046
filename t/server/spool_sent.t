# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# What is to be sent on is kept by the store as safely as what is for its
# Maildirs, and waits for whoever sends it: through a restart, through the
# death of all processes, and while nobody is there to send.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Server;

my $CONFIG = "<SMTPRelay>\nRequire ip 127.0.0.1\n</SMTPRelay>";
# They share one error log.
my @EXPECTED = (qr/AH00098: pid file/, qr/SM2070: .*load mod_smtp_queue/);
my $server = SMTPTest::Server->start_new(
    dsos => ['mod_smtp_hold'], config => $CONFIG, expected => \@EXPECTED);

sub held
{
    return map { /held: (.*)/ ? $1 : () } $server->log;
}

sub journals
{
    my @names = map { s{.*/}{}r } glob $server->spool . '/journal/*';
    return @names;
}

my $client = $server->ehlo_client;

# RFC 5321 3.3: one transaction, whatever becomes of its recipients.
subtest 'one mail is for a Maildir and to be sent' => sub {
    my $reply = $client->send_message(
        to => ['user@elsewhere.test', 'bob@example.com', 'b@elsewhere.test'],
        message => "Subject: both\r\n\r\nx\r\n");
    is($reply->code, '250', 'accepted');
    is(scalar $server->maildir('bob@example.com')->wait_messages(1), 1,
       'the Maildir has one copy');
    $server->wait_log(qr/held: /);
    is(scalar(() = held()), 1, 'and one record is handed over');
};

subtest 'only what is to be sent is handed over' => sub {
    is($client->send_message(to => 'bob@example.com',
                             message => "Subject: local\r\n\r\nx\r\n")->code,
       '250', 'accepted');
    $server->maildir('bob@example.com')->wait_messages(2);
    is(scalar(() = held()), 1, 'nothing more is handed over');
};

subtest 'a route that refuses has its say' => sub {
    $client->command('MAIL FROM:<bob@example.com>');
    my $reply = $client->command('RCPT TO:<user@refused.test>');
    is($reply->code . ' ' . $reply->text, '550 5.7.1 Nothing goes there',
       'its reply');
    $reply = $client->command('RCPT TO:<user@declined.test>');
    is($reply->code . ' ' . $reply->status, '451 4.3.0',
       'and nobody takes what the queue does not');
    is($client->command('RCPT TO:<user@elsewhere.test>')->code, '250',
       'the transaction goes on');
    $client->command('RSET');
};

subtest 'a large mail too' => sub {
    my $line = 'x' x 70 . "\r\n";
    is($client->send_message(to => 'large@elsewhere.test',
                             message => "Subject: large\r\n\r\n"
                                 . $line x 4000)->code, '250', 'accepted');
    $server->wait_log(qr/held: .*held: /s);
    is(scalar(() = glob $server->spool . '/journal/*/*.mail'), 1,
       'its mail data waits beside the journal');
};
$client->quit;

# A stop that was no accident leaves what waits where it is.
subtest 'it waits over a restart' => sub {
    my @before = journals();
    $server->graceful;
    my $other = $server->ehlo_client;
    is($other->send_message(to => 'user@elsewhere.test',
                            message => "Subject: new\r\n\r\nx\r\n")->code,
       '250', 'the new generation takes mail to be sent');
    $other->quit;
    my %now = map { $_ => 1 } journals();
    is_deeply([grep { !$now{$_} } @before], [],
              'the journals of the old one are there');
    is(scalar(() = glob $server->spool . '/journal/*/*.mail'), 1,
       'and the mail data');
};

subtest 'it outlives all processes' => sub {
    $server->kill_all;
    $server->start;
    my $other = $server->ehlo_client;
    is($other->send_message(to => 'bob@example.com',
                            message => "Subject: after\r\n\r\nx\r\n")->code,
       '250', 'the server is up');
    $other->quit;
    is(scalar $server->maildir('bob@example.com')->wait_messages(3), 3,
       'no Maildir got anything twice');
    is(scalar(() = glob $server->spool . '/journal/*/*.mail'), 1,
       'the mail data waits');
    ok(scalar(journals()), 'so do the journals');
};
$server->stop;

# The administrator took the module out of the configuration.
subtest 'mail that nobody sends is named, once, and kept' => sub {
    my @before = journals();
    my $alone = SMTPTest::Server->start_new(
        root => $server->root, config => $CONFIG, expected => \@EXPECTED);
    $alone->wait_log(qr/SM2070: /);
    my $other = $alone->ehlo_client;
    $other->command('MAIL FROM:<bob@example.com>');
    my $reply = $other->command('RCPT TO:<user@elsewhere.test>');
    is($reply->code . ' ' . $reply->status, '451 4.3.0',
       'no more of it is taken');
    $other->quit;
    my %now = map { $_ => 1 } journals();
    is_deeply([grep { !$now{$_} } @before], [], 'all of it is there');
    $alone->finish;
    is(scalar(() = grep { /SM2070/ } $alone->log), 1, 'one line');
};
$server->finish;
done_testing;
