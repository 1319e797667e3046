# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# Bearer tokens (RFC 6750) by OAUTHBEARER (RFC 7628) and XOAUTH2, judged by
# their signature (RFC 7519, 9068): who has a good one for us logs in, nobody
# else, and nothing of it is seen in a log.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Auth;
use SMTPTest::Server;
use SMTPTest::Token;
use SMTPTest::Wait qw(wait_until);

my %KEY = map { $_ => SMTPTest::Token->new($_, kid => lc $_) }
    qw(RS256 PS256 ES256 EdDSA);
my $PEM_KEY = SMTPTest::Token->new('RS256');
my $STRANGER = SMTPTest::Token->new('ES256', kid => 'es256');
my $SECRET = 'a secret of 32 octets at least...';

my $RULES = <<'END';
SMTPAuthWithoutTLS On
SMTPAuthLimit connection=off address=off login=off delay=off
<SMTPAuth>
    Require user bob alice
</SMTPAuth>
SMTPAuthToken jwt
SMTPOAuthIssuer https://id.example.com
SMTPOAuthAudience mx.example.com urn:mail
SMTPOAuthScope mail.send
SMTPOAuthLeeway 0
END

my $server = SMTPTest::Server->new(
    dsos => ['mod_smtp_oauth'], modules => [qw(authn_core authz_user)],
    # Whatever our modules may say is said.
    global => 'LogLevel notice smtp:trace8 smtp_oauth:trace8',
    config => "$RULES\nSMTPOAuthKeys jwks:conf/keys.json pem:conf/key.pem "
        . 'secret:conf/secret',
    files => { 'conf/keys.json' => SMTPTest::Token::set(values %KEY),
               'conf/key.pem' => $PEM_KEY->pem, 'conf/secret' => $SECRET },
    # A user whom <SMTPAuth> does not name.
    expected => [qr/AH01630: client denied by server configuration: $/],
);
chmod 0600, $server->root . '/conf/secret' or die "chmod: $!";
$server->start;

sub claims
{
    my (%other) = @_;
    my %claims = (iss => 'https://id.example.com', aud => 'mx.example.com',
                  exp => time + 300, scope => 'openid mail.send',
                  sub => 'bob', %other);
    delete $claims{$_} for grep { !defined $claims{$_} } keys %claims;
    return \%claims;
}

my @tokens;    # all that were sent

# The reply to a login. undef as login: OAUTHBEARER that does not say who.
sub login
{
    my ($mechanism, $login, $token) = @_;
    push @tokens, $token;
    my $client = $server->ehlo_client;
    my $auth = SMTPTest::Auth->new(client => $client, login => $login,
                                   mechanism => $mechanism, token => $token);
    my $reply = $auth->run;
    is_deeply([$auth->faults], [], 'the server keeps to the mechanism');
    return $reply;
}

sub check_login
{
    my ($token, $expected, $name, $login) = @_;
    for my $mechanism (qw(OAUTHBEARER XOAUTH2)) {
        my $reply = login($mechanism, $login // 'bob', $token);
        is($reply->code . ' ' . $reply->status, $expected,
           "$mechanism: $name");
    }
    return;
}

# ---- Good ones ------------------------------------------------------------

for my $algorithm (sort keys %KEY) {
    check_login($KEY{$algorithm}->sign(claims()), '235 2.7.0',
                "a token signed by $algorithm");
}
check_login($PEM_KEY->sign(claims()), '235 2.7.0', 'a key in PEM, RS256');
check_login(SMTPTest::Token::sign_secret('HS256', $SECRET, claims()),
            '235 2.7.0', 'a secret, HS256');
is(login('OAUTHBEARER', undef, $KEY{ES256}->sign(claims()))->code, '235',
   'RFC 7628 3.1: the user need not be named');
check_login($KEY{ES256}->sign(claims(aud => ['x', 'urn:mail'])), '235 2.7.0',
            'one of several audiences');
check_login($KEY{ES256}->sign(claims(sub => 'alice')), '235 2.7.0',
            'another user', 'alice');

# ---- Bad ones -------------------------------------------------------------

# The token, what the error log says.
my $good = $KEY{ES256}->sign(claims());
my ($header, $payload, $signature) = split /\./, $good;
my ($other_payload) = (split /\./,
                       $STRANGER->sign(claims(sub => 'alice')))[1];
my @BAD = (
    ['another key', $STRANGER->sign(claims()), qr/its signature is not/],
    ['a kid that is not known', $KEY{ES256}->sign(claims(),
        header => { kid => 'x' }), qr/no key has its kid and algorithm/],
    ['the key of another algorithm', $KEY{RS256}->sign(claims(),
        header => { kid => 'es256' }), qr/its signature is not/],
    # RFC 8725 2.1
    ['no signature', SMTPTest::Token::unsigned(claims()), qr/its algorithm/],
    ['a public key as the secret', SMTPTest::Token::sign_secret('HS256',
        $PEM_KEY->pem, claims()), qr/its signature is not/],
    ['a public key as a secret of another kind',
     SMTPTest::Token::sign_secret('HS512', $PEM_KEY->pem, claims()),
     qr/no key has its kid and algorithm/],
    ['claims of another token', "$header.$other_payload.$signature",
     qr/its signature is not/],
    ['no third part', "$header.$payload", qr/no signed token/],
    ['a name twice', $KEY{ES256}->sign('{"sub":"alice",'
        . substr(JSON::PP::encode_json(claims()), 1)), qr/a name twice/],
    ['an extension', $KEY{ES256}->sign(claims(), header => { crit => ['b64'],
        b64 => \0 }), qr/\(crit\)/],
    ['a token of another kind', $KEY{ES256}->sign(claims(),
        header => { typ => 'logout+jwt' }), qr/its type/],
    ['expired', $KEY{ES256}->sign(claims(exp => time - 1)), qr/\(exp\)/],
    ['without an end', $KEY{ES256}->sign(claims(exp => undef)), qr/\(exp\)/],
    ['not valid yet', $KEY{ES256}->sign(claims(nbf => time + 60)),
     qr/\(nbf\)/],
    ['from the future', $KEY{ES256}->sign(claims(iat => time + 60)),
     qr/\(iat\)/],
    ['for another service', $KEY{ES256}->sign(claims(
        aud => 'imap.example.com')), qr/\(aud\)/],
    ['for nobody', $KEY{ES256}->sign(claims(aud => undef)), qr/\(aud\)/],
    ['by another issuer', $KEY{ES256}->sign(claims(
        iss => 'https://id.example.org')), qr/\(iss\)/],
    ['for something else', $KEY{ES256}->sign(claims(
        scope => 'mail.read')), qr/the scope/],
    ['bound to a key', $KEY{ES256}->sign(claims(cnf => { jkt => 'x' })),
     qr/\(cnf\)/],
    ['without a user', $KEY{ES256}->sign(claims(sub => undef)),
     qr/the claim that is the login/],
    ['that of another user', $KEY{ES256}->sign(claims(sub => 'alice')),
     qr/the user that the client named/],
    ['no token at all', 'x', qr/no signed token/],
    ['a large one', $KEY{ES256}->sign(claims(more => 'x' x 6000)),
     qr/too large/],
);

for my $case (@BAD) {
    my ($name, $token, $words) = @{$case};
    my $line = qr/SM3013: the token was refused: [^\n]*$words/;
    my $before = () = $server->log_text =~ /$line/g;
    check_login($token, '535 5.7.8', $name);
    my $after = () = $server->log_text =~ /$line/g;
    is($after, $before + 2, '  the log says why');
}
check_login($KEY{ES256}->sign(claims(sub => 'carol')), '535 5.7.8',
            'a good token, but <SMTPAuth> says no', 'carol');

# ---- Keys that change -------------------------------------------------------

subtest 'an issuer that changes its keys needs no restart' => sub {
    my $new = SMTPTest::Token->new('EdDSA', kid => '2026');
    my $seconds = $ENV{SMTP_SLOW} ? 120 : 20;
    replace('conf/keys.json', SMTPTest::Token::set($new));
    my $is_known = wait_until($seconds, sub {
        return login('XOAUTH2', 'bob', $new->sign(claims()))->code eq '235';
    });
    ok($is_known, 'the new key is known');
    # Each child looks for itself.
    my $is_gone = wait_until($seconds, sub {
        return login('XOAUTH2', 'bob', $good)->code eq '535';
    });
    ok($is_gone, 'the old one is not any more');
    check_login($PEM_KEY->sign(claims()), '235 2.7.0', 'other files stay');

    $server->expect_log(qr/SM3011: SMTPOAuthKeys: \S+keys.json: is no JWK /);
    replace('conf/keys.json', '{"keys":[');
    my $is_told = wait_until($seconds, sub {
        login('XOAUTH2', 'bob', $new->sign(claims()));
        return $server->log_text =~ /SM3011: /;
    });
    ok($is_told, 'a broken file is told');
    like($server->log_text, qr/what was read before stays in force/, 'words');
    replace('conf/keys.json', SMTPTest::Token::set($new));
};

# As an administrator should do it.
sub replace
{
    my ($name, $octets) = @_;
    $server->write_file("$name.new", $octets);
    rename $server->root . "/$name.new", $server->root . "/$name"
        or die "$name: $!";
    return;
}

# ---- Who names the login ----------------------------------------------------

subtest 'the login can be another claim' => sub {
    $server->stop;
    $server->write_config(config => "$RULES\nSMTPOAuthKeys jwks:conf/keys.json"
                          . "\nSMTPOAuthLoginClaim email",
                          files => { 'conf/keys.json' =>
                                     SMTPTest::Token::set($KEY{ES256}) });
    $server->start;
    check_login($KEY{ES256}->sign(claims(sub => '7', email => 'bob',
                                         email_verified => \1)),
                '235 2.7.0', 'an email that was verified');
    check_login($KEY{ES256}->sign(claims(sub => '7', email => 'bob')),
                '535 5.7.8', 'one that was not');
};

subtest 'no token and no secret is in a log' => sub {
    my $log = $server->log_text;
    my @signatures = grep { length > 20 } map { (split /\./)[2] // () }
        @tokens;
    cmp_ok(scalar @signatures, '>', 40, 'tokens were sent');
    is(scalar(grep { index($log, $_) >= 0 } @signatures), 0, 'none is there');
    unlike($log, qr/\Q$SECRET\E/, 'nor the secret');
};

$server->finish;
done_testing;
