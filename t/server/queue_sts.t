# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# A domain says by MTA-STS (RFC 8461) who its hosts are: nobody else gets its
# mail, whatever DNS says; and who cannot say so loses none.
# mpm: event
use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use File::Temp qw(tempdir);
use FindBin;
use JSON::PP qw(decode_json);
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Certificate;
use SMTPTest::DNS;
use SMTPTest::Network;
use SMTPTest::NextHop;
use SMTPTest::Server;
use SMTPTest::Wait qw(wait_until);
use SMTPTest::Website;

my $smtpq = ($ENV{SMTP_BUILD_DIR} // "$FindBin::Bin/../..") . '/smtpq';
SMTPTest::Network::enter(map { "192.0.2.$_" } 1 .. 9);

my $ca = SMTPTest::Certificate->authority;
my $other_ca = SMTPTest::Certificate->authority(name => 'Another CA');

# Next hops: who is who he says, who is somebody else, who has no TLS.
my %hop_certificate = (
    good => $ca->server(name => 'mx.example.net'),
    other => $ca->server(name => 'other.example.net'),
);
my %hop = (
    good => _hop(1, $hop_certificate{good}),
    other => _hop(2, $hop_certificate{other}),
    plain => _hop(3, undef),
);

sub _hop
{
    my ($octet, $certificate) = @_;
    return SMTPTest::NextHop->start_new(
        directory => tempdir(CLEANUP => 1), address => "192.0.2.$octet",
        port => 25, ($certificate ? (certificate => $certificate) : ()));
}

sub policy
{
    my ($mode, @mx) = @_;
    return { body => join '', map { "$_\r\n" } 'version: STSv1',
             "mode: $mode", (map { "mx: $_" } @mx), 'max_age: 86400' };
}

# Domains below example.net, what their MX is called and where it is, and what
# their policy says. All their names lead to the website.
my %domain = (
    # domain   host      MX                  policy
    enforced => ['good',  'mx.example.net', policy('enforce',
                                                   'mx.example.net')],
    pattern  => ['good',  'mx.example.net', policy('enforce',
                                                   '*.example.net')],
    stolen   => ['other', 'mx2.example.net', policy('enforce',
                                                    'mx2.example.net')],
    stripped => ['plain', 'mx3.example.net', policy('enforce',
                                                    '*.example.net')],
    led      => ['good',  'mx.example.net', policy('enforce',
                                                   'mx.elsewhere.test')],
    tested   => ['other', 'mx2.example.net', policy('testing',
                                                    'mx.example.net')],
    off      => ['plain', 'mx3.example.net', policy('none')],
    moved    => ['plain', 'mx3.example.net',
                 { status => 301, location =>
                   'https://mta-sts.enforced.example.net/.well-known/mta-sts.txt' }],
    html     => ['plain', 'mx3.example.net',
                 { %{ policy('enforce', 'mx.example.net') },
                   type => 'text/html' }],
    large    => ['plain', 'mx3.example.net',
                 { body => policy('enforce', 'mx.example.net')->{body}
                           . "\n" x 70_000 }],
    missing  => ['plain', 'mx3.example.net', { status => 404 }],
    forged   => ['plain', 'mx3.example.net', policy('enforce',
                                                    'mx.example.net')],
    silent   => ['plain', 'mx3.example.net', undef],
    # Nobody's name but the policy host's.
    misnamed => ['plain', 'mx3.example.net', policy('enforce',
                                                    'mx.example.net')],
    # An asterisk is one label (4.1).
    deep     => ['good',  'a.mx.example.net', policy('enforce',
                                                     '*.example.net')],
    # By CNAME at somebody's who does this for many (8.2).
    hosted   => ['good',  'mx.example.net', policy('enforce',
                                                   'mx.example.net')],
    # Testing never holds mail back: no TLS, no host of the policy.
    testplain => ['plain', 'mx3.example.net', policy('testing',
                                                     '*.example.net')],
    testled  => ['good',  'mx.example.net', policy('testing',
                                                   'mx.elsewhere.test')],
    # DANE counts, not MTA-STS (2).
    dane     => ['other', 'mx4.example.net', policy('enforce',
                                                    'mx.elsewhere.test')],
    # The website says nothing.
    slow     => ['plain', 'mx3.example.net', { hang => 1 }],
);
my %elsewhere = (forged => '192.0.2.9', slow => '192.0.2.7');

my $site = SMTPTest::Website->start_new(
    directory => tempdir(CLEANUP => 1), address => '192.0.2.8', port => 443,
    certificate => $ca->server(name => 'mta-sts.example.net', alt => [
        map { "mta-sts.$_.example.net" }
        grep { !/^(?:forged|misnamed|slow)$/ } keys %domain
    ]),
    pages => { map {
        $domain{$_}[2] ? ("mta-sts.$_.example.net/.well-known/mta-sts.txt"
                          => $domain{$_}[2]) : ()
    } keys %domain });
my $forged = SMTPTest::Website->start_new(
    directory => tempdir(CLEANUP => 1), address => '192.0.2.9', port => 443,
    certificate => $other_ca->server(name => 'mta-sts.forged.example.net'),
    pages => { 'mta-sts.forged.example.net/.well-known/mta-sts.txt'
               => $domain{forged}[2] });

my $stalled = SMTPTest::Website->start_new(
    directory => tempdir(CLEANUP => 1), address => '192.0.2.7', port => 443,
    certificate => $ca->server(name => 'mta-sts.slow.example.net'),
    pages => { 'mta-sts.slow.example.net/.well-known/mta-sts.txt'
               => $domain{slow}[2] });

my $digest = sha256_hex($hop_certificate{other}->der);
my $dns = SMTPTest::DNS->start(signed => ['example.net'], zones => { 'example.net' => join "\n",
    'mx A 192.0.2.1', 'mx2 A 192.0.2.2', 'mx3 A 192.0.2.3',
    'a.mx A 192.0.2.1', 'mx4 A 192.0.2.2', "_25._tcp.mx4 TLSA 3 0 1 $digest",
    (map {
        my $address = $elsewhere{$_} // '192.0.2.8';
        ("$_ MX 10 $domain{$_}[1].",
         $_ eq 'hosted'
         ? ("_mta-sts.$_ CNAME _mta-sts.enforced",
            "mta-sts.$_ CNAME mta-sts.enforced")
         : ($_ eq 'silent' ? () : "_mta-sts.$_ TXT \"v=STSv1; id=1\"",
            "mta-sts.$_ A $address"))
    } keys %domain), '' });

my $server = SMTPTest::Server->new(
    queue => 1,
    global => 'SMTPDNSServer ' . $dns->server . "\n"
        . 'SMTPDNSTrustAnchor ' . $dns->anchors . "\n"
        . 'SMTPOutboundCA ' . $ca->certificate . "\n"
        . "LogLevel smtp_queue:debug",
    config => <<'END');
<SMTPRelay>
    Require ip 127.0.0.1
</SMTPRelay>
SMTPRetry 1h
SMTPBackoff first=1s last=1s failures=1000
END
$server->start;

sub send_to
{
    my ($name) = @_;
    my $client = $server->ehlo_client;
    is($client->send_message(from => 'bob@example.com',
                             to => "$name\@$name.example.net",
                             message => "Subject: x\r\n\r\nx\r\n")->code,
       '250', "mail for $name");
    $client->quit;
    return;
}

# The names of those to whom mail was delivered, and by which next hop.
sub taken
{
    my %taken;
    for my $hop (keys %hop) {
        for my $message ($hop{$hop}->messages) {
            $taken{ $message->{to}[0] =~ s/@.*//sr } = $hop;
        }
    }
    # It goes when the website has had its time, which others do not wait for.
    delete $taken{slow};
    return \%taken;
}

# The recipients of mail that is deferred: { address, reason }.
sub waiting
{
    open my $out, '-|', $smtpq, 'list', '--json', '--status', 'deferred',
        '--spool', $server->spool or die "$smtpq: $!";
    local $/;
    my $text = <$out>;
    close $out;
    return map { $_->{recipients}[0] } @{ decode_json($text) };
}

sub deferred
{
    return map { $_->{address} =~ s/@.*//sr => $_->{reason} } waiting();
}

send_to($_) for sort keys %domain;

my %waits = map { $_ => 1 } qw(stolen stripped led deep slow);
my %sent = map { $_ => $domain{$_}[0] } grep { !$waits{$_} } keys %domain;
wait_until(60, sub { return keys %{ taken() } >= keys %sent });
is_deeply(taken(), \%sent, 'mail went to those whom policies allow, and where '
          . 'none can be had');
my %deferred;
wait_until(60, sub { %deferred = deferred(); return keys %deferred >= 4 });
is_deeply([sort keys %deferred], [qw(deep led stolen stripped)],
          'where the policy allows nobody that is there, it waits');
like($deferred{led}{text}, qr/policy of MTA-STS does not name this host/,
     'a host that the policy does not name');
is($deferred{led}{status}, '4.7.5', 'is no host');
is($deferred{deep}{status}, '4.7.5', 'nor one that is further below');
like($deferred{stolen}{status}, qr/^4\.7/, 'nor one with another name');
like($deferred{stripped}{status}, qr/^4\.7/, 'nor one without TLS');
unlike(join("\n", $hop{other}->transcript), qr/stolen@/,
       'who is not the host hears of no mail');
my @enforced = grep { "@{ $_->{to} }" =~ /enforced/ } $hop{good}->messages;
ok($enforced[0]{tls}, 'what went by a policy went under TLS');
my ($dane) = grep { "@{ $_->{to} }" =~ /dane/ } $hop{other}->messages;
ok($dane->{tls}, 'and what went by DANE');

subtest 'what says TLS-Required: No goes anyway (RFC 8689)' => sub {
    my $before = $hop{other}->count;
    my $client = $server->ehlo_client;
    is($client->send_message(
           from => 'bob@example.com', to => 'open@stolen.example.net',
           message => "Subject: x\r\nTLS-Required: No\r\n\r\nx\r\n")->code,
       '250', 'mail');
    $client->quit;
    is($hop{other}->wait_messages($before + 1), $before + 1, 'is taken');
    ok(!exists taken()->{stolen}, 'other mail is not');
    done_testing;
};

my $spool = $server->spool;
is_deeply([sort map { m{([^/]+)\z} } glob "$spool/queue/sts/*"],
          [sort map { "$_.example.net" }
           qw(enforced pattern stolen stripped led tested off deep hosted
              testplain testled dane)],
          'good policies are kept');
send_to('enforced');
ok(wait_until(60, sub {
    return 2 == grep { "@{ $_->{to} }" =~ /enforced/ } $hop{good}->messages;
}), 'more mail, and DNS says the same');
is(scalar(grep { /enforced/ } $site->requests), 1,
   'a policy was fetched once, a redirect not followed');

subtest 'while its website is down a policy still counts' => sub {
    $_->stop for $site, $forged;
    $server->graceful;
    my $before = $hop{good}->count;
    send_to('enforced');
    is($hop{good}->wait_messages($before + 1), $before + 1, 'mail goes');
    send_to('stolen');
    ok(wait_until(60, sub {
        return 2 == grep { $_->{address} =~ /^stolen@/ } waiting();
    }), 'or waits');
    ok(!exists taken()->{stolen}, 'as before');
    done_testing;
};

$server->finish;
done_testing;
