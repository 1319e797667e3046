# Licensed under the Apache License, Version 2.0; see LICENSE.
# mpm: event
#
# Large mail that waits is copied while other mail goes, and who has it has it
# once, though the process ends meanwhile.
use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::NextHop;
use SMTPTest::Server;
use SMTPTest::Wait qw(wait_until);

my $hop = SMTPTest::NextHop->start_new(directory => tempdir(CLEANUP => 1));
my $server = SMTPTest::Server->start_new(
    queue => 1,
    config => "<SMTPRelay>\nRequire ip 127.0.0.1\n</SMTPRelay>\n"
        . 'SMTPRoute smtp:127.0.0.1:' . $hop->port
        . "\nSMTPRetry 1s\nSMTPBackoff first=1s last=1s");
my $text = ('x' x 62 . "\r\n") x (16 * 1024);
my $message = "Subject: large\r\n\r\n" . $text x 10;

sub has
{
    my ($name) = @_;
    return grep { grep { /\A$name\@/ } @{ $_->{to} } } $hop->messages;
}

$hop->say('rcpt late' => '451 4.3.2 Later');
my $client = $server->ehlo_client;
is($client->send_message(
       from => 'bob@example.com',
       to => ['taken@elsewhere.test', 'late@elsewhere.test'],
       message => $message)->code, '250', 'ten megabytes are accepted');
ok(wait_until(60, sub { has('taken') }), 'one has it');
is($client->send_message(from => 'bob@example.com',
                         to => 'small@elsewhere.test',
                         message => "Subject: x\r\n\r\nx\r\n")->code, '250',
   'other mail is');
$client->quit;
ok(wait_until(60, sub { has('small') }), 'and is sent');
$server->graceful;
$hop->say('rcpt late' => undef);
ok(wait_until(60, sub { has('late') }), 'the other has it, too');
ok(wait_until(60, sub { !glob $server->spool . '/queue/??/*' }),
   'nothing is left');
is(scalar(() = has('taken')), 1, 'once');
is(scalar(() = has('late')), 1, 'once');
like((has('late'))[0]{content}, qr/\n\r?\nx{62}\r\n/, 'its text');
is((has('late'))[0]{content} =~ tr/x//, (has('taken'))[0]{content} =~ tr/x//,
   'all of it');
$server->finish;
done_testing;
