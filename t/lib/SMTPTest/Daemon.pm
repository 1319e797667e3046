# Licensed under the Apache License, Version 2.0; see LICENSE.
package SMTPTest::Daemon;

# What servers that a test runs beside httpd have in common. Of {pid}, started
# by the process {owner}, with all that it says in {directory}/output.

use strict;
use warnings;

use SMTPTest::Program;

sub log
{
    my ($self) = @_;
    local @ARGV = grep { -e } map { "$self->{directory}/$_" } $self->log_names;
    return @ARGV ? <> : ();
}

# The files in {directory} that log() reads.
sub log_names { return 'output' }

# Ends it; in a process that was forked since, nothing.
sub stop
{
    my ($self) = @_;
    return if !$self->{pid} || $self->{owner} != $$;
    $self->end(delete $self->{pid});
    return;
}

sub end
{
    my (undef, $pid) = @_;
    SMTPTest::Program::stop($pid);
    return;
}

sub DESTROY
{
    my ($self) = @_;
    local ($?, $!, $@);
    $self->stop;
    return;
}

1;
