#!/usr/bin/env perl
# Licensed under the Apache License, Version 2.0; see LICENSE.
# mod_smtp/dns against an authoritative server: what a domain publishes is what
# we hear, validated or not, and what is broken there breaks nothing here.
# mpm: event

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Temp;
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(time);

use SMTPTest::DNS;
use SMTPTest::Program;

my $slow = $ENV{SMTP_SLOW} ? 6 : 1;
my $ask = ($ENV{SMTP_BUILD_DIR} // '.') . '/t/dns/dns_ask';
my $sha256 = '0123456789abcdef' x 4;
# More than fits into a datagram: by TCP.
my $long = join ' ', map { '"' . sprintf('%02d', $_) x 125 . '"' } 0 .. 19;

my %zones = (
    'example.com' => <<"END",
@ MX 20 mx2
@ MX 10 mx1
mx1 A 192.0.2.1
mx1 A 192.0.2.2
mx1 AAAA 2001:db8::1
mx2 AAAA 2001:db8::2
null MX 0 .
inside MX 10 inside
inside A 127.0.0.1
inside MX 20 mx1
backup MX 10 nomx
backup MX 20 here
backup MX 30 mx1
here AAAA ::1
xn--bcher-kva A 192.0.2.5
aliasnomx CNAME nomx
todane MX 10 mx.secure.example.
equal MX 5 a.equal
equal MX 5 b.equal
equal MX 5 c.equal
alias CNAME \@
host CNAME mx1
odd CNAME a_b
a_b A 192.0.2.3
loop CNAME pool
pool CNAME loop
nomx A 192.0.2.4
noaddress MX 10 nowhere
mapped AAAA ::ffff:127.0.0.1
mapped AAAA 2001:db8::3
strange MX 10 a_b
strange MX 20 mx1
strange MX 30 192.0.2.1.
numeric MX 10 192.0.2.1.
text TXT "v=spf1 " "-all"
text TXT "two"
long TXT $long
nul TXT "a\\000b"
broken NS ns.broken
ns.broken A 127.86.17.5
END
    '2.0.192.in-addr.arpa' => <<'END',
1 PTR mx1.example.com.
2 PTR evil\013\010Received\058\032x.example.com.
2 PTR good.example.com.
3 PTR a\032b.example.com.
END
    '8.b.d.0.1.0.0.2.ip6.arpa' =>
        '1' . '.0' x 23 . " PTR mx1.example.com.\n",
    'secure.example' => <<"END",
@ MX 10 mx
@ MX 20 alias
mx A 192.0.2.10
mx AAAA 2001:db8::10
only4 A 192.0.2.11
alias CNAME mx
away CNAME mx1.example.com.
_25._tcp.away TLSA 3 1 1 $sha256
far MX 10 away
useless MX 10 only4
_25._tcp.only4 TLSA 1 1 1 $sha256
_25._tcp.only4 TLSA 3 1 1 abcd
plain MX 10 plain
plain A 192.0.2.12
forged MX 10 good.bogus.example.
_25._tcp.mx TLSA 3 1 1 $sha256
_25._tcp.mx TLSA 2 0 1 $sha256
_25._tcp.alias CNAME _25._tcp.mx
END
    'bogus.example' => <<"END",
@ MX 10 mx
mx A 192.0.2.20
good A 192.0.2.21
_25._tcp.mx TLSA 3 1 1 $sha256
_25._tcp.good TLSA 3 0 1 $sha256
END
    'noserver.example' => undef,
);
my $dns = SMTPTest::DNS->start(
    zones => \%zones,
    signed => ['secure.example', 'bogus.example'],
    spoil => { 'bogus.example' => sub {
        # Somebody else's address, records and all.
        s/192\.0\.2\.20/192.0.2.66/ && s/\b3 1 1 0123/3 1 1 6666/i
            && s/\b3 0 1 0123/3 0 1 6666/i
    } },
);
my $silent = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0,
                                   Proto => 'udp') or die "udp: $!";
my @silent = ('-s', 'silent.example=127.0.0.1@' . $silent->sockport);
# The root too: nothing is asked outside.
my @zones = map { ('-s', "$_=" . $dns->server) } '.', sort keys %zones;
my @servers = (@zones, '-a', $dns->anchors);

# The answers to [QUESTION, NAME]...: what dns_ask prints, by name of field.
sub answers
{
    my ($options, @questions) = @_;
    my ($status, $text) = SMTPTest::Program::run(
        '', $ask, @$options, '--', map { @$_ } @questions);
    is($status, 0, "dns_ask @$options") or diag $text;
    return map {
        my %answer;
        (@answer{qw(question name status flags ttl canonical reason)},
         @{ $answer{records} }) = split /\t/;
        $answer{records} = [sort @{ $answer{records} // [] }];
        \%answer;
    } split /\n/, $text;
}

# [QUESTION, NAME, STATUS, FLAGS, RECORDS]: flags are s(ecure), p(artial),
# a(lias), r(efused records).
my @cases = (
    ['mx', 'example.com', 'OK', '', '10 mx1.example.com.',
     '20 mx2.example.com.'],
    ['mx', 'EXAMPLE.com', 'OK', '', '10 mx1.example.com.',
     '20 mx2.example.com.'],
    ['mx', 'null.example.com', 'OK', '', '0 .'],
    ['mx', 'equal.example.com', 'OK', '',
     map { "5 $_.equal.example.com." } qw(a b c)],
    ['mx', 'alias.example.com', 'OK', 'a', '10 mx1.example.com.',
     '20 mx2.example.com.'],
    ['mx', 'nomx.example.com', 'NONE', ''],
    ['mx', 'missing.example.com', 'NXDOMAIN', ''],
    ['mx', 'loop.example.com', 'TEMPORARY', ''],
    ['mx', 'noserver.example', 'TEMPORARY', ''],
    # RFC 2181 10.3, 5321 2.3.5: what is no host name is no host.
    ['mx', 'strange.example.com', 'OK', 'r', '20 mx1.example.com.'],
    ['mx', 'numeric.example.com', 'UNREADABLE', 'r'],
    ['address', 'mx1.example.com', 'OK', '', '192.0.2.1', '192.0.2.2',
     '2001:db8::1'],
    ['address', 'mx2.example.com', 'OK', '', '2001:db8::2'],
    ['address', 'nomx.example.com', 'OK', '', '192.0.2.4'],
    ['address', 'mapped.example.com', 'OK', 'r', '2001:db8::3'],
    ['address', 'nowhere.example.com', 'NXDOMAIN', ''],
    ['address', 'example.com', 'NONE', ''],
    ['address', 'host.example.com', 'OK', 'a', '192.0.2.1', '192.0.2.2',
     '2001:db8::1'],
    ['address', 'odd.example.com', 'OK', 'a', '192.0.2.3'],
    ['address', 'noserver.example', 'TEMPORARY', ''],
    ['ptr', '192.0.2.1', 'OK', '', 'mx1.example.com'],
    ['ptr', '::ffff:192.0.2.1', 'OK', '', 'mx1.example.com'],
    ['ptr', '2001:db8::1', 'OK', '', 'mx1.example.com'],
    # Exim CVE-2026-40684, nginx CVE-2026-28753
    ['ptr', '192.0.2.2', 'OK', 'r', 'good.example.com'],
    ['ptr', '192.0.2.3', 'UNREADABLE', 'r'],
    ['ptr', '192.0.2.9', 'NXDOMAIN', ''],
    ['txt', 'text.example.com', 'OK', '', 'two', 'v=spf1 -all'],
    ['txt', 'long.example.com', 'OK', '',
     join '', map { sprintf('%02d', $_) x 125 } 0 .. 19],
    ['txt', 'nul.example.com', 'UNREADABLE', 'r'],
    ['mx', 'secure.example', 'OK', 's', '10 mx.secure.example.',
     '20 alias.secure.example.'],
    ['mx', 'mx.secure.example', 'NONE', 's'],
    ['mx', 'missing.secure.example', 'NXDOMAIN', 's'],
    ['address', 'mx.secure.example', 'OK', 's', '192.0.2.10',
     '2001:db8::10'],
    ['address', 'only4.secure.example', 'OK', 's', '192.0.2.11'],
    ['address', 'alias.secure.example', 'OK', 'sa', '192.0.2.10',
     '2001:db8::10'],
    # RFC 7672 2.2.2: the alias is validated, its end is not.
    ['address', 'away.secure.example', 'OK', 'a', '192.0.2.1', '192.0.2.2',
     '2001:db8::1'],
    ['alias', 'away.secure.example', 'OK', 's', 'mx1.example.com'],
    ['alias', 'mx.secure.example', 'NONE', 's'],
    ['tlsa', '_25._tcp.mx.secure.example', 'OK', 's', '2 0 1 (32 octets)',
     '3 1 1 (32 octets)'],
    ['tlsa', '_25._tcp.alias.secure.example', 'OK', 'sa',
     '2 0 1 (32 octets)', '3 1 1 (32 octets)'],
    ['tlsa', '_26._tcp.mx.secure.example', 'NXDOMAIN', 's'],
    ['mx', 'bogus.example', 'OK', 's', '10 mx.bogus.example.'],
    ['address', 'mx.bogus.example', 'BOGUS', ''],
    ['tlsa', '_25._tcp.mx.bogus.example', 'BOGUS', ''],
);
my %canonical = (
    'alias.example.com' => 'example.com',
    'host.example.com' => 'mx1.example.com',
    'alias.secure.example' => 'mx.secure.example',
    'away.secure.example' => 'mx1.example.com',
);

sub check_answers
{
    my ($what, @answers) = @_;
    is(scalar @answers, scalar @cases, "$what: each question is answered");
    for my $i (0 .. $#cases) {
        my ($question, $name, $status, $flags, @records) = @{ $cases[$i] };
        my $answer = $answers[$i];
        my $has_failed = $status =~ /BOGUS|TEMPORARY/ ? 1 : 0;
        is_deeply([@$answer{qw(question name status flags records)}],
                  [$question, $name, $status, $flags, [sort @records]],
                  "$what: $question $name is $status")
            or diag explain $answer;
        is(length $answer->{reason} ? 1 : 0, $has_failed,
           'a failure has its reason') or diag explain $answer;
        is($answer->{ttl} > 0 && $answer->{ttl} <= 300 ? 0 : 1, $has_failed,
           'anything else its time to live') or diag explain $answer;
        next if $question !~ /mx|address/ || !$canonical{$name};
        is($answer->{canonical}, $canonical{$name}, 'and leads there');
    }
    return;
}

my @all = map { [@$_[0, 1]] } @cases;
check_answers($_, answers(['-m', $_, @servers], @all))
    for qw(loop wait threads);

subtest 'a bogus answer is told apart, with words for the log' => sub {
    my ($answer) = answers(\@servers, ['address', 'mx.bogus.example']);
    like($answer->{reason}, qr/signature|bogus/i, 'they are libunbound\'s');
    unlike($answer->{reason}, qr/[^ -~]/, 'and safe');
};

subtest 'without a trust anchor nothing is secure, and nothing bogus' => sub {
    my @answers = answers(\@zones,
                          ['mx', 'secure.example'],
                          ['address', 'mx.bogus.example']);
    is_deeply([map { "$_->{status} $_->{flags}" } @answers],
              ['OK ', 'OK ']);
};

# DOMAIN => the hosts that its mail goes to, in their order.
my %routes = (
    'example.com' => 'OK: 10 mx1.example.com 192.0.2.N 2001:db8::1 192.0.2.N'
        . '; 20 mx2.example.com 2001:db8::2',
    'null.example.com' => 'NULL',
    'nomx.example.com' => 'OK: 0 nomx.example.com 192.0.2.4',
    'aliasnomx.example.com' => 'OK: 0 nomx.example.com 192.0.2.4',
    'missing.example.com' => 'NXDOMAIN',
    'noserver.example' => 'TEMPORARY',
    'numeric.example.com' => 'UNUSABLE',
    'strange.example.com' => 'OK: 20 mx1.example.com 192.0.2.N 2001:db8::1'
        . ' 192.0.2.N',
    'noaddress.example.com' => 'OK: 10 nowhere.example.com NXDOMAIN',
    'inside.example.com' => 'SELF',
    'backup.example.com' => 'OK: 10 nomx.example.com 192.0.2.4',
    "b\xC3\xBCcher.example.com" =>
        'OK: 0 xn--bcher-kva.example.com 192.0.2.5',
    '[192.0.2.1]' => 'OK: 0 [192.0.2.1]',
    '[127.0.0.1]' => 'SELF',
    'a b' => 'INVALID',
    # RFC 7672 2.2
    'secure.example' => 'OK: 10 mx.secure.example 192.0.2.10 2001:db8::10'
        . ' dane; 20 alias.secure.example 192.0.2.10 2001:db8::10 dane',
    'useless.secure.example' =>
        'OK: 10 only4.secure.example 192.0.2.11 encrypt',
    'plain.secure.example' => 'OK: 10 plain.secure.example 192.0.2.12',
    'far.secure.example' => 'OK: 10 away.secure.example 192.0.2.N'
        . ' 2001:db8::1 192.0.2.N dane',
    'todane.example.com' =>
        'OK: 10 mx.secure.example 192.0.2.10 2001:db8::10',
    'forged.secure.example' => 'OK: 10 good.bogus.example 192.0.2.21 defer',
    'bogus.example' => 'OK: 10 mx.bogus.example bogus answer',
);
subtest 'the way of a domain\'s mail' => sub {
    my @domains = sort keys %routes;
    my ($status, $text) = SMTPTest::Program::run(
        '', $ask, '-m', 'wait', @servers, '--',
        map { ('route', $_) } @domains);
    is($status, 0, 'dns_ask') or diag $text;
    my @lines = split /\n/, $text;
    for my $domain (@domains) {
        # Two addresses of a host come in an order of chance.
        is(shift(@lines) =~ s/192\.0\.2\.[12]\b(?!\])/192.0.2.N/gr,
           $routes{$domain}, $domain);
    }
};

subtest 'resolvers that are told' => sub {
    my ($answer) = answers(['-f', $dns->server], ['mx', 'example.com']);
    is($answer->{status}, 'OK', 'by address and port');
    ($answer) = answers(['-f', '127.0.0.1@' . $silent->sockport,
                         '-f', $dns->server], ['mx', 'example.com']);
    is($answer->{status}, 'OK', 'one of which says nothing');
};

subtest 'servers that say nothing hold nobody up' => sub {
    for my $mode (qw(loop wait threads)) {
        my $begin = time;
        my @answers = answers(
            ['-m', $mode, '-t', 1500 * $slow, @servers, @silent],
            ['mx', 'silent.example'], ['address', 'a.silent.example'],
            ['mx', 'broken.example.com'], ['mx', 'example.com']);
        my $took = time - $begin;
        is_deeply([map { $_->{status} } @answers],
                  [('TEMPORARY') x 3, 'OK'], $mode);
        is($answers[$_]{reason}, 'no answer within the time limit')
            for 0 .. 2;
        cmp_ok($took, '>=', 1.5 * $slow, 'the time limit passed');
        cmp_ok($took, '<', 15 * $slow, 'and little more');
    }
};

subtest 'a query that was dropped has no answer' => sub {
    my @answers = answers(['-m', 'cancel', @servers, @silent],
                          ['mx', 'silent.example'], ['mx', 'example.com'],
                          ['address', 'mx1.example.com'],
                          ['address', 'mx2.example.com']);
    is_deeply([map { $_->{status} } @answers], [qw(nothing OK nothing OK)]);
};

subtest 'a context that ends takes its queries along' => sub {
    my @answers = answers(['-m', 'end', @servers, @silent],
                          ['mx', 'silent.example'], ['mx', 'example.com']);
    is_deeply([map { $_->{status} } @answers], [qw(nothing nothing)]);
};

subtest 'what cannot be asked is not' => sub {
    my @answers = answers(['-m', 'wait', @servers],
                          ['mx', ''], ['mx', 'a b'],
                          ['mx', 'a..b'], ['mx', "a\r\nb"],
                          ['mx', 'a' x 64 . '.example'],
                          ['ptr', 'example.com'], ['ptr', '192.0.2']);
    is_deeply([map { $_->{reason} } @answers],
              [('this is no name of DNS') x 7]);
};

subtest 'many questions at once' => sub {
    my @many = map { ['address', "mx$_.example.com"] } (1 .. 2) x 300;
    my @answers = answers(['-m', 'loop', @servers], @many);
    is(scalar(grep { $_->{status} eq 'OK' } @answers), 600, 'in the loop');
    @answers = answers(['-m', 'threads', @servers], @many[0 .. 99]);
    is(scalar(grep { $_->{status} eq 'OK' } @answers), 100, 'by threads');
};

subtest 'an option that cannot be is refused, with its value' => sub {
    my $nonsense = File::Temp->new(TEMPLATE => 'smtp-nonsense-XXXXXX',
                                   TMPDIR => 1);
    $nonsense->printflush("no anchor\n");
    for my $wrong (['-f', 'nonsense'], ['-s', 'example.com=nonsense'],
                   ['-f', $dns->server, '-a', '/nonexistent/anchors'],
                   ['-f', $dns->server, '-a', "$nonsense"],
                   [@zones, '-h', '/nonexistent/root.hints'],
                   ['-r', '/nonexistent/resolv.conf']) {
        my ($status, $text) = SMTPTest::Program::run('', $ask, @$wrong,
                                                     '--');
        is($status, 2, "@$wrong");
        like($text, qr/nonsense|nonexistent/, 'the value is named');
    }
};

$dns->stop;
subtest 'a server that is gone' => sub {
    my ($answer) = answers(['-t', 3000 * $slow, @servers],
                           ['mx', 'example.com']);
    is($answer->{status}, 'TEMPORARY', 'no domain fails for good');
};
done_testing;
