# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# An alias may lead to addresses of other domains: each gets the mail once, with
# the reverse-path that it came with (RFC 5321 3.9.1), its sender hears what he
# asked for (RFC 3461 5.2.7), and nobody else can send through us.
use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::NextHop;
use SMTPTest::Program;
use SMTPTest::Server;
use SMTPTest::Wait qw(wait_until);

my $httxt2dbm = SMTPTest::Program::need('httxt2dbm');
my $sqlite = SMTPTest::Program::need('sqlite3');
my $folder = tempdir(CLEANUP => 1);
my $hop = SMTPTest::NextHop->start_new(directory => "$folder/hop");

my $server = SMTPTest::Server->new(
    queue => 1, modules => ['dbd'],
    global => <<"END",
DBDriver sqlite3
DBDParams \${root}/conf/mail.db
END
    domain => <<"END",
    SMTPRecipients list:bob,carol
    SMTPRecipientDelimiter +
    SMTPAlias away Away\@far.test
    SMTPAlias team bob y\@far.test x\@far.test
    SMTPAlias all team away carol
    SMTPAlias lost no\@gone.test
    SMTPAlias half bob no\@gone.test
    SMTPAlias kept carol no\@kept.test
    SMTPAlias idn x\@b\xC3\xBCcher.test
    SMTPAlias utf8 \xC3\xBC\@far.test
    SMTPAliases txt:conf/aliases dbm:conf/aliases.dbm
    SMTPAliases "dbd:SELECT targets FROM aliases WHERE name = %s"
    SMTPPostmaster admin\@far.test
END
    config => <<"END",
    SMTPDisclose all
    SMTPRetry 1s
    SMTPMaxReceived 5
    SMTPRoute smtp:127.0.0.1:@{[$hop->port]}
    <SMTPDestination gone.test>
        SMTPRoute "error:5.1.2:There is no such domain"
    </SMTPDestination>
    <SMTPDestination kept.test>
        SMTPRoute local
    </SMTPDestination>
    <SMTPDomain rest.test>
        SMTPCatchAll rest\@far.test
    </SMTPDomain>
    <SMTPRelay>
        Require ip 127.0.0.2
    </SMTPRelay>
END
    files => { 'conf/aliases' => "text one\@far.test, two\@far.test\n",
               'conf/dbm.txt' => "hash three\@far.test\n" });
my $conf = $server->root . '/conf';
run($httxt2dbm, '-i', "$conf/dbm.txt", '-o', "$conf/aliases.dbm");
run($sqlite, "$conf/mail.db", 'CREATE TABLE aliases (name TEXT, targets TEXT);'
    . "INSERT INTO aliases VALUES ('sql', 'four\@far.test')");
chmod 0666, "$conf/mail.db";
$server->start;

# Runs a program that must succeed.
sub run
{
    my (@command) = @_;
    my ($status, $said) = SMTPTest::Program::run('', @command);
    die "@command: $said" if $status;
    return;
}

my $taken = 0;

# COUNT more messages of the next hop, by recipient.
sub taken
{
    my ($count) = @_;
    my @all = $hop->wait_messages($taken + $count);
    my @new = sort { "@{ $a->{to} }" cmp "@{ $b->{to} }" }
              @all[$taken .. $#all];
    $taken = @all;
    is(scalar @new, $count, "messages: $count");
    return @new;
}

# Sends to recipients with parameters ('bob@example.com> NOTIFY=NEVER' without
# the bracket that ends it); the last reply.
sub send_to
{
    my ($to, %arg) = @_;
    my $client = $server->client(from => $arg{from_address} // '127.0.0.1');
    $client->read_reply;
    $client->command('EHLO client.test');
    my $from = $arg{from} // 'sender@client.test';
    $client->command("MAIL FROM:<$from>" . ($arg{mail} // ''));
    for my $recipient (ref $to ? @{$to} : $to) {
        my ($address, $params) = split / /, $recipient, 2;
        my $reply = $client->command("RCPT TO:<$address>"
                                     . ($params ? " $params" : ''));
        return $reply if $reply->code ne '250';
    }
    $client->command('DATA');
    $client->send_octets($arg{message} // "Subject: x\r\n\r\nHello\r\n");
    $client->send_octets(".\r\n");
    my $reply = $client->read_reply;
    $client->quit;
    return $reply;
}

sub is_sent
{
    my (@arg) = @_;
    my $reply = send_to(@arg);
    return is($reply->code, '250', 'accepted') || diag("$reply");
}

sub is_refused
{
    my ($to, $status, $text) = @_;
    my $reply = send_to($to);
    is($reply->code . ' ' . $reply->status, $status, "$to is refused");
    like($reply->text, $text, 'by these words');
    return;
}

subtest 'one address elsewhere' => sub {
    is_sent('away@example.com');
    my ($mail) = taken(1);
    is($mail->{from}, 'sender@client.test', 'the reverse-path is kept');
    is_deeply($mail->{to}, ['Away@far.test ORCPT=rfc822;away@example.com'],
              'the alias is the original recipient');
    like($mail->{content}, qr/\AReceived:[^\n]*\n(?:[ \t][^\n]*\n)*Subject: x/,
         'and one field is on top');
    like($mail->{content}, qr/\bfor <away\@example\.com>/, 'that names it');
    unlike($mail->{content}, qr/^(?:Delivered-To|Return-Path):/m,
           'nothing of a delivery here');
};

# RFC 3461 5.2.7.1
subtest 'what the sender asked for goes with it' => sub {
    is_sent('away+x@example.com NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a@b.test',
            mail => ' RET=HDRS ENVID=QQ+2B1');
    my ($mail) = taken(1);
    is($mail->{parameters} =~ s/ ?SIZE=\d+ ?//r, 'RET=HDRS ENVID=QQ+2B1',
       'RET and ENVID');
    is_deeply($mail->{to}, ['Away@far.test NOTIFY=SUCCESS,DELAY '
                                . 'ORCPT=rfc822;a@b.test'],
              'NOTIFY and ORCPT');
};

subtest 'some here, some elsewhere' => sub {
    is_sent('all@example.com NOTIFY=SUCCESS,FAILURE', from => 'carol@example.com');
    my ($mail) = taken(1);
    my $orcpt = 'ORCPT=rfc822;all@example.com';
    is_deeply([sort @{ $mail->{to} }],
              ["Away\@far.test NOTIFY=FAILURE $orcpt",
               "x\@far.test NOTIFY=FAILURE $orcpt",
               "y\@far.test NOTIFY=FAILURE $orcpt"],
              'those elsewhere, in one transaction');
    is(scalar $server->maildir('bob@example.com')->wait_messages(1), 1,
       'bob has his copy');
    my @mails = $server->maildir('carol@example.com')->wait_messages(2);
    my ($report) = grep { /^Action:/m } @mails;
    like($report, qr/^Final-Recipient:[ ]rfc822;[ ]all\@example\.com\n
                     Action:[ ]expanded$/mx, 'who sent it knows (5.2.7.3)');
    unlike($report, qr/far\.test/, 'but not of whom');
};

subtest 'once, whoever names it' => sub {
    $server->maildir('bob@example.com')->clear;
    is_sent(['team@example.com NOTIFY=NEVER', 'x@FAR.test NOTIFY=SUCCESS',
             'all@example.com', 'Away@far.test', 'X@far.test'],
            from_address => '127.0.0.2');
    my ($mail) = taken(1);
    is_deeply([sort map { s/ .*//r } @{ $mail->{to} }],
              [qw(Away@far.test X@far.test x@far.test y@far.test)],
              'each address');
    my ($x) = grep { /\Ax\@/ } @{ $mail->{to} };
    like($x, qr/NOTIFY=SUCCESS,FAILURE,DELAY/, 'all that was asked for');
    is(scalar $server->maildir('bob@example.com')->wait_messages(1), 1,
       'bob, too, once');
};

subtest 'nothing is open' => sub {
    is_refused('x@far.test', '550 5.7.1', qr/Relaying denied/);
    is_refused('Away@far.test', '550 5.7.1', qr/Relaying denied/);
    is_refused('x%far.test@example.com', '550 5.7.1', qr/Routing/);
    is_refused('"x@far.test"@example.com', '550 5.7.1', qr/Routing/);
    is_refused('x@example.com', '550 5.1.1', qr/No such mailbox/);
};

subtest 'maps of all kinds' => sub {
    is_sent(['text@example.com', 'hash@example.com', 'sql@example.com']);
    my ($mail) = taken(1);
    is_deeply([sort map { s/\@far.test ORCPT=rfc822;/ /r } @{ $mail->{to} }],
              ['four sql@example.com', 'one text@example.com',
               'three hash@example.com', 'two text@example.com'], 'lead there');
};

# RFC 5321 4.5.1
subtest 'postmaster and catch-all' => sub {
    is_sent(['Postmaster', 'postmaster@example.com', 'anybody@rest.test']);
    my ($mail) = taken(1);
    is_deeply([sort map { s/ .*//r } @{ $mail->{to} }],
              ['admin@far.test', 'rest@far.test'], 'may be elsewhere');
};

subtest 'addresses in other scripts' => sub {
    is_sent('idn@example.com');
    my ($first) = taken(1);
    is_sent('utf8@example.com');
    my ($second) = taken(1);
    is_deeply([map { s/ .*//r } map { @{$_->{to}} } $first, $second],
              ['x@xn--bcher-kva.test', "\xC3\xBC\@far.test"],
              'each as the next hop knows it');
    unlike($first->{parameters}, qr/SMTPUTF8/, 'an A-label needs nothing');
    like($second->{parameters}, qr/SMTPUTF8/, 'RFC 6531 3.4');
};

# RFC 3461 5.2.7.2: where an alias leads is nobody's business.
subtest 'what the other server refuses' => sub {
    my $carol = $server->maildir('carol@example.com');
    $carol->clear;
    $hop->say('rcpt Away' => '550 5.1.1 Nobody here');
    is_sent(['away@example.com', 'team@example.com'], from => 'carol@example.com');
    taken(1);
    my ($report) = $carol->wait_messages(1);
    like($report, qr/^Final-Recipient: rfc822; ?away\@example\.com$/m,
         'comes back in the name of the alias');
    unlike($report, qr/Away\@far/, 'and of nobody else');
    is_sent('away@example.com', from => '');
    ok(wait_until(60, sub {
        return grep({ /550 5\.1\.1 Nobody/ } $hop->transcript) == 2
            && !glob $server->spool . '/queue/??/*' }), 'a lost DSN is gone');
    $hop->say('rcpt Away' => undef);
    is($carol->count, 1, 'and told to nobody');
};

subtest 'where no mail goes' => sub {
    is_refused('lost@example.com', '550 5.1.2', qr/There is no such domain/);
    my $carol = $server->maildir('carol@example.com');
    $carol->clear;
    is_sent('half@example.com', from => 'carol@example.com');
    my ($report) = $carol->wait_messages(1);
    like($report, qr/half\@example\.com\nAction: failed\nStatus: 5\.1\.2/,
         'of some members: their share comes back');
    $carol->clear;
    is_sent('kept@example.com', from => 'carol@example.com');
    $report = (grep { /^Action: failed$/m } $carol->wait_messages(2))[0];
    like($report, qr/Mail to this domain is not sent on/, 'what stays here');
};

# RFC 5321 6.3
subtest 'no loop' => sub {
    my $received = "Received: from a by b; Mon, 23 Nov 2026 17:04:11 +0000\r\n";
    is(send_to('away@example.com', message => $received x 6 . "\r\nx\r\n")->code,
       '554', 'too many hops');
    # What its user passes on again has been there before.
    is_sent('away@example.com', message => $received x 5
            . "Delivered-To: away\@far.test\r\n\r\nx\r\n");
    taken(1);
};

subtest 'VRFY and EXPN' => sub {
    my $client = $server->ehlo_client;
    like($client->command('EXPN team@example.com')->text,
         qr/<bob\@example\.com>\n.*<y\@far\.test>\n.*<x\@far\.test>\z/,
         'members');
    is($client->command('VRFY away@example.com')->code, '252',
       'only its server knows whether it exists');
    is($client->command('VRFY bob@example.com')->code, '250', 'as before');
    $client->quit;
};

subtest 'a DSN goes on with the null reverse-path' => sub {
    $hop->say('rcpt x' => '550 5.1.1 Nobody here');
    is_sent('x@far.test', from => 'away@example.com',
            from_address => '127.0.0.2');
    my ($mail) = taken(1);
    is($mail->{from}, '', 'to whom the alias leads');
    is_deeply([map { s/ ORCPT.*//r } @{ $mail->{to} }],
              ['Away@far.test NOTIFY=NEVER'], 'who is asked for no more');
};
$server->finish;

# ---- Round in circles -------------------------------------------------------

my $circle = SMTPTest::Server->start_new(
    queue => 1, ports => { one => 'smtp', two => 'smtp' },
    vhosts => <<"END");
SMTPRetry 1s
SMTPMaxReceived 5
<SMTPDestination one.test>
    SMTPRoute smtp:127.0.0.1:\${port_one}
</SMTPDestination>
<SMTPDestination two.test>
    SMTPRoute smtp:127.0.0.1:\${port_two}
</SMTPDestination>
<VirtualHost 127.0.0.1:\${port_one}>
    ServerName one.test
    SMTPEngine On
    <SMTPDomain one.test>
        SMTPRecipients list:bob
        SMTPAlias round round\@two.test
        SMTPAlias far carol\@two.test
    </SMTPDomain>
</VirtualHost>
<VirtualHost 127.0.0.1:\${port_two}>
    ServerName two.test
    SMTPEngine On
    <SMTPDomain two.test>
        SMTPRecipients list:carol
        SMTPAlias round round\@one.test
    </SMTPDomain>
</VirtualHost>
END

subtest 'a whole way' => sub {
    my $client = $circle->client(port => 'one');
    $client->read_reply;
    $client->command('EHLO client.test');
    my $message = "Subject: x\r\n\r\n.dots\r\n..\r\n\xC3\xBC\r\n";
    is($client->send_message(from => 'bob@one.test', to => 'far@one.test',
                             mail => 'BODY=8BITMIME',
                             message => $message)->code, '250', 'accepted');
    $client->quit;
    my ($mail) = $circle->maildir('carol@two.test')->wait_messages(1);
    like($mail, qr/\AReturn-Path:[ ]<bob\@one\.test>\n
                   Delivered-To:[ ]carol\@two\.test\n
                   Received:[ ]from[ ]one\.test\b.*^Received:.*
                   for[ ]<far\@one\.test>/msx, 'to a mailbox, by two servers');
    like($mail, qr/\nSubject: x\n\n\.dots\n\.\.\n\xC3\xBC\n\z/,
         'as it was sent');
};

subtest 'aliases of two servers that lead to each other' => sub {
    my $client = $circle->client(port => 'one');
    $client->read_reply;
    $client->command('EHLO client.test');
    is($client->send_message(from => 'bob@one.test', to => 'round@one.test',
                             message => "Subject: x\r\n\r\nx\r\n")->code,
       '250', 'accepted');
    $client->quit;
    my ($report) = $circle->maildir('bob@one.test')->wait_messages(1);
    like($report, qr/^Status: 5\.4\.6$/m, 'it ends, and the sender is told');
    is($circle->maildir('bob@one.test')->count, 1, 'once');
};
$circle->finish;

# ---- VERP -------------------------------------------------------------------

my $verp = SMTPTest::Server->start_new(
    queue => 1, domain => "SMTPRecipients list:bob\nSMTPAlias away a\@far.test",
    config => "SMTPVERP +=\nSMTPRoute smtp:127.0.0.1:" . $hop->port . "\n"
        . "<SMTPRelay>\nRequire ip 127.0.0.1\n</SMTPRelay>");

subtest 'SMTPVERP is for mailings' => sub {
    my $client = $verp->ehlo_client;
    is($client->send_message(from => 'news@example.com',
                             to => ['away@example.com', 'b@far.test',
                                    'a@far.test'],
                             message => "Subject: x\r\n\r\nx\r\n")->code,
       '250', 'accepted');
    $client->quit;
    is_deeply([map { $_->{from} } taken(2)],
              ['news@example.com', 'news+b=far.test@example.com'],
              'an alias changes no reverse-path');
};
$verp->finish;
is($hop->count, $taken, 'and nobody got it twice in two transactions');

# ---- Nobody sends on ---------------------------------------------------------

my $off = SMTPTest::Server->start_new(
    queue => 1, global => 'SMTPQueue Off',
    domain => "SMTPRecipients list:bob\nSMTPAlias away bob a\@far.test",
    expected => [qr/SM1014: alias <away\@example.com> leads to <a\@far.test>, and nobody /]);

subtest 'while the queue is off' => sub {
    my $client = $off->ehlo_client;
    $client->command('MAIL FROM:<>');
    is($client->command('RCPT TO:<away@example.com>')->code, '451',
       'later');
    is($client->command('RCPT TO:<bob@example.com>')->code, '250',
       'bob has his mail');
    $client->quit;
};
$off->finish;
is(scalar(() = grep { /SM1014/ } $off->log), 1, 'the log says what helps');

# httpd -t finds it (config.t), but in what a map cannot list.
my $alone = SMTPTest::Server->new(
    modules => ['dbd'],
    global => "DBDriver sqlite3\nDBDParams \${root}/conf/mail.db",
    domain => q{SMTPAliases "dbd:SELECT targets FROM aliases WHERE name = %s"},
    expected => [qr/SM1131: .*"sql\@example.com" leads to "four\@far.test".* add LoadModule /]);
$alone->write_file('conf/mail.db', '');
run($sqlite, $alone->root . '/conf/mail.db',
    'CREATE TABLE aliases (name TEXT, targets TEXT);'
    . "INSERT INTO aliases VALUES ('sql', 'four\@far.test')");
$alone->start;

subtest 'without mod_smtp_queue' => sub {
    my $client = $alone->ehlo_client;
    $client->command('MAIL FROM:<>');
    my $reply = $client->command('RCPT TO:<sql@example.com>');
    is($reply->code . ' ' . $reply->status, '451 4.3.5', 'later');
    $client->quit;
};
$alone->finish;
is(scalar(() = grep { /SM1131/ } $alone->log), 1, 'the log says what helps');
done_testing;
