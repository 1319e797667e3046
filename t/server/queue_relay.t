# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# Mail for other domains leaves, whole, for each of its recipients once; what
# is put off comes again, what fails is reported.
use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Maildir;
use SMTPTest::NextHop;
use SMTPTest::Server;
use SMTPTest::Wait qw(wait_until);

my $hop = SMTPTest::NextHop->start_new(directory => tempdir(CLEANUP => 1));
my $server = SMTPTest::Server->start_new(
    queue => 1,
    config => "<SMTPRelay>\nRequire ip 127.0.0.1\n</SMTPRelay>\n"
        . 'SMTPRoute smtp:127.0.0.1:' . $hop->port . "\nSMTPRetry 1s\nSMTPMessagesPerConnection 1\n"
        . "SMTPBackoff first=1s last=1s",
    global => 'LogLevel smtp_queue:info',
);
my $HEADER = "From: bob\@example.com\r\nSubject: x\r\n";
my $taken = 0;

# Sends to the recipients; the messages that then come to the next hop.
sub relay
{
    my ($count, %arg) = @_;
    my $client = $server->ehlo_client;
    my $reply = $client->send_message(from => 'bob@example.com',
                                      message => "$HEADER\r\nx\r\n", %arg);
    is($reply->code, '250', 'accepted') or diag $reply->text;
    $client->quit;
    $taken += $count;
    my @messages = $hop->wait_messages($taken);
    is(scalar @messages, $taken, "$count taken by the next hop");
    return splice @messages, $taken - $count;
}

# No message of the queue is left on disk.
sub is_empty
{
    return wait_until(60, sub { return !glob $server->spool . '/queue/??/*' });
}

subtest 'a message goes on as it came' => sub {
    my $body = join '', map { "$_\r\n" }
        '.', '..', 'a line', '', '.hidden', "\xe4\xf6", 'x' x 998, '';
    my ($message) = relay(1, to => 'user@elsewhere.test',
                          mail => 'BODY=8BITMIME',
                          message => "$HEADER\r\n$body");
    is($message->{from}, 'bob@example.com', 'reverse-path');
    is_deeply($message->{to}, ['user@elsewhere.test'], 'forward-path');
    like($message->{parameters}, qr/\bBODY=8BITMIME\b/, 'parameter');
    is($message->{helo}, 'mx.example.com', 'our name');
    my ($trace, $content) =
        $message->{content} =~ /\A(Received: .*?\r\n(?=\S))(.*)\z/s;
    is($content, "$HEADER\r\n$body", 'mail data');
    like($trace, qr/by mx\.example\.com/, 'our trace field (RFC 5321 4.4)');
    unlike($message->{content}, qr/^Return-Path:/m, 'no Return-Path');
};

subtest 'recipients of one next hop are one transaction' => sub {
    my ($message) = relay(1, to => [map { "user$_\@elsewhere.test" } 1 .. 20]);
    is(scalar @{ $message->{to} }, 20, 'all of them');
};

subtest 'local and other recipients may come together' => sub {
    my ($message) = relay(1, to => ['bob@example.com', 'user@elsewhere.test',
                                    'alice@example.com']);
    is_deeply($message->{to}, ['user@elsewhere.test'], 'one goes on');
    for my $name (qw(bob alice)) {
        my ($stored) = $server->maildir("$name\@example.com")
            ->wait_messages(1);
        like($stored, qr/^Subject: x$/m, "$name has a copy");
        $server->maildir("$name\@example.com")->clear;
    }
};

subtest 'a large message' => sub {
    my $body = join '', map { sprintf "%07d %s\r\n", $_, 'y' x 60 }
        1 .. 20_000;
    my ($message) = relay(1, to => 'user@elsewhere.test',
                          message => "$HEADER\r\n$body");
    like($message->{content}, qr/\r\n\r\n\Q$body\E\z/, 'all of it');
};

subtest 'what DSN says goes on (RFC 3461 5.2.1)' => sub {
    my ($message) = relay(1, to => 'user@elsewhere.test',
        mail => 'RET=HDRS ENVID=Q+2B1',
        rcpt => 'NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;u+40old.test');
    like($message->{parameters}, qr/\bENVID=Q\+2B1\b/, 'ENVID');
    like($message->{parameters}, qr/\bRET=HDRS\b/, 'RET');
    like($message->{to}[0], qr/NOTIFY=SUCCESS,FAILURE/, 'NOTIFY');
    like($message->{to}[0], qr/ORCPT=rfc822;u\+40old\.test/, 'ORCPT');
};

subtest 'one of them is refused, one is put off' => sub {
    $hop->say('rcpt no' => '550 5.1.1 Never heard of',
              'rcpt later' => '450 4.2.1 Not now');
    my ($message) = relay(1, to => [map { "$_\@elsewhere.test" }
                                    qw(yes no later)]);
    is_deeply($message->{to}, ['yes@elsewhere.test'], 'one is taken');
    my ($report) = $server->maildir('bob@example.com')->wait_messages(1);
    like($report, qr/^Final-Recipient: rfc822; ?no\@elsewhere\.test$/m,
         'the sender is told who');
    like($report, qr/^Status: 5\.1\.1$/m, 'and why');
    like($report, qr/^Diagnostic-Code: smtp; ?550 5\.1\.1 Never heard of$/m,
         'in the words of the next hop');
    unlike($report, qr/later\@|yes\@/, 'and of nobody else');
    like($report, qr/^Return-Path: <>$/m, 'null reverse-path');
    $hop->say('rcpt no' => undef, 'rcpt later' => undef);
    my @messages = $hop->wait_messages(++$taken);
    is_deeply($messages[-1]{to}, ['later@elsewhere.test'],
              'who was put off comes again, alone');
    ok(is_empty(), 'nothing is left');
    $server->maildir('bob@example.com')->clear;
};

for my $stage (qw(greeting ehlo mail rcpt data end)) {
    for my $answer ('451 4.3.0 Later', 'drop', '421 4.3.2 Bye', 'flood',
                    $stage eq 'greeting' ? '554 5.7.1 You are on a list'
                                         : ()) {
        subtest "$stage: $answer" => sub {
            $hop->say($stage => $answer);
            my $before = () = $hop->transcript;
            my $client = $server->ehlo_client;
            is($client->send_message(from => 'bob@example.com',
                                     to => 'user@elsewhere.test',
                                     message => "$HEADER\r\n$stage\r\n")
                   ->code, '250', 'accepted');
            ok(wait_until(60, sub { return glob $server->spool
                                        . '/queue/??/*' }), 'deferred');
            $hop->say($stage => undef);
            my @messages = $hop->wait_messages(++$taken);
            like($messages[-1]{content}, qr/\r\n\r\n$stage\r\n\z/,
                 'and sent later');
            ok(is_empty(), 'nothing is left');
        };
    }
}
is($hop->count, $taken, 'none was sent twice');

subtest 'a null reverse-path is never told (RFC 5321 6.1)' => sub {
    $hop->say('rcpt' => '550 5.1.1 No');
    my $client = $server->ehlo_client;
    is($client->send_message(from => '', to => 'user@elsewhere.test',
                             message => "$HEADER\r\nx\r\n")->code, '250',
       'accepted');
    ok(wait_until(60, sub { return $server->log_text =~ /5\.1\.1/ }),
       'it failed');
    ok(is_empty(), 'and is gone');
    is($server->maildir('postmaster@example.com')->count, 0, 'no report');
};

$server->finish;
done_testing;
