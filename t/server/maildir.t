# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# What a user finds in the Maildir: trace header fields (RFC 5321 4.4), the
# message octet for octet, one copy for each mailbox, nothing half-written,
# nothing outside of the mailbox's folder.
#
# speed: fast
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Server;

my $server = SMTPTest::Server->start_new(config => <<'END');
SMTPMaxErrors 0
END
my $SUBJECT = "Subject: x\r\n\r\nbody\r\n";

# RFC 5322 3.3, as RFC 5321 4.4 wants it: with a numeric zone.
my $DAY = qr/Mon|Tue|Wed|Thu|Fri|Sat|Sun/;
my $MONTH = qr/Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec/;
my $DATE = qr/(?:$DAY), \d{1,2} (?:$MONTH) \d{4} \d\d:\d\d:\d\d [+-]\d{4}/;

sub deliver
{
    my ($client, %arg) = @_;
    my $reply = $client->send_message(message => $SUBJECT, %arg);
    is($reply->code, '250', 'taken') || diag($reply);
    return;
}

# The only message of a mailbox, taken apart.
sub only_message
{
    my ($mailbox) = @_;
    my @messages = $server->maildir($mailbox)->wait_messages(1);
    is(scalar @messages, 1, "one message for $mailbox");
    return SMTPTest::Maildir::parse($messages[0]);
}

subtest 'trace header fields' => sub {
    my $client = $server->ehlo_client;
    deliver($client, from => 'Sender.Case@client.test',
            to => 'trace@EXAMPLE.com');
    my $part = only_message('trace@example.com');
    is($part->{'Return-Path'}, '<Sender.Case@client.test>',
       'Return-Path is the reverse-path as it came');
    is($part->{'Delivered-To'}, 'trace@example.com', 'Delivered-To');
    my $received = $part->{Received};
    like($received, qr/\Afrom client\.test \((?:\S+ )?\[127\.0\.0\.1\]\)/,
         'from: the name of EHLO and the address');
    like($received, qr/ by mx\.example\.com\b/, 'by: ServerName');
    like($received, qr/ with ESMTP /, 'with ESMTP');
    like($received, qr/ id [\w.-]+/, 'id');
    like($received, qr/ for <trace\@EXAMPLE\.com>/i,
         'for: the only recipient');
    like($received, qr/; *$DATE\z/, 'date');
    is($part->{content}, "Subject: x\n\nbody\n", 'and the message');
    $client->quit;
};

subtest 'the lines of the trace header are folded' => sub {
    # RFC 5322 2.1.1: 78 octets SHOULD not be passed.
    my $client = $server->client;
    $client->read_reply;
    $client->command('EHLO ' . 'a' x 60 . '.' . 'b' x 60 . '.test');
    deliver($client, to => 'folded@example.com', from => 'c' x 64
            . '@' . 'd' x 60 . '.test');
    my ($message) = $server->maildir('folded@example.com')->wait_messages(1);
    my ($header) = $message =~ /\A(.*?)^Subject:/ms;
    is(scalar(grep { length > 78 && /\S\s+\S/ && !/\A\s*\S+\s*\S+\z/ }
              split /\n/, $header), 0, 'no line that could be shorter')
        || diag($header);
    is(scalar(grep { length > 998 } split /\n/, $header), 0, '998 never');
    $client->quit;
};

subtest 'the null reverse-path' => sub {
    # RFC 5321 4.4: an empty path.
    my $client = $server->ehlo_client;
    deliver($client, from => '', to => 'null@example.com');
    is(only_message('null@example.com')->{'Return-Path'}, '<>',
       'Return-Path');
    $client->quit;
};

subtest 'HELO is SMTP, SMTPUTF8 is UTF8SMTP' => sub {
    # RFC 3848, RFC 6531 4.3.
    my $client = $server->client;
    $client->read_reply;
    $client->command('HELO old.test');
    $client->command($_) for 'MAIL FROM:<a@client.test>',
        'RCPT TO:<helo@example.com>', 'DATA';
    $client->send_octets("$SUBJECT.\r\n");
    is($client->read_reply->code, '250', 'taken');
    like(only_message('helo@example.com')->{Received},
         qr/\Afrom old\.test .* with SMTP /, 'SMTP');
    $client->command('EHLO client.test');
    deliver($client, to => 'utf@example.com', mail => 'SMTPUTF8');
    like(only_message('utf@example.com')->{Received},
         qr/ with UTF8SMTP /, 'UTF8SMTP');
    $client->quit;
};

subtest 'several recipients do not learn of one another' => sub {
    # RFC 5321 4.4, 7.6: for with more than one would show Bcc.
    my $client = $server->ehlo_client;
    deliver($client, to => [map { "bcc$_\@example.com" } 1 .. 3]);
    my %received;
    for my $n (1 .. 3) {
        my $part = only_message("bcc$n\@example.com");
        is($part->{'Delivered-To'}, "bcc$n\@example.com", 'Delivered-To');
        unlike($part->{Received} . $part->{'Return-Path'},
               qr/ for |bcc/, 'no recipient in the trace');
        $received{ $part->{Received} } = 1;
    }
    is(scalar keys %received, 1, 'one Received field for all');
    $client->quit;
};

subtest 'a recipient who is named twice gets one copy' => sub {
    my $client = $server->ehlo_client;
    deliver($client, to => ['twice@example.com', 'TWICE@example.com',
                            '"twice"@example.com', 'once@example.com']);
    only_message('once@example.com');
    only_message('twice@example.com');
    $client->quit;
};

subtest 'queue ids differ' => sub {
    my $client = $server->ehlo_client;
    deliver($client, to => 'ids@example.com') for 1 .. 20;
    my %ids = map { SMTPTest::Maildir::parse($_)->{Received}
                    =~ / id ([\w.-]+)/ ? ($1 => 1) : () }
        $server->maildir('ids@example.com')->wait_messages(20);
    is(scalar keys %ids, 20, '20 of them');
    $client->quit;
};

subtest 'what the client writes into EHLO cannot break the header' => sub {
    my @hostile = ('x.test)', 'x"y.test', 'a;b', 'x\\', '[127.0.0.1', '()');
    for my $name (@hostile) {
        my $client = $server->client;
        $client->read_reply;
        my $reply = $client->command("EHLO $name");
        next if $reply->code eq '501';
        $server->maildir('hostile@example.com')->clear;
        deliver($client, to => 'hostile@example.com');
        my $part = only_message('hostile@example.com');
        is($part->{content}, "Subject: x\n\nbody\n", "EHLO $name");
        like($part->{Received}, qr/\[127\.0\.0\.1\]/, 'the address is there');
        $client->quit;
    }
    pass('each name was refused or escaped');
};

subtest 'names of mailboxes stay within the domain\'s folder' => sub {
    my $client = $server->ehlo_client;
    my @names = ('"../../escape"', '"a/b"', '".."', '"."', '"/etc/x"',
                 '"a\\\\b"', '"a b"', '"new"', '"-rf"', '".hidden"', '""');
    my @taken;
    for my $name (@names) {
        my $reply = $client->send_message(to => "$name\@example.com",
                                          message => $SUBJECT);
        like($reply->code, qr/\A(?:250|5\d\d)\z/, "$name is settled");
        push @taken, $name if $reply->code eq '250';
    }
    my @outside = grep { -e } map { $server->root . "/$_" }
        qw(escape spool/escape spool/mail/escape spool/mail/new);
    is("@outside", '', 'nothing outside');
    my @found;
    SMTPTest::Wait::wait_until(20, sub {
        @found = glob($server->spool . '/mail/example.com/*/new/*');
        push @found, glob($server->spool . '/mail/example.com/.[!.]*/new/*');
        return @found >= @taken;
    });
    cmp_ok(scalar @found, '>=', scalar @taken, 'and all that were taken are '
           . 'in a Maildir of their own');
    $client->quit;
};

subtest 'files and folders are private' => sub {
    only_message('trace@example.com');
    my $maildir = $server->maildir('trace@example.com');
    my $owner = $> == 0 ? getpwnam('www-data') : $>;
    for my $path ($server->spool, $maildir->path, $maildir->path . '/new',
                  $maildir->files) {
        my ($mode, $uid) = (stat $path)[2, 4];
        is($mode & 0077, 0, 'nobody else may look') || diag($path);
        is($uid, $owner, 'the children\'s user owns it') || diag($path);
    }
    is(scalar $maildir->temporaries, 0, 'nothing is left in tmp');
    like($_, qr{/new/[^/:]+\z}, 'a name without info part in new')
        for $maildir->files;
};

subtest 'octets of all kinds' => sub {
    my $client = $server->ehlo_client;
    my $all = join '', map { chr } grep { $_ != 0 && $_ != 10 && $_ != 13 }
        0 .. 255;
    my %message = (
        'no CRLF in it' => "Subject: x\r\n\r\n" . 'x' x 900 . "\r\n",
        'each octet' => "Subject: x\r\n\r\n$all\r\n",
        'dots' => "Subject: x\r\n\r\n.\r\n..\r\n...\r\n.x\r\n",
        'mbox From' => "Subject: x\r\n\r\nFrom here\r\n>From there\r\n",
        'empty lines' => "\r\n\r\n\r\n",
        'a megabyte' => "Subject: x\r\n\r\n" . ("$all\r\n" x 4096),
    );
    for my $name (sort keys %message) {
        $server->maildir('octets@example.com')->clear;
        deliver($client, to => 'octets@example.com',
                mail => 'BODY=8BITMIME', message => $message{$name});
        my $part = only_message('octets@example.com');
        ok($part->{content} eq SMTPTest::Maildir::stored($message{$name}),
           "$name: as it was sent");
    }
    $client->quit;
};

subtest 'BINARYMIME keeps each octet' => sub {
    # RFC 3030 3: NUL, bare CR and LF, dots, CRLF as they are.
    my $client = $server->ehlo_client;
    my $message = "Subject: x\r\nMIME-Version: 1.0\r\n"
        . "Content-Type: application/octet-stream\r\n"
        . "Content-Transfer-Encoding: binary\r\n\r\n"
        . join('', map { chr } 0 .. 255) . "\n.\n\r\n.\r\n\r\r\n\0";
    for my $cut (0, 1, length($message) - 7, length($message) - 1) {
        $server->maildir('binary@example.com')->clear;
        $client->pipeline('MAIL FROM:<a@client.test> BODY=BINARYMIME',
                          'RCPT TO:<binary@example.com>');
        my ($first, $last) = unpack "a$cut a*", $message;
        $client->send_octets(sprintf "BDAT %d\r\n%sBDAT %d LAST\r\n%s",
                             length $first, $first, length $last, $last);
        is(join(' ', map { $client->read_reply->code } 1 .. 2), '250 250',
           "taken, cut at $cut");
        ok(only_message('binary@example.com')->{content} eq $message,
           'as it was sent');
    }
    $client->quit;
};

# RFC 5321 4.4: what a client sends does not become part of our trace.
subtest 'a first line that is no field stays out of the header' => sub {
    my %messages = (
        blank => "\t(more of Received); Mon, 1 Jan 1990 00:00:00 +0000\r\n",
        plain => "no header at all\r\n",
    );
    for my $name (sort keys %messages) {
        my $client = $server->ehlo_client;
        deliver($client, to => "$name\@example.com",
                message => $messages{$name});
        $client->quit;
        my ($message) = $server->maildir("$name\@example.com")
            ->wait_messages(1);
        (my $stored = $messages{$name}) =~ s/\r//g;
        like($message, qr/\d{4}\n\n\Q$stored\E\z/, "$name: behind an empty line");
    }
};

subtest 'Return-Path is ours alone' => sub {
    # RFC 5321 4.4: one, written at final delivery.
    my $client = $server->ehlo_client;
    deliver($client, to => 'path@example.com', from => 'true@client.test',
            message => "Return-Path: <forged\@client.test>\r\nA: b\r\n"
                . "return-path:\r\n <forged\@client.test>\r\nC: d\r\n\r\n"
                . "Return-Path: in the body\r\n");
    my $part = only_message('path@example.com');
    is($part->{'Return-Path'}, '<true@client.test>', 'the envelope\'s');
    is($part->{content}, "A: b\nC: d\n\nReturn-Path: in the body\n",
       'those that came are gone');
    $client->quit;
};

$server->finish;
done_testing;
