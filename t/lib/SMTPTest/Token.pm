# Licensed under the Apache License, Version 2.0; see LICENSE.
package SMTPTest::Token;

# Signed tokens (RFC 7515, 7519) of one test's own, and the keys behind them,
# made by openssl(1): good ones, and such as a forger makes.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256 hmac_sha512);
use File::Temp;
use JSON::PP ();
use MIME::Base64 qw(decode_base64 encode_base64url);

use SMTPTest::File qw(write_file);

# What makes a key of each algorithm, and how it signs.
my %KINDS = (
    RS256 => [[qw(RSA -pkeyopt rsa_keygen_bits:2048)], \&_sign_digest],
    PS256 => [[qw(RSA -pkeyopt rsa_keygen_bits:2048)], \&_sign_pss],
    ES256 => [[qw(EC -pkeyopt ec_paramgen_curve:P-256)], \&_sign_ecdsa],
    EdDSA => [['ED25519'], \&_sign_eddsa],
);
my %HMAC = (HS256 => \&hmac_sha256, HS512 => \&hmac_sha512);

# SMTPTest::Token->new('ES256', kid => 'NAME'): a new key.
sub new
{
    my ($class, $algorithm, %arg) = @_;
    my $self = bless { algorithm => $algorithm, %arg,
                       temp => File::Temp->newdir('smtp-test-XXXXXX',
                                                  TMPDIR => 1) }, $class;
    _openssl('genpkey', '-out', $self->_file('key'), '-algorithm',
             @{ $KINDS{$algorithm}[0] });
    return $self;
}

# ---- Keys -----------------------------------------------------------------

# The public key in PEM.
sub pem
{
    my ($self) = @_;
    return _openssl('pkey', '-in', $self->_file('key'), '-pubout');
}

# The public key as a JWK (RFC 7517): a hash.
sub jwk
{
    my ($self) = @_;
    my ($base64) = $self->pem =~ /KEY-----\n(.*?)-----END/s;
    my $der = decode_base64($base64);
    my %jwk = (alg => $self->{algorithm}, use => 'sig',
               (defined $self->{kid} ? (kid => $self->{kid}) : ()));
    return { %jwk, kty => 'OKP', crv => 'Ed25519',
             x => encode_base64url(substr $der, -32) }
        if $self->{algorithm} eq 'EdDSA';
    return { %jwk, kty => 'EC', crv => 'P-256',
             x => encode_base64url(substr $der, -64, 32),
             y => encode_base64url(substr $der, -32) }
        if $self->{algorithm} eq 'ES256';
    my ($modulus) = _openssl('rsa', '-in', $self->_file('key'), '-noout',
                             '-modulus') =~ /Modulus=([0-9A-F]+)/;
    return { %jwk, kty => 'RSA', e => 'AQAB',
             n => encode_base64url(pack 'H*', $modulus) };
}

# A JWK Set with these keys, as text.
sub set
{
    my @keys = @_;
    return JSON::PP->new->canonical->encode({ keys => [map { $_->jwk }
                                                       @keys] });
}

# ---- Tokens ---------------------------------------------------------------

# A token with these claims. header => { ... } adds to the header or changes
# it; its signature is good all the same.
sub sign
{
    my ($self, $claims, %arg) = @_;
    my %header = (alg => $self->{algorithm}, typ => 'at+jwt',
                  (defined $self->{kid} ? (kid => $self->{kid}) : ()),
                  %{ $arg{header} // {} });
    my $input = _input(\%header, $claims);
    return "$input." . encode_base64url(
        $KINDS{ $self->{algorithm} }[1]->($self, $input));
}

# A token with a MAC by a secret: sign_secret('HS256', SECRET, { ... }).
sub sign_secret
{
    my ($algorithm, $secret, $claims) = @_;
    my $input = _input({ alg => $algorithm }, $claims);
    return "$input." . encode_base64url($HMAC{$algorithm}->($input, $secret));
}

# A token without signature (RFC 7519 6).
sub unsigned { return _input({ alg => 'none' }, $_[0]) . '.' }

sub _input
{
    my @parts = map { encode_base64url(ref ? JSON::PP->new->canonical->encode($_)
                                           : $_) } @_;
    return join '.', @parts;
}

sub _sign_digest
{
    my ($self, $input, @options) = @_;
    return _openssl('dgst', '-sha256', '-sign', $self->_file('key'), @options,
                    write_file($self->_file('input'), $input));
}

sub _sign_pss
{
    my ($self, $input) = @_;
    return $self->_sign_digest($input, '-sigopt', 'rsa_padding_mode:pss',
                               '-sigopt', 'rsa_pss_saltlen:digest');
}

# RFC 7518 3.4: r and s of the DER, 32 octets each.
sub _sign_ecdsa
{
    my ($self, $input) = @_;
    my $der = $self->_sign_digest($input);
    my ($r, $s) = unpack 'x3 C/a x C/a', $der;
    return join '', map { substr "\0" x 32 . $_, -32 } $r, $s;
}

sub _sign_eddsa
{
    my ($self, $input) = @_;
    return _openssl('pkeyutl', '-sign', '-rawin', '-inkey',
                    $self->_file('key'), '-in',
                    write_file($self->_file('input'), $input));
}

# ---- Files ----------------------------------------------------------------

sub _file { return "$_[0]{temp}/$_[1]" }

sub _openssl
{
    my @arguments = @_;
    my $pid = open my $out, '-|';
    defined $pid or die "fork: $!";
    if (!$pid) {
        open STDERR, '>', '/dev/null' or exit 126;
        exec 'openssl', @arguments or exit 127;
    }
    binmode $out;
    my $octets = do { local $/; <$out> } // '';
    close $out or die "openssl @arguments failed";
    return $octets;
}

1;
