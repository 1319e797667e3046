# Licensed under the Apache License, Version 2.0; see LICENSE.
package SMTPTest::Website;

# A web server over HTTPS that says at each path what the test says, and keeps
# what it is sent. It is a process of its own that ends with the test, with one
# more for each connection.

use strict;
use warnings;

use parent -norequire, 'SMTPTest::Daemon';

use IO::Select;
use IO::Socket::IP;
use IO::Socket::SSL;
use POSIX ();
use Time::HiRes ();

use SMTPTest::Daemon;
use SMTPTest::File qw(write_file);
use SMTPTest::Wait qw(wait_until);

# SMTPTest::Website->start_new(directory => PATH, NAME => VALUE, ...):
#   address      127.0.0.1
#   port         any that is free
#   certificate  SMTPTest::Certificate
#   pages        { "HOST/PATH" => { status, type, body, location } }; hang: 1:
#                nothing is said
sub start_new
{
    my ($class, %arg) = @_;
    my $self = bless { address => '127.0.0.1', %arg, owner => $$ }, $class;
    mkdir $self->{directory};
    mkdir "$self->{directory}/posted";
    my $listener = IO::Socket::IP->new(LocalAddr => $self->{address},
        LocalPort => $self->{port} // 0, Listen => 64, ReuseAddr => 1)
        // die "listen: $!";
    $self->{port} = $listener->sockport;
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

# The requests so far: "GET HOST/PATH".
sub requests
{
    my ($self) = @_;
    open my $file, '<', "$self->{directory}/requests" or return;
    chomp(my @lines = <$file>);
    return @lines;
}

# What was posted so far: { path, type, body }.
sub posted
{
    my ($self) = @_;
    return map { _posted_read($_) } sort glob "$self->{directory}/posted/*.post";
}

sub wait_posted
{
    my ($self, $count) = @_;
    wait_until(60, sub { return $self->posted >= $count });
    return $self->posted;
}

sub end
{
    my (undef, $pid) = @_;
    # Connections' processes are of its group.
    kill 'KILL', -$pid;
    waitpid $pid, 0;
    return;
}

sub _posted_read
{
    my ($path) = @_;
    open my $file, '<:raw', $path or die "$path: $!";
    local $/;
    my ($name, $type, $body) = split /\n/, <$file>, 3;
    return { path => $name, type => $type, body => $body };
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
    IO::Socket::SSL->start_SSL($socket, SSL_server => 1,
        SSL_cert_file => $self->{certificate}->chain,
        SSL_key_file => $self->{certificate}->key) or return;
    while (my $request = _read_request($socket)) {
        print {$socket} $self->_answer($request) or return;
        $socket->flush;
    }
    return;
}

# RFC 9112: line, header fields, body.
sub _read_request
{
    my ($socket) = @_;
    my ($method, $path) = split / /, <$socket> // return;
    my %request = (method => $method, path => $path);
    while (defined(my $field = <$socket>)) {
        last if $field eq "\r\n";
        my ($name, $value) = $field =~ /\A([^:]+):\s*(.*?)\r\n\z/ or return;
        $request{ lc $name } = $value;
    }
    print {$socket} "HTTP/1.1 100 Continue\r\n\r\n" if $request{expect};
    my $length = $request{'content-length'} // 0;
    $request{body} = '';
    while (length $request{body} < $length) {
        read $socket, $request{body}, $length - length $request{body},
            length $request{body} or return;
    }
    return \%request;
}

sub _answer
{
    my ($self, $request) = @_;
    my $name = ($request->{host} =~ s/:\d+\z//r) . $request->{path};
    open my $file, '>>', "$self->{directory}/requests" or die "requests: $!";
    print {$file} "$request->{method} $name\n";
    close $file or die "requests: $!";
    $self->_keep($name, $request) if $request->{method} eq 'POST';
    my $page = $self->{pages}{$name} // { status => 404 };
    Time::HiRes::sleep(3600) if $page->{hang};
    my $body = $page->{body} // '';
    return 'HTTP/1.1 ' . ($page->{status} // 200) . " X\r\n"
        . 'Content-Type: ' . ($page->{type} // 'text/plain') . "\r\n"
        . ($page->{location} ? "Location: $page->{location}\r\n" : '')
        . 'Content-Length: ' . length($body) . "\r\n\r\n$body";
}

# The file appears whole.
sub _keep
{
    my ($self, $name, $request) = @_;
    my $path = sprintf '%s/posted/%.6f-%d', $self->{directory},
        Time::HiRes::time(), $$;
    write_file($path, "$name\n" . ($request->{'content-type'} // '')
                      . "\n$request->{body}");
    rename $path, "$path.post" or die "$path: $!";
    return;
}

1;
