# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# msmtp submits by STARTTLS and by implicit TLS, verifies our certificate, and
# logs in by each mechanism that it and we have in common.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Program;
use SMTPTest::Submission;

my $msmtp = SMTPTest::Program::need('msmtp');
my $submission = SMTPTest::Submission->start_new(
    # A wrong password is an error to mod_auth_basic.
    expected => [qr/AH01617: /]);

# msmtp's input has LF line ends.
sub send_by_msmtp
{
    my ($port, $message, @options) = @_;
    return SMTPTest::Program::run(
        $message->{message} =~ s/\r\n/\n/gr, $msmtp, '--file=/dev/null',
        '--host=127.0.0.1', "--port=$port->{number}", '--domain=client.test',
        '--tls=on', '--tls-starttls=' . ($port->{is_implicit} ? 'off' : 'on'),
        '--tls-host-override=' . $submission->name,
        '--tls-trust-file=' . $submission->ca,
        '--from=' . $submission->login, '--user=' . $submission->login,
        '--passwordeval=echo ' . $submission->password, @options, '--',
        $message->{to});
}

my @CERTIFICATE = (
    '--tls-cert-file=' . $submission->client_certificate->certificate,
    '--tls-key-file=' . $submission->client_certificate->key);
my @WAYS = (
    ['PLAIN', '--auth=plain'],
    ['LOGIN', '--auth=login'],
    ['SCRAM-SHA-256', '--auth=scram-sha-256'],
    ['EXTERNAL', '--auth=external', @CERTIFICATE],
    ['PLAIN, with a certificate', '--auth=plain', @CERTIFICATE],
);
$submission->check_ways(\&send_by_msmtp, {}, @WAYS);
$submission->check_messages(\&send_by_msmtp, {}, $WAYS[2]);

# Exit codes of sysexits.h: what fails, by what, with what words.
my @FAILURES = (
    ['a wrong password', 77, qr/535 5\.7\.8/,
     '--auth=plain', '--passwordeval=echo guessed'],
    ['a wrong password by SCRAM', 77, qr/535 5\.7\.8/,
     '--auth=scram-sha-256', '--passwordeval=echo guessed'],
    ['nobody logged in', 65, qr/530 5\.7\.0/, '--auth=off'],
    ['another name of the server', 69, qr/certificate/,
     '--auth=plain', '--tls-host-override=mx.example.org'],
);
for my $port ($submission->ports) {
    for my $failure (@FAILURES) {
        my ($name, $expected, $words, @options) = @{$failure};
        my ($message) = $submission->messages(1);
        my ($status, $said) = send_by_msmtp($port, $message, @options);
        is($status, $expected, "$port->{name}, $name: exit status");
        like($said, $words, '... and our reply') || diag($said);
        $submission->check_refused($message, '... nothing came');
    }
}

$submission->finish;
done_testing;
