# Licensed under the Apache License, Version 2.0; see LICENSE.
package SMTPTest::OpenSMTPD;

# An OpenSMTPD of one test's own, from Debian's package: takes mail on a
# loopback port and sends it all on to another. The package cannot be installed
# beside Postfix. Where its queue and its socket are is compiled into it: to it
# folders of the test stand there.

use strict;
use warnings;

use File::Path qw(make_path);
use File::Temp;
use Sys::Hostname qw(hostname);

use parent 'SMTPTest::Daemon';

use SMTPTest::File qw(write_file);
use SMTPTest::Package;
use SMTPTest::Program;

my $CONFIGURATION = <<'END';
smtp max-message-size "100M"
listen on 127.0.0.1 port %d hostname opensmtpd.next.test
action next relay host "smtp+notls://127.0.0.1:%d"
match from any for rcpt-to "refused@relayed.test" reject
match from any for any action next
END

# SMTPTest::OpenSMTPD->start(NEXT_PORT); skips the whole test if it is not to
# be had. It refuses refused@relayed.test.
sub start
{
    my ($class, $next_port) = @_;
    SMTPTest::Program::need('unshare', root => 1);
    my $temp = File::Temp->newdir('smtp-opensmtpd-XXXXXX', TMPDIR => 1);
    my $self = bless { temp => $temp, directory => "$temp", owner => $$,
                       port => SMTPTest::Program::free_port() }, $class;
    chmod 0755, "$temp";
    SMTPTest::Package::unpack('opensmtpd', "$temp/package");
    write_file("$temp/smtpd.conf",
               sprintf $CONFIGURATION, $self->{port}, $next_port);
    make_path("$temp/run", "$temp/spool/smtpd", "$temp/lib/opensmtpd/empty");
    chmod 0711, "$temp/spool/smtpd";
    $self->{pid} = SMTPTest::Program::start("$temp/output", $self->_command);
    SMTPTest::Program::wait_port($self->{port})
        or die 'opensmtpd does not start: ', $self->log;
    return $self;
}

# Who talks to strangers and who keeps the queue are users of their own.
sub _command
{
    my ($self) = @_;
    my $temp = $self->{directory};
    my @ids = map { [(getpwnam $_)[2, 3]] } qw(nobody mail);
    # It wants to know the name of the machine, and asks nobody else.
    write_file("$temp/hosts", '127.0.0.1 localhost ', hostname(), "\n");
    return (SMTPTest::Package::mounted(
                SMTPTest::Package::users($temp, opensmtpd => $ids[0],
                                         opensmtpq => $ids[1]),
                "$temp/hosts" => '/etc/hosts', "$temp/run" => '/run',
                "$temp/spool" => '/var/spool', "$temp/lib" => '/var/lib'),
            "$temp/package/usr/sbin/smtpd", '-d', '-f', "$temp/smtpd.conf");
}

sub port { return $_[0]{port} }

1;
