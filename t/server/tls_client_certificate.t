# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# Client certificates: demanded, or asked for (SSLVerifyClient), and what
# rules, logs and trace headers may know of them. One that is expired, or of a
# CA that nobody trusts, gets no session where one is demanded.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Certificate;
use SMTPTest::Server;

my $ca = SMTPTest::Certificate->authority(name => 'Staff');
my %certificate = (
    alice => $ca->client(name => 'Alice', email => 'alice@example.com'),
    chained => $ca->intermediate->client(name => 'Bob'),
    expired => $ca->client(name => 'Old', is_expired => 1),
    stranger => SMTPTest::Certificate->authority->client(name => 'Alice'),
    server => $ca->server(name => 'mx.client.test'),
);
my $trusted = $ca->certificate;

# A virtual host for each word of SSLVerifyClient.
sub vhost
{
    my ($word) = @_;
    return <<"END";
<VirtualHost 127.0.0.1:\${port_$word}>
    ServerName mx.example.com
    SMTPEngine On
    Include conf/tls.conf
    SSLCACertificateFile "$trusted"
    SSLVerifyClient $word
    SSLVerifyDepth 2
    <SMTPDomain example.com>
        SMTPRecipients any
    </SMTPDomain>
    CustomLog logs/$word.log "%{SSL_CLIENT_VERIFY}x|%{SSL_CLIENT_S_DN_CN}x|%{SSL_CLIENT_S_DN_Email}x"
</VirtualHost>
END
}

my @WORDS = qw(require optional optional_no_ca);
my $server = SMTPTest::Server->start_new(
    tls => 1, ports => { map { $_ => 'smtp' } @WORDS },
    # mod_ssl's own words for a certificate that it does not take.
    expected => [qr/AH02039: Certificate Verification: Error \((?:10|20|26)\)/],
    vhosts => join '', map { vhost($_) } @WORDS);

# TLS with that certificate; the reply to EHLO under it. A refusal comes, under
# TLS 1.3, after the client's last word.
sub client_with
{
    my ($word, $name, @tls) = @_;
    my $client = $server->ehlo_client(port => $word);
    is($client->command('STARTTLS')->code, '220', 'STARTTLS');
    $client->handshake(@tls, $name ? (certificate => $certificate{$name})
                                   : ());
    $client->send_lines('EHLO client.test') if $client->tls->is_up;
    return ($client, $client->read_reply);
}

my %IS_TAKEN = (
    require => { alice => 1, chained => 1, server => 0, expired => 0,
                 stranger => 0, '' => 0 },
    optional => { alice => 1, chained => 1, expired => 0, stranger => 0,
                  '' => 1 },
    optional_no_ca => { alice => 1, chained => 1, stranger => 1, '' => 1 },
);
for my $word (@WORDS) {
    for my $name (sort keys %{ $IS_TAKEN{$word} }) {
        for my $version ('TLSv1.2', 'TLSv1.3') {
            subtest "$word, " . ($name || 'none') . ", $version" => sub {
                my ($client, $reply) = client_with($word, $name,
                                                   version => $version);
                is($reply->code, $IS_TAKEN{$word}{$name} ? '250' : 'closed',
                   'EHLO');
                $client->close;
            };
        }
    }
}

# One message, and its line in the log.
sub logged
{
    my ($word, $name) = @_;
    my ($client) = client_with($word, $name);
    is($client->send_message(to => 'bob@example.com', message => "A: b\r\n")
       ->code, '250', 'a message');
    $client->quit;
    my $line = $server->wait_file("logs/$word.log", qr/./) // '';
    $server->write_file("logs/$word.log", '');
    return $line =~ s/\n\z//r;
}

subtest 'what is known of a certificate' => sub {
    is(logged('require', 'alice'), 'SUCCESS|Alice|alice@example.com',
       'verified');
    is(logged('optional', ''), 'NONE|-|-', 'none');
    like(logged('optional_no_ca', 'stranger'), qr/\A(?:GENEROUS|FAILED:.*)\|/,
         'not verified');
};

$server->finish;
done_testing;
