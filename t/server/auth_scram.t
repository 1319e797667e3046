# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677): who knows the
# password gets in, over the very connection that he believes it is; each part
# of each message is broken once.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MIME::Base64 qw(encode_base64);

use SMTPTest::Auth;
use SMTPTest::Server;
use SMTPTest::Wait;

my $SALT = "0123456789abcdef";
my %CREDENTIALS = (
    bob => SMTPTest::Auth::verifier('secret', $SALT, 4096),
    barred => SMTPTest::Auth::verifier('secret', $SALT, 4096),
    slow => SMTPTest::Auth::verifier('secret', 'x', 20000),
    '"a, b = \\"c\\""' => SMTPTest::Auth::verifier('secret', $SALT, 4096),
    # SASLprep (RFC 4013): the ligature is fi.
    file => SMTPTest::Auth::verifier('secret', $SALT, 4096),
    wrong => 'SCRAM-SHA-1$4096:c2FsdA==$x:y',
);
my $CONFIG = <<'END';
<SMTPAuth>
    <RequireAll>
        Require valid-user
        Require not user barred
    </RequireAll>
</SMTPAuth>
SMTPAuthLimit connection=off address=off login=off delay=off
SMTPAuthCredentials txt:conf/scram
END
my $server = SMTPTest::Server->start_new(
    tls => 1, modules => [qw(authn_core authz_user)], config => $CONFIG,
    files => { 'conf/scram' => join '', map { "$_ $CREDENTIALS{$_}\n" }
                                        sort keys %CREDENTIALS },
    expected => [qr/SM106[25]: /, qr/AH01630: /]);

sub client
{
    my ($port, @tls) = @_;
    my $client = $server->ehlo_client(port => $port // 'smtp');
    $client->starttls(@tls);
    $client->command('EHLO client.test');
    return $client;
}

# An exchange: its last reply, and the client's side of it.
sub login
{
    my ($client, %arg) = @_;
    my $auth = SMTPTest::Auth->new(
        client => $client, mechanism => 'SCRAM-SHA-256', login => 'bob',
        password => 'secret', %arg);
    my $reply = $auth->run;
    return ($reply, $auth);
}

sub check_login
{
    my ($name, $client, %arg) = @_;
    my ($reply, $auth) = login($client, %arg);
    is($reply->code . ' ' . $reply->status, '235 2.7.0', $name)
        || diag($reply->text);
    is_deeply([$auth->faults], [], "$name: the server keeps to RFC 5802");
    ok($auth->is_verified, "$name: the server knows the password as well");
    return;
}

sub check_refused
{
    my ($name, $code, $status, $client, %arg) = @_;
    my ($reply, $auth) = login($client, %arg);
    is($reply->code . ' ' . $reply->status, "$code $status", $name)
        || diag($reply->text);
    ok(!$auth->is_verified, "$name: no proof of the server");
    return $auth;
}

subtest 'what is offered' => sub {
    my $client = $server->ehlo_client;
    unlike($client->command('EHLO client.test')->text, qr/^AUTH/m,
           'nothing without TLS');
    is($client->command("AUTH SCRAM-SHA-256$_")->status, '5.7.11',
       "SCRAM-SHA-256$_ waits for TLS") for '', '-PLUS';
    like(client()->command('EHLO client.test')->text,
         qr/^AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256$/m, 'both under TLS');
    is(client()->command('AUTH PLAIN')->status, '5.7.9',
       'passwords as they are would be weaker (RFC 4954 6: 534)');
};

subtest 'the password lets in' => sub {
    check_login('at once', client());
    check_login('without an initial response', client(), is_initial => 0);
    check_login('more iterations, short salt', client(), login => 'slow');
    check_login('a login with commas, blanks, quotes', client(),
                login => 'a, b = "c"');
    check_login('a login that SASLprep makes the same', client(),
                login => "\xEF\xAC\x81le");
    # A challenge is one line, however long (RFC 4954 4).
    check_login('a nonce of 1024 octets', client(),
                change => { client_nonce => 'x' x 1024 });
    check_login('for oneself', client(), authzid => 'bob');
    my $client = client();
    check_login('first', $client);
    is($client->command('AUTH SCRAM-SHA-256')->code, '503', 'not twice');
};

# RFC 9266, RFC 5929.
for my $version ('TLSv1.2', 'TLSv1.3') {
    for my $binding (qw(tls-exporter tls-server-end-point)) {
        check_login("PLUS, $version, $binding",
                    client(undef, version => $version),
                    mechanism => 'SCRAM-SHA-256-PLUS', binding => $binding);
    }
}

subtest 'tls-exporter without the extended master secret (RFC 9266 4.2)'
    => sub {
    my @old = (version => 'TLSv1.2', has_ems => 0);
    check_refused('tls-exporter', 535, '5.7.8', client(undef, @old),
                  mechanism => 'SCRAM-SHA-256-PLUS');
    check_login('tls-server-end-point', client(undef, @old),
                mechanism => 'SCRAM-SHA-256-PLUS',
                binding => 'tls-server-end-point');
};

# Name, reply, what differs from bob's good exchange.
my %PLUS = (mechanism => 'SCRAM-SHA-256-PLUS');
my @BROKEN = (
    ['another password', 535, password => 'Secret'],
    ['no password', 535, password => ''],
    ['a login that nobody has', 535, login => 'eve'],
    ['the password of one who is barred', 535, login => 'barred'],
    ['a login in other case', 535, login => 'Bob'],
    ['on behalf of another', 535, authzid => 'barred'],
    ['a login with a control', 535, login => "bob\x01"],
    ['a login of 256 octets', 535, login => 'x' x 256],
    ['a login with an unassigned code point that nobody has', 535,
     login => "\xC8\xA1"],
    # gs2-header (RFC 5802 6)
    ['y, though we offer PLUS: somebody took it away', 535,
     change => { gs2_flag => 'y' }],
    ['p without PLUS', 535, change => { gs2_flag => 'p=tls-exporter' }],
    ['n with PLUS', 535, %PLUS, change => { gs2_flag => 'n' }],
    ['y with PLUS', 535, %PLUS, change => { gs2_flag => 'y' }],
    ['a binding that is not known', 535, %PLUS, binding => 'tls-unique'],
    ['a flag that is none', 501, change => { gs2_flag => 'x' }],
    ['no name of a binding', 501, change => { gs2_flag => 'p=' }],
    # client-first-message
    ['nothing', 501, change => { first => '' }],
    ['no commas', 501, change => { first => 'n' }],
    ['no nonce', 501, change => { bare => 'n=bob' }],
    ['an empty nonce', 501, change => { client_nonce => '' }],
    ['a nonce with a blank', 501, change => { client_nonce => 'a b' }],
    ['a nonce that is too long', 501,
     change => { client_nonce => 'x' x 1025 }],
    ['a mandatory extension', 501, change => { bare => 'm=x,n=bob,r=abc' }],
    ['an empty login', 501, change => { bare => 'n=,r=abc' }],
    ['a login with a bare =', 501, change => { bare => 'n=b=b,r=abc' }],
    ['a login that is not UTF-8', 501, change => { bare => "n=\xFF,r=abc" }],
    ['a NUL', 501, change => { bare => "n=bob\0,r=abc" }],
    # client-final-message
    ['nothing in the end', 501, change => { final => '' }],
    ['no proof', 501, change => { final => sub { $_[0] =~ s/,p=.*//r } }],
    ['an empty proof', 501, change => { proof => '' }],
    ['a proof that is cut short', 535,
     change => { proof => sub { substr $_[0], 0, 31 } }],
    ['a proof that goes on', 535, change => { proof => sub { "$_[0]x" } }],
    ['a proof of zeros', 535, change => { proof => "\0" x 32 }],
    ['one bit of the proof', 535, change => { proof => sub {
        $_[0] ^ ("\0" x 31 . "\x01") } }],
    ['the nonce of the client alone', 535, change => { final_nonce => sub {
        substr $_[0], 0, 24 } }],
    ['another nonce', 535, change => { final_nonce => sub { "$_[0]x" } }],
    ['another gs2-header in the end', 535,
     change => { final_gs2_header => 'y,,' }],
    ['a binding where none is', 535, change => { binding_data => 'x' }],
    ['a binding that is missing', 535, %PLUS,
     change => { binding_data => '' }],
    ['the binding of another connection', 535, %PLUS,
     change => { binding_data => 'x' x 32 }],
    ['one bit of the binding', 535, %PLUS, change => { binding_data => sub {
        $_[0] ^ ("\x01" . "\0" x 31) } }],
    ['a mandatory extension in the end', 501, change => {
        without_proof => sub { "$_[0],m=x" } }],
);
subtest 'what is broken lets nobody in' => sub {
    my $client = client();
    for my $broken (@BROKEN) {
        my ($name, $code, %arg) = @{$broken};
        check_refused($name, $code, $code == 535 ? '5.7.8' : '5.5.2',
                      $client, %arg);
        # SMTPMaxErrors.
        $client = client() if $client->command('NOOP')->code ne '250';
    }
};

# Its last word has to be empty.
subtest 'the end' => sub {
    my $client = client();
    my ($reply, $auth) = login($client, change => { end => 'x' });
    is($reply->code . ' ' . $reply->status, '501 5.5.2', 'something');
    is($client->command('MAIL FROM:<a@client.test>')->code, '250',
       'the session goes on');
    like($server->log_text, qr/SM1060: /, 'refusals are in the log');
    unlike($server->log_text, qr/SM1061/, 'LogLevel notice: no good logins');
};

# RFC 5802 9: an answer does not tell whether a login exists.
subtest 'logins cannot be found out' => sub {
    my %seen;
    for my $login ('nobody', 'noone', 'nobody') {
        my $auth = check_refused($login, 535, '5.7.8', client(),
                                 login => $login);
        my $first = $auth->server_first;
        push @{ $seen{$login} }, encode_base64($first->{salt}, '');
        is(length $first->{salt}, length $SALT, 'a salt as others have');
        is($first->{iterations}, 4096, 'and iterations');
    }
    is($seen{nobody}[0], $seen{nobody}[1], 'the same each time');
    isnt($seen{nobody}[0], $seen{noone}[0], 'another for another');
    $server->graceful;
    my $auth = check_refused('nobody', 535, '5.7.8', client(),
                             login => 'nobody');
    is(encode_base64($auth->server_first->{salt}, ''), $seen{nobody}[0],
       'and still after a restart');
};

subtest 'nonces are not used twice' => sub {
    my %nonces;
    for (1 .. 20) {
        my (undef, $auth) = login(client());
        $nonces{ substr $auth->server_first->{nonce}, 24 }++;
    }
    is(scalar keys %nonces, 20, 'twenty of twenty');
};

subtest 'a credential that is none: nobody gets in, and the log says so'
    => sub {
    check_refused('wrong', 454, '4.7.0', client(), login => 'wrong');
    like($server->log_text, qr/SM1065: SMTPAuthCredentials txt:conf\/scram /,
         'the log names the directive');
};

# Each child looks at the file once in a second.
subtest 'a new credential counts, and the old one no more' => sub {
    $server->write_file('conf/scram', 'bob '
        . SMTPTest::Auth::verifier('changed', $SALT, 4096) . "\n");
    for my $case (['secret', '535'], ['changed', '235']) {
        my ($password, $code) = @{$case};
        ok(SMTPTest::Wait::wait_until(30, sub {
            return !grep {
                (login(client(), password => $password))[0]->code ne $code
            } 1 .. 8;
        }), "$password: $code");
    }
};

$server->finish;

subtest 'without PLUS on our side' => sub {
    $server = SMTPTest::Server->start_new(
        tls => 1, modules => [qw(authn_core authz_user)],
        config => "$CONFIG\nSMTPAuthMechanisms SCRAM-SHA-256\n"
            . "SMTPAuthWithoutTLS On",
        files => { 'conf/scram' => "bob $CREDENTIALS{bob}\n" });
    check_login('y is right then', client(), change => { gs2_flag => 'y' });
    check_refused('PLUS is not offered', 504, '5.5.4', client(),
                  mechanism => 'SCRAM-SHA-256-PLUS');
    check_login('without TLS', $server->ehlo_client);
    $server->finish;
};

done_testing;
