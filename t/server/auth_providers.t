# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# httpd's providers of passwords, and of groups, let mail users in: files of
# htpasswd and htdbm, SQLite and PostgreSQL by mod_dbd, a directory by
# mod_authnz_ldap, a cache before one of them. What a login holds stays a
# login: it is no SQL and no filter. One that fails lets nobody in.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Auth;
use SMTPTest::PostgreSQL;
use SMTPTest::Program;
use SMTPTest::Server;
use SMTPTest::Slapd;
use SMTPTest::Wait;

my $htpasswd = SMTPTest::Program::need('htpasswd');
my $htdbm = SMTPTest::Program::need('htdbm');
my $sqlite = SMTPTest::Program::need('sqlite3');

sub run
{
    my ($input, @command) = @_;
    my ($status, $said) = SMTPTest::Program::run($input, @command);
    die "@command: $said" if $status;
    return $said;
}

# A password as htpasswd keeps it: -B bcrypt, -m MD5, -s SHA-1.
sub hash
{
    my ($option, $password) = @_;
    my ($hash) = run('', $htpasswd, '-nb', $option, 'x', $password)
        =~ /\Ax:(\S+)/ or die 'htpasswd';
    return $hash;
}

my %HASH = (bob => hash('-B', 'secret'), alice => hash('-m', 'password'),
            barred => hash('-s', 'barred'));
my $SQL = join '', 'CREATE TABLE logins (login text, password text);',
    map { "INSERT INTO logins VALUES ('$_', '$HASH{$_}');" } sort keys %HASH;

my $LDIF = <<'END';
dn: ou=people,dc=example,dc=com
objectClass: organizationalUnit
ou: people

dn: uid=bob,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: bob
cn: Bob
sn: B
mail: bob@example.com
userPassword: secret

dn: uid=alice,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: alice
cn: Alice
sn: A
mail: alice@example.com
userPassword: password

dn: uid=barred,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: barred
cn: Barred
sn: X
userPassword: barred

dn: cn=mail,dc=example,dc=com
objectClass: groupOfNames
cn: mail
member: uid=bob,ou=people,dc=example,dc=com
member: uid=alice,ou=people,dc=example,dc=com

END

my $postgresql = SMTPTest::PostgreSQL->start($SQL);
my $slapd = SMTPTest::Slapd->start($LDIF);

my $ALL_BUT_ONE = "<RequireAll>\nRequire valid-user\n"
    . "Require not user barred\n</RequireAll>";
my $QUERY = '"SELECT password FROM logins WHERE login = %s"';
my %SECTION = (
    file => "AuthUserFile conf/users\nAuthGroupFile conf/groups\n"
        . "Require group mail",
    dbm => "AuthBasicProvider dbm\nAuthDBMUserFile conf/users.dbm\n"
        . $ALL_BUT_ONE,
    sqlite => "AuthBasicProvider dbd\nAuthDBDUserPWQuery $QUERY\n"
        . $ALL_BUT_ONE,
    postgresql => "AuthBasicProvider dbd\nAuthDBDUserPWQuery $QUERY\n"
        . $ALL_BUT_ONE,
    ldap => "AuthBasicProvider ldap\nAuthLDAPURL "
        . $slapd->url . "/ou=people,dc=example,dc=com?uid\n"
        . "Require ldap-group cn=mail,dc=example,dc=com",
    ldapmail => "AuthBasicProvider ldap\nAuthLDAPURL "
        . $slapd->url . "/ou=people,dc=example,dc=com?mail,uid\n"
        . "AuthLDAPRemoteUserAttribute uid\nRequire user bob",
    cache => "AuthBasicProvider socache file\nAuthnCacheProvideFor file\n"
        . "AuthUserFile conf/cached\n" . $ALL_BUT_ONE,
    chain => "AuthBasicProvider file dbm\nAuthUserFile conf/empty\n"
        . "AuthDBMUserFile conf/users.dbm\n$ALL_BUT_ONE",
);
my %OUTSIDE = (
    sqlite => "DBDriver sqlite3\nDBDParams \${root}/conf/users.sqlite",
    postgresql => 'DBDriver pgsql' . "\nDBDParams \""
        . $postgresql->parameters . '"'
        # Else APR's driver takes a server that is down for one that knows
        # nobody.
        . "\nDBDPersist Off",
);
my $VHOST = <<'END';
<VirtualHost 127.0.0.1:${port_%1$s}>
    ServerName %1$s.example.com
    SMTPEngine On
    SMTPAuthWithoutTLS On
    SMTPAuthLimit connection=off address=off login=off delay=off
    %3$s
    <SMTPDomain example.com>
        SMTPRecipients any
    </SMTPDomain>
    <SMTPAuth>
        AuthType Basic
        AuthName mail
        %2$s
    </SMTPAuth>
</VirtualHost>
END

my $users = join '', map { "$_:$HASH{$_}\n" } sort keys %HASH;
my $server = SMTPTest::Server->new(
    ports => { map { $_ => 'smtp' } keys %SECTION },
    modules => [qw(authn_core auth_basic authn_file authn_dbm authn_dbd dbd
                   authn_socache socache_shmcb authz_user authz_groupfile
                   ldap authnz_ldap)],
    global => "LogLevel notice smtp:info\nAuthnCacheSOCache shmcb",
    files => { 'conf/users' => $users, 'conf/cached' => $users,
               'conf/groups' => "mail: bob alice\n", 'conf/empty' => '' },
    vhosts => join('', map { sprintf $VHOST, $_, $SECTION{$_},
                                     $OUTSIDE{$_} // '' }
                       sort keys %SECTION),
    # What httpd's modules say of refusals and of what is down.
    expected => [qr/AH016(?:17|18|30|31): /, qr/authnz_ldap/]);
run('', $htdbm, '-cb', $server->root . '/conf/users.dbm', 'bob', 'secret');
run('', $htdbm, '-b', $server->root . '/conf/users.dbm', 'alice', 'password');
run('', $htdbm, '-b', $server->root . '/conf/users.dbm', 'barred', 'barred');
chmod 0644, glob $server->root . '/conf/users.dbm*';
run($SQL, $sqlite, $server->root . '/conf/users.sqlite');
$server->start;

sub login
{
    my ($provider, $login, $password) = @_;
    my $client = $server->ehlo_client(port => $provider);
    my $reply = SMTPTest::Auth->new(
        client => $client, mechanism => 'PLAIN', login => $login,
        password => $password)->run;
    $client->quit;
    return $reply->code . ' ' . $reply->status;
}

my @REFUSED = (
    ['bob', 'Secret'], ['bob', 'password'], ['eve', 'secret'],
    ['barred', 'barred'],
    # No SQL, no filter of LDAP, no pattern, no name of a file.
    [q{bob' OR '1'='1}, 'secret'], [q{' OR 1=1 --}, 'secret'],
    [q{bob'; DROP TABLE logins; --}, 'secret'], [q{bob"}, 'secret'],
    ['bob\\', 'secret'], ['%', 'secret'], ['_ob', 'secret'], ['*', 'secret'],
    ['bo*', 'secret'], ['bob)(uid=*', 'secret'], ['*)(|(uid=*', 'secret'],
    ['bob\\00', 'secret'], ['../conf/users', 'secret'],
    ['bob ', 'secret'], [' bob', 'secret'],
);
# A directory's uid has no case and no blanks at its ends: what it takes for
# bob is bob.
my %SAME_TO_LDAP = map { $_ => 1 } 'bob ', ' bob';

for my $provider (grep { $_ ne 'ldapmail' } sort keys %SECTION) {
    subtest $provider => sub {
        is(login($provider, 'bob', 'secret'), '235 2.7.0', 'bob');
        is(login($provider, 'alice', 'password'), '235 2.7.0', 'alice');
        for my $refused (@REFUSED) {
            my ($login, $password) = @{$refused};
            next if $provider eq 'ldap' && $SAME_TO_LDAP{$login};
            is(login($provider, $login, $password), '535 5.7.8',
               "$login, $password");
        }
        is(login($provider, 'bob', 'secret'), '235 2.7.0', 'bob again');
    };
}

# The session is of whom the directory names.
subtest 'a login by another name' => sub {
    is(login('ldapmail', 'bob@example.com', 'secret'), '235 2.7.0',
       'by the address');
    like($server->log_text,
         qr/SM1061: login: client 127\.0\.0\.1, mechanism PLAIN, login "bob"$/m,
         'it is bob');
    is(login('ldapmail', 'alice@example.com', 'password'), '535 5.7.8',
       'Require is asked about that name');
    is(login('ldapmail', 'bob', 'secret'), '535 5.7.8',
       'the name alone is none here');
};

subtest 'what was cached counts while the file is away' => sub {
    unlink $server->root . '/conf/cached' or die $!;
    is(login('cache', 'bob', 'secret'), '235 2.7.0', 'bob');
    is(login('cache', 'bob', 'Secret'), '535 5.7.8', 'another password');
};

# Fails closed, and says so: 454, since the password may be right.
subtest 'a provider that fails lets nobody in' => sub {
    $server->expect_log(qr/SM1062: /);
    unlink $server->root . '/conf/users' or die $!;
    $server->expect_log(qr/AH01620: /);
    is(login('file', 'bob', 'secret'), '454 4.7.0', 'a file that is gone');
    is(login('file', 'eve', ''), '501 5.5.2', 'no password is none');

    $postgresql->stop;
    $server->expect_log(qr/dbd|AH0165[0-9]|AH0166[0-9]/);
    is(login('postgresql', 'bob', 'secret'), '454 4.7.0',
       'a database that is down');
    is(login('sqlite', 'bob', 'secret'), '235 2.7.0', 'not that of others');
    $postgresql->resume;
    ok(SMTPTest::Wait::wait_until(30, sub {
        return login('postgresql', 'bob', 'secret') eq '235 2.7.0';
    }), 'when it is back, so is the login');

    $slapd->stop;
    # alice's answers are in mod_ldap's cache, nobody's else.
    is(login('ldap', 'eve2', 'secret'), '454 4.7.0',
       'a directory that is down');
    $slapd->resume;
    ok(SMTPTest::Wait::wait_until(30, sub {
        return login('ldap', 'eve3', 'secret') eq '535 5.7.8';
    }), 'when it is back, so is the answer');
    is(login('ldap', 'bob', 'secret'), '235 2.7.0', 'and bob');
};

$server->finish;
$_->stop for $postgresql, $slapd;
done_testing;
