# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# What TLS leaves behind: the trace header (RFC 3848: ESMTPS), the log, the
# variables of mod_ssl for rules; under TLS 1.2 and 1.3, by STARTTLS and from
# the first octet, with both in one virtual host ("Listen PORT smtps").
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Server;

my $server = SMTPTest::Server->start_new(
    tls => 1, ports => { smtp => 'smtp', smtps => 'smtps' },
    vhosts => <<'END');
<VirtualHost 127.0.0.1:${port_smtp} 127.0.0.1:${port_smtps}>
    ServerName mx.example.com
    SMTPEngine On
    Include conf/tls.conf
    <SMTPDomain example.com>
        SMTPRecipients any
    </SMTPDomain>
    CustomLog logs/mail_log "%{tls}^SM %{cipher}^SM %{proto}^SM %{SSL_PROTOCOL}x"
</VirtualHost>
END
my %trust = (ca => $server->ca->certificate, host => 'mx.example.com');

# Clients that are past EHLO, by each way into TLS.
sub client_by_starttls
{
    my $client = $server->ehlo_client;
    $client->starttls(%trust, @_);
    is($client->command('EHLO client.test')->code, '250', 'EHLO under TLS');
    return $client;
}

sub client_by_port
{
    return $server->ehlo_client(port => 'smtps', tls => { %trust, @_ });
}

# A message and its traces: in the mailbox NAME@example.com and in the log.
sub check_traces
{
    my ($client, $name) = @_;
    my ($version, $cipher) = ($client->tls_version, $client->tls_cipher);
    is($client->send_message(to => "$name\@example.com",
                             message => "Subject: x\r\n\r\nHi\r\n")->code,
       '250', 'a message is taken');
    my ($message) = $server->maildir("$name\@example.com")->wait_messages(1);
    my ($received) = $message =~ /^(Received:.*?)\n(?!\s)/ms;
    like($received, qr/\swith\s+ESMTPS\b/, 'Received: with ESMTPS');
    like($received, qr/\(\Q$version\E\s+\Q$cipher\E\)/,
         "Received tells $version $cipher");
    ok($server->wait_file('logs/mail_log',
                          qr/\A\Q$version $cipher ESMTPS $version\E$/),
       'and so does the log');
    is($client->quit->code, '221', 'QUIT');
    return;
}

my %WAYS = (starttls => \&client_by_starttls, smtps => \&client_by_port);
for my $way (sort keys %WAYS) {
    for my $version ('TLSv1.2', 'TLSv1.3') {
        subtest "$way, $version" => sub {
            my $client = $WAYS{$way}->(version => $version);
            is($client->tls_version, $version, 'the version');
            check_traces($client, $way . $version =~ s/.*\.//r);
        };
    }
}

subtest 'plain text leaves no trace of TLS' => sub {
    my $client = $server->ehlo_client;
    $client->send_message(to => 'plain@example.com', message => "A: b\r\n");
    my ($message) = $server->maildir('plain@example.com')->wait_messages(1);
    like($message, qr/\swith\s+ESMTP\s/, 'Received: with ESMTP');
    unlike($message, qr/TLS/, 'nothing of TLS');
    ok($server->wait_file('logs/mail_log', qr/\A- - ESMTP -$/), 'the log');
    $client->quit;
};

# RFC 8446 6.1: an end without close_notify could be anybody's.
subtest 'a session that is over is closed under TLS' => sub {
    for my $way (sort keys %WAYS) {
        my $client = $WAYS{$way}->();
        is($client->command('QUIT')->code, '221', "$way: QUIT");
        ok($client->is_closed, 'closed');
        ok($client->tls->has_close_notify, 'with close_notify');
    }
};

subtest 'a large message, in records cut anywhere' => sub {
    my $client = client_by_starttls();
    my $message = "Subject: large\r\n\r\n"
        . join '', map { sprintf "%06d %s\r\n", $_, 'x' x ($_ % 900) }
        1 .. 2000;
    is($client->send_message(to => 'large@example.com',
                             message => $message)->code, '250', 'DATA');
    $client->pipeline('MAIL FROM:<>', 'RCPT TO:<large@example.com>');
    $client->send_octets('BDAT ' . length($message) . " LAST\r\n$message");
    is($client->read_reply->code, '250', 'BDAT');
    my @stored = $server->maildir('large@example.com')->wait_messages(2);
    is(SMTPTest::Maildir::content($_), $message =~ s/\r\n/\n/gr,
       'as it was sent') for @stored;
    $client->quit;
};

$server->finish;
done_testing;
