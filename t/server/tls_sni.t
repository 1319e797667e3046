# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# Several names on one address: the name that the client asks for (SNI, RFC
# 6066 3) chooses certificate and virtual host, its domains, limits and rules.
# By STARTTLS and from the first octet.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Certificate;
use SMTPTest::Server;

my @NAMES = qw(one.example two.example);
my $ca = SMTPTest::Certificate->authority;
my %certificate = map { $_ => $ca->server(name => "mx.$_",
                                          alt => ["mx.$_", "mail.$_"]) }
    @NAMES, 'closed.example';

# A virtual host of each kind of port for each name.
sub vhost
{
    my ($name, $more) = @_;
    my $lines = $certificate{$name}->directives;
    return <<"END";
<VirtualHost 127.0.0.1:\${port_smtp} 127.0.0.1:\${port_smtps}>
    ServerName mx.$name
    ServerAlias mail.$name
    SMTPEngine On
    SSLEngine On
    $lines
    <SMTPDomain $name>
        SMTPRecipients list:bob
    </SMTPDomain>
    $more
</VirtualHost>
END
}

my $server = SMTPTest::Server->start_new(
    modules => [qw(socache_shmcb ssl)],
    ports => { smtp => 'smtp', smtps => 'smtps' },
    global => 'SSLSessionCache shmcb:${root}/run/ssl',
    # authz_core's own words for whom <SMTPConnect> denies.
    expected => [qr/AH01630: client denied by server configuration/],
    vhosts => join '', vhost('one.example', 'SMTPMaxMessageSize 10000'),
    vhost('two.example', 'SMTPMaxMessageSize 20000'),
    vhost('closed.example', "<SMTPConnect>\nRequire all denied\n"
          . '</SMTPConnect>'));

# Clients under TLS, the EHLO not said yet.
my %WAYS = (
    starttls => sub {
        my $client = $server->ehlo_client;
        $client->starttls(@_);
        return $client;
    },
    smtps => sub {
        my $client = $server->client(port => 'smtps', tls => { @_ });
        $client->read_reply;
        return $client;
    },
);

# What a session of that virtual host can be told by.
sub check_host
{
    my ($client, $name, $size) = @_;
    is($client->peer_certificate->{name}, "mx.$name", 'its certificate');
    my $ehlo = $client->command('EHLO client.test');
    like($ehlo, qr/\A250-mx\.\Q$name\E/, 'its name at EHLO');
    my %keywords = $ehlo->keywords;
    is($keywords{SIZE}, $size, 'its limits');
    is($client->command('MAIL FROM:<alice@client.test>')->code, '250', 'MAIL');
    for my $domain (@NAMES) {
        is($client->command("RCPT TO:<bob\@$domain>")->code,
           $domain eq $name ? '250' : '550', "RCPT at $domain");
    }
    $client->quit;
    return;
}

my @CASES = (
    ['mx.one.example', 'one.example', 10_000],
    ['mx.two.example', 'two.example', 20_000],
    ['mail.two.example', 'two.example', 20_000],
    ['MX.TWO.EXAMPLE', 'two.example', 20_000],
    ['unknown.example', 'one.example', 10_000],
    [undef, 'one.example', 10_000],
);
for my $way (sort keys %WAYS) {
    for my $case (@CASES) {
        my ($sni, $name, $size) = @{$case};
        subtest "$way, " . ($sni // 'no name') => sub {
            check_host($WAYS{$way}->(sni => $sni), $name, $size);
        };
    }
}

subtest 'who may not connect to a host does not come by its neighbour' => sub {
    my $client = $server->ehlo_client;
    $client->starttls(sni => 'mx.closed.example');
    is($client->command('EHLO client.test')->class, '5', 'refused');
    is($client->command('MAIL FROM:<alice@client.test>')->class, '5',
       'and stays so');
    is($client->quit->code, '221', 'QUIT');
    $client = $server->client(port => 'smtps',
                              tls => { sni => 'mx.closed.example' });
    is($client->read_reply->code, '554', 'from the first octet: 554');
};

subtest 'the name of STARTTLS outlives EHLO, RSET and messages' => sub {
    my $client = $server->ehlo_client;
    $client->starttls(sni => 'mx.two.example');
    for my $round (1, 2) {
        like($client->command('EHLO client.test'), qr/mx\.two\.example/,
             "EHLO $round");
        is($client->send_message(to => 'bob@two.example',
                                 message => "A: b\r\n")->code, '250',
           "message $round");
    }
    my @messages = $server->maildir('bob@two.example')->wait_messages(2);
    is(scalar @messages, 2, 'two messages');
    like($_, qr/by mx\.two\.example\b/, 'Received: by that name')
        for @messages;
    $client->quit;
};

$server->finish;
done_testing;
