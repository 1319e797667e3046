# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# SMTPService submission completes what people send (RFC 6409): header fields
# that are missing, addresses that are abbreviated. What is there stays as it
# is, and nobody writes in another's name.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use MIME::Base64 qw(encode_base64);
use Test::More;

use SMTPTest::Server;

my %USERS = (bob => 'secret', 'alice@example.com' => 'secret');

sub vhost
{
    my ($name, $lines) = @_;
    return <<"END";
<VirtualHost 127.0.0.1:\${port_$name}>
    ServerName mail.example.com
    SMTPEngine On
    SMTPService submission
    SMTPTLS off
    SMTPMaxErrors 0
    Include conf/auth.conf
    SMTPAuthWithoutTLS On
    <SMTPRelay>
        Require ip 127.0.0.2
        Require valid-user
    </SMTPRelay>
    <SMTPDomain example.com>
        SMTPRecipients any
        SMTPRecipientDelimiter +
    </SMTPDomain>
$lines
</VirtualHost>
END
}

my $server = SMTPTest::Server->start_new(
    auth => \%USERS,
    ports => { map { $_ => 'smtp' } qw(smtp any quiet origin mx) },
    vhosts => vhost(smtp => '')
        . vhost(any => 'SMTPSenderLogin any')
        . vhost(quiet => "SMTPTraceClient Off")
        . vhost(origin => "SMTPOriginDomain example.com\nSMTPSenderLogin any")
            =~ s/(?<=<SMTPDomain example.com)/ .example.com other.test/r
        . (vhost(mx => 'SMTPTraceClient Off')
            =~ s/^\s*SMTPService submission\n//mr),
);

# A client that has logged in, or (with login => undef) comes from the trusted
# network.
sub client
{
    my ($port, %arg) = (@_ % 2 ? @_ : ('smtp', @_));
    my $login = exists $arg{login} ? $arg{login} : 'bob';
    my $client = $server->client(
        port => $port, defined $login ? () : (from => '127.0.0.2'));
    $client->read_reply;
    $client->command('EHLO laptop.home.test');
    if (defined $login) {
        my $plain = encode_base64("\0$login\0secret", '');
        my $reply = $client->command("AUTH PLAIN $plain");
        die "no login: ", $reply->text if $reply->code ne '235';
    }
    return $client;
}

my $count = 0;

# Sends one message; the reply, and what was stored.
sub submit
{
    my ($client, $message, %arg) = @_;
    my $box = $arg{box} // ('box' . ++$count . '@example.com');
    my $reply = $client->send_message(
        from => 'bob@example.com', to => $box, message => $message, %arg);
    return ($reply, '') if $reply->code ne '250';
    my ($stored) = $server->maildir($box)->wait_messages(1);
    return ($reply, SMTPTest::Maildir::content($stored));
}

sub check_refused
{
    my ($client, $message, $reply, $name, %arg) = @_;
    my ($got) = submit($client, $message, %arg);
    is($got->code . ' ' . $got->status, $reply, $name) or diag($got->text);
    return;
}

my $DATE = qr/(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),[ ]\d\d?[ ][A-Z][a-z]{2}[ ]\d{4}
              [ ]\d\d:\d\d:\d\d[ ][+-]\d{4}/x;
my $ID = qr/<[0-9a-f]{21}\@mail\.example\.com>/;

subtest 'what is missing is added, on top' => sub {
    my $client = client();
    my ($reply, $mail) = submit($client, "Subject: x\r\n\r\nHi\r\n");
    my ($id) = $reply->text =~ /Queued as ([0-9a-f]+)/;
    like($mail, qr/\AFrom:[ ]bob\@example\.com\nDate:[ ]$DATE\n
                   Message-ID:[ ]<$id\@mail\.example\.com>\n
                   Subject:[ ]x\n\nHi\n\z/x, 'Date, Message-ID and From');

    my @ROWS = (
        # What the client sends, and what is added.
        ["From: Bob <bob\@example.com>\r\nDate: x\r\nMessage-ID: <a\@b>\r\n",
         qr//, 'nothing is missing'],
        ["From: bob\@example.com\r\nDate: x\r\n", qr/Message-ID: $ID\n/,
         'a Message-ID'],
        ["FROM : bob\@example.com\r\nmessage-id : <a\@b>\r\n",
         qr/Date: $DATE\n/, 'a Date'],
        ["Date: x\r\nMessage-ID: <a\@b>\r\n", qr/From: bob\@example\.com\n/,
         'From'],
        ["Date:\r\nMessage-ID:\r\nFrom: bob\@example.com\r\n", qr//,
         'an empty field is there'],
        ["From: Bob <bob\@example.com>, eve\@example.org\r\nDate: x\r\n"
            . "Message-ID: <a\@b>\r\n", qr/Sender: bob\@example\.com\n/,
         'Sender, where From names several'],
        ["From: eve\@example.org,\r\n bob\@example.com\r\nDate: x\r\n"
            . "Sender: (me) bob\@example.com\r\nMessage-ID: <a\@b>\r\n", qr//,
         'none, if it is there'],
        ["Resent-Date: x\r\nResent-From: eve\@example.org\r\n"
            . "Resent-Message-ID: <c\@d>\r\n",
         qr/From: bob\@example\.com\nDate: $DATE\nMessage-ID: $ID\n/,
         'resent fields are others'],
    );
    for my $row (@ROWS) {
        my ($header, $added, $name) = @{$row};
        my (undef, $got) = submit($client, "$header\r\nBody\r\n");
        my $sent = "$header\r\nBody\r\n" =~ s/\r\n/\n/gr;
        like($got, qr/\A$added\Q$sent\E\z/, $name);
    }
    (undef, $mail) = submit($client, "no header at all\r\n");
    like($mail, qr/\AFrom:[ ]bob\@example\.com\nDate:[ ]$DATE\n
                   Message-ID:[ ]$ID\n\nno[ ]header[ ]at[ ]all\n\z/x,
         'a mail without a header gets one');
    (undef, $mail) = submit($client, "\r\nbody\r\n");
    like($mail, qr/\AFrom: .*\nDate: .*\nMessage-ID: .*\n\nbody\n\z/,
         'and one with an empty header');
    $client->quit;
};

subtest 'whom a mail is from that does not say so' => sub {
    my $header = "Date: x\r\nMessage-ID: <a\@b>\r\n";
    my $client = client();
    my (undef, $mail) = submit($client, "$header\r\n", from => '');
    like($mail, qr/\AFrom: bob\@example\.com\nDate/, 'the login, of <>');
    (undef, $mail) = submit($client, "$header\r\n",
                            from => 'bob+x@example.com');
    like($mail, qr/\AFrom: bob\+x\@example\.com\n/, 'the reverse-path');
    $client->quit;
    $client = client(login => 'alice@example.com');
    (undef, $mail) = submit($client, "$header\r\n", from => '');
    like($mail, qr/\AFrom: alice\@example\.com\n/, 'a login with a domain');
    $client->quit;
    $client = client(login => undef);
    (undef, $mail) = submit($client, "$header\r\n", from => 'app@example.org');
    like($mail, qr/\AFrom: app\@example\.org\n/, 'a trusted network');
    check_refused($client, "$header\r\n", '554 5.6.0', 'nobody at all',
                  from => '');
    (undef, $mail) = submit($client, "${header}From: a\@b.example, c\@d.example"
                            . "\r\n\r\n", from => '');
    like($mail, qr/\ASender: a\@b\.example\n/, 'of several the first');
    $client->quit;
};

subtest 'what cannot be checked is refused' => sub {
    my $client = client();
    for my $from ('bob', 'Bob', 'bob@', '@example.com', '<>', 'bob@example',
                  'bob@example.com eve@example.org', '"bob@example.com"',
                  'bob@example.com <eve@example.org>', 'Bob <bob@example.com',
                  'undisclosed:;', 'bob@example.com.', '(bob@example.com',
                  'bob@example.com, x', '',
                  'bob@example.com,' . ' a@example.org,' x 700) {
        check_refused($client, "From: $from\r\n\r\n", '554 5.6.0',
                      'From: ' . substr $from, 0, 60);
    }
    for my $name (qw(From Sender Date Message-ID)) {
        check_refused($client, "$name: bob\@example.com\r\n\L$name\E: "
                      . "bob\@example.com\r\n\r\n", '554 5.6.0',
                      "$name twice");
    }
    check_refused($client, "From: bob\@example.com\r\nnonsense\r\n"
                  . "From: eve\@example.org\r\n\r\n", '554 5.6.0',
                  'another From below what is no field');
    for my $hidden ("X: a\nFrom: eve\@example.org", "X: a\rFrom: eve\@x.y",
                    "From: bob\@example.com\0, eve\@example.org") {
        my $mail = "$hidden\r\nFrom: bob\@example.com\r\n\r\n";
        $client->command('MAIL FROM:<bob@example.com> BODY=BINARYMIME');
        $client->command('RCPT TO:<box@example.com>');
        $client->send_octets('BDAT ' . length($mail) . " LAST\r\n$mail");
        my $reply = $client->read_reply;
        is($reply->code . ' ' . $reply->status, '554 5.6.0',
           'nor one that BINARYMIME hides');
    }
    check_refused($client, "From: bob\@example.com\r\nSender: $_\r\n\r\n",
                  '554 5.6.0', "Sender: $_")
        for 'bob@example.com, alice@example.com', 'bob', '';
    check_refused($client, "Subject: \xC3\xBC\r\n\r\n", '550 5.6.9',
                  'UTF-8 in a header without SMTPUTF8');
    check_refused($client, "Subject: \xFC\r\n\r\n", '550 5.6.9',
                  'nor Latin-1');
    my ($reply) = submit($client, "Subject: \xC3\xBC\r\n\r\n",
                         mail => 'SMTPUTF8');
    is($reply->code, '250', 'with SMTPUTF8 it is taken');
    ($reply) = submit($client, "From: \xC3\xBC\@example.org,bob\@example.com"
                      . "\r\n\r\n", mail => 'SMTPUTF8');
    is($reply->code, '250', 'in From too');
    ($reply) = submit($client, "From: bob\@example.com\r\n\r\n\xC3\xBC\r\n");
    is($reply->code, '250', 'eight bits in the body are no fault');
    is((submit($client, "From: bob\@example.com\r\n\r\nx\r\n"))[0]->code,
       '250', 'and the session goes on');
    $client->quit;
};

subtest 'nobody writes in another\'s name' => sub {
    my $client = client();
    my @FOREIGN = (
        'eve@example.org', 'alice@example.com', 'bob@example.org',
        'bobby@example.com', 'bob@sub.example.com', '"bob@example.com" '
            . '<alice@example.com>', 'bob <alice@example.com> (bob)',
        '"bob@example.com"@example.org', '<@example.com:bob@example.org>',
        "(bob\@example.com)\r\n alice\@example.com",
    );
    check_refused($client, "From: $_\r\n\r\n", '550 5.7.1',
                  "From: $_") for @FOREIGN;
    check_refused($client, "From: bob\@example.com\r\nSender: $_\r\n\r\n",
                  '550 5.7.1', "Sender: $_") for @FOREIGN;
    check_refused($client, "From: alice\@example.com\r\nSender: "
                  . "bob\@example.com\r\n\r\n", '550 5.7.1',
                  'a Sender of one\'s own does not give From away');
    for my $own ('bob@example.com', 'BOB@Example.COM', 'bob+x@example.com',
                 '"bob"@example.com', 'Eve <bob@example.com>',
                 'eve@example.org, bob@example.com', 'b.o.b <bob@example.com>',
                 '"eve@example.org" <@example.org:bob@example.com>') {
        my ($reply) = submit($client, "From: $own\r\n\r\n");
        is($reply->code, '250', "From: $own");
    }
    $client->quit;
    $client = client('any');
    is((submit($client, "From: eve\@example.org\r\n\r\n",
               from => 'eve@example.org'))[0]->code, '250',
       'unless SMTPSenderLogin says any');
    $client->quit;
    $client = client(login => undef);
    is((submit($client, "From: eve\@example.org\r\n\r\n",
               from => 'app@example.org'))[0]->code, '250',
       'or the network is trusted');
    $client->quit;
};

# RFC 6409 4.2.
subtest 'addresses without a domain are made whole' => sub {
    my $client = client('origin');
    my @ROWS = (
        ['carol', 'carol@example.com'], ['carol@sales', 'carol@sales.example.com'],
        ['"cd"', 'cd@example.com'], ['carol@other.test', 'carol@other.test'],
    );
    for my $row (@ROWS) {
        my ($to, $box) = @{$row};
        my ($reply) = $client->send_message(
            from => 'bob', to => $to, message => "Subject: $to\r\n\r\n");
        is($reply->code, '250', "to <$to>");
        my ($mail) = $server->maildir($box)->wait_messages(1);
        like($mail // '', qr/^From: bob\@example\.com$/m, "comes to $box");
        like($mail // '', qr/\AReturn-Path: <bob\@example\.com>$/m,
             'from whom it was made');
    }
    for my $row (['bob%x', '550'], ['x!bob', '550'], ['"a@b"', '550'],
                 ['a@' . 'x' x 64, '501'], ['a@x.y', '451'], ['a b', '501'],
                 ['Postmaster', '250'], ['@x', '501'], ['a@[127.0.0.1]', '451']) {
        my ($to, $code) = @{$row};
        $client->command('MAIL FROM:<bob>');
        is($client->command("RCPT TO:<$to>")->code, $code, "RCPT TO:<$to>");
        $client->command('RSET');
    }
    is($client->command('MAIL FROM:<' . 'a' x 65 . '>')->code, '501',
       'a local-part is not longer for that');
    $client->quit;
    my $mx = $server->ehlo_client(port => 'mx');
    is($mx->command('MAIL FROM:<bob>')->code, '501', 'not on an MX');
    $mx->command('MAIL FROM:<bob@example.com>');
    is($mx->command('RCPT TO:<bob>')->code, '501', 'nor in RCPT');
    is($mx->command('RCPT TO:<bob@example>')->code, '550', 'nor a label');
    $mx->quit;
};

# RFC 5321 4.4, 7.6.
subtest 'SMTPTraceClient' => sub {
    my $received = sub {
        my ($client, $box) = @_;
        submit($client, "Subject: x\r\n\r\n", box => "$box\@example.com");
        my ($mail) = $server->maildir("$box\@example.com")->wait_messages(1);
        my ($field) = $mail =~ /^(Received: (?:.*\n)(?:[ \t].*\n)*)/m;
        return $field =~ s/\n[ \t]+/ /gr;
    };
    my $field = $received->(client('quiet'), 'hidden');
    like($field, qr/\AReceived:[ ]from[ ]mail\.example\.com
                    [ ]by[ ]mail\.example\.com
                    [ ]with[ ]ESMTPA[ ]id[ ][0-9a-f]+[ ]for
                    [ ]<hidden\@example\.com>;[ ]$DATE\n\z/x,
         'Off: neither address nor name of the client');
    unlike($field, qr/127\.0\.0\.|laptop|bob/, 'nor the login');
    $field = $received->(client(), 'seen');
    like($field, qr/from laptop\.home\.test \(\[127\.0\.0\.1\]\) by/,
         'On: both');
    unlike($field, qr/bob/, 'but not the login');
    my $mx = $server->client(port => 'mx');
    $mx->read_reply;
    $mx->command('EHLO laptop.home.test');
    like($received->($mx, 'mx'), qr/from laptop\.home\.test \(\[127/,
         'an MX tells whatever is said');
};

# What is left of Off under TLS is all but the client.
subtest 'SMTPTraceClient Off under TLS' => sub {
    my $tls = SMTPTest::Server->start_new(
        tls => 1, auth => \%USERS,
        config => "SMTPService submission\nSMTPTraceClient Off\n"
            . "<SMTPRelay>\nRequire valid-user\n</SMTPRelay>");
    my $client = $tls->ehlo_client;
    is($client->command('MAIL FROM:<bob@example.com>')->code, '530',
       'no mail in plain text');
    $client->starttls;
    $client->command('EHLO laptop.home.test');
    is($client->command('MAIL FROM:<bob@example.com>')->text,
       '5.7.0 Authentication required', 'nor without a login');
    is($client->command('AUTH PLAIN ' . encode_base64("\0bob\0secret", ''))
           ->code, '235', 'login');
    is($client->send_message(from => 'bob@example.com',
                             to => 'carol@example.com',
                             message => "Subject: x\r\n\r\n")->code, '250',
       'sent');
    my ($mail) = $tls->maildir('carol@example.com')->wait_messages(1);
    my ($field) = $mail =~ /^(Received: (?:.*\n)(?:[ \t].*\n)*)/m;
    like($field, qr/from mx\.example\.com by mx\.example\.com with ESMTPSA\s+\(TLSv1\.\d \w+\)\s+id /,
         'TLS is told');
    unlike($field, qr/127\.|laptop|bob/, 'the client is not');
    $client->quit;
    $tls->finish;
};

subtest 'an MX changes nothing' => sub {
    my $mx = $server->ehlo_client(port => 'mx');
    my ($reply, $mail) = submit($mx, "Subject: \xC3\xBC\r\nFrom: nonsense\r\n"
                                . "From: twice\r\n\r\nx\r\n");
    is($reply->code, '250', 'taken');
    is($mail, "Subject: \xC3\xBC\nFrom: nonsense\nFrom: twice\n\nx\n",
       'as it came');
    $mx->quit;
};
$server->finish;
done_testing;
