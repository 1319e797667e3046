# Licensed under the Apache License, Version 2.0; see LICENSE.
package SMTPTest::Certificate;

# Certificates of one test's own, made by openssl(1) in a folder that goes
# with the test: authorities, servers, clients. P-256 keys, because they are
# made at once.

use strict;
use warnings;

use File::Temp;
use MIME::Base64 ();

use SMTPTest::File qw(write_file);

my $YEARS = 3650;

# ---- Making ---------------------------------------------------------------

# A root: SMTPTest::Certificate->authority(name => 'Test CA'). It signs by
# its methods intermediate, server and client. With folder everything goes
# there instead of a folder of its own.
sub authority
{
    my ($class, %arg) = @_;
    my $temp = $arg{folder} ? undef
        : File::Temp->newdir('smtp-test-XXXXXX', TMPDIR => 1);
    # httpd's children read some of it as somebody else.
    chmod 0755, "$temp" or die "$temp: $!" if $temp;
    my $folder = { path => $arg{folder} // "$temp", temp => $temp,
                   count => 0 };
    return $class->_make($folder, undef, %arg,
                         subject => [CN => $arg{name} // 'Test CA'],
                         days => $arg{days} // $YEARS, _of_authority());
}

# An authority below this one: what it signs has a chain of two.
sub intermediate
{
    my ($self, %arg) = @_;
    return $self->_sign(%arg,
                        subject => [CN => $arg{name} // 'Test intermediate'],
                        days => $arg{days} // $YEARS, _of_authority());
}

# A server's certificate:
#   name     CN, and the one DNS name unless alt says otherwise
#   alt      subjectAltName: ['mx.example.com', '*.example.org', ...]
#   days     how long it is valid; 2
#   is_expired  1: it ended yesterday
#   digest   of the signature; sha256
sub server
{
    my ($self, %arg) = @_;
    my @names = @{ $arg{alt} // [$arg{name}] };
    return $self->_sign(
        %arg, subject => [CN => $arg{name}],
        extensions => _of_end(serverAuth => map { "DNS:$_" } @names));
}

# A client's certificate: name (CN), email (in the name, where
# SSL_CLIENT_S_DN_Email looks, and as subjectAltName), days, is_expired.
sub client
{
    my ($self, %arg) = @_;
    my @email = defined $arg{email} ? ($arg{email}) : ();
    return $self->_sign(
        %arg, subject => [CN => $arg{name},
                          map { (emailAddress => $_) } @email],
        extensions => _of_end(clientAuth => map { "email:$_" } @email));
}

sub _of_authority
{
    return (extensions => ['basicConstraints=critical,CA:TRUE',
                           'keyUsage=critical,keyCertSign,cRLSign',
                           'subjectKeyIdentifier=hash']);
}

sub _of_end
{
    my ($purpose, @names) = @_;
    return ['basicConstraints=critical,CA:FALSE',
            'keyUsage=critical,digitalSignature',
            "extendedKeyUsage=$purpose",
            (@names ? 'subjectAltName=' . join(',', @names) : ())];
}

sub _sign
{
    my ($self, %arg) = @_;
    return (ref $self)->_make($self->{folder}, $self, %arg);
}

# Key, certificate, chain: NAME-COUNT.key, .crt and .chain in the folder.
sub _make
{
    my ($class, $folder, $issuer, %arg) = @_;
    my ($label) = lc($arg{subject}[1]) =~ s/[^a-z0-9.]+/-/gr;
    my $base = "$folder->{path}/$label-" . ++$folder->{count};
    my $self = bless { folder => $folder, issuer => $issuer, base => $base },
        $class;
    _openssl('genpkey', '-algorithm', 'EC', '-pkeyopt',
             'ec_paramgen_curve:P-256', '-out', $self->key);
    _openssl('req', '-new', '-key', $self->key, '-out', "$base.csr",
             '-utf8', '-subj', _subject(@{ $arg{subject} }),
             '-config', write_file("$base.cnf", "[req]\n"
                                   . "distinguished_name=name\n[name]\n"));
    _openssl('x509', '-req', '-in', "$base.csr", '-out', $self->certificate,
             '-days', $arg{is_expired} ? -1 : $arg{days} // 2,
             '-' . ($arg{digest} // 'sha256'),
             '-extfile', write_file("$base.ext", map { "$_\n" }
                                    @{ $arg{extensions} }),
             '-set_serial', _serial($folder), $self->_signer);
    $self->_write_chain;
    return $self;
}

sub _signer
{
    my ($self) = @_;
    my $issuer = $self->{issuer} or return ('-signkey', $self->key);
    return ('-CA', $issuer->certificate, '-CAkey', $issuer->key);
}

# Two authorities of one test may not give the same serial number.
sub _serial
{
    my ($folder) = @_;
    return sprintf '0x%04x%04x%04x%04x', $$ & 0xffff, rand 65536, rand 65536,
        $folder->{count};
}

sub _subject
{
    my @pairs = @_;
    my $subject = '';
    while (my ($type, $value) = splice @pairs, 0, 2) {
        $subject .= "/$type=" . $value =~ s{([/+\\])}{\\$1}gr;
    }
    return $subject;
}

# What SSLCertificateFile takes: the certificate and those above it, without
# the root.
sub _write_chain
{
    my ($self) = @_;
    my $text = '';
    for (my $at = $self; $at; $at = $at->{issuer}) {
        $text .= $at->pem if $at == $self || $at->{issuer};
    }
    write_file($self->chain, $text);
    return;
}

sub _openssl
{
    my @arguments = @_;
    my $pid = open my $out, '-|';
    defined $pid or die "fork: $!";
    if (!$pid) {
        open STDERR, '>&', \*STDOUT or exit 126;
        exec 'openssl', @arguments or exit 127;
    }
    my $text = do { local $/; <$out> } // '';
    close $out or die "openssl @arguments: $text";
    return $text;
}

# ---- Using ----------------------------------------------------------------

# Paths: the certificate alone, its key, the certificate with those above it.
sub certificate { return "$_[0]{base}.crt" }
sub key { return "$_[0]{base}.key" }
sub chain { return "$_[0]{base}.chain" }

# The certificate's text.
sub pem
{
    my ($self) = @_;
    open my $file, '<', $self->certificate or die $self->certificate . ": $!";
    local $/;
    return scalar <$file>;
}

# The certificate's octets (DER).
sub der
{
    my ($self) = @_;
    my ($base64) = $self->pem =~ /-----BEGIN CERTIFICATE-----\n(.*?)-----/s;
    return MIME::Base64::decode_base64($base64);
}

# httpd's lines for a server's certificate.
sub directives
{
    my ($self) = @_;
    return sprintf "SSLCertificateFile \"%s\"\nSSLCertificateKeyFile \"%s\"\n",
        $self->chain, $self->key;
}

# Puts certificate, chain and key in the place of another's, as a renewal on
# disk does.
sub replace
{
    my ($self, $old) = @_;
    for my $kind (qw(certificate chain key)) {
        open my $file, '<:raw', $self->$kind or die $self->$kind . ": $!";
        write_file($old->$kind, do { local $/; <$file> });
    }
    return;
}

1;
