# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# TLS cuts what is said into records, TCP cuts the records: whatever stands in
# one segment, and whatever of it OpenSSL already holds while the socket has
# no more, each command is answered and each message arrives as it was sent.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Server;

my $server = SMTPTest::Server->start_new(
    tls => 1, config => "SMTPMaxConnections 0\nSMTPMaxErrors 0\n");
my $maildir = $server->maildir('bob@example.com');

sub tls_client
{
    my ($version) = @_;
    my $client = $server->ehlo_client;
    $client->starttls(version => $version);
    $client->command('EHLO client.test')->code eq '250' or die 'no EHLO';
    return $client;
}

# A record for each piece, all of them as octets of the wire.
sub records
{
    my ($client, @pieces) = @_;
    $client->tls->write($_) for @pieces;
    return $client->tls->drain;
}

sub codes
{
    my ($client, $count) = @_;
    return join ' ', map { $client->read_reply->code } 1 .. $count;
}

my $BODY = join '', map { "line $_ of some text\r\n" } 1 .. 20;
my @BEGIN = ("MAIL FROM:<a\@client.test>\r\n", "RCPT TO:<bob\@example.com>\r\n",
             "DATA\r\n");
my $BEGIN_CODES = '250 250 354';

# One message, its content split by the caller into pieces to be sent.
sub check_message
{
    my ($client, $name, $send) = @_;
    $maildir->clear;
    $send->($client, "Subject: x\r\n\r\n$BODY.\r\n");
    is($client->read_reply->code, '250', "$name: taken");
    my ($message) = $maildir->wait_messages(1);
    is(SMTPTest::Maildir::content($message // ''),
       "Subject: x\r\n\r\n$BODY" =~ s/\r\n/\n/gr, "$name: as it was sent");
    return;
}

for my $version ('TLSv1.2', 'TLSv1.3') {
    subtest "$version: many records in one segment" => sub {
        my $client = tls_client($version);
        $client->send_raw(records($client, ("NOOP\r\n") x 100));
        is(codes($client, 100), join(' ', ('250') x 100), '100 commands');
        $client->send_raw(records($client, split //, "NOOP\r\n" x 20));
        is(codes($client, 20), join(' ', ('250') x 20), 'an octet a record');
        $client->send_raw(records($client, @BEGIN));
        is(codes($client, 3), $BEGIN_CODES, 'a transaction');
        check_message($client, 'content, an octet a record', sub {
            $_[0]->send_raw(records($_[0], split //, $_[1])) });
        $client->quit;
    };

    subtest "$version: one record, much to do" => sub {
        my $client = tls_client($version);
        $client->send_octets("NOOP\r\n" x 2700);
        is(codes($client, 2700), join(' ', ('250') x 2700),
           'as many commands as a record holds');
        $maildir->clear;
        my $message = "Subject: x\r\n\r\n$BODY";
        $client->send_octets(join '', (@BEGIN[0, 1],
            'BDAT ' . length($message) . " LAST\r\n$message") x 10);
        is(codes($client, 30), join(' ', ('250') x 30), 'ten messages');
        is(scalar $maildir->wait_messages(10), 10, 'arrive');
        $client->quit;
    };

    # A record's octets but for the last: nothing of it can be read.
    subtest "$version: a record cut at each octet" => sub {
        my $client = tls_client($version);
        my $length = length records($client, "NOOP\r\n");
        $client = tls_client($version);
        for my $offset (1 .. $length - 1) {
            $client->send_raw_split(records($client, "NOOP\r\n"), $offset);
            is($client->read_reply->code, '250', "cut at $offset");
        }
        $client->quit;
    };

    subtest "$version: two records, cut at each octet of both" => sub {
        my $client = tls_client($version);
        my $length = length records($client, 'NO', "OP\r\n");
        $client = tls_client($version);
        for my $offset (1 .. $length - 1) {
            $client->send_raw_split(records($client, 'NO', "OP\r\n"), $offset);
            is($client->read_reply->code, '250', "cut at $offset");
        }
        $client->quit;
    };

    subtest "$version: the end of the data in records of its own" => sub {
        my $client = tls_client($version);
        for my $cut (1 .. 6) {
            is(join(' ', map { $_->code } $client->pipeline(
                map { s/\r\n//r } @BEGIN)), $BEGIN_CODES, 'DATA');
            check_message($client, "the last $cut octets", sub {
                $_[0]->send_split($_[1], length($_[1]) - $cut) });
        }
        $client->quit;
    };
}

$server->finish;
done_testing;
