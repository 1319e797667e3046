# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# Exim, which sends by BDAT where it is offered, delivers messages of varied
# shape: each arrives, byte for byte.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Exim;
use SMTPTest::Messages;
use SMTPTest::Server;

my $server = SMTPTest::Server->new(
    config => "SMTPMaxMessageSize 100M\nLogLevel smtp:debug\n");
my $exim = SMTPTest::Exim->new($server->port);
$server->start;

# Exim takes no EAI mail on its command line.
my @messages = grep { ($_->{mail} // '') ne 'SMTPUTF8' }
    SMTPTest::Messages::make(64, 'example.com');
push @messages, SMTPTest::Messages::large(['big@example.com'], 20_000_000);

my @faults;
for my $message (@messages) {
    my $expected = SMTPTest::Maildir::stored($message->{message});
    my ($status, $said) = $exim->send_message($message->{from},
                                              $message->{to}, $expected);
    push @faults, "message $message->{number}: $said" if $status;
    for my $mailbox (@{ $message->{to} }) {
        my @found = $server->maildir($mailbox)->wait_messages(1);
        my $content = @found == 1
            ? SMTPTest::Maildir::content($found[0]) : '';
        $content =~ s/\AReceived: [^\n]*\n(?:[ \t][^\n]*\n)*//;
        push @faults, "$mailbox: " . substr $content, 0, 300
            if $content ne $expected;
    }
    last if @faults > 3;
}
ok(!@faults, @messages . ' messages, byte for byte') || diag(@faults);
is(scalar(grep { / == | \*\* |error/i } $exim->log), 0,
   'Exim has nothing to complain of') || diag($exim->log);

my $log = $server->log_text;
my $chunks = () = $log =~ /C: BDAT \d+/g;
cmp_ok($chunks, '>=', scalar @messages, "by BDAT: $chunks chunks");
unlike($log, qr/C: DATA/, 'and never by DATA');

$server->finish;
done_testing;
