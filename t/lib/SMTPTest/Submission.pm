# Licensed under the Apache License, Version 2.0; see LICENSE.
package SMTPTest::Submission;

# A server for submission as real clients meet it: 587, 465 and 2525 (on ports
# that were free), a certificate that they can verify, one user who has a
# password, SCRAM credentials and a client certificate. And the judgement of
# what a client brought: message, trace header, log.

use strict;
use warnings;

use Test::More;

use SMTPTest::Auth;
use SMTPTest::Certificate;
use SMTPTest::Maildir;
use SMTPTest::Messages;
use SMTPTest::Server;

my $NAME = 'mail.example.com';
my $LOGIN = 'bob@example.com';
my $PASSWORD = 'secret word';

# Name of the port that a site would give, and its protocol of Listen.
my @PORTS = (['587', 'smtp'], ['465', 'smtps'], ['2525', 'smtp']);

my $VHOST = <<'END';
<VirtualHost 127.0.0.1:${port_587} 127.0.0.1:${port_465} 127.0.0.1:${port_2525}>
    ServerName mail.example.com
    SMTPEngine On
    SMTPService submission
    SSLEngine On
    %s
    SSLVerifyClient optional
    SSLCACertificateFile "%s"
    Include conf/auth.conf
    SMTPAuthCredentials txt:conf/mail.scram
    SMTPAuthCertificateName SSL_CLIENT_SAN_Email_0
    <SMTPRelay>
        Require valid-user
    </SMTPRelay>
    <SMTPDomain example.com>
        SMTPRecipients any
    </SMTPDomain>
    CustomLog logs/submission "%%{to}^SM %%{reply}^SM %%{proto}^SM %%{login}^SM %%{auth}^SM %%{tls}^SM %%{cipher}^SM"
%s
</VirtualHost>
END

# SMTPTest::Submission->start_new(config => LINES of the virtual host,
# further arguments of SMTPTest::Server).
sub start_new
{
    my ($class, %arg) = @_;
    my $ca = SMTPTest::Certificate->authority;
    my $self = bless { ca => $ca, count => 0 }, $class;
    $self->{certificate} = $ca->server(name => $NAME,
                                       alt => [$NAME, 'localhost']);
    $self->{client} = $ca->client(name => 'Bob', email => $LOGIN);
    $self->{server} = SMTPTest::Server->start_new(
        ports => { map { @{$_} } @PORTS },
        auth => { $LOGIN => $PASSWORD },
        files => { 'conf/mail.scram' => "$LOGIN "
            . SMTPTest::Auth::verifier($PASSWORD, 'pepper', 4096) . "\n" },
        vhosts => sprintf($VHOST, $self->{certificate}->directives,
                          $ca->certificate, delete $arg{config} // ''),
        %arg,
        modules => ['socache_shmcb', 'ssl', @{ $arg{modules} // [] }],
        global => 'SSLSessionCache "shmcb:${root}/run/ssl(512000)"'
            . "\n" . ($arg{global} // ''));
    return $self;
}

sub server { return $_[0]{server} }

# What a client is told of server and user.
sub name { return $NAME }
sub login { return $LOGIN }
sub password { return $PASSWORD }

# Path of the CA's certificate; the user's (SMTPTest::Certificate).
sub ca { return $_[0]{ca}->certificate }
sub client_certificate { return $_[0]{client} }

# The ports: { name, number, is_implicit }.
sub ports
{
    my ($self) = @_;
    return map { { name => $_->[0], number => $self->{server}->port($_->[0]),
                   is_implicit => $_->[1] eq 'smtps' } } @PORTS;
}

# COUNT complete messages of varied shape from the user, with CRLF line ends,
# each for a mailbox of its own: { number, to, mail, message }.
sub messages
{
    my ($self, $count) = @_;
    my @made = grep { ($_->{mail} // '') ne 'SMTPUTF8' }
        SMTPTest::Messages::make($count + 2, 'example.com');
    return map { { number => $_->{number}, mail => $_->{mail},
                   to => $self->mailbox,
                   message => $_->{message}
                       =~ s/^From: <[^>]*>/From: <$LOGIN>/mr } }
        @made[0 .. $count - 1];
}

# A mailbox that nobody has had.
sub mailbox
{
    my ($self) = @_;
    return 'box' . ++$self->{count} . '@example.com';
}

# Tests a client: SEND->(PORT, MESSAGE, OPTIONS), which returns exit status and
# # what it said, brings a message to each port by each way. A way is a name that
# begins with the mechanism ("PLAIN, pipelined"), and options. EXPECTED: a hash
# of further arguments for check_arrived.
sub check_ways
{
    my ($self, $send, $expected, @ways) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    for my $port ($self->ports) {
        for my $way (@ways) {
            my ($name, @options) = @{$way};
            my ($message) = $self->messages(1);
            $self->_check_sent("$port->{name}, $name",
                               { %{$expected}, %{$message} }, $name,
                               $send->($port, $message, @options));
        }
    }
    return;
}

# The same with messages of varied shape by one way, to the first port.
sub check_messages
{
    my ($self, $send, $expected, $way) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($name, @options) = @{$way};
    my ($port) = $self->ports;
    for my $message ($self->messages(13)) {
        $self->_check_sent("message $message->{number}",
                           { %{$expected}, %{$message} }, $name,
                           $send->($port, $message, @options));
    }
    return;
}

sub _check_sent
{
    my ($self, $name, $message, $way, $status, $said) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    subtest $name => sub {
        is($status, 0, 'sent') || diag($said);
        $self->check_arrived(%{$message}, mechanism => $way =~ s/,.*//r);
    };
    return;
}

# Tests that nothing came for a message.
sub check_refused
{
    my ($self, $message, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is($self->{server}->maildir($message->{to})->count, 0, $name);
}

# Tests that one message is in a mailbox as it was sent, and was brought by who
# has logged in, under TLS: by the trace header (RFC 3848) and by the log.
#   to, message (with CRLF line ends), mechanism; proto: ESMTPSA
#   above, below   patterns of what the client puts on top, and at the end
sub check_arrived
{
    my ($self, %arg) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $proto = $arg{proto} // 'ESMTPSA';
    my @found = $self->{server}->maildir($arg{to})->wait_messages(1);
    is(scalar @found, 1, "one message for $arg{to}") or return 0;
    my $part = SMTPTest::Maildir::parse($found[0]);
    my $content = $part->{content};
    $content =~ s/\A$arg{above}// if $arg{above};
    $content =~ s/$arg{below}\z// if $arg{below};
    ok($content eq SMTPTest::Maildir::stored($arg{message}),
       '... octet for octet') || diag(substr $content, 0, 500);
    is($part->{'Return-Path'}, "<$LOGIN>", '... from its user');
    like($part->{Received}, qr/ with $proto .*\bTLSv?1\.[23]\b/,
         "... with $proto");
    return $self->check_log(%arg, proto => $proto);
}

# Tests the line of CustomLog.
sub check_log
{
    my ($self, %arg) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    # httpd's logs escape what is not ASCII.
    my $to = $arg{to} =~ s/([\x80-\xff])/sprintf '\\x%02x', ord $1/egr;
    my $line = $self->{server}->wait_file('logs/submission',
                                          qr/\A<?\Q$to\E>? /i) // '';
    return like($line, qr/ 250\b.* $arg{proto} \Q$LOGIN\E $arg{mechanism} TLSv1\.[23] [A-Z0-9_-]{10,}$/,
                "... the log names login, $arg{mechanism} and TLS");
}

sub finish { return $_[0]{server}->finish }

1;
