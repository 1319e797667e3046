# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# SMTPSenderLogin: a login sends as itself and as whom the maps name, and as
# nobody else, in the envelope and in From (RFC 6409 6.1). A map that cannot be
# asked lets nobody send, for now.
use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/../lib";
use MIME::Base64 qw(encode_base64);
use Test::More;

use SMTPTest::Program;
use SMTPTest::Server;

my $httxt2dbm = SMTPTest::Program::need('httxt2dbm');

my %USERS = map { $_ => 'secret' }
    qw(bob Bob alice@example.com news carol ghost slip eve@other.test
       admin john.doe), 'john doe', 'bob@EXAMPLE.org';

# SMTPSenderLogin of each port.
my %SENDER = (
    own => '', any => 'SMTPSenderLogin any',
    map => 'SMTPSenderLogin txt:conf/senders',
    both => 'SMTPSenderLogin own txt:conf/senders dbm:conf/senders.dbm',
    dbm => 'SMTPSenderLogin dbm:conf/senders.dbm',
    mx => "SMTPService mx\nSMTPSenderLogin own",
    mxany => 'SMTPService mx',
);

sub vhost
{
    my ($name) = @_;
    return <<"END";
<VirtualHost 127.0.0.1:\${port_$name}>
    ServerName mail.example.com
    SMTPEngine On
    SMTPService submission
    $SENDER{$name}
    SMTPTLS off
    SMTPMaxErrors 0
    Include conf/auth.conf
    SMTPAuthWithoutTLS On
    <SMTPRelay>
        Require valid-user
        Require ip 127.0.0.2
    </SMTPRelay>
    <SMTPDomain example.com>
        SMTPRecipients any
        SMTPRecipientDelimiter +
    </SMTPDomain>
    <SMTPDomain example.org xn--bcher-kva.example>
        SMTPRecipients any
    </SMTPDomain>
</VirtualHost>
END
}

my $server = SMTPTest::Server->new(
    auth => \%USERS,
    ports => { map { $_ => 'smtp' } keys %SENDER },
    vhosts => join('', map { vhost($_) } sort keys %SENDER),
    files => { 'conf/senders' => <<'END' },
# login     addresses
bob         bob@example.com, info@example.com,"b o b"@example.org
news        @news.example.org @BÜCHER.example
admin       *
carol       carol sales@EXAMPLE.net
slip        @ nonsense@@x, slip@example.com
"john doe"  jd@example.com
END
    expected => [qr/SM1166: .*conf\/senders.*is neither an address, nor \@domain/,
                 qr/SM1165: SMTPSenderLogin dbm:conf\/senders\.dbm \(\S+:\d+\)/],
);
utf8::encode($server->{files}{'conf/senders'});
$server->write_config;
sub dbm
{
    my ($text) = @_;
    my $path = $server->root . '/conf';
    $server->write_file('conf/dbm.txt', $text);
    SMTPTest::Program::run('', $httxt2dbm, '-i', "$path/dbm.txt", '-o',
                           "$path/senders.dbm");
    chmod 0644, glob "$path/senders.dbm*";
    return;
}
dbm("ghost ghost\@example.com,boo\@example.com\n");
$server->start;

sub client
{
    my ($port, $login) = @_;
    my $client = $server->client(
        port => $port, defined $login ? () : (from => '127.0.0.2'));
    $client->read_reply;
    $client->command('EHLO client.test');
    return $client if !defined $login;
    my $reply = $client->command(
        'AUTH PLAIN ' . encode_base64("\0$login\0secret", ''));
    $reply->code eq '235' or die "$login: ", $reply->text;
    return $client;
}

# What MAIL is told.
sub mail
{
    my ($client, $from) = @_;
    utf8::encode($from);
    my $reply = $client->command("MAIL FROM:<$from>"
                                 . ($from =~ /[^\x00-\x7F]/ ? ' SMTPUTF8' : ''));
    $client->command('RSET');
    return $reply->code . ' ' . $reply->status;
}

sub check_login
{
    my ($port, $login, $owned, $foreign) = @_;
    my $client = client($port, $login);
    is(mail($client, $_), '250 2.1.0', "$port: $login sends as <$_>")
        for '', @{$owned};
    is(mail($client, $_), '553 5.7.1', "$port: $login not as <$_>")
        for @{$foreign};
    $client->quit;
    return;
}

subtest 'own: the login and nobody else' => sub {
    check_login(own => 'bob',
        ['bob@example.com', 'BOB@EXAMPLE.COM', '"bob"@example.com', 'bob',
         'bob+news@example.com', 'bob+@example.com', 'bob+a+b@example.com'],
        ['alice@example.com', 'bob@example.org', 'bob@sub.example.com',
         'bobby@example.com', 'bo@example.com', 'bob-news@example.com',
         'xbob@example.com',
         'bob@mail.example.com', 'bob@[127.0.0.1]', '"bob+x "@example.org',
         '"bob@example.com"@example.org', '"bob "@example.com', '+bob',
         '""@example.com', 'postmaster@example.com', 'bób@example.com',
         'bob+news@example.org', 'news+bob@example.com']);
    check_login(own => 'alice@example.com',
        ['alice@example.com', 'Alice+x@Example.Com', 'alice'],
        ['alice@example.org', 'bob@example.com']);
    check_login(own => 'eve@other.test', ['eve@other.test', 'EVE@OTHER.TEST'],
        ['eve@example.com', 'eve+x@other.test']);
    check_login(own => 'Bob', ['bob@example.com'], ['alice@example.com']);
    check_login(own => 'john doe', ['"john doe"@example.com'],
                ['john@example.com', '"johndoe"@example.com']);
    check_login(own => 'bob@EXAMPLE.org', ['bob@example.org'],
                ['bob@example.com', 'bob+x@example.org']);
};

subtest 'any' => sub {
    check_login(any => 'bob', ['alice@example.com', 'x@elsewhere.test'], []);
};

subtest 'a map of logins' => sub {
    check_login(map => 'bob',
        ['bob@example.com', 'info@example.com', 'INFO@Example.com',
         '"b o b"@example.org'],
        ['bob+x@example.com', 'sales@example.net', 'b@example.org']);
    check_login(map => 'news',
        ['a@news.example.org', 'b@NEWS.example.org', 'c@bücher.example',
         'c@xn--bcher-kva.example', '"a@b"@news.example.org'],
        ['news@example.com', 'a@example.org', 'a@sub.news.example.org',
         '"@news.example.org"@example.com']);
    check_login(map => 'admin', ['x@elsewhere.test', 'bob@example.com'], []);
    check_login(map => 'carol', ['carol@example.com', 'sales@example.net'],
                ['carol@example.net', 'sales@example.com']);
    check_login(map => 'john doe', ['jd@example.com'], ['john@example.com']);
    # Of a login case counts, and who is not named has nothing.
    check_login(map => 'Bob', [], ['bob@example.com', 'info@example.com']);
    check_login(map => 'ghost', [], ['ghost@example.com']);
    check_login(map => 'slip', ['slip@example.com'],
                ['x@x', 'a@elsewhere.test']);
};

subtest 'several add up' => sub {
    check_login(both => 'bob', ['bob+x@example.com', 'info@example.com'],
                ['boo@example.com']);
    check_login(both => 'ghost', ['ghost@example.com', 'boo@example.com'],
                ['info@example.com']);
    check_login(both => 'alice@example.com', ['alice@example.com'],
                ['info@example.com']);
};

subtest 'what the client is told' => sub {
    my $client = client(own => 'bob');
    is($client->command('MAIL FROM:<eve@example.org>')->text,
       '5.7.1 Sender address rejected: not owned by bob', 'whose it is not');
    is($client->command('RCPT TO:<bob@example.com>')->code, '503',
       'no transaction began');
    is(mail($client, 'bob@example.com'), '250 2.1.0', 'the session goes on');
    $client->quit;
};

subtest 'From is asked by the same rules' => sub {
    my %ROWS = (
        map => [bob => ['info@example.com', 'x@example.org, info@example.com'],
                ['bob+x@example.com', 'alice@example.com']],
        own => [bob => ['bob+x@example.com'], ['info@example.com']],
        any => [bob => ['x@elsewhere.test'], []],
    );
    for my $port (sort keys %ROWS) {
        my ($login, $owned, $foreign) = @{ $ROWS{$port} };
        my $client = client($port, $login);
        for my $row ((map { [$_, '250'] } @{$owned}),
                     (map { [$_, '550'] } @{$foreign})) {
            my ($from, $code) = @{$row};
            is($client->send_message(from => '', to => 'box@example.com',
                                     message => "From: $from\r\n\r\n")->code,
               $code, "$port: From: $from");
        }
        $client->quit;
    }
};

subtest 'who did not log in is not asked' => sub {
    my $client = client('own');
    is(mail($client, 'x@elsewhere.test'), '250 2.1.0', 'a trusted network');
    $client->quit;
    $client = client('mx');
    is(mail($client, 'bob@example.com'), '250 2.1.0', 'an MX');
    $client->quit;
};

subtest 'on an MX it is for logins, and off by default' => sub {
    check_login(mx => 'bob', ['bob@example.com'], ['alice@example.com']);
    check_login(mxany => 'bob', ['alice@example.com'], []);
};

subtest 'a map that cannot be asked' => sub {
    unlink glob $server->root . '/conf/senders.dbm*';
    my $client = client(dbm => 'ghost');
    is(mail($client, 'ghost@example.com'), '451 4.3.0', 'is no refusal');
    is(mail($client, ''), '250 2.1.0', 'and not asked of <>');
    is($client->send_message(from => '', to => 'box@example.com', message =>
                             "From: ghost\@example.com\r\n\r\n")->code, '451',
       'but of From');
    $client->quit;
    dbm("ghost ghost\@example.com\n");
    $client = client(dbm => 'ghost');
    is(mail($client, 'ghost@example.com'), '250 2.1.0', 'mended');
    $client->quit;
};

subtest 'what is wrong is told at start' => sub {
    my $wrong = SMTPTest::Server->new;
    for my $row (['SMTPSenderLogin', qr/requires at least one argument/],
                 ['SMTPSenderLogin all', qr/"all": is no map.*or write own, or any/],
                 ['SMTPSenderLogin list:bob', qr/names without values/],
                 ['SMTPSenderLogin txt:conf/nowhere', qr/nowhere/],
                 ['SMTPOriginDomain example', qr/a domain with a dot/],
                 ['SMTPOriginDomain [127.0.0.1]', qr/a domain with a dot/],
                 ['SMTPOriginDomain exa_mple..com', qr/a domain with a dot/],
                 ['SMTPTraceClient maybe', qr/one of On, Off/]) {
        my ($line, $words) = @{$row};
        $wrong->write_config(config => $line);
        my ($status, $said) = $wrong->configtest;
        isnt($status, 0, $line);
        like($said, $words, 'with the remedy');
    }
    $wrong->{finished} = 1;
};
$server->finish;
done_testing;
