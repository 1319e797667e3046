#!/usr/bin/env perl
# Licensed under the Apache License, Version 2.0; see LICENSE.
# Two httpds do not share a spool: each would take the other's mail for that
# of a dead process.
# speed: fast
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Server;
use SMTPTest::Wait qw(wait_until);

my $first = SMTPTest::Server->start_new;
my $second = SMTPTest::Server->new(
    global => 'SMTPSpool "' . $first->spool . '"',
    expected => [qr/SM2060: SMTPSpool: .* in use by another httpd/,
                 qr/AH00020: Configuration Failed/]);

# The reply to a message. Where children block, one of the old generation may
# have taken the connection, and says 421 or nothing: it has taken no mail, and
# the client comes again.
sub send_one
{
    my ($server) = @_;
    my $reply;
    wait_until(30, sub {
        my $client = eval { $server->ehlo_client } or return 0;
        $reply = $client->send_message(to => 'bob@example.com',
                                       message => "x\r\n");
        return $reply->code !~ /^(?:421|closed)$/;
    });
    return $reply;
}

sub works
{
    my ($server, $what) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $count = $first->maildir('bob@example.com')->count;
    my $reply = send_one($server);
    is($reply && $reply->code, '250', "$what takes mail") or diag $reply;
    $first->maildir('bob@example.com')->wait_messages($count + 1);
    is($first->maildir('bob@example.com')->count, $count + 1,
       "$what delivers it");
    return;
}

sub is_refused
{
    my ($why) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $pid = $first->{pid};
    like($second->start_refused, qr/SM2060: .*is in use by another httpd, process $pid: stop/,
         "the second is refused $why, and told by whom");
    return;
}

works($first, 'the first');
is_refused('while the first runs');
is(($second->configtest)[0], 0, 'httpd -t asks for no lock');
$first->graceful;
works($first, 'the first, after a graceful restart,');
is_refused('after a graceful restart of the first');
$first->signal('HUP');
ok($first->wait_log(qr/SIGHUP received/), 'a restart');
is_refused('after a restart of the first');
works($first, 'the first, after a restart,');

$first->kill_all;
$first->expect_log(qr/AH00098: pid file/);
$second->start;
works($second, 'the second, when the first was killed,');
ok($second->stop, 'the second stops');

$first->start;
works($first, 'the first, when the second is gone,');
$first->finish;
$second->{finished} = 1;
$second->check_log;
done_testing;
