# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# conf/smtp-submission.conf beside conf/smtp-mx.conf, as they are, but for the
# ports: who follows them has a server that people can send through.
use strict;
use warnings;

use Cwd qw(abs_path);
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Auth;
use SMTPTest::Certificate;
use SMTPTest::Program;
use SMTPTest::Server;

my $conf = abs_path("$FindBin::Bin/../../conf");
my $ca = SMTPTest::Certificate->authority;
my $certificate = $ca->server(name => 'mail.example.com',
                              alt => ['mail.example.com', 'mx.example.com']);
my $password = 'correct horse';
my $MESSAGE = "From: bob\@example.com\r\nTo: alice\@example.com\r\n"
    . "Date: Mon, 23 Nov 2026 10:00:00 +0000\r\n"
    . "Message-ID: <1\@client.test>\r\nSubject: x\r\n\r\nHello.\r\n";

# The modules that the examples load lie where they look for them.
my $server = SMTPTest::Server->new(
    own_dsos => 0, vhosts => '',
    # undef: the examples have the Listen lines.
    ports => { map { $_ => undef } qw(mx submission submissions other) },
    global => join("\n", 'Define SMTP_ADDRESS 127.0.0.1',
        'Define SMTP_MODULES ${root}/modules',
        'Define SMTP_PORT ${port_mx}',
        'Define SMTP_SUBMISSION_PORT ${port_submission}',
        'Define SMTP_SUBMISSIONS_PORT ${port_submissions}',
        'Define SMTP_ALTERNATIVE_PORT ${port_other}',
        'Define SMTP_CERTIFICATE ' . $certificate->chain,
        'Define SMTP_KEY ' . $certificate->key,
        map { "Include \"$conf/$_\"" } 'smtp-mx.conf',
        'smtp-submission.conf'));
mkdir $server->root . '/modules' or die "modules: $!";
for my $module (glob("$ENV{SMTP_MODULES}/mod_*.so"),
                map { SMTPTest::Server::dso($_) } qw(mod_smtp
                                                     mod_smtp_spool)) {
    symlink $module, $server->root . '/modules/' . $module =~ s{.*/}{}r
        or die "$module: $!";
}

# As the example says that users are made.
sub make_user
{
    my ($program, @arguments) = @_;
    my ($status, $said) = SMTPTest::Program::run("$password\n", $program,
                                                 '-i', '-c', @arguments);
    is($status, 0, "$program makes a user") || diag($said);
    return;
}

make_user(SMTPTest::Program::need('htpasswd'), '-B',
          $server->root . '/conf/mail.htpasswd', 'bob');
make_user("$ENV{SMTP_BUILD_DIR}/smtp-scram",
          $server->root . '/conf/mail.scram', 'bob');
$server->start;

# A client of that port under TLS that trusts our CA, past EHLO.
sub client
{
    my ($port, $name) = @_;
    my %tls = (ca => $ca->certificate, host => $name, sni => $name);
    return $server->ehlo_client(port => $port, tls => \%tls)
        if $port eq 'submissions';
    my $client = $server->ehlo_client(port => $port);
    $client->starttls(%tls);
    $client->command('EHLO client.test');
    return $client;
}

sub login
{
    my ($client, $mechanism) = @_;
    my $auth = SMTPTest::Auth->new(client => $client, login => 'bob',
                                   mechanism => $mechanism,
                                   password => $password);
    is($auth->run->code, '235', "bob logs in by $mechanism");
    return;
}

for my $port (qw(submission submissions other)) {
    for my $mechanism (qw(PLAIN LOGIN SCRAM-SHA-256)) {
        subtest "$port, $mechanism" => sub {
            my $alice = $server->maildir('alice@example.com');
            $alice->clear;
            my $client = client($port, 'mail.example.com');
            is($client->command('MAIL FROM:<bob@example.com>')->code, '530',
               'nobody sends who has not logged in');
            login($client, $mechanism);
            is($client->send_message(from => 'bob@example.com',
                                     to => 'alice@example.com',
                                     message => $MESSAGE)->code,
               '250', 'mail for one of us');
            my ($message) = $alice->wait_messages(1);
            my $part = SMTPTest::Maildir::parse($message);
            is($part->{content}, SMTPTest::Maildir::stored($MESSAGE),
               '... arrives');
            like($part->{Received}, qr/ with ESMTPSA /, '... by AUTH and TLS');
            unlike($part->{Received}, qr/127\.0\.0\.1/,
                   '... and does not say from where');
            $client->quit;
        };
    }
}

subtest 'the log says who sent' => sub {
    my $line = $server->wait_file('logs/submission.log', qr/SCRAM/) // '';
    like($line, qr/ 127\.0\.0\.1 bob SCRAM-SHA-256 TLSv1\.3 \S+ <bob\@example\.com> <alice\@example\.com> \d+ 250/,
         'login, mechanism, TLS, envelope, reply');
};

subtest 'mail for the world' => sub {
    my $client = client('submission', 'mail.example.com');
    login($client, 'PLAIN');
    $client->command('MAIL FROM:<bob@example.com>');
    my $reply = $client->command('RCPT TO:<eve@elsewhere.test>');
    is($reply->code, '451', 'is not taken while nothing relays it');
    like($reply->text, qr/no relay is configured/i, '... and says so');
    is($client->command('RCPT TO:<nobody@example.com>')->code, '550',
       'who does not exist is refused');
    $client->command('RSET');
    is($client->command('MAIL FROM:<alice@example.com>')->code, '553',
       'bob is not alice');
    $client->quit;
};

subtest 'in plain text there is no AUTH' => sub {
    for my $port (qw(submission other)) {
        my $client = $server->ehlo_client(port => $port);
        unlike($client->command('EHLO client.test')->text, qr/^AUTH/m, $port);
        # RFC 3207 4, or RFC 4954 6.
        like($client->command('AUTH PLAIN')->code, qr/\A53[08]\z/,
             '... and it is refused');
        $client->close;
    }
};

subtest 'the MX offers TLS, demands nothing, and relays for nobody' => sub {
    for my $client ($server->ehlo_client(port => 'mx'),
                    client('mx', 'mx.example.com')) {
        unlike($client->command('EHLO client.test')->text, qr/^AUTH/m,
               'no AUTH');
        $client->command('MAIL FROM:<eve@elsewhere.test>');
        is($client->command('RCPT TO:<eve@elsewhere.test>')->code, '550',
           'no relay');
        is($client->command('RCPT TO:<info@example.com>')->code, '250',
           'mail for us');
        $client->quit;
    }
};

$server->finish;
done_testing;
