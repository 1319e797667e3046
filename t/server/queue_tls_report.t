# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# Domains that want to know are told how TLS to them fared (TLS-RPT, RFC 8460):
# what succeeded, what failed and why, by mail and by HTTPS, also while TLS
# fails.
# mpm: event
use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use File::Temp qw(tempdir);
use FindBin;
use IO::Uncompress::Gunzip qw(gunzip);
use JSON::PP qw(decode_json);
use MIME::Base64 qw(decode_base64);
use POSIX qw(floor strftime);
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Certificate;
use SMTPTest::DNS;
use SMTPTest::Network;
use SMTPTest::NextHop;
use SMTPTest::Server;
use SMTPTest::Wait qw(wait_until);
use SMTPTest::Website;

SMTPTest::Network::enter(map { "192.0.2.$_" } 1 .. 9);
my $ca = SMTPTest::Certificate->authority;

sub hop
{
    my ($octet, $certificate) = @_;
    return SMTPTest::NextHop->start_new(
        directory => tempdir(CLEANUP => 1), address => "192.0.2.$octet",
        port => 25, ($certificate ? (certificate => $certificate) : ()));
}

my $certificate = $ca->server(name => 'mx.example.net');
my $good = hop(1, $certificate);
my $other = hop(2, $ca->server(name => 'somebody.example.net'));
my $plain = hop(3, undef);

my $policy = join '', map { "$_\r\n" } 'version: STSv1', 'mode: enforce',
    'mx: mx.example.net', 'mx: mx2.example.net', 'max_age: 86400';
my $site = SMTPTest::Website->start_new(
    directory => tempdir(CLEANUP => 1), address => '192.0.2.8', port => 443,
    certificate => $ca->server(name => 'report.example.net', alt => [
        'report.example.net', map { "mta-sts.$_.example.net" }
        qw(sts broken nopolicy) ]),
    pages => {
        (map { ("mta-sts.$_.example.net/.well-known/mta-sts.txt"
                => { body => $policy }) } qw(sts broken)),
        'report.example.net/tls' => { status => 201 },
    });

my $digest = sha256_hex($certificate->der);
my $wrong = '0' x 64;
my $dns = SMTPTest::DNS->start(
    signed => ['example.net'], zones => { 'example.net' => <<"END" });
mx A 192.0.2.1
mx4 A 192.0.2.1
mx5 A 192.0.2.1
_25._tcp.mx4 TLSA 3 0 1 $digest
_25._tcp.mx5 TLSA 3 0 1 $wrong
dane MX 10 mx4
_smtp._tls.dane TXT "v=TLSRPTv1; rua=https://report.example.net/tls"
alias5 CNAME mx4
two MX 10 mx5
two MX 20 alias5
_smtp._tls.two TXT "v=TLSRPTv1; rua=https://report.example.net/tls"
forged MX 10 mx5
_smtp._tls.forged TXT "v=TLSRPTv1;rua=https://report.example.net/tls"
mx2 A 192.0.2.2
mx3 A 192.0.2.3
report A 192.0.2.8
sts MX 10 mx
_mta-sts.sts TXT "v=STSv1; id=1"
mta-sts.sts A 192.0.2.8
_smtp._tls.sts TXT "v=TLSRPTv1; rua=https://report.example.net/tls"
broken MX 10 mx2
_mta-sts.broken TXT "v=STSv1; id=1"
mta-sts.broken A 192.0.2.8
_smtp._tls.broken TXT "v=TLSRPTv1; rua=mailto:tls\@broken.example.net"
nopolicy MX 10 mx3
_mta-sts.nopolicy TXT "v=STSv1; id=1"
mta-sts.nopolicy A 192.0.2.8
_smtp._tls.nopolicy TXT "v=TLSRPTv1; rua=mailto:bob\@example.com,https://report.example.net/tls"
silent MX 10 mx3
END

my $server = SMTPTest::Server->start_new(
    queue => 1,
    global => 'SMTPDNSServer ' . $dns->server . "\n"
        . 'SMTPDNSTrustAnchor ' . $dns->anchors . "\n"
        . 'SMTPOutboundCA ' . $ca->certificate . "\n"
        . "LogLevel smtp_queue:info",
    config => <<'END');
<SMTPRelay>
    Require ip 127.0.0.1
</SMTPRelay>
SMTPRetry 1h
SMTPBackoff first=1s last=1s failures=1000
SMTPTLSReport On
SMTPConnectionIdle off
END

sub send_to
{
    my ($name) = @_;
    my $client = $server->ehlo_client;
    is($client->send_message(from => 'bob@example.com',
                             to => "user\@$name.example.net",
                             message => "Subject: x\r\n\r\nx\r\n")->code,
       '250', "mail for $name");
    $client->quit;
    return;
}

send_to($_) for qw(sts dane two broken forged nopolicy silent);
is($good->wait_messages(3), 3, 'some of it');
is($plain->wait_messages(2), 2, 'goes');
ok($server->wait_log(qr/mail for broken\S*: not by mx2\.example\.net/),
   'some does not');
ok($server->wait_log(qr/mail for forged\S*: not by mx5\.example\.net/),
   'by DANE neither');

# At its end the process keeps what it has counted; then days go by.
$server->stop;
my ($file) = glob $server->spool . '/queue/tlsrpt/*';
my $day = floor(time / 86400);
like($file, qr{/(?:$day|@{[$day - 1]})\z}, 'counts of the day are kept');
my ($number) = $file =~ m{(\d+)\z};
my $past = $number - 2;
rename $file, $file =~ s/\d+\z/$past/r or die "$file: $!";
$server->start;

my %report;
my @posted = $site->wait_posted(5);
is(@posted, 5, 'reports by HTTPS');
for my $post (@posted) {
    is($post->{path}, 'report.example.net/tls', 'where it is wanted');
    is($post->{type}, 'application/tlsrpt+gzip', 'with its type');
    my $json;
    gunzip(\$post->{body}, \$json);
    my $report = decode_json($json);
    my ($domain) = $report->{'report-id'} =~ /^\d+\.(.*)\.[0-9a-f]+\@/;
    $report{$domain} = $report;
}

subtest 'a report of success' => sub {
    my $report = $report{'sts.example.net'} or return fail 'there is none';
    is($report->{'organization-name'}, 'mx.example.com', 'who reports');
    is($report->{'contact-info'}, 'postmaster@mx.example.com', 'whom to ask');
    my $date = strftime('%Y-%m-%d', gmtime($past * 86400));
    is_deeply($report->{'date-range'},
              { 'start-datetime' => "${date}T00:00:00Z",
                'end-datetime' => "${date}T23:59:59Z" }, 'which day');
    is(scalar @{ $report->{policies} }, 1, 'one policy');
    my $told = $report->{policies}[0];
    is($told->{policy}{'policy-type'}, 'sts', 'of MTA-STS');
    is($told->{policy}{'policy-domain'}, 'sts.example.net', 'whose');
    is_deeply($told->{policy}{'policy-string'},
              [split /\r\n/, $policy], 'as it was');
    is_deeply($told->{policy}{'mx-host'},
              ['mx.example.net', 'mx2.example.net'], 'its hosts');
    is_deeply($told->{summary}, { 'total-successful-session-count' => 1,
                                  'total-failure-session-count' => 0 },
              'one session');
    is_deeply($told->{'failure-details'}, [], 'which was good');
    done_testing;
};

subtest 'reports on DANE' => sub {
    my $told = ($report{'dane.example.net'} or return fail 'there is none')
        ->{policies}[0];
    is_deeply($told->{policy},
              { 'policy-type' => 'tlsa', 'policy-domain' => 'mx4.example.net',
                'policy-string' => ["3 0 1 $digest"] }, 'TLSA records');
    is($told->{summary}{'total-successful-session-count'}, 1, 'a session');
    $told = ($report{'forged.example.net'} or return fail 'there is none')
        ->{policies}[0];
    is($told->{policy}{'policy-type'}, 'tlsa', 'of DANE too');
    is_deeply($told->{summary}, { 'total-successful-session-count' => 0,
                                  'total-failure-session-count' => 1 },
              'one failure');
    is($told->{'failure-details'}[0]{'result-type'}, 'validation-failure',
       'nobody whom the records name');
    is($told->{'failure-details'}[0]{'receiving-mx-hostname'},
       'mx5.example.net', 'who');
    my %told = map { $_->{policy}{'policy-domain'} => $_ }
        @{ ($report{'two.example.net'} or return fail 'there is none')
           ->{policies} };
    is_deeply([sort keys %told], ['mx4.example.net', 'mx5.example.net'],
              'each server has its own, an alias that at its end');
    is($told{'mx5.example.net'}{summary}{'total-failure-session-count'}, 1,
       'of one a failure');
    is($told{'mx4.example.net'}{summary}{'total-successful-session-count'}, 1,
       'of the other a session');
    done_testing;
};

subtest 'a policy that cannot be had' => sub {
    my $report = $report{'nopolicy.example.net'}
        or return fail 'there is none';
    my %told = map { $_->{policy}{'policy-type'} => $_ }
        @{ $report->{policies} };
    is_deeply([sort keys %told], ['no-policy-found', 'sts'], 'two kinds');
    is($told{sts}{'failure-details'}[0]{'result-type'},
       'sts-policy-fetch-error', 'it could not be fetched');
    my $failure = $told{'no-policy-found'}{'failure-details'}[0];
    is($failure->{'result-type'}, 'starttls-not-supported', 'and no TLS');
    is($failure->{'receiving-mx-hostname'}, 'mx3.example.net', 'by whom');
    is($failure->{'receiving-ip'}, '192.0.2.3', 'where');
    like($failure->{'sending-mta-ip'}, qr/^192\.0\.2\./, 'from where');
    is($failure->{'failed-session-count'}, 1, 'once');
    my ($mail) = $server->maildir('bob@example.com')->wait_messages(1);
    like($mail, qr/^Subject: Report Domain: nopolicy\.example\.net$/m,
         'by mail to our own domain too');
    done_testing;
};

subtest 'a report of failure arrives though TLS fails' => sub {
    my ($message) = $other->wait_messages(1);
    ok($message, 'to the host that is not who it should be')
        or return done_testing;
    is_deeply($message->{to}, ['tls@broken.example.net NOTIFY=NEVER'],
              'to whom wants it');
    is($message->{from}, 'postmaster@mx.example.com', 'from us');
    my $content = $message->{content};
    like($content, qr/^TLS-Report-Domain: broken\.example\.net\r$/m, 'header');
    like($content, qr/^TLS-Report-Submitter: mx\.example\.com\r$/m, 'fields');
    like($content, qr{^Content-Type:\ multipart/report;\ report-type="tlsrpt"}mx,
         'its type');
    my ($base64) = $content =~ m{tlsrpt\+gzip.*?\r\n\r\n(.*?)--}s;
    my $gzip = decode_base64($base64 // '');
    my $json;
    gunzip(\$gzip, \$json);
    my $told = decode_json($json)->{policies}[0];
    is_deeply($told->{summary}, { 'total-successful-session-count' => 0,
                                  'total-failure-session-count' => 1 },
              'one failure');
    is($told->{'failure-details'}[0]{'result-type'},
       'certificate-host-mismatch', 'which');
    done_testing;
};

ok(wait_until(60, sub { return !-e $file =~ s/\d+\z/$past/r }),
   'the day is over');
$server->finish;
is_deeply([glob $server->spool . '/queue/tlsrpt/*'], [],
          'sessions that carry reports are in no report');
done_testing;
