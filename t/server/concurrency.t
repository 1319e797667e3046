# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# Many clients at once, and children that end and begin meanwhile
# (MaxConnectionsPerChild, graceful restarts): each message that got 250 is
# there once, whole, and goes to nobody else.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Server;

my $CLIENTS = 8;
my $ROUNDS = 12;    # connections of each client
my $MESSAGES = 5;   # messages of each connection

my $server = SMTPTest::Server->start_new(
    global => "MaxConnectionsPerChild 20\n",
    config => "SMTPMaxConnections 0\n");

# What client N sends in one message: larger ones, too.
sub message
{
    my ($n, $round, $k) = @_;
    return "Subject: $n-$round-$k\r\n\r\n"
        . "$n-$round-$k\r\n" x (1 + 700 * ($k % 3));
}

# One client's work; a connection that is told 421 (a child that ends) comes
# again, as RFC 5321 4.5.4.1 has it. The number of messages that got 250.
sub work
{
    my ($n) = @_;
    for my $round (1 .. $ROUNDS) {
        my $k = 1;
        while ($k <= $MESSAGES) {
            my $client = eval { $server->ehlo_client } or next;
            while ($k <= $MESSAGES) {
                my $reply = $client->send_message(
                    to => ["to$n\@example.com", 'all@example.com'],
                    message => message($n, $round, $k));
                last if $reply->code =~ /\A(?:421|closed)\z/;
                return 0 if $reply->code ne '250';
                $k++;
            }
            $client->close;
        }
    }
    return 1;
}

my @pids;
for my $n (1 .. $CLIENTS) {
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        my $is_good = eval { work($n) };
        POSIX::_exit($is_good ? 0 : 1);
    }
    push @pids, $pid;
}
$server->graceful for 1 .. 3;
my $failed = 0;
for my $pid (@pids) {
    waitpid $pid, 0;
    $failed++ if $?;
}
is($failed, 0, 'each message got 250');

my $count = $CLIENTS * $ROUNDS * $MESSAGES;
my %times;
for my $stored ($server->maildir('all@example.com')->wait_messages($count)) {
    my $content = SMTPTest::Maildir::content($stored);
    my ($n, $round, $k) = $content =~ /\ASubject: (\d+)-(\d+)-(\d+)\n/;
    my $is_whole = defined $k
        && $content eq SMTPTest::Maildir::stored(message($n, $round, $k));
    $times{ $is_whole ? "$n-$round-$k" : 'damaged' }++;
}
is(scalar keys %times, $count, "$count messages are there");
is(scalar(grep { $_ != 1 } values %times), 0, 'each once');
for my $n (1 .. $CLIENTS) {
    my @messages = $server->maildir("to$n\@example.com")
        ->wait_messages($ROUNDS * $MESSAGES);
    is(scalar(grep { /^Subject: $n-/m } @messages), $ROUNDS * $MESSAGES,
       "mailbox $n has its own");
    is(scalar @messages, $ROUNDS * $MESSAGES, 'and no other');
}
$server->finish;
done_testing;
