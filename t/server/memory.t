# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# A session that goes on for ever must not grow: nothing is kept of commands,
# transactions, recipients and messages that are over.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Process;
use SMTPTest::Server;

# One child, and under prefork one session: ours.
my $server = SMTPTest::Server->start_new(
    expected => [qr/AH00161: server reached MaxRequestWorkers/],
    config => "SMTPMaxErrors 0\nSMTPMaxMessages 0\n"
        . "SMTPMaxMessageSize 100M\n",
    mpm_config => "StartServers 1\nServerLimit 1\n"
        . (SMTPTest::Server::mpm() eq 'prefork' ? "MaxRequestWorkers 1\n"
           : "ThreadsPerChild 2\nMaxRequestWorkers 2\nMinSpareThreads 1\n"
             . "MaxSpareThreads 2\n"));
my $client = $server->ehlo_client;
my ($child) = $server->child_pids;

# How much the child grows (KiB) when something is done many times, after a
# first time.
sub growth
{
    my ($times, $act) = @_;
    $act->() for 1 .. 10;
    my $before = SMTPTest::Process::private_kib($child);
    $act->() for 1 .. $times;
    return SMTPTest::Process::private_kib($child) - $before;
}

my $MAIL = 'MAIL FROM:<a@client.test> RET=FULL ENVID=' . 'x' x 90;
my $RCPT = 'RCPT TO:<bob@example.com> ORCPT=rfc822;' . 'x' x 400;
my $LONG = 'NOOP ' . 'x' x 2000;
my @ACTS = (
    ['commands', 100, sub { $client->pipeline(('NOOP', $LONG) x 50) }],
    ['errors', 100, sub { $client->pipeline(('XYZZY', 'MAIL x') x 50) }],
    ['EHLO', 5000, sub { $client->command('EHLO client.test') }],
    ['EHLO by changing names', 100, sub {
        $client->command('EHLO ' . $_ x 60 . '.test') for 'a' .. 'z' }],
    ['transactions', 100, sub { $client->pipeline(($MAIL, $RCPT, 'RSET')
                                                  x 30) }],
    ['refused recipients', 100, sub {
        $client->pipeline('MAIL FROM:<a@client.test>',
                          ('RCPT TO:<x@elsewhere.test>') x 100, 'RSET') }],
    ['messages', 300, sub {
        $client->send_message(to => 'bob@example.com',
                              message => "A: b\r\n\r\n" . "x\r\n" x 500) }],
    ['chunks', 100, sub {
        $client->pipeline('MAIL FROM:<a@client.test>',
                          'RCPT TO:<bob@example.com>', ('BDAT 0') x 300,
                          'RSET') }],
    ['a large message', 3, sub {
        $client->send_message(to => 'bob@example.com', message =>
            "A: b\r\n\r\n" . ('x' x 76 . "\r\n") x 130_000) }],
    ['a long header section', 3, sub {
        $client->send_message(to => 'bob@example.com', message =>
            'A: ' . ('b' x 70 . "\r\n ") x 50_000 . "\r\n\r\n") }],
    ['a line without end', 3, sub {
        $client->send_octets('NOOP ' . 'x' x 5_000_000 . "\r\n");
        $client->read_reply }],
);

for my $row (@ACTS) {
    my ($name, $times, $act) = @{$row};
    my $kib = growth($times, $act);
    cmp_ok($kib, '<', 2048, "$name, many times: $kib KiB more");
    is($client->command('NOOP')->code, '250', 'and the session goes on');
}
$client->quit;
$server->finish;
done_testing;
