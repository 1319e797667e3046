# Licensed under the Apache License, Version 2.0; see LICENSE.
package SMTPTest::Client;

# An SMTP client that does only what it is told: exact octets, cut where the
# test wants them cut, replies read one by one and held to RFC 5321 4.2; in
# plain text and under TLS alike.

use strict;
use warnings;

use IO::Select;
use IO::Socket::IP;
use Socket qw(IPPROTO_TCP SOCK_STREAM SOL_SOCKET SO_LINGER SO_RCVBUF
              TCP_NODELAY);
use Time::HiRes qw(time);

use SMTPTest::Reply;
use SMTPTest::TLS;
use SMTPTest::Wait qw(wait_until);

my $SECONDS = $ENV{SMTP_SLOW} ? 120 : 20;

# SMTPTest::Client->new(port => PORT, ...):
#   host     where the server is; 127.0.0.1
#   from     our own address, such as 127.0.0.2
#   rcvbuf   octets that the kernel takes for us before we read
#   tls      implicit TLS: 1, or options as SMTPTest::TLS has them
sub new
{
    my ($class, %arg) = @_;
    my $host = $arg{host} // '127.0.0.1';
    my $socket = IO::Socket::IP->new(
        PeerHost => $host, PeerPort => $arg{port}, Type => SOCK_STREAM,
        ($arg{from} ? (LocalHost => $arg{from}) : ()),
        Sockopts => [$arg{rcvbuf} ? [SOL_SOCKET, SO_RCVBUF, $arg{rcvbuf}]
                                  : ()])
        or die "connect to $host:$arg{port}: $@\n";
    setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, 1;
    $socket->blocking(0);
    my $self = bless { socket => $socket, input => '', output => '',
                       is_eof => 0, port => $arg{port} }, $class;
    $self->_need_tls(ref $arg{tls} ? %{ $arg{tls} } : ()) if $arg{tls};
    return $self;
}

sub socket { return $_[0]{socket} }

# ---- Sending --------------------------------------------------------------

# Sends octets, whole: as they are, or under TLS in records of their own.
# False if the server has gone.
sub send_octets
{
    my ($self, $octets) = @_;
    return $self->send_raw($octets) if !$self->{tls};
    my $is_sent = $self->{tls}->write($octets);
    return $self->send_raw($self->{tls}->drain) && $is_sent;
}

# Sends octets to the socket, TLS or not: after octets that were left.
sub send_raw
{
    my ($self, $octets) = @_;
    $self->{output} .= $octets;
    my $end = time + $SECONDS;
    while (length $self->{output}) {
        defined $self->_send_some or return 0;
        next if !length $self->{output};
        die "the server does not read\n" if time > $end;
        $self->_wait_writable;
    }
    return 1;
}

# Sends what the socket takes now; the rest goes before what is sent next.
# How many octets (of the wire) are left, undef if the server has gone.
sub send_nowait
{
    my ($self, $octets) = @_;
    if ($self->{tls} && length $octets) {
        $self->{tls}->write($octets) or return;
        $octets = $self->{tls}->drain;
    }
    $self->{output} .= $octets;
    defined $self->_send_some or return;
    return length $self->{output};
}

# One write: how many octets the socket took, undef if it is dead.
sub _send_some
{
    my ($self) = @_;
    local $SIG{PIPE} = 'IGNORE';
    my $sent = syswrite $self->{socket}, $self->{output};
    if (defined $sent) {
        substr $self->{output}, 0, $sent, '';
        return $sent;
    }
    return $!{EAGAIN} || $!{EINTR} ? 0 : undef;
}

# A full send buffer may be so because the server waits for us to read.
sub _wait_writable
{
    my ($self) = @_;
    my $select = IO::Select->new($self->{socket});
    my ($read) = IO::Select->select($select, $select, undef, 1);
    $self->_read_some if $read && @{$read};
    return;
}

# Sends octets in TCP segments (TLS records) cut at the offsets; before each
# cut the server has read all that came before, so that it really sees two
# pieces.
sub send_split
{
    my ($self, $octets, @offsets) = @_;
    return $self->_split(sub { $self->send_octets($_[0]) }, $octets, @offsets);
}

# The same below TLS: records that are cut.
sub send_raw_split
{
    my ($self, $octets, @offsets) = @_;
    return $self->_split(sub { $self->send_raw($_[0]) }, $octets, @offsets);
}

sub _split
{
    my ($self, $send, $octets, @offsets) = @_;
    my $from = 0;
    for my $to ((grep { $_ < length $octets } @offsets), length $octets) {
        $send->(substr $octets, $from, $to - $from);
        $self->wait_taken if $to < length $octets;
        $from = $to;
    }
    return;
}

# Waits until the server's socket holds nothing that it has not read.
sub wait_taken
{
    my ($self) = @_;
    my ($mine, $port) = ($self->{socket}->sockport, $self->{port});
    return wait_until($SECONDS, sub { return _is_taken($port, $mine) });
}

# From the kernel's tables: local and remote address, state, queues.
sub _is_taken
{
    my ($server_port, $client_port) = @_;
    my $pattern = sprintf '^ *\d+: [0-9A-F]+:%04X [0-9A-F]+:%04X '
        . '[0-9A-F]+ [0-9A-F]{8}:([0-9A-F]{8})', $server_port, $client_port;
    for my $path ('/proc/net/tcp', '/proc/net/tcp6') {
        open my $file, '<', $path or next;
        while (my $line = <$file>) {
            return $1 eq '00000000' if $line =~ /$pattern/;
        }
    }
    return 1;    # gone: nothing waits there
}

# Sends command lines in one go.
sub send_lines
{
    my ($self, @lines) = @_;
    return $self->send_octets(join '', map { "$_\r\n" } @lines);
}

# Sends one command and reads its reply.
sub command
{
    my ($self, $line, $seconds) = @_;
    $self->send_lines($line);
    return $self->read_reply($seconds);
}

# Sends commands in one go (RFC 2920), then reads a reply to each.
sub pipeline
{
    my ($self, @lines) = @_;
    $self->send_lines(@lines);
    return map { $self->read_reply } @lines;
}

# A whole mail transaction, pipelined up to DATA; the reply to the end of
# data, or the first refusal.
#   from, to (one or a list), message (CRLF line ends, not yet stuffed),
#   mail, rcpt: parameters
sub send_message
{
    my ($self, %arg) = @_;
    my @to = ref $arg{to} ? @{ $arg{to} } : ($arg{to});
    my $from = $arg{from} // 'sender@client.test';
    my @commands = (_path("MAIL FROM:<$from>", $arg{mail}),
                    map { _path("RCPT TO:<$_>", $arg{rcpt}) } @to);
    my @replies = $self->pipeline(@commands, 'DATA');
    my ($refusal) = grep { $_->code !~ /\A[23]/ } @replies;
    if ($replies[-1]->code ne '354') {
        $self->command('RSET');
        return $refusal;
    }
    $self->send_octets(stuff($arg{message}) . ".\r\n");
    return $self->read_reply;
}

sub _path
{
    my ($command, $params) = @_;
    return defined $params ? "$command $params" : $command;
}

# Dot transparency (RFC 5321 4.5.2), the client's side.
sub stuff
{
    my ($message) = @_;
    $message =~ s/^\./../mg;
    return $message;
}

# ---- Reading --------------------------------------------------------------

# The next reply (SMTPTest::Reply). At the end of the stream its code is
# "closed", after SECONDS "timeout".
sub read_reply
{
    my ($self, $seconds) = @_;
    my $end = time + ($seconds // $SECONDS);
    while (1) {
        my $reply = SMTPTest::Reply->take(\$self->{input});
        return $reply if $reply;
        return SMTPTest::Reply->none('closed', $self->{input})
            if $self->{is_eof};
        return SMTPTest::Reply->none('timeout', $self->{input})
            if !$self->_fill($end);
    }
}

# The next line without its CRLF, of a peer that speaks to us as a client does;
# undef at the end of the stream, and after SECONDS.
sub read_line
{
    my ($self, $seconds) = @_;
    my $end = time + ($seconds // $SECONDS);
    while (1) {
        return $1 if $self->{input} =~ s/\A([^\n]*?)\r?\n//;
        return if $self->{is_eof} || !$self->_fill($end);
    }
}

# All octets up to the end of the stream, undef if it does not end.
sub read_to_end
{
    my ($self, $seconds) = @_;
    my $end = time + ($seconds // $SECONDS);
    until ($self->{is_eof}) {
        $self->_fill($end) or return;
    }
    my $octets = $self->{input};
    $self->{input} = '';
    return $octets;
}

# The same on the wire: nothing is deciphered any more.
sub read_raw_to_end
{
    my ($self, $seconds) = @_;
    my $tls = delete $self->{tls};
    $self->{input} = '';
    my $octets = $self->read_to_end($seconds);
    $self->{tls} = $tls;
    return $octets;
}

# Replies up to the end of the stream.
sub read_replies
{
    my ($self, $seconds) = @_;
    my @replies;
    while (1) {
        my $reply = $self->read_reply($seconds);
        return @replies if $reply->code eq 'closed';
        push @replies, $reply;
        return @replies if $reply->code eq 'timeout';
    }
}

# Whether the server closed and said nothing more.
sub is_closed
{
    my ($self, $seconds) = @_;
    my $rest = $self->read_to_end($seconds);
    return defined $rest && $rest eq '';
}

# What came and was not read as a reply, without waiting.
sub pending
{
    my ($self) = @_;
    $self->_fill(time);
    return $self->{input};
}

# Whether the server has not closed so far.
sub is_open
{
    my ($self) = @_;
    $self->_fill(time);
    return !$self->{is_eof};
}

# Waits at most SECONDS for anything to read: a pause that the server can
# end. Whether something (or the end of the stream) is there.
sub has_input
{
    my ($self, $seconds) = @_;
    my $end = time + $seconds;
    return length $self->{input} || $self->{is_eof} || $self->_fill($end);
}

# Waits for octets until END; false if none came.
sub _fill
{
    my ($self, $end) = @_;
    my $left = $end - time;
    my $select = IO::Select->new($self->{socket});
    return 0 if !$select->can_read($left > 0 ? $left : 0);
    $self->_read_some;
    return 1;
}

sub _read_some
{
    my ($self) = @_;
    my $got = sysread $self->{socket}, my $octets, 65536;
    return if !defined $got && ($!{EAGAIN} || $!{EINTR});
    $self->{is_eof} = 1 if !$got;
    return if !$got;
    $octets = $self->_decipher($octets) if $self->{tls};
    $self->{input} .= $octets;
    return;
}

# What the server said within records. An answer of TLS's own (a key update,
# an alert) is sent.
sub _decipher
{
    my ($self, $octets) = @_;
    my $tls = $self->{tls};
    $tls->feed($octets);
    return '' if !$tls->is_up;
    my $text = $tls->read;
    $self->send_nowait($tls->drain) if !length $self->{output};
    return $text;
}

# ---- TLS ------------------------------------------------------------------

# STARTTLS (RFC 3207) and the handshake; the reply in plain text. Dies if the
# server says 220 and the handshake fails, or if it says more than that.
# Options as SMTPTest::TLS has them, and those of handshake().
sub starttls
{
    my ($self, %arg) = @_;
    my $reply = $self->command('STARTTLS');
    $self->_need_tls(%arg) if $reply->code eq '220';
    return $reply;
}

sub _need_tls
{
    my ($self, %arg) = @_;
    $self->handshake(%arg) or die 'no TLS: ' . $self->tls_error . "\n";
    return;
}

# Begins TLS and waits until the handshake is done; false if it fails
# (tls_error says why). With split => [OFFSETS] each flight of ours is cut
# there.
sub handshake
{
    my ($self, %arg) = @_;
    my $offsets = delete $arg{split} // [];
    $self->begin_handshake(%arg);
    return $self->finish_handshake(@{$offsets});
}

# Goes on with a handshake until it is done, or has failed.
sub finish_handshake
{
    my ($self, @offsets) = @_;
    my $end = time + $SECONDS;
    while (1) {
        my $is_done = $self->{tls}->handshake;
        $self->send_raw_split($self->{tls}->drain, @offsets);
        last if !defined $is_done || $is_done;
        return 0 if $self->{is_eof} || !$self->_fill($end);
    }
    # The server's first words may have come with the end of its handshake.
    $self->{input} .= $self->{tls}->read if $self->{tls}->is_up;
    return $self->{tls}->is_up;
}

# Begins TLS and sends nothing yet.
sub begin_handshake
{
    my ($self, %arg) = @_;
    die "the server spoke before TLS: $self->{input}\n"
        if length $self->{input};
    $self->{tls} = SMTPTest::TLS->new(%arg);
    return;
}

# The first octets of a handshake, for a test that sends a part of them.
sub client_hello
{
    my ($self, %arg) = @_;
    my $tls = SMTPTest::TLS->new(%arg);
    $tls->handshake;
    return $tls->drain;
}

# The state of TLS (SMTPTest::TLS), undef in plain text.
sub tls { return $_[0]{tls} }

sub tls_version { return $_[0]{tls} && $_[0]{tls}->version }
sub tls_cipher { return $_[0]{tls} && $_[0]{tls}->cipher }
sub peer_certificate { return $_[0]{tls} && $_[0]{tls}->certificate }

# Why TLS failed; "" if it did not.
sub tls_error
{
    my ($self) = @_;
    return '' if !$self->{tls};
    return $self->{tls}->error || ($self->{tls}->is_up ? ''
        : $self->{is_eof} ? 'the server closed' : 'no answer in time');
}

# Sends close_notify; the TCP connection stays open, for octets that TLS does
# not cover any more (send_raw).
sub close_notify
{
    my ($self) = @_;
    $self->{tls}->close_notify;
    return $self->send_raw($self->{tls}->drain);
}

# ---- The end --------------------------------------------------------------

# No more octets from us; we still read.
sub shutdown_write
{
    my ($self) = @_;
    $self->close_notify if $self->{tls};
    return shutdown $self->{socket}, 1;
}

# Closes; with is_reset by RST instead of FIN, and no word of TLS.
sub close
{
    my ($self, %arg) = @_;
    setsockopt $self->{socket}, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0)
        if $arg{is_reset};
    if ($self->{tls} && !$arg{is_reset}) {
        $self->{tls}->close_notify;
        $self->send_nowait($self->{tls}->drain);
    }
    return CORE::close $self->{socket};
}

sub quit
{
    my ($self) = @_;
    my $reply = $self->command('QUIT');
    $self->close;
    return $reply;
}

1;
