# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# Octets that come in plain text after STARTTLS must never be taken for the
# client's word under TLS (CVE-2011-0411, CVE-2025-49812 in httpd itself):
# somebody between client and server can put them there. Wherever TCP cuts
# them, they are refused and the connection dies.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Server;

my $server = SMTPTest::Server->start_new(
    tls => 1, config => "SMTPMaxConnections 0\nSMTPMaxErrors 0\n");

my %INJECTED = (
    'RSET' => "RSET\r\n",
    'EHLO' => "EHLO evil.test\r\n",
    'MAIL' => "MAIL FROM:<evil\@client.test>\r\n",
    'a whole message' => "EHLO evil.test\r\nMAIL FROM:<evil\@client.test>\r\n"
        . "RCPT TO:<bob\@example.com>\r\nDATA\r\nSubject: evil\r\n\r\n.\r\n",
    'AUTH' => "AUTH PLAIN AGJvYgBzZWNyZXQ=\r\n",
    'the beginning of a command' => 'NO',
    'one octet' => 'N',
    'a line end' => "\r\n",
    'STARTTLS again' => "STARTTLS\r\n",
    'NULs' => "\0\0\0\0",
);

# In the segment of STARTTLS itself the server sees that there is more.
for my $name (sort keys %INJECTED) {
    subtest "$name in one segment with STARTTLS" => sub {
        my $client = $server->ehlo_client;
        $client->send_octets("STARTTLS\r\n$INJECTED{$name}");
        my @replies = $client->read_replies;
        is($replies[0]->code, '554', 'refused');
        is(scalar @replies, 1, 'closed, and nothing more was said');
    };
}

# With a handshake behind them, as an attacker would let the client do.
subtest 'injected octets and the handshake in one segment' => sub {
    for my $name (sort keys %INJECTED) {
        my $client = $server->ehlo_client;
        $client->send_octets("STARTTLS\r\n$INJECTED{$name}"
                             . $client->client_hello);
        my @replies = $client->read_replies;
        is(join(' ', map { $_->code } @replies), '554', $name);
    }
};

# Cut at each octet: what arrives after the 220 is no ClientHello, and neither
# is it a command.
subtest 'cut at each octet' => sub {
    my $octets = "STARTTLS\r\n" . $INJECTED{RSET};
    for my $offset (1 .. length($octets) - 1) {
        my $client = $server->ehlo_client;
        $client->send_split($octets, $offset);
        my $said = $client->read_to_end // 'timeout';
        like($said, qr/\A(?:554 [^\r\n]*\r\n|220 [^\r\n]*\r\n[^a-z]*)\z/i,
             "cut at $offset: no reply to RSET") or next;
        # Before the end of STARTTLS's own line all is in one piece.
        like($said, qr/\A554 /, "cut at $offset: 554") if $offset < 10;
    }
};

# The client waits for the 220, and then somebody is faster than it.
subtest 'after the 220, before the handshake' => sub {
    for my $name (sort keys %INJECTED) {
        my $client = $server->ehlo_client;
        is($client->command('STARTTLS')->code, '220', "$name: 220");
        $client->send_octets($INJECTED{$name});
        $client->wait_taken;
        my $is_up = $client->handshake;
        ok(!$is_up, "$name: no handshake");
        unlike($client->read_to_end // 'timeout', qr/^\d{3}[ -]/m,
               "$name: no reply, and the end");
    }
};

# ALPACA (2021): a browser that was led here.
subtest 'HTTP where a ClientHello is due' => sub {
    for my $request ("GET / HTTP/1.1\r\nHost: mx.example.com\r\n\r\n",
                     "POST / HTTP/1.1\r\nHost: mx.example.com\r\n"
                     . "Content-Length: 6\r\n\r\nRSET\r\n") {
        my $client = $server->ehlo_client;
        is($client->command('STARTTLS')->code, '220', 'STARTTLS');
        $client->send_octets($request);
        my $said = $client->read_to_end // 'timeout';
        unlike($said, qr/\w{4}/, 'cut, and nothing said');
    }
};

# Pipelined before STARTTLS is what RFC 2920 3.1 allows: answered in order.
subtest 'commands before STARTTLS in its segment are in plain text' => sub {
    my $client = $server->ehlo_client;
    my @replies = $client->pipeline('MAIL FROM:<alice@client.test>', 'RSET',
                                    'NOOP', 'STARTTLS');
    is(join(' ', map { $_->code } @replies), '250 250 250 220', 'answered');
    ok($client->handshake(ca => $server->ca->certificate), 'then TLS');
    is($client->command('MAIL FROM:<bob@client.test>')->code, '503',
       'of which nothing is left');
    is($client->command('EHLO client.test')->code, '250', 'EHLO');
    is($client->quit->code, '221', 'QUIT');
};

is($server->maildir('bob@example.com')->count, 0, 'no message came of it');
$server->finish;
done_testing;
