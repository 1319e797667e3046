# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# A policy of MTA-STS (RFC 8461) that httpd serves, as the web site of a domain
# does: 3.3's media type and path, over HTTPS, the host told by SNI.
# mpm: event
use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Certificate;
use SMTPTest::DNS;
use SMTPTest::Network;
use SMTPTest::NextHop;
use SMTPTest::Server;
use SMTPTest::Wait qw(wait_until);

SMTPTest::Network::enter(map { "192.0.2.$_" } 1 .. 3);

my $ca = SMTPTest::Certificate->authority;
my %hop = map {
    my ($name, $address) = @{$_};
    $name => SMTPTest::NextHop->start_new(
        directory => tempdir(CLEANUP => 1), address => $address, port => 25,
        certificate => $ca->server(name => "$name.example.net"));
} ['mx', '192.0.2.1'], ['thief', '192.0.2.2'];

my $policy = join '', map { "$_\r\n" } 'version: STSv1', 'mode: enforce',
    'mx: mx.example.net', 'max_age: 604800';
my $other = SMTPTest::Certificate->authority->server(
    name => 'www.example.com');
my $site = $ca->server(name => 'mta-sts.example.net');
my $web = SMTPTest::Server->start_new(
    own_dsos => 0, ports => {}, tls => 1,
    files => { 'htdocs/.well-known/mta-sts.txt' => $policy },
    global => <<'END' . $other->directives . <<'END' . $site->directives
Listen 192.0.2.3:443
<Directory "${root}/htdocs">
    ForceType text/plain
</Directory>
CustomLog logs/access.log "%v %>s %U"
<VirtualHost 192.0.2.3:443>
    ServerName www.example.com
    SSLEngine On
END
</VirtualHost>
<VirtualHost 192.0.2.3:443>
    ServerName mta-sts.example.net
    DocumentRoot "${root}/htdocs"
    SSLEngine On
END
        . "</VirtualHost>\n", vhosts => '');

# An attacker of DNS puts his own host before that of the domain.
my $dns = SMTPTest::DNS->start(zones => { 'example.net' => join "\n",
    '@ MX 5 thief', '@ MX 10 mx', 'mx A 192.0.2.1', 'thief A 192.0.2.2',
    '_mta-sts TXT "v=STSv1; id=20261123;"', 'mta-sts A 192.0.2.3', '' });

my $server = SMTPTest::Server->start_new(
    queue => 1,
    global => 'SMTPDNSServer ' . $dns->server . "\n"
        . 'SMTPOutboundCA ' . $ca->certificate . "\n",
    config => <<'END');
<SMTPRelay>
    Require ip 127.0.0.1
</SMTPRelay>
END

my $client = $server->ehlo_client;
is($client->send_message(from => 'bob@example.com', to => 'ann@example.net',
                         message => "Subject: x\r\n\r\nx\r\n")->code,
   '250', 'mail');
$client->quit;
is($hop{mx}->wait_messages(1), 1, 'goes to the host of the policy');
is($hop{thief}->count, 0, 'not to the one that DNS prefers');
ok(($hop{mx}->messages)[0]{tls}, 'under TLS');
is($web->wait_file('logs/access.log', qr/mta-sts/),
   "mta-sts.example.net 200 /.well-known/mta-sts.txt\n",
   'httpd served the policy, by its name');
$server->finish;
$web->finish;
done_testing;
