# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# What smtp-scram writes the server reads: who was added gets in with his
# password, whatever his name is, and while the server runs a change counts.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Auth;
use SMTPTest::Program;
use SMTPTest::Server;
use SMTPTest::Wait qw(wait_until);

my $server = SMTPTest::Server->new(
    modules => [qw(authn_core authz_user)],
    files => { 'conf/mail.scram' => "# nobody yet\n" },
    # In plain text, since here it is the file that counts.
    config => <<'END');
SMTPAuthMechanisms SCRAM-SHA-256
SMTPAuthWithoutTLS On
SMTPAuthCredentials txt:conf/mail.scram
<SMTPAuth>
    Require valid-user
</SMTPAuth>
END

sub tool
{
    my ($option, $login, @password) = @_;
    my ($status, $text) = SMTPTest::Program::run(
        '', "$ENV{SMTP_BUILD_DIR}/smtp-scram", $option, '--',
        $server->root . '/conf/mail.scram', $login, @password);
    is($status, 0, "smtp-scram $option $login") or diag $text;
    return;
}

# The code that a login gets.
sub code
{
    my ($login, $password) = @_;
    my $client = $server->ehlo_client;
    my $auth = SMTPTest::Auth->new(client => $client, login => $login,
                                   password => $password,
                                   mechanism => 'SCRAM-SHA-256');
    my $code = $auth->run->code;
    is_deeply([$auth->faults], [], 'the server keeps to the mechanism');
    $client->close;
    return $code;
}

my @LOGINS = ('bob', 'Bob', 'bob@example.com', 'john doe', '#bob', '"bob"',
              'b"ob\\', "\xC3\xBC");
tool('-b', $_, "of $_") for @LOGINS;
$server->start;

for my $login (@LOGINS) {
    is(code($login, "of $login"), '235', "$login gets in");
    is(code($login, 'penci'), '535', "not with another password");
}
is(code('BOB', 'of bob'), '535', 'case counts');

tool('-b', 'bob', 'new');
tool('-b', 'eve', 'new');
tool('-D', 'Bob');

# Each child reads the file for itself, within two seconds.
sub becomes
{
    my ($login, $password, $code, $name) = @_;
    return ok(wait_until(20, sub { code($login, $password) eq $code }), $name);
}

becomes('eve', 'new', '235', 'who is added gets in without a restart');
becomes('bob', 'new', '235', 'so does who changed his password');
becomes('bob', 'of bob', '535', 'with the new one only');
becomes('Bob', 'of Bob', '535', 'who was deleted does not');
$server->finish;
done_testing;
