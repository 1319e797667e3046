# Licensed under the Apache License, Version 2.0; see LICENSE.
# mpm: event
#
# What httpd -t says about TLS: wherever a client would be promised what is not
# there, httpd does not start, and names directive, value and remedy. And
# wherever mod_ssl's directives may stand, they are seen.
#
# speed: fast
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Server;

my $server = SMTPTest::Server->new(
    tls => 1, ports => { smtp => 'smtp', smtps => 'smtps' });
$server->{finished} = 1;    # it never runs

# A virtual host with these lines in it.
sub vhost
{
    my ($lines, $addresses) = @_;
    $addresses //= '127.0.0.1:${port_smtp}';
    return <<"END";
<VirtualHost $addresses>
    ServerName mx.example.com
    SMTPEngine On
$lines
    <SMTPDomain example.com>
        SMTPRecipients any
    </SMTPDomain>
</VirtualHost>
END
}

sub configtest
{
    my ($vhosts, $global) = @_;
    $server->write_config(vhosts => $vhosts, global => $global // '');
    return $server->configtest;
}

my $TLS = 'Include conf/tls.conf';
my $BOTH = '127.0.0.1:${port_smtp} 127.0.0.1:${port_smtps}';
my $STRICT = "<SMTPDomain secret.example>\nSMTPRecipients any\n"
    . 'SMTPTLS required' . "\n</SMTPDomain>";

# Name, virtual hosts, what must be said.
my @REFUSED = (
    ['a word that is none', vhost('SMTPTLS sometimes'),
     qr/SMTPTLS "sometimes": give one of off, optional, required, implicit/],
    ['two words', vhost('SMTPTLS optional required'), qr/SMTPTLS takes one/],
    ['implicit in a domain', vhost("$TLS\n<SMTPDomain a.example>\n"
     . "SMTPRecipients any\nSMTPTLS implicit\n</SMTPDomain>"),
     qr/SMTPTLS "implicit": give one of optional, required/],
    ['off in a domain', vhost("$TLS\n<SMTPDomain a.example>\n"
     . "SMTPRecipients any\nSMTPTLS off\n</SMTPDomain>"),
     qr/SMTPTLS "off": give one of optional, required/],
    (map { ["$_ without a certificate", vhost("SMTPTLS $_"),
            qr/SMTPTLS $_: there is no TLS here; add SSLEngine On/] }
     qw(optional required implicit)),
    ['required with SSLEngine Off', vhost("SSLEngine Off\nSMTPTLS required"),
     qr/there is no TLS here; add SSLEngine On/],
    ['required in a domain, no certificate', vhost($STRICT),
     qr/SMTPTLS required in <SMTPDomain secret\.example>: nobody could/],
    ['required in a domain, off for all', vhost("$TLS\nSMTPTLS off\n$STRICT"),
     qr/SMTPTLS required in <SMTPDomain secret\.example>: nobody could/],
    ['a port of smtps without a certificate', vhost('', $BOTH),
     qr/port \d+: clients expect TLS there from the first octet/],
    ['a port of smtps and SMTPTLS off', vhost("$TLS\nSMTPTLS off", $BOTH),
     qr/port \d+: clients expect TLS there from the first octet/],
    ['submission without a certificate', vhost("SMTPService submission\n"
     . "<SMTPRelay>\nRequire ip 127.0.0.1\n</SMTPRelay>"),
     qr/SMTPTLS required \(SMTPService submission\): there is no TLS here/],
);
for my $case (@REFUSED) {
    my ($name, $vhosts, $said) = @{$case};
    subtest "refused: $name" => sub {
        my ($status, $text) = configtest($vhosts);
        isnt($status, 0, 'httpd does not start');
        like($text, $said, 'and says why') or diag($text);
        like($text, qr/\bline \d+ of \S+httpd\.conf|httpd\.conf:\d+/, 'where');
    };
}

my $inline = $server->certificate->directives;
my @TAKEN = (
    ['nothing said, no certificate', vhost('')],
    ['off, no certificate', vhost('SMTPTLS off')],
    ['in a file that is included', vhost($TLS)],
    ['in the virtual host', vhost("SSLEngine On\n$inline" . 'SMTPTLS required')],
    ['within IfModule', vhost("<IfModule ssl_module>\n$TLS\n</IfModule>\n"
                              . 'SMTPTLS required')],
    ['in the main server', vhost('SMTPTLS required'), "SSLEngine On\n$inline"],
    ['by a macro', vhost("Use TLS mx.example.com\nSMTPTLS required"),
     "<Macro TLS \$name>\nServerAlias www.\$name\n$TLS\n</Macro>\n"],
    ['the engine twice', vhost("SSLEngine Off\n$TLS\nSMTPTLS required")],
    ['both kinds of ports', vhost($TLS, $BOTH)],
    ['implicit on both', vhost("$TLS\nSMTPTLS implicit", $BOTH)],
    ['optional in a domain of a strict host', vhost("$TLS\nSMTPTLS required\n"
     . "<SMTPDomain a.example>\nSMTPRecipients any\nSMTPTLS optional\n"
     . '</SMTPDomain>')],
);
$server->{modules} = ['macro'];
for my $case (@TAKEN) {
    my ($name, $vhosts, $global) = @{$case};
    subtest "taken: $name" => sub {
        my ($status, $text) = configtest($vhosts, $global);
        is($status, 0, 'httpd -t') or diag($text);
        is($text, "Syntax OK\n", 'without a word');
    };
}
done_testing;
