# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# OAUTHBEARER (RFC 7628) and XOAUTH2: whose token is good gets in as whom the
# token names, and nobody else. The judge is that of the example module.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MIME::Base64 qw(encode_base64);

use SMTPTest::Auth;
use SMTPTest::Server;

my $server = SMTPTest::Server->start_new(
    tls => 1, modules => [qw(authn_core authz_user)],
    dsos => ['mod_smtp_example'],
    config => <<'END',
<SMTPAuth>
    <RequireAll>
        Require valid-user
        Require not user barred
    </RequireAll>
</SMTPAuth>
SMTPAuthToken example:good-
SMTPAuthLimit connection=off address=off login=off delay=off
SMTPMaxErrors 0
END
    expected => [qr/AH01630: /, qr/SM1062: /]);

sub client
{
    my $client = $server->ehlo_client;
    $client->starttls;
    return ($client, $client->command('EHLO client.test'));
}

my ($client, $ehlo) = client();
like($ehlo->text, qr/^AUTH OAUTHBEARER XOAUTH2$/m, 'both are offered');

# Name, reply, what differs from bob's good exchange; 1: the mechanism tells
# the error, and the client answers before 535 comes.
my @CASES = (
    ['a good token', '235 2.7.0', 0],
    ['asked for it', '235 2.7.0', 0, is_initial => 0],
    ['a token that is not good', '535 5.7.8', 1, token => 'bad-bob'],
    ['the token of another', '535 5.7.8', 1, token => 'good-alice'],
    ['who is barred', '535 5.7.8', 1, token => 'good-barred',
     login => 'barred'],
    ['a login with a control', '535 5.7.8', 1, login => "bob\x7F",
     token => 'good-bob'],
    ['a judge that cannot be asked', '454 4.7.0', 0, token => 'unreachable'],
    ['a token with a blank', '501 5.5.2', 0, token => 'good bob'],
    ['no token', '501 5.5.2', 0, token => ''],
    ['a token of 9000 octets', '535 5.7.8', 1, token => 'x' x 9000],
    ['no message', '501 5.5.2', 0, change => { first => 'x' }],
);

for my $mechanism (qw(OAUTHBEARER XOAUTH2)) {
    for my $case (@CASES) {
        my ($name, $expected, $is_told, %arg) = @{$case};
        subtest "$mechanism: $name" => sub {
            ($client) = client();
            my $auth = SMTPTest::Auth->new(
                client => $client, mechanism => $mechanism, login => 'bob',
                token => 'good-bob', %arg);
            my $reply = $auth->run;
            is($reply->code . ' ' . $reply->status, $expected, 'the reply')
                || diag($reply->text);
            is_deeply([$auth->faults], [], 'the server keeps to RFC 7628');
            is(defined $auth->server_error, !!$is_told,
               'whether the error is told within the mechanism');
            is($client->command('NOOP')->code, '250', 'the session goes on');
        };
    }
}

# RFC 7628 3.1: the token may name its bearer alone.
subtest 'no user beside the token' => sub {
    for my $case (['good-bob', '235 2.7.0'], ['bad', '535 5.7.8'],
                  ['good-barred', '535 5.7.8'], ['good-', '535 5.7.8']) {
        my ($token, $expected) = @{$case};
        ($client) = client();
        my $auth = SMTPTest::Auth->new(
            client => $client, mechanism => 'OAUTHBEARER', token => $token,
            login => '', change => { gs2_header => 'n,,' });
        my $reply = $auth->run;
        my $got = $reply->code . ' ' . $reply->status;
        is($got, $expected, $token);
    }
};

# What was refused by a challenge stays refused, whatever the answer is.
subtest 'nobody gets around the refusal' => sub {
    my $bad = encode_base64("n,a=bob,\x01auth=Bearer bad\x01\x01", '');
    for my $answer ('*', '', encode_base64("\x01", ''),
                    encode_base64("n,a=bob,\x01auth=Bearer good-bob\x01\x01",
                                  '')) {
        ($client) = client();
        is($client->command("AUTH OAUTHBEARER $bad")->code, '334',
           'the error is told');
        my $reply = $client->command($answer);
        is($reply->code . ' ' . $reply->status, '535 5.7.8', "'$answer'");
    }
};

subtest 'tokens are not logged' => sub {
    unlike($server->log_text, qr/good-|bad-|x{100}/, 'none of them');
    like($server->log_text,
         qr/SM1060: .*mechanism XOAUTH2, login "bob", reason the token is not good/,
         'but why they were refused');
};

$server->finish;
done_testing;
