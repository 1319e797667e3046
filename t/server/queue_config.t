# Licensed under the Apache License, Version 2.0; see LICENSE.
# mpm: event
#
# What can be checked of mod_smtp_queue's directives is checked by httpd -t: each
# wrong value is refused with a message that names directive, value and remedy.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Certificate;
use SMTPTest::Server;

my $certificate = SMTPTest::Certificate->authority;
my $other = SMTPTest::Certificate->authority;

my $server = SMTPTest::Server->new(dsos => ['mod_smtp_queue'], files => {
    'conf/password' => "s3cret\n",
    'conf/open' => "s3cret\n",
    'conf/lines' => "s3cret\nmore\n",
    'conf/none' => '',
    'conf/failed.txt' => "Sorry.\n",
    'conf/latin1.txt' => "Entt\xE4uschung\n",
    'conf/ca.pem' => $certificate->pem,
    'conf/no.pem' => "no certificate\n",
    'conf/anchors' => ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D084"
        . "58E880409BBC683457104237C7F8EC8D\n",
    'conf/no.anchors' => "no anchor\n",
});
chmod 0600, $server->root . "/conf/$_" or die "$_: $!"
    for qw(password lines none);
my %path = (certificate => $certificate->certificate,
            key => $certificate->key, other => $other->key);

# Status and words of httpd -t about lines at a PLACE: in the main server, in
# the virtual host, or in <SMTPDestination example.net>.
sub configtest
{
    my ($place, $lines) = @_;
    my %at = (host => '', main => '');
    $lines =~ s/\$(\w+)/$path{$1}/g;
    $at{$place eq 'main' ? 'main' : 'host'} = $place ne 'section' ? $lines
        : "<SMTPDestination example.net>\n$lines\n</SMTPDestination>";
    $server->write_config(config => $at{host}, global => $at{main});
    return $server->configtest;
}

# ---- Wrong values ---------------------------------------------------------

my $TIME = qr/the time is seconds, or a number with s, m, h or d/;
my $NAMES = qr/neither a domain, nor \.domain .* nor \* for every domain/;

# Place, lines, and what the message must have. The name of the directive and
# its value are demanded anyway, from the last line.
my @SYNTAX = (
    [main => 'SMTPQueue Perhaps', qr/one of On, Off/],
    (map { [main => "SMTPQueueConnections $_", qr/from 1 to 100000$/m] }
     qw(0 -1 100001 many)),
    (map { [main => "SMTPQueueStopTimeout $_", $TIME] } qw(x -1 2h 1y)),
    [main => 'SMTPQueueLogFormat %{nosuch}', qr/nosuch/],
    [main => 'SMTPQueueLogFormat "%{id"', qr/\S/],

    (map { [main => "SMTPDNSServer $_", qr/is no name server; give an addr/] }
     qw(resolver.example.com 192.0.2.300 192.0.2.53@ 192.0.2.53@0
        192.0.2.53:53 192.0.2.53@65536)),
    [main => 'SMTPDNSStub a..b 192.0.2.53', qr/is no zone; give a domain/],
    [main => 'SMTPDNSStub [192.0.2.1] 192.0.2.53', qr/is no zone/],
    [main => 'SMTPDNSStub example.com here', qr/is no name server/],
    [main => 'SMTPDNSTrustAnchor conf/nosuch', qr/cannot be opened/],
    [main => 'SMTPDNSLoopback yes', qr/one of Off, On/],
    (map { [main => "SMTPOwnHost $_", qr/neither a host name nor an addr/] }
     qw(a..b -x [300.1.1.1])),
    [main => 'SMTPOutboundCA conf/nosuch', qr/cannot be opened/],
    [main => 'SMTPOutboundCertificate conf/nosuch', qr/cannot be opened/],
    [main => 'SMTPOutboundCertificate $certificate conf/nosuch',
     qr/cannot be opened/],

    [host => 'SMTPRetry 5m soon', qr/s, m, h or d/],
    [host => 'SMTPRetry 0', qr/\S/], [host => 'SMTPRetry', qr/\S/],
    (map { [host => "SMTPRetryExpire $_", $TIME] }
     qw(0 366d x report=0 report=)),
    [host => 'SMTPRetryExpire reports=1d', qr/give TIME, report=TIME/],
    [host => 'SMTPDelayWarning never', qr/from 1s to 365d; or off/],
    [host => 'SMTPPriority low', qr/one of urgent, normal, bulk/],
    [host => 'SMTPPriority bulk later', qr/give "expr=EXPRESSION"/],
    [host => 'SMTPPriority bulk "expr=%{nosuch}"', qr/is no expression: /],
    (map { [host => "SMTPVERP $_", qr/two different characters of/] }
     qw(+ ++ +a @= +=-)),
    [host => 'SMTPDSNFrom postmaster', qr/give a mailbox/],
    [host => 'SMTPDSNCopy a@b@', qr/give a mailbox.*or none/],
    (map { [host => "SMTPDSNMaxSize $_", qr/K, M or G/] } qw(-1 ten 1T K)),
    [host => 'SMTPDSNTemplate bounced conf/failed.txt',
     qr/known are failed, delayed, delivered, relayed, expanded/],
    [host => 'SMTPDSNTemplate failed conf/nosuch', qr/cannot be opened/],
    [host => 'SMTPDSNTemplate failed conf/latin1.txt', qr/not UTF-8/],
    [host => 'SMTPDSNTemplate failed conf/none', qr/is empty/],

    [host => 'SMTPTLSReport daily', qr/one of Off, On/],

    [host => '<SMTPDestination>', qr/write <SMTPDestination example\.com>/,
     '</SMTPDestination>'],
    (map { [host => "<SMTPDestination $_>", $NAMES, '</SMTPDestination>'] }
     qw(exa_mple.com *.example.com example..com example.com. . bob@a.test
        .[192.0.2.1])),

    (map { my $place = $_; (
        (map { ["$place" => "SMTPRoute $_", qr/give mx, mx:DOMAIN, smtp:/] }
         qw(relay.example.com smtp25 [relay]:25)),
        (map { ["$place" => "SMTPRoute $_", qr/host name or an address/] }
         qw(smtp smtp: smtp:a..b)),
        ["$place" => 'SMTPRoute smtp:a:0', qr/a number from 1 to 65535/],
        ["$place" => 'SMTPRoute lmtp:unix:run/lmtp', qr/is absolute/],
        ["$place" => 'SMTPRoute error:550', qr/class 4 or 5/],
        ["$place" => 'SMTPRoute discard:x', qr/takes nothing behind it/],
    ) } qw(host section)),
    [main => 'SMTPRoute', qr/names no target/],
    [host => 'SMTPRoute mx from=a.example', qr/known are sender=DOMAIN/],
    [host => 'SMTPRoute mx sender=a..b', qr/sender=<> for the null/],
    [host => 'SMTPRoute mx "expr=1 +"', qr/is no expression: /],
    [host => q(SMTPRoute mx "expr=file('/etc/passwd') =~ /x/"),
     qr/is no expression: /],
    [host => 'SMTPRoute smtp:a auth=bob', qr/auth=LOGIN:FILE/],
    [host => 'SMTPRoute smtp:a auth=bob:conf/nosuch', qr/cannot be opened/],
    [host => 'SMTPRoute smtp:a auth=bob:conf/open', qr/chmod o-rw/],
    [host => 'SMTPRoute smtp:a auth=bob:conf/lines', qr/in one line/],
    [host => 'SMTPRoute smtp:a auth=bob:conf/none', qr/in one line/],
    [host => 'SMTPRoute smtp:a auth=bob:conf', qr/no regular file/],
    [host => 'SMTPRoute mx auth=bob:conf/password', qr/is for one host/],
    [host => 'SMTPRoute smtp:a tls=always', qr/give tls=none, tls=may/],
    [host => 'SMTPRoute smtp:a auth-without-tls', qr/stands behind auth=/],

    (map { [host => "SMTPConcurrency $_", qr/from 1 to 10000/] }
     qw(0 -1 10001 x)),
    (map { [host => "SMTPConcurrency 20 $_", qr/give first=NUMBER/] }
     qw(5 first=0 first=21 first= last=1)),
    (map { [host => "SMTPRate $_", qr/as in 100\/1m, or off/] }
     qw(100 0/1m 100/ 100/0 100/32d /1m 1000001/1m 100/1y)),
    (map { [host => "SMTPBackoff $_", qr/1s to 24h/] }
     qw(first=0 last=25h last=)),
    [host => 'SMTPBackoff failures=0', qr/from 1 to 10000/],
    [host => 'SMTPBackoff 5m', qr/give failures=NUMBER, first=TIME/],
    [host => 'SMTPMessagesPerConnection -1', qr/or 0 for no limit/],
    [host => 'SMTPRecipientsPerMessage 0', qr/from 1 to 100000$/m],
    [host => 'SMTPConnectionIdle long', qr/from 0s to 1h; or off/],
    (map { [section => "SMTPOutboundTLS $_", qr/none, may, encrypt, verify/] }
     qw(always on)),
    [host => 'SMTPOutboundTLS may mx.example.net', qr/verify and dane only/],
    [host => 'SMTPOutboundTLS verify a..b', qr/give a domain/],
    [host => 'SMTPDANE maybe', qr/one of On, Off/],
    [host => 'SMTPMTASTS maybe', qr/one of On, Off/],
    (map { [host => "SMTPSource $_", qr/give an address of this machine/] }
     qw(out.example.com 127.0.0.1=0 127.0.0.1=1001 127.0.0.1= 127.0.0.1:25)),
    [host => 'SMTPSource helo=a.example', qr/stands behind an address/],
    [host => 'SMTPSource 127.0.0.1 helo=a..b', qr/give a domain/],
    [host => 'SMTPAddressFamily ipv5', qr/any, ipv6first, ipv4first/],
    [host => 'SMTPOutboundTimeout 30s', qr/give connect=TIME, greeting=TIME/],
    [host => 'SMTPOutboundTimeout helo=30s', qr/give connect=TIME/],
    (map { [host => "SMTPOutboundTimeout $_", $TIME] }
     qw(connect=0 end=2h data=x)),
);

sub test_syntax
{
    my ($place, $lines, $remedy, $end) = @_;
    my ($status, $text) = configtest($place, join "\n", $lines, $end // ());
    my ($name, $value) = $lines =~ /\A<?(\w+)\s*(.*?)>?\z/;
    isnt($status, 0, "$place: $lines");
    like($text, qr/line \d+ of \S+httpd\.conf:\n/, '  where');
    like($text, qr/$name\b/, '  directive');
    like($text, $remedy, '  remedy');
    return if $value eq '';
    my $words = join '|', map { quotemeta } split ' ', $value =~ s/"//gr;
    like($text, qr/"[^\n]*(?:$words)[^\n]*"/, '  value');
    return;
}

subtest 'wrong values' => sub { test_syntax(@{$_}) for @SYNTAX };

# ---- Wrong places -----------------------------------------------------------

my $AROUND = "<Directory />\n%s\n</Directory>";
my @PLACES = (
    (map { [host => $_, qr/cannot occur within <VirtualHost>/] }
     'SMTPQueue On', 'SMTPQueueConnections 1', 'SMTPQueueStopTimeout 1',
     'SMTPQueueLog x', 'SMTPDNSServer 192.0.2.53', 'SMTPOwnHost a.example',
     'SMTPDNSStub . 192.0.2.53', 'SMTPDNSTrustAnchor none',
     'SMTPDNSLoopback On', 'SMTPOutboundCA conf/ca.pem'),
    (map { [section => $_, qr/not allowed in <SMTPDestination> context/] }
     'SMTPRetry 5m', 'SMTPRetryExpire 1d', 'SMTPPriority bulk',
     "<SMTPDestination example.org>\n</SMTPDestination>", 'SMTPVERP +=',
     'SMTPEngine On'),
    (map { [main => sprintf($AROUND, $_), qr/stands in the main server/] }
     'SMTPRoute mx', 'SMTPRate off', 'SMTPDANE Off'),
    [host => "<SMTPDomain example.net>\nSMTPRoute mx\n</SMTPDomain>",
     qr/SMTPRoute: stands in the main server.*or in <SMTPDestination>/],
);

subtest 'wrong places' => sub {
    for my $case (@PLACES) {
        my ($place, $lines, $words) = @{$case};
        my ($status, $text) = configtest($place, $lines);
        isnt($status, 0, "$place: $lines");
        like($text, $words, '  words');
    }
};

# ---- What only the whole shows ------------------------------------------------

my @WHOLE = (
    [main => 'SMTPOutboundCA conf/no.pem',
     qr/SM4301: SMTPOutboundCA.*no\.pem/],
    [main => 'SMTPOutboundCertificate $certificate $other',
     qr/SM4301: SMTPOutboundCertificate "\S+": .*certificate's/],
    [main => 'SMTPDNSTrustAnchor conf/no.anchors',
     qr/SM4301: SMTPDNSTrustAnchor, .*no\.anchors/],
    [section => "SMTPRoute smtp:a.example auth=bob:conf/password\n"
         . 'SMTPOutboundTLS none',
     qr/<SMTPDestination example\.net> SMTPRoute "smtp:a\.example:25": auth=/],
);

subtest 'what does not go together' => sub {
    for my $case (@WHOLE) {
        my ($place, $lines, $words) = @{$case};
        my ($status, $text) = configtest($place, $lines);
        isnt($status, 0, $lines);
        like($text, $words, '  words');
    }
};

my @ADVICE = (
    [host => "SMTPRoute smtp:a.example auth=bob:conf/password\n"
         . 'SMTPOutboundTLS encrypt',
     qr/SM4302: .*not verified; write tls=verify/],
    [host => 'SMTPRoute smtp:a.example auth=bob:conf/password tls=may',
     qr/SM4302: .*not verified; write tls=verify/],
    [host => 'SMTPRoute smtp:127.0.0.1:${port_smtp}',
     qr/SM4303: .*SMTPRoute "smtp:\[127\.0\.0\.1\]:\d+": is this very virtual/],
    [section => 'SMTPSource 192.0.2.77',
     qr/SM4304: .*<SMTPDestination example\.net> SMTPSource "192\.0\.2\.77"/],
);

subtest 'advice does not refuse' => sub {
    for my $case (@ADVICE) {
        my ($place, $lines, $words) = @{$case};
        my ($status, $text) = configtest($place, $lines);
        is($status, 0, $lines);
        like($text, $words, '  words');
        is(() = $text =~ /SM43\d\d/g, 1, '  once');
    }
};

# ---- Right values -----------------------------------------------------------

my @RIGHT = (
    (map { [main => "SMTPQueue $_"] } qw(On off)),
    [main => 'SMTPQueueConnections 1'], [main => 'SMTPQueueStopTimeout 0'],
    [main => 'SMTPQueueStopTimeout 1min'],
    [main => 'SMTPQueueLog logs/queue.log'],
    [main => 'SMTPQueueLog "|/bin/cat"'],
    [main => 'SMTPQueueLogFormat "%t %{id} %{to}"'],
    [main => 'SMTPDNSServer 192.0.2.53 2001:db8::53@5353 127.0.0.1@5353'],
    (map { [main => "SMTPDNSStub $_ 127.0.0.1\@5353"] }
     '.', 'example.com', "b\xC3\xBCcher.example"),
    (map { [main => "SMTPDNSTrustAnchor $_"] } qw(none conf/anchors)),
    [main => 'SMTPDNSLoopback On'],
    [main => 'SMTPOwnHost mx.example.com 192.0.2.1 2001:db8::1 [192.0.2.2]'],
    [main => 'SMTPOutboundCA conf/ca.pem'], [main => 'SMTPOutboundCA conf'],
    [main => 'SMTPOutboundCertificate $certificate $key'],
    (map { my $place = $_; (
        [$place => 'SMTPRetry 10s 5m 1h'],
        [$place => 'SMTPRetryExpire report=1d 4d'],
        [$place => 'SMTPDelayWarning off'],
        [$place => 'SMTPPriority urgent "expr=%{reqenv:SMTP_FROM} == \'x\'"'],
        [$place => 'SMTPVERP +='], [$place => 'SMTPVERP off'],
        [$place => 'SMTPDSNFrom postmaster@example.com'],
        [$place => 'SMTPDSNCopy none'],
        [$place => 'SMTPDSNMaxSize 0'],
        [$place => 'SMTPDSNTemplate Failed conf/failed.txt'],
        [$place => 'SMTPTLSReport On'],
    ) } qw(main host)),
    (map { [host => "<SMTPDestination $_>\n</SMTPDestination>"] }
     '*', '.example.net', '[192.0.2.1]', '[IPv6:2001:db8::1]', 'a b c',
     "b\xC3\xBCcher.example"),
    (map { my $place = $_; (
        (map { [$place => "SMTPRoute $_"] }
         'mx', 'smtp:a.example:587', 'local', 'smtp:[2001:db8::1]',
         '"error:5.1.2:No mail goes there"', 'lmtp:unix:/run/lmtp', 'discard',
         'smtps:a.example sender=.b.example'
         . "\nSMTPRoute discard sender=<>\nSMTPRoute mx",
         'mx "expr=-R \'192.0.2.0/24\' && -n %{REMOTE_USER}"',
         "smtp:a auth=bob:conf/password\nSMTPOutboundTLS verify a.example",
         'smtp:a auth=bob:conf/password', 'smtp:a tls=encrypt',
         "smtp:a auth=bob:conf/password tls=verify\nSMTPOutboundTLS none",
         'smtp:a auth=bob\@x:conf/password auth-without-tls'),
        [$place => 'SMTPConcurrency 1'],
        [$place => 'SMTPConcurrency 20 first=20'],
        (map { [$place => "SMTPRate $_"] } qw(off 100/1m 1/1min 10/90)),
        [$place => 'SMTPBackoff failures=1 first=1 last=24h'],
        [$place => 'SMTPMessagesPerConnection 0'],
        [$place => 'SMTPRecipientsPerMessage 1'],
        [$place => 'SMTPConnectionIdle off'],
        (map { [$place => "SMTPOutboundTLS $_"] }
         'none', 'may', 'Encrypt', 'verify', 'dane a.example b.example'),
        [$place => 'SMTPDANE Off'], [$place => 'SMTPMTASTS Off'],
        [$place => 'SMTPSource 127.0.0.1=3 helo=a.example 127.0.0.2'],
        [$place => 'SMTPSource any'],
        [$place => 'SMTPAddressFamily ipv6first'],
        [$place => 'SMTPOutboundTimeout connect=5s greeting=1m ehlo=1m tls=1m '
             . 'auth=1m mail=1m rcpt=1m data=1m block=1m end=20min quit=5'],
    ) } qw(main host section)),
);

subtest 'right values' => sub {
    for my $case (@RIGHT) {
        my ($status, $text) = configtest(@{$case});
        is($status, 0, "@{$case}");
        is($text, "Syntax OK\n", '  without a word');
    }
};

# ---- Mailboxes elsewhere ------------------------------------------------------

subtest 'SMTPDeliver' => sub {
    my %remedy = (
        'lmtp:unix:run' => qr/is absolute/, 'lmtp:' => qr/host name or an/,
        'smtp:a:x' => qr/from 1 to 65535/,
    );
    for my $target (sort keys %remedy) {
        $server->write_config(config => '', global => '',
            domain => "SMTPRecipients any\nSMTPDeliver $target");
        my ($status, $text) = $server->configtest;
        isnt($status, 0, $target);
        like($text, qr/SMTPDeliver "\Q$target\E": .*$remedy{$target}/, '  words');
    }
    for my $target (qw(lmtp:unix:/run/lmtp lmtp:127.0.0.1:24 LMTP:a.example
                       smtp:[2001:db8::1]:26 maildir)) {
        $server->write_config(
            domain => "SMTPRecipients any\nSMTPDeliver $target");
        my ($status, $text) = $server->configtest;
        is($status, 0, $target) or diag($text);
    }
};

done_testing;
