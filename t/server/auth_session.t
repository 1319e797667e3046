# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# A login and the rest of the session: where AUTH is there at all, what logs
# and the trace say of it and what they don't, and an exchange that comes in
# pieces, waits, or breaks off.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MIME::Base64 qw(encode_base64);

use SMTPTest::Auth;
use SMTPTest::Server;

my $PASSWORD = 'Tr0ub4dor';
my $RESPONSE = encode_base64("\0bob\0$PASSWORD", '');

my $VHOST = <<'END';
<VirtualHost 127.0.0.1:${port_%1$s}>
    ServerName mx.example.com
    SMTPEngine On
    Include conf/tls.conf
    %2$s
    <SMTPDomain example.com>
        SMTPRecipients any
    </SMTPDomain>
</VirtualHost>
END
my $server = SMTPTest::Server->start_new(
    tls => 1, auth => { bob => $PASSWORD },
    ports => { mx => 'smtp', submission => 'smtp', own => 'smtp' },
    # All that mod_smtp can say.
    global => "LogLevel notice smtp:trace8\nInclude conf/auth.conf\n"
        . 'LogFormat "%u %{login}^SM %{auth}^SM" auth' . "\n"
        . 'CustomLog logs/mail auth',
    vhosts => sprintf($VHOST, 'mx', '')
        . sprintf($VHOST, 'submission',
                  "SMTPService submission\n<SMTPRelay>\n"
                  . "Require valid-user\n</SMTPRelay>")
        . sprintf($VHOST, 'own', 'Include conf/auth.conf'),
    expected => [qr/AH01618: /]);

sub client
{
    my ($port) = @_;
    my $client = $server->ehlo_client(port => $port);
    $client->starttls;
    return ($client, $client->command('EHLO client.test'));
}

sub login
{
    my ($client, %arg) = @_;
    return SMTPTest::Auth->new(client => $client, mechanism => 'PLAIN',
                               login => 'bob', password => $PASSWORD,
                               %arg)->run;
}

# An MX that takes passwords invites everybody to guess them.
subtest 'a section of the main server is for submission alone' => sub {
    for my $case (['mx', '502 5.5.1'], ['submission', '235 2.7.0'],
                  ['own', '235 2.7.0']) {
        my ($port, $expected) = @{$case};
        my ($client, $ehlo) = client($port);
        is($ehlo->text =~ /^AUTH PLAIN LOGIN$/m ? 1 : 0,
           $expected =~ /^235/ ? 1 : 0, "$port: announced or not");
        my $reply = login($client);
        is($reply->code . ' ' . $reply->status, $expected, "$port: AUTH");
    }
};

subtest 'who sent is in the log and in the trace (RFC 3848)' => sub {
    my ($client) = client('own');
    is(login($client)->code, '235', 'a login');
    is($client->send_message(to => 'bob@example.com',
                             message => "Subject: x\r\n\r\nx\r\n")->code,
       '250', 'a message');
    my ($message) = $server->maildir('bob@example.com')->wait_messages(1);
    like(SMTPTest::Maildir::stored($message), qr/^Received: .* with ESMTPSA\b/m,
         'Received: with ESMTPSA');
    unlike(SMTPTest::Maildir::stored($message), qr/\Q$PASSWORD\E/,
           'no password');
    $server->wait_file('logs/mail', qr/^bob bob PLAIN$/m);
    ($client) = client('own');
    is($client->send_message(to => 'bob@example.com',
                             message => "Subject: y\r\n\r\ny\r\n")->code,
       '250', 'a message of nobody');
    $server->wait_file('logs/mail', qr/^- - -$/m);
    pass('nobody is nobody');
};

# RFC 4954 4: octets come as TCP likes.
subtest 'an exchange cut anywhere' => sub {
    for my $offset (1, 4, 5, 10, 11, length("AUTH PLAIN $RESPONSE"),
                    length("AUTH PLAIN $RESPONSE\r")) {
        my ($client) = client('own');
        $client->send_split("AUTH PLAIN $RESPONSE\r\n", [$offset]);
        is($client->read_reply->code, '235', "AUTH at $offset");
    }
    for my $offset (1, 5, length $RESPONSE, length "$RESPONSE\r") {
        my ($client) = client('own');
        is($client->command('AUTH PLAIN')->code, '334', 'a challenge');
        $client->send_split("$RESPONSE\r\n", [$offset]);
        is($client->read_reply->code, '235', "the response at $offset");
    }
};

# Exim CVE-2026-45185: what comes after close_notify is not TLS.
subtest 'the end of TLS amid an exchange ends the session' => sub {
    for my $line ('', 'AGJv') {
        my ($client) = client('own');
        is($client->command('AUTH PLAIN')->code, '334', 'a challenge');
        $client->send_octets($line) if length $line;
        $client->close_notify;
        $client->send_raw("$RESPONSE\r\nMAIL FROM:<a\@client.test>\r\n");
        is($client->read_reply->code, 'closed', "after '$line'");
    }
};

subtest 'others go on while exchanges wait and break off' => sub {
    my @waiting = map { my ($client) = client('own');
                        $client->command('AUTH LOGIN'); $client } 1 .. 30;
    my ($client) = client('own');
    is(login($client)->code, '235', 'somebody else logs in');
    $_->close for splice @waiting, 0, 15;
    for my $client (@waiting) {
        is($client->command(encode_base64('bob', ''))->code, '334', 'login');
        is($client->command(encode_base64($PASSWORD, ''))->code, '235',
           'password');
    }
};

subtest 'EHLO after a login keeps it, a second AUTH is refused' => sub {
    my ($client) = client('own');
    login($client);
    is($client->command('EHLO client.test')->code, '250', 'EHLO');
    is($client->command("AUTH PLAIN $RESPONSE")->code, '503', 'AUTH');
    is($client->command('RSET')->code, '250', 'RSET');
    is($client->command("AUTH PLAIN $RESPONSE")->code, '503', 'AUTH again');
};

subtest 'no credential is logged, at no level' => sub {
    my ($client) = client('own');
    $client->command("AUTH PLAIN $RESPONSE x");
    $client->command("auth plain $RESPONSE x");
    $client->command('AUTH LOGIN');
    $client->command(encode_base64('eve', ''));
    $client->command(encode_base64("no$PASSWORD", ''));
    # A client that goes on though it was refused.
    is($client->command('AUTH CRAM-MD5')->code, '504', 'refused');
    is($client->command($RESPONSE)->code, '500', 'and goes on');
    my $log = $server->log_text;
    like($log, qr/SM1040: C: AUTH \(not shown\)/, 'the dialogue is there');
    like($log, qr/SM1061: login: .*login "bob"$/m, 'so are logins');
    my $secrets = join '|', map { quotemeta } $PASSWORD, $RESPONSE,
        encode_base64($PASSWORD, ''), encode_base64("no$PASSWORD", ''),
        substr($RESPONSE, 0, 8);
    unlike($log, qr/$secrets/, 'no password, in no form');
};

$server->finish;
done_testing;
