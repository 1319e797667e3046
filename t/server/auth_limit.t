# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# SMTPAuthLimit: who guesses passwords is slowed down and stopped, whichever
# child he reaches; who has the password gets in, and does not pay for the
# guesses of others.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MIME::Base64 qw(encode_base64);
use Time::HiRes qw(time);

use SMTPTest::Auth;
use SMTPTest::Server;
use SMTPTest::Wait qw(wait_until);

my %USERS = (bob => 'secret', alice => 'clue', carol => 'hint');
my $CONFIG = 'SMTPAuthWithoutTLS On';
# Wrong passwords and unknown users are errors to mod_auth_basic.
my $PROVIDER = qr/AH0161[78]: /;

sub start
{
    my ($limits, %arg) = @_;
    return SMTPTest::Server->start_new(
        auth => \%USERS, modules => ['socache_shmcb'],
        config => "$CONFIG\nSMTPAuthLimit $limits\n",
        expected => [$PROVIDER], %arg);
}

sub plain
{
    my ($login, $password) = @_;
    return 'AUTH PLAIN ' . encode_base64("\0$login\0$password", '');
}

# The reply to one attempt on a connection of its own.
sub attempt
{
    my ($server, $from, $login, $password) = @_;
    my $client = $server->ehlo_client(from => $from);
    my $reply = $client->command(plain($login, $password // 'wrong'));
    $client->close;
    return $reply;
}

sub is_reply
{
    my ($reply, $code, $status, $name) = @_;
    is($reply->code . ' ' . $reply->status, "$code $status", $name)
        || diag($reply->text);
    return;
}

sub guess
{
    my ($server, $from, $login, $times) = @_;
    is_reply(attempt($server, $from, $login), 535, '5.7.8',
             "$login, guess $_ from $from") for 1 .. $times;
    return;
}

subtest 'a connection has so many guesses, and then ends' => sub {
    my $server = start('connection=3');
    my $client = $server->ehlo_client;
    is_reply($client->command(plain('bob', 'wrong')), 535, '5.7.8', 'first');
    is($client->command('AUTH LOGIN')->code, '334', 'another mechanism');
    is($client->command(encode_base64('nobody', ''))->code, '334', 'login');
    is_reply($client->command(encode_base64('x', '')), 535, '5.7.8',
             'second, an unknown login');
    is_reply($client->command(plain('bob', 'wrong')), 535, '5.7.8', 'third');
    is_reply($client->read_reply, 421, '4.7.0', 'then 421 (RFC 5321 3.8)');
    ok($client->is_closed, 'and the end');
    like($server->wait_log(qr/SM1066/),
         qr/login refused: client 127\.0\.0\.1, SMTPAuthLimit connection= is /,
         'the log says so');
    is_reply(attempt($server, '127.0.0.1', 'bob', 'secret'), 235, '2.7.0',
             'the next connection begins anew');
    $server->finish;
};

subtest 'an address has so many guesses, whichever child it reaches' => sub {
    my $server = start('address=6/10min');
    # Connections that stay open: on prefork one child each.
    my @open = map { $server->ehlo_client(from => '127.0.0.2') } 1 .. 3;
    for my $client (@open) {
        is_reply($client->command(plain('bob', 'wrong')), 535, '5.7.8',
                 'a guess') for 1 .. 2;
    }
    my $refused = attempt($server, '127.0.0.2', 'bob', 'secret');
    is_reply($refused, 421, '4.7.0', 'the right password comes too late');
    is_reply($open[0]->command(plain('alice', 'clue')), 421, '4.7.0',
             'on a connection that is open, too');
    ok($open[0]->is_closed, 'which ends');
    is_reply(attempt($server, '127.0.0.3', 'bob', 'secret'), 235, '2.7.0',
             'others get in');
    $_->close for @open;

    $server->graceful;
    is_reply(attempt($server, '127.0.0.2', 'bob', 'secret'), 421, '4.7.0',
             'a graceful restart forgets nothing');
    is_reply(attempt($server, '127.0.0.3', 'bob', 'secret'), 235, '2.7.0',
             'of nobody');
    $server->finish;
};

subtest 'a login has so many guesses, wherever they come from' => sub {
    my $server = start('login=4/10min');
    my %reply;
    for my $login (qw(bob nobody)) {
        guess($server, "127.0.1.$_", $login, 1) for 1 .. 3;
        guess($server, '127.0.1.4', uc($login) . ' ', 1);
        my $asked = () = $server->log_text =~ /$PROVIDER/g;
        $reply{$login} = attempt($server, '127.0.1.5', $login, 'secret');
        is_reply($reply{$login}, 454, '4.7.0', "$login: late");
        is(scalar(() = $server->log_text =~ /$PROVIDER/g), $asked,
           'no provider was asked');
    }
    is($reply{bob}->text, $reply{nobody}->text,
       'a login that exists is refused as one that does not');
    is_reply(attempt($server, '127.0.1.1', 'alice', 'clue'), 235, '2.7.0',
             'other logins are as before');
    $server->finish;
};

subtest 'a name that was given early gets around no limit' => sub {
    my $server = start('address=3/10min login=3/10min');
    my @early = map { $server->ehlo_client(from => '127.0.2.1') } 1 .. 5;
    for my $client (@early) {
        is($client->command('AUTH LOGIN')->code, '334', 'AUTH LOGIN');
        is($client->command(encode_base64('bob', ''))->code, '334', 'bob');
    }
    my $last = pop @early;
    my @codes = map { $_->command(encode_base64('wrong', ''))->code } @early;
    is("@codes", '535 535 535 421', 'three guesses, and no more');
    is_reply($last->command(encode_base64('secret', '')), 421, '4.7.0',
             'the right password comes too late');
    $server->finish;
};

subtest 'a provider that fails is not asked without end' => sub {
    my $server = start('connection=3');
    unlink $server->root . '/conf/users' or die "users: $!";
    my $client = $server->ehlo_client;
    is_reply($client->command(plain('bob', 'secret')), 454, '4.7.0',
             "try $_") for 1 .. 3;
    is_reply($client->read_reply, 421, '4.7.0', 'then 421');
    ok($client->is_closed, 'and the end');
    $server->expect_log(qr/SM1062: <SMTPAuth>: .* could not be judged/);
    $server->expect_log(qr/AH01620: Could not open password file/);
    $server->finish;
};

subtest 'tokens that name nobody are failures of the address' => sub {
    my $server = SMTPTest::Server->new(
        dsos => ['mod_smtp_oauth'],
        modules => [qw(authn_core authz_user socache_shmcb)],
        files => { 'conf/secret' => 'a secret of 32 octets at least...' },
        config => <<'END');
SMTPAuthWithoutTLS On
SMTPAuthLimit connection=off address=2/10min delay=off
<SMTPAuth>
    Require valid-user
</SMTPAuth>
SMTPAuthToken jwt
SMTPOAuthIssuer https://id.example.com
SMTPOAuthAudience mx.example.com
SMTPOAuthKeys secret:conf/secret
END
    chmod 0600, $server->root . '/conf/secret' or die "chmod: $!";
    $server->start;
    my @codes;
    for (1 .. 3) {
        push @codes, SMTPTest::Auth->new(
            client => $server->ehlo_client, mechanism => 'OAUTHBEARER',
            token => 'e30.e30.AAAA')->run->code;
    }
    is("@codes", '535 535 421', 'two guesses, and no more');

    # RFC 7628 3.2.3: the refusal is told by a challenge.
    @codes = ();
    for (1 .. 3) {
        my $client = $server->ehlo_client(from => '127.0.0.2');
        push @codes, $client->command('AUTH OAUTHBEARER ' . encode_base64(
            "n,,\x01auth=Bearer e30.e30.AAAA\x01\x01", ''))->code;
        $client->close(is_reset => 1);
    }
    is("@codes", '334 334 421', 'nor by going away before the end');
    $server->finish;
};

subtest 'a stranger does not lock out the owner' => sub {
    my $server = start('login=4/10min');
    is_reply(attempt($server, '127.0.2.1', 'carol', 'hint'), 235, '2.7.0',
             'carol was here');
    guess($server, '127.0.2.9', 'carol', 4);
    is_reply(attempt($server, '127.0.2.9', 'carol'), 454, '4.7.0',
             'the stranger is stopped');
    is_reply(attempt($server, '127.0.2.1', 'carol', 'hint'), 235, '2.7.0',
             'carol is not');
    is_reply(attempt($server, '127.0.2.1', 'carol'), 535, '5.7.8',
             'though her password is still looked at');
    is_reply(attempt($server, '127.0.2.2', 'carol', 'hint'), 454, '4.7.0',
             'elsewhere she has to wait');
    $server->finish;
};

subtest 'the owner\'s slips do not lock out the owner elsewhere' => sub {
    my $server = start('login=2/10min');
    is_reply(attempt($server, '127.0.3.1', 'carol', 'hint'), 235, '2.7.0',
             'carol was here');
    guess($server, '127.0.3.1', 'carol', 5);
    is_reply(attempt($server, '127.0.3.2', 'carol', 'hint'), 235, '2.7.0',
             'and is elsewhere');
    $server->finish;
};

subtest 'each failure is answered late' => sub {
    my $server = start('connection=2 delay=2s login=1/10min');
    my $client = $server->ehlo_client;
    my $began = time;
    is_reply($client->command(plain('bob', 'wrong')), 535, '5.7.8', 'a guess');
    cmp_ok(time - $began, '>', 1.9, 'late');
    $began = time;
    is_reply($client->command(plain('bob', 'wrong')), 454, '4.7.0',
             'a guess that is not looked at');
    cmp_ok(time - $began, '>', 1.9, 'late as well');
    is_reply($client->read_reply, 421, '4.7.0', 'counts for the connection');
    $began = time;
    is_reply(attempt($server, '127.0.0.1', 'alice', 'clue'), 235, '2.7.0',
             'a login');
    cmp_ok(time - $began, '<', 1.9, 'at once');
    $server->finish;
};

subtest 'a graceful stop does not wait for delays' => sub {
    my $server = start('delay=60s');
    my $client = $server->ehlo_client;
    $client->send_octets(plain('bob', 'wrong') . "\r\n");
    $server->wait_log(qr/SM1060: login failed/);
    $server->begin_graceful_stop;
    is_reply($client->read_reply, 535, '5.7.8', 'the reply comes');
    $server->wait_gone;
    pass('httpd ends');
};

subtest 'two hundred guessers do not stop the web site next door' => sub {
    my $server = start(
        'connection=off delay=3s',
        ports => { smtp => 'smtp', http => 'http' },
        global => "DocumentRoot \${root}/htdocs\n",
        config => "$CONFIG\nSMTPAuthLimit connection=off delay=3s\n"
            . "SMTPMaxConnections 0\n",
        files => { 'htdocs/index.html' => "a page\n" });
    my @clients = map { $server->ehlo_client } 1 .. (
        # On prefork a connection takes a process, idle or not.
        SMTPTest::Server::mpm() eq 'event' ? 200
        : SMTPTest::Server::mpm() eq 'worker' ? 150 : 100);
    $_->send_octets(plain('bob', 'wrong') . "\r\n") for @clients;
    for (1 .. 10) {
        my $http = $server->client(port => 'http');
        $http->send_octets("GET /index.html HTTP/1.0\r\n\r\n");
        like($http->read_to_end(30), qr/a page/, 'the site answers');
    }
    my %count;
    $count{ $_->read_reply->code }++ for @clients;
    $_->close for @clients;
    is(($count{535} // 0) + ($count{421} // 0), scalar @clients,
       'each guess is answered');
    cmp_ok($count{535} // 0, '>', 0, 'some late');
    cmp_ok($count{421} // 0, '>', @clients / 2,
           'most by the end, as few may wait');
    like($server->wait_log(qr/SM1066/),
         qr/SMTPAuthLimit delay= of too many clients is reached/,
         'and the log says so');
    # httpd told to stop amid the end of many connections may crash.
    ok($server->wait_disconnected, 'all are let go');
    $server->finish;
};

done_testing;
