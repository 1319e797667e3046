# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# A certificate that was renewed on disk is what new sessions see after a
# graceful restart, while sessions that are open go on under the old one to
# the end of their message; with files of one's own, and with mod_md, whose
# MDomain has the server's name (static files: no ACME server is asked).
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Server;

my $MESSAGE = "Subject: renewal\r\n\r\nfirst half\r\n";

# The virtual host of mod_md has no certificate of its own.
my %SETUPS = (
    'files' => sub { return (tls => 1) },
    'mod_md' => sub {
        return (
            modules => [qw(socache_shmcb ssl md)],
            # mod_watchdog, which mod_md needs, never joins its thread.
            env => { TSAN_OPTIONS => join ':', $ENV{TSAN_OPTIONS} // (),
                     'report_thread_leaks=0' },
            # What the test has no use for: renewal, and ACME at all.
            global => <<"END", config => 'SSLEngine On');
SSLSessionCache shmcb:\${root}/run/ssl
MDStoreDir md
MDRenewMode manual
<MDomain mx.example.com>
    MDCertificateFile "$_[0]{chain}"
    MDCertificateKeyFile "$_[0]{key}"
</MDomain>
END
    },
);

for my $setup (sort keys %SETUPS) {
    subtest $setup => sub { check_renewal($SETUPS{$setup}) };
}

sub check_renewal
{
    my ($setup) = @_;
    my $ca = SMTPTest::Certificate->authority;
    my $old = $ca->server(name => 'mx.example.com');
    my $server = SMTPTest::Server->new(
        $setup->({ chain => $old->chain, key => $old->key }));
    $old = $server->certificate // $old;
    my $new = ($server->ca // $ca)->server(name => 'mx.example.com');
    my ($old_pem, $new_pem) = ($old->pem, $new->pem);
    $server->start;

    my $open = tls_client($server);
    is($open->peer_certificate->{pem}, $old_pem, 'before: the old one');
    $open->pipeline('MAIL FROM:<a@client.test>', 'RCPT TO:<bob@example.com>',
                    'DATA');
    $open->send_octets($MESSAGE);
    $open->wait_taken;
    my $waiting = tls_client($server);

    $new->replace($old);
    my $other = tls_client($server);
    is($other->peer_certificate->{pem}, $old_pem,
       'on disk alone: still the old one');
    $other->quit;
    $server->graceful;
    check_sessions($server, $open, $waiting, $new_pem);
    $server->finish;
    return;
}

sub check_sessions
{
    my ($server, $open, $waiting, $new_pem) = @_;
    my $fresh;
    SMTPTest::Wait::wait_until(30, sub {
        $fresh = eval { tls_client($server) } or return;
        return $fresh->peer_certificate->{pem} eq $new_pem;
    });
    is($fresh->peer_certificate->{pem}, $new_pem,
       'after the restart: the new one');
    $open->send_octets("second half\r\n.\r\n");
    is($open->read_reply->code, '250', 'the message that was open is taken');
    is($fresh->send_message(to => 'bob@example.com', message => "A: b\r\n")
       ->code, '250', 'and so is a new one');
    is($waiting->read_reply->code, '421', 'a session that waited is told');
    ok($waiting->is_closed, 'and closed');
    ok($waiting->tls->has_close_notify, 'with close_notify')
        if $waiting->tls;
    my @messages = $server->maildir('bob@example.com')->wait_messages(2);
    is(scalar(grep { /first half\nsecond half\n/ } @messages), 1,
       'the open message is whole');
    $_->close for $open, $fresh, $waiting;
    return;
}

# Past EHLO, under TLS.
sub tls_client
{
    my ($server) = @_;
    my $client = $server->ehlo_client;
    $client->starttls(sni => 'mx.example.com');
    $client->command('EHLO client.test')->code eq '250' or die 'no EHLO';
    return $client;
}

done_testing;
