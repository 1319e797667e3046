# Licensed under the Apache License, Version 2.0; see LICENSE.
package SMTPTest::Introspection;

# An introspection end point (RFC 7662) over HTTPS, which answers for each
# token what the test says: good answers, bad ones, slow ones. It is a process
# of its own that ends with the test, with one more for each connection.

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use IO::Socket::SSL;
use MIME::Base64 qw(decode_base64);
use POSIX ();

use SMTPTest::Wait qw(wait_until);

# SMTPTest::Introspection->new(NAME => VALUE, ...):
#   certificate  SMTPTest::Certificate for "localhost"; undef: plain HTTP
#   credentials  [ID, SECRET]
#   log          path: each request is a line "CONNECTION TOKEN"
#   answers      { TOKEN => { status, type, body, location, hold } }; hold: a
#                path, and there is no answer while it exists
sub new
{
    my ($class, %arg) = @_;
    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
                                         Listen => 64, ReuseAddr => 1)
        or die "listen: $!";
    my $self = bless { %arg, port => $listener->sockport, owner => $$ },
        $class;
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        eval { $self->_accept($listener); 1 } or warn $@;
        POSIX::_exit(0);
    }
    setpgrp $pid, 0;
    $self->{pid} = $pid;
    return $self;
}

sub url
{
    my ($self) = @_;
    return $self->{certificate} ? "https://localhost:$self->{port}/introspect"
        : "http://127.0.0.1:$self->{port}/introspect";
}

# The lines of the log so far.
sub requests
{
    my ($self) = @_;
    open my $file, '<', $self->{log} or return;
    chomp(my @lines = <$file>);
    return @lines;
}

sub stop
{
    my ($self) = @_;
    my $pid = delete $self->{pid} or return;
    # Connections' processes are of its group.
    kill 'KILL', -$pid;
    waitpid $pid, 0;
    return;
}

sub DESTROY
{
    my ($self) = @_;
    local ($?, $!);
    $self->stop if $self->{owner} == $$;
    return;
}

# ---- In its processes -----------------------------------------------------

sub _accept
{
    my ($self, $listener) = @_;
    setpgrp;
    local $SIG{CHLD} = 'IGNORE';
    my $select = IO::Select->new($listener);
    while (getppid == $self->{owner}) {
        $select->can_read(1) or next;
        my $socket = $listener->accept or next;
        my $pid = fork // die "fork: $!";
        next if $pid;
        local $SIG{PIPE} = 'IGNORE';
        eval { $self->_serve($socket); 1 } or warn $@;
        POSIX::_exit(0);
    }
    return;
}

sub _serve
{
    my ($self, $socket) = @_;
    if (my $certificate = $self->{certificate}) {
        IO::Socket::SSL->start_SSL($socket, SSL_server => 1,
            SSL_cert_file => $certificate->chain,
            SSL_key_file => $certificate->key) or return;
    }
    while (my $request = _read_request($socket)) {
        print {$socket} $self->_response($request) or return;
        $socket->flush;
    }
    return;
}

# RFC 9112: line, header fields, body.
sub _read_request
{
    my ($socket) = @_;
    my $line = <$socket> // return;
    my %request = (line => $line =~ s/\r\n\z//r);
    while (defined(my $field = <$socket>)) {
        last if $field eq "\r\n";
        my ($name, $value) = $field =~ /\A([^:]+):\s*(.*?)\r\n\z/ or return;
        $request{ lc $name } = $value;
    }
    my $length = $request{'content-length'} // 0;
    $request{body} = '';
    while (length $request{body} < $length) {
        read $socket, $request{body}, $length - length $request{body},
            length $request{body} or return;
    }
    return \%request;
}

sub _response
{
    my ($self, $request) = @_;
    my $fault = $self->_fault($request);
    return _write(400, 'text/plain', $fault) if defined $fault;
    my ($token) = map { _form_decode($_) }
        $request->{body} =~ /\btoken=([^&]*)/;
    $self->_note($token);
    return _write(401, 'application/json', '{"error":"invalid_client"}')
        if !$self->_is_client($request->{authorization} // '');
    my $answer = $self->{answers}{$token} // { body => '{"active":false}' };
    wait_until(60, sub { return !-e $answer->{hold} }) if $answer->{hold};
    return _write($answer->{status} // 200,
                  $answer->{type} // 'application/json', $answer->{body},
                  $answer->{location});
}

# RFC 6749 2.3.1: both form-encoded, which hides colons, then Basic.
sub _is_client
{
    my ($self, $authorization) = @_;
    my ($basic) = $authorization =~ /\ABasic (\S+)\z/ or return 0;
    my $text = decode_base64($basic);
    return 0 if $text !~ /\A[\w.*+%-]+:[\w.*+%-]+\z/;
    my @given = map { _form_decode($_) } split /:/, $text;
    return "@given" eq "@{ $self->{credentials} }";
}

sub _form_decode
{
    my ($text) = @_;
    return $text =~ tr/+/ /r =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ger;
}

# What is wrong with the request (RFC 7662 2.1).
sub _fault
{
    my ($self, $request) = @_;
    return 'POST' if $request->{line} !~ m{\APOST /introspect HTTP/1\.1\z};
    return 'type' if ($request->{'content-type'} // '')
        ne 'application/x-www-form-urlencoded';
    return 'accept' if ($request->{accept} // '') ne 'application/json';
    return 'form' if $request->{body}
        !~ /\Atoken=[^&=]+&token_type_hint=access_token\z/;
    return;
}

sub _note
{
    my ($self, $token) = @_;
    open my $file, '>>', $self->{log} or die "$self->{log}: $!";
    syswrite $file, "$$ $token\n";
    close $file or die "$self->{log}: $!";
    return;
}

sub _write
{
    my ($status, $type, $body, $location) = @_;
    return "HTTP/1.1 $status Whatever\r\nContent-Type: $type\r\n"
        . (defined $location ? "Location: $location\r\n" : '')
        . 'Content-Length: ' . length($body) . "\r\n\r\n$body";
}

1;
