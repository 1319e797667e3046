# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# By LMTP each recipient has a reply of his own (RFC 2033 4.2): one is
# delivered, one comes again, one is reported, and whoever ends httpd meanwhile
# doubles no mail.
use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::NextHop;
use SMTPTest::Server;
use SMTPTest::Wait qw(wait_until);

my $directory = tempdir(CLEANUP => 1);
chmod 0755, $directory;
my $hop = SMTPTest::NextHop->start_new(
    directory => "$directory/hop", unix => "$directory/lmtp", lmtp => 1,
    extensions => ['PIPELINING', 'ENHANCEDSTATUSCODES']);
chmod 0777, "$directory/lmtp";
my $server = SMTPTest::Server->start_new(
    queue => 1,
    global => 'SMTPQueueStopTimeout 1s',
    config => "SMTPRetry 1s\n<SMTPDomain box.test>\nSMTPRecipients any\n"
        . "SMTPDeliver lmtp:unix:$directory/lmtp\n</SMTPDomain>",
);

sub send_to
{
    my (@names) = @_;
    my $client = $server->ehlo_client;
    is($client->send_message(from => 'bob@example.com',
                             to => [map { "$_\@box.test" } @names],
                             message => "Subject: x\r\n\r\nx\r\n")->code,
       '250', 'accepted');
    $client->quit;
    return;
}

# How often each recipient has it.
sub taken
{
    my %times;
    $times{ s/\@.*//r }++ for map { @{ $_->{to} } } $hop->messages;
    return \%times;
}

subtest 'three recipients, three replies' => sub {
    $hop->say('end later' => '451 4.2.0 Not now',
              'end never' => '552 5.2.2 Full');
    send_to(qw(now later never));
    my ($report) = $server->maildir('bob@example.com')->wait_messages(1);
    like($report, qr/^Final-Recipient: rfc822; ?never\@box\.test$/m,
         'who failed is reported');
    unlike($report, qr/now\@|later\@/, 'and nobody else');
    is_deeply(taken(), { now => 1 }, 'one is delivered');
    $hop->say('end later' => undef);
    ok(wait_until(60, sub { return taken()->{later} }), 'one comes again');
    is_deeply(taken(), { now => 1, later => 1 }, 'each once');
};

subtest 'a restart between two replies' => sub {
    $hop->say('end slow' => 'hang');
    send_to(qw(quick slow));
    ok(wait_until(60, sub {
        return grep { /\(mail data\)/ } ($hop->transcript)[-2, -1] }),
       'the mail data is sent');
    ok(wait_until(60, sub { return taken()->{quick} }), 'one has it');
    $server->graceful;
    ok(wait_until(60, sub { return glob $server->spool . '/queue/??/*' }),
       'what is left is kept');
    $hop->say('end slow' => undef);
    ok(wait_until(60, sub {
        return !glob $server->spool . '/queue/??/*' }), 'and goes');
    is(taken()->{quick}, 1, 'who had it has it once');
    is($server->maildir('bob@example.com')->count, 1, 'nobody is told');
};

$server->finish;
done_testing;
