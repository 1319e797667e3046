# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# conf/smtp-on-demand.conf, as it is but for the ports: mail of two sites is kept
# on port 25, and each has its own on port 366, once it has logged in by TLS.
use strict;
use warnings;

use Cwd qw(abs_path);
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Auth;
use SMTPTest::Certificate;
use SMTPTest::Program;
use SMTPTest::Server;
use SMTPTest::Wait qw(wait_until);

my $conf = abs_path("$FindBin::Bin/../../conf");
my $ca = SMTPTest::Certificate->authority;
my $certificate = $ca->server(name => 'odmr.example.com',
                              alt => ['odmr.example.com', 'mx.example.com']);
my $MESSAGE = "From: eve\@elsewhere.test\r\nSubject: x\r\n\r\nHello.\r\n";

# The modules that the example loads lie where it looks for them.
my $server = SMTPTest::Server->new(
    own_dsos => 0, vhosts => '',
    # undef: the example has the Listen lines.
    ports => { map { $_ => undef } qw(mx odmr) },
    global => join("\n", 'Define SMTP_ON_DEMAND_ADDRESS 127.0.0.1',
        'Define SMTP_MODULES ${root}/modules',
        'Define SMTP_ON_DEMAND_MX_PORT ${port_mx}',
        'Define SMTP_ON_DEMAND_PORT ${port_odmr}',
        'Define SMTP_CERTIFICATE ' . $certificate->chain,
        'Define SMTP_KEY ' . $certificate->key,
        "Include \"$conf/smtp-on-demand.conf\""));
mkdir $server->root . '/modules' or die "modules: $!";
for my $module (glob("$ENV{SMTP_MODULES}/mod_*.so"),
                map { SMTPTest::Server::dso($_) } qw(mod_smtp mod_smtp_spool
                                                     mod_smtp_queue)) {
    symlink $module, $server->root . '/modules/' . $module =~ s{.*/}{}r
        or die "$module: $!";
}

# As the example says that logins are made.
for my $site ('berlin', 'paris') {
    my ($status, $said) = SMTPTest::Program::run("secret of $site\n",
        SMTPTest::Program::need('htpasswd'), '-i', '-B',
        $site eq 'berlin' ? '-c' : (), $server->root . '/conf/sites.htpasswd',
        $site);
    is($status, 0, "htpasswd makes $site") || diag($said);
}
chmod 0644, $server->root . '/conf/sites.htpasswd' or die "sites: $!";
$server->start;

# A site that has connected and logged in.
sub site
{
    my ($site) = @_;
    my $client = $server->ehlo_client(port => 'odmr');
    is($client->command('ATRN')->code, '530', 'not in the clear');
    is($client->starttls(ca => $ca->certificate,
                         host => 'odmr.example.com')->code, '220', 'STARTTLS');
    my $reply = $client->command('EHLO site.test');
    ok((grep { /^ATRN$/ } $reply->keywords), 'ATRN is offered');
    is(SMTPTest::Auth->new(client => $client, mechanism => 'PLAIN',
                           login => $site, password => "secret of $site")
           ->run->code, '235', "$site logs in");
    return $client;
}

# It says ATRN until there is mail, and takes one message. Its recipient, and
# what it is.
sub fetch
{
    my ($client) = @_;
    my $reply;
    wait_until(60, sub {
        $reply = $client->command('ATRN');
        return $reply->code ne '453' && $reply->code ne '451';
    });
    is($reply->code, '250', 'there is mail') or return;
    $client->send_octets("220 site.test\r\n");
    like($client->read_line, qr/^EHLO mx\.example\.com$/, 'we are greeted');
    $client->send_octets("250 site.test\r\n");
    like($client->read_line, qr/^MAIL FROM:<eve\@elsewhere\.test>/, 'MAIL');
    $client->send_octets("250 OK\r\n");
    my ($to) = ($client->read_line // '') =~ /^RCPT TO:<(.*)>/;
    $client->send_octets("250 OK\r\n");
    is($client->read_line, 'DATA', 'DATA');
    $client->send_octets("354 go on\r\n");
    my $content = '';
    while (defined(my $line = $client->read_line)) {
        last if $line eq '.';
        $content .= "$line\r\n";
    }
    $client->send_octets("250 OK\r\n");
    is($client->read_line, 'QUIT', 'that was all');
    $client->send_octets("221 bye\r\n");
    ok($client->is_closed, 'the connection ends');
    return ($to, $content);
}

subtest 'each site has its own mail' => sub {
    my $client = $server->ehlo_client(port => 'mx');
    is($client->send_message(from => 'eve@elsewhere.test',
                             to => "bob\@$_.example.net",
                             message => $MESSAGE)->code, '250', "mail for $_")
        for qw(berlin paris);
    is($client->send_message(from => 'eve@elsewhere.test',
                             to => 'bob@rome.example.net',
                             message => $MESSAGE)->code, '550',
       'none for others');
    $client->quit;
    for my $name (qw(paris berlin)) {
        my ($to, $content) = fetch(site($name));
        is($to, "bob\@$name.example.net", "$name has its mail");
        like($content, qr/\r\n\Q$MESSAGE\E\z/, 'as it came');
    }
};

subtest 'and nothing of others' => sub {
    my $client = site('paris');
    is($client->command('ATRN berlin.example.net')->code, '450', 'refused');
    ok($server->wait_log(qr/SM1174: .*paris is not allowed berlin/),
       'the log tells who asked');
    is($client->command('ATRN paris.example.net')->code, '453', 'no mail');
    $client->quit;
    ok(wait_until(60, sub { return !glob $server->spool . '/queue/??/*' }),
       'nothing is left');
};
$server->finish;
like($server->read_file('logs/queue.log'), qr/berlin\.example\.net/,
     'the log of the queue tells of it');
done_testing;
