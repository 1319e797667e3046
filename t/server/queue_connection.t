#!/usr/bin/env perl
# Licensed under the Apache License, Version 2.0; see LICENSE.
# mod_smtp/queue's connections on the whole way, from DNS over TLS policies to
# the reply: mail reaches the hosts that a domain publishes, under the TLS that
# it publishes, and no other.
# mpm: event

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Digest::SHA qw(sha256_hex);
use File::Temp;
use MIME::Base64 qw(decode_base64);
use Test::More;

use SMTPTest::Certificate;
use SMTPTest::DNS;
use SMTPTest::NextHop;
use SMTPTest::Program;

my $send = ($ENV{SMTP_BUILD_DIR} // '.') . '/t/queue/queue_send';
my $slow = $ENV{SMTP_SLOW} ? 6 : 1;
my $temp = File::Temp->newdir('smtp-queue-XXXXXX', TMPDIR => 1);
my $ca = SMTPTest::Certificate->authority;
my $other_ca = SMTPTest::Certificate->authority(name => 'Another CA');

# Hosts by their last octet: all on one port.
my %hosts;
sub host_start
{
    my ($octet, %arg) = @_;
    $hosts{$octet} = SMTPTest::NextHop->start_new(
        directory => "$temp/$octet", address => "127.0.0.$octet",
        extensions => [qw(PIPELINING 8BITMIME SIZE)],
        ($hosts{2} ? (port => $hosts{2}->port) : ()), %arg);
    return;
}
host_start(2, certificate => $ca->server(name => 'mx.secure.example'),
           requiretls => 1);
host_start(3);
host_start(4, certificate => $other_ca->server(name => 'foreign.example'));
my $port = $hosts{2}->port;

# What "3 1 1" publishes (RFC 7672 3.1.1).
sub key_digest
{
    my ($certificate) = @_;
    my $openssl = SMTPTest::Program::need('openssl');
    my ($status, $text) = SMTPTest::Program::run(
        '', $openssl, 'x509', '-in', $certificate->certificate, '-noout',
        '-pubkey');
    die $text if $status;
    return sha256_hex(decode_base64($text =~ s/-----[^\n]*-----//gr));
}

my $ca_digest = sha256_hex($ca->der);
my $digest = key_digest($hosts{2}{certificate});
my $foreign = key_digest($hosts{4}{certificate});
my $wrong = '0123456789abcdef' x 4;
my %zones = (
    'example.com' => <<'END',
@ MX 10 plain
@ MX 20 second
plain A 127.0.0.3
second A 127.0.0.4
nobody A 127.0.0.99
null MX 0 .
nomx A 127.0.0.3
noaddress TXT "nothing"
alias CNAME nomx
mxalias MX 10 alias
dead MX 10 nobody
dead MX 20 plain
unresolved MX 10 nothing.noserver.example.
unresolved MX 20 plain
away MX 10 mx.noserver.example.
self MX 10 own
self MX 20 plain
own A 127.0.0.77
backup MX 10 nobody
backup MX 20 own
backup MX 30 plain
tls MX 10 second
insecure MX 10 mx.secure.example.
xn--bcher-kva MX 10 plain
END
    'secure.example' => <<"END",
@ MX 10 mx
mx A 127.0.0.2
foreign A 127.0.0.4
plain A 127.0.0.3
_$port._tcp.mx TLSA 3 1 1 $digest
foreign MX 10 foreign
_$port._tcp.foreign TLSA 3 1 1 $wrong
both MX 10 foreign
both MX 20 mx
right MX 10 foreign2
foreign2 A 127.0.0.4
_$port._tcp.foreign2 TLSA 3 1 1 $foreign
_$port._tcp.foreign2 TLSA 3 1 1 $wrong
none MX 10 plain
none MX 20 mx
_$port._tcp.plain TLSA 3 1 1 $wrong
useless MX 10 plain2
plain2 A 127.0.0.3
_$port._tcp.plain2 TLSA 1 1 1 $wrong
authority MX 10 ca
ca A 127.0.0.2
_$port._tcp.ca TLSA 2 0 1 $ca_digest
mx2 A 127.0.0.2
_$port._tcp.mx2 TLSA 2 0 1 $ca_digest
mx2 MX 10 mx2
alias MX 10 aliased
aliased CNAME mx
broken MX 10 mx.bogus.example.
unsigned MX 10 plain.example.com.
verify MX 10 unpublished
unpublished A 127.0.0.2
END
    'bogus.example' => <<"END",
mx A 127.0.0.3
_$port._tcp.mx TLSA 3 1 1 $digest
END
    'noserver.example' => undef,
);
my $dns = SMTPTest::DNS->start(
    zones => \%zones,
    signed => ['secure.example', 'bogus.example'],
    spoil => { 'bogus.example' => sub {
        s/\b3 1 1 \w{4}/3 1 1 6666/i
    } },
);
# The root too: nothing is asked outside.
my @dns = ((map { ('-s', "$_=" . $dns->server) } '.', sort keys %zones),
           '-a', $dns->anchors);
my @base = (@dns, -p => $port, -c => $ca->certificate,
            -T => 10_000 * $slow, -o => '127.0.0.77',
            -O => 'mx.example.com');

# What comes of mail to DOMAIN: the fields that queue_send prints.
sub outcome
{
    my ($domain, @options) = @_;
    my ($status, $text) = SMTPTest::Program::run(
        '', $send, @base, @options, '--', $domain);
    is($status, 0, "queue_send @options $domain") or diag $text;
    my %outcome;
    chomp $text;
    @outcome{qw(domain result code status stage host address port source tls
                text)} = split /\t/, $text, -1;
    return \%outcome;
}

# Checks the fields that are named; text is a pattern.
sub check
{
    my ($domain, $options, %wanted) = @_;
    my $text = delete $wanted{text} // qr/./;
    my $outcome = outcome($domain, @$options);
    my %got = map { $_ => $outcome->{$_} } keys %wanted;
    is_deeply(\%got, \%wanted, "@$options $domain")
        & like($outcome->{text}, $text, 'and says why')
        or diag explain $outcome;
    return;
}

subtest 'hosts' => sub {
    check('example.com', [], result => 'relayed', code => 250,
          status => '2.0.0', stage => 'end-of-data',
          host => 'plain.example.com', address => '127.0.0.3', port => $port,
          tls => '', text => qr/\A2\.0\.0 Taken\z|\ATaken\z/);
    check('nomx.example.com', [], result => 'relayed',
          host => 'nomx.example.com');
    check('mxalias.example.com', [], result => 'relayed',
          host => 'alias.example.com', address => '127.0.0.3');
    check('alias.example.com', [], result => 'relayed',
          host => 'nomx.example.com', address => '127.0.0.3');
    check('dead.example.com', [], result => 'relayed',
          host => 'plain.example.com');
    check('unresolved.example.com', [], result => 'relayed',
          host => 'plain.example.com');
    check("b\xC3\xBCcher.example.com", [], result => 'failed',
          status => '5.6.7', host => 'plain.example.com');
    check('xn--bcher-kva.example.com', [], result => 'relayed',
          host => 'plain.example.com');
    check('[127.0.0.3]', [], result => 'relayed', host => '127.0.0.3');
};

subtest 'no hosts' => sub {
    check('null.example.com', [], result => 'failed', code => 556,
          status => '5.1.10', host => '', text => qr/null MX/);
    check('missing.example.com', [], result => 'failed', status => '5.1.2');
    check('noaddress.example.com', [], result => 'failed',
          status => '5.1.2');
    check('noserver.example', [], result => 'deferred', status => '4.4.3');
    check('away.example.com', [], result => 'deferred', status => '4.4.3',
          host => 'mx.noserver.example');
    check('self.example.com', [], result => 'failed', status => '5.4.6');
    check('backup.example.com', [], result => 'deferred',
          status => '4.4.1', host => 'nobody.example.com');
    check('[127.0.0.77]', [], result => 'failed', status => '5.4.6');
};

subtest 'DANE (RFC 7672)' => sub {
    check('secure.example', [], result => 'relayed', tls => 'ok TLSv1.3 dane',
          host => 'mx.secure.example');
    check('right.secure.example', [], result => 'relayed',
          tls => 'ok TLSv1.3 dane', host => 'foreign2.secure.example');
    check('alias.secure.example', [], result => 'relayed',
          tls => 'ok TLSv1.3 dane', host => 'aliased.secure.example');
    check('authority.secure.example', [], result => 'deferred',
          status => '4.7.5', host => 'ca.secure.example');
    check('foreign.secure.example', [], result => 'deferred',
          status => '4.7.5', host => 'foreign.secure.example');
    check('both.secure.example', [], result => 'relayed',
          tls => 'ok TLSv1.3 dane', host => 'mx.secure.example');
    # TLS is not offered there: the next host, and never in the clear.
    check('none.secure.example', [], result => 'relayed',
          host => 'mx.secure.example');
    check('useless.secure.example', [], result => 'deferred',
          status => '4.7.4');
    check('broken.secure.example', [], result => 'deferred',
          status => '4.7.5', text => qr/TLSA/);
    check('unsigned.secure.example', [], result => 'relayed', tls => '');
    check('insecure.example.com', [], result => 'relayed',
          tls => 'ok TLSv1.3');
    check('foreign.secure.example', [-t => 'none'], result => 'relayed',
          tls => '');
};

subtest 'levels' => sub {
    check('tls.example.com', [], result => 'relayed', tls => 'ok TLSv1.3');
    check('tls.example.com', [-t => 'none'], result => 'relayed', tls => '');
    check('tls.example.com', [-t => 'encrypt'], result => 'relayed',
          tls => 'ok TLSv1.3');
    check('nomx.example.com', [-t => 'encrypt'], result => 'deferred',
          status => '4.7.4');
    # The second host has TLS.
    check('example.com', [-t => 'encrypt'], result => 'relayed',
          host => 'second.example.com');
    check('tls.example.com', [-t => 'verify'], result => 'deferred',
          status => '4.7.5');
    check('verify.secure.example', [-t => 'verify'], result => 'deferred',
          status => '4.7.5', text => qr/mismatch/i);
    check('verify.secure.example', [-t => 'verify',
                                    -N => 'mx.secure.example'],
          result => 'relayed', tls => 'ok TLSv1.3 verified');
    check('tls.example.com', [-t => 'dane'], result => 'deferred',
          status => '4.7.5');
    check('secure.example', [-t => 'dane'], result => 'relayed',
          tls => 'ok TLSv1.3 dane');
};

subtest 'REQUIRETLS (RFC 8689)' => sub {
    check('secure.example', [-R => 1], result => 'relayed',
          tls => 'ok TLSv1.3 dane');
    my @messages = $hosts{2}->messages;
    like($messages[-1]{parameters}, qr/\bREQUIRETLS\b/, 'is said');
    check('right.secure.example', [-R => 1], result => 'failed',
          status => '5.7.30');
    check('insecure.example.com', [-R => 1], result => 'failed',
          status => '5.7.30');
};

subtest 'addresses to send from' => sub {
    check('nomx.example.com', [-S => '127.0.0.88'], result => 'relayed',
          source => '127.0.0.88');
    is(($hosts{3}->messages)[-1]{address}, '127.0.0.88', 'it came from there');
    check('nomx.example.com', [-S => '::1'], result => 'deferred',
          status => '4.4.1');
};

subtest 'a host of the administrator\'s' => sub {
    check('example.com', [-r => '127.0.0.4'], result => 'relayed',
          host => '127.0.0.4', tls => 'ok TLSv1.3');
    check('example.com', [-r => 'plain.secure.example', -t => 'none'],
          result => 'relayed', host => 'plain.secure.example');
    check('example.com', [-r => 'missing.example.com'], result => 'deferred');
    # It is where he says, were it us.
    check('example.com', [-r => 'plain.example.com', -o => '127.0.0.3'],
          result => 'relayed');
};

subtest 'LMTP by a unix socket' => sub {
    my $lmtp = SMTPTest::NextHop->start_new(
        directory => "$temp/lmtp", unix => "$temp/socket", lmtp => 1,
        extensions => ['PIPELINING']);
    check('example.com', [-r => "$temp/socket"], result => 'delivered',
          host => "$temp/socket", address => '', tls => '');
    $lmtp->stop;
    check('example.com', [-r => "$temp/socket"], result => 'deferred',
          status => '4.4.1');
};

subtest 'what a next hop does' => sub {
    my @domain = ('example.com', [-T => 500]);
    for my $case ([greeting => '554 5.7.1 No', 'second'],
                  [greeting => 'drop', 'second'],
                  [greeting => 'hang', 'second'],
                  [greeting => 'flood', 'second'],
                  [ehlo => '451 4.3.0 Later', 'second'],
                  [ehlo => 'flood', 'second'],
                  [ehlo => 'drop', 'second']) {
        my ($stage, $answer, $host) = @$case;
        $hosts{3}->say($stage => $answer);
        check(@domain, result => 'relayed', host => "$host.example.com");
        $hosts{3}->say($stage => undef);
    }
    for my $case ([mail => '451 4.3.0 Later', 'deferred', '4.3.0'],
                  [mail => '550 5.7.1 No', 'failed', '5.7.1'],
                  [mail => 'drop', 'deferred', '4.4.2'],
                  [mail => 'hang', 'deferred', '4.4.2'],
                  [rcpt => '550 5.1.1 Who?', 'failed', '5.1.1'],
                  [rcpt => '452 4.2.2 Full', 'deferred', '4.2.2'],
                  [rcpt => 'flood', 'deferred', '4.5.0'],
                  [rcpt => 'hang', 'deferred', '4.4.2'],
                  [data => '354-nonsense', 'deferred', '4.4.2'],
                  [data => '451 4.3.0 Later', 'deferred', '4.3.0'],
                  [data => 'drop', 'deferred', '4.4.2'],
                  [data => 'hang', 'deferred', '4.4.2'],
                  [end => '554 5.6.0 No', 'failed', '5.6.0'],
                  [end => 'drop', 'deferred', '4.4.2'],
                  [end => 'hang', 'deferred', '4.4.2'],
                  [quit => 'hang', 'relayed', '2.0.0'],
                  [quit => 'drop', 'relayed', '2.0.0']) {
        my ($stage, $answer, $result, $status) = @$case;
        $hosts{3}->say($stage => $answer);
        check(@domain, result => $result, status => $status,
              host => 'plain.example.com');
        $hosts{3}->say($stage => undef);
    }
};

subtest 'many messages by few connections' => sub {
    my $before = $hosts{3}->count;
    my ($status, $text) = SMTPTest::Program::run(
        '', $send, @base, -n => 60, -j => 3, -b => 100_000, '--',
        'nomx.example.com');
    is($status, 0, 'queue_send');
    is(scalar(() = $text =~ /\trelayed\t/g), 60, 'all are sent');
    is($hosts{3}->count, $before + 60, 'all have come');
    my %connections = map { ($_->{connection} => 1) }
                      ($hosts{3}->messages)[$before .. $before + 59];
    cmp_ok(scalar keys %connections, '<=', 3, 'by so many connections');
};
done_testing;
