# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# One CustomLog line for each mail transaction, with formats of ours and
# httpd's own; the dialogue at LogLevel smtp:debug, without content, without
# credentials, and nothing of the client's raw.
#
# speed: fast
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Server;

my @ITEMS = qw(id from to nrcpt size reply helo proto);
my $format = join '|', '%h', '%v', '%>s', map { "%{$_}^SM" } @ITEMS;
my $server = SMTPTest::Server->start_new(
    config => "SMTPMaxErrors 0\nCustomLog logs/mail_log \"$format\"\n"
        . "LogLevel smtp:debug\n",
    domain => 'SMTPRecipients list:bob,alice');

# The log's lines, each a hash, once there are COUNT of them.
sub lines
{
    my ($count) = @_;
    my @lines;
    SMTPTest::Wait::wait_until(10, sub {
        @lines = split /\n/, $server->read_file('logs/mail_log');
        return @lines >= $count;
    });
    is(scalar @lines, $count, "$count lines");
    return map { my %line; @line{qw(host vhost status), @ITEMS}
                     = split /\|/; \%line } @lines;
}

my $client = $server->ehlo_client;
my $MESSAGE = "Subject: content\r\n\r\nsecret content\r\n";

subtest 'a message that was taken' => sub {
    $client->send_message(from => 's@client.test', message => $MESSAGE,
                          to => ['bob@example.com', 'Alice@example.com']);
    my ($line) = lines(1);
    my ($stored) = $server->maildir('bob@example.com')->wait_messages(1);
    my ($id) = $stored =~ /^Received:.*?\sid\s+([\w.-]+)/ms;
    my %expected = (host => '127.0.0.1', vhost => 'mx.example.com',
                    status => '250', id => $id, from => '<s@client.test>',
                    to => '<bob@example.com>,<Alice@example.com>',
                    nrcpt => '2', size => length $MESSAGE,
                    helo => 'client.test', proto => 'ESMTP');
    is($line->{$_}, $expected{$_}, $_) for sort keys %expected;
    like($line->{reply}, qr/\A250 2\.\d\.\d\b/, 'reply');
};

subtest 'each way in which a transaction ends has its line' => sub {
    $client->pipeline('MAIL FROM:<>', 'RCPT TO:<bob@example.com>', 'RSET');
    my $reset = (lines(2))[1];
    is($reset->{from}, '<>', 'the null reverse-path');
    unlike($reset->{reply}, qr/\A250/, 'RSET is no success of the mail');
    $client->send_message(to => 'bob@example.com',
                          message => "A: b\r\n\r\nbare\nLF\r\n");
    my $refused = (lines(3))[2];
    is($refused->{status}, '554', 'refused data');
    like($refused->{reply}, qr/\A554 5\.6\.0\b/, 'its reply');
    my $other = $server->ehlo_client;
    $other->pipeline('MAIL FROM:<gone@client.test>',
                     'RCPT TO:<bob@example.com>');
    $other->close;
    is((lines(4))[3]{from}, '<gone@client.test>', 'the client went away');
};

subtest 'a session without a transaction has none' => sub {
    my $other = $server->ehlo_client;
    $other->command('RSET');
    $other->quit;
    lines(4);
};

subtest 'what the client wrote is escaped' => sub {
    my $other = $server->client;
    $other->read_reply;
    $other->command('EHLO client.test');
    my $reply = $other->send_message(
        from => "\"a|b\\\\\xc3\xbc\"\@client.test", mail => 'SMTPUTF8',
        to => 'bob@example.com', message => "A: b\r\n");
    is($reply->code, '250', 'taken') || diag($reply);
    my $log = $server->read_file('logs/mail_log');
    SMTPTest::Wait::wait_until(10, sub {
        $log = $server->read_file('logs/mail_log');
        return 5 == (() = $log =~ /\n/g);
    });
    unlike($log, qr/[^\x20-\x7e\n]/, 'printable ASCII and nothing else');
    like($log, qr/<\\x22a\|b/, 'a quote ends no item of a format');
    $other->command("XYZZY \x1b[31m\x07\xff");
    ok($server->wait_log(qr/SM1040: C: XYZZY/), 'the command is logged');
    unlike($server->log_text, qr/[^\x20-\x7e\n]/, 'escaped there, too');
    $other->quit;
};

subtest 'the dialogue at LogLevel smtp:debug' => sub {
    my $log = $server->log_text;
    like($log, qr/C: EHLO client\.test/, 'what the client says');
    like($log, qr/S: 250[- ]/, 'what we say');
    unlike($log, qr/secret content/, 'no content');
    $client->command('AUTH PLAIN AHVzZXIAcGFzc3dvcmQ=');
    $client->command('auth login dXNlcg==');
    $client->command('NOOP after');
    ok($server->wait_log(qr/C: NOOP after/), 'after AUTH');
    unlike($server->log_text, qr/AHVzZXI|dXNlcg/, 'no credentials');
};

subtest 'without debug there is no dialogue' => sub {
    my $quiet = SMTPTest::Server->start_new;
    my $other = $quiet->ehlo_client;
    $other->send_message(to => 'bob@example.com', message => "A: b\r\n");
    $other->quit;
    $quiet->finish;
    unlike($quiet->log_text, qr/C: |client\.test/, 'nothing of the client');
};

$client->quit;
$server->finish;
done_testing;
