# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# fetchmail has mail sent by ETRN (RFC 1985), and fetches it by ATRN (RFC 2645),
# which it calls ODMR: each message arrives, byte for byte. For ATRN it knows no
# login but CRAM-MD5, which we have not: somebody between the two says PLAIN
# instead, and passes on everything else.
use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use IO::Select;
use IO::Socket::INET;
use lib "$FindBin::Bin/../lib";
use MIME::Base64 qw(encode_base64);
use POSIX ();
use Test::More;

use SMTPTest::File qw(write_file);
use SMTPTest::Messages;
use SMTPTest::NextHop;
use SMTPTest::Program;
use SMTPTest::Server;
use SMTPTest::Wait qw(wait_until);

my $fetchmail = SMTPTest::Program::need('fetchmail');
# Where fetchmail hands mail to, and where mail goes by itself.
my $home = SMTPTest::NextHop->start_new(directory => tempdir(CLEANUP => 1));
my $back = SMTPTest::NextHop->start_new(directory => tempdir(CLEANUP => 1),
                                        says => { rcpt => '451 4.3.2 Later' });
my $server = SMTPTest::Server->start_new(
    queue => 1,
    auth => { node => 'secret' },
    config => <<"END",
SMTPAuthWithoutTLS On
SMTPETRN On
SMTPATRN On
SMTPRetry 1d
<SMTPOnDemand one.test two.test back.test>
    Require user node
    Require ip 127.0.0.1
</SMTPOnDemand>
<SMTPOnDemand other.test>
    Require user other
</SMTPOnDemand>
<SMTPRelay>
    Require ip 127.0.0.1
</SMTPRelay>
<SMTPDestination back.test>
    SMTPRoute smtp:127.0.0.1:@{[ $back->port ]}
</SMTPDestination>
SMTPRoute on-demand
END
);
my $directory = tempdir(CLEANUP => 1);

# A line of a client, or of us, without a buffer of ours.
sub take_line
{
    my ($socket) = @_;
    my $line = '';
    while ($line !~ /\n\z/) {
        sysread $socket, my $octet, 1 or return;
        $line .= $octet;
    }
    return $line;
}

# Until ATRN is said, one command and its reply after the other; then octets.
sub between
{
    my ($client) = @_;
    my $ours = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                     PeerPort => $server->port) or die $@;
    my $command = '';
    while ($command !~ /^ATRN/) {
        my $reply;
        do {
            $reply = take_line($ours) // return;
            syswrite $client, $reply;
        } while ($reply =~ /^\d{3}-/);
        $command = take_line($client) // return;
        if ($command =~ /^AUTH CRAM-MD5/) {
            syswrite $client, '334 ' . encode_base64('<1@x>', '') . "\r\n";
            take_line($client) // return;
            $command = 'AUTH PLAIN ' . encode_base64("\0node\0secret", '')
                . "\r\n";
        }
        syswrite $ours, $command;
    }
    my %other = ($client => $ours, $ours => $client);
    my $select = IO::Select->new($client, $ours);
    while (1) {
        for my $socket ($select->can_read) {
            sysread $socket, my $octets, 65_536 or return;
            syswrite $other{$socket}, $octets;
        }
    }
}

my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5)
    or die $@;
my $pid = fork // die "fork: $!";
if (!$pid) {
    while (my $client = $listener->accept) {
        between($client);
    }
    POSIX::_exit(0);
}
my %port = (etrn => $server->port, odmr => $listener->sockport);

# Runs it once; exit status and what it said.
sub fetch
{
    my ($protocol, @domains) = @_;
    my $rc = "$directory/rc";
    write_file($rc, "poll 127.0.0.1 protocol $protocol"
        . " service $port{$protocol}\n"
        . "  user node password secret sslproto ''\n"
        . '  fetchdomains ' . join(' ', @domains)
        . ' smtphost 127.0.0.1/' . $home->port . "\n");
    chmod 0600, $rc;
    local $ENV{FETCHMAILHOME} = $directory;
    return SMTPTest::Program::run('', $fetchmail, '-v', '-f', $rc,
                                  '--nodetach', '--nosyslog');
}

sub put_in
{
    my ($to, $message) = @_;
    my $client = $server->ehlo_client;
    is($client->send_message(from => 'bob@client.test', to => $to,
                             mail => 'BODY=8BITMIME',
                             message => $message)->code, '250',
       "mail for $to");
    $client->quit;
    return;
}

# As it came, below our own trace field.
sub content
{
    my ($message) = @_;
    return $message->{content} =~ s/\AReceived: .*?\r\n(?=\S)//sr;
}

subtest 'ETRN' => sub {
    put_in('a@back.test', "Subject: x\r\n\r\nx\r\n");
    ok(wait_until(60, sub { return glob $server->spool . '/queue/??/*' }),
       'is put off');
    my ($status, $said) = fetch('etrn', 'one.test');
    like($said, qr/No messages waiting for one\.test/,
         'none for another domain');
    $back->say(rcpt => undef);
    ($status, $said) = fetch('etrn', 'back.test');
    is($status, 0, 'started') or diag $said;
    is(scalar $back->wait_messages(1), 1, 'it is sent');
    ($status, $said) = fetch('etrn', 'other.test');
    isnt($status, 0, 'not for others');
    like($said, qr/not allowed/, 'and fetchmail says so');
};

subtest 'ATRN' => sub {
    my ($status, $said) = fetch('odmr', 'one.test');
    like($said, qr/You have no mail/, 'no mail');
    my @messages = map { $_->{message} }
        grep { ($_->{mail} // '') ne 'SMTPUTF8' }
        SMTPTest::Messages::make(24, 'example.com');
    put_in($_ % 2 ? 'a@one.test' : 'b@two.test', $messages[$_])
        for 0 .. $#messages;
    my $fetched = 0;
    ok(wait_until(60, sub {
        ($status, $said) = fetch('odmr', 'one.test', 'two.test');
        return $home->count >= @messages;
    }), 'all of them') or diag $said;
    is_deeply([sort map { content($_) } $home->messages],
              [sort @messages], 'byte for byte');
    ($status, $said) = fetch('odmr', 'one.test', 'two.test');
    like($said, qr/You have no mail/, 'no mail again');
    ($status, $said) = fetch('odmr', 'other.test');
    isnt($status, 0, 'nothing of others');
    ok(wait_until(60, sub { return !glob $server->spool . '/queue/??/*' }),
       'nothing is left');
};
$server->finish;
done_testing;

END {
    local $?;
    kill 'KILL', $pid if $pid;
}
