# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# A Postfix that may not send to the world itself hands all its mail to us as
# its smarthost (smtp_sasl_auth_enable): by STARTTLS and implicit TLS, by PLAIN
# and by SCRAM. Each message arrives, octet for octet.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Postfix;
use SMTPTest::Program;
use SMTPTest::Submission;
use SMTPTest::Wait qw(wait_until);

SMTPTest::Program::need('postfix', root => 1);
my ($status) = SMTPTest::Program::run('', 'dpkg-query', '-W',
                                      'libsasl2-modules');
SMTPTest::Program::skip_test('libsasl2-modules is not installed') if $status;

my $submission = SMTPTest::Submission->start_new(
    # A wrong password is an error to mod_auth_basic.
    expected => [qr/AH01617: /]);

# A Postfix whose smarthost is that port.
sub start_postfix
{
    my ($port, $mechanism, $password) = @_;
    return SMTPTest::Postfix->start($port->{number},
        'smtp_sasl_auth_enable = yes',
        'smtp_sasl_password_maps = inline:{ {[127.0.0.1]:'
            . "$port->{number} = " . $submission->login . ":$password} }",
        'smtp_sasl_security_options = noanonymous',
        "smtp_sasl_mechanism_filter = $mechanism",
        'smtp_tls_security_level = secure',
        'smtp_tls_CAfile = ' . $submission->ca,
        'smtp_tls_secure_cert_match = ' . $submission->name,
        'smtp_tls_wrappermode = ' . ($port->{is_implicit} ? 'yes' : 'no'));
}

# Postfix puts this on top.
my $RECEIVED = qr/Received: [^\n]*\n(?:[ \t][^\n]*\n)*/;

my ($plain, $implicit, $other) = $submission->ports;
my @WAYS = (
    [$plain, 'PLAIN'], [$plain, 'SCRAM-SHA-256'], [$plain, 'LOGIN'],
    [$implicit, 'PLAIN'], [$implicit, 'SCRAM-SHA-256'],
    [$other, 'SCRAM-SHA-256'],
);
for my $way (@WAYS) {
    my ($port, $mechanism) = @{$way};
    subtest "$port->{name}, $mechanism" => sub {
        my $postfix = start_postfix($port, $mechanism, $submission->password);
        my @messages = $submission->messages(13);
        my $client = $postfix->client;
        my @refused = grep { $client->send_message(
            from => $submission->login, %{$_})->code ne '250' } @messages;
        is(scalar @refused, 0, 'Postfix takes ' . @messages . ' messages');
        $client->quit;
        $submission->check_arrived(%{$_}, mechanism => $mechanism,
                                   above => $RECEIVED) for @messages;
        my @failures = $postfix->failures;
        is(scalar @failures, 0, 'nothing was deferred or returned')
            || diag(@failures);
        $postfix->stop;
    };
}

subtest 'with a wrong password mail waits in its queue' => sub {
    my $postfix = start_postfix($plain, 'PLAIN', 'guessed');
    my ($message) = $submission->messages(1);
    my $client = $postfix->client;
    is($client->send_message(from => $submission->login,
                             %{$message})->code, '250', 'Postfix takes it');
    $client->quit;
    my ($line) = wait_until(30, sub { ($postfix->failures)[0] });
    like($line // '', qr/status=deferred .*535 5\.7\.8/, 'it is deferred')
        || diag($postfix->log);
    $submission->check_refused($message, 'nothing came');
    $postfix->stop;
};

$submission->finish;
done_testing;
