# Licensed under the Apache License, Version 2.0; see LICENSE.
# mpm: event
#
# The disk below SPOOL/queue is full, broken or read-only, or no file can be
# opened: the queue process goes on with what it has in memory, says so, though
# not of each message, and writes it down when it can. Then nobody has mail
# twice, and nobody has none.
use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Fault;
use SMTPTest::NextHop;
use SMTPTest::Server;
use SMTPTest::Wait qw(wait_until);

my @FAULTS = (
    [open => 'ENOSPC'], [open => 'EMFILE'], [open => 'EROFS'],
    [mkdir => 'EDQUOT'], [pwritev => 'ENOSPC'], [pwritev => 'SHORT'],
    [pwritev => 'EIO'], [rename => 'EROFS'], [pwrite => 'ENOSPC'],
    [syncfs => 'EIO'],
);

my $hop = SMTPTest::NextHop->start_new(directory => tempdir(CLEANUP => 1));
my $server = SMTPTest::Server->new(
    queue => 1,
    global => 'LogLevel smtp_queue:info',
    config => "<SMTPRelay>\nRequire ip 127.0.0.1\n</SMTPRelay>\n"
        . 'SMTPRoute smtp:127.0.0.1:' . $hop->port
        . "\nSMTPRetry 1s\nSMTPBackoff first=1s last=1s",
    expected => [qr/SM4060:/, qr/SM407[014]:/, qr/SM425[2458]:/]);
my $fault = SMTPTest::Fault->new(below => $server->spool . '/queue');
$server->write_config($fault->server_arguments);
$server->start;

# How often a recipient has got the mail.
sub count_of
{
    my ($name) = @_;
    return scalar grep { grep { /\A\Q$name\E\@/ } @{ $_->{to} } }
        $hop->messages;
}

sub attempts_of
{
    my ($name) = @_;
    return scalar grep { /< RCPT TO:<\Q$name\E\@/ } $hop->transcript;
}

# Mail of five kilobytes to two: one takes it, one is deferred. Three attempts
# under the fault, one after it, and another process.
sub check
{
    my ($number, $call, $error) = @_;
    my ($taken, $late) = ("taken$number", "late$number");
    $hop->say("rcpt $late" => '451 4.3.2 Later');
    my $log_len = length $server->log_text;
    $fault->arm(call => $call, error => $error, is_lasting => 1);
    my $client = $server->ehlo_client;
    is($client->send_message(
           from => 'bob@example.com',
           to => ["$taken\@elsewhere.test", "$late\@elsewhere.test"],
           message => "Subject: x\r\n\r\n" . "x\r\n" x 1700)->code, '250',
       'accepted');
    $client->quit;
    ok(wait_until(60, sub { attempts_of($late) >= 3 }), 'it is tried again');
    ok(wait_until(60, sub { $fault->hits }), 'the fault was met');
    my $said = () = substr($server->log_text, $log_len) =~ /SM4071:/g;
    cmp_ok($said, '<=', 3, 'the log says it once in a while');
    $fault->disarm;
    ok(wait_until(60, sub { glob $server->spool . '/queue/??/*' }),
       'then it is on disk');
    my $before = attempts_of($late);
    ok(wait_until(60, sub { attempts_of($late) > $before }), 'and goes on');
    $server->graceful;
    $hop->say("rcpt $late" => undef);
    ok(wait_until(60, sub { count_of($late) }), 'who was late has it');
    ok(wait_until(60, sub { !glob $server->spool . '/queue/??/*' }),
       'nothing is left');
    is(count_of($late), 1, 'once');
    is(count_of($taken), 1, 'the other, too');
    return;
}

for my $i (0 .. $#FAULTS) {
    my ($call, $error) = @{ $FAULTS[$i] };
    subtest "$call: $error" => sub { check($i, $call, $error) };
}
subtest 'a file that is over and cannot be removed' => sub {
    my $name = 'stays';
    $hop->say("rcpt $name" => '451 4.3.2 Later');
    my $client = $server->ehlo_client;
    is($client->send_message(from => 'bob@example.com',
                             to => "$name\@elsewhere.test",
                             message => "Subject: x\r\n\r\nx\r\n")->code,
       '250', 'accepted');
    $client->quit;
    ok(wait_until(60, sub { glob $server->spool . '/queue/??/*' }),
       'it is on disk');
    $fault->arm(call => 'unlink', error => 'EACCES', is_lasting => 1);
    $hop->say("rcpt $name" => undef);
    like($server->wait_log(qr/SM4252/), qr/is over, which could not be noted/,
         'it is sent, and the log says what is wrong');
    $fault->disarm;
    $server->graceful;
    ok(wait_until(60, sub { !glob $server->spool . '/queue/??/*' }),
       'another process removes it');
    is(count_of($name), 1, 'and does not send it');
};

# A next attempt would write it: the stop comes before that.
subtest 'what is owed is written at the end' => sub {
    my @names = map { "owed$_" } 1 .. 3;
    $hop->say("rcpt late$_" => '451 4.3.2 Later') for @names;
    $fault->arm(call => 'pwritev', error => 'ENOSPC', is_lasting => 1);
    for my $name (@names) {
        my $client = $server->ehlo_client;
        $client->send_message(
            from => 'bob@example.com',
            to => ["$name\@elsewhere.test", "late$name\@elsewhere.test"],
            message => "Subject: x\r\n\r\n" . "x\r\n" x 1700);
        $client->quit;
    }
    ok(wait_until(60, sub { 3 == grep { count_of($_) } @names }),
       'some have their mail');
    $fault->disarm;
    ok($server->stop, 'httpd stops');
    $hop->say("rcpt late$_" => undef) for @names;
    $server->start;
    ok(wait_until(60, sub { 3 == grep { count_of("late$_") } @names }),
       'after the next start the others have it');
    ok(wait_until(60, sub { !glob $server->spool . '/queue/??/*' }),
       'nothing is left');
    is(count_of($_), 1, "$_ has it once") for @names;
};
$server->finish;
done_testing;
