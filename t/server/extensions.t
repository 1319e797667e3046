# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# SMTPExtensions -KEYWORD: what is switched off is not announced, and a client
# that uses it all the same is told so (RFC 5321 2.2.2, 4.1.1.11).
#
# speed: fast
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Server;

# Keyword, then commands that need it with the codes they get without it;
# each pair in a transaction of its own.
my @OFF = (
    [PIPELINING => []],
    [SIZE => ['MAIL FROM:<a@client.test> SIZE=10', qr/555/]],
    ['8BITMIME' => ['MAIL FROM:<a@client.test> BODY=8BITMIME', qr/555|501/]],
    [SMTPUTF8 => ['MAIL FROM:<a@client.test> SMTPUTF8', qr/555/],
                 ["MAIL FROM:<\xc3\xbc\@client.test>", qr/550|553|501/]],
    [CHUNKING => ['BDAT 0 LAST', qr/500|502/],
                 ['MAIL FROM:<a@client.test> BODY=BINARYMIME', qr/555|501/]],
    [BINARYMIME =>
        ['MAIL FROM:<a@client.test> BODY=BINARYMIME', qr/555|501/]],
    [ENHANCEDSTATUSCODES => []],
    [DSN => ['MAIL FROM:<a@client.test> RET=FULL', qr/555/],
            ['MAIL FROM:<a@client.test> ENVID=x', qr/555/]],
    [LIMITS => []],
    [HELP => ['HELP', qr/502|214/]],
);

my $vhosts = join '', map { <<"END" } map { $_->[0] } @OFF;
<VirtualHost 127.0.0.1:\${port_$_}>
    ServerName mx.example.com
    SMTPEngine On
    SMTPExtensions -$_
    <SMTPDomain example.com>
        SMTPRecipients any
    </SMTPDomain>
</VirtualHost>
END
my $server = SMTPTest::Server->start_new(
    ports => { map { $_->[0] => 'smtp' } @OFF }, vhosts => $vhosts);

# RFC 3030 3, RFC 6531 3.1: these rest on others.
my %GOES_TOO = (CHUNKING => ['BINARYMIME'], '8BITMIME' => ['SMTPUTF8']);

sub try_off
{
    my ($keyword, @commands) = @_;
    my $client = $server->client(port => $keyword);
    $client->read_reply;
    my %offered = $client->command('EHLO client.test')->keywords;
    my %off = map { $_ => 1 } $keyword, @{ $GOES_TOO{$keyword} // [] };
    for my $other (map { $_->[0] } @OFF) {
        is(exists $offered{$other} ? 1 : 0, $off{$other} ? 0 : 1,
           $off{$other} ? "$other is off" : "$other is on");
    }
    for my $row (@commands) {
        my ($command, $code) = @{$row};
        my $reply = $client->command($command);
        like($reply->code, $code, $command) || diag($reply);
        $client->command('RSET');
    }
    is($client->send_message(to => "$keyword\@example.com",
                             message => "Subject: x\r\n\r\n")->code, '250',
       'mail comes through') if $keyword ne 'PIPELINING';
    $client->quit;
    return;
}

for my $row (@OFF) {
    subtest "-$row->[0]" => sub { try_off(grep { !ref || @{$_} } @{$row}) };
}

subtest 'without DSN no parameter of RCPT is known' => sub {
    my $client = $server->ehlo_client(port => 'DSN');
    $client->command('MAIL FROM:<a@client.test>');
    is($client->command("RCPT TO:<b\@example.com> $_")->code, '555', $_)
        for 'NOTIFY=NEVER', 'ORCPT=rfc822;b@example.com';
    $client->quit;
};

subtest 'without ENHANCEDSTATUSCODES no reply has one' => sub {
    # RFC 2034 4.
    my $client = $server->ehlo_client(port => 'ENHANCEDSTATUSCODES');
    for my $command ('NOOP', 'XYZZY', 'RCPT TO:<b@example.com>',
                     'MAIL FROM:<a@client.test>', 'RCPT TO:<b@elsewhere.test>',
                     'VRFY b', 'HELP', 'QUIT') {
        my $reply = $client->command($command);
        is($reply->status, '', "$command: $reply");
    }
};

$server->finish;
done_testing;
