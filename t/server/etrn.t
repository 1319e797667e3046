# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# ETRN (RFC 1985): a host that was away has its mail sent when it is back, and
# has it sent by nobody else.
use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use IO::Socket::UNIX;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::NextHop;
use SMTPTest::Server;
use SMTPTest::Wait qw(wait_until);

my $hop = SMTPTest::NextHop->start_new(directory => tempdir(CLEANUP => 1),
                                       says => { rcpt => '451 4.3.2 Later' });
my $RELAY = "<SMTPRelay>\nRequire ip 127.0.0.1\n</SMTPRelay>\n"
    . 'SMTPRoute smtp:127.0.0.1:' . $hop->port . "\nSMTPRetry 1d\n";
my $server = SMTPTest::Server->new(
    queue => 1,
    few_threads => 1,
    auth => { node => 'secret' },
    config => $RELAY . <<'END',
SMTPAuthWithoutTLS On
SMTPETRN On
<SMTPOnDemand back.test .back.test xn--bcher-kva.test>
    Require ip 127.0.0.1
</SMTPOnDemand>
<SMTPOnDemand login.test>
    Require user node
</SMTPOnDemand>
<SMTPOnDemand strict.back.test>
    Require all denied
</SMTPOnDemand>
<SMTPOnDemand silent.test>
</SMTPOnDemand>
END
);
$server->start;

sub waiting { return scalar(() = glob $server->spool . '/queue/??/*') }

# One message to each, which is put off.
sub put_off
{
    my (@to) = @_;
    my $before = waiting();
    my $client = $server->ehlo_client;
    for my $to (@to) {
        is($client->send_message(from => 'bob@example.com', to => $to,
                                 message => "Subject: x\r\n\r\nx\r\n")->code,
           '250', "mail for $to");
    }
    $client->quit;
    ok(wait_until(60, sub { return waiting() == $before + @to }),
       'is put off');
    return;
}

# Command, code, what the reply says.
sub check
{
    my ($client, @rows) = @_;
    for my $row (@rows) {
        my ($command, $code, $status, $text) = @{$row};
        my $reply = $client->command($command);
        is($reply->code, $code, $command) or diag $reply->text;
        is($reply->status // '', $status, "$command: status");
        like($reply->text, $text, "$command: text");
        is(join(', ', $reply->faults), '', "$command: form");
    }
    return;
}

subtest 'who asks for nothing gets nothing' => sub {
    my $client = $server->client;
    $client->read_reply;
    check($client, ['ETRN back.test', 503, '5.5.1', qr/EHLO/]);
    check($client, ['HELO client.example.com', 250, '', qr/./],
          ['ETRN back.test', 503, '5.5.1', qr/EHLO/]);
    my $reply = $client->command('EHLO client.example.com');
    ok((grep { /^ETRN$/ } $reply->keywords), 'it is offered');
    check($client,
        ['ETRN', 501, '5.5.4', qr/ETRN/],
        ['ETRN @', 501, '5.5.4', qr/ETRN/],
        ['ETRN -bad-.test', 501, '5.5.4', qr/ETRN/],
        ['ETRN back.test and more', 501, '5.5.4', qr/ETRN/],
        ['ETRN back.test', 251, '2.0.0', qr/no messages .*back\.test/],
        ['etrn BACK.test', 251, '2.0.0', qr/back\.test/],
        ['ETRN @back.test', 251, '2.0.0', qr/back\.test/],
        ['ETRN sub.back.test', 251, '2.0.0', qr/sub\.back\.test/],
        ['ETRN strict.back.test', 459, '4.7.1', qr/not allowed/],
        ['ETRN other.test', 459, '4.7.1', qr/not allowed/],
        ['ETRN notback.test', 459, '4.7.1', qr/not allowed/],
        ['ETRN silent.test', 459, '4.7.1', qr/not allowed/],
        ['ETRN [127.0.0.1]', 459, '4.7.1', qr/not allowed/],
        ['ETRN #queue', 459, '4.7.1', qr/no names/],
        ['ETRN login.test', 459, '4.7.1', qr/authentication/],
        ['ETRN @login.test', 459, '4.7.1', qr/authentication/],
        ['MAIL FROM:<bob@example.com>', 250, '2.1.0', qr/./],
        ['ETRN back.test', 503, '5.5.1', qr/transaction/]);
    like($client->command('HELP ETRN')->text, qr/ETRN \[@\]domain/, 'HELP');
    $client->quit;
};

subtest 'mail of the domain is sent, other mail waits' => sub {
    put_off('a@back.test', 'b@back.test', 'c@sub.back.test', 'd@other.test');
    $hop->say(rcpt => undef);
    my $client = $server->ehlo_client;
    check($client, ['ETRN back.test', 253, '2.0.0', qr/\b2 pending/]);
    is_deeply([sort map { @{ $_->{to} } } $hop->wait_messages(2)],
              ['a@back.test', 'b@back.test'], 'the domain has its mail');
    ok(wait_until(60, sub { return waiting() == 2 }), 'two are left');
    check($client, ['ETRN @back.test', 253, '2.0.0', qr/\b1 pending/]);
    is_deeply([map { @{ $_->{to} } } ($hop->wait_messages(3))[2]],
              ['c@sub.back.test'], 'what is below it, if asked for');
    check($client, ['ETRN back.test', 251, '2.0.0', qr/no messages/]);
    is(waiting(), 1, 'the rest waits');
    $client->quit;
};

subtest 'a login counts' => sub {
    $hop->say(rcpt => '451 4.3.2 Later');
    put_off('e@login.test');
    $hop->say(rcpt => undef);
    my $client = $server->ehlo_client;
    check($client, ['AUTH PLAIN AG5vZGUAc2VjcmV0', 235, '2.7.0', qr/./],
          ['ETRN login.test', 253, '2.0.0', qr/\b1 pending/],
          ['ETRN strict.back.test', 459, '4.7.1', qr/not for you/]);
    is(scalar $hop->wait_messages(4), 4, 'it is sent');
    $client->quit;
};

subtest 'without a queue process' => sub {
    # Somebody who listens and says nothing, or something else.
    local $SIG{PIPE} = 'IGNORE';
    my $path = $server->spool . '/queue/control';
    unlink $path;
    my $client = $server->ehlo_client;
    check($client, ['ETRN back.test', 458, '4.3.0', qr/Unable to queue/]);
    my $listener = IO::Socket::UNIX->new(Local => $path, Listen => 5)
        or die "$path: $!";
    chmod 0666, $path;
    $client->send_octets("ETRN back.test\r\n");
    my $other = $listener->accept;
    is(scalar <$other>, "flush\tdomain=back.test\n", 'what is asked');
    # Of the clients of one child one waits. (On event there is one child.)
    check($server->ehlo_client,
          ['ETRN back.test', 458, '4.3.0', qr/Unable to queue/])
        if ($ENV{SMTP_MPM} // 'event') eq 'event';
    print {$other} "error\tlimit\t\ttoo many\n";
    $other->flush;
    is($client->read_reply->code, 458, 'it has no time');
    close $other;
    $client->send_octets("ETRN back.test\r\n");
    $other = $listener->accept;
    print {$other} "progress\t1\t2\t3\nnonsense\nend\t7\t8\t9\n";
    $other->flush;
    is($client->read_reply->code, 253, 'a reply of several lines');
    $client->send_octets("ETRN back.test\r\n");
    $other = $listener->accept;
    close $other;
    is($client->read_reply->code, 458, 'it goes away');
    $client->send_octets("ETRN back.test\r\n");
    $other = $listener->accept;
    print {$other} 'x' x 10_000;
    $other->flush;
    is($client->read_reply->code, 458, 'it raves');
    $client->send_octets("ETRN back.test\r\n");
    $other = $listener->accept;
    my $reply = $client->read_reply;
    is($reply->code, 250, 'it takes its time: it was asked');
    like($reply->text, qr/queuing for node back\.test started/, 'the text');
    $client->quit;
};
$server->finish;

subtest 'it is off unless it is switched on, for domains' => sub {
    my $off = SMTPTest::Server->start_new(queue => 1,
        config => "<SMTPOnDemand back.test>\nRequire all granted\n"
            . "</SMTPOnDemand>\n");
    my $client = $off->client;
    $client->read_reply;
    my $reply = $client->command('EHLO client.example.com');
    ok(!(grep { /^ETRN$/ } $reply->keywords), 'not offered');
    check($client, ['ETRN back.test', 502, '5.5.1', qr/not implemented/]);
    $off->finish;
    my %wrong = (
        'no domain' => ['SMTPETRN On', qr/without <SMTPOnDemand>/],
        'empty' => ["<SMTPOnDemand>\n</SMTPOnDemand>", qr/names no domain/],
        'no name' => ["<SMTPOnDemand a..b>\n</SMTPOnDemand>",
                      qr/"a\.\.b": is neither a domain/],
        'a literal' => ["<SMTPOnDemand [127.0.0.1]>\n</SMTPOnDemand>",
                        qr/is neither a domain/],
        'not closed' => ["<SMTPOnDemand back.test\n</SMTPOnDemand>",
                         qr/missing closing/],
        'unheard' => ["<SMTPOnDemand back.test>\nOrder deny,allow\n"
                      . '</SMTPOnDemand>', qr/write who is meant/],
        'a word' => ['SMTPETRN Maybe', qr/give one of Off, On/],
    );
    for my $name (sort keys %wrong) {
        my ($config, $message) = @{ $wrong{$name} };
        my $server = SMTPTest::Server->new(queue => 1, config => $config);
        my ($status, $text) = $server->configtest;
        isnt($status, 0, "$name: refused");
        like($text, $message, "$name: why");
    }
    my ($status, $text) = SMTPTest::Server->new(
        config => "SMTPETRN On\n<SMTPOnDemand back.test>\n</SMTPOnDemand>")
        ->configtest;
    isnt($status, 0, 'no queue: refused');
    like($text, qr/mod_smtp_queue\.so/, 'no queue: why');
};
done_testing;
