# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# The administrator sees what waits and why, and what he says happens to it: to
# that mail and to no other, also while httpd is down.
# mpm: event
use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use IO::Socket::UNIX;
use JSON::PP qw(decode_json);
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::NextHop;
use SMTPTest::Server;
use SMTPTest::Wait qw(wait_until);

my $smtpq = ($ENV{SMTP_BUILD_DIR} // "$FindBin::Bin/../..") . '/smtpq';
plan skip_all => "$smtpq is not built" if !-x $smtpq;

my $hop = SMTPTest::NextHop->start_new(
    directory => tempdir(CLEANUP => 1),
    says => { rcpt => "450 4.2.1 \e[31mLater\e[0m" });
my $server = SMTPTest::Server->start_new(
    queue => 1,
    config => "<SMTPRelay>\nRequire ip 127.0.0.1\n</SMTPRelay>\n"
        . 'SMTPRoute smtp:127.0.0.1:' . $hop->port . "\n"
        . "SMTPRetry 1h\nSMTPBackoff first=1s last=1s failures=1000",
);

# Runs smtpq: exit status, what it printed, what it said on standard error.
sub smtpq
{
    my @arguments = @_;
    my $errors = File::Temp->new;
    my $pid = open(my $out, '-|') // die "fork: $!";
    if (!$pid) {
        open STDERR, '>&', $errors or die "stderr: $!";
        open STDIN, '<', '/dev/null' or die "stdin: $!";
        $ENV{SMTP_SPOOL} = $server->spool;
        $ENV{LC_ALL} = 'C.UTF-8';
        delete $ENV{COLUMNS};
        exec { $smtpq } $smtpq, @arguments or die "$smtpq: $!";
    }
    local $/;
    my $text = <$out> // '';
    close $out;
    my $status = $? & 127 ? "signal $?" : $? >> 8;
    seek $errors, 0, 0;
    return ($status, $text, scalar(<$errors>) // '');
}

# The ids that a list has.
sub ids { return map { $_->{id} } @{ listed(@_) } }

sub listed
{
    my (undef, $json) = smtpq('list', '--json', @_);
    return decode_json($json);
}

# Sends a message; waits until it is deferred. Its id.
sub defer
{
    my ($from, @to) = @_;
    my %before = map { $_ => 1 } ids();
    my $client = $server->ehlo_client;
    is($client->send_message(from => $from, to => [@to],
                             message => "Subject: $from\r\n\r\n.\r\nx\r\n")
           ->code, '250', "mail of $from to @to");
    $client->quit;
    my @new;
    wait_until(60, sub {
        @new = grep { !$before{$_} } ids('--status', 'deferred');
        return @new == 1;
    }) or diag 'not deferred';
    return $new[0];
}

sub content_of
{
    my ($to) = @_;
    my ($message) = grep { "@{ $_->{to} }" eq $to } $hop->messages;
    return $message && $message->{content};
}

subtest 'an empty queue' => sub {
    ok(wait_until(60, sub { return (smtpq('counts'))[2] eq '' }),
       'the queue process answers');
    is_deeply([smtpq('list')], [1, '', ''], 'nothing is listed');
    is_deeply([smtpq('list', '--json')], [1, "[]\n", ''], 'as JSON neither');
    my ($status, $text) = smtpq('counts');
    is($status, 0, 'counts');
    like($text, qr/^messages:\s+0$/m, 'none');
    is((smtpq('destinations'))[0], 0, 'destinations');
    is((smtpq('show', '0123'))[0], 1, 'no such message');
    is((smtpq('show', '../lock'))[0], 2, 'and no such id');
    done_testing;
};

my $news = defer('news@example.com', 'alice@a.test', 'bob@b.test');
my $bob = defer('bob@example.com', 'carol@b.test');
my $null = defer('', 'dave@c.test');

subtest 'what waits is listed' => sub {
    my ($status, $text, $errors) = smtpq('list');
    is($status, 0, 'done');
    is($errors, '', 'without complaint');
    my @lines = split /\n/, $text;
    like($lines[0], qr/^ID +AGE +SIZE +STATUS +NEXT +FROM +TO +WHY$/,
         'a table');
    like($lines[1], qr/^$news[ ].*[ ]deferred[ ].*[ ]news\@example\.com[ ]+
                        alice\@a\.test[ ][+]1[ ]/x, 'oldest first');
    like($lines[3], qr/^$null .* <> +dave\@c\.test/, 'null reverse-path');
    like($lines[1], qr/450 4\.2\.1 \\x1B\[31mLater/, 'why');
    unlike($text, qr/[^\n -~]/, 'nothing that the terminal would obey');
    my $first = listed()->[0];
    is($first->{sender}, 'news@example.com', 'JSON');
    is_deeply([map { $_->{address} } @{ $first->{recipients} }],
              ['alice@a.test', 'bob@b.test'], 'has all recipients');
    is($first->{recipients}[1]{reason}{code}, 450, 'and reasons');
    done_testing;
};

subtest 'and can be chosen from' => sub {
    for my $row (
        [[$news, $bob], '--domain', 'B.test'],
        [[$news], '--sender', 'news@*'], [[$null], '--sender', '<>'],
        [[$bob], '--recipient', 'carol@b.test'],
        [[], '--older', '1h'], [[$news, $bob, $null], '--younger', '1h'],
        [[], '--status', 'held'], [[$news], '--domain', '.test',
                                   '--recipient', 'alice*'],
    ) {
        my ($want, @arguments) = @{$row};
        is_deeply([ids(@arguments)], $want, "@arguments");
    }
    is((smtpq('list', '--domain', 'nobody.test'))[0], 1, 'nothing fits: 1');
    done_testing;
};

subtest 'one is shown' => sub {
    my ($status, $text) = smtpq('show', $news, $bob);
    is($status, 0, 'done');
    like($text, qr/^id: +$news$/m, 'one');
    like($text, qr/^id: +$bob$/m, 'and another');
    like($text, qr/^client: +127\.0\.0\.1$/m, 'who brought it');
    like($text, qr/^to: +alice\@a\.test\n +deferred until .*, attempts: 1/m,
         'a recipient');
    like($text, qr/said: 450 4\.2\.1 .*Later/, 'what was said');
    my ($shown) = @{ decode_json((smtpq('show', '--json', $bob))[1]) };
    is($shown->{id}, $bob, 'JSON');
    done_testing;
};

my ($cat_status, $cat) = smtpq('cat', $bob);
is($cat_status, 0, 'the mail is printed');
like($cat, qr/^Received: .*\r\nSubject: bob\@example\.com\r\n\r\n\.\r\nx\r\n\z/s,
     'as it is');

subtest 'what is held is not tried, what is deleted never' => sub {
    is_deeply([smtpq('hold', '--sender', 'bob@*')],
              [0, "1 message held\n", ''], 'hold');
    is_deeply([ids('--status', 'held')], [$bob], 'one is held');
    my ($status, undef, $errors) = smtpq('retry', $bob);
    is($status, 4, 'it cannot be tried');
    like($errors, qr/^smtpq: $bob: it is held/, 'and that is said');
    ($status, undef, $errors) = smtpq('delete', '--domain', 'b.test');
    is($status, 4, 'alice still waits for one of them');
    like($errors, qr/^smtpq: $news: it has other recipients/, 'which stays');
    is_deeply([ids()], [$news, $null], 'the other is gone');
    done_testing;
};

subtest 'a domain is flushed, all are tried' => sub {
    $hop->say(rcpt => undef);
    is_deeply([smtpq('flush', 'C.test')], [0, "1 message tried now\n", ''],
              'one');
    ok(wait_until(60, sub { return defined content_of('dave@c.test') }),
       'it goes');
    ok(wait_until(60, sub { return "@{[ids()]}" eq $news }), 'one is left');
    is((smtpq('flush', 'nobody.test'))[0], 1, 'nobody waits there');
    is_deeply([smtpq('retry', '--all')], [0, "1 message tried now\n", ''],
              'the rest');
    ok(wait_until(60, sub {
        return defined content_of('alice@a.test bob@b.test') }), 'goes too');
    ok(wait_until(60, sub { return !ids() }), 'and is gone');
    ok(!defined content_of('carol@b.test'), 'what was deleted never came');
    done_testing;
};

$hop->say(rcpt => '450 4.2.1 Later');
$bob = defer('bob@example.com', 'carol@b.test');
$news = defer('news@example.com', 'alice@a.test');

subtest 'many ids, and destinations' => sub {
    my ($status, $text, $errors) = smtpq('hold', $bob, map { "x$_" } 1 .. 99);
    is($status, 1, 'some there are not');
    is($text, "1 message held\n", 'one there is');
    is(scalar(split /\n/, $errors), 99, 'each is named');
    ($status, $text) = smtpq('release', '--all', '--json');
    is(decode_json($text)->{count}, 2, 'release of all');
    ($status, $text) = smtpq('destinations');
    like($text, qr/^smtp:\[127\.0\.0\.1\]:\d+ /m, 'where they go');
    done_testing;
};

subtest 'junk on the socket harms nobody' => sub {
    my $path = $server->spool . '/queue/control';
    is((stat $path)[2] & 07777, 0600, 'only its owner can connect');
    local $SIG{PIPE} = 'IGNORE';
    srand 1;
    my @clients;
    for my $round (1 .. 40) {
        my $client = IO::Socket::UNIX->new(Peer => $path)
            or die "$path: $!";
        $client->blocking(0);
        syswrite $client, join '', map { chr rand 256 } 1 .. rand 20_000;
        syswrite $client, "\ndelete\nlist\n";
        push @clients, $client;      # they stay, and say nothing more
    }
    @clients = ();
    is_deeply([ids()], [$bob, $news], 'the queue is as it was');
    done_testing;
};

SKIP: {
    skip 'not root', 2 if $>;
    my $pid = open(my $out, '-|') // die "fork: $!";
    if (!$pid) {
        open STDERR, '>&', \*STDOUT;
        ($(, $)) = ((getpwnam 'nobody')[3]) x 2;
        ($<, $>) = ((getpwnam 'nobody')[2]) x 2;
        exec { $smtpq } $smtpq, 'list', '--spool', $server->spool;
    }
    my $text = do { local $/; <$out> };
    close $out;
    is($? >> 8, 3, 'others may not');
    like($text, qr/permission denied/, 'and are told so');
}

subtest 'while httpd is down' => sub {
    $server->stop;
    my ($status, $text, $errors) = smtpq('list');
    is($status, 0, 'what waits is listed');
    like($errors, qr/^smtpq: no queue process runs/, 'with a word');
    like($text, qr/^$bob .* deferred .* bob\@example\.com .* carol\@b\.test/m,
         'the same line');
    is((smtpq('cat', $bob))[1] =~ s/.*^(?=Subject)//smr,
       "Subject: bob\@example.com\r\n\r\n.\r\nx\r\n", 'the mail');
    is((smtpq('hold', $bob))[0], 0, 'one is held');
    is((smtpq('retry', $news))[0], 0, 'one is to be tried');
    is((smtpq('destinations'))[0], 3, 'nobody knows of destinations');
    $hop->say(rcpt => undef);
    my $taken = $hop->count;
    $server->start;
    is($hop->wait_messages($taken + 1), $taken + 1, 'one is tried');
    ok(wait_until(60, sub { return "@{[ids()]}" eq $bob }),
       'the other is held');
    is((smtpq('release', $bob))[0], 0, 'it is released');
    is($hop->wait_messages($taken + 2), $taken + 2, 'and goes');
    done_testing;
};

subtest 'the program itself' => sub {
    is((smtpq())[0], 2, 'no command');
    is((smtpq('delete', '--all'))[0], 2, 'nobody can be asked');
    is((smtpq('delete', '--all', '--yes'))[0], 1, 'nothing is there');
    is((smtpq('list', '--spool', '/nonexistent'))[0], 3, 'no spool');
    is((smtpq('--version'))[0], 0, '--version');
    done_testing;
};

$server->finish;
done_testing;
