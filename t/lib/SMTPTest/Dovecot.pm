# Licensed under the Apache License, Version 2.0; see LICENSE.
package SMTPTest::Dovecot;

# A Dovecot of one test's own, from Debian's package: serves the Maildirs of a
# spool by IMAP on a loopback port; any user name@domain, password "secret".
# And as much of an IMAP client as reading them back needs.

use strict;
use warnings;

use File::Path qw(make_path);
use File::Temp;
use IO::Socket::INET;

use parent 'SMTPTest::Daemon';

use SMTPTest::File qw(write_file);
use SMTPTest::Program;

my $CONFIGURATION = <<'END';
base_dir = %1$s/run
state_dir = %1$s/state
log_path = %1$s/log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:%2$s/mail/%%d/%%n:INDEX=%1$s/index/%%u
mail_fsync = never
passdb {
  driver = static
  args = password=secret
}
userdb {
  driver = %6$s
  args = %7$s
}
service imap-login {
  chroot =
  inet_listener imap {
    port = %3$d
  }
  inet_listener imaps {
    port = 0
  }
}
END

# By LMTP (RFC 2033) on a unix socket: mail goes where it is read.
my $LMTP = <<'END';
protocols = imap lmtp
service lmtp {
  unix_listener %s {
    mode = 0666
  }
}
protocol lmtp {
  postmaster_address = postmaster@box.test
}
END

# SMTPTest::Dovecot->start(SPOOL, ...): as the user who owns it.
#   lmtp   path of a unix socket for LMTP
#   users  those that there are, in place of any
sub start
{
    my ($class, $spool, %arg) = @_;
    my $temp = File::Temp->newdir('smtp-dovecot-XXXXXX', TMPDIR => 1);
    my $self = bless { temp => $temp, directory => "$temp", owner => $$,
                       port => SMTPTest::Program::free_port() }, $class;
    my ($uid, $gid) = (stat $spool)[4, 5];
    chmod 0755, "$temp";
    make_path(map { "$temp/$_" } qw(run state index home));
    chown $uid, $gid, "$temp/index", "$temp/home";
    my @userdb = ('static', "uid=$uid gid=$gid home=$temp/home");
    if ($arg{users}) {
        write_file("$temp/users", map { "$_\::$uid:$gid\::$temp/home\n" }
                   @{ $arg{users} });
        @userdb = ('passwd-file', "$temp/users");
    }
    write_file("$temp/dovecot.conf",
               sprintf($CONFIGURATION, "$temp", $spool,
               $self->{port}, $uid, $gid, @userdb)
               . ($arg{lmtp} ? sprintf $LMTP, $arg{lmtp} : ''));
    $self->{pid} = SMTPTest::Program::start("$temp/output",
        '/usr/sbin/dovecot', '-F', '-c', "$temp/dovecot.conf");
    SMTPTest::Program::wait_port($self->{port})
        or die 'dovecot does not start: ', $self->log;
    return $self;
}

sub log_names { return qw(output log) }

# All messages in the INBOX of a user, as IMAP gives them (CRLF).
sub messages
{
    my ($self, $user) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $self->{port},
                                       Timeout => 10)
        or die "dovecot: $!";
    binmode $socket;
    my $greeting = <$socket>;
    _command($socket, qq(LOGIN "$user" secret));
    my (undef, $said) = _command($socket, 'SELECT INBOX');
    my ($count) = $said =~ /^\* (\d+) EXISTS/m;
    my @messages;
    if ($count) {
        my ($literals) = _command($socket, 'FETCH 1:* BODY.PEEK[]');
        @messages = @{$literals};
    }
    print {$socket} "z LOGOUT\r\n";
    return @messages;
}

# Sends a command; its literals, and the lines that came before OK.
sub _command
{
    my ($socket, $command) = @_;
    my ($said, @literals) = '';
    print {$socket} "a $command\r\n";
    while (defined(my $line = <$socket>)) {
        return (\@literals, $said) if $line =~ /\Aa OK/;
        die "IMAP: $command: $line" if $line =~ /\Aa /;
        $said .= $line;
        next if $line !~ /\{(\d+)\}\r\n\z/;
        read($socket, my $literal, $1) == $1 or die 'IMAP: short literal';
        push @literals, $literal;
    }
    die "IMAP: $command: connection lost";
}

1;
