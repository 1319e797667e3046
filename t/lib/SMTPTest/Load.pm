# Licensed under the Apache License, Version 2.0; see LICENSE.
package SMTPTest::Load;

# Clients that send mail all the time, each message another, and note what was
# acknowledged; and whether just that is in the mailboxes.

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use File::Temp;
use IO::Handle;
use POSIX ();
use Test::More;

use SMTPTest::Maildir;
use SMTPTest::Wait qw(wait_until);

# Octets of the messages; the large ones go through a file of the journal.
my @SIZES = (100, 700, 4_000, 20_000, 100_000, 200_000);

# server, clients (6), mailboxes (3). SMTP_LOAD_SEED repeats a run.
sub new
{
    my ($class, %arg) = @_;
    my $self = bless {
        clients => 6,
        mailboxes => [map { "box$_\@example.com" } 1 .. 3],
        seed => $ENV{SMTP_LOAD_SEED} // $$,
        notes => File::Temp->newdir('smtp-load-XXXXXX', TMPDIR => 1),
        rounds => 0,
        %arg,
    }, $class;
    note("SMTP_LOAD_SEED=$self->{seed}");
    return $self;
}

# Starts the clients of a new round. They end with the server, or by end().
sub begin
{
    my ($self) = @_;
    $self->{rounds}++;
    for my $number (1 .. $self->{clients}) {
        my $pid = fork // die "fork: $!";
        if (!$pid) {
            # The server is the parent's: nothing of it ends here.
            eval { $self->_send("$self->{rounds}.$number") };
            warn $@ if $@;
            POSIX::_exit(0);
        }
        push @{ $self->{pids} }, $pid;
    }
    return;
}

# Waits until COUNT messages were acknowledged in this round.
sub wait_acknowledged
{
    my ($self, $count) = @_;
    return wait_until(60, sub { $self->_acknowledged >= $count });
}

# Lets the clients end after the message at hand, if they have not.
sub end
{
    my ($self) = @_;
    $self->_note('end', '');
    waitpid $_, 0 for splice @{ $self->{pids} };
    unlink "$self->{notes}/end";
    return;
}

# Four tests for each mailbox: each acknowledged message is there, octet for
# octet, once; and nothing that is not whole.
sub check
{
    my ($self) = @_;
    my $noted = $self->_read;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $self->_check_mailbox($_, $noted->{$_} // {})
        for @{ $self->{mailboxes} };
    return;
}

sub mailboxes { return @{ $_[0]{mailboxes} } }

# ---- The clients ----------------------------------------------------------

# Sends until it is the end. Notes before each message that it may come, and
# after it the reply.
sub _send
{
    my ($self, $name) = @_;
    open my $file, '>', "$self->{notes}/$name" or die "$name: $!";
    $file->autoflush;
    srand $self->{seed} + 1000 * ($name =~ tr/.//dr);
    my $n = 0;
    while (!-e "$self->{notes}/end") {
        my $client = eval { $self->{server}->ehlo_client };
        if (!$client) {
            # Killed, or in the midst of a restart.
            select undef, undef, undef, 0.01;
            next;
        }
        for (1 .. 1 + rand 10) {
            last if !$self->_send_one($client, $file, "$name." . ++$n);
        }
        $client->close;
    }
    return;
}

sub _send_one
{
    my ($self, $client, $file, $name) = @_;
    my @mailboxes = $self->mailboxes;
    my @to = @mailboxes[0 .. rand @mailboxes];
    my $message = _message($name);
    my $digest = sha256_hex(SMTPTest::Maildir::stored($message));
    print {$file} "sent $digest @to\n";
    my $code = $client->send_message(to => \@to, message => $message)->code;
    print {$file} "$code\n";
    return $code eq '250';
}

# A message that nobody else sends.
sub _message
{
    my ($name) = @_;
    my $len = $SIZES[rand @SIZES];
    my $text = "Subject: $name\r\n\r\n";
    $text .= join('', map { chr 33 + int rand 90 } 1 .. 70) . "\r\n"
        for 1 .. 1 + rand 3;
    my $line = "$name " . 'y' x 60 . "\r\n";
    return $text . $line x (1 + $len / length $line);
}

# ---- What they noted ------------------------------------------------------

sub _note
{
    my ($self, $name, $octets) = @_;
    open my $file, '>', "$self->{notes}/$name" or die "$name: $!";
    print {$file} $octets;
    close $file or die "$name: $!";
    return;
}

# Messages of this round that were acknowledged so far.
sub _acknowledged
{
    my ($self) = @_;
    my $n = 0;
    for my $path (glob "$self->{notes}/$self->{rounds}.*") {
        open my $file, '<', $path or die "$path: $!";
        $n += grep { $_ eq "250\n" } <$file>;
    }
    return $n;
}

# Mailbox -> digest -> whether the message was acknowledged.
sub _read
{
    my ($self) = @_;
    my %noted;
    for my $path (glob "$self->{notes}/*.*") {
        open my $file, '<', $path or die "$path: $!";
        my ($digest, @to);
        while (my $line = <$file>) {
            if ($line =~ /\Asent (\S+) (.*)/) {
                ($digest, @to) = ($1, split / /, $2);
                $noted{$_}{$digest} = 0 for @to;
            }
            elsif ($line eq "250\n") {
                $noted{$_}{$digest} = 1 for @to;
            }
        }
    }
    return \%noted;
}

sub _check_mailbox
{
    my ($self, $mailbox, $noted) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my %there;
    for my $message ($self->{server}->maildir($mailbox)->messages) {
        my $content = eval { SMTPTest::Maildir::content($message) };
        $there{ sha256_hex($content // "not whole: $message") }++;
    }
    my @acknowledged = grep { $noted->{$_} } keys %$noted;
    my $late = grep { exists $noted->{$_} && !$noted->{$_} } keys %there;
    cmp_ok(scalar(@acknowledged), '>', 0, "$mailbox got mail");
    is(scalar(grep { !$there{$_} } @acknowledged), 0,
       'none of its ' . @acknowledged . ' acknowledged messages is lost');
    is(scalar(grep { !exists $noted->{$_} } keys %there), 0,
       'none is damaged');
    is(scalar(grep { $_ > 1 } values %there), 0, 'none came twice');
    note("$late were delivered though nobody heard the 250");
    return;
}

1;
