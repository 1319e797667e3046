# Licensed under the Apache License, Version 2.0; see LICENSE.
package SMTPTest::Exim;

# Exim, from Debian's package, as a client that speaks CHUNKING (RFC 3030), and
# as a server that sends on what it takes. The package cannot be installed
# beside Postfix, so it is unpacked aside.

use strict;
use warnings;

use File::Temp;
use Test::More;

use SMTPTest::File qw(write_file);
use SMTPTest::Package;
use SMTPTest::Program;

my $USER = 'Debian-exim';    # compiled into the package
my $PACKAGE = 'exim4-daemon-light';

my $CONFIGURATION = <<'END';
exim_path = %1$s
primary_hostname = exim.client.test
spool_directory = %2$s
log_file_path = %2$s/%%slog
acl_smtp_rcpt = ${if inlist{$local_part@$domain}{%6$s}{deny}{accept}}
log_selector = +8bitmime
acl_smtp_data = accept
acl_smtp_dkim = accept
rfc1413_query_timeout = 0s
smtputf8_advertise_hosts = *
dsn_advertise_hosts = *
tls_advertise_hosts =
keep_environment =
never_users =
message_size_limit = 0
smtp_accept_queue_per_connection = 0
begin routers
next:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = next
begin transports
next:
  driver = smtp
  port = %3$d
  allow_localhost
%4$s
  hosts_try_chunking = *
  message_linelength_limit = 100000
begin authenticators
%5$s
begin retry
* * F,1m,1m
END

# To a server for submission: by TLS, which is verified but for its name (we
# are an address to Exim), and PLAIN.
my $SUBMISSION = <<'END';
  protocol = %s
  hosts_require_tls = *
  tls_verify_certificates = %s
  tls_verify_hosts = *
  tls_verify_cert_hostnames =
  hosts_require_auth = *
END
my $PLAIN = <<'END';
plain:
  driver = plaintext
  public_name = PLAIN
  client_send = ^%s^%s
END

# SMTPTest::Exim->new(NEXT_PORT); skips the whole test if there is no Exim
# and none to be had. With submission => { ca, login, password, is_implicit }
# it logs in there under TLS. With refuses => MAILBOX it takes no mail for that
# one.
sub new
{
    my ($class, $next_port, %arg) = @_;
    SMTPTest::Program::skip_test('exim4 has to be started by root')
        if $> != 0;
    my $temp = File::Temp->newdir('smtp-exim-XXXXXX', TMPDIR => 1);
    my $self = bless { temp => $temp }, $class;
    chmod 0755, "$temp";
    my $program = _installed() // $self->_unpacked;
    my $spool = "$temp/spool";
    mkdir $spool or die "$spool: $!";
    $self->{command} = [$self->_as_user($spool), $program, '-C',
                        "$temp/exim.conf"];
    write_file("$temp/exim.conf", sprintf $CONFIGURATION, $program, $spool,
               $next_port, _transport_and_login($arg{submission}),
               $arg{refuses} // '');
    return $self;
}

sub _transport_and_login
{
    my ($submission) = @_;
    return ('  hosts_avoid_tls = *', '') if !$submission;
    my ($ca, $login, $password) = @{$submission}{qw(ca login password)};
    return (sprintf($SUBMISSION, $submission->{is_implicit} ? 'smtps'
                                                            : 'smtp', $ca),
            sprintf($PLAIN, $login, $password));
}

sub _installed
{
    my ($found) = grep { -x } $ENV{SMTP_EXIM} // (), '/usr/sbin/exim4';
    return $found;
}

sub _unpacked
{
    my ($self) = @_;
    SMTPTest::Package::unpack($PACKAGE, "$self->{temp}/package");
    return "$self->{temp}/package/usr/sbin/exim4";
}

# Where the user of the package does not exist he does in a mount namespace.
# What to put before the command; the spool becomes his.
sub _as_user
{
    my ($self, $spool) = @_;
    my @ids = (getpwnam $USER)[2, 3];
    if (@ids) {
        chown @ids, $spool;
        return ();
    }
    @ids = (getpwnam 'mail')[2, 3];
    chown @ids, $spool;
    return SMTPTest::Package::mounted(
        SMTPTest::Package::users("$self->{temp}", $USER => \@ids));
}

# Sends a message (LF line ends) now; exit status and what it said.
sub send_message
{
    my ($self, $from, $to, $message) = @_;
    return SMTPTest::Program::run($message, @{ $self->{command} }, '-odi',
                                  '-oi', '-f', $from eq '' ? '<>' : $from,
                                  @{$to});
}

# It listens, on a loopback port, until the test ends. The port.
sub listen
{
    my ($self) = @_;
    my $port = SMTPTest::Program::free_port();
    $self->{pid} = SMTPTest::Program::start("$self->{temp}/output",
        @{ $self->{command} }, '-bdf', '-oX', "127.0.0.1.$port", '-q1m');
    $self->{owner} = $$;
    SMTPTest::Program::wait_port($port)
        or die 'exim does not start: ', $self->log;
    return $port;
}

sub DESTROY
{
    my ($self) = @_;
    local ($?, $!, $@);
    SMTPTest::Program::stop(delete $self->{pid})
        if $self->{pid} && $self->{owner} == $$;
    return;
}

# Lines of its log.
sub log
{
    my ($self) = @_;
    open my $file, '<', "$self->{temp}/spool/mainlog" or return ();
    return <$file>;
}

1;
