# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# SMTP smuggling (2023: Postfix, sendmail, Exim and others): one message must
# never become two. Each mix of CR, LF and NUL around a dot, in DATA and in
# BDAT, whole and cut into TCP segments at each octet, followed by what would
# be a second transaction if the server took the mix for the end of the data
# (RFC 5321 4.1.1.4: CRLF.CRLF and nothing else).
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Server;

my $SECOND = "MAIL FROM:<smuggler\@client.test>\r\n"
    . "RCPT TO:<smuggled\@example.com>\r\nDATA\r\nSubject: two\r\n\r\nx";
my $BEGIN = "Subject: one\r\n\r\nbody";

# All strings of CR, LF and NUL up to a length.
sub mixes
{
    my ($max) = @_;
    my @all = my @longest = ('');
    for (1 .. $max) {
        @longest = map { my $m = $_; map { $m . $_ } "\r", "\n", "\0" }
            @longest;
        push @all, @longest;
    }
    return @all;
}

# Mixes around a dot, but for those that end the data rightly.
sub dots
{
    my ($max) = @_;
    my @mixes = mixes($max);
    return grep { !/\r\n\.\r\n/ }
        map { my $before = $_; map { "$before.$_" } @mixes } @mixes;
}

sub printable { return $_[0] =~ s/\r/CR/gr =~ s/\n/LF/gr =~ s/\0/NUL/gr }

# Whether only CRLF ends lines in it.
sub is_clean { return $_[0] !~ /\r(?!\n)|(?<!\r)\n|\0/ }

# Sends a command group and takes the replies; 1 if all are 2xx or 3xx.
sub begin
{
    my ($client, @more) = @_;
    my @replies = $client->pipeline('MAIL FROM:<a@client.test>',
                                    'RCPT TO:<one@example.com>', @more);
    return !grep { $_->code !~ /\A[23]/ } @replies;
}

# Sends octets that end one message, then NOOP; judges the replies.
my $accepted = 0;
sub is_one_message
{
    my ($client, $octets, $expected, @offsets) = @_;
    $client->send_split("${octets}NOOP\r\n", @offsets);
    my @replies = ($client->read_reply, $client->read_reply);
    $accepted++ if $replies[0]->code eq '250';
    return "@replies" if $replies[0]->code !~ $expected
        || $replies[1]->code ne '250' || $replies[0]->faults
        || $client->pending ne '';
    return '';
}

# Runs one attempt for each of @$mixes; one test for all.
sub try_all
{
    my ($name, $server, $mixes, $attempt) = @_;
    my @faults;
    my $client = $server->ehlo_client;
    for my $mix (@{$mixes}) {
        my $fault = $attempt->($client, $mix);
        next if $fault eq '';
        push @faults, printable($mix) . ": $fault";
        $client = $server->ehlo_client;
        last if @faults > 20;
    }
    ok(!@faults, $name . ' (' . @{$mixes} . ')') || diag(join "\n", @faults);
    return;
}

sub expected_data
{
    my ($mode, $mix) = @_;
    return qr/\A554\z/ if $mix =~ /\0/;
    return $mode eq 'normalise' || is_clean($BEGIN . $mix . $SECOND)
        ? qr/\A250\z/ : qr/\A554\z/;
}

sub try_mode
{
    my ($mode) = @_;
    my $server = SMTPTest::Server->start_new(config => <<"END");
SMTPBareLF $mode
SMTPMaxErrors 0
SMTPMaxMessages 0
END
    $accepted = 0;
    my $data = sub {
        my ($client, $mix, @offsets) = @_;
        return 'no transaction' if !begin($client, 'DATA');
        return is_one_message($client, "$BEGIN$mix$SECOND\r\n.\r\n",
                              expected_data($mode, $mix), @offsets);
    };
    my $from = length $BEGIN;
    try_all("$mode: DATA", $server, [dots(3)], $data);
    try_all("$mode: DATA, each octet in a segment of its own", $server,
            [dots(2)], sub {
                return $data->(@_, $from .. $from + length($_[1]) + 1) });
    for my $cut (0 .. 5) {
        try_all("$mode: DATA, cut at octet $cut", $server,
                [grep { length >= $cut } dots(2)],
                sub { return $data->(@_, $from + $cut) });
    }
    try_chunks($mode, $server);
    $server->finish;
    is($server->maildir('smuggled@example.com')->count, 0,
       "$mode: nothing was smuggled");
    is($server->maildir('one@example.com')->count, $accepted,
       "$mode: one message for each 250");
    return;
}

# BDAT: not even CRLF.CRLF ends it.
sub try_chunks
{
    my ($mode, $server) = @_;
    my @mixes = (dots(2), "\r\n.\r\n", "\r\n..\r\n");
    try_all("$mode: BDAT", $server, \@mixes, sub {
        my ($client, $mix) = @_;
        my $octets = "$BEGIN$mix$SECOND\r\n.\r\n";
        return 'no transaction' if !begin($client);
        return is_one_message($client, sprintf("BDAT %d LAST\r\n%s",
                                               length $octets, $octets),
                              expected_data($mode, $mix));
    });
    my $client = $server->ehlo_client;
    my @faults;
    my $octets = "$BEGIN\r\n.\r\n$SECOND\r\n.\r\n";
    for my $cut (1 .. length($octets) - 1) {
        begin($client) or push @faults, "$cut: no transaction";
        my @parts = unpack "a$cut a*", $octets;
        my $fault = is_two_chunks($client, @parts);
        push @faults, "$cut: $fault" if $fault ne '';
        last if @faults;
    }
    ok(!@faults, "$mode: BDAT, two chunks cut at each octet")
        || diag(@faults);
    return;
}

sub is_two_chunks
{
    my ($client, @parts) = @_;
    $client->send_octets(sprintf "BDAT %d\r\n%s", length $parts[0],
                         $parts[0]);
    my $reply = $client->read_reply;
    return "$reply" if $reply->code ne '250';
    return is_one_message($client, sprintf("BDAT %d LAST\r\n%s",
                                           length $parts[1], $parts[1]),
                          qr/\A250\z/);
}

try_mode($_) for qw(reject normalise);
done_testing;
