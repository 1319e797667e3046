# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# Bearer tokens, judged by who issued them (RFC 7662), over HTTPS: an end point
# that is slow, broken or somebody else lets nobody in, and loses no login for
# good: 454, and the client tries again.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use JSON::PP qw(encode_json);

use SMTPTest::Auth;
use SMTPTest::Certificate;
use SMTPTest::Introspection;
use SMTPTest::Server;
use SMTPTest::Wait qw(wait_until);

my $SECONDS = $ENV{SMTP_SLOW} ? 120 : 20;
my $SECRET = 's3cret+/ of "ours"';
my $ca = SMTPTest::Certificate->authority;
my $stranger = SMTPTest::Certificate->authority(name => 'Stranger');

# What an active token's answer has.
sub answer
{
    my (%other) = @_;
    my %answer = (active => \1, username => 'bob', aud => 'mx.example.com',
                  %other);
    delete $answer{$_} for grep { !defined $answer{$_} } keys %answer;
    return { body => encode_json(\%answer) };
}

my $server = SMTPTest::Server->new(
    dsos => ['mod_smtp_oauth'], modules => [qw(authn_core authz_user)],
    # A proxy that a variable names must not see tokens.
    env => { map { $_ => 'http://127.0.0.1:9/' }
             qw(http_proxy https_proxy HTTPS_PROXY ALL_PROXY) },
    # The session's word, after ours.
    expected => [qr/SM1062: <SMTPAuth>: mechanism/]);
my $hold = $server->root . '/hold';
my $end = SMTPTest::Introspection->new(
    certificate => $ca->server(name => 'localhost'),
    credentials => ['mail:gate&1', $SECRET],
    log => $server->root . '/introspection',
    answers => {
        good => answer(),
        'good.until' => answer(exp => time + 3600, iss => 'https://id.test',
                               token_type => 'Bearer', scope => 'a b'),
        alice => answer(username => 'alice'),
        inactive => { body => '{"active":false}' },
        expired => answer(exp => time - 3600),
        elsewhere => answer(aud => 'imap.example.com'),
        nowhere => answer(aud => undef),
        nobody => answer(username => undef),
        bound => answer(cnf => { jkt => 'x' }),
        refresh => answer(token_type => 'refresh_token'),
        'error.500' => { status => 500, body => '{"active":true}' },
        'error.204' => { status => 204, body => '' },
        redirect => { status => 302, body => '{"active":true}',
                      location => '/introspect' },
        html => { %{ answer() }, type => 'text/html' },
        twice => { body => '{"active":false,"active":true,"username":"bob",'
                       . '"aud":"mx.example.com"}' },
        cut => { body => '{"active":true,"username":"bob"' },
        word => { body => '{"active":"true","username":"bob"}' },
        nothing => { body => '' },
        huge => { body => encode_json({ active => \1, username => 'bob',
                  aud => 'mx.example.com', more => 'x' x 70_000 }) },
        slow => { %{ answer() }, hold => $hold },
    });

sub directives
{
    my (%arg) = @_;
    my $url = $arg{url} // $end->url;
    my $ca_file = $arg{ca} // $ca->certificate;
    my $timeout = $arg{timeout} // 'connect=5 total=60';
    return <<"END";
SMTPAuthWithoutTLS On
SMTPAuthLimit connection=off address=off login=off delay=off
<SMTPAuth>
    Require valid-user
</SMTPAuth>
SMTPAuthToken introspection
SMTPOAuthAudience mx.example.com
SMTPOAuthIntrospection $url
SMTPOAuthClient mail:gate&1 conf/secret
SMTPOAuthCAFile "$ca_file"
SMTPOAuthTimeout $timeout
END
}

my $GLOBAL = 'LogLevel notice smtp:trace8 smtp_oauth:trace8';

$server->write_config(global => $GLOBAL, config => directives(),
                      files => { 'conf/secret' => "$SECRET\n" });
chmod 0600, $server->root . '/conf/secret' or die "chmod: $!";
$server->start;

sub auth
{
    my ($client, $token, %arg) = @_;
    return SMTPTest::Auth->new(client => $client, login => 'bob',
                               mechanism => 'OAUTHBEARER', token => $token,
                               %arg)->run;
}

sub check_login
{
    my ($token, $expected, %arg) = @_;
    for my $mechanism (qw(OAUTHBEARER XOAUTH2)) {
        my $reply = auth($server->ehlo_client, $token,
                         mechanism => $mechanism, %arg);
        is($reply->code . ' ' . $reply->status, $expected,
           "$mechanism: $token");
    }
    return;
}

# ---- Answers --------------------------------------------------------------

check_login($_, '235 2.7.0') for qw(good good.until);
check_login('alice', '235 2.7.0', login => 'alice');
check_login($_, '535 5.7.8')
    for qw(inactive unknown expired elsewhere nowhere nobody bound refresh
           alice);
check_login('x' x 8500, '535 5.7.8');

my @BROKEN = (
    ['error.500', qr/its status is not 200/],
    ['error.204', qr/its status is not 200/],
    [redirect => qr/redirect, which is not followed/],
    [html => qr{not of the type application/json}],
    [twice => qr/a name twice/],
    [cut => qr/no JSON object/],
    [word => qr/a boolean "active"|a boolean \\x22active/],
    [nothing => qr/no JSON object/],
    [huge => qr/its answer is too large/],
);
for my $case (@BROKEN) {
    my ($token, $words) = @{$case};
    $server->expect_log(qr/SM3022: SMTPOAuthIntrospection \S+: [^\n]*$words/);
    check_login($token, '454 4.7.0');
    like($server->log_text, qr/SM3022: [^\n]*$words/, '  the log says why');
}
unlike(join("\n", $end->requests), qr/x{8500}/,
       'a token that is too large is not sent on');

# On prefork each child has a connection of its own.
my %connection = map { (split / /)[0] => 1 } $end->requests;
my $max = SMTPTest::Server::mpm() eq 'event' ? 12 : 40;
cmp_ok(scalar keys %connection, '<=', $max,
       scalar(keys %connection) . ' connections for '
       . scalar(() = $end->requests) . ' questions');

# ---- Waiting --------------------------------------------------------------

sub hold { open my $file, '>', $hold or die "$hold: $!"; return }
sub release { unlink $hold or die "$hold: $!"; return }

sub count_slow { return scalar grep { / slow\z/ } $end->requests }

# A login by OAUTHBEARER with the token "slow", of which the reply is not read.
sub begin_slow
{
    my ($client) = @_;
    my $before = count_slow();
    $client->send_octets('AUTH OAUTHBEARER ' . MIME::Base64::encode_base64(
        "n,a=bob,\x01auth=Bearer slow\x01\x01", '') . "\r\n");
    ok(wait_until($SECONDS, sub { return count_slow() > $before }),
       'the end point is asked');
    return $client;
}

subtest 'a slow end point is waited for' => sub {
    hold();
    my $client = begin_slow($server->ehlo_client);
    release();
    is($client->read_reply->code, '235', 'and then the login counts');
};

sub restart
{
    my (%arg) = @_;
    $server->stop;
    $server->write_config(config => directives(%arg), global => $GLOBAL,
                          mpm_config => undef);
    $server->start;
    return;
}

subtest 'but not for ever' => sub {
    restart(timeout => 'connect=5 total=500ms');
    hold();
    $server->expect_log(qr/SM3022: [^\n]*timed out after/);
    my $client = begin_slow($server->ehlo_client);
    is($client->read_reply->code, '454', 'the time is over');
    release();
    check_login('good', '235 2.7.0');
};

# All in one child: what SMTPOAuthMaxRequests is about.
subtest 'few may wait at once, and the others are served' => sub {
    my $is_threaded = SMTPTest::Server::mpm() ne 'prefork';
    $server->stop;
    $server->write_config(
        config => directives(), global => "$GLOBAL\nSMTPOAuthMaxRequests 2",
        mpm_config => $is_threaded
            ? "StartServers 1\nServerLimit 1\nThreadsPerChild 25\n"
              . "MaxRequestWorkers 25\nMinSpareThreads 1\n"
              . "MaxSpareThreads 25\n"
            : undef);
    $server->start;
    hold();
    my @clients = map { begin_slow($server->ehlo_client) } 1 .. 2;
    if ($is_threaded) {
        $server->expect_log(qr/SM3022: [^\n]*SMTPOAuthMaxRequests allows/);
        is(auth($server->ehlo_client, 'good')->code, '454',
           'a third is put off at once');
    }
    else {
        is(auth($server->ehlo_client, 'good')->code, '235',
           'a process asks for itself');
    }
    is($server->ehlo_client->command('NOOP')->code, '250', 'others go on');
    release();
    is($_->read_reply->code, '235', 'who waited is logged in') for @clients;
    is(auth($server->ehlo_client, 'good')->code, '235',
       'there is room again');
};

# ---- The wrong end points --------------------------------------------------------

sub check_refused
{
    my ($name, $words, %arg) = @_;
    restart(%arg);
    $server->expect_log(qr/SM3022: [^\n]*$words/);
    subtest $name => sub {
        check_login('good', '454 4.7.0');
        like($server->log_text, qr/SM3022: [^\n]*$words/,
             'the log says why');
    };
    return;
}

my $before = () = $end->requests;
check_refused('a certificate of somebody else', qr/certificate/,
              ca => $stranger->certificate);
check_refused('a certificate for another name', qr/certificate|SSL/,
              url => $end->url =~ s/localhost/127.0.0.1/r);
is(scalar(() = $end->requests), $before, 'no token was sent to either');

my $old = SMTPTest::Introspection->new(log => $server->root . '/plain',
    credentials => ['x', 'y'], answers => { good => answer() });
check_refused('credentials that are refused', qr/\(401\)/, url => $old->url);
$old->stop;
check_refused('nobody there', qr/connect/i, url => $old->url);

subtest 'http to this machine' => sub {
    my $plain = SMTPTest::Introspection->new(
        log => $server->root . '/plain', credentials => $end->{credentials},
        answers => { good => answer() });
    restart(url => $plain->url);
    check_login('good', '235 2.7.0');
};

my $log = $server->log_text;
unlike($log, qr/\Q$SECRET\E|s3cret/, 'the secret is in no log');
unlike($log, qr/good\.until|elsewhere/, 'and no token is');
$server->finish;
done_testing;
