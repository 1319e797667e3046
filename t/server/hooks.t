# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# A module of someone else (t/module/mod_smtp_example.c, built against the
# public headers alone): refuses by the envelope, sees the content, adds a
# header field, hears of what was delivered and what was reset.
#
# speed: fast
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Server;

my $server = SMTPTest::Server->start_new(
    dsos => ['mod_smtp_example'],
    expected => [qr/SM\d+: .*(?:hook|verdict|451)/]);

subtest 'a refusal of the rcpt hook reaches the client' => sub {
    my $client = $server->ehlo_client;
    $client->command('MAIL FROM:<a@client.test>');
    my $reply = $client->command('RCPT TO:<refused@example.com>');
    is($reply->code, '550', 'code');
    is($reply->status, '5.7.1', 'enhanced code, on both lines');
    is_deeply([$reply->lines], ['5.7.1 Refused by the example',
                                '5.7.1 On two lines'], 'text');
    is_deeply([$reply->faults], [], 'well formed');
    is($client->command('RCPT TO:<good@example.com>')->code, '250',
       'others are taken');
    $client->quit;
};

subtest 'a hook that refuses without a reply fails closed' => sub {
    my $client = $server->ehlo_client;
    $client->command('MAIL FROM:<a@client.test>');
    my $reply = $client->command('RCPT TO:<broken@example.com>');
    is($reply->code, '451', 'code');
    is($reply->status, '4.3.0', 'enhanced code');
    $client->quit;
};

subtest 'a hook may close the connection' => sub {
    my $client = $server->ehlo_client;
    $client->command('MAIL FROM:<a@client.test>');
    my $reply = $client->command('RCPT TO:<trap@example.com>');
    like("$reply", qr/\A(?:550 5\.7\.1 A trap|421 )/, 'refused');
    $client->send_lines('NOOP');
    ok($client->is_closed, 'closed');
};

subtest 'the message hook sees the content and adds a field' => sub {
    my $client = $server->ehlo_client;
    my $message = "Subject: x\r\n\r\n..a dot\r\n" . "line\r\n" x 40000;
    is($client->send_message(to => 'field@example.com',
                             message => $message)->code, '250', 'taken');
    my ($stored) = $server->maildir('field@example.com')->wait_messages(1);
    my $content = SMTPTest::Maildir::content($stored);
    my $octets = length $message;
    like($content, qr/\AX-Example: $octets octets[^\n]*\n(?!Injected:)/,
         'with the octets of the mail as it came, and no field of its own');
    $content =~ s/\A.*?(?=^Subject:)//ms;
    ok($content eq SMTPTest::Maildir::stored($message), 'the rest as it was');
    $client->quit;
};

subtest 'a refusal of the message hook' => sub {
    my $client = $server->ehlo_client;
    my $reply = $client->send_message(to => 'virus@example.com',
                                      message => "A: b\r\n\r\nVIRUS\r\n");
    is("$reply", '554 5.7.1 Virus found', 'after the data');
    my @chunk = $client->pipeline('MAIL FROM:<a@client.test>',
                                  'RCPT TO:<virus@example.com>');
    $client->send_octets("BDAT 5 LAST\r\nVIRUS");
    is($client->read_reply->code, '554', 'after the last chunk');
    is($client->command('NOOP')->code, '250', 'the session goes on');
    $client->quit;
};

subtest 'delivered and reset are heard of' => sub {
    my $count = sub {
        my ($what) = @_;
        return scalar grep { /example: $what / } $server->log;
    };
    my $delivered = $count->('delivered');
    my $reset = $count->('reset');
    my $client = $server->ehlo_client;
    $client->send_message(to => [map { "heard$_\@example.com" } 1 .. 3],
                          message => "A: b\r\n");
    ok($server->wait_log(qr/example: delivered \S+ to 3/), 'delivered to 3');
    is($count->('delivered'), $delivered + 1, 'once');
    is($count->('reset'), $reset, 'and not reset');
    $client->pipeline('MAIL FROM:<a@client.test>', 'RSET');
    SMTPTest::Wait::wait_until(10, sub { $count->('reset') > $reset });
    is($count->('reset'), $reset + 1, 'RSET is one reset');
    $client->command('MAIL FROM:<a@client.test>');
    $client->close;
    SMTPTest::Wait::wait_until(10, sub { $count->('reset') > $reset + 1 });
    is($count->('reset'), $reset + 2, 'a client that goes away is one, too');
    is($count->('delivered'), $delivered + 1, 'nothing more was delivered');
};

$server->finish;
is($server->maildir('virus@example.com')->count, 0,
   'what was refused is not there');

subtest 'a delivery of someone else' => sub {
    my $other = SMTPTest::Server->start_new(dsos => ['mod_smtp_discard'],
                                            global => 'DiscardMail local');
    my $client = $other->ehlo_client;
    is($client->send_message(to => 'bob@example.com',
                             message => "Subject: x\r\n\r\nx\r\n")->code,
       '250', 'it takes a message');
    $client->command('MAIL FROM:<a@client.test>');
    is($client->command('RCPT TO:<bob@elsewhere.test>')->code, '550',
       'who may not relay is not asked about');
    $client->quit;
    is($other->maildir('bob@example.com')->count, 0, 'nobody else kept it');
    $other->finish;
};
done_testing;
