# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# Modules of httpd that have to do with connections must not harm SMTP
# sessions: mod_reqtimeout would cut who says no HTTP request in time, mod_ssl
# and mod_http2 look at every connection; and SMTP must not harm theirs.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Server;

my $server = SMTPTest::Server->start_new(
    ports => { smtp => 'smtp', http => 'http' },
    modules => [qw(reqtimeout socache_shmcb ssl ratelimit status),
                SMTPTest::Server::mpm() eq 'prefork' ? () : 'http2'],
    global => <<'END',
SSLSessionCache shmcb:${root}/run/ssl
RequestReadTimeout handshake=1 header=1 body=1
Timeout 2
KeepAliveTimeout 1
LimitRequestLine 100
LimitRequestFieldSize 100
LimitRequestBody 100
DocumentRoot ${root}/htdocs
<IfModule http2_module>
    Protocols h2c http/1.1
</IfModule>
END
    files => { 'htdocs/index.html' => "a page\n" });

subtest 'a session that waits for longer than HTTP may' => sub {
    my $client = $server->ehlo_client;
    $client->command('MAIL FROM:<a@client.test>');
    ok(!$client->has_input(4), 'nothing is said meanwhile');
    is($client->command('RCPT TO:<bob@example.com>')->code, '250',
       'the transaction goes on');
    is($client->command('DATA')->code, '354', 'DATA');
    $client->send_octets("Subject: x\r\n\r\n" . 'x' x 900 . "\r\n");
    ok(!$client->has_input(4), 'nothing is said amid mail data');
    $client->send_octets(('y' x 200 . "\r\n") x 100 . ".\r\n");
    is($client->read_reply->code, '250', 'limits of HTTP are none of ours');
    $client->quit;
};

subtest 'HTTP beside it' => sub {
    my $http = $server->client(port => 'http');
    $http->send_octets("GET /index.html HTTP/1.1\r\nHost: x\r\n\r\n"
                       . "GET /index.html HTTP/1.1\r\nHost: x\r\n"
                       . "Connection: close\r\n\r\n");
    my $pages = () = $http->read_to_end =~ /a page/g;
    is($pages, 2, 'keep-alive works');
    my $silent = $server->client(port => 'http');
    $silent->send_octets("GET / HTTP/1.1\r\n");
    ok(defined $silent->read_to_end(15), 'mod_reqtimeout does its work');
};

subtest 'SMTP on the port of HTTP is HTTP\'s affair' => sub {
    my $client = $server->client(port => 'http');
    $client->send_octets("EHLO client.test\r\n\r\n");
    like($client->read_to_end, qr/400 Bad Request|\AHTTP|<html>|\A\z/i,
         'no SMTP there');
};

is($server->maildir('bob@example.com')->wait_messages(1), 1, 'delivered');
$server->finish;
done_testing;
