# Licensed under the Apache License, Version 2.0; see LICENSE.
package SMTPTest::PostgreSQL;

# A PostgreSQL of one test's own, from Debian's package: no port, only a
# socket in a folder of its own, where everybody is whom he says he is.

use strict;
use warnings;

use File::Path qw(make_path);
use File::Temp;

use parent 'SMTPTest::Daemon';

use SMTPTest::Program;
use SMTPTest::Wait qw(wait_until);

my $USER = 'smtp';
# Nothing of it has to outlive the test.
my @FAST = qw(-c fsync=off -c full_page_writes=off -c synchronous_commit=off);

# SMTPTest::PostgreSQL->start(SQL, ...): a server that has carried these out.
# Skips the whole test where PostgreSQL is not installed.
sub start
{
    my ($class, @sql) = @_;
    my $temp = File::Temp->newdir('smtp-postgresql-XXXXXX', TMPDIR => 1);
    my $self = bless { temp => $temp, directory => "$temp", owner => $$ },
        $class;
    my ($status, $said);

    chmod 0755, "$temp" or die "$temp: $!";
    SMTPTest::Program::give_to_nobody("$temp");
    ($status, $said) = SMTPTest::Program::run(
        '', SMTPTest::Program::as_nobody(), _program('initdb'),
        '--pgdata', "$temp/data", '--username', $USER, '--auth', 'trust',
        '--no-sync', '--encoding', 'UTF8', '--locale', 'C');
    die "initdb: $said" if $status;
    $self->resume;
    $self->query($_) for @sql;
    return $self;
}

# One of PostgreSQL's programs, which are not in the PATH.
sub _program
{
    my ($name) = @_;
    my @found = reverse sort grep { -x } glob "/usr/lib/postgresql/*/bin/$name";
    SMTPTest::Program::skip_test('postgresql is not installed') if !@found;
    return $found[0];
}

# For mod_dbd.
sub parameters
{
    my ($self) = @_;
    return "host=$self->{directory} user=$USER dbname=postgres";
}

sub query
{
    my ($self, $sql) = @_;
    my ($status, $said) = SMTPTest::Program::run(
        $sql, _program('psql'), '--host', $self->{directory}, '--username',
        $USER, '--dbname', 'postgres', '--no-psqlrc', '--quiet',
        '--set', 'ON_ERROR_STOP=1');
    die "$sql: $said" if $status;
    return $said;
}

# Starts it, at first or after stop().
sub resume
{
    my ($self) = @_;
    my $directory = $self->{directory};
    $self->{pid} = SMTPTest::Program::start(
        "$directory/output", SMTPTest::Program::as_nobody(),
        _program('postgres'), '-D', "$directory/data", '-k', $directory,
        '-c', 'listen_addresses=', @FAST);
    wait_until(30, sub { eval { $self->query('SELECT 1'); 1 } })
        or die 'postgres does not start: ', $self->log;
    return;
}

# SIGINT: connections are cut, which others would keep it waiting with.
sub end
{
    my (undef, $pid) = @_;
    kill 'INT', $pid;
    waitpid $pid, 0;
    return;
}

1;
