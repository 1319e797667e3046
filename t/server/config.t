# Licensed under the Apache License, Version 2.0; see LICENSE.
# speed: fast
# mpm: event
#
# What can be checked is checked by httpd -t: each wrong value is refused with a
# message that names directive, value and remedy, and where they stand. And
# what the manual shows as an example is taken as it is shown.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Certificate;
use SMTPTest::Server;

my $TOP = "$FindBin::Bin/../..";

my $server = SMTPTest::Server->new(ports => {
    smtp => 'smtp', submission => 'smtp', submissions => 'smtps',
}, files => {
    'conf/recipients' => "bob\nalice\@example.com\ncarol\n",
    'conf/aliases' => "info bob, alice\@example.com\n",
    'conf/twice' => "bob\ncarol\nBob\n",
    'conf/slip' => "bob\n\ncarol dave\@\@x\n",
    'conf/relay' => "info bob\@example.org\n",
    'conf/empty' => '',
    'conf/senders' => "bob \@example.org\n",
});

# Status and words of httpd -t about lines at a PLACE: in the virtual host, in
# its <SMTPDomain>, or in the main server.
sub configtest
{
    my ($place, $lines) = @_;
    my %at = (host => '', domain => 'SMTPRecipients list:bob', main => '');
    $at{$place} = $place eq 'domain' && $lines =~ /^SMTPRecipients/m
        ? $lines : "$lines\n$at{$place}";
    $server->write_config(config => $at{host}, domain => $at{domain},
                          global => $at{main});
    return $server->configtest;
}

# ---- Wrong values ---------------------------------------------------------

# Place, lines, and what the message must have. The name of the directive and
# its value are demanded anyway, from the last line.
my @SYNTAX = (
    [main => 'SMTPEngine On', qr/in a <VirtualHost>/],
    [main => 'SMTPEngine Off', qr/in a <VirtualHost>/],
    [host => 'SMTPEngine Perhaps', qr/must be On or Off/],

    [host => 'SMTPExtensions', qr/give keywords/],
    [host => 'SMTPExtensions -STARTTLS', qr/known are .*\bCHUNKING\b/],
    [host => 'SMTPExtensions SIZES', qr/known are .*\bSIZE\b/],
    [host => 'SMTPExtensions +All', qr/known are/],
    [host => 'SMTPExtensions SIZE -DSN', qr/all with \+ or -, or none/],
    [host => 'SMTPExtensions +SIZE -SIZE', qr/take one away/],
    [host => 'SMTPExtensions BINARYMIME SIZE', qr/without CHUNKING; switch/],
    [host => 'SMTPExtensions +BINARYMIME -CHUNKING', qr/without CHUNKING/],
    [host => 'SMTPExtensions SMTPUTF8', qr/without 8BITMIME/],

    [host => 'SMTPTimeout', qr/command=TIME/],
    [host => 'SMTPTimeout command=0', qr/more than 0/],
    [host => 'SMTPTimeout data=-1', qr/more than 0/],
    [host => 'SMTPTimeout total=5parsec', qr/ms, s, min or h/],
    [host => 'SMTPTimeout data=', qr/seconds/],
    [host => 'SMTPTimeout 300', qr/give command=TIME/],
    [host => 'SMTPTimeout idle=300', qr/total=TIME or handshake=TIME/],

    [host => 'SMTPBareLF accept', qr/one of reject, normalise/],
    [host => 'SMTPBareLF reject normalise', qr/takes one argument/],
    [host => 'SMTPDisclose some', qr/one of none, vrfy, expn, all/],

    (map { [host => "SMTPMaxMessageSize $_", qr/K, M or G.*0 for no limit/] }
     qw(-1 ten 1T 1.5M M 9223372036854775808 9007199254740992K
        99999999999G 0x100)),
    (map { [host => "SMTPMaxRecipients $_", qr/from 1 to 1000000$/m] }
     qw(0 -1 1000001 1e3 many 99999999999999999999)),
    (map { my $name = $_; map { [host => "$name $_", qr/, or 0 for no limit/] }
           qw(-1 x 2147483648 +1) }
     qw(SMTPMaxMessages SMTPMaxErrors SMTPMaxConnections)),
    (map { [host => "SMTPMaxReceived $_", qr/from 1 to/] } qw(0 -5 x)),
    (map { [host => "SMTPMaxCommandLine $_", qr/from 2048 to 65536/] }
     qw(0 2047 65537)),
    (map { [host => "SMTPMaxTextLine $_", qr/from 1000 to .*0 for no limit/] }
     qw(1 999)),

    [host => '<SMTPConnect here>', qr/takes no argument/, '</SMTPConnect>'],
    [host => '<SMTPDomain>', qr/write <SMTPDomain example.com>/,
     '</SMTPDomain>'],
    (map { [host => "<SMTPDomain $_>", qr/neither a domain, nor \.domain/,
            '</SMTPDomain>'] }
     qw(exa_mple.com *.example.com example..com example.com. . bob@a.test
        [300.1.1.1] .[192.0.2.1])),

    (map { [host => $_, qr/only within <SMTPDomain>/] }
     'SMTPRecipients any', 'SMTPAliases list:a', 'SMTPAlias a b',
     'SMTPCatchAll a', 'SMTPPostmaster a', 'SMTPRecipientDelimiter +',
     'SMTPDeliver maildir'),

    [domain => 'SMTPRecipients everybody', qr/kind:argument.*quotes/],
    [domain => 'SMTPRecipients mysql:names', qr/known are .*\btxt:/],
    [domain => 'SMTPRecipients list:', qr/write list:name,name/],
    [domain => 'SMTPRecipients list:bob,@example.com',
     qr/"\@example.com" is no mailbox/],
    [domain => 'SMTPRecipients list:bob,bob', qr/named twice/],
    [domain => 'SMTPRecipients txt:', qr/write txt:path/],
    [domain => 'SMTPRecipients txt:conf/nosuch',
     qr{cannot read \S+/conf/nosuch: No such file}],
    [domain => 'SMTPRecipients txt:conf/twice',
     qr{conf/twice, line 3: "Bob" is named twice}],
    [domain => 'SMTPAliases txt:conf/slip',
     qr{conf/slip, line 3: "dave\@\@x" is no mailbox; write}],
    [domain => 'SMTPRecipients dbm:conf/nosuch',
     qr/No such file.*make it with httxt2dbm/],
    [domain => 'SMTPRecipients dbm:sdbm:', qr/write dbm:path/],
    [domain => 'SMTPRecipients "dbd:SELECT 1"', qr/exactly one %s/],
    [domain => 'SMTPRecipients "dbd:SELECT a FROM b WHERE c = %s OR d = %s"',
     qr/exactly one %s/],
    [domain => q(SMTPRecipients "dbd:SELECT a FROM b WHERE c = '%s'"),
     qr/quotes around %s; take them away/],
    [domain => 'SMTPRecipients "dbd:SELECT a FROM b WHERE c = %s"',
     qr/mod_dbd is not loaded; put its LoadModule/],
    [domain => 'SMTPAliases bob', qr/kind:argument/],
    [domain => 'SMTPAlias lonely', qr/a name and its targets/],
    [domain => 'SMTPAlias info bob@', qr/"bob@" is no mailbox/],
    [domain => 'SMTPAlias @example.com bob', qr/write name or name\@domain/],
    [domain => 'SMTPCatchAll bob,alice', qr/for more make an alias/],
    [domain => 'SMTPPostmaster |/bin/sh@', qr/is no mailbox/],
    (map { [domain => "SMTPRecipientDelimiter $_", qr/give none, or/] }
     '@', 'a', '+x', '"+ "', '.'),
    [domain => 'SMTPDeliver lmtp:unix:/run/lmtp',
     qr/needs mod_smtp_queue.*add LoadModule smtp_queue_module/],
    [domain => 'SMTPDeliver pigeon',
     qr/known are maildir, .*lmtp:unix:PATH/],
    [domain => 'SMTPDeliver maildir:/x', qr/takes no argument/],

    [main => 'SMTPSpoolMinFree lots', qr/K, M or G/],
    [main => 'SMTPSpoolSegmentSize 10', qr/1M to 1G/],
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
    # httpd's own words for a missing argument have no value to name.
    return if $value eq '' || $text =~ /takes one argument|must be On or Off/
        || $text =~ /only within|requires at least/;
    my $words = join '|', map { quotemeta } split ' ', $value =~ s/"//gr;
    like($text, qr/"[^\n]*(?:$words)[^\n]*"/, '  value');
    return;
}

subtest 'wrong values' => sub { test_syntax(@{$_}) for @SYNTAX };

# ---- What only the whole shows ------------------------------------------------

my @WHOLE = (
    ['an alias to a domain that is not ours', 'domain',
     'SMTPAlias out bob@example.org',
     qr/SM1100: .*SMTPAlias.*"out\@example.com" leads to "bob\@example.org"/,
     qr/not local here, and no module sends mail on; add LoadModule smtp_queue/],
    ['the same in a file', 'domain', 'SMTPAliases txt:conf/relay',
     qr/SMTPAliases txt:conf\/relay \(\S+httpd\.conf:\d+\): "info\@example/,
     qr/"bob\@example.org", whose domain is not local here/],
    ['an alias to nobody', 'domain', 'SMTPAlias info bbo',
     qr/SMTPAlias.*"bbo", who does not exist; mend the name/],
    ['a loop of aliases', 'domain', "SMTPAlias a b\nSMTPAlias b c\nSMTPAlias c a",
     qr/leads back to itself through other aliases; break the loop/],
    ['a catch-all that does not exist', 'domain', 'SMTPCatchAll nobody',
     qr/SMTPCatchAll: .*"nobody", who does not exist/],
    ['a postmaster that does not exist', 'domain', 'SMTPPostmaster root',
     qr/SMTPPostmaster: .*"root", who does not exist/],
    ['extensions that two levels switch against each other', 'host',
     "SMTPExtensions -CHUNKING\nSMTPExtensions +BINARYMIME",
     qr/SMTPExtensions: BINARYMIME cannot be offered without CHUNKING/],
    ['a ServerName that is no domain, for *', 'host',
     "ServerName no_domain\n<SMTPDomain *>\n</SMTPDomain>",
     qr/<SMTPDomain \*> needs ServerName .*"no_domain" is none; change it/],
);

for my $case (@WHOLE) {
    my ($name, $place, $lines, @words) = @{$case};
    subtest $name => sub {
        my ($status, $text) = configtest($place, $lines);
        isnt($status, 0, 'refused');
        like($text, $_, 'words') for @words;
        like($text, qr/SM1100: <VirtualHost 127\.0\.0\.1:\d+> \(\S+:\d+\)/,
             'which virtual host');
    };
}

subtest 'HTTP on the same address and port' => sub {
    my ($status, $text) = configtest(main => <<'END');
<VirtualHost 127.0.0.1:${port_smtp}>
    ServerName www.example.com
</VirtualHost>
END
    isnt($status, 0, 'refused');
    like($text, qr/SM1101: <VirtualHost .*SMTPEngine On: <VirtualHost/,
         'both are named');
    like($text, qr/another port/, 'remedy');
};

# ---- Advice ---------------------------------------------------------------

my @ADVICE = (
    ['host', 'SMTPMaxRecipients 99', qr/SM1140: .*SMTPMaxRecipients 99: .*100/],
    ['host', 'SMTPMaxMessageSize 65535', qr/SM1141: .*Size 65535: .*64K/],
    ['host', 'SMTPTimeout command=299', qr/SM1142: .*command=299000ms: .*300/],
    ['main', "<VirtualHost 127.0.0.1:1>\nServerName other.test\n"
         . "SMTPEngine On\n</VirtualHost>",
     qr/SM1143: .*without <SMTPDomain>: every recipient will be refused; add/],
    ['main', "<VirtualHost 127.0.0.1:1>\nServerName other.test\n"
         . "SMTPEngine On\n<SMTPDomain .a.test>\n</SMTPDomain>\n</VirtualHost>",
     qr/SM1144: .*<Postmaster> will be refused .*; add one/],
    ['main', "<VirtualHost 127.0.0.1:\${port_smtp}>\nServerName other.test\n"
         . "SMTPEngine On\n<SMTPDomain *>\n</SMTPDomain>\n</VirtualHost>",
     qr/SM1146: .*same address and port: only one of them is reached/],
);

subtest 'advice does not refuse' => sub {
    for my $case (@ADVICE) {
        my ($place, $lines, $words) = @{$case};
        my ($status, $text) = configtest($place, $lines);
        is($status, 0, $lines);
        like($text, $words, '  words');
    }
};

subtest 'no module delivers' => sub {
    my $other = SMTPTest::Server->new(own_dsos => 0, dsos => ['mod_smtp']);
    my ($status, $text) = $other->configtest;
    is($status, 0, 'taken');
    like($text, qr/SM1145: .*LoadModule smtp_spool_module/, 'words');
};

# ---- Right values -----------------------------------------------------------

my @RIGHT = (
    [host => 'SMTPEngine Off'],
    (map { [host => "SMTPExtensions $_"] }
     'All', 'None', '-CHUNKING', '+DSN', 'size dsn', '-8BITMIME +SIZE'),
    (map { [host => "SMTPTimeout $_"] }
     'command=300', 'command=5min data=1 total=1h', 'data=1ms'),
    (map { [host => "SMTPMaxMessageSize $_"] } qw(0 64k 65536 1G 8388607G)),
    (map { [host => "SMTPMaxRecipients $_"] } qw(100 1000000)),
    (map { [host => "$_ 0"] } qw(SMTPMaxMessages SMTPMaxErrors
                                 SMTPMaxConnections SMTPMaxTextLine)),
    [host => 'SMTPMaxReceived 1'], [host => 'SMTPMaxTextLine 1000'],
    [host => 'SMTPMaxCommandLine 65536'],
    (map { [host => "SMTPDisclose $_"] } qw(none VRFY expn all)),
    [host => "<SMTPConnect>\n<RequireAny>\nRequire local\n"
         . "Require ip 192.0.2.0/24\n</RequireAny>\n</SMTPConnect>"],
    (map { [host => "<SMTPDomain $_>\n</SMTPDomain>"] }
     '*', '.example.net', '[192.0.2.1]', '[IPv6:2001:db8::1]', 'a b c',
     '"example.net"', "b\xC3\xBCcher.example", 'xn--bcher-kva.example'),
    (map { [domain => "SMTPRecipients $_"] }
     'any', 'txt:conf/recipients', 'txt:conf/empty list:bob', q('list:"a b"')),
    [domain => 'SMTPAliases txt:conf/aliases list:x' . "\n"
         . 'SMTPRecipients txt:conf/recipients'],
    [domain => 'SMTPAlias info bob info@example.com'],
    [domain => 'SMTPCatchAll bob'], [domain => 'SMTPPostmaster bob'],
    [domain => 'SMTPPostmaster postmaster'],
    (map { [domain => "SMTPRecipientDelimiter $_"] } qw(none + +- _ =)),
    [domain => 'SMTPDeliver maildir'],
);

subtest 'right values' => sub {
    for my $case (@RIGHT) {
        my ($status, $text) = configtest(@{$case});
        is($status, 0, "@{$case}");
        is($text, "Syntax OK\n", '  without a word');
    }
};

# ---- Examples of the manual ---------------------------------------------------

# What examples name stands in ServerRoot: a certificate (which is its own
# authority), people.
my $authority = SMTPTest::Certificate->authority(name => 'mx.example.com');
# The key of RFC 8037 A.2.
my $JWKS = '{"keys":[{"kty":"OKP","crv":"Ed25519",'
    . '"x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}';

sub make_files
{
    my ($example) = @_;
    while ($example =~ m{\b(conf/[\w.-]+\.(\w+))}g) {
        my ($name, $kind) = ($1, $2);
        my %content = (
            (map { $_ => $authority->pem } qw(crt pem)),
            key => read_octets($authority->key),
            htpasswd => "bob:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n",
            scram => '', json => $JWKS, secret => "s3cret\n", recipients => undef, aliases => undef,
        );
        next if !defined $content{$kind};
        $server->write_file($name, $content{$kind});
        chmod 0600, $server->root . "/$name" or die "$name: $!"
            if $kind eq 'secret';
    }
    return;
}

sub read_octets
{
    my ($path) = @_;
    open my $file, '<:raw', $path or die "$path: $!";
    return do { local $/; <$file> };
}

my $TLS = "SSLEngine On\nSSLCertificateFile " . $authority->certificate
    . "\nSSLCertificateKeyFile " . $authority->key . "\n";
my $AUTH = <<'END';
<SMTPAuth>
    AuthType Basic
    AuthName mail
    AuthUserFile conf/mail.htpasswd
    Require valid-user
</SMTPAuth>
END
my $RELAY = "<SMTPRelay>\n    Require valid-user\n</SMTPRelay>\n";

# What a piece of a virtual host rests on, as the text around it says.
sub around
{
    my ($example) = @_;
    my $is_of_auth = $example
        =~ /^\s*<?SMTP(?:Auth|Login|Sender|Service|Origin|Relay|Trace|ATRN|TURN)/m;
    return join '', ($example =~ /SSLEngine/ ? '' : $TLS),
        ($is_of_auth && $example !~ /<SMTPAuth>/ ? $AUTH : ''),
        ($is_of_auth && $example !~ /<SMTPRelay>/ ? $RELAY : ''),
        ($example =~ /SCRAM/ && $example !~ /SMTPAuthCredentials/
         ? "SMTPAuthCredentials txt:conf/mail.scram\n" : ''), $example;
}

# Where an example belongs is seen from what it has.
sub example_config
{
    my ($example) = @_;
    make_files("$example$AUTH conf/mail.scram");
    # This test's modules, ports and user are there already.
    $example =~ s/^LoadModule .*\n|^Listen .*\n|^SMTPSpool .*\n//mg;
    $example =~ s/\*:25|127\.0\.0\.1:2525/127.0.0.1:\${port_smtp}/g;
    $example =~ s/\*:587/127.0.0.1:\${port_submission}/g;
    $example =~ s/\*:465/127.0.0.1:\${port_submissions}/g;
    return (vhosts => $example) if $example =~ /<VirtualHost/;
    return (global => $example, config => '')
        if $example =~ m{\A\s*\z|^\s*(?:DBD|Async|SMTPSpool|SMTPState|SMTPOAuthMax|SMTPDNS|SMTPOwn|SMTPQueue)}m;
    my $in_domain = $example =~ /^SMTP(?:Recip|Alias|Catch|Post|Deliver)/m;
    return $in_domain ? (domain => $example) : (config => around($example));
}

sub test_examples
{
    my ($page) = @_;
    open my $file, '<', $page or die "$page: $!";
    my $text = do { local $/; <$file> };
    my @examples = $text =~ /^```apache\n(.*?)^```$/msg;
    ok(scalar @examples, 'there are examples');
    for my $example (@examples) {
        $server->write_config(vhosts => undef, global => '', config => '',
                              domain => 'SMTPRecipients list:bob',
                              example_config($example));
        my ($status, $said) = $server->configtest;
        is($status, 0, (split /\n/, $example)[0]) or diag($example, $said);
        # Small limits, shown on purpose, bring advice, and so do addresses
        # that this machine has not.
        like($said, qr/\A(?:.*SM(?:114[012]|4304): .*\n)*Syntax OK\n\z/,
             '  no warning');
    }
    return;
}

$server->{modules} = [qw(dbd socache_shmcb socache_redis ssl authn_core auth_basic authn_file
                         authz_user authz_groupfile)];
$server->{dsos} = ['mod_smtp_oauth', 'mod_smtp_queue'];
for my $page (glob "$TOP/mod_smtp/manual/*.md") {
    my ($name) = $page =~ m{([^/]+)\z};
    subtest "examples of $name" => sub { test_examples($page) };
}

done_testing;
