# Licensed under the Apache License, Version 2.0; see LICENSE.
# speed: fast
# mpm: event
#
# smtp-scram keeps the credentials that a server trusts: each command does what
# it says, what it writes is what RFC 5802 3 says, and whatever goes wrong, no
# login is lost and nobody gets in who should not.
use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Digest::SHA qw(hmac_sha256 sha256);
use Encode qw(encode_utf8);
use File::Copy qw(copy);
use File::Temp;
use MIME::Base64 qw(decode_base64 encode_base64);
use Test::More;

use SMTPTest::Fault;
use SMTPTest::Program;

my $TOOL = "$ENV{SMTP_BUILD_DIR}/smtp-scram";
my $dir = File::Temp->newdir('smtp-scram-XXXXXX', TMPDIR => 1);
my $FILE = "$dir/mail.scram";
my $LINE = qr/SCRAM-SHA-256\$(\d+):([^\$]+)\$([^:]+):(\S+)/;
umask 0022;

-x $TOOL or die "$TOOL was not built\n";

# ---- Helpers --------------------------------------------------------------

sub slurp
{
    my ($path) = @_;
    open my $file, '<:raw', $path or die "$path: $!";
    local $/;
    return scalar(<$file>) // '';
}

sub spew
{
    my ($path, $text, $mode) = @_;
    open my $file, '>:raw', $path or die "$path: $!";
    print {$file} $text;
    close $file or die "$path: $!";
    chmod $mode // 0640, $path;
    return;
}

sub mode { return sprintf '%04o', (stat $_[0])[2] & 07777 }

# Runs it with words; its exit status and words. The first may be a reference to
# what it reads.
sub tool
{
    my @arguments = @_;
    my $input = ref $arguments[0] ? ${ shift @arguments } : '';
    return SMTPTest::Program::run(encode_utf8($input), $TOOL,
                                  map { encode_utf8($_) } @arguments);
}

# Runs it with a status that is expected; its words.
sub tool_is
{
    my ($expected, $name, @arguments) = @_;
    my ($status, $text) = tool(@arguments);
    is($status, $expected, $name) or diag $text;
    return $text;
}

# What stands for a login.
sub verifier
{
    my ($login, $path) = @_;
    my ($verifier) = slurp($path // $FILE)
        =~ /^\Q$login\E[ \t]+(\S+)/m;
    return $verifier;
}

# RFC 5802 3, in other words than ours: Hi() is PBKDF2 of one block.
sub computed
{
    my ($password, $verifier) = @_;
    my ($count, $salt) = $verifier =~ $LINE or return "no verifier: $verifier";
    my $u = hmac_sha256(decode_base64($salt) . pack('N', 1), $password);
    my $salted = $u;
    for (2 .. $count) {
        $u = hmac_sha256($u, $password);
        $salted ^= $u;
    }
    return "SCRAM-SHA-256\$$count:$salt\$"
        . encode_base64(sha256(hmac_sha256('Client Key', $salted)), '') . ':'
        . encode_base64(hmac_sha256('Server Key', $salted), '');
}

sub is_of
{
    my ($password, $verifier, $name) = @_;
    return is($verifier, computed(encode_utf8($password), $verifier // ''),
              $name);
}

# Nothing is left beside the file.
sub is_tidy
{
    my ($name) = @_;
    return is(join(' ', glob "$dir/*.new"), '', "$name: nothing is left");
}

# ---- What each command does -----------------------------------------------

subtest 'a login is added, changed and deleted' => sub {
    my $text = tool_is(1, 'without -c there must be a file',
                       '-b', $FILE, 'bob', 'pencil');
    like($text, qr/\Q$FILE\E: No such file.*-c/, 'and -c is named');

    tool_is(0, '-c makes it', '-cb', $FILE, 'bob', 'pencil');
    is(mode($FILE), '0640', 'others may not read it');
    is_of('pencil', verifier('bob'), 'the verifier is that of RFC 5802');
    like(verifier('bob'), qr/^SCRAM-SHA-256\$4096:[^\$]{24}\$/,
         '4096 iterations, 16 octets of salt');

    my $bob = verifier('bob');
    like(tool_is(0, 'another is added', '-b', $FILE, 'alice', 'pencil'),
         qr/Added login alice/, 'and told');
    is(verifier('bob'), $bob, 'the first stays');
    isnt((verifier('alice') =~ $LINE)[1], ($bob =~ $LINE)[1],
         'the same password has another salt');

    like(tool_is(0, 'a password is changed', '-b', $FILE, 'bob', 'ink'),
         qr/Changed/, 'and told');
    is_of('ink', verifier('bob'), 'to the new one');
    is(scalar(() = slurp($FILE) =~ /^bob /mg), 1, 'bob is there once');

    my $alice = verifier('alice');
    tool_is(0, 'a login is deleted', '-D', $FILE, 'bob');
    is(slurp($FILE), "alice $alice\n", 'and no other');
    like(tool_is(6, 'who is not there cannot be deleted', '-D', $FILE, 'bob'),
         qr/bob is not in/, 'and that is told');
    is(slurp($FILE), "alice $alice\n", 'then nothing changes');

    tool_is(0, '-c replaces', '-cb', $FILE, 'carol', 'x');
    is(verifier('alice'), undef, 'what was there');
    is_tidy('all that');
};

subtest 'a password is verified' => sub {
    tool('-cb', $FILE, 'bob', 'pencil');
    my $before = slurp($FILE);
    tool_is(0, 'the right one', '-vb', $FILE, 'bob', 'pencil');
    tool_is(3, 'a wrong one', '-vb', $FILE, 'bob', 'penci');
    tool_is(3, 'case counts', '-vb', $FILE, 'bob', 'Pencil');
    tool_is(3, 'none', '-vb', $FILE, 'bob', '');
    tool_is(0, 'from standard input', \"pencil\n", '-vi', $FILE, 'bob');
    tool_is(6, 'an unknown login', '-vb', $FILE, 'Bob', 'pencil');
    tool_is(1, 'an unknown file', '-vb', "$dir/none", 'bob', 'pencil');
    is(slurp($FILE), $before, 'the file is as it was');

    # RFC 7677 3: the example's own salt.
    spew($FILE, "user SCRAM-SHA-256\$4096:W22ZaJ0SNY7soEsUEjb6gQ==\$"
         . "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
         . "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=\n");
    tool_is(0, 'that of RFC 7677', '-vb', $FILE, 'user', 'pencil');
    spew($FILE, "user SCRAM-SHA-256\$4096:W22ZaJ0SNY7soEsUEjb6gQ==\n");
    tool_is(7, 'what is no verifier', '-vb', $FILE, 'user', 'pencil');
};

subtest 'a line is printed' => sub {
    my ($status, $line) = tool('-nb', 'john doe', 'pencil');
    is($status, 0, '-n works');
    like($line, qr/\A"john doe" $LINE\n\z/, 'and prints the line');
    is_of('pencil', $line =~ /doe" (\S+)/, 'with the right verifier');
    my ($more) = tool_is(0, '-C', '-nb', '-C', '5000', 'bob', 'x')
        =~ /(SCRAM\S+)/;
    like($more, qr/\$5000:/, 'says how many iterations');
    is_of('x', $more, 'which are made');
};

# ---- Where passwords come from --------------------------------------------

subtest 'the password comes from standard input' => sub {
    for my $row (["pencil\n", 'pencil'], ['pencil', 'pencil'],
                 ["pencil\r\n", 'pencil'], ["a b\nc\n", 'a b'],
                 ["  x \n", '  x '], ['p' x 255 . "\n", 'p' x 255]) {
        my ($input, $password) = @{$row};
        tool_is(0, 'it is read', \$input, '-ci', $FILE, 'bob');
        is_of($password, verifier('bob'), 'up to the end of the line');
    }
    spew($FILE, '');
    tool_is(3, 'none there', \'', '-i', $FILE, 'bob');
    tool_is(3, 'an empty one', \"\n", '-i', $FILE, 'bob');
    tool_is(3, 'an octet of zero', \"pen\0cil\n", '-i', $FILE, 'bob');
    tool_is(5, 'one of 256 octets', \('p' x 256), '-i', $FILE, 'bob');
    is(slurp($FILE), '', 'and the file is as it was');
};

# Without a terminal of its own it reads standard input where it would ask.
sub asked
{
    my ($answers, @arguments) = @_;
    return SMTPTest::Program::run($answers, $^X, '-MPOSIX=setsid', '-e',
                                  'setsid; exec @ARGV', $TOOL, @arguments);
}

subtest 'the password is asked for' => sub {
    my ($status, $text) = asked("pencil\npencil\n", '-c', $FILE, 'bob');
    is($status, 0, 'twice');
    like($text, qr/New password: .*Re-type new password: /s, 'in these words');
    unlike($text, qr/pencil/, 'it is not shown');
    is_of('pencil', verifier('bob'), 'and taken');
    my $before = slurp($FILE);
    ($status, $text) = asked("pencil\npencli\n", $FILE, 'bob');
    is($status, 3, 'a slip is found');
    like($text, qr/differ/, 'and told');
    ($status) = asked("\n\n", $FILE, 'bob');
    is($status, 3, 'an empty one is refused');
    is(slurp($FILE), $before, 'and nothing changes');
    ($status, $text) = asked("pencil\n", '-v', $FILE, 'bob');
    is($status, 0, 'to verify, once');
    unlike($text, qr/Re-type/, 'not twice');
    ($status, $text) = asked('', "$dir/none", 'bob');
    is($status, 1, 'nobody is asked for a file that is not there');
    unlike($text, qr/New password/, 'at all');
};

# ---- Logins and passwords as they are typed (RFC 4013) ---------------------

subtest 'what is typed differently and means the same' => sub {
    for my $row (["pass\x{A0}word", 'pass word'], ["u\x{308}", 'ü'],
                 ["\x{AA}", 'a'], ["I\x{AD}X", 'IX'], ["\x{2168}", 'IX']) {
        my ($typed, $prepared) = @{$row};
        tool_is(0, 'a password', '-cb', $FILE, 'bob', $typed);
        is_of($prepared, verifier('bob'), 'is prepared by SASLprep');
        tool_is(0, 'and may be typed so', '-vb', $FILE, 'bob', $prepared);
        my $text = tool_is(0, 'a login', '-cb', $FILE, $typed, 'x');
        like($text, qr/SASLprep.* login is \Q@{[encode_utf8($prepared)]}/,
             'is prepared too, and told');
        tool_is(0, 'and may be typed so', '-vb', $FILE, $prepared, 'x');
    }
};

subtest 'odd logins are kept apart' => sub {
    my @logins = ('bob', 'Bob', 'bob@example.com', 'john doe', '#bob',
                  '"bob"', 'b"ob', '\\', 'a:b', 'ü', '"', ' ', '-D');
    spew($FILE, "# ours\n");
    for my $login (@logins) {
        tool_is(0, "$login is added", '-b', '--', $FILE, $login, "p$login");
    }
    for my $login (@logins) {
        tool_is(0, "$login is there", '-vb', '--', $FILE, $login, "p$login");
    }
    for my $login (@logins) {
        tool_is(0, "$login is deleted", '-D', '--', $FILE, $login);
    }
    is(slurp($FILE), "# ours\n", 'and nobody is left');
};

subtest 'what is no login and no password' => sub {
    spew($FILE, "# ours\n");
    my @rows = (
        [6, 'login', ''], [6, 'login', "\x{AD}"], [6, 'login', "a\nb"],
        [6, 'login', "a\tb"], [6, 'login', "\x{7F}"], [6, 'login', "\x{202E}x"],
        [6, 'login', "\x{5D0}a"], [6, 'login', "\x{1F600}"],
        [5, 'login', 'x' x 256], [5, 'login', "\x{FDFA}" x 20],
        [3, 'password', ''], [3, 'password', "\x{AD}"],
        [3, 'password', "a\tb"], [3, 'password', "\x{E000}"],
        [3, 'password', "\x{627}1"], [3, 'password', "\x{1F600}"],
        [5, 'password', 'x' x 256],
    );
    for my $row (@rows) {
        my ($status, $what, $string) = @{$row};
        my $text = tool_is($status, "a wrong $what", '-b', $FILE,
                           $what eq 'login' ? ($string, 'x')
                                            : ('bob', $string));
        like($text, qr/smtp-scram: the $what /, 'is told');
    }
    my ($status, $text) = SMTPTest::Program::run('', $TOOL, '-b', $FILE,
                                                 "\xFC", 'x');
    is($status, 6, 'Latin-1 is no login');
    like($text, qr/is not UTF-8/, 'which is told');
    is(slurp($FILE), "# ours\n", 'and the file is as it was');
};

# ---- The command line -------------------------------------------------------

subtest 'a command line that says nothing, or two things' => sub {
    spew($FILE, '');
    my @rows = (
        [], ['-c'], [$FILE], ['-b', $FILE, 'bob'], [$FILE, 'bob', 'x'],
        ['-b', $FILE, 'bob', 'x', 'y'], ['-n', 'bob', 'x'],
        ['-D', $FILE, 'bob', 'x'], ['-z', $FILE, 'bob'],
        ['-C', '-b', $FILE, 'bob', 'x'], ['-bn'],
        (map { ['-b', '-C', $_, $FILE, 'bob', 'x'] }
         '', '0', '4095', '10000001', '-4096', '5e3', '99999999999999999999',
         'many'),
        (map { ["-$_", $FILE, 'bob', 'x'] }
         qw(cnb cDb cvb nDb nvb Dvb ibv iDb bDv)),
        ['-D', '-C', '4096', $FILE, 'bob'], ['-vb', '-C', '4096', $FILE, 'b',
                                             'x'],
    );
    for my $row (@rows) {
        like(tool_is(2, "smtp-scram @{$row}", @{$row}),
             qr/^(?:usage: smtp-scram|smtp-scram: -C)/m, 'says how');
    }
    is(slurp($FILE), '', 'and the file is as it was');

    like(tool_is(0, '--help', '--help'), qr/\Ausage: smtp-scram .*-C/s,
         'tells the options');
    like(tool_is(0, '--version', '--version'),
         qr/\Asmtp-scram \d+\.\d+\.\d+\n\z/, 'tells the version');
};

# ---- The file ---------------------------------------------------------------

subtest 'what people wrote stays' => sub {
    my $text = "# Mail logins\n\nalice  x # her\n\t\"john doe\" y\r\nlast";
    spew($FILE, $text, 0600);
    tool('-b', $FILE, 'bob', 'pencil');
    is(slurp($FILE), "$text\nbob " . verifier('bob') . "\n",
       'lines of others are as they were');
    is(mode($FILE), '0600', 'permissions too');
    tool('-b', $FILE, 'alice', 'pencil');
    like(slurp($FILE), qr/^alice  SCRAM-\S+ # her$/m, 'a comment stays');
    chmod 0644, $FILE;
    tool('-cb', $FILE, 'bob', 'pencil');
    is(mode($FILE), '0644', 'and -c keeps permissions');

    spew("$dir/real", '');
    symlink 'real', "$dir/link" or die "link: $!";
    tool_is(0, 'a file is changed by a link', '-b', "$dir/link", 'bob', 'x');
    ok(-l "$dir/link", 'which stays one');
    is_of('x', verifier('bob', "$dir/real"), 'the file it leads to is changed');

    umask 0077;
    tool_is(0, 'with another umask', '-cb', "$dir/private", 'bob', 'x');
    is(mode("$dir/private"), '0600', 'a new file is for us alone');
    umask 0022;
    is_tidy('all that');
};

subtest 'what is no such file' => sub {
    like(tool_is(1, 'a folder', '-b', "$dir/none/mail", 'bob', 'x'),
         qr/No such file/, 'that is not there');
    mkdir "$dir/folder";
    for my $option ('-b', '-cb', '-vb') {
        my ($status) = tool($option, "$dir/folder", 'bob', 'x');
        ok($status == 1 || $status == 7, "$option: a folder is no file");
    }
    spew($FILE, "bob \0\n");
    like(tool_is(7, 'an octet of zero', '-b', $FILE, 'alice', 'x'),
         qr/no text/, 'is told');
    is(slurp($FILE), "bob \0\n", 'and stays');
    # Who waits for another's lock must not be led to another's file.
    spew($FILE, '');
    symlink 'real', "$FILE.new" or die "link: $!";
    tool_is(1, 'a link in the place of FILE.new', '-b', $FILE, 'bob', 'x');
    unlink "$FILE.new";
    link "$dir/real", "$FILE.new" or die "link: $!";
    my $before = slurp("$dir/real");
    like(tool_is(1, 'a second name of a file', '-b', $FILE, 'bob', 'x'),
         qr/remove it/, 'is told');
    is(slurp("$dir/real"), $before, 'and not written to');
    unlink "$FILE.new";
    is(slurp($FILE), '', 'the file is as it was');
};

# A copy of the tool, run as nobody when we are root, where nobody may go.
sub as_nobody
{
    my ($own) = @_;
    copy($TOOL, "$own/tool") or die "$own/tool: $!";
    chmod 0755, $own, "$own/tool";
    return ("$own/tool") if $> != 0;
    return ($^X, '-e', '($<, $>) = (65534, 65534) if ($( = $) = "65534 65534");'
            . 'exec @ARGV', "$own/tool");
}

subtest 'who may not' => sub {
    my $own = File::Temp->newdir('smtp-scram-XXXXXX', TMPDIR => 1);
    my @as = as_nobody($own);
    spew("$own/mail", "bob x\n", 0);
    chmod 0555, $own;
    for my $command (['-vb', "$own/mail", 'bob', 'x'],
                     ['-b', "$own/mail", 'bob', 'x'],
                     ['-cb', "$own/mail", 'bob', 'x'],
                     ['-D', "$own/mail", 'bob']) {
        my ($status, $text) = SMTPTest::Program::run('', @as, @{$command});
        is($status, 1, "@{$command}[0] of what he may not read");
        like($text, qr/Permission denied/, 'is told');
    }
    chmod 0755, $own;
    chmod 0644, "$own/mail";
    is(slurp("$own/mail"), "bob x\n", 'and the file is as it was');
    other_owner($own, @as) if $> == 0;
};

sub other_owner
{
    my ($own, @as) = @_;
    # In a folder that he may write to: what he could not hand back.
    chmod 0777, $own;
    my ($status, $text) = SMTPTest::Program::run('', @as, '-b', "$own/mail",
                                                 'al', 'x');
    is($status, 1, 'a file of another owner is not taken over');
    like($text, qr/keep owner/, 'which is told');
    is(slurp("$own/mail"), "bob x\n", 'and is as it was');
    is((stat "$own/mail")[4], 0, 'its owner too');
    is(join(' ', glob "$own/*.new"), '', 'nothing is left');

    # What somebody else laid there he could read later.
    spew("$own/mail.new", '', 0666);
    chown 65534, 65534, "$own/mail.new";
    like(tool_is(1, 'FILE.new of another owner', '-b', "$own/mail", 'al', 'x'),
         qr/remove it/, 'is told');
    unlink "$own/mail.new";

    chown 65534, 65534, "$own/mail";
    tool_is(0, 'root changes it', '-b', "$own/mail", 'al', 'x');
    is(join(' ', (stat "$own/mail")[4, 5]), '65534 65534',
       'owner and group stay');
    return;
}

subtest 'two at a time' => sub {
    my $count = 12;
    spew($FILE, '');
    my @pids = map {
        my $log = "$dir/log$_";
        SMTPTest::Program::start($log, $TOOL, '-b', $FILE, "user$_", "p$_")
    } 1 .. $count;
    my $failed = 0;
    for my $pid (@pids) {
        waitpid $pid, 0;
        $failed++ if $?;
    }
    is($failed, 0, 'all say that they did it');
    is_of("p$_", verifier("user$_"), "user$_ is there") for 1 .. $count;
    is(scalar(() = slurp($FILE) =~ /\n/g), $count, 'and nobody else');
    is_tidy('all that');
};

# ---- A disk that fails, a crash --------------------------------------------

subtest 'a change that fails leaves the old file' => sub {
    my $fault = SMTPTest::Fault->new(below => "$dir");
    my %set = $fault->server_arguments;
    local @ENV{ keys %{ $set{env} } } = values %{ $set{env} };
    my @preload = grep { length } split(/:/, $ENV{SMTP_PRELOAD} // ''),
        @{ $set{preload} };
    my @tool = ('env', 'LD_PRELOAD=' . join(':', @preload), $TOOL);

    for my $row ([pwrite => 'ENOSPC'], [pwrite => 'EIO'], [fsync => 'EIO'],
                 [rename => 'EACCES'], [open => 'EMFILE'],
                 [pwrite => 'KILL'], [fsync => 'KILL'], [rename => 'KILL']) {
        my ($call, $error) = @{$row};
        spew($FILE, "alice x\n");
        $fault->arm(call => $call, error => $error);
        my ($status, $text) = SMTPTest::Program::run('', @tool, '-b', $FILE,
                                                     'bob', 'pencil');
        is($fault->hits, 1, "$call: $error came about");
        is($status, $error eq 'KILL' ? 9 : 1, 'and ends it');
        is(slurp($FILE), "alice x\n", 'the file is as it was');
        is_tidy("$call: $error") if $error ne 'KILL';
        $fault->disarm;
        ($status) = SMTPTest::Program::run('', @tool, '-b', $FILE, 'bob', 'y');
        is($status, 0, 'the next is not held up');
        is_of('y', verifier('bob'), 'and does what it says');
        is_tidy("after $call: $error");
    }

    spew($FILE, "alice x\n");
    $fault->arm(call => 'pwrite', error => 'SHORT');
    my ($status) = SMTPTest::Program::run('', @tool, '-b', $FILE, 'bob', 'x');
    is($status, 0, 'half a write is completed');
    is_of('x', verifier('bob'), 'to the whole');

    $fault->arm(call => 'fsync', nth => 2, error => 'EIO');
    ($status, my $text) = SMTPTest::Program::run('', @tool, '-b', $FILE,
                                                 'bob', 'z');
    is($status, 1, 'a change that may not last is told');
    like($text, qr/crash/, 'as such');

    $fault->disarm;
    $fault->clear_log;
    SMTPTest::Program::run('', @tool, '-b', $FILE, 'bob', 'w');
    is(join(' ', map { $_->{call} } grep { $_->{call} ne 'open' } $fault->log),
       'ftruncate pwrite fsync rename fsync',
       'it is on disk before it takes the name, and then its name is');
};

done_testing;
