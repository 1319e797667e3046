# Licensed under the Apache License, Version 2.0; see LICENSE.
package SMTPTest::Server;

# An httpd of one test's own: a directory, free ports on loopback, the MPM
# that SMTP_MPM names. It is gone when the test ends, however that ends, and
# an unexpected line at level warn or above in its error log fails the test.
# t/README.md tells how to use it.

use strict;
use warnings;

use Digest::SHA qw(sha1_base64);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use File::Spec;
use File::Temp;
use IO::Socket::INET;
use POSIX qw(:sys_wait_h);
use Test::More;
use Time::HiRes qw(time);

use SMTPTest::Certificate;
use SMTPTest::Client;
use SMTPTest::Maildir;
use SMTPTest::Process;
use SMTPTest::Wait qw(wait_until);

my $TOP = File::Spec->rel2abs(dirname(__FILE__) . '/../../..');
my $START_SECONDS = $ENV{SMTP_SLOW} ? 120 : 30;

# Modules of httpd that every test's server has.
my @BASE_MODULES = qw(unixd log_config authz_core authz_host);

# Small servers: a test is a handful of sessions. AsyncRequestWorkerFactor
# is as in our shipped configuration, without it event stops taking
# connections long before it is short of threads.
my %MPM_CONFIG = (
    event => "StartServers 1\nServerLimit 4\nThreadsPerChild 25\n"
        . "MaxRequestWorkers 100\nMinSpareThreads 1\nMaxSpareThreads 100\n"
        . "AsyncRequestWorkerFactor 1000\n",
    worker => "StartServers 2\nServerLimit 8\nThreadsPerChild 25\n"
        . "MaxRequestWorkers 200\nMinSpareThreads 1\nMaxSpareThreads 200\n",
    prefork => "StartServers 4\nServerLimit 150\nMaxRequestWorkers 150\n"
        . "MinSpareServers 2\nMaxSpareServers 150\n",
);

# One child with few threads, where sessions wait without one: a crowd of them
# shows who holds a thread.
my $FEW_THREADS = "StartServers 1\nServerLimit 1\nThreadsPerChild 25\n"
    . "MaxRequestWorkers 25\nMinSpareThreads 1\nMaxSpareThreads 25\n"
    . "AsyncRequestWorkerFactor 1000\n";

# The virtual host of a test that does not bring its own.
my $DEFAULT_VHOST = <<'END';
<VirtualHost 127.0.0.1:${port_smtp}>
    ServerName mx.example.com
    SMTPEngine On
    <SMTPDomain example.com>
%s
    </SMTPDomain>
%s
</VirtualHost>
END

# What tls => 1 and auth => {...} need of httpd.
my @TLS_MODULES = qw(socache_shmcb ssl);
my @AUTH_MODULES = qw(auth_basic authn_core authn_file authz_user);

my $AUTH_SECTION = <<'END';
<SMTPAuth>
    AuthType Basic
    AuthName mail
    AuthBasicProvider file
    AuthUserFile conf/users
    Require valid-user
</SMTPAuth>
# Tests fail to log in as often as they like, unless they say something else
# after this.
SMTPAuthLimit connection=off address=off login=off delay=off
END

# Sanitizers in httpd: their signal stacks are freed twice when a thread ends
# with two of them preloaded, and what httpd keeps to its end is no leak.
my %SANITIZER_OPTIONS = (
    ASAN_OPTIONS => 'use_sigaltstack=0:detect_leaks=0',
    UBSAN_OPTIONS => 'use_sigaltstack=0:print_stacktrace=1',
);

my @servers;    # all that were made, for END

# SMTPTest::Server->new(NAME => VALUE, ...), see t/README.md.
sub new
{
    my ($class, %arg) = @_;
    my $self = bless {
        ports => { smtp => 'smtp' },
        domain => 'SMTPRecipients any',
        config => '', global => '', modules => [], files => {}, env => {},
        preload => [], expected => [], dsos => [], own_dsos => 1,
        queue => 0,
        %arg,
        owner => $$,    # a forked child's END must not end the server
    }, $class;
    $self->{temp} = File::Temp->newdir('smtp-test-XXXXXX', TMPDIR => 1,
                                       CLEANUP => !$ENV{SMTP_KEEP});
    $self->{root} //= "$self->{temp}";
    $self->{mpm} //= mpm();
    $self->_make_directories;
    $self->_make_tls if $self->{tls};
    $self->_make_auth if $self->{auth};
    $self->{port} = _free_ports(sort keys %{ $self->{ports} });
    $self->write_config;
    push @servers, $self;
    return $self;
}

# The MPM on which the tests run.
sub mpm { return $ENV{SMTP_MPM} || 'event' }

# Makes a server and starts it.
sub start_new
{
    my $self = new(@_);
    $self->start;
    return $self;
}

# tls => 1: an authority, a certificate for mx.example.com, and the file
# conf/tls.conf, which any virtual host includes that wants them.
sub _make_tls
{
    my ($self) = @_;
    make_path("$self->{root}/conf/tls");
    $self->{ca} = SMTPTest::Certificate->authority(
        folder => "$self->{root}/conf/tls");
    $self->{certificate} = $self->{ca}->server(name => 'mx.example.com');
    $self->{files}{'conf/tls.conf'} = "SSLEngine On\n"
        . $self->{certificate}->directives;
    return;
}

# auth => { LOGIN => PASSWORD }: conf/users, as htpasswd -s writes it, and
# conf/auth.conf, which any virtual host includes that wants a <SMTPAuth>.
sub _make_auth
{
    my ($self) = @_;
    my $users = $self->{auth};
    $self->{files}{'conf/users'} = join '', map {
        "$_:{SHA}" . sha1_base64($users->{$_}) . "=\n" } sort keys %{$users};
    $self->{files}{'conf/auth.conf'} = $AUTH_SECTION;
    return;
}

# Of tls => 1: SMTPTest::Certificate of the authority and of the server.
sub ca { return $_[0]{ca} }
sub certificate { return $_[0]{certificate} }

sub root { return $_[0]{root} }
sub spool { return "$_[0]{root}/spool" }
sub port { my ($self, $name) = @_; return $self->{port}{ $name // 'smtp' } }

# ---- Configuration --------------------------------------------------------

# Writes httpd.conf and the test's files. For a test that changes %arg
# between two starts or before a graceful restart.
sub write_config
{
    my ($self, %arg) = @_;
    @{$self}{ keys %arg } = values %arg;
    for my $name (keys %{ $self->{files} }) {
        $self->write_file($name, $self->{files}{$name});
    }
    $self->write_file('httpd.conf', $self->_config);
    return;
}

# Writes a file below ServerRoot.
sub write_file
{
    my ($self, $name, $octets) = @_;
    make_path(dirname("$self->{root}/$name"));
    open my $file, '>:raw', "$self->{root}/$name" or die "$name: $!";
    print {$file} $octets or die "$name: $!";
    close $file or die "$name: $!";
    return;
}

sub _make_directories
{
    my ($self) = @_;
    # The child's user has to get through to the spool.
    chmod 0755, $self->{root} or die "$self->{root}: $!";
    make_path("$self->{root}/logs", "$self->{root}/conf",
              "$self->{root}/run");
    return;
}

sub _config
{
    my ($self) = @_;
    my $vhosts = $self->{vhosts}
        // sprintf($DEFAULT_VHOST, $self->{domain}, join "\n",
                   ($self->{tls} ? 'Include conf/tls.conf' : ()),
                   ($self->{auth} ? 'Include conf/auth.conf' : ()),
                   $self->{config});
    return join "\n", "ServerRoot \"$self->{root}\"",
        'ServerName localhost', 'PidFile logs/httpd.pid',
        'DefaultRuntimeDir run', 'ErrorLog logs/error_log',
        # The test's words of a level come after ours and win.
        'LogLevel notice', "Define root $self->{root}",
        $self->_load_modules, _user(), $self->_mpm_config,
        $self->_listen, ($self->{own_dsos} ? 'SMTPSpool spool' : ()),
        ($self->{tls} ? 'SSLSessionCache "shmcb:${root}/run/ssl(512000)"'
                      : ()),
        $self->{global}, $vhosts, '';
}

sub _mpm_config
{
    my ($self) = @_;
    return $FEW_THREADS if $self->{few_threads} && $self->{mpm} eq 'event';
    return $self->{mpm_config} // $MPM_CONFIG{ $self->{mpm} }
        // die "SMTP_MPM=$self->{mpm} is not event, worker or prefork";
}

sub _listen
{
    my ($self) = @_;
    my @lines;
    for my $name (sort keys %{ $self->{port} }) {
        my $protocol = $self->{ports}{$name};
        push @lines, "Define port_$name $self->{port}{$name}";
        push @lines, "Listen 127.0.0.1:$self->{port}{$name} $protocol"
            if defined $protocol;
    }
    return @lines;
}

# httpd drops root for its children only when told whom to be.
sub _user
{
    return () if $> != 0;
    my ($user) = grep { defined getpwnam $_ }
        $ENV{SMTP_USER} || (), qw(www-data apache daemon);
    my $group = getgrgid((getpwnam $user)[3]);
    return ("User $user", "Group $group");
}

sub _load_modules
{
    my ($self) = @_;
    my %seen;
    my @lines = map { _load_line($_) } grep { !$seen{$_}++ }
        "mpm_$self->{mpm}", @BASE_MODULES,
        ($self->{tls} ? @TLS_MODULES : ()),
        ($self->{auth} ? @AUTH_MODULES : ()), @{ $self->{modules} };
    my @dsos = $self->{own_dsos} ? qw(mod_smtp mod_smtp_spool) : ();
    push @dsos, 'mod_smtp_queue' if $self->{queue};
    for my $dso (@dsos, @{ $self->{dsos} }) {
        my ($name) = $dso =~ /\Amod_(.*)\z/ or die "$dso: no mod_NAME";
        push @lines, "LoadModule ${name}_module \"" . dso($dso) . '"';
    }
    return @lines;
}

# A module of httpd: nothing to load if it is linked in.
sub _load_line
{
    my ($name) = @_;
    return () if _is_static($name);
    my $path = _modules_directory() . "/mod_$name.so";
    -e $path or die "mod_$name.so is missing; SMTP_MODULES says where\n";
    return "LoadModule ${name}_module \"$path\"";
}

sub _is_static
{
    my ($name) = @_;
    state_of()->{static} //= { map { $_ => 1 } qx("${\httpd()}" -l)
                                   =~ /^\s+(?:mod_)?(\w+)\.c$/mg };
    return state_of()->{static}{$name};
}

sub _modules_directory
{
    return state_of()->{modules} //= $ENV{SMTP_MODULES} // do {
        chomp(my $path = qx(apxs -q LIBEXECDIR));
        $path;
    };
}

# What is asked of the system once in a program.
{
    my %state;
    sub state_of { return \%state }
}

# The httpd under test.
sub httpd
{
    return state_of()->{httpd} //= $ENV{SMTP_HTTPD} // do {
        chomp(my $directory = qx(apxs -q SBINDIR));
        chomp(my $program = qx(apxs -q PROGNAME));
        "$directory/$program";
    };
}

# Path of a DSO of ours, such as mod_smtp.
sub dso
{
    my ($name) = @_;
    my @directories = $ENV{SMTP_BUILD_DIR}
        ? ($ENV{SMTP_BUILD_DIR}, "$ENV{SMTP_BUILD_DIR}/.libs")
        : (File::Spec->rel2abs('.libs'), "$TOP/.libs");
    for my $directory (@directories) {
        return "$directory/$name.so" if -e "$directory/$name.so";
    }
    die "$name.so is not in @directories; SMTP_BUILD_DIR says where\n";
}

# Ports that nobody has, one for each name, and that no client gets by chance
# while a server is down between two starts: they are below those that the
# system hands out. All are held until all are found, so they differ.
sub _free_ports
{
    my @names = @_;
    my (%port, @held);
    my $tries = 1000;
    while (@names) {
        $tries-- or die "no free port: $!";
        my $port = 10_000 + int rand 20_000;
        my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
                                           LocalPort => $port, Listen => 1)
            or next;
        push @held, $socket;
        $port{ shift @names } = $port;
    }
    return \%port;
}

# ---- Life -----------------------------------------------------------------

# Starts httpd and waits until it takes connections; dies with what it said
# if it does not.
sub start
{
    my ($self) = @_;
    my $before = $self->_times_ready;
    $self->{pid} = $self->_spawn;
    my $is_ready = wait_until($START_SECONDS, sub {
        return $self->_times_ready > $before || $self->_is_gone;
    });
    if (!$is_ready || !$self->{pid}) {
        $self->kill_all;
        $self->{finished} = 1;
        die "httpd did not start:\n", $self->stderr, $self->log_text;
    }
    return $self;
}

# Starts httpd that is expected to refuse; what it said, or undef if it came
# up all the same.
sub start_refused
{
    my ($self) = @_;
    return eval { $self->start; 1 } ? undef : "$@";
}

# httpd -t: exit status and what it said.
sub configtest
{
    my ($self) = @_;
    my $pid = $self->_spawn('-t');
    waitpid $pid, 0;
    return ($? >> 8, $self->stderr);
}

sub _spawn
{
    my ($self, @options) = @_;
    @options = ('-DFOREGROUND') if !@options;
    my @command = (_not_outliving_us(), httpd(), '-d', $self->{root}, '-f',
                   "$self->{root}/httpd.conf", @options);
    my $pid = fork // die "fork: $!";
    return $pid if $pid;
    $self->_become_httpd(@command);
    return;    # not reached
}

# What makes httpd end with a test that is killed.
sub _not_outliving_us
{
    return -x '/usr/bin/setpriv' ? ('/usr/bin/setpriv', '--pdeathsig=TERM')
                                 : ();
}

# In the child: no output of httpd's mixes with our TAP.
sub _become_httpd
{
    my ($self, @command) = @_;
    my $errors = "$self->{root}/logs/stderr";
    # prefork ends its whole process group, and so does kill_all: not ours.
    POSIX::setpgid(0, 0) or POSIX::_exit(126);
    open STDIN, '<', '/dev/null' or POSIX::_exit(126);
    open STDOUT, '>', $errors or POSIX::_exit(126);
    open STDERR, '>&', \*STDOUT or POSIX::_exit(126);
    %ENV = (%SANITIZER_OPTIONS, %ENV, %{ $self->{env} });
    my @preload = grep { defined && length }
        $ENV{SMTP_PRELOAD}, @{ $self->{preload} };
    $ENV{LD_PRELOAD} = join ' ', @preload if @preload;
    exec { $command[0] } @command or POSIX::_exit(127);
    return;
}

# httpd says that it is ready once for each start and graceful restart.
sub _times_ready
{
    my ($self) = @_;
    my @lines = grep { /AH00(?:489|292|163): .*resuming normal op/ }
        $self->log;
    return scalar @lines;
}

sub _is_gone
{
    my ($self) = @_;
    return 1 if !$self->{pid};
    return 0 if waitpid($self->{pid}, WNOHANG) != $self->{pid};
    $self->{exit_status} = $?;
    $self->{pid} = undef;
    return 1;
}

# Whether the parent process runs.
sub is_running { my ($self) = @_; return !$self->_is_gone }

# Parent and children: their process ids.
sub pids
{
    my ($self) = @_;
    return $self->{pid} ? SMTPTest::Process::tree($self->{pid}) : ();
}

# The process ids of those who serve.
sub child_pids
{
    my ($self) = @_;
    return grep { $_ != ($self->{pid} // 0) && !_is_queue($_) } $self->pids;
}

# The queue process's id; undef while there is none. After a graceful restart
# there may be two for a while: the newer one.
sub queue_pid { my ($self) = @_; return ($self->queue_pids)[-1] }

# All of them, the older first.
sub queue_pids
{
    my ($self) = @_;
    my @pids = sort { _started($a) <=> _started($b) }
        grep { _is_queue($_) } $self->pids;
    return @pids;
}

sub _is_queue
{
    my ($pid) = @_;
    return (_stat($pid))[0] eq 'smtp-queue';
}

# In ticks since the machine started.
sub _started { my ($pid) = @_; return (_stat($pid))[20] // 0 }

# Name and what follows it in /proc/PID/stat.
sub _stat { return _read_stat("/proc/$_[0]/stat") }

sub _read_stat
{
    my ($path) = @_;
    open my $file, '<', $path or return ('');
    my ($name, $rest) = (scalar(<$file>) // '') =~ /\A\d+ \((.*)\) (.*)/s
        or return ('');
    return ($name, split ' ', $rest);
}

sub signal
{
    my ($self, $signal) = @_;
    kill $signal, $self->{pid} if $self->{pid};
    return;
}

# A graceful restart: returns when the new generation takes connections.
sub graceful
{
    my ($self) = @_;
    my $before = $self->_times_ready;
    $self->signal('USR1');
    wait_until($START_SECONDS, sub {
        return $self->_times_ready > $before || $self->_is_gone;
    }) && $self->{pid} or die "no graceful restart:\n", $self->log_text;
    return;
}

# Tells httpd to stop when its sessions are over; returns at once.
sub begin_graceful_stop { my ($self) = @_; $self->signal('WINCH'); return }

# Waits until httpd has closed its side of each connection to port NAME whose
# client is gone.
sub wait_disconnected
{
    my ($self, $name) = @_;
    return wait_until($START_SECONDS, sub {
        return !$self->_count_connections('01|08', $self->port($name)); });
}

# Connections in one of the states of the kernel's table (01 is ESTABLISHED,
# 08 CLOSE_WAIT) on ports of ours.
sub _count_connections
{
    my ($self, $states, @ports) = @_;
    my $ports = join '|', map { sprintf '%04X', $_ } @ports;
    my $pattern = qr/^ *\d+: [0-9A-F]+:(?:$ports) \S+ (?:$states) /;
    my $count = 0;
    for my $path ('/proc/net/tcp', '/proc/net/tcp6') {
        open my $file, '<', $path or next;
        $count += grep { /$pattern/ } <$file>;
    }
    return $count;
}

# Waits for the end of all processes of this httpd.
sub wait_gone
{
    my ($self, $seconds) = @_;
    return wait_until($seconds // $START_SECONDS,
                      sub { return $self->_is_gone });
}

# Stops httpd now (SIGTERM). True when it went by itself.
sub stop
{
    my ($self) = @_;
    return 1 if $self->_is_gone;
    $self->_wait_let_go;
    $self->signal('TERM');
    return 1 if $self->wait_gone;
    diag('httpd did not stop in time: killed');
    $self->kill_all;
    return 0;
}

# A child that is told to stop just while it closes a connection may crash:
# event's close_worker_sockets() looks at a socket until its worker has given
# the connection's memory back. It is given a moment for clients that left.
sub _wait_let_go
{
    my ($self) = @_;
    my @ports = values %{ $self->{port} };
    wait_until(2, sub {
        return !$self->_count_connections('08', @ports)
            && !_count_running_threads($self->child_pids); });
    return;
}

# Threads that have work: they run, wait for a CPU or for the kernel.
sub _count_running_threads
{
    return scalar grep { ((_read_stat($_))[1] // 'S') ne 'S' }
        map { glob "/proc/$_/task/*/stat" } @_;
}

# What a power cut of the processes is: SIGKILL to all of them at once.
sub kill_all
{
    my ($self) = @_;
    return if !$self->{pid};
    SMTPTest::Process::kill_group($self->{pid});
    waitpid $self->{pid}, 0;
    $self->{pid} = undef;
    return;
}

# The end of a test's server: stops it and judges its error log. Two tests
# in the plan.
sub finish
{
    my ($self) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    ok($self->stop, 'httpd stops when it is told to');
    $self->{finished} = 1;
    return $self->check_log;
}

# ---- Logs -----------------------------------------------------------------

# Declares error log lines at warn or above that this test brings about.
sub expect_log
{
    my ($self, @patterns) = @_;
    push @{ $self->{expected} }, @patterns;
    return;
}

# The error log's lines.
sub log { return split /^/m, $_[0]->log_text }

sub log_text { return $_[0]->read_file('logs/error_log') }
sub stderr { return $_[0]->read_file('logs/stderr') }

# A file below ServerRoot, "" if there is none.
sub read_file
{
    my ($self, $name) = @_;
    open my $file, '<:raw', "$self->{root}/$name" or return '';
    local $/;
    return scalar(<$file>) // '';
}

# Waits until a line of the error log matches; that line, or undef.
sub wait_log { return $_[0]->wait_file('logs/error_log', @_[1 .. $#_]) }

# The same for another file below ServerRoot, such as a CustomLog.
sub wait_file
{
    my ($self, $name, $pattern, $seconds) = @_;
    my $line;
    wait_until($seconds // 10, sub {
        ($line) = grep { /$pattern/ } split /^/m, $self->read_file($name);
        return defined $line;
    });
    return $line;
}

# Lines that nobody expects: level warn or above, a child that crashed, and
# whatever was not written by httpd's logger (a sanitizer's report, an
# assertion).
sub unexpected_log
{
    my ($self) = @_;
    my @lines;
    for my $line ($self->log) {
        next if $line =~ /\A\[[^]]+\] \[[\w-]*:(?:notice|info|debug|trace\d)\]/
            && $line !~ /AH0005[012]: child pid \d+ exit signal/;
        next if grep { $line =~ /$_/ } @{ $self->{expected} };
        push @lines, $line;
    }
    return @lines;
}

sub check_log
{
    my ($self) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @lines = $self->unexpected_log;
    return ok(!@lines, 'nothing unexpected in the error log')
        || diag(@lines[0 .. ($#lines < 20 ? $#lines : 20)]);
}

# ---- Users ----------------------------------------------------------------

# An SMTP client connected to port NAME; the greeting is not read yet.
sub client
{
    my ($self, %arg) = @_;
    my $name = delete $arg{port} // 'smtp';
    return SMTPTest::Client->new(port => $self->port($name), %arg);
}

# A client that has read its greeting and said EHLO.
sub ehlo_client
{
    my ($self, %arg) = @_;
    my $client = $self->client(%arg);
    my $greeting = $client->read_reply;
    die "no greeting but $greeting\n" if $greeting->code ne '220';
    my $reply = $client->command('EHLO client.test');
    die "EHLO: $reply\n" if $reply->code ne '250';
    return $client;
}

# The Maildir of name@domain.
sub maildir
{
    my ($self, $mailbox) = @_;
    my ($name, $domain) = $mailbox =~ /\A(.*)@(.*)\z/s;
    return SMTPTest::Maildir->new($self->spool . "/mail/$domain/$name");
}

# ---- The end --------------------------------------------------------------

# A signal that ends the test must not end it without END.
$SIG{$_} //= sub { exit 1 } for qw(HUP INT PIPE TERM);

# A test that died, or forgot to finish a server, must not leave it running,
# and must not pass.
END {
    my $status = $?;
    for my $server (grep { $_->{pid} && $_->{owner} == $$ } @servers) {
        $server->kill_all;
        next if $server->{finished};
        diag('a server was left running: killed');
        diag($server->unexpected_log);
        $status ||= 1;
    }
    $? = $status;
}

1;
