# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# conf/smtp-relay.conf, as it is but for the ports: our networks reach the world
# through it, each domain by its MX; strangers reach nobody.
use strict;
use warnings;

use Cwd qw(abs_path);
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

my @MX = qw(192.0.2.1 192.0.2.2);
SMTPTest::Network::enter(@MX, '192.0.2.66');

my $conf = abs_path("$FindBin::Bin/../../conf");
my $ca = SMTPTest::Certificate->authority;
my $certificate = $ca->server(name => 'relay.example.com',
                              alt => ['relay.example.com']);
my %hop = map {
    $_ => SMTPTest::NextHop->start_new(
        directory => tempdir(CLEANUP => 1), address => $_, port => 25,
        # One of them offers TLS, by a certificate that nobody knows.
        $_ eq $MX[0] ? (certificate => $ca->server(name => 'mx.test')) : ())
} @MX;
my $dns = SMTPTest::DNS->start(zones => { 'example.net' => <<'END' });
one MX 10 mx1
two MX 10 mx2
mx1 A 192.0.2.1
mx2 A 192.0.2.2
END

# The modules that the example loads lie where it looks for them.
my $server = SMTPTest::Server->new(
    own_dsos => 0, vhosts => '',
    # undef: the example has the Listen lines.
    ports => { map { $_ => undef } qw(relay submission) },
    global => join("\n", 'Define SMTP_RELAY_ADDRESS 127.0.0.1',
        'Define SMTP_MODULES ${root}/modules',
        'Define SMTP_RELAY_PORT ${port_relay}',
        'Define SMTP_RELAY_SUBMISSION_PORT ${port_submission}',
        'Define SMTP_CERTIFICATE ' . $certificate->chain,
        'Define SMTP_KEY ' . $certificate->key,
        "Include \"$conf/smtp-relay.conf\"",
        'SMTPDNSServer ' . $dns->server, 'SMTPDNSTrustAnchor none'));
mkdir $server->root . '/modules' or die "modules: $!";
for my $module (glob("$ENV{SMTP_MODULES}/mod_*.so"),
                map { SMTPTest::Server::dso($_) } qw(mod_smtp mod_smtp_spool
                                                     mod_smtp_queue)) {
    symlink $module, $server->root . '/modules/' . $module =~ s{.*/}{}r
        or die "$module: $!";
}
$server->start;

my $MESSAGE = "From: bob\@example.com\r\nSubject: x\r\n\r\nHello.\r\n";

subtest 'each domain has its mail by its MX' => sub {
    my $client = $server->ehlo_client(port => 'relay');
    is($client->send_message(from => 'bob@example.com',
                             to => ['eve@one.example.net', 'eve@two.example.net'],
                             message => $MESSAGE)->code, '250', 'accepted');
    for my $number (0, 1) {
        my ($message) = $hop{ $MX[$number] }->wait_messages(1);
        is_deeply($message->{to}, ['eve@' . (qw(one two))[$number] . '.example.net'],
                  "the MX of one of them has its mail");
        is($message->{helo}, 'relay.example.com', '... from whom it should');
        is(!!$message->{tls}, !$number, '... by TLS, if it is offered');
        like($message->{content}, qr/\r\n\Q$MESSAGE\E\z/, '... as it was');
    }
    $client->quit;
};

subtest 'what a printer sends is completed' => sub {
    my $client = $server->ehlo_client(port => 'submission');
    is($client->send_message(from => 'printer', to => 'eve@two.example.net',
                             message => "Subject: paper\r\n\r\nNone.\r\n")
           ->code, '250', 'accepted') or diag explain $client;
    my (undef, $message) = $hop{ $MX[1] }->wait_messages(2);
    is($message->{from}, 'printer@example.com', 'SMTPOriginDomain');
    like($message->{content}, qr/^$_: /m, "it has a $_")
        for qw(Date From Message-ID);
    $client->quit;
};

subtest 'clients may speak TLS' => sub {
    for my $port (qw(relay submission)) {
        my $client = $server->ehlo_client(port => $port);
        $client->starttls(ca => $ca->certificate, host => 'relay.example.com');
        is($client->command('EHLO client.test')->code, '250', $port);
        $client->quit;
    }
};

subtest 'strangers reach nobody' => sub {
    for my $port (qw(relay submission)) {
        my $client = $server->client(port => $port, from => '192.0.2.66');
        $client->read_reply;
        $client->command('EHLO client.test');
        # Where mail is submitted, who may not is told at MAIL.
        my $reply = $client->command('MAIL FROM:<eve@one.example.net>');
        $reply = $client->command('RCPT TO:<eve@two.example.net>')
            if $reply->code eq '250';
        like($reply->code, qr/\A5[35]0\z/, $port);
        $client->quit;
    }
};

subtest 'the log has each attempt' => sub {
    $server->wait_file('logs/queue.log', qr/printer\@/);
    like($server->read_file('logs/queue.log'),
         qr/to=<eve\@one\.example\.net>\ relay=mx1\.example\.net
             \[192\.0\.2\.1\]:25/x,
         'recipient and next hop');
    ok(wait_until(30, sub { return !glob $server->spool . '/queue/??/*' }),
       'and nothing waits');
};

$server->finish;
done_testing;
