#!/usr/bin/env perl
# Licensed under the Apache License, Version 2.0; see LICENSE.
# Each system call of the spool fails in turn, in each way that it can: the
# client gets 4xx, or its mail is there whole, now or after a crash. Nothing
# half-written is ever seen as mail.
use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Fault;
use SMTPTest::Server;
use SMTPTest::Wait qw(wait_until);

# Calls and how they fail. After a failure that lasts nothing is refused for
# good either.
my @faults = (
    [open => qw(ENOSPC EMFILE)],
    [mkdir => qw(ENOSPC EDQUOT)],
    [link => qw(ENOSPC EIO)],
    [pwrite => qw(ENOSPC EIO SHORT KILL)],
    [pwritev => qw(ENOSPC EIO SHORT KILL)],
    [ftruncate => qw(EIO)],
    [fdatasync => qw(ENOSPC EIO KILL)],
    [fsync => qw(EIO KILL)],
);
# What comes with the next checkpoint, some seconds after the mail.
my @faults_of_checkpoint = (
    [unlink => qw(EIO KILL)],
    [syncfs => qw(EIO KILL)],
);
# And below which directory, when the dead are recovered.
my @faults_of_recovery = (
    [journal => open => qw(KILL)],
    [mail => open => qw(KILL)],
    [mail => mkdir => qw(KILL)],
    [mail => link => qw(ENOSPC KILL)],
    [journal => unlink => qw(EIO KILL)],
    [mail => pwrite => qw(KILL)],
    [journal => pwrite => qw(KILL)],
    [journal => fsync => qw(EIO KILL)],
    [mail => syncfs => qw(EIO KILL)],
);
# So many calls of one kind are tried one after another at most.
use constant MAX_NTH => 100;
# The calls are the same on each MPM: every one is tried on event alone.
use constant STEP => SMTPTest::Server::mpm() eq 'event' ? 1 : 7;

# What a broken disk says in the log.
my @expected = (qr/SM1012:/, qr/SM20[0-5]\d:/, qr/AH00051: child pid/,
                qr/AH00052: child pid/, qr/AH00098:/,
                # prefork's one child is taken.
                qr/AH00161:/);

my $number = 0;

# One process, so that each fault meets the process that is asked.
my $mpm_config = SMTPTest::Server::mpm() eq 'prefork'
    ? "StartServers 1\nMinSpareServers 1\nMaxSpareServers 1\n"
        . "MaxRequestWorkers 1\n"
    : "StartServers 1\nServerLimit 1\nThreadsPerChild 5\n"
        . "MaxRequestWorkers 5\nMinSpareThreads 1\nMaxSpareThreads 5\n";

sub message
{
    my ($len) = @_;
    $number++;
    my $text = "Subject: $number\r\n\r\n";
    $text .= sprintf("%076d\r\n", $number) while length $text < $len;
    return $text;
}

my @mailboxes = ('bob@example.com', 'alice@example.com');

# Sends a message; the code of the reply, or 'closed' and the like.
sub send_to
{
    my ($server, $message, @to) = @_;
    my $client = eval { $server->ehlo_client } or return 'closed';
    my $code = $client->send_message(to => @to ? \@to : \@mailboxes,
                                     message => $message)->code;
    $client->close;
    return $code;
}

# All messages that are in a mailbox, by SHA-256 of their content: how often.
sub delivered
{
    my ($server, $mailbox) = @_;
    my %times;
    for my $message ($server->maildir($mailbox)->messages) {
        my $content = eval { SMTPTest::Maildir::content($message) };
        $times{ sha256_hex($content // "not whole: $message") }++;
    }
    return \%times;
}

sub digest { return sha256_hex(SMTPTest::Maildir::stored($_[0])) }

# Messages sent under the fault: [text, reply code].
sub send_under_fault
{
    my ($server) = @_;
    return map { [$_, send_to($server, $_)] } message(5000), message(150_000),
        message(100);
}

# Whether all that was acknowledged is there once, and nothing that was never
# sent.
sub check_mailbox
{
    my ($server, $mailbox, $what, @sent) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $times = delivered($server, $mailbox);
    my (@lost, @twice);
    for my $sent (@sent) {
        my ($message, $code) = @$sent;
        my $n = delete $times->{ digest($message) } // 0;
        push @lost, $message =~ /(.*)/ if $code eq '250' && $n == 0;
        push @twice, $message =~ /(.*)/ if $n > 1;
    }
    is("@lost", '', "$what: nothing acknowledged is lost for $mailbox");
    is("@twice", '', "$what: nothing comes twice");
    is(join(' ', keys %$times), '', "$what: nothing half-written is mail");
    return;
}

# Whether the recovery is through.
sub is_recovered
{
    my ($server, @dead) = @_;
    return !grep { -e $_ } @dead;
}

# What must hold after a crash and a new start.
sub check_afterwards
{
    my ($server, $what, $may_be_kept, @sent) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    check_mailbox($server, $mailboxes[0], $what, @sent);
    my %there = %{ delivered($server, 'bob@example.com') };
    my @kept = grep { $_->[1] =~ /\A4/ && $there{ digest($_->[0]) } } @sent;
    ok($may_be_kept || !@kept, "$what: what was refused is not delivered");
    is(join(' ', glob $server->spool . '/damaged/*'), '',
       "$what: nothing is taken for damage");
    return;
}

# Faults below a directory of the spool, "" for all of it.
sub server_with_fault
{
    my ($directory) = @_;
    my $server = SMTPTest::Server->new(mpm_config => $mpm_config,
                                       expected => \@expected);
    my $fault = SMTPTest::Fault->new(
        below => $server->spool . "/$directory");
    $server->write_config($fault->server_arguments);
    $server->start;
    return ($server, $fault);
}

# The fault comes while mail is taken, or WAITS for what comes after it.
sub round
{
    my ($call, $error, $nth, $is_lasting, $waits) = @_;
    my $what = "$call $nth " . ($is_lasting ? 'and later ' : '') . $error;
    my ($server, $fault) = server_with_fault('');
    $fault->arm(call => $call, error => $error, nth => $nth,
                is_lasting => $is_lasting);
    my @sent = send_under_fault($server);
    wait_until(15, sub { $fault->hits }) if $waits;
    my $hits = $fault->hits;
    $fault->disarm;
    my @bad = grep { $_->[1] !~ /\A(?:250|4\d\d|closed|timeout)\z/ } @sent;
    is(join(' ', map { $_->[1] } @bad), '', "$what: taken, or put off");
    if (!$is_lasting && $error ne 'KILL') {
        my @refused = grep { $_->[1] ne '250' } @sent;
        ok(@refused <= 1, "$what: one failure costs one message at most")
            or diag(join ' ', map { $_->[1] } @sent);
    }
    my $last = message(100);
    ok(wait_until(10, sub { send_to($server, $last) eq '250' }),
       "$what: when it is over, mail is taken again");
    my @dead = glob $server->spool . '/journal/*';
    $server->kill_all;
    $server->start;
    ok(wait_until(20, sub { is_recovered($server, @dead) }),
       "$what: the journals of the dead are recovered");
    push @sent, [$last, '250'];
    check_mailbox($server, $mailboxes[1], $what, @sent);
    check_afterwards($server, $what, $is_lasting || $error eq 'KILL', @sent);
    $server->finish;
    return $hits;
}

# The fault comes while a dead process's mail is recovered: whoever comes next
# goes on.
sub round_of_recovery
{
    my ($directory, $call, $error, $nth) = @_;
    my $what = "recovery: $directory $call $nth $error";
    my ($server, $fault) = server_with_fault("$directory/");
    my $obstacle = $server->spool . '/mail/example.com';
    $server->write_file('spool/mail/example.com', '');
    my @sent = map { [$_, send_to($server, $_, $mailboxes[0])] }
        message(5000), message(150_000);
    is(join(' ', map { $_->[1] } @sent), '250 250', "$what: taken");
    $server->kill_all;
    unlink $obstacle or die "$obstacle: $!";
    my @dead = glob $server->spool . '/journal/*';
    $fault->arm(call => $call, error => $error, nth => $nth);
    $server->start;
    ok(wait_until(30, sub { is_recovered($server, @dead) }),
       "$what: the journals of the dead are recovered");
    my $hits = $fault->hits;
    $fault->disarm;
    check_afterwards($server, $what, 0, @sent);
    $server->finish;
    return $hits;
}

# prove t/server/spool_fault.t :: fdatasync checkpoint recovery: only these.
my %wanted = map { $_ => 1 } @ARGV;
for my $row (@faults) {
    my ($call, @errors) = @$row;
    next if %wanted && !$wanted{$call};
    subtest $call => sub {
        for my $error (@errors) {
            for (my $nth = 1; $nth <= MAX_NTH; $nth += STEP) {
                my $hits = round($call, $error, $nth, 0);
                ok($hits, "$call: $error came about") if $nth == 1;
                last if !$hits;
            }
            round($call, $error, 1, 1) if $error !~ /SHORT|KILL/;
        }
    };
}
for my $row (@faults_of_checkpoint) {
    my ($call, @errors) = @$row;
    next if %wanted && !$wanted{checkpoint};
    subtest "checkpoint: $call" => sub {
        ok(round($call, $_, 1, 0, 1), "$call: $_ came about") for @errors;
    };
}
for my $row (@faults_of_recovery) {
    my ($directory, $call, @errors) = @$row;
    next if %wanted && !$wanted{recovery};
    subtest "recovery: $directory $call" => sub {
        for my $error (@errors) {
            # What fails is tried again after ten seconds: twice is enough.
            my $rounds = $error eq 'KILL' ? MAX_NTH : 2;
            for (my $nth = 1; $nth <= $rounds; $nth += STEP) {
                my $hits = round_of_recovery($directory, $call, $error, $nth);
                ok($hits, "recovery: $directory $call: $error came about")
                    if $nth == 1;
                last if !$hits;
            }
        }
    };
}
done_testing;
