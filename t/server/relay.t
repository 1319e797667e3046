# Licensed under the Apache License, Version 2.0; see LICENSE.
# speed: fast
#
# No stranger sends mail through us to others (RFC 5321 3.6.2, 7.8): each way
# around it that other servers fell for, from each reverse-path that they
# believed, whoever lives here. Nothing of it is accepted, and nothing of it
# is found in a mailbox.
use strict;
use warnings;

use File::Find;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Server;

# Who lives at example.com, on a port each.
my %DOMAIN = (
    list => 'SMTPRecipients list:bob',
    any => 'SMTPRecipients any',
    catchall => "SMTPRecipients list:bob\nSMTPCatchAll bob",
    delimiter => "SMTPRecipients list:bob\nSMTPRecipientDelimiter +",
);

# ServerName is an IP-based host's own name, not a local domain.
sub vhost
{
    my ($name) = @_;
    return <<"END";
<VirtualHost 127.0.0.1:\${port_$name}>
    ServerName mx.example.com
    SMTPEngine On
    SMTPMaxErrors 0
    <SMTPDomain example.com>
$DOMAIN{$name}
    </SMTPDomain>
</VirtualHost>
END
}

my $server = SMTPTest::Server->start_new(
    ports => { map { $_ => 'smtp' } keys %DOMAIN },
    vhosts => join('', map { vhost($_) } sort keys %DOMAIN),
);

# Replies: a domain that is not ours; a local-part that routes on; neither a
# path nor anything else.
my ($RELAY, $ROUTING, $SYNTAX) = ('550 5.7.1', '550 5.7.1', '501 5.1.3');

# What the client writes behind RCPT TO:, and what it is told on every host.
my @REFUSED = (
    # Foreign domains, plainly (RFC 5321 3.6.2).
    ['<user@elsewhere.test>', $RELAY],
    ['<USER@ELSEWHERE.TEST>', $RELAY],
    ['<user@localhost>', $RELAY],
    ['<user@com>', $RELAY],
    ['<bob@sub.example.com>', $RELAY],
    ['<bob@notexample.com>', $RELAY],
    ['<bob@example.com.elsewhere.test>', $RELAY],
    ['<bob@example.comm>', $RELAY],
    ['<bob@xn--exmple-cua.com>', $RELAY],
    ['<bob@mx.example.com>', $RELAY],
    ['<bob@1.0.0.127.in-addr.arpa>', $RELAY],
    # Per cent (RFC 1123 5.2.16).
    ['<user%elsewhere.test@example.com>', $ROUTING],
    ['<user%elsewhere.test@EXAMPLE.COM>', $ROUTING],
    ['<USER%ELSEWHERE.TEST@example.com>', $ROUTING],
    ['<bob%elsewhere.test@example.com>', $ROUTING],
    ['<user%elsewhere.test%example.com@example.com>', $ROUTING],
    ['<user%example.com@elsewhere.test>', $RELAY],
    ['<user%elsewhere.test@[127.0.0.1]>', $RELAY],
    ['<user%elsewhere.test@[192.0.2.25]>', $RELAY],
    ['<user%elsewhere.test@mx.example.com>', $RELAY],
    ['<user%[192.0.2.25]@example.com>', $SYNTAX],
    ['<"user%elsewhere.test"@example.com>', $ROUTING],
    ['<"user%elsewhere.test">', $SYNTAX],
    ['<bob%@example.com>', $ROUTING],
    ['<%elsewhere.test@example.com>', $ROUTING],
    ['<postmaster%elsewhere.test@example.com>', $ROUTING],
    ['<bob+x%elsewhere.test@example.com>', $ROUTING],
    ['<user%elsewhere.test>', $SYNTAX],
    # Bang paths, as UUCP had them.
    ['<elsewhere.test!user@example.com>', $ROUTING],
    ['<elsewhere!user@example.com>', $ROUTING],
    ['<example.com!elsewhere.test!user@example.com>', $ROUTING],
    ['<elsewhere.test!user%example.com@example.com>', $ROUTING],
    ['<elsewhere.test!bob@[127.0.0.1]>', $RELAY],
    ['<"elsewhere.test!user"@example.com>', $ROUTING],
    ['<elsewhere.test!user>', $SYNTAX],
    ['<!user@example.com>', $ROUTING],
    ['<bob!@example.com>', $ROUTING],
    # Source routes: checked and dropped, so the last domain counts
    # (RFC 5321 3.6.1, 4.1.2, appendix C).
    ['<@example.com:user@elsewhere.test>', $RELAY],
    ['<@EXAMPLE.COM:user@elsewhere.test>', $RELAY],
    ['<@example.com,@mx.example.com:user@elsewhere.test>', $RELAY],
    ['<@elsewhere.test:user@third.test>', $RELAY],
    ['<@[127.0.0.1]:user@elsewhere.test>', qr/\A(?:550 5\.7\.1|501 5\.1\.3)/],
    ['<@example.com:user%elsewhere.test@example.com>', $ROUTING],
    ['<@example.com:elsewhere.test!user@example.com>', $ROUTING],
    ['<@example.com:"user@elsewhere.test"@example.com>', $ROUTING],
    ['<@example.com:@elsewhere.test:user@third.test>', $SYNTAX],
    ['<@example.com>', $SYNTAX],
    # Quoted.
    ['<"user@elsewhere.test"@example.com>', $ROUTING],
    ['<"bob@example.com"@example.com>', $ROUTING],
    ['<"user\@elsewhere.test"@example.com>', $ROUTING],
    ['<"user@elsewhere.test">', $SYNTAX],
    ['<"user"@elsewhere.test>', $RELAY],
    ['<"bob@example.com"@elsewhere.test>', $RELAY],
    ['<"bob"example.com@elsewhere.test>', $SYNTAX],
    ['<"<user@elsewhere.test>"@example.com>', $ROUTING],
    ['<"\"user@elsewhere.test\""@example.com>', $ROUTING],
    ['"user@elsewhere.test"', $SYNTAX],
    # Two of everything.
    ['<user@elsewhere.test@example.com>', $SYNTAX],
    ['<user@example.com@elsewhere.test>', $SYNTAX],
    ['<bob@example.com,user@elsewhere.test>', $SYNTAX],
    ['<bob@example.com>,<user@elsewhere.test>', qr/\A50[01] |\A555 /],
    ['<bob@example.com> <user@elsewhere.test>', qr/\A50[01] |\A555 /],
    ['<<user@elsewhere.test>>', $SYNTAX],
    ['<bob@example.com><user@elsewhere.test>', qr/\A50[01] |\A555 /],
    # Address literals: ours is only postmaster's, others' are theirs
    # (RFC 5321 4.1.3).
    ['<user@[127.0.0.1]>', $RELAY],
    ['<bob@[127.0.0.1]>', $RELAY],
    ['<user@[192.0.2.25]>', $RELAY],
    ['<user@[IPv6:::1]>', $RELAY],
    ['<user@[IPv6:::ffff:127.0.0.1]>', $RELAY],
    ['<user@[IPv6:2001:db8::25]>', $RELAY],
    ['<user@[ipv6:2001:db8::25]>', $RELAY],
    ['<postmaster@[192.0.2.25]>', $RELAY],
    ['<user@127.0.0.1>', $RELAY],
    ['<user@[127.0.0.1>', $SYNTAX],
    ['<user@[[127.0.0.1]]>', $SYNTAX],
    ['<user@2130706433>', $RELAY],
    ['<user@[2130706433]>', $SYNTAX],
    ['<user@0x7f.1>', $RELAY],
    ['<user@[::1]>', $SYNTAX],
    # No path at all, or one with something in it or behind it.
    ['user@elsewhere.test', $SYNTAX],
    ['<user>', $SYNTAX],
    ['<user@>', $SYNTAX],
    ['<@elsewhere.test>', $SYNTAX],
    ['<>', $SYNTAX],
    ['<user@elsewhere.test.>', $SYNTAX],
    ['<user@example.com.>', $SYNTAX],
    ['<user@.elsewhere.test>', $SYNTAX],
    ['<user@example..com>', $SYNTAX],
    ['<user@example.com:25>', $SYNTAX],
    ['<user@elsewhere.test:25>', $SYNTAX],
    ['<user @elsewhere.test>', $SYNTAX],
    ["<user\t\@elsewhere.test>", $SYNTAX],
    ['< user@elsewhere.test >', $SYNTAX],
    ['<user@elsewhere.test (example.com)>', $SYNTAX],
    ['<user(example.com)@elsewhere.test>', $SYNTAX],
    ['<user@elsewhere.test(@example.com)>', $SYNTAX],
    ['<user/elsewhere.test@elsewhere.test>', $RELAY],
    ['<smtp:user@elsewhere.test>', $SYNTAX],
    ['<mailto:user@elsewhere.test>', $SYNTAX],
    ['<user#example.com@elsewhere.test>', $RELAY],
    ["<user\@b\xC3\xBCcher.test>", '553 5.6.7'],
    ["<user\@b\xC3\xBCcher.test> SMTPUTF8", qr/\A55[35] /],
    ['<user@xn--bcher-kva.test>', $RELAY],
    ['<user@elsewhere.test> NOTIFY=NEVER', $RELAY],
    ['<user@elsewhere.test> ORCPT=rfc822;bob@example.com', $RELAY],
    ['<user@elsewhere.test> FORWARD=bob@example.com', '555 5.5.4'],
);

# Reverse-paths that were believed: nobody's, ours, and a bounce's.
my @REVERSE_PATHS = (
    'spammer@client.test', '', 'bob@example.com', 'postmaster@example.com',
    'bob@[127.0.0.1]', 'bob@mx.example.com', 'root@localhost',
);

# And EHLO arguments.
my @NAMES = ('client.test', 'example.com', 'mx.example.com', '[127.0.0.1]',
             'localhost');

sub is_expected
{
    my ($reply, $expected, $text) = @_;
    my $got = join ' ', $reply->code, $reply->status // '';
    return ref $expected ? like($got, $expected, $text)
                         : is($got, $expected, $text);
}

sub refuses_all
{
    my ($client, $from) = @_;
    is($client->command("MAIL FROM:<$from>")->code, '250', "<$from> begins");
    my @replies = $client->pipeline(map { "RCPT TO:$_->[0]" } @REFUSED);
    for my $i (0 .. $#REFUSED) {
        is_expected($replies[$i], $REFUSED[$i][1], $REFUSED[$i][0]);
    }
    # Nobody is left to send to.
    like($client->command('DATA')->code, qr{\A(?:503|554)\z}, 'no DATA');
    $client->command('RSET');
    return;
}

cmp_ok(scalar @REFUSED, '>=', 60, 'enough ways around it');

for my $name (sort keys %DOMAIN) {
    subtest "$name: $DOMAIN{$name}" => sub {
        my $client = $server->ehlo_client(port => $name);
        refuses_all($client, $_) for @REVERSE_PATHS;
        $client->quit;
    };
}

subtest 'whatever name EHLO gives' => sub {
    for my $ehlo (@NAMES) {
        my $client = $server->client(port => 'any');
        $client->read_reply;
        is($client->command("EHLO $ehlo")->code, '250', "EHLO $ehlo");
        refuses_all($client, 'bob@example.com');
        $client->quit;
    }
};

# UTF-8 that is allowed changes nothing (RFC 6531), nor do the parameters that
# claim who the client is (RFC 4954 5).
subtest 'whatever MAIL claims' => sub {
    my $client = $server->ehlo_client(port => 'any');
    for my $parameters ('SMTPUTF8', 'AUTH=bob@example.com', 'AUTH=<>') {
        my $mail = $client->command("MAIL FROM:<bob\@example.com> $parameters");
        next if $mail->code eq '555';    # AUTH is not offered
        is_expected($client->command("RCPT TO:<$_>"), qr/\A5(?:50 5\.7\.1|01 5\.1\.3)\z/,
                    "$_ with $parameters")
            for "user\@elsewhere.test",
                ($parameters eq 'SMTPUTF8'
                 ? ("user\@b\xC3\xBCcher.test",
                    "user%b\xC3\xBCcher.test\@example.com",
                    "user\@elsewhere\xE3\x80\x82test") : ());
        $client->command('RSET');
    }
    $client->quit;
};

# One good recipient opens no door for the bad ones beside it.
subtest 'only the local one gets the mail' => sub {
    for my $name (sort keys %DOMAIN) {
        my $client = $server->ehlo_client(port => $name);
        $client->command('MAIL FROM:<>');
        $client->command("RCPT TO:$_->[0]") for @REFUSED;
        is($client->command('RCPT TO:<bob@example.com>')->code, '250',
           "$name: bob is taken");
        $client->command("RCPT TO:$_->[0]") for @REFUSED[0, 11, 28, 37];
        is($client->command('DATA')->code, '354', 'DATA');
        $client->send_octets("Subject: relay\r\n\r\nx\r\n.\r\n");
        is($client->read_reply->code, '250', 'bob gets it');
        $client->quit;
    }
    is(scalar $server->maildir('bob@example.com')
           ->wait_messages(scalar keys %DOMAIN), scalar keys %DOMAIN,
       'a copy of each');
};


$server->stop;
my %mailbox;
find(sub {
    $mailbox{$1}++ if $File::Find::name =~ m{/mail/(.*)/(?:cur|new|tmp)\z};
}, $server->spool);
is(join(' ', sort keys %mailbox), 'example.com/bob',
   'no mailbox but his came into being');
$server->finish;
done_testing;
