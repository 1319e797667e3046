# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# PLAIN (RFC 4616) and LOGIN by httpd's users: who has the password gets in,
# and nobody else; and the replies of RFC 4954.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MIME::Base64 qw(encode_base64);

use SMTPTest::Auth;
use SMTPTest::Server;

my %USERS = (
    bob => 'secret',
    'alice@example.com' => q{p:@ss word "'},
    "\xC3\xBC" => "\xE2\x82\xAC",
    'x' x 255 => 'y' x 255,
);
my $server = SMTPTest::Server->start_new(
    tls => 1, auth => \%USERS,
    # Wrong passwords and unknown users are errors to mod_auth_basic.
    expected => [qr/AH0161[78]: /]);

sub b64 { return encode_base64($_[0], '') }

# A client under TLS, past EHLO.
sub client
{
    my $client = $server->ehlo_client;
    $client->starttls;
    $client->command('EHLO client.test');
    return $client;
}

sub login
{
    my ($client, %arg) = @_;
    my $auth = SMTPTest::Auth->new(client => $client, mechanism => 'PLAIN',
                                   login => 'bob', password => 'secret',
                                   %arg);
    my $reply = $auth->run;
    is_deeply([$auth->faults], [], 'the server keeps to the mechanism');
    return $reply;
}

sub check_reply
{
    my ($reply, $code, $status, $name) = @_;
    is($reply->code . ' ' . $reply->status, "$code $status", $name)
        || diag($reply->text);
    return;
}

# RFC 4954 4, 9.
subtest 'passwords are not asked for in plain text' => sub {
    my $client = $server->ehlo_client;
    my $reply = $client->command('EHLO client.test');
    unlike($reply->text, qr/^AUTH/m, 'AUTH is not announced');
    check_reply($client->command('AUTH PLAIN ' . b64("\0bob\0secret")),
                538, '5.7.11', 'right password, no TLS');
    check_reply($client->command('AUTH LOGIN'), 538, '5.7.11', 'LOGIN');
    check_reply($client->command('AUTH CRAM-MD5'), 504, '5.5.4',
                'unknown all the same');
    $client->starttls;
    like($client->command('EHLO client.test')->text, qr/^AUTH PLAIN LOGIN$/m,
         'announced under TLS');
};

for my $mechanism (qw(PLAIN LOGIN)) {
    for my $is_initial (1, 0) {
        next if $mechanism eq 'LOGIN' && $is_initial;
        for my $login (sort keys %USERS) {
            subtest "$mechanism, initial $is_initial: $login logs in" => sub {
                my $client = client();
                check_reply(login($client, mechanism => $mechanism,
                                  login => $login,
                                  password => $USERS{$login},
                                  is_initial => $is_initial),
                            235, '2.7.0', 'the right password');
                check_reply($client->command('AUTH PLAIN =*'), 503, '5.5.1',
                            'not twice (RFC 4954 4)');
            };
        }
    }
}

# Some clients give LOGIN an initial response: the login.
subtest 'LOGIN with the login in the command' => sub {
    my $client = client();
    my $reply = $client->command('AUTH LOGIN ' . b64('bob'));
    is($reply->code . ' ' . $reply->text, '334 ' . b64('Password:'),
       'the password is asked for');
    check_reply($client->command(b64('secret')), 235, '2.7.0', 'in');
};

subtest 'PLAIN for oneself (RFC 4616 2)' => sub {
    check_reply(login(client(), authzid => 'bob'), 235, '2.7.0',
                'authzid is the login');
};

# What is wrong, and what differs from bob's good PLAIN.
my @REFUSED = (
    ['another password', password => 'Secret'],
    ['a password that goes on', password => 'secrets'],
    ['a password that is cut short', password => 'secre'],
    ['the stored form of the password', password => '{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ='],
    ['a login in other case', login => 'BOB'],
    ['a login that nobody has', login => 'eve'],
    ['a login with a colon, which Basic would split', login => 'bob:x'],
    ['login and password apart elsewhere', login => 'bob:word',
     password => 'x'],
    ['a login with an end of line', login => "bob\r\nx"],
    ['a login with a control', login => "bob\x7F"],
    ['on behalf of another (RFC 4616 2)', authzid => 'alice@example.com'],
    ['on behalf of another in other case', authzid => 'Bob'],
);
for my $refused (@REFUSED) {
    my ($name, %arg) = @{$refused};
    subtest "refused: $name" => sub {
        my $client = client();
        check_reply(login($client, %arg), 535, '5.7.8', 'PLAIN');
        check_reply(login($client, %arg, mechanism => 'LOGIN'), 535, '5.7.8',
                    'LOGIN') if !$arg{authzid};
        check_reply(login($client), 235, '2.7.0', 'and the session goes on');
    };
}

# Messages that are none of the mechanism, and what is not base64.
my @MALFORMED = (
    ['not base64', 'AUTH PLAIN ?', '5.5.2'],
    ['base64 without padding', 'AUTH PLAIN AGJvYgBzZWNyZXQx0', '5.5.2'],
    ['stray bits', 'AUTH PLAIN AGI=AA==', '5.5.2'],
    ['no NUL', 'AUTH PLAIN ' . b64('bob'), '5.5.2'],
    ['one NUL', 'AUTH PLAIN ' . b64("bob\0secret"), '5.5.2'],
    ['three NULs', 'AUTH PLAIN ' . b64("\0bob\0secret\0"), '5.5.2'],
    ['no login', 'AUTH PLAIN ' . b64("\0\0secret"), '5.5.2'],
    ['no password', 'AUTH PLAIN ' . b64("\0bob\0"), '5.5.2'],
    ['a login of 256 octets', 'AUTH PLAIN ' . b64("\0" . 'x' x 256 . "\0y"),
     '5.5.2'],
    ['not UTF-8', 'AUTH PLAIN ' . b64("\0b\xFF\0secret"), '5.5.2'],
    ['an empty response', 'AUTH PLAIN =', '5.5.2'],
    ['two responses', 'AUTH PLAIN AA== AA==', '5.5.4'],
    ['a mechanism that is no name', 'AUTH PL?IN', '5.5.4'],
    ['no mechanism', 'AUTH', '5.5.4'],
    ['a NUL in the login', 'AUTH LOGIN ' . b64("bob\0x"), '5.5.2'],
);
subtest 'malformed messages are told so and end nothing else' => sub {
    my $client = client();
    for my $malformed (@MALFORMED) {
        my ($name, $line, $status) = @{$malformed};
        check_reply($client->command($line), 501, $status, $name);
    }
    check_reply(login($client), 235, '2.7.0', 'the session goes on');
};

# RFC 4954 4.
subtest 'an exchange can be cancelled at each step' => sub {
    my $client = client();
    for my $lines (['AUTH PLAIN'], ['AUTH LOGIN'],
                   ['AUTH LOGIN', b64('bob')]) {
        is($client->command($_)->code, '334', "$_: asked on") for @{$lines};
        check_reply($client->command('*'), 501, '5.7.0', 'cancelled');
    }
    is($client->command('NOOP')->code, '250', 'the session goes on');
};

subtest 'a response is judged in each step' => sub {
    my $client = client();
    for my $case (['AUTH PLAIN', '=', '5.5.2', 'only AUTH itself has ='],
                  ['AUTH PLAIN', '', '5.5.2', 'nothing'],
                  ['AUTH PLAIN', "AG\0J", '5.5.2', 'a NUL'],
                  ['AUTH LOGIN', 'Ym9', '5.5.2', 'no base64']) {
        my ($command, $line, $status, $name) = @{$case};
        is($client->command($command)->code, '334', $command);
        check_reply($client->command($line), 501, $status, $name);
    }
    is($client->command('AUTH LOGIN')->code, '334', 'LOGIN');
    check_reply($client->command(''), 535, '5.7.8', 'an empty login');
    is($client->command('AUTH LOGIN ' . b64('bob'))->code, '334', 'LOGIN');
    check_reply($client->command(''), 535, '5.7.8', 'an empty password');
};

# RFC 4954 4: 12288 octets with CRLF.
subtest 'the longest line, and one that is longer' => sub {
    my $client = client();
    my $longest = b64('x' x 9213) . 'AA';   # 12284 + 2
    is(length $longest, 12286, 'with CRLF it is 12288 octets');
    is($client->command('AUTH PLAIN')->code, '334', 'PLAIN');
    check_reply($client->command($longest), 501, '5.5.2',
                'the longest is judged');
    is($client->command('AUTH PLAIN')->code, '334', 'PLAIN again');
    check_reply($client->command("${longest}A"), 500, '5.5.6',
                'a longer one is refused');
    is($client->command('NOOP')->code, '250', 'the exchange is over');
    check_reply($client->command('AUTH PLAIN ' . substr $longest, 0, 12000),
                501, '5.5.2', 'the command may be long, too');
    check_reply($client->command('NOOP ' . 'x' x 12000), 500, '5.5.2',
                'no other may');
};

subtest 'a mechanism that is not offered' => sub {
    my $client = client();
    check_reply($client->command("AUTH $_"), 504, '5.5.4', $_)
        for qw(CRAM-MD5 DIGEST-MD5 GSSAPI NTLM SCRAM-SHA-256 EXTERNAL
               XOAUTH2 ANONYMOUS);
};

# RFC 4954 4: not before EHLO, not after HELO, not within a mail transaction.
subtest 'out of sequence' => sub {
    my $client = $server->client;
    is($client->read_reply->code, '220', 'the greeting');
    check_reply($client->command('AUTH PLAIN'), 503, '5.5.1', 'before EHLO');
    $client->command('HELO client.test');
    check_reply($client->command('AUTH PLAIN'), 503, '5.5.1', 'after HELO');
    $client = client();
    is($client->command('MAIL FROM:<a@client.test>')->code, '250', 'MAIL');
    check_reply($client->command('AUTH PLAIN ' . b64("\0bob\0secret")), 503,
                '5.5.1', 'after MAIL');
    is($client->command('RCPT TO:<bob@example.com>')->code, '250', 'RCPT');
    check_reply($client->command('AUTH PLAIN'), 503, '5.5.1', 'after RCPT');
    is($client->command('RSET')->code, '250', 'RSET');
    check_reply(login($client), 235, '2.7.0', 'and then');
};

# RFC 4954 4, RFC 2920 3.1: nobody can know what follows a challenge.
subtest 'nothing may follow in advance' => sub {
    my $line = b64("\0bob\0secret");
    for my $octets ("AUTH PLAIN\r\n$line\r\n",
                    "AUTH PLAIN $line\r\nMAIL FROM:<a\@client.test>\r\n") {
        my $client = client();
        $client->send_octets($octets);
        check_reply($client->read_reply, 554, '5.5.0', 'with the command');
        is($client->read_reply->code, 'closed', 'the connection is closed');
    }
    my $client = client();
    $client->command('AUTH PLAIN');
    $client->send_octets("$line\r\nMAIL FROM:<a\@client.test>\r\n");
    check_reply($client->read_reply, 554, '5.5.0', 'with a response');
};

subtest 'the log tells who failed, and no password' => sub {
    my $log = $server->log_text;
    like($log, qr{SM1060:[ ]login[ ]failed:[ ]client[ ]127\.0\.0\.1,[ ]
                  mechanism[ ]PLAIN,[ ]login[ ]"bob",[ ]
                  reason[ ]wrong[ ]login[ ]or[ ]password$}mx, 'a line');
    like($log, qr{login "", reason octets that no login has$}m,
         'what no login is, is not told');
    unlike($log, qr/ecret|5en6G6/, 'no password');
};

$server->finish;
done_testing;
