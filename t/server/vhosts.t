# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# Several virtual hosts in one httpd: each has its own name, domains and
# limits; what is local for one is not for another; HTTP beside them is HTTP.
#
# speed: fast
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Server;

my $server = SMTPTest::Server->start_new(
    ports => { smtp => 'smtp', other => 'smtp', shared => undef,
               http => 'http' },
    global => <<'END',
DocumentRoot ${root}/htdocs
Listen 127.0.0.1:${port_shared} smtp
Listen 127.0.0.2:${port_shared} smtp
END
    files => { 'htdocs/index.html' => "a page\n" },
    expected => [qr/SM1146: .* speak SMTP on the same address and port/],
    vhosts => <<'END');
<VirtualHost 127.0.0.1:${port_smtp}>
    ServerName mx.example.com
    ServerAlias example.com *.wild.example
    SMTPEngine On
    SMTPMaxMessageSize 2000
    SMTPMaxRecipients 100
    <SMTPDomain *>
        SMTPRecipients list:bob
    </SMTPDomain>
</VirtualHost>
<VirtualHost 127.0.0.1:${port_other}>
    ServerName mx.example.net
    SMTPEngine On
    SMTPMaxMessageSize 100000
    SMTPMaxRecipients 200
    SMTPExtensions -CHUNKING
    <SMTPDomain example.net>
        SMTPRecipients list:carol
    </SMTPDomain>
</VirtualHost>
<VirtualHost 127.0.0.1:${port_shared}>
    ServerName one.example.org
    SMTPEngine On
    <SMTPDomain one.example.org>
        SMTPRecipients any
    </SMTPDomain>
</VirtualHost>
<VirtualHost 127.0.0.2:${port_shared}>
    ServerName two.example.org
    SMTPEngine On
    <SMTPDomain two.example.org>
        SMTPRecipients any
    </SMTPDomain>
</VirtualHost>
<VirtualHost 127.0.0.1:${port_shared}>
    ServerName late.example.org
    SMTPEngine On
    <SMTPDomain late.example.org>
        SMTPRecipients any
    </SMTPDomain>
</VirtualHost>
<VirtualHost 127.0.0.1:${port_http}>
    ServerName www.example.com
</VirtualHost>
END

# For each: port and address, name, keywords that tell it apart, recipients
# and the code they get.
my @HOSTS = (
    { port => 'smtp', name => 'mx.example.com',
      keywords => { SIZE => '2000', CHUNKING => '' },
      limits => qr/RCPTMAX=100\b/,
      recipients => [['bob@example.com', 250], ['bob@mx.example.com', 250],
                     ['bob@any.wild.example', 250],
                     ['bob@wild.example', 550], ['carol@example.com', 550],
                     ['carol@example.net', 550], ['Postmaster', 250]] },
    { port => 'other', name => 'mx.example.net',
      keywords => { SIZE => '100000' }, absent => 'CHUNKING',
      limits => qr/RCPTMAX=200\b/,
      recipients => [['carol@example.net', 250], ['bob@example.net', 550],
                     ['bob@example.com', 550],
                     ['carol@mx.example.net', 550]] },
    { port => 'shared', name => 'one.example.org', keywords => {},
      # Of two with one address and port the first is it: in SMTP a client
      # does not say which it means before it is greeted.
      recipients => [['x@one.example.org', 250],
                     ['x@two.example.org', 550],
                     ['x@late.example.org', 550]] },
    { port => 'shared', host => '127.0.0.2', name => 'two.example.org',
      keywords => {},
      recipients => [['x@two.example.org', 250],
                     ['x@one.example.org', 550]] },
);

sub try_host
{
    my ($host) = @_;
    my $client = $server->client(port => $host->{port},
                                 host => $host->{host});
    like($client->read_reply->text, qr/\A\Q$host->{name}\E\b/, 'greeting');
    my %keyword = $client->command('EHLO client.test')->keywords;
    is($keyword{$_}, $host->{keywords}{$_}, "keyword $_")
        for sort keys %{ $host->{keywords} };
    like($keyword{LIMITS}, $host->{limits}, 'LIMITS') if $host->{limits};
    ok(!exists $keyword{ $host->{absent} }, "no $host->{absent}")
        if $host->{absent};
    is($client->command('MAIL FROM:<a@client.test>')->code, '250', 'MAIL');
    for my $row (@{ $host->{recipients} }) {
        my ($recipient, $code) = @{$row};
        is($client->command("RCPT TO:<$recipient>")->code, $code,
           "RCPT TO:<$recipient>");
    }
    $client->quit;
    return;
}

for my $host (@HOSTS) {
    subtest $host->{name} => sub { try_host($host) };
}

ok($server->wait_log(qr/SM1146: /), 'who is never reached is warned of');

subtest 'HTTP on another port is HTTP' => sub {
    my $client = $server->client(port => 'http');
    $client->send_octets("GET /index.html HTTP/1.0\r\n\r\n");
    like($client->read_to_end, qr/a page/, 'a page');
};

subtest 'the trace names the virtual host' => sub {
    my $client = $server->ehlo_client(port => 'shared', host => '127.0.0.2');
    $client->send_message(to => 'x@two.example.org', message => "A: b\r\n");
    my ($message) = $server->maildir('x@two.example.org')->wait_messages(1);
    like(SMTPTest::Maildir::parse($message)->{Received},
         qr/ by two\.example\.org\b/, 'Received');
    $client->quit;
};

$server->finish;
done_testing;
