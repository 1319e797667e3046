# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# nodemailer, by which programs of Node.js send, submits by STARTTLS and by
# implicit TLS, verifies our certificate, and logs in.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Program;
use SMTPTest::Submission;

my $node = SMTPTest::Program::need('node');
my $LIBRARY = '/usr/share/nodejs/nodemailer';
SMTPTest::Program::skip_test('node-nodemailer is not installed')
    if !-d $LIBRARY;
my $submission = SMTPTest::Submission->start_new(
    # A wrong password is an error to mod_auth_basic.
    expected => [qr/AH01617: /]);

# A message, octets from standard input, and what became of it. Options, as
# JSON, go over those of the transport.
my $PROGRAM = <<'END';
const fs = require('fs');
const nodemailer = require(process.argv[1]);
const [port, secure, ca, name, user, pass, to, options] =
    process.argv.slice(2);
const transport = nodemailer.createTransport(Object.assign({
    host: '127.0.0.1', port: Number(port), secure: secure === '1',
    requireTLS: true, name: 'client.test',
    tls: { ca: fs.readFileSync(ca), servername: name },
    auth: { user, pass },
}, JSON.parse(options)));
transport.sendMail({
    envelope: { from: user, to: [to] }, raw: fs.readFileSync(0),
}).then(() => 0, error => {
    console.log(error.code, error.responseCode);
    return 1;
}).then(status => {
    transport.close();
    process.exitCode = status;
});
END

sub send_by_nodemailer
{
    my ($port, $message, $options) = @_;
    return SMTPTest::Program::run(
        $message->{message}, $node, '-e', $PROGRAM, '--', $LIBRARY,
        $port->{number}, $port->{is_implicit} ? 1 : 0, $submission->ca,
        $submission->name, $submission->login, $submission->password,
        $message->{to}, $options // '{}');
}

$submission->check_ways(\&send_by_nodemailer, {},
    ['PLAIN', '{"authMethod":"PLAIN"}'],
    ['LOGIN', '{"authMethod":"LOGIN"}'],
    ['PLAIN, the default'],
    ['PLAIN, from a pool', '{"pool":true}']);
$submission->check_messages(\&send_by_nodemailer, {}, ['PLAIN']);

my @FAILURES = (
    ['a wrong password', qr/^EAUTH 535$/m,
     '{"auth":{"user":"bob@example.com","pass":"guessed"}}'],
    ['nobody logged in', qr/^EENVELOPE 530$/m, '{"auth":null}'],
    ['another name of the server', qr/^ESOCKET /m,
     '{"tls":{"servername":"mx.example.org"}}'],
);
for my $port ($submission->ports) {
    for my $failure (@FAILURES) {
        my ($name, $words, $options) = @{$failure};
        my ($message) = $submission->messages(1);
        my ($status, $said) = send_by_nodemailer($port, $message, $options);
        is($status, 1, "$port->{name}, $name: no mail goes");
        like($said, $words, '... for our reason') || diag($said);
        $submission->check_refused($message, '... and none comes');
    }
}

$submission->finish;
done_testing;
