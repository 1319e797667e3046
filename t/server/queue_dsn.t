# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# Whoever sent mail hears what became of it, once, in a form that people and
# programs read (RFC 3461, 3464, 6533), and as far as he wants to; nobody hears
# of a lost DSN.
use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Certificate;
use SMTPTest::Maildir;
use SMTPTest::NextHop;
use SMTPTest::Server;
use SMTPTest::Wait qw(wait_until);

my $folder = tempdir(CLEANUP => 1);
my %hop = (
    known => SMTPTest::NextHop->start_new(directory => "$folder/known"),
    # A server without DSN, and one without SMTPUTF8.
    plain => SMTPTest::NextHop->start_new(
        directory => "$folder/plain",
        extensions => [qw(PIPELINING 8BITMIME ENHANCEDSTATUSCODES)]),
    lmtp => SMTPTest::NextHop->start_new(
        directory => "$folder/lmtp", lmtp => 1,
        extensions => [qw(PIPELINING 8BITMIME ENHANCEDSTATUSCODES)]),
);
my $ROUTES = join "\n", '<SMTPRelay>', 'Require ip 127.0.0.1',
    '</SMTPRelay>', 'SMTPRoute smtp:127.0.0.1:' . $hop{known}->port,
    '<SMTPDestination plain.test>',
    'SMTPRoute smtp:127.0.0.1:' . $hop{plain}->port, '</SMTPDestination>',
    '<SMTPDomain lmtp.test>', 'SMTPRecipients list:one,two',
    'SMTPAlias both one two', 'SMTPDeliver lmtp:127.0.0.1:'
        . $hop{lmtp}->port, '</SMTPDomain>', 'SMTPRetry 1s';
my $server = SMTPTest::Server->start_new(
    queue => 1, global => 'LogLevel smtp_queue:info',
    config => "$ROUTES\nSMTPDelayWarning 1s\nSMTPDSNMaxSize 10K\n"
        . 'CustomLog logs/mail "%{id}^SM %{from}^SM %{to}^SM %{reply}^SM"');
my $sender = $server->maildir('bob@example.com');
my $HEADER = "From: bob\@example.com\r\nSubject: a question\r\n";
my $BODY = "The body.\r\n";

sub send_mail
{
    my ($to, %arg) = @_;
    my $on = delete $arg{server} // $server;
    my $client = $on->ehlo_client;
    my $reply = $client->send_message(from => 'bob@example.com', to => $to,
                                      message => "$HEADER\r\n$BODY", %arg);
    is($reply->code, '250', 'accepted') or diag("$reply");
    $client->quit;
    return;
}

# The one DSN that is in a mailbox by now.
sub report
{
    my ($maildir) = @_;
    $maildir //= $sender;
    my @reports = $maildir->wait_messages(1);
    is(scalar @reports, 1, 'one DSN');
    $maildir->clear;
    return $reports[0] // '';
}

# All mail has left, or was given up.
sub is_empty
{
    my ($on) = @_;
    return wait_until(60, sub {
        return !glob(($on // $server)->spool . '/queue/??/*');
    });
}

# A mail that fails after all before it is reported: what was not told by then
# never is.
sub nothing_was_told
{
    my ($why) = @_;
    $hop{known}->say('rcpt last' => '550 5.1.1 The last');
    send_mail('last@elsewhere.test');
    like(report(), qr/^Final-Recipient: rfc822; last\@/m, $why);
    $hop{known}->say('rcpt last' => undef);
    return;
}

sub fields
{
    my ($report) = @_;
    my ($part) = $report =~ m{^Content-Type:[ ]message/
                              (?:global-)?delivery-status\n(.*?)^--}xms;
    my @groups = map { { /^([\w-]+):\s*(.*(?:\n[ \t].*)*)/mg } }
        split /\n\n+/, ($part // '') =~ s/\A(?:\S.*\n)*\n//r;
    return @groups;
}

subtest 'what failed is told of, and comes back' => sub {
    $hop{known}->say('rcpt no' => '550 5.1.1 Never heard of',
                     'rcpt neither' => "550-5.7.1 You\n550 5.7.1 again");
    send_mail(['no@elsewhere.test', 'neither@elsewhere.test',
               'yes@elsewhere.test'], mail => 'ENVID=QQ+2B1');
    my $report = report();
    my ($message, @recipients) = fields($report);
    is($message->{'Original-Envelope-Id'}, 'QQ+1', 'ENVID');
    is($message->{'Reporting-MTA'}, 'dns; mx.example.com', 'Reporting-MTA');
    is_deeply([map { "$_->{'Final-Recipient'} $_->{Action} $_->{Status} "
                         . $_->{'Diagnostic-Code'} } @recipients],
              ['rfc822; no@elsewhere.test failed 5.1.1 '
                   . 'smtp; 550 5.1.1 Never heard of',
               'rfc822; neither@elsewhere.test failed 5.7.1 '
                   . 'smtp; 550 5.7.1 You again'], 'both in one');
    is($recipients[0]{'Remote-MTA'}, 'dns; 127.0.0.1', 'the next hop');
    like($report, qr/^Return-Path: <>$/m, 'null reverse-path (RFC 3461 6.1)');
    like($report, qr/^Auto-Submitted: auto-replied$/m, 'RFC 3834');
    like($report, qr{^Content-Type:[ ]message/rfc822\n\n
                     Received:.*^Subject:[ ]a[ ]question\n\n
                     The[ ]body\.$}xms, 'with the whole mail');
    ok($server->wait_file(
        'logs/mail', qr/^[0-9a-f]{21} <> <bob\@example\.com> 250 2\.0\.0$/),
       'CustomLog has a line of it');
};

subtest 'no more comes back than shall' => sub {
    my $large = ('x' x 98 . "\r\n") x 110;
    for my $row (['of larger mail', message => "$HEADER\r\n$large"],
                 ['of RET=HDRS', mail => 'RET=HDRS'],
                 ['of a larger one, whatever RET says', mail => 'RET=FULL',
                  message => "$HEADER\r\n$large"]) {
        my ($why, @arg) = @{$row};
        send_mail('no@elsewhere.test', @arg);
        my $report = report();
        like($report, qr{^Content-Type:[ ]text/rfc822-headers\n\n
                         Received:.*^Subject:[ ]a[ ]question\n\n--}xms,
             "$why the header section");
        unlike($report, qr/The body|xxx/, 'nothing else');
    }
    send_mail('no@elsewhere.test', mail => 'BODY=8BITMIME',
              message => "$HEADER\r\n\xC3\xBC\r\n");
    like(report(), qr{message/rfc822\nContent-Transfer-Encoding:[ ]8bit\n\n
                      .*^\xC3\xBC$}xms, 'eight bits as they were');
};

subtest 'each who waits is told of once' => sub {
    $hop{known}->say('rcpt late' => '451 4.3.2 Not now',
                     'rcpt never' => '451 4.3.2 Not now');
    $hop{plain}->say('rcpt later' => '451 4.3.2 Not now');
    my $client = $server->ehlo_client;
    $client->command('MAIL FROM:<bob@example.com>');
    $client->command("RCPT TO:$_")
        for '<late@elsewhere.test>', '<later@plain.test>',
            '<never@elsewhere.test> NOTIFY=FAILURE';
    $client->command('DATA');
    $client->send_octets("$HEADER\r\n$BODY.\r\n");
    is($client->read_reply->code, '250', 'accepted');
    $client->quit;
    my @reports = $sender->wait_messages(2);
    is_deeply([sort map { /^Final-Recipient: rfc822; (\S+)$/mg } @reports],
              [qw(late@elsewhere.test later@plain.test)],
              'both, each by his own host');
    is(scalar(grep { /^Action: delayed$/m } @reports), 2, 'delayed');
    $sender->clear;
    $hop{known}->say('rcpt late' => undef, 'rcpt never' => undef);
    $hop{plain}->say('rcpt later' => undef);
    ok(is_empty(), 'all are sent in the end');
    nothing_was_told('and that was all');
};

# RFC 3461 4.1: the rest of the table is t/unit/queue/queue_dsn_test.c's.
subtest 'who does not want to hear is not told' => sub {
    for my $notify ('NOTIFY=NEVER', 'NOTIFY=SUCCESS', 'NOTIFY=DELAY') {
        send_mail('no@elsewhere.test', rcpt => $notify);
    }
    ok(is_empty(), 'all failed');
    nothing_was_told('of no failure');
    $hop{known}->say('rcpt no' => undef, 'rcpt neither' => undef);
};

subtest 'what takes long is told of once' => sub {
    $hop{known}->say('rcpt slow' => '451 4.3.2 Not now');
    send_mail('slow@elsewhere.test', mail => 'RET=FULL');
    my $report = report();
    my (undef, $recipient) = fields($report);
    is("$recipient->{Action} $recipient->{Status}", 'delayed 4.3.2',
       'delayed');
    ok($recipient->{'Will-Retry-Until'}, 'how long we go on');
    unlike($report, qr/The body/, 'the whole only of what failed');
    my $before = () = $hop{known}->transcript;
    wait_until(60, sub {
        return 3 <= grep { /451 4\.3\.2/ }
            ($hop{known}->transcript)[$before ..
                                      (() = $hop{known}->transcript) - 1];
    });
    is($sender->count, 0, 'not again');
    send_mail('slow@elsewhere.test', rcpt => 'NOTIFY=FAILURE');
    send_mail('slow@elsewhere.test', rcpt => 'NOTIFY=DELAY');
    like(report(), qr/^Action: delayed$/m, 'NOTIFY=DELAY asks for it');
    $hop{known}->say('rcpt slow' => undef);
    # A message in the journal has no file yet.
    ok(wait_until(60, sub {
        return 3 == grep { $_->{to}[0] =~ /\Aslow@/ } $hop{known}->messages;
    }) && is_empty(), 'all are sent in the end');
    nothing_was_told('and that was all');
};

subtest 'success is told by who sees it' => sub {
    my %success = (rcpt => 'NOTIFY=SUCCESS,FAILURE '
                       . 'ORCPT=rfc822;U+2Bold@there.test');
    send_mail('user@elsewhere.test', %success);
    ok(is_empty(), 'a server that knows DSN tells (RFC 3461 5.2.1)');
    send_mail('user@plain.test', %success);
    my (undef, $relayed) = fields(report());
    is("$relayed->{Action} $relayed->{'Original-Recipient'}",
       'relayed rfc822; U+old@there.test', 'for another we do (5.2.2)');
    unlike(($hop{plain}->wait_messages(1))[-1]{to}[0], qr/ORCPT|NOTIFY/,
           'which has not heard of it');
    send_mail('one@lmtp.test', %success);
    my (undef, $delivered) = fields(report());
    is("$delivered->{Action} $delivered->{'Final-Recipient'}",
       'delivered rfc822; one@lmtp.test', 'of a mailbox, too (5.2.3)');
    # (5.2.7.3)
    send_mail('both@lmtp.test', rcpt => 'NOTIFY=SUCCESS');
    my (undef, $expanded) = fields(report());
    is($expanded->{Action}, 'expanded', 'of an alias with two members');
    is(scalar $hop{lmtp}->wait_messages(3), 3, 'both got it');
    send_mail([qw(user@elsewhere.test user@plain.test one@lmtp.test)]);
    ok(is_empty(), 'who does not ask');
    nothing_was_told('is not told');
};

subtest 'an alias does not say where it leads' => sub {
    $hop{lmtp}->say('rcpt' => '550 5.2.1 Closed');
    send_mail('both@lmtp.test');
    my $report = report();
    my (undef, @recipients) = fields($report);
    is_deeply([map { $_->{'Final-Recipient'} } @recipients],
              ['rfc822; both@lmtp.test'], 'one recipient');
    unlike($report, qr/(?:one|two)\@lmtp/, 'and no other name');
    $hop{lmtp}->say('rcpt' => undef);
};

subtest 'addresses and texts of UTF-8 (RFC 6533)' => sub {
    my $user = "b\xC3\xB6b";
    $hop{known}->say("rcpt $user\@elsewhere.test" => '550 5.1.1 No');
    send_mail("$user\@elsewhere.test", mail => 'SMTPUTF8 BODY=8BITMIME',
              message => "${HEADER}X-Note: \xC3\xBC\r\n\r\n$BODY");
    my $report = report();
    my (undef, $recipient) = fields($report);
    is($recipient->{'Final-Recipient'}, "utf-8; $user\@elsewhere.test",
       'an address as it is');
    like($report, qr{^Content-Type: message/global-delivery-status$}m,
         'in a part for those');
    like($report, qr{^Content-Type: message/global$}m, 'and the mail in one');
    send_mail("$user\@plain.test", mail => 'SMTPUTF8 BODY=8BITMIME');
    like(report(), qr/^Status: 5\.6\.7$/m, 'a server without SMTPUTF8');
};

subtest 'a sender far away is told, and a lost DSN nobody' => sub {
    my $count = $hop{known}->count;
    $hop{known}->say('rcpt no' => '550 5.1.1 No');
    send_mail('alice@example.com', from => 'far@elsewhere.test',
              rcpt => 'NOTIFY=SUCCESS');
    send_mail('no@elsewhere.test', from => 'far@elsewhere.test');
    my @messages = $hop{known}->wait_messages($count + 2);
    for my $message (@messages[-2, -1]) {
        is($message->{from}, '', 'null reverse-path');
        like($message->{to}[0], qr/\Afar\@elsewhere\.test(?: NOTIFY=NEVER)?\z/,
             'to him');
        like($message->{content}, qr/^Action: (?:delivered|failed)\r$/m,
             'a DSN');
    }
    $hop{known}->say('rcpt far' => '550 5.1.1 No such user');
    send_mail('no@elsewhere.test', from => 'far@elsewhere.test');
    send_mail('no@elsewhere.test', from => 'unknown@example.com');
    send_mail('no@elsewhere.test', from => '');
    ok(is_empty(), 'none is left');
    is($hop{known}->count, $count + 2, 'none came');
    ok(wait_until(60, sub {
        return $server->log_text =~ /to=<far\@elsewhere\.test> .* 5\.1\.1 No /;
    }), 'the log has it');
    nothing_was_told('nor was any of that');
    $hop{known}->say('rcpt no' => undef, 'rcpt far' => undef);
};
$server->finish;

# Another server with words of its own, an address for each recipient, and
# little patience.
subtest 'words of the administrator, VERP, and the end of waiting' => sub {
    my $other = SMTPTest::Server->start_new(
        queue => 1,
        files => { 'conf/failed' => <<"END" },
Subject: Zur\xC3\xBCck: %{recipient}

An %{sender}: %{id} kam am %{arrived}.

  %{recipient}
    %{reason} (%{status}): %{reply}
    until %{until}

Gr\xC3\xBC\xC3\x9Fe, %{postmaster}
END
        domain => "SMTPRecipients any\nSMTPRecipientDelimiter +",
        config => "$ROUTES\nSMTPDSNTemplate failed conf/failed\n"
            . "SMTPDSNFrom help\@example.com\nSMTPVERP +=\n"
            . "SMTPDSNCopy watch\@example.com\nSMTPRetryExpire 2s");
    $hop{known}->say('rcpt no' => '550 5.1.1 No', 'rcpt slow' => '450 Wait');
    my $count = $hop{known}->count;
    send_mail([qw(no@elsewhere.test slow@elsewhere.test yes@elsewhere.test)],
              server => $other);
    my @messages = $hop{known}->wait_messages($count + 1);
    is($messages[-1]{from}, 'bob+yes=elsewhere.test@example.com',
       'the reverse-path says whom it is about');
    my $box = $other->maildir('bob@example.com');
    my @reports = $box->wait_messages(2);
    my ($no) = grep { /^Final-Recipient: rfc822; no\@/m } @reports;
    my ($slow) = grep { /^Final-Recipient: rfc822; slow\@/m } @reports;
    like($no, qr/^To: <bob\+no=elsewhere\.test\@example\.com>$/m, 'his DSN');
    like($no, qr/^From: .*\s<help\@example\.com>$/m, 'SMTPDSNFrom');
    like($no, qr/^Subject: =\?utf-8\?Q\?Zur=C3=BCck=3A_no=40/m, 'subject');
    like($no, qr{^An[ ]bob\+no=3Delsewhere\.test\@example\.com:[ ]
                 [0-9a-f]{21}[ ]kam[ ]am[ ]}xm, 'text, quoted-printable');
    like($no, qr/Bad destination mailbox address \(5\.1\.1\): 550 5\.1\.1 No$/m,
         'what the next hop said');
    unlike($no, qr/^ *until/m, 'no line that says nothing');
    like($no, qr/^Gr=C3=BC=C3=9Fe, help\@example\.com$/m, 'postmaster');
    like($slow, qr/^Status: 5\.4\.7$/m, 'what waited for too long failed');
    like($slow, qr/^Diagnostic-Code: smtp; 450 Wait$/m,
         'with the last reply as it was');
    my @copies = $other->maildir('watch@example.com')->wait_messages(2);
    is(scalar @copies, 2, 'SMTPDSNCopy: both');
    unlike($copies[0], qr/The body/, 'without the mail');
    like($copies[0], qr/^Return-Path: <>$/m, 'with the null reverse-path');
    ok(is_empty($other), 'nothing is left');
    $other->finish;
};

# RFC 8689 5.
subtest 'what asks for TLS is not seen on its way back' => sub {
    my $ca = SMTPTest::Certificate->authority;
    my $hop = SMTPTest::NextHop->start_new(
        directory => "$folder/tls", requiretls => 1,
        certificate => $ca->server(name => 'safe.test',
                                   alt => ['safe.test']),
        says => { 'rcpt no' => '550 5.1.1 No' });
    my $safe = SMTPTest::Server->start_new(
        queue => 1, tls => 1, global => 'SMTPOutboundCA ' . $ca->certificate,
        config => "<SMTPRelay>\nRequire ip 127.0.0.1\n</SMTPRelay>\n"
            . 'SMTPRoute smtp:127.0.0.1:' . $hop->port
            . "\nSMTPOutboundTLS verify safe.test");
    my $client = $safe->ehlo_client;
    is($client->starttls->code, '220', 'TLS');
    $client->command('EHLO client.test');
    for my $from ('bob@example.com', 'far@elsewhere.test') {
        is($client->send_message(from => $from, to => 'no@elsewhere.test',
                                 mail => 'REQUIRETLS RET=FULL',
                                 message => "$HEADER\r\n$BODY")->code, '250',
           "from $from");
    }
    $client->quit;
    my $here = report($safe->maildir('bob@example.com'));
    my ($there) = $hop->wait_messages(1);
    like($there->{parameters}, qr/\bREQUIRETLS\b/, 'the DSN asks for it, too');
    for my $report ($here, $there->{content} =~ s/\r\n/\n/gr) {
        like($report, qr{^Content-Type: text/rfc822-headers$}m,
             'as if RET=HDRS was said');
        unlike($report, qr/The body/, 'without the mail');
    }
    $safe->finish;
};

subtest 'a template that is wrong keeps httpd from starting' => sub {
    my $wrong = SMTPTest::Server->new(
        queue => 1, files => { 'conf/failed' => "%{recipients}\n" },
        config => 'SMTPDSNTemplate failed conf/failed');
    my ($status, $words) = $wrong->configtest;
    isnt($status, 0, 'httpd -t');
    like($words, qr/SMTPDSNTemplate.*conf\/failed.*'%\{recipients\}' is not/s,
         'says why');
    like($words, qr/%\{name\} with one of: server, /, 'and what there is');
};
done_testing;
