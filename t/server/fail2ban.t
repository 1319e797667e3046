# Licensed under the Apache License, Version 2.0; see LICENSE.
# mpm: event
#
# conf/fail2ban-mod-smtp.local: fail2ban bans who guesses passwords, by the
# lines that mod_smtp writes, and nobody else, whatever the guesser calls
# himself.
use strict;
use warnings;

use FindBin;
use IO::Socket::IP;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MIME::Base64 qw(encode_base64);

use SMTPTest::Program;
use SMTPTest::Server;

my $FAIL2BAN = SMTPTest::Program::need('fail2ban-regex');
my $FILTER = "$FindBin::Bin/../../conf/fail2ban-mod-smtp.local";
my $HAS_IPV6 = IO::Socket::IP->new(LocalHost => '::1', Listen => 1);

# Logins that want somebody else to be banned.
my $FORGED = 'SM1060: login failed: client 192.0.2.1, mechanism PLAIN, '
    . 'login "x", reason wrong password';
my @FORGERS = (
    'client 192.0.2.1', '[client 192.0.2.1:25]', $FORGED, "\", $FORGED",
    q{x", reason client 192.0.2.1}, "x\\\", $FORGED", "x\n$FORGED",
    "x\r\n[Mon Nov 23 13:56:20.107991 2026] [smtp:notice] [pid 1:tid 1] "
        . $FORGED,
    "[smtp:notice] [pid 1:tid 1] $FORGED", '<ADDR>', '192.0.2.1', '%(__)s',
    "\xE2\x80\xA8$FORGED",
);

my $server = SMTPTest::Server->start_new(
    auth => { bob => 'secret', alice => 'clue' },
    modules => ['socache_shmcb'],
    ports => { smtp => 'smtp', $HAS_IPV6 ? (smtp6 => undef) : () },
    global => 'LogLevel smtp:debug'
        . ($HAS_IPV6 ? "\nListen [::1]:\${port_smtp6} smtp\n" : "\n"),
    vhosts => join('', map { sprintf <<'END', $_ }
<VirtualHost %s>
    ServerName mx.example.com
    SMTPEngine On
    Include conf/auth.conf
    SMTPAuthWithoutTLS On
    SMTPAuthLimit address=3/1h login=2/1h
    <SMTPDomain example.com>
        SMTPRecipients any
    </SMTPDomain>
</VirtualHost>
END
        '127.0.0.1:${port_smtp}', $HAS_IPV6 ? '[::1]:${port_smtp6}' : ()),
    # Wrong passwords and unknown users are errors to mod_auth_basic.
    expected => [qr/AH0161[78]: /]);

sub attempt
{
    my ($login, $password, %arg) = @_;
    my $client = $server->ehlo_client(%arg);
    my $reply = $client->command('AUTH PLAIN ' . encode_base64(
                                     "\0$login\0$password", ''));
    $client->close;
    return $reply->code;
}

# Addresses that fail2ban finds, and how often.
sub banned
{
    my ($status, $text) = SMTPTest::Program::run(
        '', $FAIL2BAN, '-o', 'ip', $server->root . '/logs/error_log', $FILTER);
    is($status, 0, 'fail2ban-regex takes filter and log') || diag($text);
    my %count;
    $count{$_}++ for grep { /^[0-9a-f.:]+$/ } split /\n/, $text;
    return \%count;
}

is(attempt('bob', 'wrong', from => '127.0.0.2'), '535', 'a wrong password');
is(attempt('nobody', 'wrong', from => '127.0.0.2'), '535', 'no such login');
is(attempt('nobody', 'wrong', from => '127.0.0.2'), '535', 'again');
is(attempt('bob', 'secret', from => '127.0.0.2'), '421', 'too often');
is(attempt('bob', 'wrong', from => '127.0.0.3'), '535', 'another address');
is(attempt('bob', 'secret', from => '127.0.0.4'), '454',
   'the owner, while the login is under attack');
is(attempt('alice', 'clue', from => '127.0.0.5'), '235', 'alice');

my %expected = ('127.0.0.2' => 4, '127.0.0.3' => 1);
if ($HAS_IPV6) {
    is(attempt('eve', 'x', host => '::1', port => 'smtp6'), '535', 'by IPv6');
    $expected{'::1'} = 1;
}

for my $i (0 .. $#FORGERS) {
    my $from = "127.0.1.$i";
    is(attempt($FORGERS[$i], 'x', from => $from), '535', "forger $i");
    $expected{$from} = 1;
    my $client = $server->client(from => $from);
    $client->read_reply;
    # The dialogue is logged, too, at LogLevel debug.
    $client->command("HELP $FORGERS[$i]") if $FORGERS[$i] !~ /[\r\n]/;
    $client->close;
}

is_deeply(banned(), \%expected, 'each guess counts for who made it')
    || diag(grep { /SM106/ } $server->log);
$server->finish;
done_testing;
