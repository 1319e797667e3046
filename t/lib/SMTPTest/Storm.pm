# Licensed under the Apache License, Version 2.0; see LICENSE.
package SMTPTest::Storm;

# Clients that send numbered messages, for recipients here and elsewhere, into
# a server on which all befalls that may; next hops in bad weather.
# SMTPTest::StormLedger tells what came of it.

use strict;
use warnings;

use parent 'SMTPTest::StormLedger';

use Digest::SHA qw(sha256_hex);
use File::Temp;
use IO::Handle;
use POSIX ();
use Test::More;
use Time::HiRes qw(time);

use SMTPTest::Maildir;
use SMTPTest::Server;
use SMTPTest::StormHop;
use SMTPTest::StormLedger qw(@BOXES @DOMAINS $CONNECTIONS $DELETABLE $SENDER);
use SMTPTest::Wait qw(wait_until);

# Octets of the messages; the large ones go through a file of the journal.
my @SIZES = (100, 700, 4_000, 20_000, 100_000, 200_000);

# More wait in the queue: clients do, too.
my $FILES_MAX = 100;

# seed, clients (3). SMTP_STORM_SEED repeats the choices of a run.
sub new
{
    my ($class, %arg) = @_;
    my $self = bless {
        clients => 3,
        seed => $ENV{SMTP_STORM_SEED} // $$,
        notes => File::Temp->newdir('smtp-storm-XXXXXX', TMPDIR => 1,
                                    CLEANUP => !$ENV{SMTP_KEEP}),
        kills => [], faults => [], rounds => 0, owner => $$,
        %arg,
    }, $class;
    note("SMTP_STORM_SEED=$self->{seed}");
    srand $self->{seed};
    $self->{server} = $self->_server;
    $self->{hops} = { map { $_ => $self->_hop($_) } qw(a b c) };
    return $self;
}

sub server { return $_[0]{server} }

# c is LMTP; mailboxes of local.test are reached by it, too.
sub _server
{
    my ($self) = @_;
    return SMTPTest::Server->new(
        queue => 1,
        ports => { smtp => 'smtp', hop_a => undef, hop_b => undef,
                   hop_c => undef },
        config => <<"END",
<SMTPRelay>
    Require ip 127.0.0.1
</SMTPRelay>
<SMTPDomain local.test>
    SMTPRecipients any
    SMTPDeliver lmtp:127.0.0.1:\${port_hop_c}
</SMTPDomain>
<SMTPDestination a.test>
    SMTPRoute smtp:127.0.0.1:\${port_hop_a}
</SMTPDestination>
<SMTPDestination b.test>
    SMTPRoute smtp:127.0.0.1:\${port_hop_b}
</SMTPDestination>
<SMTPDestination c.test>
    SMTPRoute lmtp:127.0.0.1:\${port_hop_c}
</SMTPDestination>
SMTPRetry 1s
SMTPBackoff first=1s last=1s
SMTPConcurrency $CONNECTIONS
END
        # A process is killed, and so is httpd with its pid file.
        expected => [qr/SM4003: queue process/, qr/AH00098: pid file/],
    );
}

sub _hop
{
    my ($self, $name) = @_;
    mkdir "$self->{notes}/$name";
    return SMTPTest::StormHop->start_new(
        directory => "$self->{notes}/$name", lmtp => $name eq 'c',
        port => $self->{server}->port("hop_$name"),
        ledger => "$self->{notes}/ledger", seed => $self->{seed});
}

# ---- The clients ----------------------------------------------------------

# Starts the clients of a new round; they go on, whatever befalls the server,
# until end().
sub begin
{
    my ($self) = @_;
    $self->{rounds}++;
    for my $number (1 .. $self->{clients}) {
        my $pid = fork // die "fork: $!";
        if (!$pid) {
            # The server and the next hops are the parent's.
            eval { $self->_send("client.$self->{rounds}.$number") };
            warn $@ if $@;
            POSIX::_exit(0);
        }
        push @{ $self->{pids} }, $pid;
    }
    return;
}

# Lets the clients end after the message at hand.
sub end
{
    my ($self) = @_;
    _note("$self->{notes}/end", '');
    waitpid $_, 0 for splice @{ $self->{pids} };
    unlink "$self->{notes}/end";
    return;
}

sub _send
{
    my ($self, $name) = @_;
    open my $file, '>', "$self->{notes}/$name" or die "$name: $!";
    $file->autoflush;
    my ($round, $client) = $name =~ /(\d+)\.(\d+)/;
    srand $self->{seed} + 100 * $round + $client;
    my $number = 1_000_000 * $round + 100_000 * $client;
    while (!$self->_is_end) {
        my $session = eval { $self->{server}->ehlo_client };
        if (!$session) {
            # Killed, or in the midst of a restart.
            select undef, undef, undef, 0.01;
            next;
        }
        for (1 .. 1 + rand 10) {
            last if !$self->_send_one($session, $file, ++$number);
        }
        $session->close;
        # What is down for a while shall not leave work for hours.
        select undef, undef, undef, 0.05
            while $self->_files > $FILES_MAX && !$self->_is_end;
    }
    return;
}

# Or the test was killed.
sub _is_end
{
    my ($self) = @_;
    return -e "$self->{notes}/end" || getppid != $self->{owner};
}

# What waits in the queue.
sub _files
{
    my ($self) = @_;
    return scalar(() = glob $self->{server}->spool . '/queue/??/*');
}

sub _send_one
{
    my ($self, $session, $file, $number) = @_;
    my @to = _recipients($number);
    my $from = rand() < 0.1 ? $DELETABLE : $SENDER;
    my $message = _message($number);
    my $digest = sha256_hex(SMTPTest::Maildir::stored($message));
    print {$file} "sent $number $digest $from @to\n";
    my $code = $session->send_message(from => $from, to => \@to,
                                      message => $message)->code;
    print {$file} "$code\n";
    return $code eq '250';
}

# Of some kinds none ever gets mail: what StormHop refuses.
sub _recipients
{
    my ($number) = @_;
    my $kind = rand() < 0.1 ? 'spam' : 'good';
    my %to;
    for my $n (1 .. 1 + rand 3) {
        my $chance = rand;
        my $domain = $DOMAINS[rand @DOMAINS];
        my $to = $chance < 0.2 ? $BOXES[rand @BOXES]
               : $chance < 0.3 && $kind eq 'good' ? "bad.$number.$n\@$domain"
               : "$kind.$number.$n\@$domain";
        $to{$to} = 1;
    }
    return sort keys %to;
}

sub _message
{
    my ($number) = @_;
    my $len = $SIZES[rand @SIZES];
    my $line = "$number " . 'y' x 60 . "\r\n";
    return "Subject: storm $number\r\n\r\n"
        . $line x (1 + $len / length $line);
}

# ---- The weather ----------------------------------------------------------

# What befalls the server, by name.
my %EVENTS = (
    child => sub {
        my ($self) = @_;
        my @pids = $self->{server}->child_pids;
        kill 'KILL', $pids[rand @pids] if @pids;
    },
    queue => sub {
        my ($self) = @_;
        my $pid = $self->{server}->queue_pid // return;
        $self->_kill(sub {
            kill 'KILL', $pid;
            # What is dead has nothing open.
            wait_until(10, sub { return !(() = glob "/proc/$pid/fd/*") });
        });
    },
    all => sub {
        my ($self) = @_;
        $self->_kill(sub { $self->{server}->kill_all });
        $self->{server}->start;
    },
    graceful => sub { $_[0]{server}->graceful },
    restart => sub {
        my ($self) = @_;
        $self->{server}->stop or $self->_fault('httpd did not stop');
        $self->{server}->start;
    },
    down => sub { _note($_[0]->_weather, '') },
    up => sub { unlink glob "$_[0]{notes}/?/down" },
    hold => sub { $_[0]->smtpq('hold', '--sender', $SENDER) },
    release => sub { $_[0]->smtpq('release', '--all') },
    retry => sub { $_[0]->smtpq('retry', '--all') },
    delete => sub {
        my ($self) = @_;
        $self->{is_deleting} = 1;
        $self->smtpq('delete', '--sender', $DELETABLE);
    },
);

sub events { return sort keys %EVENTS }

# Has it befall.
sub befall
{
    my ($self, $name) = @_;
    note(sprintf '%.3f %s', time, $name);
    $EVENTS{$name}->($self);
    $self->look;
    return;
}

# The file that has a next hop not listen.
sub _weather
{
    my ($self) = @_;
    my @names = sort keys %{ $self->{hops} };
    return "$self->{notes}/$names[rand @names]/down";
}

# Notes from when to when the queue process was killed: it may work until it is
# dead.
sub _kill
{
    my ($self, $act) = @_;
    my $begin = time;
    $act->();
    push @{ $self->{kills} }, { begin => $begin, end => time };
    return;
}

# What the administrator says; what smtpq answers. Whether anybody listens is
# chance.
sub smtpq
{
    my ($self, @arguments) = @_;
    my $program = ($ENV{SMTP_BUILD_DIR} // '.') . '/smtpq';
    my $pid = open(my $out, '-|') // die "fork: $!";
    if (!$pid) {
        open STDERR, '>', '/dev/null' or POSIX::_exit(126);
        open STDIN, '<', '/dev/null' or POSIX::_exit(126);
        $ENV{SMTP_SPOOL} = $self->{server}->spool;
        exec { $program } $program, @arguments, '--yes'
            or POSIX::_exit(127);
    }
    local ($/, $?);
    my $text = <$out>;
    close $out;
    return $text;
}

# ---- Waiting --------------------------------------------------------------

# Waits a moment until COUNT more messages were acknowledged. Not for long:
# clients wait while mail is held, or a next hop is down.
sub wait_acknowledged
{
    my ($self, $count) = @_;
    $count += $self->_acknowledged;
    return $self->_wait(2, sub { $self->_acknowledged >= $count });
}

# The same until next hops took COUNT more, or nothing is left.
sub wait_taken
{
    my ($self, $count) = @_;
    $count += $self->_lines;
    return $self->_wait(0.5, sub { $self->_lines >= $count
                                       || $self->_is_drained });
}

# Waits until nothing is to be sent any more. What is held is released: again
# and again, since nobody may have listened.
sub wait_drained
{
    my ($self, $seconds) = @_;
    my $released = 0;
    return $self->_wait($seconds, sub {
        return 1 if $self->_is_drained;
        if (time >= $released + 1) {
            $released = time;
            $self->smtpq('release', '--status', 'held');
        }
        return 0;
    });
}

# Waits until the journals of those who died have gone.
sub wait_recovered
{
    my ($self, $seconds) = @_;
    my $spool = $self->{server}->spool;
    return wait_until($seconds, sub { return !(() = glob "$spool/journal/*") });
}

sub _wait
{
    my ($self, $seconds, $condition) = @_;
    return wait_until($seconds, sub { $self->look; return $condition->() });
}

# Of two queue processes one sends at most.
sub look
{
    my ($self) = @_;
    my @queue = $self->{server}->queue_pids;
    return if @queue < 2;
    my %sockets = map { $_ => { $self->_sockets($_) } } @queue;
    my @sending = grep { %{ $sockets{$_} } } @queue;
    return if @sending < 2;
    # Those who were looked at first may have ended meanwhile.
    my %again = map { $_ => { $self->_sockets($_) } } @sending;
    my @both = grep { my $pid = $_;
                      grep { $again{$pid}{$_} } keys %{ $sockets{$pid} } }
        @sending;
    $self->_fault("two queue processes send: @both") if @both > 1;
    return;
}

# Connections of a process to next hops, by inode.
sub _sockets
{
    my ($self, $pid) = @_;
    my %inodes = map { $_ => 1 } map { (readlink // '') =~ /socket:\[(\d+)/ }
        glob "/proc/$pid/fd/*";
    my $ports = join '|', map { sprintf '%04X', $_->port }
        values %{ $self->{hops} };
    open my $file, '<', '/proc/net/tcp' or return;
    return map { $_ => 1 } grep { $inodes{$_} }
        map { (split)[2] =~ /:(?:$ports)\z/ && (split)[3] eq '01'
                  ? (split)[9] : () } <$file>;
}

sub _fault { my ($self, $text) = @_; push @{ $self->{faults} }, $text; return }

# No file is in the queue, no record waits, each recipient is accounted for.
sub _is_drained
{
    my ($self) = @_;
    return !$self->_files && !$self->missing;
}

sub _note
{
    my ($path, $octets) = @_;
    open my $file, '>', $path or die "$path: $!";
    print {$file} $octets;
    close $file or die "$path: $!";
    return;
}

1;
