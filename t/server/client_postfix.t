# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# Postfix, which half of the world's mail comes from, relays 500 messages of
# varied shape to us: each arrives, byte for byte.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Messages;
use SMTPTest::Postfix;
use SMTPTest::Program;
use SMTPTest::Server;

SMTPTest::Program::need('postfix', root => 1);

my $server = SMTPTest::Server->start_new(
    config => "SMTPMaxMessageSize 100M\nCustomLog logs/mail_log "
        . "\"%>s %{nrcpt}^SM %{proto}^SM\"\n");
my $postfix = SMTPTest::Postfix->start($server->port);
my @messages = SMTPTest::Messages::make(498, 'example.com');
push @messages, SMTPTest::Messages::large(['big1@example.com'], 20_000_000);
push @messages, SMTPTest::Messages::large(['big2@example.com',
                                           'big3@example.com'], 20_000_000);

my $client = $postfix->client;
my @refused = grep { $client->send_message(%{$_})->code ne '250' } @messages;
is(scalar @refused, 0, 'Postfix takes ' . @messages . ' messages');
$client->quit;

# What the user of one mailbox finds, without the field that Postfix puts on
# top.
sub stored
{
    my ($mailbox) = @_;
    my @found = $server->maildir($mailbox)->wait_messages(1, 300);
    return 'messages: ' . @found if @found != 1;
    my $content = SMTPTest::Maildir::content($found[0]);
    $content =~ s/\AReceived: [^\n]*\n(?:[ \t][^\n]*\n)*//
        or return 'no Received field of Postfix';
    return $content;
}

my @faults;
for my $message (@messages) {
    my $expected = SMTPTest::Maildir::stored($message->{message});
    for my $mailbox (@{ $message->{to} }) {
        my $stored = stored($mailbox);
        next if $stored eq $expected;
        push @faults, "$mailbox: " . substr $stored, 0, 300;
        last if $postfix->failures;
    }
    last if @faults > 5;
}
ok(!@faults, 'each mailbox has its message, byte for byte')
    || diag(join "\n", @faults);
my @failures = $postfix->failures;
is(scalar @failures, 0, 'nothing was deferred or returned')
    || diag(@failures[0 .. ($#failures < 5 ? $#failures : 5)]);

subtest 'the envelope is what Postfix said' => sub {
    my ($utf8) = grep { ($_->{mail} // '') eq 'SMTPUTF8' } @messages;
    my ($stored) = $server->maildir($utf8->{to}[0])->messages;
    my $part = SMTPTest::Maildir::parse($stored);
    is($part->{'Return-Path'}, "<$utf8->{from}>", 'a UTF-8 reverse-path');
    like($part->{Received}, qr/ with UTF8SMTP /, 'UTF8SMTP');
    my ($null) = grep { $_->{from} eq '' } @messages;
    ($stored) = $server->maildir($null->{to}[0])->messages;
    is(SMTPTest::Maildir::parse($stored)->{'Return-Path'}, '<>',
       'the null reverse-path');
};

subtest 'many recipients come in one transaction' => sub {
    my @lines = grep { /\A250 50 / }
        split /\n/, $server->read_file('logs/mail_log');
    my $expected = grep { @{ $_->{to} } == 50 } @messages;
    is(scalar @lines, $expected, "$expected transactions of 50 recipients");
};

$postfix->stop;
$server->finish;
done_testing;
