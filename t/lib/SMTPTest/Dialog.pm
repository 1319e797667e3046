# Licensed under the Apache License, Version 2.0; see LICENSE.
package SMTPTest::Dialog;

# Dialogues as data: reads a t/dialog/*.smtp file and plays it against a
# server. The syntax stands in t/README.md.

use strict;
use warnings;

use MIME::Base64 qw(encode_base64);
use Test::More;

use SMTPTest::Auth;
use SMTPTest::Server;

# ---- Reading --------------------------------------------------------------

# What a "== WORD REST" line begins: a method that returns a sub which takes
# the lines of that block, or undef if it takes none.
my %BLOCK = (
    config => sub { my ($self) = @_; return _collect(\$self->{config}) },
    domain => sub { my ($self) = @_; return _collect(\$self->{domain}) },
    global => sub { my ($self) = @_; return _collect(\$self->{global}) },
    modules => sub {
        my ($self, $rest) = @_;
        push @{ $self->{modules} }, split ' ', $rest;
        return;
    },
    file => sub {
        my ($self, $rest) = @_;
        $self->{files}{$rest} = '';
        return _collect(\$self->{files}{$rest});
    },
    tls => sub { my ($self) = @_; $self->{tls} = 1; return },
    auth => sub { my ($self) = @_; return sub {
        my ($login, $password) = $_[0] =~ /\A([^:]*):(.*)\z/
            or die "not LOGIN:PASSWORD: $_[0]\n";
        $self->{auth}{ _octets($login) } = _octets($password);
    } },
    log => sub { my ($self, $rest) = @_;
                 push @{ $self->{expected} }, qr/$rest/; return },
    session => sub { return $_[0]->_session($_[1], 0) },
    also => sub { return $_[0]->_session($_[1], 1) },
    mailbox => sub { return $_[0]->_mailbox($_[1]) },
);

# Reads a file; dies with file and line where it is not as it should be.
sub read_file
{
    my ($class, $path) = @_;
    my $self = bless { path => $path, sessions => [], mailboxes => [],
                       modules => [], expected => [], files => {} }, $class;
    open my $file, '<:raw', $path or die "$path: $!\n";
    my $take;
    while (my $line = <$file>) {
        $line =~ s/\n\z//;
        my $ok = eval { $take = $self->_line($line, $take); 1 };
        die "$path:$.: $@" if !$ok;
    }
    return $self;
}

# One line; returns who takes the lines that follow.
sub _line
{
    my ($self, $line, $take) = @_;
    return $take if $line =~ /\A\s*(?:#|\z)/;
    if ($line =~ /\A== (\w+) ?(.*)\z/) {
        my $block = $BLOCK{$1} or die "no such block: $1\n";
        return $block->($self, $2);
    }
    die "nobody takes this line\n" if !$take;
    $take->($line, $.);
    return $take;
}

sub _collect
{
    my ($text) = @_;
    ${$text} //= '';
    return sub { ${$text} .= "$_[0]\n" };
}

sub _session
{
    my ($self, $name, $is_also) = @_;
    die "a session without a name\n" if !length $name;
    my $session = { name => $name, is_also => $is_also, steps => [] };
    push @{ $self->{sessions} }, $session;
    return sub {
        my ($line, $number) = @_;
        push @{ $session->{steps} }, { _step($line), line => $number,
                                       source => $line };
    };
}

sub _mailbox
{
    my ($self, $rest) = @_;
    my ($name, $count) = $rest =~ /\A(\S+\@\S+) (\d+)\z/
        or die "not NAME\@DOMAIN COUNT: $rest\n";
    my $mailbox = { name => _octets($name), count => $count };
    push @{ $self->{mailboxes} }, $mailbox;
    return sub {
        my ($line) = $_[0] =~ /\A\|(.*)\z/ or die "no bar: $_[0]\n";
        $mailbox->{content} .= _octets($line) . "\n";
    };
}

# The lines of a session: pattern, and what makes a step of its groups.
my @LINES = (
    [qr/\AC: ?(.*)\z/ => sub { return (send => _octets($_[0]) . "\r\n") }],
    [qr/\AC<< ?(.*)\z/ => sub { return (send => _octets($_[0])) }],
    [qr/\AC< ([\d,]+) (.*)\z/ => sub {
        return (send => _octets($_[1]), offsets => [split /,/, $_[0]]) }],
    [qr/\AC\*(\d+): ?(.*)\z/ => sub {
        my ($count, $text) = @_;
        return (send => _octets(join "\r\n", (map { $text =~ s/%d/$_/gr }
                                              1 .. $count), '')) }],
    [qr/\AB: ?(.*)\z/ => sub {
        return (send => encode_base64(_octets($_[0]), '') . "\r\n") }],
    [qr/\AT: (starttls|handshake|close_notify)((?: \w+=\S+)*)\z/ => sub {
        return (tls => $_[0], arguments => [_pairs($_[1])]) }],
    [qr/\AA: ([\w-]+)((?: \w+=\S*)*)\z/ => sub {
        return (auth => [mechanism => $_[0], _pairs($_[1])]) }],
    [qr/\AS: closed\z/ => sub { return (closed => 1) }],
    [qr/\AS: cut\z/ => sub { return (cut => 1) }],
    [qr/\AS(?:\*(\d+))?: (.*)\z/ => sub {
        return (times => $_[0] // 1, expect => _expectation($_[1])) }],
);

# A line of a session as a step.
sub _step
{
    my ($line) = @_;
    for my $kind (@LINES) {
        my ($pattern, $make) = @{$kind};
        my @groups = $line =~ $pattern or next;
        return $make->(@groups);
    }
    die "no such line in a session\n";
}

# " NAME=VALUE ..."
sub _pairs
{
    my ($text) = @_;
    return map { my ($name, $value) = split /=/, $_, 2;
                 ($name => _octets($value)) } split ' ', $text;
}

# CODE [STATUS] [/REGEX/ ...]
sub _expectation
{
    my ($text) = @_;
    my ($code, $status, $rest) = $text
        =~ m{\A([\dx|]+)(?: ([-*]|[\dx.|]+))?((?: !?/.*/)?)\z}
        or die "not CODE [STATUS] [/REGEX/]: $text\n";
    my @patterns;
    while ($rest =~ s{\A (!?)/((?:[^/\\]|\\.)*)/}{}) {
        push @patterns, { is_not => $1, pattern => qr/$2/im };
    }
    die "not /REGEX/: $rest\n" if length $rest;
    return { code => _pattern($code), patterns => \@patterns,
             status => defined $status ? _pattern($status) : undef };
}

# "50x|5.5.1" as a regular expression; "-" is the empty enhanced code.
sub _pattern
{
    my ($text) = @_;
    return qr/\A\z/ if $text eq '-';
    return qr/\A/ if $text eq '*';
    my $pattern = join '|', map { s/\./\\./gr =~ s/x/\\d/gr }
        split /\|/, $text;
    return qr/\A(?:$pattern)\z/;
}

my %ESCAPE = (r => "\r", n => "\n", t => "\t", 0 => "\0", '\\' => '\\');

# {TEXT*COUNT}, then escapes; what {base64 TEXT} holds is done by itself.
sub _octets
{
    my ($text) = @_;
    $text =~ s/\{(?!base64 )([^{}]*)\*(\d+)\}/$1 x $2/ge;
    $text =~ s/\{base64 ([^{}]*)\}/encode_base64(_octets($1), '')/ge;
    $text =~ s{\\(?:x([0-9A-Fa-f]{2})|(.))}
              {defined $1 ? chr hex $1
               : $ESCAPE{$2} // die "no such escape: \\$2\n"}ge;
    return $text;
}

# ---- Playing --------------------------------------------------------------

# Plays the file; subtests for sessions and mailboxes.
sub play
{
    my ($self) = @_;
    my @given = map { defined $self->{$_} ? ($_ => $self->{$_}) : () }
        qw(config domain global modules files tls auth expected);
    my $server = SMTPTest::Server->start_new(@given);
    my @open;
    for my $session (@{ $self->{sessions} }) {
        @open = () if !$session->{is_also};
        push @open, $server->client;
        subtest $session->{name} => sub {
            $self->_play_session($session, $open[-1]);
        };
    }
    @open = ();
    $server->finish;
    $self->_check_mailbox($server, $_) for @{ $self->{mailboxes} };
    return;
}

sub _play_session
{
    my ($self, $session, $client) = @_;
    for my $step (@{ $session->{steps} }) {
        my $name = "line $step->{line}: $step->{source}";
        _play_step($client, $step, $name) or last;
    }
    return done_testing;
}

# False when the session is out of step and goes no further.
sub _play_step
{
    my ($client, $step, $name) = @_;
    if (exists $step->{send}) {
        $client->send_split($step->{send}, @{ $step->{offsets} // [] });
        return 1;
    }
    return _play_tls($client, $step, $name) if $step->{tls};
    return _play_auth($client, $step, $name) if $step->{auth};
    return is($client->read_to_end, '', $name) if $step->{closed};
    return like($client->read_to_end, qr/\A(?:[45][^\n]*\n)?\z/, $name)
        if $step->{cut};
    for (1 .. $step->{times}) {
        my $reply = delete $client->{last_of_auth} // $client->read_reply;
        _check_reply($reply, $step->{expect}, $name) or return 0;
    }
    return 1;
}

sub _play_tls
{
    my ($client, $step, $name) = @_;
    my @arguments = @{ $step->{arguments} };
    return $client->close_notify if $step->{tls} eq 'close_notify';
    return ok($client->handshake(@arguments), $name)
        || !diag($client->tls_error) if $step->{tls} eq 'handshake';
    my $reply = eval { $client->starttls(@arguments) } // $@;
    return ok(ref $reply && $reply->code eq '220' && !$reply->faults, $name)
        || !diag($reply);
}

# What the server says last is for the S line that follows.
sub _play_auth
{
    my ($client, $step, $name) = @_;
    my $auth = SMTPTest::Auth->new(client => $client, @{ $step->{auth} });
    $client->{last_of_auth} = $auth->run;
    my @faults = $auth->faults;
    return ok(!@faults, $name) || !diag(map { "$_\n" } @faults);
}

# One test for one reply.
sub _check_reply
{
    my ($reply, $expected, $name) = @_;
    my @faults = _faults($reply, $expected);
    return ok(!@faults, $name)
        || !diag("got: $reply\n", map { "$_\n" } @faults);
}

sub _faults
{
    my ($reply, $expected) = @_;
    return 'another code' if $reply->code !~ $expected->{code};
    my @faults = $reply->faults;
    my $status = $expected->{status} // qr/\A[245]/;
    push @faults, 'another enhanced code' if $reply->status !~ $status;
    for my $wanted (@{ $expected->{patterns} }) {
        my $is_there = $reply->text =~ $wanted->{pattern};
        push @faults, ($wanted->{is_not} ? 'matches ' : 'does not match ')
            . $wanted->{pattern} if $wanted->{is_not} xor !$is_there;
    }
    return @faults;
}

sub _check_mailbox
{
    my ($self, $server, $expected) = @_;
    my @messages = $server->maildir($expected->{name})->messages;
    is(scalar @messages, $expected->{count},
       "mailbox $expected->{name}: $expected->{count} messages");
    return if !defined $expected->{content};
    is(SMTPTest::Maildir::content($_), $expected->{content},
       "mailbox $expected->{name}: content") for @messages;
    return;
}

1;
