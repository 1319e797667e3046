# Licensed under the Apache License, Version 2.0; see LICENSE.
package SMTPTest::DNS;

# An authoritative DNS server of one test's own: Debian's knot, on a loopback
# port, with the zones that the test gives it.

use strict;
use warnings;

use File::Temp;
use IO::Socket::INET;

use SMTPTest::Program;
use SMTPTest::Wait qw(wait_until);

my $CONFIGURATION = <<'END';
server:
    listen: 127.0.0.1@%2$d
    rundir: %1$s/run
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: %1$s/keys
log:
  - target: stderr
    any: info
policy:
  - id: sign
    algorithm: ecdsap256sha256
    single-type-signing: on
template:
  - id: default
    storage: %1$s/zones
    file: %%s.zone
    dnssec-policy: sign
    zonefile-load: whole
zone:
END

# SMTPTest::DNS->start(zones => { 'example.com' => LINES, ... },
#                      signed => ['example.com'],
#                      spoil => { 'example.com' => sub { s/// } }):
# a server that is up. A zone's SOA and NS are written for it; LINES undef: the
# server has no data of the zone, and says SERVFAIL. Of a signed zone spoil
# changes the text ($_) when it has its signatures. Skips the whole test where
# knot is not installed.
sub start
{
    my ($class, %arg) = @_;
    my $temp = File::Temp->newdir('smtp-dns-XXXXXX', TMPDIR => 1);
    my $self = bless { temp => $temp, directory => "$temp", owner => $$,
                       port => _free_port(), zones => $arg{zones} }, $class;

    SMTPTest::Program::need('knotd');
    mkdir "$temp/$_" or die "$temp/$_: $!" for qw(keys run zones);
    _write("$temp/knot.conf",
           sprintf($CONFIGURATION, "$temp", $self->{port})
           . join '', map { "  - domain: $_\n" } sort keys %{ $arg{zones} });
    for my $zone (grep { defined $arg{zones}{$_} } keys %{ $arg{zones} }) {
        _write($self->_file($zone), _head() . $arg{zones}{$zone});
    }
    chmod 0755, "$temp" or die "$temp: $!";
    SMTPTest::Program::give_to_nobody(map { "$temp/$_" } qw(keys run zones));
    $self->_sign($_, $arg{spoil}{$_}) for @{ $arg{signed} // [] };
    $self->resume;
    return $self;
}

# A port that is free for UDP as for TCP.
sub _free_port
{
    for (1 .. 50) {
        my $port = SMTPTest::Program::free_port();
        return $port if IO::Socket::INET->new(
            LocalAddr => '127.0.0.1', LocalPort => $port, Proto => 'udp');
    }
    die 'no free port';
}

sub _head
{
    return "\$TTL 300\n\@ SOA ns hostmaster 1 3600 600 86400 120\n"
         . "\@ NS ns\nns A 127.0.0.1\n";
}

sub _file
{
    my ($self, $zone) = @_;
    return "$self->{directory}/zones/$zone.zone";
}

sub _write
{
    my ($path, $octets) = @_;
    open my $file, '>', $path or die "$path: $!";
    print {$file} $octets;
    close $file or die "$path: $!";
    return;
}

sub _run
{
    my ($self, $program, @arguments) = @_;
    my ($status, $said) = SMTPTest::Program::run(
        '', SMTPTest::Program::as_nobody(),
        SMTPTest::Program::need($program),
        '-c', "$self->{directory}/knot.conf", @arguments);
    die "$program: $said" if $status;
    return $said;
}

# Signs a zone where it stands, with a new key.
sub _sign
{
    my ($self, $zone, $spoil) = @_;
    my $file = $self->_file($zone);
    SMTPTest::Program::give_to_nobody($file);
    $self->_run('kzonesign', '-o', "$self->{directory}/zones", $zone);
    $self->{anchors} .= $self->_run('keymgr', $zone, 'ds');
    return if !$spoil;
    local $_ = do { local @ARGV = ($file); local $/; <> };
    $spoil->() or die "$zone: nothing to spoil in $_";
    _write($file, $_);
    return;
}

# A file of trust anchors: those of the signed zones.
sub anchors
{
    my ($self) = @_;
    my $file = "$self->{directory}/anchors";
    _write($file, $self->{anchors});
    return $file;
}

sub port { return $_[0]{port} }
sub server { return "127.0.0.1\@$_[0]{port}" }

# Starts it, at first or after stop().
sub resume
{
    my ($self) = @_;
    my $log = "$self->{directory}/output";
    $self->{pid} = SMTPTest::Program::start(
        $log, SMTPTest::Program::as_nobody(),
        SMTPTest::Program::need('knotd'),
        '-c', "$self->{directory}/knot.conf");
    my $zones = grep { defined } values %{ $self->{zones} };
    wait_until(30, sub {
        my @loaded = $self->log =~ /\] loaded,/g;
        return @loaded >= $zones;
    }) && SMTPTest::Program::wait_port($self->{port})
        or die 'knotd does not start: ', $self->log;
    return;
}

sub log
{
    my ($self) = @_;
    local @ARGV = ("$self->{directory}/output");
    return join '', <>;
}

sub stop
{
    my ($self) = @_;
    return if !$self->{pid} || $self->{owner} != $$;
    SMTPTest::Program::stop(delete $self->{pid});
    return;
}

sub DESTROY
{
    my ($self) = @_;
    local ($?, $!, $@);
    $self->stop;
    return;
}

1;
