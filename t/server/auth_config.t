# Licensed under the Apache License, Version 2.0; see LICENSE.
# mpm: event
#
# What httpd -t says about AUTH: each way to let nobody in, or anybody, is
# named with the directive and the remedy before httpd starts.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Auth;
use SMTPTest::Certificate;
use SMTPTest::Server;

my $BASIC = "AuthType Basic\nAuthName mail\n";
my $USER = "AuthUserFile conf/users\n";
my $REQUIRE = "Require valid-user\n";
my $GOOD = "<SMTPAuth>\n$BASIC$USER$REQUIRE</SMTPAuth>\n";
my $SCRAM = "SMTPAuthCredentials txt:conf/scram\n";
my $CERTIFICATE = "SMTPAuthCertificateName SSL_CLIENT_S_DN_CN\n";
my $VERIFY = "SSLVerifyClient optional\nSSLCACertificateFile conf/ca.crt\n";

my $ca = SMTPTest::Certificate->authority;
my $server = SMTPTest::Server->new(
    tls => 1,
    modules => [qw(access_compat authn_core auth_basic authn_file authn_dbm
                   authn_dbd dbd
                   socache_shmcb authn_socache authn_anon authz_user)],
    global => <<'END',
<AuthnProviderAlias anon guests>
    Anonymous *
</AuthnProviderAlias>
<AuthnProviderAlias file people>
    AuthUserFile conf/users
</AuthnProviderAlias>
END
    files => {
        'conf/users' => "bob:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n",
        'conf/scram' => 'bob ' . SMTPTest::Auth::verifier('x', 'y', 4096)
            . "\n",
        'conf/ca.crt' => $ca->pem,
    });

sub section { return "<SMTPAuth>\n" . join('', @_) . "</SMTPAuth>\n" }

# Name, configuration, what httpd -t says. undef: nothing.
my @CASES = (
    ['a good section', $GOOD, undef],
    ['SCRAM alone, without AuthType', section($REQUIRE) . $SCRAM, undef],
    ['EXTERNAL alone', section($REQUIRE) . $CERTIFICATE . $VERIFY, undef],
    ['all together', $GOOD . $SCRAM . $CERTIFICATE . $VERIFY, undef],
    ['Require in a container', section($BASIC, $USER,
        "<RequireAny>\n${REQUIRE}Require ip 192.0.2.1\n</RequireAny>\n"),
     undef],
    ['a module that is loaded', section($BASIC, $USER,
        "<IfModule mod_authz_user.c>\n$REQUIRE</IfModule>\n"), undef],
    # The traps: who would get in.
    ['an empty section', section(), qr/<SMTPAuth> .*no Require.*Require valid-user/],
    ['no Require', section($BASIC, $USER), qr/<SMTPAuth> \(.*:\d+\): no Require/],
    ['no AuthType', section("AuthName mail\n", $USER, $REQUIRE)
         . "SMTPAuthMechanisms PLAIN\n",
     qr/no AuthType.*passwords of PLAIN; add AuthType Basic/],
    ['no AuthType, LOGIN too', section($REQUIRE)
         . "SMTPAuthMechanisms LOGIN PLAIN\n",
     qr/no AuthType.*passwords of PLAIN, LOGIN;/],
    ['AuthType None', section("AuthType None\n", $USER, $REQUIRE),
     qr/AuthType None \(.*\).*write AuthType Basic/],
    ['Require for a module that is not loaded', section($BASIC, $USER,
        "<IfModule mod_nowhere.c>\n$REQUIRE</IfModule>\n"), qr/no Require/],
    ['Require of methods', section($BASIC, $USER,
        "<Limit GET>\n$REQUIRE</Limit>\n"), qr/<Limit GET> .*methods of HTTP/],
    ['Require of other methods', section($BASIC, $USER,
        "<LimitExcept GET>\n$REQUIRE</LimitExcept>\n"), qr/<LimitExcept GET>/],
    ['a certificate for a password', "SSLOptions +FakeBasicAuth\n" . $GOOD,
     qr/FakeBasicAuth would take a certificate for a password/],
    ['Satisfy', section($BASIC, $USER, $REQUIRE, "Satisfy Any\n"),
     qr/Satisfy Any .*with Require/],
    ['Allow', section($BASIC, $USER, $REQUIRE, "Allow from all\n"),
     qr/allow from all .*with Require/i],
    ['a provider that leaves it to others',
     section($BASIC, $USER, $REQUIRE, "AuthBasicAuthoritative Off\n"),
     qr/AuthBasicAuthoritative Off .*take it away/],
    ['<If>', section($BASIC, $USER, $REQUIRE,
        "<If \"true\">\nRequire all denied\n</If>\n"),
     qr/<If "true"> .*not evaluated.*Require expr/],
    ['any password', section($BASIC, $REQUIRE,
        "AuthBasicProvider anon\nAnonymous *\n"),
     qr/AuthBasicProvider anon takes any password.*take it away/],
    ['any password behind others', section($BASIC, $USER, $REQUIRE,
        "AuthBasicProvider file anon\nAnonymous *\n"),
     qr/AuthBasicProvider anon takes any password/],
    ['any password by another name', section($BASIC, $REQUIRE,
        "AuthBasicProvider guests\n"),
     qr/AuthBasicProvider guests takes any password/],
    ['a file by another name', section($BASIC, $REQUIRE,
        "AuthBasicProvider people\n"), undef],
    # Who would not.
    ['AuthType Digest', section("AuthType Digest\n", $REQUIRE),
     qr/AuthType Digest .*write AuthType Basic/],
    ['no AuthName', section("AuthType Basic\n", $USER, $REQUIRE),
     qr/no AuthName.*add AuthName mail/],
    ['no file', section($BASIC, $REQUIRE),
     qr/AuthBasicProvider file without AuthUserFile.*add AuthUserFile conf/],
    ['a file that is missing', section($BASIC, $REQUIRE,
                                       "AuthUserFile conf/nowhere\n"),
     qr/AuthUserFile conf\/nowhere \(.*\) in <SMTPAuth>: cannot be read: No such file.*htpasswd/],
    ['no DBM file', section($BASIC, $REQUIRE, "AuthBasicProvider dbm\n"),
     qr/AuthBasicProvider dbm without AuthDBMUserFile/],
    ['a DBM file that is missing',
     section($BASIC, $REQUIRE,
             "AuthBasicProvider dbm\nAuthDBMUserFile conf/nowhere\n"),
     qr/AuthDBMUserFile conf\/nowhere .*cannot be opened.*htdbm/],
    ['no query', section($BASIC, $REQUIRE, "AuthBasicProvider dbd\n"),
     qr/AuthBasicProvider dbd without AuthDBDUserPWQuery.*SELECT/],
    ['the second of two', section($BASIC, $USER, $REQUIRE,
                                  "AuthBasicProvider file dbd\n"),
     qr/AuthBasicProvider dbd without AuthDBDUserPWQuery/],
    ['a cache of nothing', section($BASIC, $REQUIRE,
                                   "AuthBasicProvider socache\n"),
     qr/AuthBasicProvider socache has nobody/],
    ['a cache without what it is for',
     section($BASIC, $USER, $REQUIRE, "AuthBasicProvider socache file\n"),
     qr/AuthBasicProvider socache without AuthnCacheProvideFor/],
    ['no mechanism', section($REQUIRE),
     qr/no mechanism has what it needs.*AuthType Basic.*SMTPAuthCredentials/],
    ['certificates in the section', section($BASIC, $USER, $REQUIRE,
                                            "SSLVerifyClient require\n"),
     qr/SSLVerifyClient require .*outside, into the virtual host/],
    # Mechanisms.
    ['a mechanism that is not known', $GOOD . "SMTPAuthMechanisms CRAM-MD5\n",
     qr/SMTPAuthMechanisms "CRAM-MD5": is no mechanism.*known are PLAIN LOGIN EXTERNAL/],
    ['SCRAM without credentials', $GOOD . "SMTPAuthMechanisms SCRAM-SHA-256\n",
     qr/SCRAM-SHA-256 needs credentials.*SMTPAuthCredentials txt:/],
    ['EXTERNAL without a name', $GOOD . "SMTPAuthMechanisms EXTERNAL\n",
     qr/EXTERNAL needs to know.*SMTPAuthCertificateName/],
    ['EXTERNAL without certificates', $GOOD . $CERTIFICATE,
     qr/EXTERNAL needs clients.*SSLVerifyClient none does not verify.*optional/],
    ['EXTERNAL with certificates that nobody verifies',
     $GOOD . $CERTIFICATE . "SSLVerifyClient optional_no_ca\n",
     qr/SSLVerifyClient optional_no_ca does not verify/],
    ['tokens without a judge', $GOOD . "SMTPAuthMechanisms XOAUTH2\n",
     qr/XOAUTH2 needs to know who judges.*SMTPAuthToken/],
    ['a judge that is not there', $GOOD . "SMTPAuthToken nowhere:x\n",
     qr/SMTPAuthToken "nowhere:x": no provider is called "nowhere".*LoadModule/],
    ['a variable that is none', $GOOD . "SMTPAuthCertificateName REMOTE_USER\n",
     qr/SMTPAuthCertificateName "REMOTE_USER": is no variable.*SSL_CLIENT_S_DN/],
    # Credentials.
    ['credentials that are missing',
     $GOOD . "SMTPAuthCredentials txt:conf/nowhere\n",
     qr/SMTPAuthCredentials "txt:conf\/nowhere": cannot read .*nowhere/],
    ['credentials without a kind', $GOOD . "SMTPAuthCredentials conf/scram\n",
     qr/SMTPAuthCredentials "conf\/scram": is no map/],
    ['credentials in a list', $GOOD . "SMTPAuthCredentials list:bob\n",
     qr/SMTPAuthCredentials "list:bob": holds names without values/],
    # The section.
    ['two sections', $GOOD . $GOOD, qr/<SMTPAuth>: there is one already \(.*:\d+\); make one/],
    ['an argument', "<SMTPAuth mail>\n$BASIC$USER$REQUIRE</SMTPAuth>\n",
     qr/<SMTPAuth> "mail": takes no argument/],
    ['a directive that is not of it', section($BASIC, $USER, $REQUIRE,
                                              "SMTPMaxErrors 3\n"),
     qr/SMTPMaxErrors/],
);

for my $case (@CASES) {
    my ($name, $config, $words) = @{$case};
    subtest $name => sub {
        $server->write_config(config => $config);
        my ($status, $said) = $server->configtest;
        if ($words) {
            isnt($status, 0, 'refused');
            like($said, $words, 'for this reason');
        }
        else {
            is($status, 0, 'taken') || diag($said);
        }
    };
}

# RFC 4954 9.
subtest 'without TLS' => sub {
    my $plain = SMTPTest::Server->new(
        modules => [qw(authn_core auth_basic authn_file authz_user ssl)],
        files => $server->{files});
    for my $case (['nobody could log in', $GOOD,
                   qr/AUTH waits for TLS.*nobody could log in.*SSLEngine On.*SMTPAuthWithoutTLS On/],
                  ['unless that is wanted', $GOOD . "SMTPAuthWithoutTLS On\n",
                   undef],
                  ['and SMTPTLS off', $GOOD . "SMTPTLS off\n",
                   qr/AUTH waits for TLS/],
                  ['a word that is none', $GOOD . "SMTPAuthWithoutTLS yes\n",
                   qr/SMTPAuthWithoutTLS "yes"/],
                  ['-PLUS has nothing to be bound to', $GOOD
                      . "SMTPAuthCredentials txt:conf/users\n"
                      . "SMTPAuthMechanisms SCRAM-SHA-256-PLUS\n"
                      . "SMTPAuthWithoutTLS On\n",
                   qr/SCRAM-SHA-256-PLUS needs TLS, which is off/],
                  ['EXTERNAL needs it anyway', $GOOD . $CERTIFICATE
                       . $VERIFY . "SMTPAuthWithoutTLS On\n",
                   qr/EXTERNAL needs TLS, which is off/]) {
        my ($name, $config, $words) = @{$case};
        $plain->write_config(config => $config);
        my ($status, $said) = $plain->configtest;
        is($status != 0, defined $words, $name);
        like($said, $words // qr/Syntax OK/, "$name: so it says");
    }
};

done_testing;
