# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# Whatever a next hop does at whatever step, mail for it goes once when it has
# come to reason, or its sender is told; and nobody else's mail waits for it.
use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Certificate;
use SMTPTest::NextHop;
use SMTPTest::Server;
use SMTPTest::Wait qw(wait_until);

my @STEPS = qw(greeting ehlo starttls handshake mail rcpt data body end quit);
my $LARGE = join '', map { sprintf "%07d %s\r\n", $_, 'y' x 60 } 1 .. 60_000;

# Octets that are no reply of SMTP, or hardly.
my %RAW = (
    'control characters' => "250-\e[2Ja\x01\x7f\x9b\r\n250 2.0.0 \x08\r\n",
    'bare LF' => "250-2.0.0 a\n250 2.0.0 b\n",
    'bare CR' => "250-a\rb\r\n250 c\rd\r\n",
    'NUL' => "250-a\0b\r\n250 2.0.0 \0\0\r\n",
    'two codes' => "250-a\r\n550 b\r\n",
    'no code' => "Hello?\r\n",
    'a code too long' => "2500 a\r\n",
    'another protocol' => "HTTP/1.0 400 Bad Request\r\n\r\n",
    'TLS' => "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" . "\0" x 99,
);
my $FAILURE = "554 5.7.1 \e[2JNo,\x7f\r no";
my @ANSWERS = ('451 4.3.0 Later', '421 4.3.2 Bye', $FAILURE,
               qw(drop hang flood endless long drip),
               map { "raw $_" } sort keys %RAW);
# What of that is read as 250 all the same: the code counts.
my $FORGIVEN = qr/\Araw (?:NUL|bare CR|bare LF|control characters)\z/;

my $DEFERRED = 'deferred';
my $FAILED = 'failed';
my $SENT = 'passed-on|relayed';
my $ANY = "$DEFERRED|$FAILED|$SENT";

# What the log says of the attempt in which that is answered at that step.
sub expected
{
    my ($step, $answer) = @_;
    # Injected octets (RFC 3207) or a failed handshake, as the segments come.
    return $ANY if $step eq 'handshake';
    if ($answer eq $FAILURE) {
        return $FAILED if $step =~ /\A(?:mail|rcpt|data|end)\z/;
        # Another host may be better; HELO; no TLS; a reply that comes before
        # the connection is lost or does not.
        return $step eq 'greeting' ? $DEFERRED : $step eq 'body' ? $ANY : $SENT;
    }
    return $SENT if $step eq 'quit'
        || $step eq 'starttls' && $answer =~ /\A451/
        || $answer =~ $FORGIVEN && $step !~ /\A(?:data|body)\z/;
    return $DEFERRED;
}

my $folder = tempdir(CLEANUP => 1);
my $certificate = SMTPTest::Certificate->authority->server(name => 'a.test');
my $seconds = $ENV{SMTP_SLOW} ? 6 : 3;
my $TIMEOUT = 'SMTPOutboundTimeout '
    . join(' ', map { "$_=${seconds}s" }
                qw(greeting ehlo tls mail rcpt data block quit))
    . ' end=' . 2 * $seconds . 's';
my %hop;
my @sections;

# A next hop that has a domain of its own, with these LINES said of it.
sub add_hop
{
    my ($name, $step, $answer, @lines) = @_;
    $answer = 'raw ' . unpack 'H*', $RAW{$1} if $answer =~ /\Araw (.*)/;
    $hop{$name} = SMTPTest::NextHop->start_new(
        directory => "$folder/$name", says => { $step => $answer },
        $step =~ /starttls|handshake/ ? (certificate => $certificate) : ());
    push @sections, "<SMTPDestination $name.test>",
        'SMTPRoute smtp:127.0.0.1:' . $hop{$name}->port, @lines,
        '</SMTPDestination>';
    return;
}

my %case;    # NAME => [STEP, ANSWER]
for my $step (@STEPS) {
    $case{"$step-$_"} = [$step, $ANSWERS[$_]] for 0 .. $#ANSWERS;
}
my @names = sort keys %case;
my %expected = map { $_ => expected(@{ $case{$_} }) } @names;
add_hop($_, @{ $case{$_} }, $TIMEOUT) for @names;
add_hop("stalled-$_", $_, 'hang') for @STEPS;
add_hop('good', 'none', '');
my $server = SMTPTest::Server->start_new(
    queue => 1,
    global => "SMTPQueueLog logs/queue\n"
        . 'SMTPQueueLogFormat "%{to} %{attempt} %{result} %{stage} %{text}"',
    config => join "\n", "<SMTPRelay>\nRequire ip 127.0.0.1\n</SMTPRelay>",
        'SMTPRetry 1s', 'SMTPBackoff first=1s last=1s',
        'SMTPMaxMessageSize 10M', 'SMTPMaxMessages 0', @sections);
my $client = $server->ehlo_client;

sub send_to
{
    my ($name, $body) = @_;
    my $reply = $client->send_message(
        from => "$name\@example.com", to => "user\@$name.test",
        message => "Subject: x\r\n\r\n" . ($body // "y\r\n" x 99));
    die "$name: $reply\n" if $reply->code ne '250';
    return;
}

# Amid mail data that is sent in one piece nobody can know that 250 comes early.
sub body
{
    my ($step, $answer) = @_;
    return $step eq 'body' && ($answer eq 'hang' || $answer =~ $FORGIVEN)
        ? $LARGE : undef;
}

# The lines of the log about NAME: "2 deferred mail ...".
sub attempts
{
    my ($name) = @_;
    return $server->read_file('logs/queue')
        =~ /^<user\@\Q$name\E\.test> (.*)/mg;
}

# Names of which this does not come true.
sub not_so
{
    my ($is_so, @some) = @_;
    wait_until(90, sub {
        @some = grep { !$is_so->($_) } @some;
        return !@some;
    });
    return @some;
}

sub times_taken { return $hop{ $_[0] }->count }
sub times_told { return $server->maildir("$_[0]\@example.com")->count }
sub times_over { return times_taken($_[0]) + times_told($_[0]) }

# Names of cases, with what they are and what became of them.
sub facts
{
    my (@some) = @_;
    return [map { join ': ', $_, $case{$_}[1] =~ s/[^ -~]/?/gr, attempts($_) }
            @some];
}

subtest 'who stalls delays nobody' => sub {
    my @stalled = map { "stalled-$_" } @STEPS;
    send_to($_, $_ eq 'stalled-body' ? $LARGE : undef) for @stalled;
    send_to('good') for 1 .. 50;
    is(scalar $hop{good}->wait_messages(50), 50, "others' mail goes");
    is_deeply([grep { times_taken($_) && $_ ne 'stalled-quit' } @stalled], [],
              'they stall still');
    $hop{"stalled-$_"}->say($_ => undef) for @STEPS;
    is_deeply([not_so(\&times_taken, @stalled)], [], 'then each takes it');
    is_deeply([grep { times_taken($_) != 1 } @stalled], [], 'once');
};

subtest 'what comes of each' => sub {
    send_to($_, body(@{ $case{$_} })) for @names;
    send_to('good') for 1 .. 50;
    is(scalar $hop{good}->wait_messages(100), 100, "others' mail goes");
    is_deeply(facts(not_so(sub {
        my ($name) = @_;
        return grep { /\A\d+ (?:$expected{$name}) / } attempts($name);
    }, @names)), [], 'the attempts are judged as they should be');
    my @waiting = grep { $expected{$_} eq $DEFERRED } @names;
    is_deeply(facts(grep { times_over($_) } @waiting), [],
              'what is put off waits');
    $hop{$_}->say($case{$_}[0] => undef) for @names;
    is_deeply(facts(not_so(\&times_over, @names)), [], 'each comes to an end');
};

subtest 'each goes once, or its sender is told' => sub {
    is_deeply(facts(grep { times_over($_) != 1 } @names), [], 'once');
    my @told = grep { times_told($_) } @names;
    is_deeply(facts(grep { $expected{$_} !~ /$FAILED/ } @told), [],
              'he is told only of what is for ever');
    my @odd = grep {
        grep { /[^\t\n -~]/ } $server->maildir("$_\@example.com")->messages
    } @told;
    is_deeply(facts(@odd), [], 'in words that do no harm');
    unlike($server->read_file('logs/queue'), qr/[^\n -~]/, 'as the log is');
};
$client->quit;
$server->finish;
done_testing;
