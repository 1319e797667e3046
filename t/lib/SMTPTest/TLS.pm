# Licensed under the Apache License, Version 2.0; see LICENSE.
package SMTPTest::TLS;

# The client's side of TLS without a socket: octets in, octets out. So a test
# sees and cuts what goes over the wire, and nothing is read behind the back
# of whoever waits for the socket.

use strict;
use warnings;

use Net::SSLeay;

use SMTPTest::Exporter;

my %VERSION = ('TLSv1' => 0x301, 'TLSv1.1' => 0x302, 'TLSv1.2' => 0x303,
               'TLSv1.3' => 0x304);
# Not in Net::SSLeay.
my $SSL_OP_NO_EXTENDED_MASTER_SECRET = 1;
my $SSL_CTRL_GET_EXTMS_SUPPORT = 122;
my $X509_V_OK = 0;

# SMTPTest::TLS->new(NAME => VALUE, ...):
#   version      'TLSv1.2' and no other; those of OpenSSL
#   ciphers      of TLS 1.2 and below, as OpenSSL writes them
#   ciphersuites of TLS 1.3
#   sni          the name that the server is asked for; none
#   certificate  a client's: SMTPTest::Certificate
#   session      what session() gave before
#   alpn         ['smtp', ...]
#   ca           path of certificates that are trusted; with it the server's
#                certificate has to be good
#   host         the name that it has to have
#   has_ems      0: no extended master secret (RFC 7627)
sub new
{
    my ($class, %arg) = @_;
    my ($context, $secrets) = _context(\%arg);
    my $ssl = Net::SSLeay::new($context) or die _error('SSL_new');
    my $self = bless {
        context => $context, ssl => $ssl, is_up => 0, error => '',
        secrets => $secrets,
        in => Net::SSLeay::BIO_new(Net::SSLeay::BIO_s_mem()),
        out => Net::SSLeay::BIO_new(Net::SSLeay::BIO_s_mem()),
    }, $class;
    Net::SSLeay::set_bio($ssl, $self->{in}, $self->{out});
    Net::SSLeay::set_connect_state($ssl);
    $self->_ask(\%arg);
    return $self;
}

sub _context
{
    my ($arg) = @_;
    my $context = Net::SSLeay::CTX_new_with_method(
        Net::SSLeay::TLS_client_method()) or die _error('SSL_CTX_new');
    _limit_protocol($context, $arg);
    Net::SSLeay::CTX_set_options($context, $SSL_OP_NO_EXTENDED_MASTER_SECRET)
        if !($arg->{has_ems} // 1);
    if (my $certificate = $arg->{certificate}) {
        Net::SSLeay::CTX_use_certificate_chain_file($context,
                                                    $certificate->chain)
            && Net::SSLeay::CTX_use_PrivateKey_file(
                $context, $certificate->key, Net::SSLeay::FILETYPE_PEM())
            or die _error($certificate->key);
    }
    if (defined $arg->{ca}) {
        Net::SSLeay::CTX_load_verify_locations($context, $arg->{ca}, '')
            or die _error($arg->{ca});
        Net::SSLeay::CTX_set_verify($context, Net::SSLeay::VERIFY_PEER());
    }
    Net::SSLeay::CTX_set_alpn_protos($context, $arg->{alpn}) if $arg->{alpn};
    return ($context, _keep_secrets($context));
}

# The session's secrets by their names in a key log, as they come.
sub _keep_secrets
{
    my ($context) = @_;
    my %secrets;
    Net::SSLeay::CTX_set_keylog_callback($context, sub {
        my ($name, undef, $secret) = split / /, $_[1];
        $secrets{$name} = pack 'H*', $secret;
    });
    return \%secrets;
}

sub _limit_protocol
{
    my ($context, $arg) = @_;
    my $ciphers = $arg->{ciphers};
    if (defined $arg->{version}) {
        my $number = $VERSION{ $arg->{version} }
            or die "no such version: $arg->{version}\n";
        # What is offered to the server is the test's choice, not OpenSSL's.
        $ciphers //= 'ALL:@SECLEVEL=0' if $number < 0x303;
        Net::SSLeay::CTX_set_min_proto_version($context, $number);
        Net::SSLeay::CTX_set_max_proto_version($context, $number);
    }
    Net::SSLeay::CTX_set_cipher_list($context, $ciphers)
        or die _error($ciphers) if defined $ciphers;
    Net::SSLeay::CTX_set_ciphersuites($context, $arg->{ciphersuites})
        or die _error($arg->{ciphersuites}) if defined $arg->{ciphersuites};
    return;
}

sub _ask
{
    my ($self, $arg) = @_;
    Net::SSLeay::set_tlsext_host_name($self->{ssl}, $arg->{sni})
        if defined $arg->{sni};
    Net::SSLeay::set_session($self->{ssl}, $arg->{session})
        if defined $arg->{session};
    Net::SSLeay::X509_VERIFY_PARAM_set1_host(
        Net::SSLeay::get0_param($self->{ssl}), $arg->{host})
        if defined $arg->{host};
    return;
}

# OpenSSL's queue of errors, drained, after what was tried.
sub _error
{
    my ($what) = @_;
    my @errors;
    while (my $number = Net::SSLeay::ERR_get_error()) {
        push @errors, Net::SSLeay::ERR_error_string($number);
    }
    return join(': ', $what, @errors) . "\n";
}

# ---- Octets ---------------------------------------------------------------

# Takes octets that came from the server.
sub feed
{
    my ($self, $octets) = @_;
    Net::SSLeay::BIO_write($self->{in}, $octets) if length $octets;
    return;
}

# Gives the octets that are to go to the server.
sub drain
{
    my ($self) = @_;
    my $octets = '';
    while (my $count = Net::SSLeay::BIO_pending($self->{out})) {
        $octets .= Net::SSLeay::BIO_read($self->{out}, $count);
    }
    return $octets;
}

# Goes on with the handshake: 1 when it is done, 0 when the server is to
# speak, undef when it failed (error() says why).
sub handshake
{
    my ($self) = @_;
    return 1 if $self->{is_up};
    my $result = $self->_call(sub {
        Net::SSLeay::do_handshake($self->{ssl}) });
    $self->{is_up} = 1 if defined $result && $result == 1;
    return defined $result ? $self->{is_up} : undef;
}

# Puts octets into records, at least one.
sub write
{
    my ($self, $octets) = @_;
    while (length $octets) {
        my $sent = $self->_call(sub {
            Net::SSLeay::write($self->{ssl}, $octets) });
        return 0 if !$sent;
        substr $octets, 0, $sent, '';
    }
    return 1;
}

# All that the server said so far, deciphered.
sub read
{
    my ($self) = @_;
    my $octets = '';
    while (1) {
        my $got;
        my $result = $self->_call(sub {
            ($got, my $length) = Net::SSLeay::read($self->{ssl}, 65536);
            return $length;
        });
        return $octets if !$result || $result < 0;
        $octets .= $got;
    }
}

# One call of OpenSSL: what it said, 0 when it waits for input, undef when
# TLS has failed.
sub _call
{
    my ($self, $call) = @_;
    return if length $self->{error};
    Net::SSLeay::ERR_clear_error();
    my $result = $call->();
    return $result if defined $result && $result > 0;
    my $kind = Net::SSLeay::get_error($self->{ssl}, $result // -1);
    return 0 if $kind == Net::SSLeay::ERROR_WANT_READ()
        || $kind == Net::SSLeay::ERROR_ZERO_RETURN();
    chomp($self->{error} = _error('TLS'));
    return;
}

# Says that nothing more comes from us.
sub close_notify
{
    my ($self) = @_;
    $self->_call(sub { Net::SSLeay::shutdown($self->{ssl}) })
        if $self->{is_up};
    return;
}

# Whether the server said that nothing more comes from it.
sub has_close_notify
{
    my ($self) = @_;
    return !!(Net::SSLeay::get_shutdown($self->{ssl})
              & Net::SSLeay::RECEIVED_SHUTDOWN());
}

# Asks for another handshake (TLS 1.2); the next write begins it.
sub renegotiate { return Net::SSLeay::renegotiate($_[0]{ssl}) }

# ---- Facts ----------------------------------------------------------------

# Whether the handshake is done.
sub is_up { return $_[0]{is_up} }

# Why TLS failed, "" if it did not.
sub error { return $_[0]{error} }

sub version { return Net::SSLeay::get_version($_[0]{ssl}) }
sub cipher { return Net::SSLeay::get_cipher($_[0]{ssl}) }
sub is_session_reused { return !!Net::SSLeay::session_reused($_[0]{ssl}) }
sub alpn { return Net::SSLeay::P_alpn_selected($_[0]{ssl}) }

# For new(session => ...) of the next. Under TLS 1.3 the server must have
# spoken before.
sub session
{
    my ($self) = @_;
    return Net::SSLeay::get1_session($self->{ssl});
}

# Octets that both sides derive from the session and nobody else has
# (RFC 5705). No context and an empty one differ under TLS 1.2.
sub exporter
{
    my ($self, $label, $length, $context) = @_;
    my %arg = (label => $label, length => $length, context => $context,
               hash => SMTPTest::Exporter::hash_of($self->cipher));
    return SMTPTest::Exporter::of_tls13(
        %arg, secret => $self->{secrets}{EXPORTER_SECRET})
        if $self->version eq 'TLSv1.3';
    my $session = Net::SSLeay::get_session($self->{ssl});
    return SMTPTest::Exporter::of_tls12(
        %arg, secret => Net::SSLeay::SESSION_get_master_key($session),
        client_random => Net::SSLeay::get_client_random($self->{ssl}),
        server_random => Net::SSLeay::get_server_random($self->{ssl}));
}

# Whether the session has an extended master secret, without which RFC 9266
# has no tls-exporter under TLS 1.2.
sub has_ems
{
    my ($self) = @_;
    return $self->version eq 'TLSv1.3'
        || Net::SSLeay::ctrl($self->{ssl}, $SSL_CTRL_GET_EXTMS_SUPPORT, 0, 0)
            == 1;
}

# The server's certificate: name (CN), alt (DNS names), der, and why it is
# not good ("" if it is, or nobody was to ask).
sub certificate
{
    my ($self) = @_;
    my $x509 = Net::SSLeay::get_peer_certificate($self->{ssl}) or return;
    my $result = Net::SSLeay::get_verify_result($self->{ssl});
    my @alt = Net::SSLeay::X509_get_subjectAltNames($x509);
    my %certificate = (
        name => _common_name($x509),
        alt => [map { $alt[2 * $_ + 1] } 0 .. $#alt / 2],
        pem => Net::SSLeay::PEM_get_string_X509($x509),
        fault => $result == $X509_V_OK ? ''
            : Net::SSLeay::X509_verify_cert_error_string($result),
    );
    Net::SSLeay::X509_free($x509);
    return \%certificate;
}

sub _common_name
{
    my ($x509) = @_;
    my $name = Net::SSLeay::X509_NAME_get_text_by_NID(
        Net::SSLeay::X509_get_subject_name($x509),
        Net::SSLeay::NID_commonName());
    return $name =~ s/\0+\z//r;
}

# The hash of the server's certificate that is the channel binding
# tls-server-end-point (RFC 5929 4.1): by the hash function of its signature,
# but SHA-256 where that is MD5 or SHA-1. undef if the signature has none.
sub end_point_hash
{
    my ($self) = @_;
    my $x509 = Net::SSLeay::get_peer_certificate($self->{ssl}) or return;
    my $algorithm = lc Net::SSLeay::OBJ_nid2ln(Net::SSLeay::OBJ_obj2nid(
        Net::SSLeay::P_X509_get_signature_alg($x509)));
    my ($digest) = $algorithm =~ /(sha\d+|md5)/;
    $digest = 'sha256' if defined $digest && $digest =~ /\A(?:md5|sha1)\z/;
    my $hash = defined $digest
        ? Net::SSLeay::X509_digest($x509,
                                   Net::SSLeay::EVP_get_digestbyname($digest))
        : undef;
    Net::SSLeay::X509_free($x509);
    return $hash;
}

sub DESTROY
{
    my ($self) = @_;
    local ($., $@, $!, $?, $^E);
    Net::SSLeay::free($self->{ssl}) if $self->{ssl};
    Net::SSLeay::CTX_free($self->{context}) if $self->{context};
    return;
}

1;
