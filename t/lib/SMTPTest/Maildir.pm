# Licensed under the Apache License, Version 2.0; see LICENSE.
package SMTPTest::Maildir;

# What a user finds in a Maildir of the server under test.

use strict;
use warnings;

use SMTPTest::Wait qw(wait_until);

sub new
{
    my ($class, $path) = @_;
    return bless { path => $path }, $class;
}

sub path { return $_[0]{path} }

# Paths of the messages, in order of their names.
sub files
{
    my ($self) = @_;
    return sort map { _names("$self->{path}/$_") } qw(new cur);
}

# Paths of what is half-written or forgotten.
sub temporaries { return _names("$_[0]{path}/tmp") }

sub count { return scalar(() = $_[0]->files) }

# The messages' octets.
sub messages { return map { _read($_) } $_[0]->files }

# Waits until there are at least COUNT messages: delivery into the Maildir
# comes a moment after the 250. The messages.
sub wait_messages
{
    my ($self, $count, $seconds) = @_;
    wait_until($seconds // 20, sub { return $self->count >= $count });
    return $self->messages;
}

# Removes all messages.
sub clear
{
    my ($self) = @_;
    unlink $self->files, $self->temporaries;
    return;
}

# Takes a stored message apart: Return-Path, Delivered-To and our Received
# (each unfolded, without its name), and the message that the client sent, with
# LF line ends. Dies if the trace header is not as RFC 5321 4.4 has it.
sub parse
{
    my ($message) = @_;
    my %part;
    for my $name ('Return-Path', 'Delivered-To', 'Received') {
        $message =~ s/\A\Q$name\E: ((?:[^\n]*\n)(?:[ \t][^\n]*\n)*)//
            or die "no $name where one should stand: "
                . substr($message, 0, 200) . "\n";
        $part{$name} = $1 =~ s/\n[ \t]+/ /gr =~ s/\n\z//r;
    }
    $part{content} = $message;
    return \%part;
}

# The message that the client sent, with LF line ends.
sub content { return parse($_[0])->{content} }

# A message with CRLF line ends as a Maildir has it.
sub stored
{
    my ($message) = @_;
    return $message =~ s/\r\n/\n/gr;
}

sub _names
{
    my ($directory) = @_;
    opendir my $handle, $directory or return ();
    return map { "$directory/$_" } grep { !/\A\.{1,2}\z/ } readdir $handle;
}

# A message that was moved from new to cur meanwhile is no message lost.
sub _read
{
    my ($path) = @_;
    open my $file, '<:raw', $path or return ();
    local $/;
    return scalar(<$file>) // '';
}

1;
