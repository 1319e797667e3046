# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# swaks, with which administrators try a mail server, submits by STARTTLS and
# by implicit TLS, verifies our certificate, and logs in.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Program;
use SMTPTest::Submission;

my $swaks = SMTPTest::Program::need('swaks');
my $submission = SMTPTest::Submission->start_new(
    # A wrong password is an error to mod_auth_basic.
    expected => [qr/AH01617: /]);

# What swaks reads from standard input has LF line ends.
sub send_by_swaks
{
    my ($port, $message, @options) = @_;
    return SMTPTest::Program::run(
        $message->{message} =~ s/\r\n/\n/gr, $swaks, '--server', '127.0.0.1',
        '--port', $port->{number}, '--ehlo', 'client.test',
        ($port->{is_implicit} ? '--tls-on-connect' : '--tls'),
        '--tls-verify', '--tls-ca-path', $submission->ca,
        '--from', $submission->login, '--to', $message->{to},
        '--auth-user', $submission->login,
        '--auth-password', $submission->password, @options, '--data', '-');
}

my @CERTIFICATE = (
    '--tls-cert', $submission->client_certificate->certificate,
    '--tls-key', $submission->client_certificate->key);
my @WAYS = (
    ['PLAIN', '--auth', 'PLAIN'],
    ['LOGIN', '--auth', 'LOGIN'],
    ['PLAIN, with a certificate', '--auth', 'PLAIN', @CERTIFICATE],
    ['PLAIN, pipelined', '--auth', 'PLAIN', '--pipeline'],
    ['PLAIN, TLS 1.2', '--auth', 'PLAIN', '--tls-protocol', 'tlsv1_2'],
    ['PLAIN, with SNI', '--auth', 'PLAIN', '--tls-sni', $submission->name],
);
# swaks puts an empty line at the end.
my $QUIRK = { below => qr/\n/ };
$submission->check_ways(\&send_by_swaks, $QUIRK, @WAYS);
$submission->check_messages(\&send_by_swaks, $QUIRK, $WAYS[0]);

# swaks' exit codes: 28 AUTH, 23 MAIL, 29 TLS.
my @FAILURES = (
    ['a wrong password', 28, qr/535 5\.7\.8/, '--auth', 'PLAIN',
     '--auth-password', 'guessed'],
    ['a mechanism that we have not', 28, qr/AUTH/, '--auth', 'CRAM-MD5'],
    ['an old TLS', 29, qr/TLS/, '--auth', 'PLAIN',
     '--tls-protocol', 'tlsv1_1', '--tls-cipher', 'DEFAULT@SECLEVEL=0'],
);
for my $port ($submission->ports) {
    for my $failure (@FAILURES) {
        my ($name, $expected, $words, @options) = @{$failure};
        my ($message) = $submission->messages(1);
        my ($status, $said) = send_by_swaks($port, $message, @options);
        is($status, $expected, "$port->{name}, $name: exit status");
        like($said, $words, '... and our words') || diag($said);
        $submission->check_refused($message, '... nothing came');
    }
}

subtest 'in plain text nobody sends or logs in' => sub {
    for my $port (grep { !$_->{is_implicit} } $submission->ports) {
        my @plain = ($swaks, '--server', '127.0.0.1', '--port',
                     $port->{number}, '--to', $submission->mailbox,
                     '--from', $submission->login);
        my ($status, $said) = SMTPTest::Program::run('', @plain);
        is($status, 23, "$port->{name}: MAIL") || diag($said);
        like($said, qr/530 5\.7\.0/, '... is refused by 530');
        ($status, $said) = SMTPTest::Program::run('', @plain, '--auth',
            '--auth-user', $submission->login, '--auth-password', 'x');
        is($status, 28, '... and AUTH is not offered') || diag($said);
    }
};

$submission->finish;
done_testing;
