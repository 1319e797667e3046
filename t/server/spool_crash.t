#!/usr/bin/env perl
# Licensed under the Apache License, Version 2.0; see LICENSE.
# The whole httpd is killed (SIGKILL) at random instants while mail comes in;
# 50 times. Each acknowledged message is there, octet for octet, once; what
# was not acknowledged is there whole or not at all.
use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use File::Temp;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Server;
use SMTPTest::Wait qw(wait_until);

use constant {
    ROUNDS  => $ENV{SMTP_CRASH_ROUNDS} // 50,
    CLIENTS => 6,
};
my @mailboxes = map { "box$_\@example.com" } 1 .. 3;
# Octets of the messages; the large ones go through a file.
my @sizes = (100, 700, 4_000, 20_000, 100_000, 200_000);

my $server = SMTPTest::Server->new(expected => [qr/AH00098: pid file/]);
my $notes = File::Temp->newdir('smtp-crash-XXXXXX', TMPDIR => 1);
my $seed = $ENV{SMTP_CRASH_SEED} // $$;
note("SMTP_CRASH_SEED=$seed");
srand $seed;

# A message that nobody else sends.
sub message
{
    my ($name) = @_;
    my $len = $sizes[rand @sizes];
    my $text = "Subject: $name\r\n\r\n";
    $text .= join('', map { chr 33 + int rand 90 } 1 .. 70) . "\r\n"
        for 1 .. 1 + rand 3;
    my $line = "$name " . 'y' x 60 . "\r\n";
    return $text . $line x (1 + $len / length $line);
}

# Sends until the server is gone. Notes before each message that it may come,
# and after its 250 that it must.
sub send_until_the_end
{
    my ($round, $client_number) = @_;
    open my $file, '>', "$notes/$round.$client_number" or die $!;
    $file->autoflush;
    srand $seed + 1000 * $round + $client_number;
    my $n = 0;
    while (my $client = eval { $server->ehlo_client }) {
        for (1 .. 1 + rand 10) {
            my $name = join '.', $round, $client_number, ++$n;
            my $message = message($name);
            my @to = @mailboxes[0 .. rand @mailboxes];
            print {$file} join(' ', 'sent',
                               sha256_hex(SMTPTest::Maildir::stored($message)),
                               @to), "\n";
            my $code = $client->send_message(to => \@to, message => $message)
                ->code;
            print {$file} "$code\n";
            return if $code ne '250';
        }
        $client->quit;
    }
    return;
}

# Messages noted as acknowledged in this round so far.
sub acknowledged
{
    my ($round) = @_;
    my $n = 0;
    for my $path (glob "$notes/$round.*") {
        open my $file, '<', $path or die $!;
        $n += grep { $_ eq "250\n" } <$file>;
    }
    return $n;
}

sub run_round
{
    my ($round) = @_;
    my @pids;
    $server->start;
    for my $number (1 .. CLIENTS) {
        my $pid = fork // die "fork: $!";
        if (!$pid) {
            # The server is the parent's: nothing of it ends here.
            eval { send_until_the_end($round, $number) };
            warn $@ if $@;
            POSIX::_exit(0);
        }
        push @pids, $pid;
    }
    # The instant: a number of acknowledgements, and a bit.
    my $wanted = int rand 60;
    wait_until(60, sub { acknowledged($round) >= $wanted });
    select undef, undef, undef, rand 0.02;
    $server->kill_all;
    waitpid $_, 0 for @pids;
    return;
}

# All that was noted: mailbox -> digest -> whether it was acknowledged.
sub read_notes
{
    my %noted;
    for my $path (glob "$notes/*.*") {
        open my $file, '<', $path or die $!;
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

sub check_mailbox
{
    my ($mailbox, $noted) = @_;
    my ($strange, $twice, $late) = (0, 0, 0);
    my %there;
    for my $message ($server->maildir($mailbox)->messages) {
        my $content = eval { SMTPTest::Maildir::content($message) } // '';
        my $digest = sha256_hex($content);
        $strange++ if !exists $noted->{$digest};
        $twice++ if $there{$digest}++;
        $late++ if exists $noted->{$digest} && !$noted->{$digest};
    }
    my @acknowledged = grep { $noted->{$_} } keys %$noted;
    my @lost = grep { !$there{$_} } @acknowledged;
    cmp_ok(scalar(@acknowledged), '>', 0, "$mailbox got mail");
    is(scalar(@lost), 0,
       "none of its " . @acknowledged . ' acknowledged messages is lost');
    is($strange, 0, 'none is damaged');
    is($twice, 0, 'none came twice');
    note("$late were delivered though nobody heard the 250");
    return;
}

run_round($_) for 1 .. ROUNDS;
$server->start;
ok(wait_until(60, sub {
    my @journals = glob $server->spool . '/journal/*';
    return !@journals;
}), 'all journals of the dead are recovered');
my $recovered = 0;
$recovered += $_ for $server->log_text =~ /SM2033: .* (\d+) messages deliv/g;
note("$recovered messages were delivered by a recovery");
ok($recovered > 0 || ROUNDS < 50, 'recovery had something to do');
my $noted = read_notes();
check_mailbox($_, $noted->{$_}) for @mailboxes;
is(join(' ', glob $server->spool . '/damaged/*'), '', 'nothing is damaged');
is(scalar(map { $server->maildir($_)->temporaries } @mailboxes), 0,
   'nothing half-written lies about');
$server->finish;
done_testing;
