# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# SMTPStateCache: what one child, or one machine, counts the others know. Two
# machines are two httpds here that share a Redis or a memcached and nothing
# else.
use strict;
use warnings;

use File::Temp;
use FindBin;
use IO::Socket::INET;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MIME::Base64 qw(encode_base64);

use SMTPTest::Program;
use SMTPTest::Server;

my %PROGRAM = map { $_ => SMTPTest::Program::need($_) }
    qw(redis-server memcached);
# Wrong passwords and unknown users are errors to mod_auth_basic.
my $PROVIDER = qr/AH0161[78]: /;
my $CONFIG = "SMTPAuthWithoutTLS On\nSMTPAuthLimit address=4/1h\n"
    . "SMTPLoginLimit messages=1/1h\n";

my $temp = File::Temp->newdir('smtp-state-XXXXXX', TMPDIR => 1);
my %running;    # name => process id

END { SMTPTest::Program::stop($_) for values %running }

# Starts a cache on a free port, which it returns.
sub start_cache
{
    my ($name) = @_;
    my $port = SMTPTest::Program::free_port();
    my @arguments = $name eq 'memcached'
        ? ('-l', '127.0.0.1', '-p', $port, '-U', 0, '-m', 8, '-u', 'nobody')
        : ('--bind', '127.0.0.1', '--port', $port, '--save', '',
           '--appendonly', 'no', '--dir', "$temp");
    $running{$name} = SMTPTest::Program::start("$temp/$name.log",
                                               $PROGRAM{$name}, @arguments);
    SMTPTest::Program::wait_port($port) or die "$name does not start";
    return $port;
}

sub stop_cache
{
    my ($name) = @_;
    SMTPTest::Program::stop(delete $running{$name});
    return;
}

sub server
{
    my (%arg) = @_;
    return SMTPTest::Server->new(auth => { bob => 'secret' },
                                 domain => 'SMTPRecipients list:dora',
                                 config => $CONFIG, expected => [$PROVIDER],
                                 %arg);
}

sub attempt
{
    my ($server, $login, $password) = @_;
    my $client = $server->ehlo_client;
    my $reply = $client->command('AUTH PLAIN ' . encode_base64(
                                     "\0$login\0$password", ''));
    $client->close;
    return $reply->code;
}

sub attempts
{
    my ($server, $login, $password, $times) = @_;
    return join ' ', map { attempt($server, $login, $password) } 1 .. $times;
}

# What a command of Redis or memcached answers.
sub ask_cache
{
    my ($port, $command) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $port) or die "cache: $!";
    print {$socket} "$command\r\nquit\r\n";
    my $text = '';
    # memcached may forget the second command over the first.
    while ($text !~ /^(?:END|\+OK)\r$/m && defined(my $line = <$socket>)) {
        $text .= $line;
    }
    return $text;
}

subtest 'a cache that hangs holds nobody' => sub {
    # It takes connections and says nothing, ever.
    my $silent = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 64)
        or die "listen: $!";
    my $server = server(
        modules => ['socache_redis'], few_threads => 1,
        config => "SMTPAuthWithoutTLS On\nSMTPAuthLimit connection=off "
            . "address=4/1h delay=off\n",
        global => 'SMTPStateCache redis:127.0.0.1:' . $silent->sockport);
    $server->start;
    $server->expect_log(qr/SM1005: SMTPStateCache redis: \w+ failed/);
    my @clients = map { $server->ehlo_client } 1 .. 40;
    my $right = 'AUTH PLAIN ' . encode_base64("\0bob\0secret", '');
    $_->send_lines($right) for @clients;
    my %codes = map { $_->read_reply->code => 1 } @clients;
    is(join(' ', keys %codes), '235', 'all of more clients than threads log in');
    is(attempts($server, 'bob', 'wrong', 6), join(' ', (535) x 6),
       'and wrong passwords are refused');
    $_->close for @clients;
    $server->finish;
};

my @ODD_LOGINS = (q{bob' FLUSHALL "}, 'bob *3 $3 SET', "b\xC3\xB6b", 'x' x 255);

for my $row ([redis => 'redis-server', 'socache_redis', 'KEYS *'],
             [memcache => 'memcached', 'socache_memcache',
              'lru_crawler metadump all']) {
    my ($provider, $program, $module, $list) = @{$row};

    subtest "machines that share $program count together" => sub {
        my $port = start_cache($program);
        my ($one, $other) = map {
            server(modules => [$module],
                   global => "SMTPStateCache $provider:127.0.0.1:$port\n")
        } 1 .. 2;
        $_->start for $one, $other;
        is(attempts($one, 'bob', 'wrong', 2), '535 535', 'two at one');
        is(attempts($other, 'bob', 'wrong', 2), '535 535',
           'two at the other');
        is(attempt($_, 'bob', 'secret'), '421', 'are four at each')
            for $one, $other;
        unlike(ask_cache($port, $list), qr/bob|127\.0/,
               'no key shows whom it is about');

        $one->expect_log(qr{SM1005: SMTPStateCache $provider: \w+ failed},
                         qr{\[$module:(?:error|crit)\]});
        stop_cache($program);
        is(attempts($one, 'bob', 'wrong', 5), '535 535 535 535 535',
           'without the cache a wrong password is still wrong');
        is(attempt($one, 'bob', 'secret'), '235', 'and the right one right');
        my $client = $one->ehlo_client;
        $client->command('AUTH PLAIN ' . encode_base64("\0bob\0secret", ''));
        is($client->send_message(to => 'dora@example.com',
                                 message => "Subject: x\r\n\r\n")->code,
           '250', 'mail passes') for 1 .. 2;
        $client->quit;
        my $lines = () = $one->log_text =~ /SM1005/g;
        ok($lines >= 1 && $lines <= 2 * $one->child_pids,
           'which is logged, but not each time') || diag("$lines lines");
        $other->finish;
        $one->finish;
    };

    subtest "odd logins reach $program as digests" => sub {
        my $port = start_cache($program);
        my $server = server(
            modules => [$module],
            config => "SMTPAuthWithoutTLS On\nSMTPAuthLimit login=1/1h\n",
            global => "SMTPStateCache $provider:127.0.0.1:$port\n");
        $server->start;
        for my $login (@ODD_LOGINS) {
            is(attempts($server, $login, 'x', 2), '535 454', 'counted');
        }
        unlike(ask_cache($port, $list), qr/FLUSHALL|SET|\xC3|xxxx/i,
               'no octet of them is there');
        $server->finish;
        stop_cache($program);
    };
}

for my $row (['shmcb:run/state(100000)', 'socache_shmcb'],
             ['dbm:run/state', 'socache_dbm'],
             ['shmcb', 'socache_shmcb', "Mutex file:run smtp-state\n"],
             ['shmcb', 'socache_shmcb', "Mutex sysvsem smtp-state\n"]) {
    my ($cache, $module, $more) = (@{$row}, '');

    subtest "children share $cache $more" => sub {
        my $server = server(modules => [$module],
                            global => "SMTPStateCache $cache\n$more");
        $server->start;
        my @clients = map { $server->ehlo_client } 1 .. 4;
        my $wrong = 'AUTH PLAIN ' . encode_base64("\0bob\0wrong", '');
        is($_->command($wrong)->code, '535', 'a guess') for @clients;
        is(attempt($server, 'bob', 'secret'), '421', 'all were counted');
        $_->close for @clients;
        $server->graceful;
        is(attempt($server, 'bob', 'secret'), '421', 'and still are');
        $server->finish;
    };
}

subtest 'what is wrong is found by httpd -t' => sub {
    my @rows = (
        ['SMTPStateCache shmcb', [], qr/there is no such cache yet; add, before it, LoadModule socache_shmcb_module/],
        ['SMTPStateCache shmcb:run/x(10)', ['socache_shmcb'],
         qr/SMTPStateCache "shmcb:run\/x\(10\)": .*size/],
        ["<VirtualHost *:1>\nSMTPStateCache shmcb\n</VirtualHost>",
         ['socache_shmcb'], qr/cannot occur within <VirtualHost>/],
        ['SMTPAuthLimit', [], qr/SMTPAuthLimit/],
        ['SMTPAuthLimit address=20', [],
         qr/SMTPAuthLimit "address=20": give a number .* as in 20\/10min/],
        ['SMTPAuthLimit address=0/1h', [], qr/"address=0\/1h": give/],
        ['SMTPAuthLimit address=1/32d', [], qr/"address=1\/32d": give/],
        ['SMTPAuthLimit address=1/745h', [], qr/"address=1\/745h": give/],
        ['SMTPAuthLimit address=1/10ms', [], qr/"address=1\/10ms": give/],
        ['SMTPAuthLimit connection=3/1h', [], qr/"connection=3\/1h": give/],
        ['SMTPAuthLimit connection=1000001', [], qr/give a number/],
        ['SMTPAuthLimit delay=61s', [], qr/"delay=61s": give a time/],
        ['SMTPAuthLimit delay=-1', [], qr/"delay=-1": give a time/],
        ['SMTPAuthLimit user=1/1h', [],
         qr/give connection=, address=, login=, delay= without/],
        ['SMTPLoginLimit login=1/1h', [],
         qr/give messages=, recipients= without/],
    );
    for my $row (@rows) {
        my ($line, $modules, $said) = @{$row};
        my $server = SMTPTest::Server->new(global => "$line\n",
                                           modules => $modules);
        my ($status, $text) = $server->configtest;
        isnt($status, 0, "$line: refused");
        like($text, $said, 'and why');
    }
};

subtest 'without a cache only the limit per connection is left' => sub {
    my $auth = "AuthType Basic\nAuthName mail\nAuthBasicProvider file\n"
        . "AuthUserFile conf/users\nRequire valid-user\n";
    my $section = "SMTPAuthWithoutTLS On\n<SMTPAuth>\n$auth</SMTPAuth>\n";
    my @modules = qw(auth_basic authn_core authn_file authz_user);
    my %files = ('conf/users' => "bob:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n");
    my $warned = SMTPTest::Server->new(config => $section, files => \%files,
                                       modules => \@modules);
    my ($status, $text) = $warned->configtest;
    is($status, 0, 'a warning, as nobody asked for more');
    like($text, qr/SM1147: .*SMTPAuthLimit: failures are counted per connection only.*LoadModule socache_shmcb_module/,
         'that says what to do');
    my $refused = SMTPTest::Server->new(
        config => "SMTPAuthLimit login=5/1h\n$section", files => \%files,
        modules => \@modules);
    ($status, $text) = $refused->configtest;
    isnt($status, 0, 'an error, as somebody did');
    like($text, qr/SMTPAuthLimit: there is no cache for what is counted; add LoadModule/,
         'that says the same');
    my $off = SMTPTest::Server->new(
        config => "SMTPAuthLimit login=off address=off\n$section",
        files => \%files, modules => \@modules);
    ($status, $text) = $off->configtest;
    is($status, 0, 'nothing, as nothing is to be counted');
    unlike($text, qr/SMTPAuthLimit/, 'not a word');
};

done_testing;
