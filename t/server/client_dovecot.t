# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# Dovecot serves our Maildirs by IMAP: what users read is what was sent.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Dovecot;
use SMTPTest::Messages;
use SMTPTest::Program;
use SMTPTest::Server;

SMTPTest::Program::need('dovecot', root => 1);

my $server = SMTPTest::Server->start_new;
my @sent = map { $_->{message} } SMTPTest::Messages::make(48, 'example.com');
my $client = $server->ehlo_client;
for my $message (@sent) {
    my $reply = $client->send_message(to => ['bob@example.com',
                                             'alice@example.com'],
                                      message => $message);
    die "$reply\n" if $reply->code ne '250';
}
$server->maildir($_)->wait_messages(scalar @sent)
    for 'bob@example.com', 'alice@example.com';
my $dovecot = SMTPTest::Dovecot->start($server->spool);

for my $user ('bob@example.com', 'alice@example.com') {
    subtest $user => sub {
        my @read = $dovecot->messages($user);
        is(scalar @read, scalar @sent, 'all messages are there');
        my %sent = map { $_ => 1 } @sent;
        my @unknown = grep { !$sent{ without_trace($_) } } @read;
        is(scalar @unknown, 0, 'each as it was sent')
            || diag(substr $unknown[0], 0, 500);
    };
}

sub without_trace
{
    my ($message) = @_;
    return SMTPTest::Maildir::content($message =~ s/\r\n/\n/gr)
        =~ s/\n/\r\n/gr;
}

is(scalar(grep { /Error|Panic|Corrupt/i } $dovecot->log), 0,
   'Dovecot has nothing to complain of') || diag($dovecot->log);

subtest 'mail that comes while it is read' => sub {
    is($client->send_message(to => 'bob@example.com',
                             message => "Subject: new\r\n\r\n")->code,
       '250', 'taken');
    $server->maildir('bob@example.com')->wait_messages(@sent + 1);
    is(scalar $dovecot->messages('bob@example.com'), @sent + 1, 'is seen');
};

$client->quit;
$dovecot->stop;
$server->finish;
done_testing;
