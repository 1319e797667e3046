# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# curl submits by smtp:// with STARTTLS and by smtps://, with each mechanism
# that it and we have in common, and verifies our certificate.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Program;
use SMTPTest::Submission;

my $curl = SMTPTest::Program::need('curl');
my $submission = SMTPTest::Submission->start_new(
    # A wrong password is an error to mod_auth_basic.
    expected => [qr/AH01617: /]);

# curl sends the octets of standard input as they are.
sub send_by_curl
{
    my ($port, $message, @options) = @_;
    my $host = $submission->name . ":$port->{number}";
    return SMTPTest::Program::run(
        $message->{message}, $curl, '--disable', '--silent', '--show-error',
        '--max-time', '60', '--noproxy', '*', '--ssl-reqd',
        '--cacert', $submission->ca,
        '--connect-to', "$host:127.0.0.1:$port->{number}",
        '--mail-from', $submission->login, '--mail-rcpt', $message->{to},
        '--upload-file', '-', @options,
        ($port->{is_implicit} ? 'smtps' : 'smtp') . "://$host/client.test");
}

my @USER = ('--user', $submission->login . ':' . $submission->password);

# Mechanism, options.
my @WAYS = (
    ['PLAIN', @USER, '--login-options', 'AUTH=PLAIN'],
    ['LOGIN', @USER, '--login-options', 'AUTH=LOGIN'],
    ['EXTERNAL', '--user', $submission->login . ':',
     '--login-options', 'AUTH=EXTERNAL',
     '--cert', $submission->client_certificate->certificate,
     '--key', $submission->client_certificate->key],
);
$submission->check_ways(\&send_by_curl, {}, @WAYS);
$submission->check_messages(\&send_by_curl, {}, $WAYS[0]);

# curl's exit codes: 67 login denied, 60 certificate, 55 a refused command.
subtest 'what must fail does' => sub {
    for my $port ($submission->ports) {
        my ($message) = $submission->messages(1);
        my ($status, $said) = send_by_curl(
            $port, $message, '--user', $submission->login . ':guessed');
        is($status, 67, "$port->{name}: a wrong password") || diag($said);
        ($status, $said) = send_by_curl($port, $message);
        is($status, 55, "$port->{name}: nobody logged in") || diag($said);
        like($said, qr/\b530\b/, '... is refused by 530');
        ($status, $said) = send_by_curl($port, $message, @USER, '--cacert',
            $submission->client_certificate->certificate);
        is($status, 60, "$port->{name}: whom curl does not trust")
            || diag($said);
        $submission->check_refused($message, '... nothing came');
    }
};

$submission->finish;
done_testing;
