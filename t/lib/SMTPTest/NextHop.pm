# Licensed under the Apache License, Version 2.0; see LICENSE.
package SMTPTest::NextHop;

# A server that mail is sent on to, by SMTP or LMTP: a good one, or one that
# answers at any stage what the test says, hangs, floods, or goes away. It is a
# process of its own that ends with the test, with one more for each
# connection.

use strict;
use warnings;

use parent -norequire, 'SMTPTest::Daemon';

use IO::Select;
use IO::Socket::IP;
use IO::Socket::SSL;
use IO::Socket::UNIX;
use POSIX ();
use Socket qw(MSG_PEEK);
use Time::HiRes ();

use SMTPTest::Daemon;
use SMTPTest::File qw(write_file);
use SMTPTest::Wait qw(wait_until);

my @EXTENSIONS = qw(PIPELINING 8BITMIME SIZE ENHANCEDSTATUSCODES DSN SMTPUTF8);

# SMTPTest::NextHop->start_new(directory => PATH, NAME => VALUE, ...):
#   address      127.0.0.1
#   port         any that is free
#   unix         path of a socket, in place of address and port
#   lmtp         1: LMTP (RFC 2033)
#   extensions   what EHLO offers; PIPELINING and others
#   certificate  SMTPTest::Certificate: STARTTLS is offered
#   implicit     1: TLS begins at once
#   login        { LOGIN => PASSWORD }: AUTH PLAIN and LOGIN are offered
#   says         { STAGE => ANSWER }, as say() takes them
sub start_new
{
    my ($class, %arg) = @_;
    my $self = bless { address => '127.0.0.1', extensions => \@EXTENSIONS,
                       %arg, owner => $$ }, $class;
    mkdir $self->{directory};
    mkdir "$self->{directory}/mail";
    $self->say(%{ $self->{says} // {} });
    my $listener = $self->_listen;
    $self->{port} = $listener->sockport if !$self->{unix};
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        open STDERR, '>>', "$self->{directory}/output";
        eval { $self->_accept($listener); 1 } or warn $@;
        POSIX::_exit(0);
    }
    setpgrp $pid, 0;
    $self->{pid} = $pid;
    return $self;
}

sub port { return $_[0]{port} }

# What it answers from now on. STAGE: greeting, ehlo, helo, starttls, handshake
# (TLS), auth, mail, rcpt, data, body (amid the mail data), end, rset, quit, or
# one of them and an address or its local-part, as "rcpt bob". ANSWER: lines of
# a reply, joined by "\n"; or
#   drop     it closes the connection
#   hang     it says nothing until it is told otherwise
#   flood    it says so much that nobody can want it all
#   endless  it says lines of a reply without end
#   long     it says one line without end
#   drip     it says one, an octet now and then
#   raw HEX  it says these octets
#   undef    as it should be
sub say
{
    my ($self, %says) = @_;
    my $said = $self->{said} //= {};
    for my $stage (keys %says) {
        $said->{$stage} = $says{$stage};
        delete $said->{$stage} if !defined $says{$stage};
    }
    write_file("$self->{directory}/says.new", join '', map {
        "$_\t" . $said->{$_} =~ s/\n/\\n/gr . "\n" } sort keys %{$said});
    rename "$self->{directory}/says.new", "$self->{directory}/says"
        or die "says: $!";
    return;
}

# The messages taken so far, oldest first: { from, to, parameters, content,
# helo, tls, login, address, connection }.
sub messages
{
    my ($self) = @_;
    return map { _message_read($_) } sort glob "$self->{directory}/mail/*.mail";
}

# Waits until there are COUNT; the messages.
sub wait_messages
{
    my ($self, $count, $seconds) = @_;
    wait_until($seconds // 60, sub { return $self->count >= $count });
    return $self->messages;
}

sub count
{
    my ($self) = @_;
    return scalar(() = glob "$self->{directory}/mail/*.mail");
}

# What was said so far: "CONNECTION < MAIL FROM:<>", "CONNECTION > 250 OK".
sub transcript
{
    my ($self) = @_;
    open my $file, '<', "$self->{directory}/transcript" or return;
    chomp(my @lines = <$file>);
    return @lines;
}

sub end
{
    my (undef, $pid) = @_;
    # Connections' processes are of its group.
    kill 'KILL', -$pid;
    waitpid $pid, 0;
    return;
}

# ---- In its processes -----------------------------------------------------

sub _listen
{
    my ($self) = @_;
    return IO::Socket::UNIX->new(Local => $self->{unix}, Listen => 256)
        // die "$self->{unix}: $!" if $self->{unix};
    return IO::Socket::IP->new(LocalAddr => $self->{address},
        LocalPort => $self->{port} // 0, Listen => 256, ReuseAddr => 1)
        // die "listen: $!";
}

sub _accept
{
    my ($self, $listener) = @_;
    setpgrp;
    local $SIG{CHLD} = 'IGNORE';
    while (getppid == $self->{owner}) {
        $listener = $self->_accept_some($listener);
    }
    return;
}

# The next client, if one comes soon. Who listens from now on.
sub _accept_some
{
    my ($self, $listener) = @_;
    IO::Select->new($listener)->can_read(1) or return $listener;
    my $socket = $listener->accept or return $listener;
    my $pid = fork // die "fork: $!";
    return $listener if $pid;
    close $listener;
    local $SIG{PIPE} = 'IGNORE';
    eval { $self->_serve($socket); 1 } or warn $@;
    POSIX::_exit(0);
    return;    # not reached
}

# One connection; leaves by _leave().
sub _serve
{
    my ($self, $socket) = @_;
    $self->{socket} = $socket;
    $self->_start_tls if $self->{implicit};
    $self->_reply('greeting', '220 next.hop.test ready');
    while (defined(my $line = readline $self->{socket})) {
        $self->_note('<', $line);
        $line =~ s/\r\n\z//;
        my ($verb, $argument) = $line =~ /\A(\S*) ?(.*)\z/s;
        my $method = '_on_' . lc $verb;
        if ($method =~ /\A\w+\z/ && $self->can($method)) {
            $self->$method($argument);
        }
        else {
            $self->_reply('unknown', '500 5.5.1 What?');
        }
    }
    return;
}

sub _on_ehlo { my ($self, $name) = @_; return $self->_hello('ehlo', $name) }
sub _on_lhlo { my ($self, $name) = @_; return $self->_hello('ehlo', $name) }

sub _hello
{
    my ($self, $stage, $name) = @_;
    $self->{helo} = $name;
    my @lines = ('next.hop.test', @{ $self->{extensions} });
    push @lines, 'STARTTLS' if $self->{certificate} && !$self->{tls};
    push @lines, 'REQUIRETLS' if $self->{tls} && $self->{requiretls};
    push @lines, 'AUTH PLAIN LOGIN' if $self->{login};
    my $last = pop @lines;
    return $self->_reply($stage,
                         join "\n", (map { "250-$_" } @lines), "250 $last");
}

sub _on_helo
{
    my ($self, $name) = @_;
    $self->{helo} = $name;
    return $self->_reply('helo', '250 next.hop.test');
}

sub _on_starttls
{
    my ($self) = @_;
    my $reply = $self->_reply('starttls', '220 2.0.0 Go ahead');
    $self->_start_tls if $reply =~ /\A2/;
    return;
}

sub _on_auth
{
    my ($self, $argument) = @_;
    require MIME::Base64;
    my ($mechanism, $initial) = split / /, $argument;
    my ($login, $password);
    if (uc $mechanism eq 'PLAIN') {
        $initial //= $self->_ask('334 ');
        (undef, $login, $password) =
            split /\0/, MIME::Base64::decode_base64($initial);
    }
    else {
        $login = MIME::Base64::decode_base64($self->_ask('334 VXNlcm5hbWU6'));
        $password =
            MIME::Base64::decode_base64($self->_ask('334 UGFzc3dvcmQ6'));
    }
    my $is_good = defined $password
        && ($self->{login}{$login} // '') eq $password;
    $self->{authenticated} = $login if $is_good;
    return $self->_reply('auth', $is_good ? '235 2.7.0 Welcome'
                                          : '535 5.7.8 No');
}

sub _ask
{
    my ($self, $challenge) = @_;
    $self->_write("$challenge\r\n");
    my $line = readline($self->{socket}) // $self->_leave;
    return $line =~ s/\r\n\z//r;
}

sub _on_mail
{
    my ($self, $argument) = @_;
    my ($from, $parameters) = $argument =~ /\AFROM:<(.*?)> ?(.*)\z/i;
    my $reply = $self->_reply('mail', '250 2.1.0 OK', $from);
    $self->{mail} = { from => $from, parameters => $parameters, to => [] }
        if $reply =~ /\A2/;
    return;
}

sub _on_rcpt
{
    my ($self, $argument) = @_;
    my ($to, $parameters) = $argument =~ /\ATO:<(.*?)> ?(.*)\z/i;
    return $self->_reply('none', '503 5.5.1 MAIL first') if !$self->{mail};
    my $reply = $self->_reply('rcpt', '250 2.1.5 OK', $to);
    push @{ $self->{mail}{to} }, $parameters ? "$to $parameters" : $to
        if $reply =~ /\A2/;
    return;
}

sub _on_data
{
    my ($self) = @_;
    return $self->_reply('none', '503 5.5.1 RCPT first')
        if !$self->{mail} || !@{ $self->{mail}{to} };
    my $reply = $self->_reply('data', '354 Go on');
    return if $reply !~ /\A3/;
    my $content = '';
    my $lines = 0;
    while (1) {
        my $line = readline($self->{socket}) // $self->_leave;
        last if $line eq ".\r\n";
        $content .= $line =~ s/\A\.//r;
        $self->_interrupt('body') if ++$lines == 10;
    }
    $self->_note('<', '(mail data) ' . length($content) . "\n");
    $self->{mail}{content} = $content;
    return $self->_end;
}

# Where nothing is to be said: whoever does leaves then.
sub _interrupt
{
    my ($self, $stage) = @_;
    my $answer = $self->_answer($stage, '');
    return if $answer eq '';
    $self->_say($answer);
    return $self->_leave;
}

# RFC 3030: all chunks of a message.
sub _on_bdat
{
    my ($self, $argument) = @_;
    my ($octets, $last) = $argument =~ /\A(\d+)( LAST)?\z/i;
    my $chunk = '';
    while (length $chunk < $octets) {
        read $self->{socket}, $chunk, $octets - length $chunk, length $chunk
            or $self->_leave;
    }
    return $self->_reply('none', '503 5.5.1 RCPT first')
        if !$self->{mail} || !@{ $self->{mail}{to} };
    $self->{mail}{content} .= $chunk;
    return $self->_end if $last;
    return $self->_reply('data', '250 2.0.0 OK');
}

# RFC 2033 4.2: by LMTP one reply for each recipient.
sub _end
{
    my ($self) = @_;
    my $mail = delete $self->{mail};
    if (!$self->{lmtp}) {
        my $answer = $self->_answer('end', '250 2.0.0 Taken', $mail->{from});
        $self->_keep($mail) if _is_good($answer);
        return $self->_say($answer);
    }
    for my $to (@{ $mail->{to} }) {
        my $answer = $self->_answer('end', '250 2.0.0 Taken', $to =~ s/ .*//sr);
        $self->_keep({ %{$mail}, to => [$to] }) if _is_good($answer);
        $self->_say($answer);
    }
    return;
}

# Whether a client may take it for 250; also with odd octets in it.
sub _is_good
{
    my ($answer) = @_;
    $answer = pack 'H*', $1 if $answer =~ /\Araw (\w+)\z/;
    return !grep { !/\A2\d\d[- ]/ } split /\n/, $answer;
}

sub _on_rset
{
    my ($self) = @_;
    delete $self->{mail};
    return $self->_reply('rset', '250 2.0.0 OK');
}

sub _on_noop { my ($self) = @_; return $self->_reply('noop', '250 2.0.0 OK') }

sub _on_quit
{
    my ($self) = @_;
    $self->_reply('quit', '221 2.0.0 Bye');
    return $self->_leave;
}

# The file appears whole, before the client reads of it.
sub _keep
{
    my ($self, $mail) = @_;
    my $peer = $self->{unix} ? '' : $self->{socket}->peerhost;
    my $name = sprintf '%s/mail/%017.6f-%d', $self->{directory},
        Time::HiRes::time(), $$;
    write_file("$name.new", join '', (map { "$_\n" }
        "from $mail->{from}", "parameters $mail->{parameters}",
        (map { "to $_" } @{ $mail->{to} }), "helo $self->{helo}",
        'tls ' . ($self->{tls} // ''), 'login '
        . ($self->{authenticated} // ''), "address $peer",
        "connection $$"), "\n$mail->{content}");
    rename "$name.new", "$name.mail" or die "$name: $!";
    return;
}

sub _message_read
{
    my ($path) = @_;
    open my $file, '<:raw', $path or die "$path: $!";
    local $/;
    my ($head, $content) = split /\n\n/, <$file>, 2;
    my %message = (content => $content, to => []);
    for my $line (split /\n/, $head) {
        my ($name, $value) = split / /, $line, 2;
        if ($name eq 'to') {
            push @{ $message{to} }, $value;
        }
        else {
            $message{$name} = $value // '';
        }
    }
    return \%message;
}

sub _start_tls
{
    my ($self) = @_;
    $self->_interrupt('handshake');
    IO::Socket::SSL->start_SSL($self->{socket}, SSL_server => 1,
        SSL_cert_file => $self->{certificate}->chain,
        SSL_key_file => $self->{certificate}->key) or $self->_leave;
    $self->{tls} = $self->{socket}->get_sslversion;
    return;
}

# What is said at a stage; the most special answer counts.
sub _answer
{
    my ($self, @about) = @_;
    my $answer = $self->_what(@about);
    if ($answer eq 'hang') {
        wait_until(3600, sub {
            $answer = $self->_what(@about);
            $self->_leave if $self->_is_left;
            return $answer ne 'hang' });
    }
    return $answer;
}

# Whether the client has gone; under TLS it is not looked at.
sub _is_left
{
    my ($self) = @_;
    return if $self->{tls} || !IO::Select->new($self->{socket})->can_read(0);
    recv $self->{socket}, my $octet, 1, MSG_PEEK;
    return ($octet // '') eq '';
}

sub _what
{
    my ($self, $stage, $default, $address) = @_;
    my $local = ($address // '') =~ s/\@.*//sr;
    my %says = $self->_says;
    for my $key (defined $address ? ("$stage $address", "$stage $local") : (),
                 $stage) {
        return $says{$key} if defined $says{$key};
    }
    return $default;
}

sub _says
{
    my ($self) = @_;
    open my $file, '<', "$self->{directory}/says" or return;
    chomp(my @lines = <$file>);
    return map { my ($stage, $answer) = split /\t/;
                 ($stage => $answer =~ s/\\n/\n/gr) } @lines;
}

sub _reply
{
    my ($self, @about) = @_;
    return $self->_say($self->_answer(@about));
}

sub _say
{
    my ($self, $answer) = @_;
    $self->_leave if $answer eq 'drop';
    $self->_pour($1) if $answer =~ /\A(endless|long|drip)\z/;
    if ($answer =~ /\Araw (\w+)\z/) {
        $self->_write(pack 'H*', $1);
        return pack 'H*', $1;
    }
    $answer = join "\n", map { "250-$_ " . 'x' x 400 } 1 .. 20_000
        if $answer eq 'flood';
    $self->_note('>', "$_\n") for (split /\n/, $answer)[0];
    $self->_write(join '', map { "$_\r\n" } split /\n/, $answer);
    $self->_leave if $answer =~ /\A421/;
    return $answer;
}

# Until the client has had enough.
sub _pour
{
    my ($self, $how) = @_;
    my $piece = $how eq 'endless' ? '250-' . 'x' x 400 . "\r\n" : 'x';
    $self->_write('250-') if $how ne 'endless';
    while (1) {
        $self->_write($how eq 'long' ? $piece x 400 : $piece);
        select undef, undef, undef, 0.1 if $how eq 'drip';
    }
    return;    # not reached
}

sub _write
{
    my ($self, $octets) = @_;
    print { $self->{socket} } $octets or $self->_leave;
    $self->{socket}->flush;
    return;
}

sub _leave
{
    my ($self) = @_;
    close $self->{socket};
    POSIX::_exit(0);
}

sub _note
{
    my ($self, $direction, $line) = @_;
    open my $file, '>>', "$self->{directory}/transcript" or die "log: $!";
    syswrite $file, "$$ $direction " . $line =~ s/\r?\n\z//r . "\n";
    close $file or die "log: $!";
    return;
}

1;
