# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# The log of attempts (SMTPQueueLog) has a line for each recipient of each
# attempt, in a file or a pipe, over graceful restarts, whatever next hops say.
use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Certificate;
use SMTPTest::NextHop;
use SMTPTest::Server;
use SMTPTest::Wait qw(wait_until);

my $folder = tempdir(CLEANUP => 1);
my $ca = SMTPTest::Certificate->authority;
my $hop = SMTPTest::NextHop->start_new(
    directory => "$folder/hop",
    certificate => $ca->server(name => 'a.test', alt => ['a.test']));
my $RELAY = "<SMTPRelay>\nRequire ip 127.0.0.1\n</SMTPRelay>\n"
    . 'SMTPRoute smtp:127.0.0.1:' . $hop->port . "\nSMTPRetry 1s";

sub send_mail
{
    my ($server, %arg) = @_;
    my $client = $server->ehlo_client;
    my $reply = $client->send_message(
        from => 'bob@example.com', message => "Subject: x\r\n\r\nx\r\n",
        %arg);
    is($reply->code, '250', 'accepted');
    $client->quit;
    return $reply->text =~ /([0-9a-f]{21})/ ? $1 : '';
}

my $port = $hop->port;
my $DELAYS = qr{\d+\.\d\d/\d+\.\d\d/\d+\.\d\d/\d+\.\d\d};
my $server = SMTPTest::Server->start_new(
    queue => 1, config => $RELAY,
    global => 'SMTPQueueLog logs/queue');

subtest 'each attempt has its line' => sub {
    $hop->say('rcpt no' => "550 5.1.1 \"No\"\x01 %{id} %s",
              'rcpt later' => '451 4.3.2 Later');
    my $id = send_mail($server, to => [map { "$_\@elsewhere.test" }
                                       qw(yes no later)]);
    my $next = qr{\d{4}-\d\d-\d\dT[\d:]{8}[+-]\d{4}};
    my @ROWS = (
        ['yes', 1, qr/-/, 'passed-on', qr/250 2\.0\.0 Taken/],
        ['no', 1, qr/-/, 'failed',
         qr/550 5\.1\.1 \\x22No\\x22\\x01 %\{id\} %s/],
        (map { ['later', $_, $next, 'deferred', qr/451 4\.3\.2 Later/] } 1, 2),
    );
    for my $row (@ROWS) {
        my ($to, $attempt, $when, $result, $reply) = @{$row};
        ok($server->wait_file('logs/queue', qr{
            ^\[\d\d/\w{3}/\d{4}:[\d:]{8}[ ][+-]\d{4}\][ ]$id
            [ ]from=<bob\@example\.com>[ ]to=<$to\@elsewhere\.test>
            [ ]relay=127\.0\.0\.1\[127\.0\.0\.1\]:$port
            [ ]tls=TLSv1\.3[ ]verified=no[ ]size=\d+[ ]attempt=$attempt
            [ ]delay=\d+\.\d\d[ ]delays=$DELAYS[ ]next=$when
            [ ]result=$result[ ]reply="$reply"$}x), "$to, attempt $attempt")
            or diag($server->read_file('logs/queue'));
    }
    $hop->say('rcpt no' => undef, 'rcpt later' => undef);
    ok($server->wait_file('logs/queue',
                          qr/to=<later\@.*attempt=\d+ .*=passed-on/),
       'and the last one of who was put off');
    is(() = $server->read_file('logs/queue') =~ /to=<(?:yes|no)\@/g, 2,
       'those who are over have no other');
};

subtest 'a graceful restart goes on in the same file, or a new one' => sub {
    rename $server->root . '/logs/queue', $server->root . '/logs/old'
        or die "rename: $!";
    $server->graceful;
    my $id = send_mail($server, to => 'after@elsewhere.test');
    ok($server->wait_file('logs/queue', qr/ $id .* to=<after\@/), 'a line');
    unlike($server->read_file('logs/old'), qr/after\@/, 'not in the old one');
};
$server->finish;

subtest 'a program gets what its format says' => sub {
    # It is preloaded into every program that httpd starts.
    plan skip_all => 'ThreadSanitizer, which a shell does not bear'
        if ($ENV{SMTP_PRELOAD} // '') =~ /tsan/;
    my $piped = SMTPTest::Server->start_new(
        queue => 1, config => $RELAY, global =>
            "SMTPQueueLog \"|\$/bin/cat >>\${root}/logs/piped\"\n"
            . 'SMTPQueueLogFormat "%{id}\t%{to} %{code} %{stage} %{vhost}"');
    my $id = send_mail($piped, to => 'user@elsewhere.test');
    my $smtp = $piped->port('smtp');
    ok($piped->wait_file('logs/piped',
                         qr/\A$id\t<user\@elsewhere\.test>[ ]250[ ]
                            end-of-data[ ]mx\.example\.com:$smtp\n\z/x),
       'the line') or diag($piped->read_file('logs/piped'));
    $piped->finish;
};

# CustomLog is httpd's, and its lines wait in memory with BufferedLogs.
subtest 'no line of a DSN is lost with BufferedLogs' => sub {
    my $buffered = SMTPTest::Server->start_new(
        queue => 1, global => 'BufferedLogs On',
        config => "$RELAY\nCustomLog logs/mail \"%{from}^SM %{to}^SM\"");
    $hop->say('rcpt no' => '550 5.1.1 No');
    send_mail($buffered, to => 'no@elsewhere.test');
    $buffered->maildir('bob@example.com')->wait_messages(1);
    $buffered->graceful;
    ok($buffered->wait_file('logs/mail', qr/^<> <bob\@example\.com>$/m),
       'written when the queue process ends');
    send_mail($buffered, to => 'no@elsewhere.test');
    $buffered->maildir('bob@example.com')->wait_messages(2);
    $buffered->finish;
    is(() = $buffered->read_file('logs/mail') =~ /^<> /mg, 2, 'and at the end');
    $hop->say('rcpt no' => undef);
};

subtest 'a log that cannot be opened keeps httpd from starting' => sub {
    my $wrong = SMTPTest::Server->new(
        queue => 1, global => 'SMTPQueueLog nosuch/folder/log');
    like($wrong->start_refused, qr/SM4500.*nosuch\/folder\/log/s, 'says why');
};
done_testing;
