# Licensed under the Apache License, Version 2.0; see LICENSE.
package SMTPTest::Fault;

# System calls of an httpd that fail when the test says so (t/fault), and the
# order in which they came.

use strict;
use warnings;

use Errno ();
use File::Temp;

use SMTPTest::Server;

# As in t/fault/smtp_fault.c.
my @CALLS = qw(- open mkdir link rename unlink pwrite pwritev ftruncate
               fdatasync fsync syncfs reply);
my %CALL = map { $CALLS[$_] => $_ } 1 .. $#CALLS;
my %WORD = (SHORT => 1000, KILL => 1001);

# below => PATH: only files there are meant. free => OCTETS: so much is free.
sub new
{
    my ($class, %arg) = @_;
    my $directory = File::Temp->newdir('smtp-fault-XXXXXX', TMPDIR => 1);
    my $self = bless { %arg, directory => $directory }, $class;
    # The children of a server that root starts are somebody else.
    chmod 0755, $directory;
    $self->disarm;
    $self->clear_log;
    return $self;
}

# What SMTPTest::Server->new() wants to know.
sub server_arguments
{
    my ($self) = @_;
    return (
        preload => [SMTPTest::Server::dso('smtp_fault')],
        env => {
            SMTP_FAULT_BELOW => $self->{below},
            SMTP_FAULT_CONTROL => $self->_control,
            SMTP_FAULT_LOG => $self->_log,
            defined $self->{free} ? (SMTP_FAULT_FREE => $self->{free}) : (),
        },
    );
}

# From now on the NTH call fails with ERROR (ENOSPC, SHORT, KILL, ...), and with
# is_lasting all that follow it.
sub arm
{
    my ($self, %arg) = @_;
    my $error = $WORD{ $arg{error} } // Errno->can($arg{error})->();
    $self->_write($CALL{ $arg{call} }, $arg{nth} // 1, $error,
                  $arg{is_lasting} ? 1 : 0, 0);
    return;
}

sub disarm { $_[0]->_write(0, 0, 0, 0, 0); return }

# How many calls failed since arm().
sub hits
{
    my ($self) = @_;
    open my $file, '<:raw', $self->_control or die $self->_control . ": $!";
    read($file, my $octets, 20) == 20 or die 'control file is short';
    return (unpack 'l5', $octets)[4];
}

# What happened, in its order: { call, path, error }.
sub log
{
    my ($self) = @_;
    open my $file, '<', $self->_log or return;
    return map { /\A(\S+) (.*) (\d+)$/
        ? { call => $1, path => $2, error => $3 } : die "log: $_" } <$file>;
}

sub clear_log
{
    my ($self) = @_;
    open my $file, '>', $self->_log or die $self->_log . ": $!";
    close $file;
    chmod 0666, $self->_log;
    return;
}

sub _control { return "$_[0]{directory}/control" }
sub _log { return "$_[0]{directory}/log" }

# In place: the file is mapped by the server's processes.
sub _write
{
    my ($self, @numbers) = @_;
    my $mode = -e $self->_control ? '+<:raw' : '>:raw';
    open my $file, $mode, $self->_control or die $self->_control . ": $!";
    print {$file} pack 'l5', @numbers;
    close $file or die $self->_control . ": $!";
    chmod 0666, $self->_control;
    return;
}

1;
