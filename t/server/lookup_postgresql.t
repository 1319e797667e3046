# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# Maps in PostgreSQL, by mod_dbd: recipients, and credentials of SCRAM. A
# database that is down is 451 or 454, never "unknown": the mail would come
# back, the password be asked for again.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Auth;
use SMTPTest::PostgreSQL;
use SMTPTest::Server;

my $verifier = SMTPTest::Auth::verifier('secret', '0123456789abcdef', 4096);
my $postgresql = SMTPTest::PostgreSQL->start(<<"END");
CREATE TABLE logins (login text, verifier text);
INSERT INTO logins VALUES ('bob', '$verifier'), ('o''brien', '$verifier');
END

# Connections that are kept, and connections that are not.
for my $persist (qw(On Off)) {
    subtest "DBDPersist $persist" => sub {
        my $server = SMTPTest::Server->start_new(
            modules => [qw(dbd authn_core authz_user)],
            domain => 'SMTPRecipients '
                . '"dbd:SELECT \'\' FROM logins WHERE login = %s"',
            config => <<"END",
DBDriver pgsql
DBDParams "@{[$postgresql->parameters]}"
DBDPersist $persist
SMTPAuthWithoutTLS On
SMTPAuthLimit connection=off address=off login=off delay=off
SMTPMaxErrors 0
<SMTPAuth>
    Require valid-user
</SMTPAuth>
SMTPAuthCredentials "dbd:SELECT verifier FROM logins WHERE login = %s"
END
        );
        check($server, '250 2.1.5', '235 2.7.0', 'up');
        check_keys($server);
        $postgresql->stop;
        $server->expect_log(qr/SM11(?:2[01]|30): /, qr/SM106[24]: /, qr/AH0063\d: /,
                            qr/\[dbd:/);
        check($server, '451 4.3.0', '454 4.7.0', 'down') for 1 .. 2;
        $postgresql->resume;
        # What is kept by APR's driver does not know its statements any more:
        # that is not "unknown" either.
        my ($rcpt, $auth) = $persist eq 'Off' ? ('250 2.1.5', '235 2.7.0')
            : ('250 2.1.5|451 4.3.0', '235 2.7.0|454 4.7.0');
        check($server, $rcpt, $auth, 'up again') for 1 .. 3;
        $server->finish;
    };
}

sub check
{
    my ($server, $rcpt, $auth, $name) = @_;
    my $client = $server->ehlo_client;
    my $reply = login($client, 'bob', 'secret');
    like($reply, qr/\A(?:$auth)\z/, "$name: a login");
    $client->command('RSET');
    $client->command('MAIL FROM:<a@client.test>');
    $reply = $client->command('RCPT TO:<bob@example.com>');
    like($reply->code . ' ' . $reply->status, qr/\A(?:$rcpt)\z/,
         "$name: a recipient");
    $client->quit;
    return;
}

sub login
{
    my ($client, $login, $password) = @_;
    my $reply = SMTPTest::Auth->new(
        client => $client, mechanism => 'SCRAM-SHA-256', login => $login,
        password => $password)->run;
    return $reply->code . ' ' . $reply->status;
}

# What a peer sends is a parameter of the query, never text of it.
sub check_keys
{
    my ($server) = @_;
    is(login($server->ehlo_client, q{o'brien}, 'secret'), '235 2.7.0',
       'a quote in a login');
    for my $login (q{' OR '1'='1}, q{bob'--}, '%', '$1', 'Bob') {
        is(login($server->ehlo_client, $login, 'secret'), '535 5.7.8',
           "$login is nobody");
    }
    my $client = $server->ehlo_client;
    $client->command('MAIL FROM:<a@client.test>');
    is($client->command(q{RCPT TO:<"' OR '1'='1"@example.com>})->status,
       '5.1.1', 'and no recipient');
    return;
}

$postgresql->stop;
done_testing;
