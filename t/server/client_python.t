# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# Python's smtplib, by which very many programs send: STARTTLS, implicit TLS,
# each mechanism that it and we have in common, messages of octets and of
# email.message, internationalised addresses.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Program;
use SMTPTest::Submission;

my $python = SMTPTest::Program::need('python3');
my $submission = SMTPTest::Submission->start_new(
    # A wrong password is an error to mod_auth_basic.
    expected => [qr/AH01617: /]);

# How to connect, and to log in. "localhost" stands in the certificate.
my $COMMON = <<'END';
import email.message, email.policy, smtplib, ssl, sys

port, implicit, ca, login, password, recipient, *rest = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)

def connect():
    if implicit == "1":
        return smtplib.SMTP_SSL("localhost", port, "client.test",
                                context=context, timeout=60)
    client = smtplib.SMTP("localhost", port, "client.test", timeout=60)
    client.starttls(context=context)
    return client

def authenticate(client, mechanism):
    client.user, client.password = login, password
    client.ehlo()
    client.auth(mechanism,
                getattr(client, "auth_" + mechanism.lower()))
END

# Octets from standard input, by sendmail(). Without a mechanism smtplib takes
# what it likes best.
my $SENDMAIL = $COMMON . <<'END';
with connect() as client:
    if rest:
        authenticate(client, rest[0])
    else:
        client.login(login, password)
    client.sendmail(login, [recipient], sys.stdin.buffer.read(),
                    ["BODY=8BITMIME"])
END

# A message of email.message to an internationalised address; standard output
# is its octets.
my $SEND_MESSAGE = $COMMON . <<'END';
message = email.message.EmailMessage()
message["From"] = login
message["To"] = recipient
message["Subject"] = "Gr\u00fc\u00dfe"
message["Date"] = "Mon, 23 Nov 2026 10:00:00 +0000"
message["Message-ID"] = "<utf8@client.test>"
message.set_content("Gr\u00fc\u00dfe, \u20ac 5\n", cte="8bit")
with connect() as client:
    client.login(login, password)
    client.send_message(message)
sys.stdout.buffer.write(message.as_bytes(policy=email.policy.SMTPUTF8))
END

# What is refused by which reply: the class of smtplib's exception, the code.
my $REFUSED = $COMMON . <<'END';
try:
    with connect() as client:
        if password:
            client.login(login, password)
        client.sendmail(login, [recipient], "Subject: x\r\n\r\nx\r\n")
except smtplib.SMTPResponseException as error:
    print(type(error).__name__, error.smtp_code)
END

sub run_python
{
    my ($program, $port, $message, $password, @rest) = @_;
    return SMTPTest::Program::run(
        $message->{message}, $python, '-c', $program, $port->{number},
        $port->{is_implicit} ? 1 : 0, $submission->ca, $submission->login,
        $password, $message->{to}, @rest);
}

sub send_by_python
{
    my ($port, $message, @mechanism) = @_;
    return run_python($SENDMAIL, $port, $message, $submission->password,
                      @mechanism);
}

$submission->check_ways(\&send_by_python, {},
                        ['PLAIN', 'PLAIN'], ['LOGIN', 'LOGIN'],
                        ['PLAIN, the default']);
$submission->check_messages(\&send_by_python, {}, ['PLAIN']);

for my $port ($submission->ports) {
    subtest "$port->{name}: send_message with SMTPUTF8" => sub {
        my $message = { to => "j\xc3\xbcrgen-$port->{name}\@example.com",
                        message => '' };
        my ($status, $said) = run_python($SEND_MESSAGE, $port, $message,
                                         $submission->password);
        is($status, 0, 'sent') || diag($said);
        like($said, qr/^Subject: Gr\xc3\xbc/m, 'in UTF-8');
        $submission->check_arrived(to => $message->{to}, message => $said,
                                   mechanism => 'PLAIN',
                                   proto => 'UTF8SMTPSA');
    };
    subtest "$port->{name}: what must fail does" => sub {
        my ($message) = $submission->messages(1);
        my ($status, $said) = run_python($REFUSED, $port, $message,
                                         'guessed');
        is($said, "SMTPAuthenticationError 535\n", 'a wrong password');
        ($status, $said) = run_python($REFUSED, $port, $message, '');
        is($said, "SMTPSenderRefused 530\n", 'nobody logged in');
        $submission->check_refused($message, '... nothing came');
    };
}

$submission->finish;
done_testing;
