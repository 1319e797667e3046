# Licensed under the Apache License, Version 2.0; see LICENSE.
package SMTPTest::Relay;

# Mail on its whole way: a client, our relay, another mail server, and a server
# of ours again, in whose Maildirs each message must be as it was sent.

use strict;
use warnings;

use Test::More;

use SMTPTest::Maildir;
use SMTPTest::Messages;
use SMTPTest::Server;

my $DOMAIN = 'relayed.test';

# SMTPTest::Relay->new(): the server at the end of the way. Its log has the
# commands of its clients.
sub new
{
    my ($class) = @_;
    my $last = SMTPTest::Server->start_new(
        global => 'LogLevel smtp:debug',
        config => "SMTPMaxMessageSize 100M\n<SMTPDomain $DOMAIN>\n"
            . "SMTPRecipients any\n</SMTPDomain>");
    return bless { last => $last }, $class;
}

# Where the other server sends mail on to.
sub port { return $_[0]{last}->port }

sub last_server { return $_[0]{last} }

# Our relay, before the other server, which listens on PORT.
sub start
{
    my ($self, $port, @config) = @_;
    $self->{first} = SMTPTest::Server->start_new(
        queue => 1,
        config => join "\n", '<SMTPRelay>', 'Require ip 127.0.0.1',
            '</SMTPRelay>', "SMTPRoute smtp:127.0.0.1:$port",
            'SMTPMaxMessageSize 100M', 'SMTPRetry 1s', @config);
    return $self->{first};
}

# Sends COUNT messages of varied shape and a large one; each arrives once, byte
# for byte. HOPS Received fields are on top.
#   is_meant  says of a message whether the other server can take it at all
#   client    SMTPTest::Client of who gets them first, in place of our relay
sub check
{
    my ($self, $count, $hops, %arg) = @_;
    my $is_meant = $arg{is_meant};
    my @messages = (grep { !$is_meant || $is_meant->($_) }
                    SMTPTest::Messages::make($count, $DOMAIN),
                    SMTPTest::Messages::large(["big\@$DOMAIN"], 5_000_000));
    my $client = $arg{client} // $self->{first}->ehlo_client;
    my @refused = map { $_->code eq '250' ? () : "$_" }
                  map { $client->send_message(%{$_}) } @messages;
    is_deeply(\@refused, [], @messages . ' messages are taken');
    $client->quit;
    my @faults;
    for my $message (@messages) {
        my $expected = SMTPTest::Maildir::stored($message->{message});
        for my $mailbox (@{ $message->{to} }) {
            my $stored = $self->_stored($mailbox, $hops);
            push @faults, "$mailbox: " . substr $stored, 0, 300
                if $stored ne $expected;
            last if @faults > 5;
        }
    }
    is_deeply(\@faults, [], 'each mailbox has its message, byte for byte');
    $_->finish for @{$self}{qw(first last)};
    return;
}

# What the user of one mailbox finds, without what the relays put on top.
sub _stored
{
    my ($self, $mailbox, $hops) = @_;
    my @found = $self->{last}->maildir($mailbox)->wait_messages(1, 300);
    return 'messages: ' . @found if @found != 1;
    my $content = SMTPTest::Maildir::content($found[0]);
    for (1 .. $hops) {
        $content =~ s/\AReceived: [^\n]*\n(?:[ \t][^\n]*\n)*//
            or return 'too few Received fields';
    }
    return $content;
}

1;
