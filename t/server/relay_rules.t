# Licensed under the Apache License, Version 2.0; see LICENSE.
# speed: fast
#
# <SMTPRelay> lets in whom it names, by httpd's rules, and nobody else: not
# when it is empty, not when a rule cannot be asked. And no configuration that
# starts is an open relay.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use MIME::Base64 qw(encode_base64);
use Test::More;

use SMTPTest::Certificate;
use SMTPTest::Server;

# Until a module relays: who may is told that nobody takes it on.
my ($MAY, $MUST_NOT) = ('451 4.3.0', '550 5.7.1');

sub vhost
{
    my ($name, $lines) = @_;
    return <<"END";
<VirtualHost 127.0.0.1:\${port_$name}>
    ServerName mx.example.com
    SMTPEngine On
    <SMTPDomain example.com>
        SMTPRecipients list:bob
    </SMTPDomain>
$lines
</VirtualHost>
END
}

sub section { return "<SMTPRelay>\n$_[0]\n</SMTPRelay>" }

# RCPT for another domain, by a client at an address of ours.
sub relay
{
    my ($server, $port, %arg) = @_;
    my $client = $server->client(port => $port, from => $arg{at});
    $client->read_reply;
    $client->command('EHLO ' . ($arg{ehlo} // 'client.test'));
    log_in($client, $arg{login}) if length($arg{login} // '');
    my $from = $arg{from} // 'sender@client.test';
    my $mail = $client->command("MAIL FROM:<$from>");
    my $reply = $mail->code eq '250'
        ? $client->command('RCPT TO:<user@elsewhere.test>') : $mail;
    $client->quit;
    return join ' ', $reply->code, $reply->status;
}

sub log_in
{
    my ($client, $login) = @_;
    my $reply = $client->command(
        'AUTH PLAIN ' . encode_base64("\0$login\0secret", ''));
    $reply->code eq '235' or die "$login: ", $reply->text;
    return;
}

# ---- Rules ----------------------------------------------------------------

# Section => [who may], [who must not]: clients as relay() has them. What is
# said of a client beside his address is true of nobody, so that is asked
# together with an address.
my %RULE = (
    none => ['', [], [{}, { at => '127.0.0.2' }]],
    empty => [section(''), [], [{}, { from => '' }]],
    denied => [section('Require all denied'), [], [{}]],
    ip => [section('Require ip 127.0.0.2 127.0.1.0/24 ::1'),
           [{ at => '127.0.0.2' }, { at => '127.0.1.9' },
            { at => '127.0.0.2', from => '' }],
           [{ at => '127.0.0.3' }, { at => '127.0.0.1', from => '' },
            { at => '127.0.0.3', from => 'bob@example.com' }]],
    local => [section('Require local'), [{}, { at => '127.0.0.9' }], []],
    except => [section("<RequireAll>\nRequire ip 127.0.0.0/8\n"
                       . "Require not ip 127.0.0.2\n</RequireAll>"),
               [{}], [{ at => '127.0.0.2' }]],
    any => [section("<RequireAny>\nRequire ip 127.0.0.2\n"
                    . "Require ip 127.0.0.3\n</RequireAny>"),
            [{ at => '127.0.0.2' }, { at => '127.0.0.3' }], [{}]],
    user => [section('Require valid-user'), [], [{}]],
    expr => [section("<RequireAll>\nRequire expr "
                     . q{"%{REMOTE_ADDR} == '127.0.0.2'"} . "\nRequire expr "
                     . q{"%{reqenv:SMTP_FROM} =~ /@example\.com$/"}
                     . "\n</RequireAll>"),
             [{ at => '127.0.0.2', from => 'bob@example.com' }],
             [{ at => '127.0.0.2', from => 'bob@client.test' },
              { at => '127.0.0.2', from => '' },
              { from => 'bob@example.com' }]],
    helo => [section("<RequireAll>\nRequire ip 127.0.0.2\nRequire expr "
                     . q{"%{reqenv:SMTP_CLIENT_HELO} == 'app.test'"}
                     . "\n</RequireAll>"),
             [{ at => '127.0.0.2', ehlo => 'app.test' }],
             [{ at => '127.0.0.2' }, { ehlo => 'app.test' }]],
    env => [section("<RequireAll>\nRequire ip 127.0.0.2\n"
                    . "Require env SMTP_FROM\n</RequireAll>"),
            [{ at => '127.0.0.2' }], [{}]],
    login => [section('Require env SMTP_LOGIN'), [], [{}]],
    tls => [section("<RequireAll>\nRequire ip 127.0.0.2\n"
                    . "Require env SMTP_TLS\n</RequireAll>"),
            [], [{ at => '127.0.0.2' }]],
    broken => [section(q{Require expr "file('/nowhere') == 'x'"}), [],
               [{}]],
    host => [section('Require host ' . (gethostbyaddr(pack('C4', 127, 0, 0,
                                                           1), 2) // 'none')),
             [{}], [{ at => '127.0.0.2' }]],
);

# 127.0.0.1 has a name on every system; it is the one that Require host gets.
delete $RULE{host} if !defined gethostbyaddr pack('C4', 127, 0, 0, 1), 2;

subtest 'who may relay, and who must not' => sub {
    my $server = SMTPTest::Server->start_new(
        ports => { map { $_ => 'smtp' } keys %RULE },
        modules => ['authz_user'],
        vhosts => join('', map { vhost($_, $RULE{$_}[0]) } sort keys %RULE),
        expected => [qr/SM1160: <SMTPRelay> could not be asked/,
                     qr/AH02320|AH00656|AH01753/],
    );
    for my $name (sort keys %RULE) {
        my (undef, $may, $must_not) = @{ $RULE{$name} };
        is(relay($server, $name, %{$_}), $MAY, "$name: " . explain_client($_))
            for @{$may};
        is(relay($server, $name, %{$_}), $MUST_NOT,
           "$name: not " . explain_client($_)) for @{$must_not};
    }
    is(scalar(() = $server->stderr =~ /SM1163: /g), 1,
       'a rule that nobody can meet is told of, once');
    $server->finish;
};

sub explain_client
{
    my ($client) = @_;
    return join(' ', map { "$_=$client->{$_}" } sort keys %{$client})
        || 'anybody here';
}

# ---- Logins and TLS ---------------------------------------------------------

# Section => [the logins who may], [who must not]: '' is nobody.
my %LOGIN = (
    valid => ['Require valid-user', ['bob', 'carol'], ['']],
    name => ['Require user bob', ['bob'], ['carol', '']],
    group => ["AuthGroupFile conf/groups\nRequire group staff", ['bob'],
              ['carol', '']],
    nogroups => ["AuthGroupFile conf/none\nRequire group staff", [],
                 ['bob', '']],
    all => ["<RequireAll>\nRequire valid-user\nRequire not user carol\n"
                . '</RequireAll>', ['bob'], ['carol', '']],
    either => ["Require user carol\nRequire ip 127.0.0.3", ['carol'],
               ['bob', '']],
    both => ["<RequireAll>\nRequire valid-user\nRequire ip 127.0.0.1\n"
                 . '</RequireAll>', ['bob'], ['']],
    expr => [q{Require expr "%{REMOTE_USER} == 'bob' }
                 . q{&& %{reqenv:SMTP_LOGIN} == 'bob' }
                 . q{&& %{reqenv:SMTP_AUTH_MECHANISM} == 'PLAIN'"},
             ['bob'], ['carol', '']],
    env => ['Require env SMTP_LOGIN', ['bob', 'carol'], ['']],
    type => ["AuthType Basic\nAuthName x\nRequire valid-user", ['bob'], ['']],
    empty => ['', [], ['bob', '']],
    typed => ["AuthType Basic\nAuthName x", [], ['bob', '']],
    tls => ["<RequireAll>\nRequire ssl\nRequire valid-user\n</RequireAll>",
            [], ['bob', '']],
    refused => ['Require user eve', [], ['bob', 'carol', '']],
);

subtest 'who has logged in' => sub {
    my $server = SMTPTest::Server->start_new(
        auth => { bob => 'secret', carol => 'secret' },
        modules => ['ssl', 'authz_groupfile'],
        files => { 'conf/groups' => "staff: bob dave\n" },
        ports => { map { $_ => 'smtp' } keys %LOGIN },
        vhosts => join('', map {
            vhost($_, section($LOGIN{$_}[0]) . "\nInclude conf/auth.conf\n"
                          . "SMTPAuthWithoutTLS On\n") } sort keys %LOGIN),
        expected => [qr/AH01665: .*conf\/none/, qr/AH01873: Init: Session Cache/],
    );
    for my $name (sort keys %LOGIN) {
        my (undef, $may, $must_not) = @{ $LOGIN{$name} };
        is(relay($server, $name, login => $_), $MAY, "$name: $_ may")
            for @{$may};
        is(relay($server, $name, login => $_), $MUST_NOT,
           "$name: '$_' must not") for @{$must_not};
    }
    $server->finish;
};

# Section => [whose certificate may], [whose must not]: '' is nobody's, '-' no
# TLS at all.
my %CERTIFICATE = (
    verified => ['Require ssl-verify-client', ['printer', 'scanner'],
                 ['', '-', 'stranger']],
    expr => [q{Require expr "%{SSL_CLIENT_VERIFY} == 'SUCCESS' }
                 . q{&& %{SSL_CLIENT_S_DN_CN} == 'printer'"},
             ['printer'], ['scanner', '', '-', 'stranger']],
    ssl => ["<RequireAll>\nRequire ssl\nRequire ip 127.0.0.1\n"
                . '</RequireAll>', ['printer', ''], ['-']],
    env => ["<RequireAll>\nRequire env SMTP_TLS\nRequire ip 127.0.0.1\n"
                . q{Require expr "%{reqenv:SMTP_TLS} =~ /^TLSv1\.[23]$/ }
                . q{&& -n reqenv('SMTP_TLS_CIPHER')"} . "\n</RequireAll>",
            ['printer', ''], ['-']],
);

subtest 'who has a certificate' => sub {
    my $ca = SMTPTest::Certificate->authority(name => 'Clients');
    my $other = SMTPTest::Certificate->authority(name => 'Clients');
    my %certificate = (
        (map { $_ => $ca->client(name => $_) } qw(printer scanner)),
        stranger => $other->client(name => 'printer'));
    my $server = SMTPTest::Server->start_new(
        tls => 1, modules => ['authn_core'],
        files => { 'conf/clients.crt' => $ca->pem },
        ports => { map { $_ => 'smtp' } keys %CERTIFICATE },
        vhosts => join('', map {
            vhost($_, section($CERTIFICATE{$_}[0]) . "\nInclude conf/tls.conf\n"
                          . "SSLVerifyClient optional\n"
                          . 'SSLCACertificateFile conf/clients.crt')
        } sort keys %CERTIFICATE),
        expected => [qr/AH02039: Certificate Verification/],
    );
    my $told = sub {
        my ($name, $owner) = @_;
        my $client = $server->ehlo_client(port => $name);
        if ($owner ne '-') {
            my $ok = eval {
                $client->starttls($owner
                    ? (certificate => $certificate{$owner}) : ());
                $client->command('EHLO client.test')->code eq '250';
            };
            # Who shows a certificate of somebody else's gets no session.
            return $MUST_NOT if !$ok;
        }
        $client->command('MAIL FROM:<sender@client.test>');
        my $reply = $client->command('RCPT TO:<user@elsewhere.test>');
        return $reply->code . ' ' . $reply->status;
    };
    for my $name (sort keys %CERTIFICATE) {
        my (undef, $may, $must_not) = @{ $CERTIFICATE{$name} };
        is($told->($name, $_), $MAY, "$name: '$_' may") for @{$may};
        is($told->($name, $_), $MUST_NOT, "$name: '$_' must not")
            for @{$must_not};
    }
    $server->finish;
};

# ---- What is allowed is not accepted ---------------------------------------

subtest 'nobody sends on: never 250' => sub {
    my $server = SMTPTest::Server->start_new(
        config => section('Require ip 127.0.0.1'));
    my $client = $server->ehlo_client;
    $client->command('MAIL FROM:<bob@example.com>');
    is($client->command('RCPT TO:<user@elsewhere.test>')->code, '451',
       'another domain');
    is($client->command('DATA')->code, '554', 'no recipient');
    $client->command('RSET');
    is($client->send_message(to => 'bob@example.com', rcpt => 'NOTIFY=SUCCESS',
                             from => 'user@elsewhere.test',
                             message => "Subject: x\r\n\r\n")->code, '250',
       'local mail goes its way, though no report can');
    is($client->send_message(to => ['user@elsewhere.test', 'bob@example.com'],
                             message => "Subject: y\r\n\r\n")->code, '250',
       'nor beside a recipient who is here');
    is(scalar $server->maildir('bob@example.com')->wait_messages(2), 2,
       'what was accepted came');
    $client->quit;
    $server->finish;
};

# ---- The submission service ------------------------------------------------

subtest 'submission wants a login or a trusted network' => sub {
    my $server = SMTPTest::Server->start_new(
        config => "SMTPService submission\nSMTPTLS off\n"
            . section('Require ip 127.0.0.2'));
    my $stranger = $server->ehlo_client;
    for my $from ('bob@example.com', '', 'x@client.test') {
        my $reply = $stranger->command("MAIL FROM:<$from>");
        is($reply->code . ' ' . $reply->status, '530 5.7.0',
           "a stranger as <$from>");
    }
    is($stranger->command('RCPT TO:<bob@example.com>')->code, '503',
       'and nothing began');
    $stranger->quit;
    my $trusted = $server->client(from => '127.0.0.2');
    $trusted->read_reply;
    $trusted->command('EHLO client.test');
    is($trusted->command('MAIL FROM:<bob@example.com>')->code, '250',
       'who is trusted');
    is($trusted->command('RCPT TO:<bob@example.com>')->code, '250', 'sends');
    $trusted->quit;
    $server->finish;
};

# ---- No open relay starts --------------------------------------------------

my @OPEN = (
    'Require all granted',
    'Require ip 0.0.0.0/1 128.0.0.0/1',
    'Require ip 0.0.0.0/2',
    'Require ip 192.0.0.0/3',
    'Require ip 2000::/3',
    'Require ip 2a00::/11',
    "Require ip 10.0.0.0/8\nRequire all granted",
    "<RequireAll>\nRequire all granted\n</RequireAll>",
    "<RequireAny>\nRequire ip 192.0.2.1\nRequire all granted\n</RequireAny>",
    "<RequireAll>\nRequire all granted\nRequire not ip 192.0.2.0/24\n"
        . '</RequireAll>',
    "<RequireAll>\nRequire all granted\n<RequireNone>\n"
        . "Require ip 192.0.2.1\n</RequireNone>\n</RequireAll>",
    "<RequireAny>\n<RequireAll>\nRequire all granted\n<RequireNone>\n"
        . "Require all denied\n</RequireNone>\n</RequireAll>\n</RequireAny>",
    'Require expr true',
    'Require expr "1 == 1"',
    q{Require expr "%{reqenv:SMTP_FROM} != ''"},
    q{Require expr "%{reqenv:SMTP_FROM} =~ /@example\.com$/"},
    q{Require expr "%{reqenv:SMTP_FROM} == ''"},
    q{Require expr "%{reqenv:SMTP_CLIENT_HELO} =~ /example\.com$/"},
    q{Require expr "%{reqenv:SMTP_TLS} == ''"},
    q{Require expr "-n reqenv('SMTP_TLS')"},
    q{Require expr "%{REMOTE_ADDR} !~ /^192\.0\.2\./"},
    'Require env SMTP_FROM',
    'Require env SMTP_TLS',
    'Require env SMTP_CLIENT_HELO',
    'Require method GET',
    'Require method GET POST',
    "<RequireAll>\nRequire method GET\nRequire not ip 192.0.2.1\n"
        . '</RequireAll>',
    'Require host invalid',
    'Require ssl',
    "<RequireAll>\nRequire ssl\nRequire not ip 192.0.2.1\n</RequireAll>",
    q{Require expr "%{HTTPS} == 'off'"},
    q{Require expr "%{HTTPS} == 'on'"},
    # What each client under TLS has, and what it says of itself.
    (map { qq{Require expr "$_"} } "%{REQUEST_SCHEME} == 'https'",
     '%{SSL_PROTOCOL} =~ /TLS/', "%{SSL_CLIENT_VERIFY} == 'NONE'",
     "%{SSL_CLIENT_VERIFY} != 'SUCCESS'", "%{SSL_CLIENT_S_DN_CN} == 'bob'",
     "%{SSL_CLIENT_VERIFY} == 'SUCCESS' || %{SSL_CLIENT_VERIFY} == 'NONE'",
     "%{SSL_TLS_SNI} == 'relay.example'",
     "%{reqenv:SMTP_FROM} == 'token\@client.test'",
     '%{reqenv:SMTP_FROM} =~ /\@corp\.test$/',
     "%{reqenv:SMTP_CLIENT_HELO} == 'printer.lan'"),
    # Who has no TLS is a stranger too.
    "<RequireAll>\nRequire all granted\nRequire not ssl\n</RequireAll>",
    "<RequireAll>\nRequire all granted\n<RequireNone>\nRequire ssl\n"
        . "</RequireNone>\n</RequireAll>",
    "<RequireAll>\nRequire all granted\nRequire not expr \"%{HTTPS} == 'on'\""
        . "\n</RequireAll>",
    q{Require expr "%{reqenv:SMTP_TLS} -in {'TLSv1.2', 'TLSv1.3'}"},
);

# Rules that say no to somebody only, or that would not be heard.
my @WRONG = (
    ['Require not ip 192.0.2.1', qr/has no effect/],
    ["<RequireAll>\nRequire not ip 192.0.2.1\n</RequireAll>",
     qr/only negative authorization/],
    ["<RequireNone>\nRequire ip 192.0.2.1\n</RequireNone>",
     qr/has no effect/],
    ["<If true>\nRequire all granted\n</If>", qr/<If true> .*Require expr/],
    ["Require ip 192.0.2.1\n<Limit GET>\nRequire all granted\n</Limit>",
     qr/<Limit GET> .*methods of HTTP/],
    ["Require ip 192.0.2.1\n<Files *>\nRequire all granted\n</Files>",
     qr/<Files \*> .*no files in SMTP/],
    # mod_ssl would renegotiate at RCPT, and hold a thread meanwhile.
    (map { ["Require ip 192.0.2.1\n$_", qr/\Q$_\E .*handshake/] }
     'SSLVerifyClient require', 'SSLVerifyDepth 1', 'SSLCipherSuite HIGH'),
    ["<LimitExcept GET>\nRequire all granted\n</LimitExcept>",
     qr/<LimitExcept GET> .*methods of HTTP/],
    ['Require nobody-knows', qr/Unknown Authz provider/],
    ['Require ip 0.0.0.0/0', qr/appears to be invalid/],
    ['Require ip ::/0', qr/appears to be invalid/],
    ['Require ip bogus', qr/appears to be invalid/],
    ['SMTPMaxErrors 3', qr/not allowed/],
);

my @CLOSED = (
    '', 'Require all denied', 'Require ip 192.0.2.0/24 2001:db8::/32',
    'Require ip 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7',
    'Require ip 100.0.0.0/6',
    'Require ip 2a02::/16', 'Require local', 'Require host example.com',
    q{Require expr "%{REMOTE_ADDR} -ipmatch '192.0.2.0/24'"},
    "<RequireAll>\nRequire ssl\nRequire ip 192.0.2.0/24\n</RequireAll>",
    'Require forward-dns client.invalid',
    'Require ssl-verify-client',
);

subtest 'an open relay does not start' => sub {
    my $server = SMTPTest::Server->new(modules => ['ssl']);
    for my $rule (@OPEN) {
        $server->write_config(config => section($rule));
        my ($status, $words) = $server->configtest;
        isnt($status, 0, "refused: $rule");
        like($words, qr/<SMTPRelay> \(\S+httpd\.conf:\d+\): strangers may relay: an open relay; let in who logs in/,
             'by file, line and remedy') or diag($words);
    }
    $server->{finished} = 1;
};

subtest 'nor one by another name' => sub {
    my $server = SMTPTest::Server->new(modules => ['ssl']);
    for my $row (['ssl anytls ""', 'Require anytls', 1],
                 ['all everybody granted', 'Require everybody', 1],
                 ['ip office 192.0.2.0/24', 'Require office', 0]) {
        my ($alias, $rule, $is_open) = @{$row};
        $server->write_config(
            global => "<AuthzProviderAlias $alias>\n</AuthzProviderAlias>",
            config => section($rule));
        my ($status, $words) = $server->configtest;
        $is_open ? like($words, qr/an open relay/, $alias)
                 : is($status, 0, $alias);
    }
    $server->{finished} = 1;
};

subtest 'a rule that would not be heard does not start' => sub {
    my $server = SMTPTest::Server->new(modules => ['ssl']);
    for my $row (@WRONG) {
        my ($rule, $message) = @{$row};
        $server->write_config(config => section($rule));
        my ($status, $words) = $server->configtest;
        isnt($status, 0, "refused: $rule");
        like($words, $message, 'and told why');
    }
    $server->{finished} = 1;
};

subtest 'networks of one\'s own start' => sub {
    my $server = SMTPTest::Server->new(modules => ['ssl']);
    for my $rule (@CLOSED) {
        $server->write_config(config => section($rule));
        my ($status, $words) = $server->configtest;
        is($status, 0, "taken: $rule") or diag($words);
        unlike($words, qr/AH01630|denied by server conf/, 'silently');
    }
    $server->{finished} = 1;
};

subtest 'sections of the main server count too' => sub {
    my $server = SMTPTest::Server->new(
        global => section('Require all granted'));
    isnt(($server->configtest)[0], 0, 'an open one is refused');
    $server->write_config(config => section('Require ip 192.0.2.1'));
    is(($server->configtest)[0], 0, 'the host\'s own replaces it');
    $server->write_config(config => section("AuthMerging Or\n"
                                            . 'Require ip 192.0.2.1'));
    isnt(($server->configtest)[0], 0, 'or joins it');
    $server->write_config(config => section('Require all granted') . "\n"
                              . section('Require ip 192.0.2.1'), global => '');
    is(($server->configtest)[0], 0, 'of two the later one counts');
    $server->write_config(config => section('Require ip 192.0.2.1') . "\n"
                              . section('Require all granted'));
    isnt(($server->configtest)[0], 0, 'and is looked at');
    $server->{finished} = 1;
};

subtest 'a submission service must serve somebody' => sub {
    my $server = SMTPTest::Server->new(
        config => "SMTPService submission\nSMTPTLS off");
    my ($status, $words) = $server->configtest;
    isnt($status, 0, 'refused');
    like($words, qr/SMTPService submission.*nobody could send; add <SMTPAuth>/,
         'with what to do');
    $server->write_config(config => "SMTPService\nsubmission");
    isnt(($server->configtest)[0], 0, 'SMTPService wants a word');
    $server->{finished} = 1;
};
done_testing;
