# Licensed under the Apache License, Version 2.0; see LICENSE.
package SMTPTest::Postfix;

# A Postfix of one test's own, from Debian's package: takes mail on a loopback
# port and sends it all on to another. Nothing of /etc is read or changed.

use strict;
use warnings;

use File::Path qw(make_path);
use File::Temp;

use SMTPTest::Client;
use SMTPTest::File qw(write_file);
use SMTPTest::Program;
use SMTPTest::Wait qw(wait_until);

# Content passes as it is: no header is added but Received, no line is cut.
my $MAIN = <<'END';
compatibility_level = 3.6
queue_directory = %1$s/queue
data_directory = %1$s/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = postfix.client.test
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
local_header_rewrite_clients =
maillog_file_prefixes = %1$s
maillog_file = %1$s/mail.log
relayhost = [127.0.0.1]:%2$d
smtpd_peername_lookup = no
smtpd_recipient_limit = 1000
smtputf8_enable = yes
smtp_host_lookup = native
smtp_tls_security_level = none
smtp_line_length_limit = 0
smtp_destination_recipient_limit = 200
message_size_limit = 0
mailbox_size_limit = 0
END

my $MASTER = <<'END';
127.0.0.1:%d inet n - n - - smtpd
pickup    unix  n - n 60 1 pickup
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
proxymap  unix  - - n - - proxymap
smtp      unix  - - n - - smtp
relay     unix  - - n - - smtp
error     unix  - - n - - error
retry     unix  - - n - - error
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
tlsmgr    unix  - - n 1000? 1 tlsmgr
postlog   unix-dgram n - n - 1 postlogd
END

# SMTPTest::Postfix->start(NEXT_PORT, "name = value" ...).
sub start
{
    my ($class, $next_port, @settings) = @_;
    my $temp = File::Temp->newdir('smtp-postfix-XXXXXX', TMPDIR => 1);
    my $self = bless { temp => $temp, directory => "$temp",
                       port => SMTPTest::Program::free_port() }, $class;
    $self->_write_configuration($next_port, @settings);
    my ($status, $text) = SMTPTest::Program::run('', '/usr/sbin/postfix',
                                                 '-c', "$temp/etc", 'start');
    $self->{owner} = $$;
    SMTPTest::Program::wait_port($self->{port})
        or die "postfix does not start: $text", $self->log;
    return $self;
}

sub _write_configuration
{
    my ($self, $next_port, @settings) = @_;
    my $directory = $self->{directory};
    chmod 0755, $directory;
    make_path(map { "$directory/$_" } qw(etc queue data));
    chown scalar(getpwnam 'postfix'), -1, "$directory/data";
    write_file("$directory/etc/main.cf",
               sprintf($MAIN, $directory, $next_port),
               map { "$_\n" } @settings);
    write_file("$directory/etc/master.cf", sprintf $MASTER, $self->{port});
    return;
}

sub port { return $_[0]{port} }

# A client of this Postfix that is past EHLO.
sub client
{
    my ($self) = @_;
    my $client = SMTPTest::Client->new(port => $self->{port});
    $client->read_reply;
    $client->command('EHLO client.test');
    return $client;
}

sub log
{
    my ($self) = @_;
    open my $file, '<', "$self->{directory}/mail.log" or return ();
    return <$file>;
}

# Lines about recipients that were not delivered at once.
sub failures { return grep { /status=(?!sent)/ } $_[0]->log }

sub stop
{
    my ($self) = @_;
    return if ($self->{owner} // 0) != $$;
    open my $file, '<', "$self->{directory}/queue/pid/master.pid" or return;
    my ($pid) = <$file> =~ /(\d+)/;
    SMTPTest::Program::stop_other($pid);
    delete $self->{owner};
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
