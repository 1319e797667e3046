# Licensed under the Apache License, Version 2.0; see LICENSE.
package SMTPTest::Auth;

# The client's side of AUTH (RFC 4954) and its mechanisms, written from the
# RFCs so that a test can break each part of each message.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256 sha256);
use MIME::Base64 qw(decode_base64 encode_base64);

# What the client says, in order: a method each, which gets the server's
# challenge. undef: the server speaks first.
my %STEPS = (
    PLAIN => [\&_plain],
    LOGIN => [undef, \&_login_name, \&_login_password],
    EXTERNAL => [\&_external],
    'SCRAM-SHA-256' => [\&_scram_first, \&_scram_final, \&_scram_end],
    'SCRAM-SHA-256-PLUS' => [\&_scram_first, \&_scram_final, \&_scram_end],
    OAUTHBEARER => [\&_oauthbearer, \&_oauthbearer_failed],
    XOAUTH2 => [\&_xoauth2, \&_xoauth2_failed],
);

# RFC 9266 2: label and length of tls-exporter's octets.
my $EXPORTER_LABEL = 'EXPORTER-Channel-Binding';
my $EXPORTER_OCTETS = 32;
# RFC 7677 4.
my $MIN_ITERATIONS = 4096;

# SMTPTest::Auth->new(NAME => VALUE, ...):
#   client      SMTPTest::Client, past EHLO
#   mechanism   PLAIN, LOGIN, EXTERNAL, SCRAM-SHA-256, SCRAM-SHA-256-PLUS,
#               OAUTHBEARER, XOAUTH2
#   login, password, authzid, token
#   binding     of -PLUS: tls-exporter (the default), tls-server-end-point, or
#               any name with binding_data
#   is_initial  0: no initial response; the server has to ask for it
#   change      { NAME => VALUE or sub { changed } }: what is not as it should
#               be. Names are those of _value() below
#   by_library  1: messages by Authen::SASL instead (PLAIN, LOGIN, EXTERNAL)
sub new
{
    my ($class, %arg) = @_;
    my $self = bless { is_initial => 1, change => {}, authzid => '',
                       faults => [], %arg }, $class;
    $self->{steps} = $arg{by_library} ? $self->_library_steps
        : $STEPS{ $arg{mechanism} };
    die "no such mechanism: $arg{mechanism}\n" if !$self->{steps};
    return $self;
}

# ---- RFC 4954's framing ---------------------------------------------------

# The whole exchange; the last reply (SMTPTest::Reply).
sub run
{
    my ($self) = @_;
    my ($first, @steps) = @{ $self->{steps} };
    my $command = "AUTH $self->{mechanism}";
    if ($first && $self->{is_initial}) {
        my $response = $first->($self, '');
        $command .= ' ' . (length $response ? $self->_encode($response) : '=');
    }
    elsif ($first) {
        unshift @steps, $first;
    }
    return $self->_answer($self->{client}->command($command), @steps);
}

# Answers challenges as long as there are any.
sub _answer
{
    my ($self, $reply, @steps) = @_;
    while ($reply->code eq '334') {
        my $step = shift @steps;
        my $challenge = $self->_challenge($reply);
        push @{ $self->{faults} }, 'a challenge too many' if !$step;
        $reply = $self->{client}->command(
            $step ? $self->_encode($step->($self, $challenge)) : '*');
    }
    return $reply;
}

sub _challenge
{
    my ($self, $reply) = @_;
    my ($base64) = $reply->lines;
    push @{ $self->{faults} }, "no base64: $base64"
        if $base64 !~ m{\A(?:[A-Za-z0-9+/]{4})*
                        (?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?\z}x;
    return decode_base64($base64);
}

sub _encode
{
    my ($self, $message) = @_;
    return $self->_value(base64 => encode_base64($message, ''));
}

# A part of a message by its name, or what the test has in its place.
sub _value
{
    my ($self, $name, $value) = @_;
    return $value if !exists $self->{change}{$name};
    my $change = $self->{change}{$name};
    return ref $change eq 'CODE' ? $change->($value) : $change;
}

# What the server did wrong on its way; nothing if all was good.
sub faults { return @{ $_[0]{faults} } }

# The error that the server told within the mechanism (RFC 5802 7, e=; the
# JSON of RFC 7628 3.2.2), if any.
sub server_error { return $_[0]{server_error} }

# ---- PLAIN (RFC 4616), LOGIN, EXTERNAL (RFC 4422 A) -----------------------

sub _plain
{
    my ($self) = @_;
    return $self->_value(first => join "\0", $self->{authzid}, $self->{login},
                         $self->{password});
}

sub _login_name
{
    my ($self) = @_;
    return $self->_value(first => $self->{login});
}

sub _login_password
{
    my ($self) = @_;
    return $self->_value(final => $self->{password});
}

sub _external
{
    my ($self) = @_;
    return $self->_value(first => $self->{authzid});
}

# ---- SCRAM (RFC 5802, 7677) -----------------------------------------------

sub _scram_first
{
    my ($self) = @_;
    my $nonce = $self->_value(client_nonce =>
        encode_base64(join('', map { chr int rand 256 } 1 .. 18), ''));
    $self->{nonce} = $nonce;
    $self->{bare} = $self->_value(bare =>
        'n=' . _saslname($self->{login}) . ",r=$nonce");
    return $self->_value(first => $self->_gs2_header . $self->{bare});
}

# Whether and how the channel is bound, and as whom to act.
sub _gs2_header
{
    my ($self) = @_;
    my $flag = $self->{mechanism} =~ /-PLUS\z/
        ? 'p=' . ($self->{binding} // 'tls-exporter') : 'n';
    $flag = $self->_value(gs2_flag => $flag);
    my $authzid = length $self->{authzid}
        ? 'a=' . _saslname($self->{authzid}) : '';
    return $self->{gs2_header} = "$flag,$authzid,";
}

sub _saslname { return $_[0] =~ s/=/=3D/gr =~ s/,/=2C/gr }

sub _binding_data
{
    my ($self) = @_;
    return '' if $self->{gs2_header} !~ /\Ap=([^,]*)/;
    my $tls = $self->{client}->tls or return '';
    return $tls->exporter($EXPORTER_LABEL, $EXPORTER_OCTETS, '')
        if $1 eq 'tls-exporter';
    return $tls->end_point_hash // '' if $1 eq 'tls-server-end-point';
    return '';
}

sub _scram_final
{
    my ($self, $challenge) = @_;
    my ($nonce, $salt, $iterations) = $self->_scram_server_first($challenge)
        or return '*';
    my $binding = encode_base64(
        $self->_value(final_gs2_header => $self->{gs2_header})
        . $self->_value(binding_data => $self->_binding_data), '');
    my $without_proof = $self->_value(without_proof =>
        "c=$binding,r=" . $self->_value(final_nonce => $nonce));
    my $proof = $self->_proof(
        salted_password($self->{password}, $salt, $iterations),
        join ',', $self->{bare}, $challenge, $without_proof);
    return $self->_value(final => "$without_proof,p="
                         . encode_base64($self->_value(proof => $proof), ''));
}

# server-first-message: nonce, salt, iteration count.
sub _scram_server_first
{
    my ($self, $challenge) = @_;
    my ($nonce, $salt, $iterations) = $challenge
        =~ m{\Ar=([\x21-\x2b\x2d-\x7e]+),s=([A-Za-z0-9+/]+={0,2}),
             i=([1-9]\d*)(?:,.*)?\z}x;
    if (!defined $nonce) {
        push @{ $self->{faults} }, "no server-first-message: $challenge";
        return;
    }
    push @{ $self->{faults} }, 'the server adds nothing to the nonce'
        if $nonce !~ /\A\Q$self->{nonce}\E./;
    push @{ $self->{faults} }, "$iterations iterations"
        if $iterations < $MIN_ITERATIONS;
    $self->{server_first} = { nonce => $nonce, iterations => $iterations,
                              salt => decode_base64($salt) };
    return ($nonce, decode_base64($salt), $iterations);
}

# What the server said first: { nonce, salt, iterations }.
sub server_first { return $_[0]{server_first} }

# ClientProof; keeps the signature that the server has to show.
sub _proof
{
    my ($self, $salted, $auth_message) = @_;
    my $client_key = hmac_sha256('Client Key', $salted);
    $self->{signature} = hmac_sha256($auth_message,
                                     hmac_sha256('Server Key', $salted));
    return $client_key ^ hmac_sha256($auth_message, sha256($client_key));
}

# Hi() of RFC 5802 2.2: PBKDF2 with one block.
sub salted_password
{
    my ($password, $salt, $iterations) = @_;
    my $u = hmac_sha256($salt . pack('N', 1), $password);
    my $result = $u;
    for (2 .. $iterations) {
        $u = hmac_sha256($u, $password);
        $result ^= $u;
    }
    return $result;
}

# A line of a credential file without its login:
# SCRAM-SHA-256$ITERATIONS:SALT$STOREDKEY:SERVERKEY.
sub verifier
{
    my ($password, $salt, $iterations) = @_;
    my $salted = salted_password($password, $salt, $iterations);
    my ($salt64, $stored, $server) = map { encode_base64($_, '') }
        $salt, sha256(hmac_sha256('Client Key', $salted)),
        hmac_sha256('Server Key', $salted);
    return "SCRAM-SHA-256\$$iterations:$salt64\$$stored:$server";
}

# server-final-message: the server knows our password too, or is none.
sub _scram_end
{
    my ($self, $challenge) = @_;
    if ($challenge =~ /\Ae=([^,]+)/) {
        $self->{server_error} = $1;
    }
    elsif ($challenge !~ m{\Av=([A-Za-z0-9+/]{43}=)(?:,.*)?\z}) {
        push @{ $self->{faults} }, "no server-final-message: $challenge";
    }
    else {
        $self->{is_verified} = decode_base64($1) eq $self->{signature};
        push @{ $self->{faults} }, 'another ServerSignature'
            if !$self->{is_verified};
    }
    return $self->_value(end => '');
}

# SCRAM: whether the server proved that it knows us.
sub is_verified { return !!$_[0]{is_verified} }

# ---- Bearer tokens (RFC 7628, XOAUTH2) ------------------------------------

sub _oauthbearer
{
    my ($self) = @_;
    my $authzid = $self->{authzid} || $self->{login};
    my $header = $self->_value(gs2_header =>
        'n,' . (defined $authzid ? 'a=' . _saslname($authzid) : '') . ',');
    my @pairs = map { defined $self->{$_} ? "$_=$self->{$_}\x01" : () }
        qw(host port);
    return $self->_value(first => join '', "$header\x01", @pairs,
                         "auth=Bearer $self->{token}\x01\x01");
}

# RFC 7628 3.2.3: an error is acknowledged by a single ^A.
sub _oauthbearer_failed
{
    my ($self, $challenge) = @_;
    $self->_oauth_error($challenge);
    return $self->_value(end => "\x01");
}

sub _xoauth2
{
    my ($self) = @_;
    return $self->_value(first => "user=$self->{login}\x01"
                         . "auth=Bearer $self->{token}\x01\x01");
}

sub _xoauth2_failed
{
    my ($self, $challenge) = @_;
    $self->_oauth_error($challenge);
    return $self->_value(end => '');
}

sub _oauth_error
{
    my ($self, $challenge) = @_;
    $self->{server_error} = $challenge;
    push @{ $self->{faults} }, "no JSON with a status: $challenge"
        if $challenge !~ /\A\s*\{.*"status"\s*:\s*"[^"]+".*\}\s*\z/s;
    return;
}

# ---- Somebody else's implementation ---------------------------------------

# Authen::SASL knows by itself whether it has an initial response.
sub _library_steps
{
    my ($self) = @_;
    require Authen::SASL;
    my $sasl = Authen::SASL->new(
        mechanism => $self->{mechanism},
        callback => { user => $self->{login}, pass => $self->{password},
                      authname => $self->{authzid} });
    my $library = $sasl->client_new('smtp', 'mx.example.com');
    my $first = $library->client_start;
    my $step = sub { return $library->client_step($_[1]) };
    return [length($first // '') ? sub { return $first } : undef,
            ($step) x 3];
}

1;
