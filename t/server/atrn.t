# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# ATRN (RFC 2645) and TURN (RFC 821): mail waits for who fetches it, is sent over
# the connection that he made, to whom his login owns, once, and to nobody else.
use strict;
use warnings;

use FindBin;
use IO::Socket::UNIX;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Auth;
use SMTPTest::Server;
use SMTPTest::Wait qw(wait_until);

my $DEMAND = <<'END';
<SMTPOnDemand one.test two.test .below.test>
    Require user node
</SMTPOnDemand>
<SMTPOnDemand other.test strict.below.test>
    Require user other
</SMTPOnDemand>
<SMTPOnDemand open.test>
    Require all granted
</SMTPOnDemand>
END
my $server = SMTPTest::Server->new(
    queue => 1,
    few_threads => 1,
    tls => 1,
    expected => [qr/SM1170: <SMTPOnDemand> could not be asked about broken/,
                 qr/AH02320|AH00656|AH01753/],
    ports => { map { $_ => 'smtp' } qw(smtp odmr strict) },
    auth => { node => 'secret', other => 'secret', nobody => 'secret' },
    vhosts => <<"END",
SMTPRetryExpire 5d report=5d
<VirtualHost 127.0.0.1:\${port_smtp}>
    ServerName mx.example.com
    SMTPEngine On
    <SMTPDomain example.com>
        SMTPRecipients any
    </SMTPDomain>
    <SMTPDomain one.test>
        SMTPRecipients any
        SMTPDeliver on-demand
    </SMTPDomain>
    <SMTPRelay>
        Require ip 127.0.0.1
    </SMTPRelay>
    SMTPRoute on-demand
</VirtualHost>
<VirtualHost 127.0.0.1:\${port_odmr}>
    ServerName mx.example.com
    SMTPEngine On
    SMTPAuthWithoutTLS On
    Include conf/auth.conf
    Include conf/tls.conf
    SMTPATRN On
    SMTPTURN On
    LogLevel smtp:info
$DEMAND
</VirtualHost>
<VirtualHost 127.0.0.1:\${port_strict}>
    ServerName mx.example.com
    SMTPEngine On
    SMTPTLS required
    Include conf/auth.conf
    Include conf/tls.conf
    SMTPATRN On
$DEMAND
    <SMTPOnDemand broken.test>
        Require expr "file('/nowhere') == 'x'"
    </SMTPOnDemand>
    <SMTPDomain one.test>
        SMTPRecipients any
        SMTPDeliver on-demand
    </SMTPDomain>
    <SMTPRelay>
        Require ip 127.0.0.1
    </SMTPRelay>
    SMTPRoute on-demand
</VirtualHost>
END
);
$server->start;

ok(wait_until(60, sub { return known() >= 0 }), 'the queue process is there');

sub waiting
{
    return scalar(() = glob $server->spool . '/queue/??/*');
}

# How many messages the queue process knows of.
sub known
{
    my $socket = IO::Socket::UNIX->new($server->spool . '/queue/control')
        or return -1;
    print {$socket} "counts\n";
    $socket->flush;
    while (my $line = <$socket>) {
        return $1 if $line =~ /^count\tmessages\t(\d+)$/
            || $line =~ /^count\tmessages=(\d+)$/;
    }
    return -1;
}

# Sends messages; returns when the queue process knows of them.
my $number = 0;
sub keep
{
    my (@to) = @_;
    my $before = known();
    my $client = $server->ehlo_client(port => 'smtp');
    for my $to (@to) {
        $number++;
        my $reply = $client->send_message(
            from => 'bob@example.com', to => $to,
            message => "Subject: $number\r\n\r\n.hidden\r\n$number\r\n");
        is($reply->code, '250', 'accepted for ' . (ref $to ? "@{$to}" : $to))
            or diag $reply->text;
    }
    $client->quit;
    ok(wait_until(60, sub { return known() == $before + @to }),
       'all of them wait');
    return;
}

sub starttls
{
    my ($client) = @_;
    is($client->command('STARTTLS')->code, '220', 'STARTTLS');
    $client->handshake or diag $client->tls_error;
    $client->command('EHLO client.test');
    return;
}

sub login
{
    my ($login, $is_tls, %arg) = @_;
    my $client = $server->ehlo_client(port => 'odmr', %arg);
    starttls($client) if $is_tls;
    is(SMTPTest::Auth->new(client => $client, mechanism => 'PLAIN',
                           login => $login, password => 'secret')->run->code,
       '235', "$login logs in");
    return $client;
}

# Plays the server for what the other side has; its messages: { from, to,
# content }. SAYS: verb => reply, 'drop' if it goes then, perhaps after a reply;
# pause: what is done before mail data is read; 'gone' if that was all.
sub serve
{
    my ($client, %says) = @_;
    my (@messages, $message);
    $client->send_octets($says{greeting} // "220 node.test ESMTP\r\n");
    while (defined(my $line = $client->read_line)) {
        my ($verb, $path) = $line =~ /^(\w+)(?:.*<(.*)>)?/;
        $verb = uc $verb;
        my $reply = $says{"$verb " . ($path // '')} // $says{$verb};
        if ($verb eq 'DATA' && !$reply) {
            $client->send_octets("354 go on\r\n");
            my $end = $says{pause} ? $says{pause}->() : undef;
            return @messages if ($end // '') eq 'gone';
            my $content = '';
            while (defined($line = $client->read_line) && $line ne '.') {
                $content .= ($line =~ s/^\.//r) . "\r\n";
            }
            $message->{content} = $content;
            $reply = $says{END};
            push @messages, $message if ($reply // '250') =~ /^(?:drop )?2/;
        }
        $message = { from => $path } if $verb eq 'MAIL';
        push @{ $message->{to} }, $path
            if $verb eq 'RCPT' && ($reply // '250') =~ /^2/;
        if (($reply // '') =~ /^drop ?(.*)/) {
            $client->send_octets("$1\r\n") if length $1;
            $client->close;
            return @messages;
        }
        $client->send_octets(($reply
            // ($verb eq 'EHLO' ? '250 node.test'
                : $verb eq 'QUIT' ? '221 bye' : '250 OK')) . "\r\n");
    }
    return @messages;
}

sub recipients { return join ' ', sort map { @{ $_->{to} } } @_ }

# What one command gets.
sub check
{
    my ($client, $command, $code, $status, $text) = @_;
    my $reply = $client->command($command);
    is($reply->code, $code, $command) or diag $reply->text;
    is($reply->status // '', $status, "$command: status");
    like($reply->text, $text, "$command: text");
    return $reply;
}

subtest 'nobody has mail but who owns it' => sub {
    my $client = $server->ehlo_client(port => 'odmr');
    check($client, 'ATRN one.test', 530, '5.7.0', qr/Authentication/);
    check($client, 'ATRN open.test', 530, '5.7.0', qr/Authentication/);
    check($client, 'ATRN', 530, '5.7.0', qr/Authentication/);
    check($client, 'TURN', 530, '5.7.0', qr/Authentication/);
    check($client, 'TURN one.test', 501, '5.5.4', qr/TURN/);
    $client->quit;
    $client = login('node');
    ok((grep { /^ATRN$/ } $client->command('EHLO x.test')->keywords),
       'offered');
    check($client, 'ATRN one.test', 453, '4.0.0', qr/no mail/);
    check($client, 'ATRN', 453, '4.0.0', qr/no mail/);
    check($client, 'TURN', 453, '4.0.0', qr/no mail/);
    check($client, 'atrn ONE.test,two.test', 453, '4.0.0', qr/no mail/);
    check($client, 'ATRN any.below.test', 453, '4.0.0', qr/no mail/);
    check($client, "ATRN $_", 450, '4.7.1', qr/refused/)
        for 'other.test', 'strict.below.test', 'one.test,other.test',
            'elsewhere.test', 'below.test';
    check($client, "ATRN $_", 501, '5.5.4', qr/ATRN \[domain/)
        for ',', 'one.test,', ',one.test', 'one.test,,two.test',
            'one.test two.test', '*', '.below.test', '@one.test';
    check($client, 'ATRN ' . join(',', map { "a$_.below.test" } 1 .. 65),
          451, '4.3.0', qr/name some/);
    check($client, 'MAIL FROM:<>', 250, '2.1.0', qr/./);
    check($client, 'ATRN one.test', 503, '5.5.1', qr/transaction/);
    check($client, 'TURN', 503, '5.5.1', qr/transaction/);
    $client->quit;
    $client = login('nobody');
    check($client, 'ATRN', 453, '4.0.0', qr/no mail/);
    check($client, 'ATRN one.test', 450, '4.7.1', qr/refused/);
    $client->quit;
    ok($server->wait_log(qr/SM1174: .*: $_$/m), "the log says: $_")
        for 'the client has not logged in', 'node is not allowed other\.test',
            'nobody is not allowed one\.test';
    my $mx = $server->ehlo_client(port => 'smtp');
    ok(!(grep { /^[AE]?TRN/ } $mx->command('EHLO x.test')->keywords),
       'not offered where it is off');
    check($mx, $_, 502, '5.5.1', qr/not implemented/)
        for 'ATRN one.test', 'TURN', 'ETRN one.test';
    $mx->quit;
};

subtest 'nobody has mail in the clear where TLS is a must' => sub {
    my $client = $server->ehlo_client(port => 'strict');
    check($client, 'ATRN one.test', 530, '5.7.0', qr/STARTTLS/);
    starttls($client);
    check($client, 'ATRN one.test', 530, '5.7.0', qr/Authentication/);
    check($client, 'TURN', 502, '5.5.1', qr/not implemented/);
    is(SMTPTest::Auth->new(client => $client, mechanism => 'PLAIN',
                           login => 'node', password => 'secret')->run->code,
       '235', 'a login');
    check($client, 'ATRN one.test', 453, '4.0.0', qr/no mail/);
    check($client, 'ATRN one.test,broken.test', 451, '4.3.0', qr/Unable/);
    # What nobody could fetch is not taken (RFC 8689).
    check($client, 'MAIL FROM:<bob@example.com> REQUIRETLS', 250, '2.1.0',
          qr/./);
    check($client, "RCPT TO:<$_>", 550, '5.7.30', qr/REQUIRETLS/)
        for 'a@one.test', 'a@two.test';
    $client->quit;
};

subtest 'mail waits until it is fetched' => sub {
    keep('a@one.test', 'b@two.test', 'c@other.test', 'd@x.below.test',
         'e@strict.below.test', ['f@one.test', 'g@one.test', 'h@other.test',
                                 'local@example.com']);
    $server->maildir('local@example.com')->wait_messages(1);
    my $client = login('node');
    check($client, 'ATRN one.test', 250, '2.0.0', qr/reversing/);
    my @messages = serve($client);
    is(recipients(@messages), 'a@one.test f@one.test g@one.test',
       'one domain has its mail');
    is(scalar @messages, 2, 'in two transactions');
    like($messages[0]{content},
         qr/\AReceived: .*\r\nSubject: 1\r\n\r\n\.hidden\r\n1\r\n\z/s,
         'as it came');
    is($messages[0]{from}, 'bob@example.com', 'from whom it came');
    ok($client->is_closed, 'then the connection ends');
    $client = login('node');
    check($client, 'ATRN', 250, '2.0.0', qr/reversing/);
    is(recipients(serve($client)), 'b@two.test', 'the rest that has names');
    $client = login('node');
    check($client, 'ATRN x.below.test,one.test', 250, '2.0.0',
          qr/reversing/);
    is(recipients(serve($client)), 'd@x.below.test', 'what was named');
    $client = login('node');
    check($client, 'ATRN x.below.test,one.test', 453, '4.0.0', qr/no mail/);
    $client->quit;
    $client = login('other');
    check($client, 'TURN', 250, '2.0.0', qr/reversing/);
    is(recipients(serve($client)),
       'c@other.test e@strict.below.test h@other.test',
       'TURN has all, of several domains');
    ok(wait_until(60, sub { return !waiting() }), 'nothing is left');
};

subtest 'what is refused, put off or lost' => sub {
    keep('good@one.test', 'bad@one.test', 'later@one.test', 'x@two.test');
    my $client = login('node');
    check($client, 'ATRN one.test', 250, '2.0.0', qr/reversing/);
    is(recipients(serve($client,
                        'RCPT bad@one.test' => '550 5.1.1 No such',
                        'RCPT later@one.test' => '451 4.3.0 Later')),
       'good@one.test', 'one is taken');
    my ($report) = $server->maildir('bob@example.com')->wait_messages(1);
    like($report, qr/^Final-Recipient: rfc822; ?bad\@one\.test$/m,
         'one is reported');
    $server->maildir('bob@example.com')->clear;
    $client = login('node');
    check($client, 'ATRN one.test', 250, '2.0.0', qr/reversing/);
    is(recipients(serve($client, MAIL => 'drop')), '', 'lost at MAIL');
    is(recipients(serve(login_to_fetch('ATRN one.test,two.test'))),
       'later@one.test x@two.test', 'all is there still');
    ok(wait_until(60, sub { return !waiting() }), 'nothing is left');
};

subtest 'a client that goes away behind the end of data' => sub {
    keep('a@one.test', 'b@one.test');
    is(recipients(serve(login_to_fetch('ATRN one.test'), END => 'drop')), '',
       'before it has answered for the first');
    my @first = serve(login_to_fetch('ATRN one.test'), END => 'drop 250 OK');
    is(scalar @first, 1, 'when it has');
    my @rest = serve(login_to_fetch('ATRN one.test'));
    is(recipients(@first, @rest), 'a@one.test b@one.test',
       'each comes once, and none is lost');
    ok(wait_until(60, sub { return !waiting() }), 'nothing is left');
};

subtest 'a client that refuses amid mail data, and is gone' => sub {
    for my $is_tls (0, 1) {
        my $sender = $server->ehlo_client(port => 'smtp');
        is($sender->send_message(from => 'bob@example.com', to => 'a@one.test',
                                 message => "Subject: x\r\n\r\n"
                                     . ('y' x 70 . "\r\n") x 200_000)->code,
           '250', 'a large message');
        my $client = login_to_fetch('ATRN one.test', $is_tls);
        serve($client, pause => sub {
            $client->has_input(10);
            $client->send_octets("552 5.3.4 Too large for me\r\n");
            $client->close;
            return 'gone';
        });
        my ($report) = $server->maildir('bob@example.com')->wait_messages(1);
        like($report, qr/^Diagnostic-Code: smtp; ?552 5\.3\.4 Too large/m,
             'its reply counts' . ($is_tls ? ' under TLS' : ''));
        $server->maildir('bob@example.com')->clear;
    }
    ok(wait_until(60, sub { return !waiting() }), 'nothing is left');
};

subtest 'what is said before the roles are swapped' => sub {
    keep('a@one.test');
    for my $too_early ('220 node.test', 'MAIL FROM:<x@x.test>', 'NOOP') {
        for my $is_tls (0, 1) {
            my $client = login('node', $is_tls);
            $client->send_lines('ATRN one.test', $too_early);
            my @replies = $client->read_replies;
            is(join(' ', map { $_->code } @replies), '554',
               "$too_early: is refused, and nothing is swapped");
        }
    }
    is(recipients(serve(login_to_fetch('ATRN one.test'))), 'a@one.test',
       'the mail is there');
};

# The queue process learns by itself that a client has gone.
sub login_to_fetch
{
    my ($command, $is_tls, %arg) = @_;
    my $client;
    ok(wait_until(60, sub {
        $client = login('node', $is_tls, %arg);
        return 1 if $client->command($command)->code eq '250';
        $client->quit;
        return 0;
    }), "$command: there is mail") or return login('node');
    return $client;
}

subtest 'a node that is no server' => sub {
    keep('a@one.test');
    for my $greeting ("554 not now\r\n", "220-\r\n220", "GET / HTTP/1.0\r\n\r\n",
                      'x' x 100_000, '', "220 node\r\n220 node\r\n",
                      "421 4.3.2 bye\r\n") {
        my $client = login_to_fetch('ATRN one.test');
        $client->send_octets($greeting) if length $greeting;
        $client->read_line if $greeting =~ /^[54]/;
        $client->close;
    }
    is(recipients(serve(login_to_fetch('ATRN one.test'))), 'a@one.test',
       'nothing is lost');
};

subtest 'one at a time has the mail of a domain' => sub {
    keep('a@one.test');
    my $client = login('node');
    my $second = login('node');
    check($client, 'ATRN one.test', 250, '2.0.0', qr/reversing/);
    check($second, $_, 451, '4.3.0', qr/Unable/)
        for 'ATRN one.test', 'ATRN', 'TURN';
    check($second, 'ATRN two.test', 453, '4.0.0', qr/no mail/);
    $second->quit;
    is(recipients(serve($client)), 'a@one.test', 'the first has it');
};

subtest 'much mail' => sub {
    keep(map { "user$_\@one.test" } 1 .. 150);
    my $client = login('node');
    check($client, 'ATRN', 250, '2.0.0', qr/reversing/);
    is(scalar serve($client), 150, 'over one connection');
    ok(wait_until(60, sub { return !waiting() }), 'nothing is left');
};

subtest 'a large message' => sub {
    my $sender = $server->ehlo_client(port => 'smtp');
    my $body = join '', map { sprintf "%07d %s\r\n", $_, 'y' x 60 }
        1 .. 60_000;
    is($sender->send_message(from => '', to => 'a@one.test',
                             message => "Subject: x\r\n\r\n$body")->code,
       '250', 'accepted');
    my $client = login_to_fetch('ATRN');
    my ($message) = serve($client);
    like($message->{content}, qr/\r\n\r\n\Q$body\E\z/, 'is whole');
};

subtest 'a client that does not read delays nobody' => sub {
    my $body = join '', map { sprintf "%07d %s\r\n", $_, 'y' x 990 }
        1 .. 12_000;
    my $sender = $server->ehlo_client(port => 'smtp');
    is($sender->send_message(from => '', to => 'a@one.test',
                             message => "Subject: x\r\n\r\n$body")->code,
       '250', 'accepted');
    ok(wait_until(60, sub { return known() == 1 }), 'it waits');
    keep('b@two.test');
    for my $is_tls (0, 1) {
        my $client = login_to_fetch('ATRN one.test', $is_tls);
        my ($message) = serve($client, END => $is_tls ? undef : '451 Later',
                              pause => sub {
            is(recipients(serve(login_to_fetch('ATRN two.test'),
                                RCPT => $is_tls ? undef : '451 4.3.0 Later')),
               $is_tls ? 'b@two.test' : '', 'another one has its mail')
        });
        like($message->{content}, qr/\r\n\r\n\Q$body\E\z/, 'all of it')
            if $is_tls;
        wait_until(60, sub { return known() == 2 }) if !$is_tls;
    }
    ok(wait_until(60, sub { return known() == 0 }), 'nothing is left');
};

# Of the threads of a child a quarter is for this: 6 of 25.
subtest 'who fetches mail holds few threads' => sub {
    plan(skip_all => 'the other MPMs have others')
        if ($ENV{SMTP_MPM} // 'event') ne 'event';
    keep(map { "a\@d$_.below.test" } 1 .. 7);
    my @clients = map { login_to_fetch("ATRN d$_.below.test") } 1 .. 6;
    check(login('node'), 'ATRN d7.below.test', 451, '4.3.0', qr/Unable/);
    ok($server->ehlo_client(port => 'smtp')->quit, 'others are served');
    is(recipients(serve($clients[0])), 'a@d1.below.test', 'one is through');
    is(recipients(serve(login_to_fetch('ATRN d7.below.test'))),
       'a@d7.below.test', 'so another has its turn');
    is(recipients(map { serve($_) } @clients[1 .. 5]),
       join(' ', map { "a\@d$_.below.test" } 2 .. 6), 'and the rest');
};

subtest 'under TLS' => sub {
    my $sender = $server->ehlo_client(port => 'smtp');
    my $body = join '', map { sprintf "%07d %s\r\n", $_, 'y' x 60 }
        1 .. 60_000;
    keep(map { "user$_\@one.test" } 1 .. 20);
    is($sender->send_message(from => '', to => 'a@two.test',
                             message => "Subject: x\r\n\r\n$body")->code,
       '250', 'accepted');
    ok(wait_until(60, sub { return known() == 21 }), 'it waits too');
    my $client = login('node', 1);
    check($client, 'ATRN one.test,two.test', 250, '2.0.0', qr/reversing/);
    my @messages = serve($client);
    is(scalar @messages, 21, 'all of them');
    like((grep { $_->{to}[0] eq 'a@two.test' } @messages)[0]{content},
         qr/\r\n\r\n\Q$body\E\z/, 'a large one is whole');
    ok($client->is_closed, 'and the connection ends');
};

subtest 'a restart' => sub {
    keep('a@one.test', 'b@two.test');
    $server->graceful;
    my $client = login('node');
    ok(wait_until(60, sub {
        return $client->command('ATRN one.test')->code eq '250';
    }), 'the mail is there');
    is(recipients(serve($client)), 'a@one.test', 'and is fetched');
    $client = login('node');
    check($client, 'ATRN', 250, '2.0.0', qr/reversing/);
    is(recipients(serve($client)), 'b@two.test', 'the rest too');
};
subtest 'the queue process dies' => sub {
    keep('a@one.test');
    my $client = login_to_fetch('ATRN one.test');
    $client->send_octets("220 node.test\r\n");
    like($client->read_line, qr/^EHLO /, 'it has begun');
    $server->expect_log(qr/exit signal Killed/, qr/SM4003/);
    kill 'KILL', $server->queue_pid;
    ok($client->is_closed, 'the connection ends');
    is(recipients(serve(login_to_fetch('ATRN one.test'))), 'a@one.test',
       'the mail is there');
};

subtest 'the queue process dies amid a message' => sub {
    keep('a@one.test', 'b@one.test');
    my $client = login_to_fetch('ATRN one.test');
    my $count = 0;
    my @first = serve($client, pause => sub {
        return if ++$count < 2;
        ok(wait_until(60, sub { return known() == 1 }), 'one is sent');
        kill 'KILL', $server->queue_pid;
    });
    my @rest = serve(login_to_fetch('ATRN one.test'));
    # The second was whole on its way, and our answer was not.
    is(recipients($first[0], @rest), 'a@one.test b@one.test',
       'each comes once, but for what was at hand');
    ok(wait_until(60, sub { return !waiting() }), 'nothing is left');
};

subtest 'httpd stops gracefully while mail is fetched' => sub {
    my $body = ('y' x 70 . "\r\n") x 200_000;
    for my $is_tls (0, 1) {
        keep('a@one.test');
        my $sender = $server->ehlo_client(port => 'smtp');
        is($sender->send_message(from => '', to => 'b@two.test',
                                 message => "Subject: x\r\n\r\n$body")->code,
           '250', 'a large message');
        ok(wait_until(60, sub { return known() == 2 }), 'it waits too');
        my $silent = login_to_fetch('ATRN one.test', $is_tls);
        my $deaf = login_to_fetch('ATRN two.test', $is_tls, rcvbuf => 4096);
        serve($deaf, pause => sub {
            $deaf->has_input(10);
            $server->begin_graceful_stop;
            ok($server->wait_gone, 'it ends: nobody holds it up');
            is($silent->read_to_end, '', 'who has not greeted is cut');
            $deaf->close;
            return 'gone';
        });
        $server->start;
        ok(wait_until(60, sub { return known() == 2 }), 'it is read');
        is(recipients(serve(login_to_fetch('ATRN'))), 'a@one.test b@two.test',
           'all is there');
        ok(wait_until(60, sub { return !waiting() }), 'nothing is left');
    }
};

keep('a@one.test');
my $hanging = login_to_fetch('ATRN one.test');
$server->finish;
ok($hanging->is_closed, 'httpd stops, whoever fetches mail');

subtest 'mail that nobody fetches' => sub {
    my $own = SMTPTest::Server->start_new(queue => 1,
        config => "SMTPRetryExpire 1s report=1s\n<SMTPRelay>\n"
            . "Require ip 127.0.0.1\n</SMTPRelay>\nSMTPRoute on-demand");
    my $client = $own->ehlo_client;
    is($client->send_message(from => 'bob@example.com', to => 'a@one.test',
                             message => "Subject: x\r\n\r\nx\r\n")->code,
       '250', 'accepted');
    my ($report) = $own->maildir('bob@example.com')->wait_messages(1);
    like($report, qr/^Final-Recipient: rfc822; ?a\@one\.test$/m,
         'is given up');
    like($report, qr/^Status: [45]\.4\.7$/m, 'and its sender told why');
    ok(wait_until(60, sub { return !glob $own->spool . '/queue/??/*' }),
       'nothing is left');
    $own->finish;
};

subtest 'what cannot work is refused' => sub {
    my $open = "<SMTPOnDemand one.test>\nRequire all granted\n"
        . '</SMTPOnDemand>';
    my %wrong = (
        'ATRN without AUTH' => ["SMTPATRN On\n$open",
                                qr/SMTPATRN On without <SMTPAuth>/],
        'TURN without AUTH' => ["SMTPTURN On\n$open",
                                qr/SMTPTURN On without <SMTPAuth>/],
        'without domains' => ['SMTPATRN On', qr/without <SMTPOnDemand>/],
    );
    for my $name (sort keys %wrong) {
        my ($config, $message) = @{ $wrong{$name} };
        my ($status, $text) = SMTPTest::Server->new(queue => 1,
            config => $config)->configtest;
        isnt($status, 0, "$name: refused");
        like($text, $message, "$name: why");
    }
    my ($status, $text) = SMTPTest::Server->new(
        domain => 'SMTPDeliver on-demand')->configtest;
    isnt($status, 0, 'on-demand without a queue');
    like($text, qr/mod_smtp_queue/, 'what it needs');
};
done_testing;
