#!/usr/bin/env perl
# Licensed under the Apache License, Version 2.0; see LICENSE.
# The whole httpd is killed (SIGKILL) at random instants while mail comes in;
# 50 times. Each acknowledged message is there, octet for octet, once; what
# was not acknowledged is there whole or not at all.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Load;
use SMTPTest::Server;
use SMTPTest::Wait qw(wait_until);

use constant ROUNDS => $ENV{SMTP_CRASH_ROUNDS} // 50;

my $server = SMTPTest::Server->new(expected => [qr/AH00098: pid file/]);
my $load = SMTPTest::Load->new(server => $server);

for (1 .. ROUNDS) {
    $server->start;
    $load->begin;
    # The instant: a number of acknowledgements, and a bit.
    $load->wait_acknowledged(int rand 60);
    select undef, undef, undef, rand 0.02;
    $server->kill_all;
    $load->end;
}
$server->start;
ok(wait_until(60, sub {
    my @journals = glob $server->spool . '/journal/*';
    return !@journals;
}), 'all journals of the dead are recovered');
my $recovered = 0;
$recovered += $_ for $server->log_text =~ /SM2033: .* (\d+) messages deliv/g;
note("$recovered messages were delivered by a recovery");
ok($recovered > 0 || ROUNDS < 50, 'recovery had something to do');
$load->check;
is(join(' ', glob $server->spool . '/damaged/*'), '', 'nothing is damaged');
is(scalar(map { $server->maildir($_)->temporaries } $load->mailboxes), 0,
   'nothing half-written lies about');
$server->finish;
done_testing;
