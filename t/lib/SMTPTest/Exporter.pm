# Licensed under the Apache License, Version 2.0; see LICENSE.
package SMTPTest::Exporter;

# Keying material that both ends of a TLS session derive from it (RFC 5705,
# RFC 8446 7.5), computed from the session's secrets: Net::SSLeay 1.92 gives
# octets that OpenSSL's own server does not.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256 hmac_sha384 sha256 sha384);

my %HMAC = (sha256 => \&hmac_sha256, sha384 => \&hmac_sha384);
my %HASH = (sha256 => \&sha256, sha384 => \&sha384);

# The hash function of a session, by its cipher's name.
sub hash_of
{
    my ($cipher) = @_;
    return $cipher =~ /SHA384\z/ ? 'sha384' : 'sha256';
}

# Up to TLS 1.2. No context and an empty one differ.
#   secret, client_random, server_random, hash, label, length, context
sub of_tls12
{
    my (%arg) = @_;
    my $seed = $arg{label} . $arg{client_random} . $arg{server_random};
    $seed .= pack 'n/a*', $arg{context} if defined $arg{context};
    return _p_hash($arg{hash}, $arg{secret}, $seed, $arg{length});
}

# RFC 5246 5.
sub _p_hash
{
    my ($hash, $secret, $seed, $length) = @_;
    my $hmac = $HMAC{$hash};
    my ($at, $octets) = ($seed, '');
    while (length $octets < $length) {
        $at = $hmac->($at, $secret);
        $octets .= $hmac->($at . $seed, $secret);
    }
    return substr $octets, 0, $length;
}

# TLS 1.3: secret is the exporter_master_secret. No context is an empty one.
sub of_tls13
{
    my (%arg) = @_;
    my $digest = $HASH{ $arg{hash} };
    my $derived = _expand_label($arg{hash}, $arg{secret}, $arg{label},
                                $digest->(''), length $digest->(''));
    return _expand_label($arg{hash}, $derived, 'exporter',
                         $digest->($arg{context} // ''), $arg{length});
}

# HKDF-Expand-Label (RFC 8446 7.1).
sub _expand_label
{
    my ($hash, $secret, $label, $context, $length) = @_;
    my $info = pack 'n C/a* C/a*', $length, "tls13 $label", $context;
    my ($at, $octets, $count) = ('', '', 0);
    while (length $octets < $length) {
        $at = $HMAC{$hash}->($at . $info . chr ++$count, $secret);
        $octets .= $at;
    }
    return substr $octets, 0, $length;
}

1;
