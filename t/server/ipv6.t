# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# IPv6: a listener on ::1, the address in the trace with its tag
# (RFC 5321 4.1.3), and in who may connect.
#
# speed: fast
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Socket::IP;
use Test::More;

use SMTPTest::Server;

plan(skip_all => 'this machine has no ::1')
    if !IO::Socket::IP->new(LocalHost => '::1', Listen => 1);

my $server = SMTPTest::Server->start_new(
    ports => { smtp => undef, closed => undef },
    global => "Listen [::1]:\${port_smtp} smtp\n"
        . "Listen [::1]:\${port_closed} smtp\n",
    expected => [qr/SMTPMaxConnections/,
                 qr/SMTPEngine On without <SMTPDomain>/],
    vhosts => <<'END');
<VirtualHost [::1]:${port_smtp}>
    ServerName mx6.example.com
    SMTPEngine On
    SMTPMaxConnections 2
    <SMTPConnect>
        Require ip ::1
    </SMTPConnect>
    <SMTPDomain example.com>
        SMTPRecipients any
    </SMTPDomain>
</VirtualHost>
<VirtualHost [::1]:${port_closed}>
    ServerName closed.example.com
    SMTPEngine On
    <SMTPConnect>
        Require ip 127.0.0.1
    </SMTPConnect>
</VirtualHost>
END

my @first = map { $server->ehlo_client(host => '::1') } 1 .. 2;
is($server->client(host => '::1')->read_reply->code, '421',
   'the third connection of ::1 is told to come later');
$_->quit for @first;

is($server->client(port => 'closed', host => '::1')->read_reply->code,
   '554', 'who may not connect is told so');

my $client = $server->ehlo_client(host => '::1');
is($client->send_message(to => 'bob@example.com',
                         message => "Subject: x\r\n\r\n")->code, '250',
   'a message is taken');
my ($stored) = $server->maildir('bob@example.com')->wait_messages(1);
like(SMTPTest::Maildir::parse($stored)->{Received},
     qr/\Afrom client\.test \((?:\S+ )?\[IPv6:::1\]\)/,
     'Received has the tag IPv6:');
$client->quit;
$server->finish;
done_testing;
