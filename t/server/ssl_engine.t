# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# SSLEngine On in a virtual host that speaks SMTP: the session begins in plain
# text, as SMTP does on ports 25 and 587 (RFC 5321 3.1), instead of waiting for
# a handshake that no client begins.
use strict;
use warnings;

use File::Temp;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Server;

my $folder = File::Temp->newdir(TMPDIR => 1);
system('openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes '
       . "-subj /CN=mx.example.com -days 2 "
       . "-addext basicConstraints=critical,CA:FALSE -keyout $folder/key.pem "
       . "-out $folder/cert.pem 2>/dev/null") == 0 or die 'openssl';

my $server = SMTPTest::Server->start_new(
    modules => [qw(socache_shmcb ssl)],
    global => 'SSLSessionCache shmcb:${root}/run/ssl',
    config => "SSLEngine On\nSSLCertificateFile $folder/cert.pem\n"
        . "SSLCertificateKeyFile $folder/key.pem\n");

my $client = $server->client;
is($client->read_reply->code, '220', 'the greeting comes at once');
my $ehlo = $client->command('EHLO client.test');
is($ehlo->code, '250', 'EHLO');
unlike($ehlo, qr/STARTTLS/, 'nothing is offered that is not there');
is($client->command('STARTTLS')->code, '502', 'STARTTLS is refused');
is($client->send_message(to => 'bob@example.com', message => "A: b\r\n")->code,
   '250', 'mail comes in');
$client->quit;

$server->finish;
done_testing;
