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
use Test::More;

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
    my $from = $arg{from} // 'sender@client.test';
    my $mail = $client->command("MAIL FROM:<$from>");
    my $reply = $mail->code eq '250'
        ? $client->command('RCPT TO:<user@elsewhere.test>') : $mail;
    $client->quit;
    return join ' ', $reply->code, $reply->status;
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
    expr => [section(q{Require expr "%{REMOTE_ADDR} == '127.0.0.2' }
                     . q{&& %{reqenv:SMTP_FROM} =~ /@example\.com$/"}),
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

# ---- What is allowed is not accepted ---------------------------------------

subtest 'nobody relays yet: never 250' => sub {
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
);

# Rules that say no to somebody only, or that would not be heard.
my @WRONG = (
    ['Require not ip 192.0.2.1', qr/has no effect/],
    ["<RequireAll>\nRequire not ip 192.0.2.1\n</RequireAll>",
     qr/only negative authorization/],
    ["<RequireNone>\nRequire ip 192.0.2.1\n</RequireNone>",
     qr/has no effect/],
    ["<If true>\nRequire all granted\n</If>", qr/<If> .*Require expr/],
    ["Require ip 192.0.2.1\n<Limit GET>\nRequire all granted\n</Limit>",
     qr/<Limit> .*methods of HTTP/],
    ["<LimitExcept GET>\nRequire all granted\n</LimitExcept>",
     qr/<LimitExcept> .*methods of HTTP/],
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
