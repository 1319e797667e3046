# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# An Exim that hands all its mail to us as its smarthost: by STARTTLS and
# implicit TLS, logged in by PLAIN. Each message arrives, octet for octet.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Exim;
use SMTPTest::Submission;

my $submission = SMTPTest::Submission->start_new;

# Exim puts this on top.
my $RECEIVED = qr/Received: [^\n]*\n(?:[ \t][^\n]*\n)*/;

my %exim = map { $_->{name} => SMTPTest::Exim->new(
    $_->{number}, submission => { ca => $submission->ca,
                                  login => $submission->login,
                                  password => $submission->password,
                                  is_implicit => $_->{is_implicit} })
} $submission->ports;

sub send_by_exim
{
    my ($port, $message) = @_;
    return $exim{ $port->{name} }->send_message(
        $submission->login, [$message->{to}],
        SMTPTest::Maildir::stored($message->{message}));
}

my $expected = { above => $RECEIVED };
$submission->check_ways(\&send_by_exim, $expected, ['PLAIN']);
$submission->check_messages(\&send_by_exim, $expected, ['PLAIN']);
for my $port ($submission->ports) {
    my @log = $exim{ $port->{name} }->log;
    is(scalar(grep { / == | \*\* |error/i } @log), 0,
       "$port->{name}: Exim has nothing to complain of") || diag(@log);
    ok(scalar(grep { / A=plain / && / CV=yes / } @log),
       '... it logged in, to a server that it trusts') || diag(@log);
}

$submission->finish;
done_testing;
