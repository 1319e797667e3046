#!/usr/bin/env perl
# Licensed under the Apache License, Version 2.0; see LICENSE.
# What the server tests lean on is right: certificates, TLS and the SASL
# mechanisms of t/lib, against openssl(1) and the RFCs' own examples.

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin, "$FindBin::Bin/../lib";
use File::Temp;
use MIME::Base64 qw(decode_base64 encode_base64);
use POSIX qw(mkfifo);
use Test::More;
use Tree;

use SMTPTest::Auth;
use SMTPTest::Certificate;
use SMTPTest::Client;
use SMTPTest::Program;
use SMTPTest::Wait qw(wait_until);

my $ca = SMTPTest::Certificate->authority;
my $good = $ca->intermediate->server(name => 'mx.example.com',
                                     digest => 'sha384');
my $expired = $ca->server(name => 'mx.example.com', is_expired => 1);
my $alice = $ca->client(name => 'Alice', email => 'alice@example.com');
my %trust = (ca => $ca->certificate, host => 'mx.example.com');
my $folder = File::Temp->newdir(TMPDIR => 1);
my @pids;
END { local $?; SMTPTest::Program::stop($_) for @pids }

# An input that never ends: at the end of its own openssl closes.
mkfifo("$folder/input", 0600) or die "mkfifo: $!";

# openssl's server; its port. What it says is in a file of that name.
sub tls_server
{
    my ($certificate, @more) = @_;
    my $port = SMTPTest::Program::free_port();
    push @pids, SMTPTest::Program::start(
        "$folder/$port", 'sh', '-c', 'exec openssl s_server "$@" <>"$0"',
        "$folder/input", @more,
        '-accept', "127.0.0.1:$port", '-key', $certificate->key,
        '-cert', $certificate->certificate,
        '-cert_chain', $certificate->chain);
    SMTPTest::Program::wait_port($port) or die 'openssl s_server';
    return $port;
}

# It says each line backwards.
my $port = tls_server($good, '-rev', '-alpn', 'smtp', '-Verify', 3,
                      '-CAfile', $ca->certificate);
for my $version ('TLSv1.2', 'TLSv1.3') {
    subtest $version => sub { check_tls($version) };
}

sub check_tls
{
    my ($version) = @_;
    my $client = SMTPTest::Client->new(
        port => $port, tls => { %trust, version => $version,
                                alpn => ['smtp'], split => [1, 5, 6, 99],
                                certificate => $alice });
    is($client->tls_version, $version, 'the version that was asked for');
    is($client->tls->alpn, 'smtp', 'ALPN');
    is_deeply($client->peer_certificate->{alt}, ['mx.example.com'],
              'the name of the certificate');
    is($client->peer_certificate->{fault}, '', 'which is good');
    $client->send_split("052\n", 1, 2);
    is($client->read_reply->code, '250', 'octets there and back');
    $client->send_octets("052\n" x 100_000);
    my $count = grep { $_ eq '250' }
        map { $client->read_reply->code } 1 .. 100_000;
    is($count, 100_000, 'in many records');
    my $session = $client->tls->session;
    $client->close;

    my $again = SMTPTest::Client->new(
        port => $port, tls => { version => $version, session => $session,
                                certificate => $alice });
    ok($again->tls->is_session_reused, 'the session is taken up again');
    $again->close_notify;
    ok($again->is_closed, 'nothing more after close_notify');
    done_testing;
}

subtest 'channel bindings' => sub {
    my @export = ('-keymatexport', 'EXPORTER-Channel-Binding',
                  '-keymatexportlen', 32);
    for my $version ('TLSv1.2', 'TLSv1.3') {
        my $bound = tls_server($good, @export);
        my $client = SMTPTest::Client->new(
            port => $bound, tls => { version => $version });
        my $ours = uc unpack 'H*', $client->tls->exporter(
            'EXPORTER-Channel-Binding', 32);
        ok(wait_until(20, sub {
            return slurp("$folder/$bound") =~ /Keying material: \Q$ours\E/;
        }), "$version: both sides export the same octets");
        is(unpack('H*', $client->tls->end_point_hash),
           fingerprint($good, 'sha384'), 'the hash of the signature');
        ok($client->tls->has_ems, 'an extended master secret');
    }
    my $client = SMTPTest::Client->new(
        port => $port, tls => { version => 'TLSv1.2', has_ems => 0,
                                certificate => $alice });
    ok(!$client->tls->has_ems, 'or none');
    done_testing;
};

sub fingerprint
{
    my ($certificate, $digest) = @_;
    my $line = qx(openssl x509 -noout -fingerprint -$digest -in ${\
                  $certificate->certificate});
    return lc($line =~ s/.*=|[:\n]//gr);
}

subtest 'a certificate that is not good' => sub {
    my $old = tls_server($expired, '-rev');
    my %why = ('of another name' => [$port, %trust, host => 'a.example.com'],
               'of nobody we know' => [$port, ca => $alice->certificate],
               'expired' => [$old, %trust],
               'none of ours' => [$port, %trust]);
    for my $why (sort keys %why) {
        my ($to, %tls) = @{ $why{$why} };
        my $client = SMTPTest::Client->new(port => $to);
        my $is_up = $client->handshake(%tls);
        # Under TLS 1.3 the server's refusal comes after our handshake.
        $is_up &&= $client->send_octets("052\n")
            && $client->read_reply->code eq '250';
        ok(!$is_up, "$why: refused") && note($client->tls_error);
    }
    done_testing;
};

# ---- AUTH -----------------------------------------------------------------

# A server that only says what it is told, and keeps what it heard.
{
    package Script;
    sub new { my ($class, @lines) = @_; return bless {
        replies => [@lines], heard => [] }, $class }
    sub tls { return }
    sub command
    {
        my ($self, $line) = @_;
        push @{ $self->{heard} }, $line;
        my $text = (shift(@{ $self->{replies} }) // '250') . "\r\n";
        return SMTPTest::Reply->take(\$text);
    }
}

# What a mechanism says to these replies: the command as it is, then lines
# without their base64.
sub spoken
{
    my ($arg, @replies) = @_;
    my $script = Script->new(@replies);
    my $auth = SMTPTest::Auth->new(client => $script, %{$arg});
    $auth->run;
    my ($command, @lines) = @{ $script->{heard} };
    my ($verb, $mechanism, $initial) = split / /, $command;
    return ($auth, $mechanism, (defined $initial
                                ? ($initial eq '=' ? '' : $initial) : ()),
            @lines);
}

sub said
{
    my (undef, undef, @lines) = spoken(@_);
    return map { decode_base64($_) } @lines;
}

my %tim = (login => 'tim', password => 'tanstaaftanstaaf');
my @plain = ({ mechanism => 'PLAIN', %tim }, '235 2.7.0 ok');
my @login = ({ mechanism => 'LOGIN', %tim }, '334 VXNlcm5hbWU6',
             '334 UGFzc3dvcmQ6', '235 2.7.0 ok');
is_deeply([said(@plain)], ["\0tim\0tanstaaftanstaaf"],
          'PLAIN as in RFC 4616 4');
is_deeply([said(@login)], ['tim', 'tanstaaftanstaaf'], 'LOGIN');
for ([PLAIN => @plain], [LOGIN => @login]) {
    my ($name, $arg, @replies) = @{$_};
    is_deeply([said({ %{$arg}, by_library => 1 }, @replies)],
              [said($arg, @replies)], "$name: Authen::SASL says the same");
}
is_deeply([said({ mechanism => 'PLAIN', %tim, is_initial => 0 }, '334 ')],
          ["\0tim\0tanstaaftanstaaf"], 'PLAIN when it is asked for');
is_deeply([said({ mechanism => 'EXTERNAL' })], [''], 'EXTERNAL: =');

# The exchange of RFC 7677 3.
sub scram
{
    my ($v, %more) = @_;
    return spoken({ mechanism => 'SCRAM-SHA-256', login => 'user',
                    password => 'pencil', %more,
                    change => { client_nonce => 'rOprNGfwEbeRWgbNEkqO' } },
                  map({ '334 ' . encode_base64($_, '') }
                      'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,'
                      . 's=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096', "v=$v"),
                  '235 2.7.0 ok');
}

subtest 'SCRAM-SHA-256 as in RFC 7677 3' => sub {
    my ($auth, $name, @lines)
        = scram('6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=');
    is_deeply([map { decode_base64($_) } @lines],
              ['n,,n=user,r=rOprNGfwEbeRWgbNEkqO', 'c=biws,r='
               . 'rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,'
               . 'p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=', ''],
              'the messages');
    ok($auth->is_verified, 'the server knows us');
    is_deeply([$auth->faults], [], 'and does nothing wrong');
    ($auth) = scram('7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=');
    ok(!$auth->is_verified, 'another signature does not pass');
    is_deeply([$auth->faults], ['another ServerSignature'], 'and is named');
    done_testing;
};

# RFC 7628 4.1, 4.3.
is_deeply([said({ mechanism => 'OAUTHBEARER', login => 'user@example.com',
                  host => 'server.example.com', port => 143,
                  token => 'vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==' },
                '334 ' . encode_base64('{"status":"invalid_token"}', ''),
                '535 5.7.8 no')],
          ["n,a=user\@example.com,\x01host=server.example.com\x01port=143\x01"
           . "auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01",
           "\x01"], 'OAUTHBEARER as in RFC 7628 4');
is_deeply([said({ mechanism => 'XOAUTH2', login => 'a@b', token => 't' })],
          ["user=a\@b\x01auth=Bearer t\x01\x01"], 'XOAUTH2');
done_testing;
