# Licensed under the Apache License, Version 2.0; see LICENSE.
package SMTPTest::StormHop;

# A next hop in bad weather: what it answers is chance, but for addresses that
# never get mail. It notes what it took in a ledger that several may share.

use strict;
use warnings;

use parent 'SMTPTest::NextHop';

use Digest::SHA qw(sha256_hex);
use Time::HiRes qw(time);

# How often, of a thousand, it does not answer as it should at a stage.
my %FAULTS = (
    greeting => { drop => 20, '421 4.3.2 Too busy' => 20 },
    ehlo => { drop => 10, '451 4.3.0 Later' => 10 },
    mail => { drop => 10, '451 4.3.0 Later' => 20 },
    rcpt => { drop => 10, '450 4.2.1 Later' => 40 },
    data => { drop => 10, '451 4.3.0 Later' => 20 },
    end => { drop => 30, '451 4.3.0 Later' => 30, '421 4.3.2 Bye' => 20,
             lost => 30 },
);

# For ever.
my %REFUSALS = (
    rcpt => { bad => '550 5.1.1 Never heard of' },
    end => { spam => '554 5.7.1 Nobody wants this' },
);

# As SMTPTest::NextHop->start_new, and
#   ledger  a file: "TIME took|lost NUMBER ADDRESS DIGEST BEGIN" for each
#           recipient; "lost": nobody was told. BEGIN: of the connection
#   seed    of chance
# While there is a file "down" in its directory, nobody listens.

sub _serve
{
    my ($self, $socket) = @_;
    srand($self->{seed} ^ $$);
    $self->{began} = time;
    return $self->SUPER::_serve($socket);
}

sub _accept_some
{
    my ($self, $listener) = @_;
    return $self->SUPER::_accept_some($listener)
        if !-e "$self->{directory}/down";
    $listener->close;
    select undef, undef, undef, 0.02 while -e "$self->{directory}/down";
    return $self->_listen;
}

# Nothing that say() was told: chance says it.
sub _answer
{
    my ($self, $stage, $default, $address) = @_;
    my $refusals = $REFUSALS{$stage} // {};
    my ($kind) = ($address // '') =~ /\A([a-z]+)/;
    return $refusals->{$kind} if defined $kind && $refusals->{$kind};
    my $chance = rand 1000;
    my $faults = $FAULTS{$stage} // {};
    for my $answer (sort keys %{$faults}) {
        $chance -= $faults->{$answer};
        return $answer if $chance < 0;
    }
    return $default;
}

# Whoever is killed while it waits for us does not know that we took it.
sub _end
{
    my ($self) = @_;
    my $mail = delete $self->{mail};
    my @to = map { s/ .*//sr } @{ $mail->{to} };
    for my $group ($self->{lmtp} ? map { [$_] } @to : [@to]) {
        my $answer = $self->_answer('end', '250 2.0.0 Taken', $group->[0]);
        $self->_take($mail, $group, $answer eq 'lost' ? 'lost' : 'took')
            if $answer =~ /\A2|lost/;
        select undef, undef, undef, rand 0.1 if rand() < 0.2;
        $self->_say($answer eq 'lost' ? 'drop' : $answer);
    }
    return;
}

sub _take
{
    my ($self, $mail, $to, $what) = @_;
    my ($number) = $mail->{content} =~ /^Subject: storm (\d+)\r$/m;
    my $content = $mail->{content} =~ s/\r\n/\n/gr;
    $content =~ s/\A.*?^(?=Subject: storm)//sm;
    open my $file, '>>', $self->{ledger} or die "ledger: $!";
    syswrite $file, join '', map {
        sprintf "%.6f %s %s %s %s %.6f\n", time, $what, $number // '?', $_,
            sha256_hex($content), $self->{began} } @{$to};
    close $file or die "ledger: $!";
    return;
}

# A transcript of a storm tells nothing.
sub _note { return }

1;
