# Licensed under the Apache License, Version 2.0; see LICENSE.
package SMTPTest::Slapd;

# A slapd of one test's own, from Debian's package, on a loopback port.

use strict;
use warnings;

use File::Temp;

use parent 'SMTPTest::Daemon';

use SMTPTest::File qw(write_file);
use SMTPTest::Program;

my $BASE = 'dc=example,dc=com';
my $CONFIGURATION = <<'END';
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
pidfile %1$s/pid
modulepath /usr/lib/ldap
moduleload back_mdb
database mdb
maxsize 10485760
suffix "dc=example,dc=com"
directory %1$s/data
END

# SMTPTest::Slapd->start(LDIF): a directory below dc=example,dc=com with these
# entries. Skips the whole test where slapd is not installed.
sub start
{
    my ($class, $ldif) = @_;
    my $temp = File::Temp->newdir('smtp-slapd-XXXXXX', TMPDIR => 1);
    my $self = bless { temp => $temp, directory => "$temp", owner => $$,
                       port => SMTPTest::Program::free_port() }, $class;

    SMTPTest::Program::need('slapd');
    mkdir "$temp/data" or die "$temp: $!";
    write_file("$temp/slapd.conf", sprintf $CONFIGURATION, "$temp");
    write_file("$temp/ldif", "dn: $BASE\nobjectClass: domain\n"
               . "dc: example\n\n$ldif");
    chmod 0755, "$temp" or die "$temp: $!";
    SMTPTest::Program::give_to_nobody("$temp", "$temp/data");
    my ($status, $said) = SMTPTest::Program::run(
        '', SMTPTest::Program::as_nobody(),
        SMTPTest::Program::need('slapadd'), '-f', "$temp/slapd.conf",
        '-l', "$temp/ldif");
    die "slapadd: $said" if $status;
    $self->resume;
    return $self;
}

# Starts it, at first or after stop().
sub resume
{
    my ($self) = @_;
    my $directory = $self->{directory};
    $self->{pid} = SMTPTest::Program::start(
        "$directory/output", SMTPTest::Program::as_nobody(),
        SMTPTest::Program::need('slapd'), '-d', '0',
        '-f', "$directory/slapd.conf", '-h', $self->url);
    SMTPTest::Program::wait_port($self->{port})
        or die 'slapd does not start: ', $self->log;
    return;
}

sub url { return "ldap://127.0.0.1:$_[0]{port}" }

1;
