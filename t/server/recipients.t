# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# Where recipients and aliases are kept: a text file that changes while the
# server runs, DBM, SQL through mod_dbd. A map that cannot be asked is 451,
# never "unknown"; nothing of a client gets into SQL.
#
# speed: fast
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Program;
use SMTPTest::Server;
use SMTPTest::Wait qw(wait_until);

my $httxt2dbm = SMTPTest::Program::need('httxt2dbm');
my $sqlite = SMTPTest::Program::need('sqlite3');

my $server = SMTPTest::Server->new(
    modules => ['dbd'],
    files => { 'conf/recipients' => "bob\nalice\@example.com\n" },
    global => <<'END',
DBDriver sqlite3
DBDParams ${root}/conf/mail.db
END
    config => <<'END',
SMTPMaxErrors 0
<SMTPDomain dbm.example>
    SMTPRecipients dbm:conf/recipients.dbm
</SMTPDomain>
<SMTPDomain sql.example>
    SMTPRecipients "dbd:SELECT '' FROM recipients WHERE name = %s"
    SMTPAliases "dbd:SELECT targets FROM aliases WHERE name = %s"
</SMTPDomain>
END
    domain => 'SMTPRecipients txt:conf/recipients');

# Runs a program that must succeed.
sub run
{
    my (@command) = @_;
    my ($status, $said) = SMTPTest::Program::run('', @command);
    die "@command: $said" if $status;
    return;
}

sub sql { return run($sqlite, $server->root . '/conf/mail.db', @_) }

sub dbm
{
    my ($text) = @_;
    $server->write_file('conf/dbm.txt', $text);
    my $path = $server->root . '/conf';
    unlink "$path/recipients.dbm";
    return run($httxt2dbm, '-i', "$path/dbm.txt", '-o',
               "$path/recipients.dbm");
}

# httxt2dbm wants a value; the name itself is as good as none.
dbm("dora dora\nerna erna\n");
sql('CREATE TABLE recipients (name TEXT);'
    . "INSERT INTO recipients VALUES ('frida'), ('O''Hara'), ('o''hara');"
    . 'CREATE TABLE aliases (name TEXT, targets TEXT);'
    . "INSERT INTO aliases VALUES ('team', 'frida, gerda'),"
    . " ('wide', 'someone\@elsewhere.test');"
    . "INSERT INTO recipients VALUES ('gerda');");
$server->start;

# The code of RCPT, in a transaction of its own.
sub code
{
    my ($client, $recipient) = @_;
    my (undef, $reply) = $client->pipeline('MAIL FROM:<a@client.test>',
                                           "RCPT TO:<$recipient>", 'RSET');
    return $reply->code . ' ' . $reply->status;
}

my $client = $server->ehlo_client;

subtest 'a text file' => sub {
    is(code($client, 'bob@example.com'), '250 2.1.5', 'a name');
    is(code($client, 'BOB@example.com'), '250 2.1.5', 'in any case');
    is(code($client, 'alice@example.com'), '250 2.1.5', 'name@domain');
    is(code($client, 'carol@example.com'), '550 5.1.1', 'unknown');
    $server->write_file('conf/new', "carol\n");
    rename $server->root . '/conf/new', $server->root . '/conf/recipients';
    ok(wait_until(20, sub {
        return code($client, 'carol@example.com') eq '250 2.1.5'; }),
       'a change is seen while the server runs');
    is(code($client, 'bob@example.com'), '550 5.1.1', 'who is gone is gone');
};

subtest 'a text file that becomes wrong' => sub {
    # Known recipients must not bounce because somebody made a slip.
    $server->expect_log(qr/SM\d+: .*conf\/recipients/);
    $server->write_file('conf/new', "carol\n<>@@@ ,,\n");
    rename $server->root . '/conf/new', $server->root . '/conf/recipients';
    ok(wait_until(20, sub {
        code($client, 'carol@example.com');
        return $server->log_text =~ m{SM\d+: .*conf/recipients}; }),
       'the log says so');
    like(code($client, 'carol@example.com'), qr/\A(?:250|451) /,
         'never 550 for who is there');
    $server->write_file('conf/new', "carol\n");
    rename $server->root . '/conf/new', $server->root . '/conf/recipients';
    ok(wait_until(20, sub {
        return code($client, 'carol@example.com') eq '250 2.1.5'; }),
       'and mended it is read again');
};

subtest 'DBM' => sub {
    is(code($client, 'dora@dbm.example'), '250 2.1.5', 'known');
    is(code($client, 'gerda@dbm.example'), '550 5.1.1', 'unknown');
    dbm("gerda gerda\n");
    ok(wait_until(20, sub {
        return code($client, 'gerda@dbm.example') eq '250 2.1.5'; }),
       'a change is seen');
};

subtest 'SQL' => sub {
    is(code($client, 'frida@sql.example'), '250 2.1.5', 'known');
    is(code($client, 'dora@sql.example'), '550 5.1.1', 'unknown');
    is(code($client, 'team@sql.example'), '250 2.1.5', 'an alias');
    is(code($client, "o'hara\@sql.example"), '250 2.1.5', 'a quote is data');
    for my $name ("x'or'1'='1", '"\' OR 1=1 --"', '%', '"%s"') {
        like(code($client, "$name\@sql.example"), qr/\A550 5\.[17]\.1\z/,
             "$name is not SQL");
    }
    is(code($client, '"\'; DROP TABLE recipients; --"@sql.example'),
       '550 5.1.1', 'nothing is dropped');
    is(code($client, 'frida@sql.example'), '250 2.1.5', 'all is still there');
    is($client->send_message(to => 'team@sql.example',
                             message => "Subject: x\r\n\r\n")->code, '250',
       'a message for the alias');
    is(scalar $server->maildir("$_\@sql.example")->wait_messages(1), 1,
       "reaches $_") for 'frida', 'gerda';
};

subtest 'an alias in a map that leads elsewhere is no way to relay' => sub {
    $server->expect_log(qr/SM\d+: .*(?:wide|elsewhere)/);
    like(code($client, 'wide@sql.example'), qr/\A(?:4\d\d 4|5\d\d 5)/,
         'refused');
};

subtest 'a map that cannot be asked' => sub {
    $server->expect_log(qr/SM112\d: /, qr/dbd/);
    # Somebody else holds the database for himself.
    open my $shell, '|-', $sqlite, $server->root . '/conf/mail.db'
        or die "sqlite3: $!";
    $shell->autoflush;
    # Our own questions may hold it for a moment.
    print {$shell} ".timeout 20000\nBEGIN EXCLUSIVE;\n";
    ok(wait_until(20, sub {
        return code($client, 'frida@sql.example') eq '451 4.3.0'; }),
       'later, not never');
    is(code($client, 'nobody@sql.example'), '451 4.3.0', 'whoever it is');
    is(code($client, 'carol@example.com'), '250 2.1.5',
       'other domains go on');
    print {$shell} "ROLLBACK;\n";
    close $shell;
    ok(wait_until(20, sub {
        return code($client, 'frida@sql.example') eq '250 2.1.5'; }),
       'when it is back all is well');
};

$client->quit;
$server->finish;
done_testing;
