# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# conf/smtp-smarthost.conf, as it is but for the ports: programs of this machine
# send, and everything goes to the provider, with the login, over TLS that is
# verified; while he is not to be reached it waits.
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Certificate;
use SMTPTest::DNS;
use SMTPTest::NextHop;
use SMTPTest::Server;
use SMTPTest::Wait qw(wait_until);

my $conf = abs_path("$FindBin::Bin/../../conf");
my $ca = SMTPTest::Certificate->authority;
my $provider = SMTPTest::NextHop->start_new(
    directory => tempdir(CLEANUP => 1),
    login => { 'shop@example.com' => 'correct horse' },
    certificate => $ca->server(name => 'mail.example.net', alt => ['mail.example.net']),
    says => { rcpt => '450 4.3.2 Not now' });
my $dns = SMTPTest::DNS->start(zones => { 'example.net' => "mail A 127.0.0.1\n" });

my $server = SMTPTest::Server->new(
    own_dsos => 0, vhosts => '',
    ports => { smtp => undef },
    files => { 'conf/smarthost.secret' => "correct horse\n" },
    global => join("\n", 'Define SMTP_MODULES ${root}/modules',
        'Define SMTP_LOCAL_PORT ${port_smtp}',
        'Define SMTP_SMARTHOST smtp:mail.example.net:' . $provider->port,
        "Include \"$conf/smtp-smarthost.conf\"",
        'SMTPDNSStub example.net ' . $dns->server, 'SMTPDNSTrustAnchor none',
        'SMTPOutboundCA ' . $ca->certificate, 'SMTPRetry 1s'));
chmod 0600, $server->root . '/conf/smarthost.secret' or die "secret: $!";
mkdir $server->root . '/modules' or die "modules: $!";
for my $module (glob("$ENV{SMTP_MODULES}/mod_*.so"),
                map { SMTPTest::Server::dso($_) } qw(mod_smtp mod_smtp_spool
                                                     mod_smtp_queue)) {
    symlink $module, $server->root . '/modules/' . $module =~ s{.*/}{}r
        or die "$module: $!";
}
$server->start;

my $client = $server->ehlo_client;
is($client->send_message(from => 'root',
                         to => ['eve@elsewhere.test', 'info@example.com'],
                         message => "Subject: cron\r\n\r\nDone.\r\n")->code,
   '250', 'a program sends');
$client->quit;
ok($server->wait_file('logs/queue.log', qr/result=deferred/),
   'it waits while the provider has no time');
$provider->say(rcpt => undef);

my ($message) = $provider->wait_messages(1);
is_deeply($message->{to}, ['eve@elsewhere.test', 'info@example.com'],
          'then he has it, also for our own domain');
is($message->{from}, 'root@example.com', 'the sender has a domain');
is($message->{login}, 'shop@example.com', 'with the login');
ok($message->{tls}, 'by TLS');
like($message->{content}, qr/^$_: /m, "it has a $_") for qw(Date Message-ID);
like($server->read_file('logs/queue.log'), qr/ verified=(?!-|no)/,
     'which was verified');
ok(wait_until(30, sub { return !glob $server->spool . '/queue/??/*' }),
   'and nothing waits any more');
is(scalar $provider->messages, 1, 'he has it once');

$server->finish;
done_testing;
