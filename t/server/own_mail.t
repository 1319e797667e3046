# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# A message of the server's own (smtp_own_mail_send, smtp_queue.h) goes the way
# of any message, without a client whose rights it could lack: from any thread,
# whatever <SMTPRelay> and SMTPTLS say of clients. What is refused is nowhere.
#
# speed: fast
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Server;

my $server = SMTPTest::Server->start_new(
    ports => { smtp => 'smtp', http => 'http' },
    # mod_smtp_discard takes what is relayed, mod_smtp_spool what is local: two
    # deliveries, so two transactions. mod_logio looks at each connection.
    dsos => [qw(mod_smtp_discard mod_smtp_example)], modules => ['logio'],
    tls => 1,
    domain => "SMTPRecipients list:bob,alice,refused\n"
        . "SMTPTLS required",
    config => 'CustomLog logs/mail "%h %{id}^SM %{from}^SM %{to}^SM '
        . '%{reply}^SM %{proto}^SM %{helo}^SM %I %O"',
    global => <<'END',
DiscardMail relayed
<Location /send>
    SetHandler example-own-mail
</Location>
END
    expected => [qr/SM10(?:11|12)|relayed:/]);

# send_own(ARGUMENTS): what smtp_own_mail_send returned.
sub send_own
{
    my $http = $server->client(port => 'http');
    $http->send_octets("GET /send?$_[0] HTTP/1.0\r\nHost: mx.example.com\r\n"
                       . "\r\n");
    my ($answer) = $http->read_to_end =~ /^(rv=.*)$/m;
    return $answer;
}

sub relayed
{
    return map { /relayed: (.*)/ ? $1 : () } $server->log;
}

subtest 'to a mailbox, from each kind of thread' => sub {
    my $bob = $server->maildir('bob@example.com');
    for my $how ('', '&thread=1') {
        my $answer = send_own("from=postmaster\@example.com"
                              . "&to=bob\@example.com$how");
        my ($id) = $answer =~ /\Arv=OK id=([0-9a-f]{21}) reply=0 -\z/;
        ok($id, 'sent' . $how) or diag($answer);
        my ($mail) = $bob->wait_messages(1);
        like($mail, qr/^Return-Path: <postmaster\@example\.com>$/m,
             'the reverse-path');
        like($mail, qr{^Received:[ ]from[ ]mx\.example\.com\s+by[ ]
                       mx\.example\.com\s+with[ ]SMTP\s+id[ ]$id;}mx,
             'one Received field (RFC 5321 4.4)');
        like($mail, qr/^Subject: of our own\n\n\.dots\n\z/m,
             'octets as they were composed');
        ok($server->wait_file('logs/mail',
                              qr{^127\.0\.0\.1[ ]$id[ ]
                                 <postmaster\@example\.com>[ ]
                                 <bob\@example\.com>[ ]250[ ]2\.0\.0[ ]
                                 SMTP[ ]mx\.example\.com[ ]0[ ]\d+$}mx),
           'CustomLog has it');
        $bob->clear;
    }
};

subtest 'anywhere, though no <SMTPRelay> lets anybody' => sub {
    like(send_own('to=user@elsewhere.test'), qr/\Arv=OK/, 'sent');
    is((relayed())[-1], 'from <> to <user@elsewhere.test> 7BIT',
       'with the null reverse-path');
};

subtest 'whom one transaction cannot take comes in another' => sub {
    my $before = relayed();
    like(send_own(join '&', map { "to=$_" } 'bob@example.com',
                  'one@elsewhere.test', 'two@elsewhere.test',
                  'alice@example.com'), qr/\Arv=OK/, 'sent');
    is_deeply([(relayed())[$before, $before + 1]],
              ['from <> to <one@elsewhere.test> 7BIT',
               'from <> to <two@elsewhere.test> 7BIT'], 'both relayed');
    is(scalar $server->maildir("$_\@example.com")->wait_messages(1), 1, $_)
        for qw(bob alice);
    $server->maildir("$_\@example.com")->clear for qw(bob alice);
};

subtest 'what is refused goes nowhere' => sub {
    my $before = relayed();
    my @ROWS = (['to=nobody@example.com', '550 No such mailbox here'],
                ['to=one@elsewhere.test&to=bob@example.com'
                 . '&to=nobody@example.com', '550 No such mailbox here'],
                ['to=', '553 This is no address'],
                ['to=bob@example.com&from=a@b@c', '553 This is no address'],
                ['from=bob@example.com', '0 -']);
    is(send_own($_->[0]), "rv=refused id=- reply=$_->[1]", $_->[0])
        for @ROWS;
    is(send_own('to=bob@example.com&fails=1'),
       'rv=error id=- reply=451 Not stored', 'the composer failed');
    ok($server->wait_file('logs/mail', qr/ 451 4\.3\.0 SMTP /),
       'CustomLog has it');
    is(scalar(relayed()), $before, 'nothing was relayed');
    send_own('to=bob@example.com');
    is(scalar $server->maildir('bob@example.com')->wait_messages(1), 1,
       'nothing was delivered but what came then');
};

subtest 'no policy for clients is asked' => sub {
    like(send_own('to=refused@example.com'), qr/\Arv=OK/,
         'the rcpt hook of the example refuses it to clients');
};
$server->finish;
done_testing;
