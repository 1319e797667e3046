# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# EXTERNAL (RFC 4422 A): a client's certificate is a login, if it is good, and
# no other login than its own.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Auth;
use SMTPTest::Certificate;
use SMTPTest::Server;

my $SECTION = <<'END';
    <RequireAll>
        Require valid-user
        Require not user barred@example.com
    </RequireAll>
END
my $NO_LIMIT = 'SMTPAuthLimit connection=off address=off login=off delay=off';

sub server
{
    my (%arg) = @_;
    my $section = $arg{section} // $SECTION;
    return SMTPTest::Server->new(
        tls => 1, modules => [qw(authn_core authz_user)],
        config => join("\n", "<SMTPAuth>\n$section</SMTPAuth>", $NO_LIMIT,
                       'SSLCACertificateFile conf/tls/clients.crt',
                       'SSLVerifyClient ' . ($arg{verify} // 'optional'),
                       $arg{config} // ()),
        files => { 'conf/tls/clients.crt' => $arg{ca}->pem },
        expected => [qr/AH01630: /, qr/AH02039: /]);
}

# Client certificates by an authority of their own, and one by a stranger's.
my $ca = SMTPTest::Certificate->authority(name => 'Clients');
my $stranger = SMTPTest::Certificate->authority(name => 'Clients');
my %certificate = (
    bob => $ca->client(name => 'Bob', email => 'bob@example.com'),
    barred => $ca->client(name => 'Barred', email => 'barred@example.com'),
    nameless => $ca->client(name => 'Nameless'),
    stranger => $stranger->client(name => 'Bob',
                                  email => 'bob@example.com'),
);
my $server;

sub client
{
    my ($name) = @_;
    my $client = $server->ehlo_client;
    $client->starttls($name ? (certificate => $certificate{$name}) : ());
    return ($client, $client->command('EHLO client.test'));
}

sub check_login
{
    my ($name, $certificate, $expected, %arg) = @_;
    my ($client) = client($certificate);
    my $auth = SMTPTest::Auth->new(client => $client,
                                   mechanism => 'EXTERNAL', %arg);
    my $reply = $auth->run;
    is($reply->code . ' ' . $reply->status, $expected, $name)
        || diag($reply->text);
    is_deeply([$auth->faults], [], "$name: the server keeps to RFC 4422");
    return;
}

subtest 'by SMTPAuthCertificateName' => sub {
    $server = server(ca => $ca,
                     config => 'SMTPAuthCertificateName '
                         . 'SSL_CLIENT_SAN_Email_0');
    $server->start;
    my ($client, $ehlo) = client('bob');
    like($ehlo->text, qr/^AUTH EXTERNAL$/m, 'offered who has a certificate');
    for my $name ('nameless', undef) {
        ($client, $ehlo) = client($name);
        unlike($ehlo->text, qr/^AUTH/m, 'not offered: '
               . ($name // 'no certificate'));
    }
    check_login('at once', 'bob', '235 2.7.0');
    check_login('asked for it', 'bob', '235 2.7.0', is_initial => 0);
    check_login('by its own name', 'bob', '235 2.7.0',
                authzid => 'bob@example.com');
    check_login('by the name of another', 'bob', '535 5.7.8',
                authzid => 'alice@example.com');
    check_login('by its own name in other case', 'bob', '535 5.7.8',
                authzid => 'Bob@example.com');
    check_login('with a NUL', 'bob', '501 5.5.2',
                authzid => "bob\@example.com\0");
    check_login('who is barred', 'barred', '535 5.7.8');
    check_login('no address in it', 'nameless', '504 5.5.4');
    check_login('no certificate', undef, '504 5.5.4');
    # TLS 1.3: the client is through before the server has looked.
    (undef, $ehlo) = eval { client('stranger') };
    ok(!$ehlo || $ehlo->code eq 'closed',
       'a certificate by another authority ends the connection');
    is($server->ehlo_client->command('AUTH EXTERNAL =')->status, '5.7.11',
       'without TLS');
    $server->finish;
};

subtest 'by SSLUserName' => sub {
    $server = server(ca => $ca,
                     section => "$SECTION    SSLUserName SSL_CLIENT_S_DN_CN\n");
    $server->start;
    check_login('the common name', 'nameless', '235 2.7.0');
    check_login('as Bob', 'bob', '235 2.7.0', authzid => 'Bob');
    $server->finish;
};

# With it mod_ssl lets any certificate pass, and says GENEROUS.
subtest 'certificates that nobody verified are no login' => sub {
    $server = server(ca => $ca, verify => 'optional_no_ca',
                     config => "SMTPAuthCertificateName SSL_CLIENT_S_DN_CN");
    my ($status, $words) = $server->configtest;
    isnt($status, 0, 'httpd -t refuses it');
    like($words, qr/EXTERNAL needs clients.*optional_no_ca/, 'and says why');
};

done_testing;
