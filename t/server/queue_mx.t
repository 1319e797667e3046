# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# By DNS to the right host, on real addresses and port 25: the best MX, the next
# one when it is not to be had, nobody when the domain wants none.
use strict;
use warnings;
use utf8;

use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::DNS;
use SMTPTest::Network;
use SMTPTest::NextHop;
use SMTPTest::Server;
use SMTPTest::Wait qw(wait_until);

my @ADDRESSES = map { "192.0.2.$_" } 1 .. 9;
SMTPTest::Network::enter(@ADDRESSES, '2001:db8::1', '2001:db8::2');

# One server for each of the first addresses, and by IPv6.
my %hop = map {
    $_ => SMTPTest::NextHop->start_new(directory => tempdir(CLEANUP => 1),
                                       address => $_, port => 25)
} @ADDRESSES[0 .. 3], '2001:db8::1';

my $dns = SMTPTest::DNS->start(zones => {
    'example.net' => <<'END',
h1 A 192.0.2.1
h2 A 192.0.2.2
h3 A 192.0.2.3
h4 A 192.0.2.4
six AAAA 2001:db8::1
deaf A 192.0.2.9
silent A 198.51.100.1
far A 203.0.113.1
best MX 10 h1
best MX 20 h2
second MX 10 deaf
second MX 20 h2
third MX 10 silent
third MX 20 far
third MX 30 h3
equal MX 10 h1
equal MX 10 h2
equal MX 10 h3
null MX 0 .
plain A 192.0.2.4
alias CNAME best
ipv6 MX 10 six
self MX 10 mx.example.com.
selfish MX 10 h1
selfish MX 20 mx.example.com.
selfish MX 30 h2
loop MX 10 deep
deep A 127.0.0.1
many A 198.51.100.1
many A 203.0.113.1
many A 192.0.2.9
many A 192.0.2.4
xn--bcher-kva MX 10 h1
nowhere MX 10 nohost
plain6 AAAA 2001:db8::1
dual AAAA 2001:db8::1
dual A 192.0.2.9
deaf6 AAAA 2001:db8::2
deaf6 A 192.0.2.3
away6 MX 10 far6
far6 AAAA 2001:db8:1::1
far6 AAAA 2001:db8::2
far6 A 192.0.2.2
chain CNAME chain2
chain2 CNAME chain3
chain3 MX 10 link
link CNAME link2
link2 CNAME h2
circle CNAME circle2
circle2 CNAME circle
END
    'broken.example.org' => undef,
});

my $server = SMTPTest::Server->start_new(
    queue => 1,
    global => 'SMTPDNSServer ' . $dns->server . "\nSMTPDNSTrustAnchor none\n"
        . "SMTPOwnHost mx.example.com\nLogLevel smtp_queue:info",
    config => <<'END');
<SMTPRelay>
    Require ip 127.0.0.1
</SMTPRelay>
SMTPRetry 1s
SMTPBackoff first=1s last=1s
SMTPMessagesPerConnection 1
SMTPOutboundTimeout connect=2s
END
my $maildir = $server->maildir('bob@example.com');
my $number = 0;

sub total
{
    my $total = 0;
    $total += $_->count for values %hop;
    return $total;
}

# Sends one message; the address that took it.
sub taken_by
{
    my ($to, %arg) = @_;
    my %before = map { $_ => $hop{$_}->count } keys %hop;
    my $client = $server->ehlo_client;
    $number++;
    is($client->send_message(from => 'bob@example.com', to => $to,
                             message => "Subject: $number\r\n\r\nx\r\n", %arg)
           ->code, '250', "$to is accepted");
    $client->quit;
    my ($address) = wait_until(60, sub {
        my ($found) = grep { $hop{$_}->count > $before{$_} } keys %hop;
        return $found;
    });
    return $address;
}

# The status of the report that a message comes to.
sub status_of
{
    my ($to) = @_;
    my $before = total();
    $maildir->clear;
    my $client = $server->ehlo_client;
    is($client->send_message(from => 'bob@example.com', to => $to,
                             message => "Subject: x\r\n\r\nx\r\n")->code,
       '250', "$to is accepted");
    my ($report) = $maildir->wait_messages(1);
    is(total(), $before, 'nobody was given it');
    return ($report // '') =~ /^Status: (\S+)$/m ? $1 : 'none';
}

is(taken_by('u@best.example.net'), '192.0.2.1', 'the best MX');
is(taken_by('u@second.example.net'), '192.0.2.2', 'the next, when nobody listens');
is(taken_by('u@third.example.net'), '192.0.2.3',
   'when one is silent and one not reachable');
is(taken_by('u@plain.example.net'), '192.0.2.4', 'no MX: its address');
is(taken_by('u@alias.example.net'), '192.0.2.1', 'an alias (RFC 5321 5.1)');
is(taken_by('u@ipv6.example.net'), '2001:db8::1', 'IPv6');
is(taken_by('u@selfish.example.net'), '192.0.2.1', 'a better one than ourselves');
is(taken_by('u@many.example.net'), '192.0.2.4', 'the address that answers');
is(taken_by('u@plain6.example.net'), '2001:db8::1', 'no MX: AAAA');
is(taken_by('u@dual.example.net'), '2001:db8::1', 'IPv6 where IPv4 is dead');
is(taken_by('u@deaf6.example.net'), '192.0.2.3', 'IPv4 where IPv6 is dead');
is(taken_by('u@away6.example.net'), '192.0.2.2', 'or not reached');
is(taken_by('u@chain.example.net'), '192.0.2.2', 'aliases of aliases');
is(taken_by('u@[192.0.2.3]'), '192.0.2.3', 'an address literal');
is(taken_by('u@[IPv6:2001:db8::1]'), '2001:db8::1', 'one of IPv6');
{
    my $to = 'u@bücher.example.net';
    utf8::encode($to);
    is(taken_by($to, mail => 'SMTPUTF8'), '192.0.2.1', 'an IDN (RFC 6531)');
}

subtest 'equal ones by chance (RFC 5321 5.1)' => sub {
    my %times;
    $times{ taken_by('u@equal.example.net') }++ for 1 .. 30;
    is_deeply([sort keys %times], [@ADDRESSES[0 .. 2]], 'each is asked');
};

is(status_of('u@null.example.net'), '5.1.10', 'null MX (RFC 7505)');
is(status_of('u@unknown.example.net'), '5.1.2', 'no such domain');
is(status_of('u@self.example.net'), '5.4.6', 'we are its best host: a loop');
is(status_of('u@loop.example.net'), '5.4.6', 'its host has our address');

subtest 'no answer of DNS is no answer' => sub {
    for my $domain ('broken.example.org', 'circle.example.net') {
        my $client = $server->ehlo_client;
        $maildir->clear;
        is($client->send_message(from => 'bob@example.com',
                                 to => "u\@$domain",
                                 message => "Subject: x\r\n\r\nx\r\n")->code,
           '250', 'accepted');
        ok(wait_until(60, sub { return glob $server->spool . '/queue/??/*' }),
           'it waits');
        ok($server->wait_log(qr/u\@\Q$domain\E.*4\.4\.3/), 'and says why');
        is($maildir->count, 0, 'nobody is told yet');
    }
};

$dns->stop;
is(taken_by('u@best.example.net'), '192.0.2.1',
   'what DNS has said counts for its time (TTL)');
$dns->resume;

subtest 'all hosts of a domain come back' => sub {
    $hop{$_}->stop for '192.0.2.1', '192.0.2.2';
    my $client = $server->ehlo_client;
    is($client->send_message(from => 'bob@example.com', to => 'u@best.example.net',
                             message => "Subject: back\r\n\r\nx\r\n")->code,
       '250', 'accepted');
    ok(wait_until(60, sub { return glob $server->spool . '/queue/??/*' }),
       'it waits');
    my $back = SMTPTest::NextHop->start_new(
        directory => tempdir(CLEANUP => 1), address => '192.0.2.2',
        port => 25);
    is(scalar $back->wait_messages(1, 120), 1, 'and goes');
};

$server->finish;
done_testing;
