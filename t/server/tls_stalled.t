# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# 60 handshakes that do not go on, each at another point, must not keep 1,000
# good ones from being done: under the event MPM they hold no thread (there are
# 25), under the others one each. And they do not stay for ever.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Server;

my ($STALLED, $GOOD) = (60, $ENV{SMTP_SLOW} ? 200 : 1000);

# A virtual host that waits for a client longer than this test takes, and one
# that soon has enough.
my %TIMEOUT = (patient => '300s', hasty => '1s');
my $server = SMTPTest::Server->new(
    tls => 1, ports => { map { ($_ => 'smtp', "${_}_smtps" => 'smtps') }
                         keys %TIMEOUT },
    # While the 60 come they keep all threads busy for a moment.
    expected => [qr/AH00484: server reached MaxRequestWorkers/],
    vhosts => join('', map { sprintf <<'END', ($_) x 2, $TIMEOUT{$_} }
<VirtualHost 127.0.0.1:${port_%s} 127.0.0.1:${port_%s_smtps}>
    ServerName mx.example.com
    SMTPEngine On
    Include conf/tls.conf
    SMTPMaxConnections 0
    SMTPTimeout handshake=%s
    <SMTPDomain example.com>
        SMTPRecipients any
    </SMTPDomain>
</VirtualHost>
END
        sort keys %TIMEOUT),
    few_threads => 1);
$server->start;

# How much of the handshake comes: nothing, a part of the ClientHello's record
# or of its header, the whole ClientHello and no more.
my @PARTS = (sub { '' }, sub { substr $_[0], 0, 1 },
             sub { substr $_[0], 0, 5 }, sub { substr $_[0], 0, 100 },
             sub { $_[0] });

# A client whose handshake stands still, on either port of that host.
sub stalled_client
{
    my ($host, $number) = @_;
    my $part = $PARTS[$number % @PARTS];
    my $is_implicit = $number % 2;
    my $client = $is_implicit ? $server->client(port => "${host}_smtps")
        : $server->ehlo_client(port => $host);
    $client->command('STARTTLS')->code eq '220' or die 'no STARTTLS'
        if !$is_implicit;
    $client->send_octets($part->($client->client_hello(
        version => $number % 4 < 2 ? 'TLSv1.2' : 'TLSv1.3')));
    return $client;
}

# A session that does all that it came for.
sub is_good
{
    my ($host, $number) = @_;
    my $client;
    if ($number % 2) {
        $client = $server->ehlo_client(port => "${host}_smtps", tls => 1);
    }
    else {
        $client = $server->ehlo_client(port => $host);
        $client->starttls;
    }
    return $client->command('EHLO client.test')->code eq '250'
        && $client->quit->code eq '221';
}

my @stalled = map { stalled_client('patient', $_) } 1 .. $STALLED;
is(scalar @stalled, $STALLED, "$STALLED handshakes do not go on");
my $count = grep { is_good('patient', $_) } 1 .. $GOOD;
is($count, $GOOD, "$GOOD others are done");
is(scalar(grep { $_->is_open } @stalled), $STALLED,
   'while those of before wait');

subtest 'one that stood still goes on' => sub {
    my $client = $server->ehlo_client(port => 'patient');
    $client->command('STARTTLS');
    $client->begin_handshake;
    my $hello = do { $client->tls->handshake; $client->tls->drain };
    $client->send_raw_split($hello, 1, 5, 50, 100);
    ok($client->finish_handshake, 'TLS');
    is($client->command('EHLO client.test')->code, '250', 'EHLO');
    is($client->quit->code, '221', 'QUIT');
};

subtest 'whoever takes too long is cut' => sub {
    my @late = map { stalled_client('hasty', $_) } 1 .. 10;
    for my $number (1 .. @late) {
        my $said = $late[$number - 1]->read_to_end;
        ok(defined $said, "handshake $number: cut");
        unlike($said // '', qr/^[245]\d\d[ -]/m, 'without a word of SMTP');
    }
    ok(is_good('hasty', $_), 'others are in time') for 1, 2;
};

$_->close(is_reset => 1) for @stalled;
ok($server->wait_disconnected($_), 'clients that vanish are let go')
    for 'patient', 'patient_smtps';
$server->finish;
done_testing;
