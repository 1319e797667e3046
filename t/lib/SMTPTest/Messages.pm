# Licensed under the Apache License, Version 2.0; see LICENSE.
package SMTPTest::Messages;

# Messages of varied shape, the same in each run: what mail programs send, and
# what few of them do.

use strict;
use warnings;

# Each kind makes a body and says what else is special. All content is
# UTF-8 or older octets, with CRLF line ends, and has a header section.
my @KINDS = (
    sub { return (body => _text(20)) },
    sub { return (body => _latin1(30), mail => 'BODY=8BITMIME') },
    sub { return (body => "Gr\xc3\xbc\xc3\x9fe \xe2\x82\xac\r\n" x 9,
                  mail => 'BODY=8BITMIME') },
    sub { return (body => ('x' x 998 . "\r\n") x 5) },
    sub { return (body => 'long ' x 1000 . "\r\n" . _text(3)) },
    sub { return (body => ".\r\n..\r\n.a\r\n\r\n.\r\n..\r\n") },
    sub { return (body => _text(2), header => _fields(100)) },
    sub { return (_multipart($_[0], 60_000)) },
    sub { return (body => '') },
    sub { return (body => _text(5), copies => 50) },
    sub { return (body => _text(3), from => '') },
    sub { return (body => _text(3), mail => 'SMTPUTF8',
                  header => "X-Greeting: Gr\xc3\xbc\xc3\x9fe\r\n",
                  from => "j\xc3\xbcrgen\@b\xc3\xbccher.test") },
    sub { return (body => _text(3), from => '"quoted .. name"@client.test') },
    sub { return (body => _text(3), rcpt => 'NOTIFY=FAILURE,DELAY',
                  mail => 'RET=HDRS ENVID=x+2By') },
    sub { return (body => _text(1) . "\r\n" x 50 . "no line after this") },
    sub { return (body => "From here\r\n>From there\r\n\t\r\n \r\n") },
);

# COUNT messages for NUMBER@DOMAIN. Each: to (list), from, mail, rcpt,
# message.
sub make
{
    my ($count, $domain) = @_;
    return map { _message($_, $domain) } 1 .. $count;
}

# A message of OCTETS at least, as people send videos.
sub large
{
    my ($to, $octets) = @_;
    return _complete('large', $to, _multipart(1, $octets));
}

sub _message
{
    my ($number, $domain) = @_;
    my %shape = $KINDS[$number % @KINDS]->($number);
    my @to = map { "m$number-$_\@$domain" } 1 .. $shape{copies} // 1;
    return _complete($number, \@to, %shape);
}

sub _complete
{
    my ($number, $to, %shape) = @_;
    my $body = $shape{body} =~ s/(?<!\r\n)\z/\r\n/r;
    my $header = "From: <sender\@client.test>\r\nTo: undisclosed:;\r\n"
        . "Subject: message $number\r\n"
        . "Message-ID: <$number\@client.test>\r\n"
        . "Date: Mon, 23 Nov 2026 10:00:00 +0000\r\n"
        . ($shape{header} // '');
    return { number => $number, to => $to, mail => $shape{mail},
             rcpt => $shape{rcpt},
             from => $shape{from} // 'sender@client.test',
             message => "$header\r\n$body" };
}

sub _text
{
    my ($lines) = @_;
    return join '', map { "line $_ of a text that somebody wrote\r\n" }
        1 .. $lines;
}

sub _latin1
{
    my ($lines) = @_;
    my $octets = join '', map { chr } 0xa0 .. 0xff;
    return "$octets\r\n" x $lines;
}

sub _fields
{
    my ($count) = @_;
    return join '', map { "X-Field-$_: a body\r\n that is folded $_\r\n" }
        1 .. $count;
}

# Text and an attachment in base64.
sub _multipart
{
    my ($seed, $octets) = @_;
    my $line = join '', map { chr(65 + ($_ * 7 + $seed) % 26) } 1 .. 76;
    my $lines = int($octets / 78) + 1;
    return (header => "MIME-Version: 1.0\r\n"
                . "Content-Type: multipart/mixed; boundary=\"b\"\r\n",
            body => "--b\r\nContent-Type: text/plain\r\n\r\ntext\r\n--b\r\n"
                . "Content-Type: application/octet-stream\r\n"
                . "Content-Transfer-Encoding: base64\r\n\r\n"
                . "$line\r\n" x $lines . "--b--\r\n");
}

1;
