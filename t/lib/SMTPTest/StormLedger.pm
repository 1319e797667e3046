# Licensed under the Apache License, Version 2.0; see LICENSE.
package SMTPTest::StormLedger;

# What came of the messages of SMTPTest::Storm: whether each that was
# acknowledged came to each of its recipients, or its sender was told; and
# nothing twice but what nobody could know of.
#
# Of a storm it knows {server}; the directory {notes}, where clients and next
# hops note what they do; {kills}, each { begin, end }, of the queue process;
# {faults}, what else went wrong; and whether the administrator {is_deleting}.

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use Exporter qw(import);
use Test::More;

use SMTPTest::Maildir;

our @EXPORT_OK = qw(@BOXES @DOMAINS $CONNECTIONS $DELETABLE $SENDER);

our $SENDER = 'storm@example.com';
# Whose mail the administrator may delete.
our $DELETABLE = 'deletable@example.com';
# Mailboxes here, and domains elsewhere.
our @BOXES = map { "box$_\@example.com" } 1 .. 3;
our @DOMAINS = qw(a.test b.test c.test local.test);
# To a destination at once; and reports that are made at once.
our $CONNECTIONS = 5;
my $REPORTS = 4;

# ---- What was noted -------------------------------------------------------

# What clients sent: { number, digest, from, to, is_acknowledged }.
sub sent
{
    my ($self) = @_;
    my @sent;
    for my $path (glob "$self->{notes}/client.*") {
        open my $file, '<', $path or die "$path: $!";
        while (my $line = <$file>) {
            if ($line =~ /\Asent (\d+) (\S+) (\S+) (.*)/) {
                push @sent, { number => $1, digest => $2, from => $3,
                              to => [split / /, $4] };
            }
            elsif ($line eq "250\n") {
                $sent[-1]{is_acknowledged} = 1;
            }
        }
    }
    return @sent;
}

sub _acknowledged
{
    my ($self) = @_;
    return scalar(grep { $_->{is_acknowledged} } $self->sent);
}

# How much next hops took.
sub _lines
{
    my ($self) = @_;
    open my $file, '<', "$self->{notes}/ledger" or return 0;
    my $lines = () = <$file>;
    return $lines;
}

# What next hops took: "NUMBER ADDRESS" -> [{ time, what, digest, began }].
sub _taken
{
    my ($self) = @_;
    my %taken;
    open my $file, '<', "$self->{notes}/ledger" or return {};
    while (my $line = <$file>) {
        my ($time, $what, $number, $to, $digest, $began) = split ' ', $line;
        push @{ $taken{"$number $to"} }, { time => $time, what => $what,
                                           digest => $digest,
                                           began => $began };
    }
    return \%taken;
}

# What a mailbox has, each message read once: { number, digest, failed }.
sub _mailbox
{
    my ($self, $mailbox) = @_;
    my $known = $self->{mailboxes}{$mailbox} //= {};
    for my $path ($self->{server}->maildir($mailbox)->files) {
        $known->{$path} //= _message_read($path);
    }
    return values %{$known};
}

sub _message_read
{
    my ($path) = @_;
    open my $file, '<:raw', $path or die "$path: $!";
    local $/;
    my $message = <$file> // '';
    my $content = eval { SMTPTest::Maildir::content($message) } // '';
    my ($number) = $content =~ /\ASubject: storm (\d+)$/m;
    return { number => $number // '?', digest => sha256_hex($content),
             made => _made_get($message),
             failed => [$message =~ /^Final-Recipient: rfc822; ?(\S+)$/mg] };
}

# When a report was made: its Message-ID tells.
sub _made_get
{
    my ($message) = @_;
    my ($hex) = $message =~ /^Message-ID: <\w+\.([0-9a-f]+)\.failed@/m;
    return unpack('Q>', pack 'H16', substr '0' x 16 . ($hex // ''), -16) / 1e6;
}

# What mailboxes here have, as _taken().
sub _stored
{
    my ($self) = @_;
    my %stored;
    for my $mailbox (@BOXES) {
        push @{ $stored{"$_->{number} $mailbox"} }, $_
            for $self->_mailbox($mailbox);
    }
    return \%stored;
}

# When senders were told that mail for a recipient failed.
sub _told
{
    my ($self) = @_;
    my %told;
    for my $report (map { $self->_mailbox($_) } $SENDER, $DELETABLE) {
        push @{ $told{$_} }, $report->{made} for @{ $report->{failed} };
    }
    return \%told;
}

sub _is_refused { my ($to) = @_; return $to =~ /\A(?:bad|spam)\./ }

# "NUMBER ADDRESS" of those of whom nothing was heard.
sub missing
{
    my ($self) = @_;
    my %came = (%{ $self->_taken }, %{ $self->_stored });
    my $told = $self->_told;
    my @missing;
    for my $message (grep { $_->{is_acknowledged} } $self->sent) {
        next if $message->{from} eq $DELETABLE && $self->{is_deleting};
        push @missing, grep {
            my ($to) = / (.*)/;
            !(_is_refused($to) ? $told->{$to} : $came{$_}) }
            map { "$message->{number} $_" } @{ $message->{to} };
    }
    return @missing;
}

# ---- Tests ----------------------------------------------------------------

# Nothing is lost, damaged, doubled without need, or left.
sub check
{
    my ($self) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @sent = $self->sent;
    my %digest = map { $_->{number} => $_->{digest} } @sent;
    my $taken = $self->_taken;
    my $stored = $self->_stored;
    note(sprintf '%d messages were acknowledged of %d; next hops have %d',
         $self->_acknowledged, scalar @sent, scalar keys %{$taken});
    is_deeply([$self->missing], [], 'none is lost');
    my %came = (%{$taken}, %{$stored});
    is_deeply([grep { my ($number) = /(\S+)/; my $key = $_;
                      grep { $_->{digest} ne ($digest{$number} // '') }
                          @{ $came{$key} } } sort keys %came],
              [], 'none is damaged');
    is_deeply([grep { @{ $stored->{$_} } > 1 } keys %{$stored}], [],
              'none is twice in a mailbox here');
    is_deeply([grep { _is_refused((split)[1]) } keys %{$taken}], [],
              'nobody has what was refused');
    $self->_check_doubles($taken);
    $self->_check_reports;
    is_deeply($self->{faults}, [], 'nothing else went wrong');
    return;
}

# Whether the queue process was killed within a time: only then what it had not
# noted yet is done again.
sub _is_killed_within
{
    my ($self, $from, $to) = @_;
    return grep { $_->{end} >= $from && $_->{begin} <= $to }
        @{ $self->{kills} };
}

# What a next hop took, and said so.
sub _check_doubles
{
    my ($self, $taken) = @_;
    my ($lost, $count, @needless) = (0, 0);
    for my $key (sort keys %{$taken}) {
        my @took = sort { $a->{time} <=> $b->{time} } @{ $taken->{$key} };
        $lost += grep { $_->{what} eq 'lost' } @took;
        for my $i (grep { $took[$_]{what} eq 'took' } 0 .. $#took - 1) {
            $count++;
            push @needless, "$key: $took[$i]{time}, $took[$i + 1]{time}"
                if !$self->_is_killed_within($took[$i]{began},
                                             $took[$i + 1]{time});
        }
    }
    is_deeply(\@needless, [], 'none was sent twice without need');
    $self->_check_count($count, @DOMAINS * $CONNECTIONS * 3, 'came twice');
    note("$lost times nobody heard the reply");
    return;
}

sub _check_reports
{
    my ($self) = @_;
    my $told = $self->_told;
    my ($count, @needless) = (0);
    is_deeply([grep { !_is_refused($_) } sort keys %{$told}], [],
              'nobody is told of what did not fail');
    for my $to (sort keys %{$told}) {
        my @made = sort { $a <=> $b } @{ $told->{$to} };
        $count += $#made;
        push @needless, map { "$to: $made[$_], $made[$_ + 1]" }
            grep { !$self->_is_killed_within(@made[$_, $_ + 1]) }
            0 .. $#made - 1;
    }
    is_deeply(\@needless, [], 'nobody is told twice without need');
    $self->_check_count($count, $REPORTS * 3, 'of ' . keys(%{$told})
                        . ' that failed were told again');
    return;
}

# Each time the process is killed it has no more in hand than so many.
sub _check_count
{
    my ($self, $count, $max, $what) = @_;
    my $kills = @{ $self->{kills} };
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    cmp_ok($count, '<=', $max * $kills, "$count $what, $kills times was the "
           . 'queue process killed');
    return;
}

# What there is in the spool of a server that is down.
sub check_spool
{
    my ($self) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $spool = $self->{server}->spool;
    my @left = grep { !-d && !m{/(?:lock|queue/hint|queue/control)\z} }
        map { glob "$spool/$_" } '*', 'queue/*', 'queue/??/*',
        'journal/*/*', 'damaged/*';
    is(join(' ', map { s{\A\Q$spool\E/}{}r } @left, glob "$spool/journal/*"),
       '', 'nothing is left in the spool');
    is(scalar(map { $self->{server}->maildir($_)->temporaries } @BOXES,
              $SENDER, $DELETABLE), 0, 'nothing half-written lies about');
    return;
}

1;
