# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# Mail goes where SMTPRoute, <SMTPDestination> and SMTPDeliver say, and nowhere
# else: by recipient, by sender, by login, by client, by virtual host; what goes
# nowhere is refused while the client still has it.
use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Auth;
use SMTPTest::Certificate;
use SMTPTest::NextHop;
use SMTPTest::Server;
use SMTPTest::Wait qw(wait_until);

my $folder = tempdir(CLEANUP => 1);
my $ca = SMTPTest::Certificate->authority;
my $certificate = $ca->server(name => 'smart.test', alt => ['smart.test']);

# A next hop for each rule: NAME => what it is.
my %hop = map {
    my ($name, %arg) = @{$_};
    $name => SMTPTest::NextHop->start_new(directory => "$folder/$name", %arg);
} (map { [$_] } qw(section below sender null login client vhost other back)),
  ['lmtp', unix => "$folder/lmtp.sock", lmtp => 1],
  ['lmtp_tcp', lmtp => 1],
  ['smart', certificate => $certificate, login => { bob => 'secret' }];
# httpd's user has to get through to the socket.
chmod 0755, $folder, "$folder/lmtp" or die "$folder: $!";
chmod 0777, "$folder/lmtp.sock" or die "lmtp.sock: $!";

sub hop { my ($name) = @_; return 'smtp:127.0.0.1:' . $hop{$name}->port }

my $server = SMTPTest::Server->new(
    queue => 1, auth => { bob => 'secret' },
    ports => { smtp => 'smtp', other => 'smtp' },
    files => { 'conf/secret' => "secret\n", 'conf/wrong' => "wrong\n" },
    global => join("\n", 'SMTPOutboundCA ' . $ca->certificate,
                   'SMTPRetry 1s', 'SMTPRoute ' . hop('other')),
);
chmod 0600, $server->root . "/conf/$_" or die "$_: $!" for qw(secret wrong);
my $smart = hop('smart') =~ s/\Asmtp:127\.0\.0\.1/smtp:127.0.0.1/r;
$server->write_config(vhosts => <<"END");
<VirtualHost 127.0.0.1:\${port_smtp}>
    ServerName mx.example.com
    SMTPEngine On
    Include conf/auth.conf
    SMTPAuthWithoutTLS On
    SMTPSenderLogin any
    <SMTPRelay>
        Require ip 127.0.0.0/8
        Require valid-user
    </SMTPRelay>
    <SMTPDomain example.com>
        SMTPRecipients list:bob
    </SMTPDomain>
    <SMTPDomain socket.test>
        SMTPRecipients list:carol
        SMTPDeliver lmtp:unix:$folder/lmtp.sock
    </SMTPDomain>
    <SMTPDomain tcp.test>
        SMTPRecipients list:carol
        SMTPAlias both carol bob\@example.com
        SMTPDeliver lmtp:127.0.0.1:@{[$hop{lmtp_tcp}->port]}
    </SMTPDomain>
    <SMTPDomain back.test>
        SMTPRecipients any
        SMTPDeliver @{[hop('back')]}
    </SMTPDomain>
    <SMTPDestination section.test>
        SMTPRoute @{[hop('section')]}
    </SMTPDestination>
    <SMTPDestination .section.test>
        SMTPRoute @{[hop('below')]}
    </SMTPDestination>
    <SMTPDestination nowhere.test>
        SMTPRoute "error:5.1.2:No mail goes there"
    </SMTPDestination>
    <SMTPDestination later.test>
        SMTPRoute error:4.3.2
    </SMTPDestination>
    <SMTPDestination null.test>
        SMTPRoute error:5.1.10
    </SMTPDestination>
    <SMTPDestination kept.test>
        SMTPRoute local
    </SMTPDestination>
    <SMTPDestination hole.test>
        SMTPRoute discard
    </SMTPDestination>
    <SMTPDestination smart.test>
        SMTPRoute $smart auth=bob:conf/secret
        SMTPOutboundTLS verify smart.test
        SMTPSource 127.0.0.1 helo=out.example.com
    </SMTPDestination>
    <SMTPDestination plain.test>
        SMTPRoute $smart auth=bob:conf/secret auth-without-tls tls=none
    </SMTPDestination>
    <SMTPDestination cautious.test>
        SMTPRoute $smart auth=bob:conf/secret
    </SMTPDestination>
    SMTPRoute @{[hop('sender')]} sender=sender.test
    SMTPRoute @{[hop('null')]} sender=<>
    SMTPRoute @{[hop('login')]} "expr=%{REMOTE_USER} == 'bob' \\
        && %{reqenv:SMTP_TO} == 'x\@login.test'"
    SMTPRoute @{[hop('client')]} "expr=-R '127.0.0.2/32' \\
        && %{reqenv:SMTP_FROM} =~ /^someone/"
    SMTPRoute @{[hop('vhost')]}
</VirtualHost>
<VirtualHost 127.0.0.1:\${port_other}>
    ServerName other.example.com
    SMTPEngine On
    <SMTPRelay>
        Require ip 127.0.0.1
    </SMTPRelay>
</VirtualHost>
END
$server->start;

my %taken = map { $_ => 0 } keys %hop;

# The next message that comes to a next hop; and to no other.
sub comes_to
{
    my ($name) = @_;
    my @messages = $hop{$name}->wait_messages(++$taken{$name});
    is(scalar @messages, $taken{$name}, "it comes to $name") or return {};
    for my $other (grep { $_ ne $name } sort keys %hop) {
        is($hop{$other}->count, $taken{$other}, "... and not to $other")
            if $hop{$other}->count != $taken{$other};
    }
    return $messages[-1];
}

sub is_sent
{
    my ($client, %arg) = @_;
    my $reply = $client->send_message(from => 'someone@a.test',
                                      message => "Subject: x\r\n\r\nx\r\n",
                                      %arg);
    is($reply->code, '250', 'accepted') or diag($reply->text);
    return;
}

# By recipient, and by sender.
for my $case ([section => to => 'x@section.test'],
              [section => to => 'x@SECTION.Test'],
              [below => to => 'x@a.section.test'],
              [below => to => 'x@b.a.section.test'],
              [vhost => to => 'x@elsewhere.test'],
              [sender => to => 'x@elsewhere.test', from => 'bob@sender.test'],
              [null => to => 'x@elsewhere.test', from => ''],
              [section => to => 'x@section.test', from => 'bob@sender.test'],
              [vhost => to => 'x@login.test']) {
    my ($name, %arg) = @{$case};
    subtest join(' ', @{$case}) => sub {
        my $client = $server->ehlo_client;
        is_sent($client, %arg);
        my $message = comes_to($name);
        is_deeply($message->{to}, [$arg{to}], 'the recipient as he was');
        is($message->{helo}, 'mx.example.com', 'our name');
        $client->quit;
    };
}

subtest 'several next hops of one message' => sub {
    my $client = $server->ehlo_client;
    is_sent($client, to => ['x@section.test', 'x@elsewhere.test',
                            'y@section.test', 'bob@example.com']);
    my @messages = $hop{section}->wait_messages(++$taken{section});
    is_deeply($messages[-1]{to}, ['x@section.test', 'y@section.test'],
              'two go together');
    is_deeply(comes_to('vhost')->{to}, ['x@elsewhere.test'], 'one alone');
    is(scalar $server->maildir('bob@example.com')->wait_messages(1), 1,
       'one stays');
    $client->quit;
};

subtest 'by login' => sub {
    my $client = $server->ehlo_client;
    is(SMTPTest::Auth->new(client => $client, mechanism => 'PLAIN',
                           login => 'bob', password => 'secret')->run->code,
       '235', 'bob logs in');
    is_sent($client, to => 'x@login.test');
    comes_to('login');
    is_sent($client, to => 'y@login.test');
    comes_to('vhost');
    $client->quit;
};

subtest 'by client' => sub {
    my $client = $server->client(from => '127.0.0.2');
    $client->read_reply;
    $client->command('EHLO client.test');
    is_sent($client, to => 'x@elsewhere.test');
    comes_to('client');
    $client->quit;
};

subtest 'by virtual host' => sub {
    my $client = $server->ehlo_client(port => 'other');
    is_sent($client, to => 'x@section.test');
    is(comes_to('other')->{helo}, 'other.example.com', 'its name');
    $client->quit;
};

# ---- What goes nowhere --------------------------------------------------------

for my $case (['nowhere.test', 550, '5.1.2', qr/No mail goes there$/],
              ['later.test', 451, '4.3.2', qr/./],
              ['null.test', 556, '5.1.10', qr/null MX/],
              ['kept.test', 550, '5.7.1', qr/is not sent on/]) {
    my ($domain, $code, $status, $text) = @{$case};
    subtest "$domain is refused" => sub {
        my $client = $server->ehlo_client;
        $client->command('MAIL FROM:<someone@a.test>');
        my $reply = $client->command("RCPT TO:<x\@$domain>");
        is($reply->code, $code, 'code');
        is($reply->status, $status, 'status');
        like($reply->text, $text, 'text');
        is($client->command('RCPT TO:<x@section.test>')->code, '250',
           'others are not');
        $client->quit;
    };
}

subtest 'what is discarded comes nowhere' => sub {
    my $client = $server->ehlo_client;
    is_sent($client, to => 'x@hole.test');
    # What comes after it shows that it would have come by now.
    is_sent($client, to => 'x@section.test');
    comes_to('section');
    ok(wait_until(30, sub { return !glob $server->spool . '/queue/??/*' }),
       'and is not kept');
    $client->quit;
};

# ---- Mailboxes elsewhere ------------------------------------------------------

for my $case ([lmtp => 'carol@socket.test'], [lmtp_tcp => 'carol@tcp.test'],
              [back => 'any.body@back.test']) {
    my ($name, $to) = @{$case};
    subtest "SMTPDeliver: $name" => sub {
        my $client = $server->ehlo_client;
        is_sent($client, to => $to);
        is_deeply(comes_to($name)->{to}, [$to], 'the recipient');
        $client->command('MAIL FROM:<a@b.test>');
        is($client->command('RCPT TO:<nobody@socket.test>')->code, '550',
           'who does not exist is refused');
        $client->quit;
    };
}

subtest 'an alias to here and there' => sub {
    my $client = $server->ehlo_client;
    $server->maildir('bob@example.com')->clear;
    is_sent($client, to => 'both@tcp.test');
    is_deeply(comes_to('lmtp_tcp')->{to}, ['carol@tcp.test'], 'there');
    is(scalar $server->maildir('bob@example.com')->wait_messages(1), 1,
       'here');
    $client->quit;
};

# ---- A login at the next hop --------------------------------------------------

subtest 'a smarthost' => sub {
    my $client = $server->ehlo_client;
    is_sent($client, to => 'x@smart.test');
    my $message = comes_to('smart');
    ok($message->{tls}, 'by TLS');
    is($message->{login}, 'bob', 'with a login');
    is($message->{helo}, 'out.example.com', 'by the name of SMTPSource');
    is_sent($client, to => 'x@plain.test');
    $message = comes_to('smart');
    ok(!$message->{tls}, 'in plain text where that is said');
    is($message->{login}, 'bob', '... with a login');
    $client->quit;
};

# The certificate is for smart.test, and nothing says that it may be.
subtest 'no password for a host that is not verified' => sub {
    my $client = $server->ehlo_client;
    is_sent($client, to => 'x@cautious.test');
    ok(wait_until(30, sub { return glob $server->spool . '/queue/??/*' }),
       'it waits');
    is($hop{smart}->count, $taken{smart}, '... and is not sent');
    is((grep { /AUTH/ } $hop{smart}->transcript), 2,
       'only the two before have logged in');
    $client->quit;
};

$server->finish;
done_testing;
