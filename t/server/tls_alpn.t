# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# ALPN (RFC 7301): a client that asks for HTTP is not greeted in SMTP, so that
# a browser cannot be led to a mail server that has the web server's
# certificate (ALPACA, 2021); one that asks for nothing, or for smtp, is
# served. Where nothing is said of protocols, and where the whole server has
# Protocols h2.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Server;

my $VHOSTS = <<'END';
<VirtualHost 127.0.0.1:${port_smtp} 127.0.0.1:${port_smtps}>
    ServerName mx.example.com
    SMTPEngine On
    Include conf/tls.conf
    <SMTPDomain example.com>
        SMTPRecipients any
    </SMTPDomain>
</VirtualHost>
<VirtualHost 127.0.0.1:${port_https}>
    ServerName mx.example.com
    Include conf/tls.conf
</VirtualHost>
END

sub server_with
{
    my ($protocols) = @_;
    return SMTPTest::Server->start_new(
        tls => 1, modules => ['http2'], global => "$protocols\n",
        # mod_http2 has advice for prefork, not for us.
        expected => [qr/AH10034: The mpm module \(prefork/],
        ports => { smtp => 'smtp', smtps => 'smtps', https => 'https' },
        vhosts => $VHOSTS);
}

# What the client offers, and what comes of it: the protocol that was chosen,
# '' for none, undef for a connection that dies.
my @CASES = (
    [[], ''],
    [['smtp'], 'smtp'],
    [['h2', 'smtp'], 'smtp'],
    [['http/1.1', 'smtp'], 'smtp'],
    [['h2'], undef],
    [['http/1.1'], undef],
    [['h2', 'http/1.1'], undef],
    [['http/0.9'], undef],
    [['imap'], undef],
    [['SMTP'], undef],
    [['smt'], undef],
    [['smtp2'], undef],
);

sub alpn { return @{ $_[0] } ? (alpn => $_[0]) : () }

# TLS as in the case; the greeting, or what a first command is answered.
sub first_words
{
    my ($server, $port, $offered) = @_;
    my $client = $port eq 'smtp' ? $server->ehlo_client
        : $server->client(port => $port);
    $client->command('STARTTLS') if $port eq 'smtp';
    my $is_up = $client->handshake(alpn($offered));
    $client->send_lines('EHLO client.test') if $is_up;
    return ($client, $client->read_reply);
}

sub check_offer
{
    my ($server, $port, $offered, $chosen) = @_;
    my ($client, $reply) = first_words($server, $port, $offered);
    if (!defined $chosen) {
        is("$reply", 'closed', 'cut, without a word of SMTP');
        return;
    }
    is($client->tls->alpn // '', $chosen, 'the protocol');
    like($reply->code, qr/\A2[25]0\z/, 'the session goes on');
    return;
}

# The web server beside us speaks what it spoke before. mod_http2 has no h2 on
# prefork.
sub check_neighbour
{
    my ($server) = @_;
    my $best = SMTPTest::Server::mpm() eq 'prefork' ? 'http/1.1' : 'h2';
    for my $case ([$best, 'h2', 'http/1.1'], ['http/1.1', 'http/1.1']) {
        my ($chosen, @offered) = @{$case};
        my $client = $server->client(port => 'https',
                                     tls => { alpn => \@offered });
        is($client->tls->alpn, $chosen, "https: $chosen");
        $client->close;
    }
    return;
}

for my $protocols ('', 'Protocols h2 http/1.1') {
    my $server = server_with($protocols);
    for my $port ('smtp', 'smtps') {
        for my $case (@CASES) {
            my $name = join ', ', @{ $case->[0] };
            subtest join(': ', $protocols || 'no Protocols', $port, $name)
                => sub { check_offer($server, $port, @{$case}) };
        }
    }
    check_neighbour($server) if $protocols;
    $server->finish;
}

done_testing;
