# Licensed under the Apache License, Version 2.0; see LICENSE.
package SMTPTest::Reply;

# A reply of the server, and what is wrong with its form (RFC 5321 4.2, 4.5.3,
# RFC 2034 4). In a string it reads as it came, without line ends.

use strict;
use warnings;

use overload '""' => sub { return $_[0]->as_string }, fallback => 1;

# Takes one whole reply off the front of a buffer; undef if it is not all
# there.
sub take
{
    my ($class, $input) = @_;
    # A reply that is none is taken line by line, so that a test sees it.
    ${$input} =~ s/\A((?:\d{3}-[^\n]*\n)*(?!\d{3}-)[^\n]*\n)// or return;
    my @lines = split /(?<=\n)/, $1;
    my $self = bless { lines => \@lines }, $class;
    $self->{code} = $lines[-1] =~ /\A(\d{3})/ ? $1 : 'malformed';
    return $self;
}

# Stands for a reply that did not come: "closed" or "timeout".
sub none
{
    my ($class, $code, $rest) = @_;
    return bless { code => $code, lines => [length $rest ? $rest : ()] },
        $class;
}

sub code { return $_[0]{code} }
sub class { return substr $_[0]{code}, 0, 1 }

# The lines without code and CRLF, enhanced code included.
sub lines
{
    my ($self) = @_;
    return map { /\A(?:\d{3}[ -]?)?([^\r\n]*)/ ? $1 : '' }
        @{ $self->{lines} };
}

sub text { return join "\n", $_[0]->lines }

# The enhanced status code of each line, "" where there is none.
sub statuses
{
    my ($self) = @_;
    return map { /\A([245]\.\d{1,3}\.\d{1,3})(?: |\z)/ ? $1 : '' }
        $self->lines;
}

# The enhanced status code: that of all lines, "" if none has one, "mixed" if
# they differ.
sub status
{
    my ($self) = @_;
    my ($first, @others) = $self->statuses;
    return (grep { $_ ne $first } @others) ? 'mixed' : $first // '';
}

# EHLO keywords with their parameters, upper case.
sub keywords
{
    my ($self) = @_;
    my (undef, @lines) = $self->lines;
    return map { uc($_) =~ /\A(\S+) ?(.*)\z/ ? ($1 => $2) : () } @lines;
}

# What is wrong with the reply's form; nothing if it is good.
sub faults
{
    my ($self) = @_;
    return "no reply: $self->{code}" if $self->{code} !~ /\A\d{3}\z/;
    my @faults;
    push @faults, 'code is not of RFC 5321 4.2'
        if $self->{code} !~ /\A[2345][0-5]\d\z/;
    push @faults, map { $self->_line_faults($_) } @{ $self->{lines} };
    push @faults, map { "class of $_ contradicts the code" }
        grep { length && substr($_, 0, 1) ne $self->class } $self->statuses;
    push @faults, 'enhanced codes differ between lines'
        if $self->status eq 'mixed';
    return @faults;
}

sub _line_faults
{
    my ($self, $line) = @_;
    my @faults;
    push @faults, 'line over 512 octets' if length $line > 512;
    push @faults, 'line does not end in CRLF' if $line !~ /\A[^\r\n]*\r\n\z/;
    push @faults, 'code differs between lines'
        if substr($line, 0, 3) ne $self->{code};
    push @faults, 'octets that no reply has'
        if $line !~ /\A[\t\x20-\x7e\x80-\xff]*\r\n\z/;
    return @faults;
}

sub as_string
{
    my ($self) = @_;
    my @lines = map { s/\r?\n\z//r } @{ $self->{lines} };
    return join ' | ', ($self->{code} =~ /\A\d/ ? () : $self->{code}), @lines;
}

1;
