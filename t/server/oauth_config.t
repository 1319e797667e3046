# Licensed under the Apache License, Version 2.0; see LICENSE.
# speed: fast
# mpm: event
#
# What httpd -t says about mod_smtp_oauth: whatever would let the token of
# somebody or something else log in is refused before there is a server, and so
# is what could not work.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Server;
use SMTPTest::Token;

my $key = SMTPTest::Token->new('ES256', kid => 'a');
my $rsa = SMTPTest::Token->new('RS256');
my %FILES = (
    'conf/keys.json' => SMTPTest::Token::set($key),
    'conf/broken.json' => '{"keys":[{]}',
    'conf/twice.json' => '{"keys":[],"keys":[]}',
    'conf/none.json' => '{"keys":[]}',
    'conf/oct.json' => '{"keys":[{"kty":"oct","k":"AAAA"}]}',
    'conf/private.json' => '{"keys":[{"kty":"EC","d":"AAAA"}]}',
    'conf/key.pem' => $rsa->pem,
    'conf/text.pem' => "no PEM\n",
    'conf/secret' => 's' x 32, 'conf/short' => 's' x 31,
    'conf/open' => 's' x 64, 'conf/lines' => "a\nb\n",
);
my $server = SMTPTest::Server->new(
    dsos => ['mod_smtp_oauth'], files => \%FILES,
    modules => [qw(authn_core authz_user)]);

# What virtual host and main server say about tokens; status and words.
sub configtest
{
    my ($host, $main) = @_;
    $server->write_config(config => <<"END", global => $main // '');
SMTPAuthWithoutTLS On
SMTPAuthLimit connection=off address=off login=off delay=off
<SMTPAuth>
    Require valid-user
</SMTPAuth>
$host
END
    chmod 0600, $server->root . "/conf/$_" or die "$_: $!"
        for qw(secret short lines);
    return $server->configtest;
}

my $JWT = <<'END';
SMTPAuthToken jwt
SMTPOAuthKeys jwks:conf/keys.json
SMTPOAuthIssuer https://id.example.com
SMTPOAuthAudience mail
END
my $ASK = <<'END';
SMTPAuthToken introspection
SMTPOAuthIntrospection https://id.example.com/introspect
SMTPOAuthClient mail conf/secret
SMTPOAuthAudience mail
END

# ---- Wrong values: line, what the message must have -------------------------

my @SYNTAX = (
    ['SMTPAuthToken jwt:conf/keys.json', qr/name keys by SMTPOAuthKeys/],
    ['SMTPAuthToken introspection:https://id.example.com/',
     qr/by SMTPOAuthIntrospection/],
    ['SMTPOAuthKeys conf/keys.json', qr/write jwks:path/],
    ['SMTPOAuthKeys jwks:', qr/write jwks:path/],
    ['SMTPOAuthKeys jwks:conf/nowhere', qr/conf\/nowhere: cannot be opened/],
    ['SMTPOAuthKeys jwks:conf', qr/is no regular file/],
    ['SMTPOAuthKeys jwks:conf/broken.json', qr/is no JWK Set/],
    ['SMTPOAuthKeys jwks:conf/twice.json', qr/a name that stands twice/],
    ['SMTPOAuthKeys jwks:conf/none.json', qr/has no key/],
    ['SMTPOAuthKeys jwks:conf/oct.json', qr/key 1 is a secret/],
    ['SMTPOAuthKeys jwks:conf/private.json', qr/key 1 is a private key/],
    ['SMTPOAuthKeys jwks:ES256:conf/keys.json', qr/take the algorithm away/],
    ['SMTPOAuthKeys pem:conf/text.pem', qr/has no PEM block/],
    ['SMTPOAuthKeys pem:ES256:conf/key.pem', qr/block 1 does not fit/],
    ['SMTPOAuthKeys pem:HS256:conf/key.pem', qr/block 1 does not fit/],
    ['SMTPOAuthKeys secret:conf/short', qr/take 32 random octets/],
    ['SMTPOAuthKeys secret:HS512:conf/secret', qr/64 for HS512/],
    ['SMTPOAuthKeys secret:RS256:conf/secret', qr/is for HS256/],
    ['SMTPOAuthKeys secret:conf/open', qr/chmod o-rw/],
    ['SMTPOAuthKeys jwks:conf/keys.json pem:conf/nowhere', qr/conf\/nowhere/],
    ['SMTPOAuthIssuer "a b"', qr/as it stands in tokens/],
    ["SMTPOAuthAudience a \xC3\xB6", qr/as it stands in tokens/],
    ['SMTPOAuthScope "a b"', qr/as it stands in tokens/],
    ['SMTPOAuthLoginClaim "e mail"', qr/as it stands in tokens/],
    (map { ["SMTPOAuthLeeway $_", qr/seconds from 0 to 600/] }
     qw(-1 601 x 1s 99999999999999999999)),
    ['SMTPOAuthIntrospection http://id.example.com/', qr{write https://}],
    ['SMTPOAuthIntrospection http://localhost/', qr{write https://}],
    ['SMTPOAuthIntrospection id.example.com', qr{write https://}],
    ['SMTPOAuthIntrospection ftp://127.0.0.1/', qr{write https://}],
    ['SMTPOAuthIntrospection https://a:b@id.example.com/',
     qr/give them by SMTPOAuthClient/],
    ['SMTPOAuthIntrospection https://id.example.com/#x', qr/fragment/],
    ['SMTPOAuthClient mail conf/nowhere', qr/cannot be opened/],
    ['SMTPOAuthClient mail conf/open', qr/chmod o-rw/],
    ['SMTPOAuthClient mail conf/lines', qr/in one line/],
    ['SMTPOAuthClient "a b" conf/secret', qr/as it stands/],
    ['SMTPOAuthCAFile conf/nowhere', qr/cannot be read/],
    ['SMTPOAuthCAFile conf/key.pem', qr/no certificate in PEM/],
    (map { ["SMTPOAuthTimeout $_", qr/give connect=TIME or total=TIME/] }
     qw(5 idle=5 connect)),
    (map { ["SMTPOAuthTimeout $_", qr/from 1ms to 60s/] }
     qw(connect=0 total=61 total=-1 total=x connect= total=2min)),
    ['SMTPOAuthMaxRequests 8', qr/cannot occur within/],
);

for my $case (@SYNTAX) {
    my ($line, $words) = @{$case};
    my ($status, $text) = configtest($line);
    my ($name) = $line =~ /\A(\w+)/;
    isnt($status, 0, $line);
    like($text, qr/line \d+ of \S+httpd\.conf:\n/, '  where');
    like($text, qr/\b$name\b/, '  directive');
    like($text, $words, '  remedy');
    unlike($text, qr/s{31}/, '  no secret');
}
for my $value (qw(0 1001 x -1)) {
    my ($status, $text) = configtest('', "SMTPOAuthMaxRequests $value");
    isnt($status, 0, "SMTPOAuthMaxRequests $value");
    like($text, qr/SMTPOAuthMaxRequests "\Q$value\E": .* from 1 to 1000/,
         '  remedy');
}

# ---- What is missing ------------------------------------------------------------

sub without
{
    my ($lines, @names) = @_;
    my $names = join '|', @names;
    return $lines =~ s/^(?:$names) .*\n//mgr;
}

my @MISSING = (
    [without($JWT, 'SMTPOAuthKeys'), qr/jwt needs SMTPOAuthKeys/],
    [without($JWT, 'SMTPOAuthIssuer'), qr/jwt needs SMTPOAuthIssuer/],
    [without($JWT, 'SMTPOAuthAudience'), qr/jwt needs SMTPOAuthAudience/],
    [without($JWT, 'SMTPOAuthAudience') . "SMTPOAuthScope mail\n",
     qr/jwt needs SMTPOAuthAudience/],
    ["SMTPAuthToken jwt\n", qr/jwt needs SMTPOAuthKeys/],
    [without($ASK, 'SMTPOAuthIntrospection'), qr/needs SMTPOAuthIntrosp/],
    [without($ASK, 'SMTPOAuthClient'), qr/needs SMTPOAuthClient/],
    [without($ASK, 'SMTPOAuthAudience'),
     qr/needs SMTPOAuthAudience or SMTPOAuthScope/],
);
for my $case (@MISSING) {
    my ($lines, $words) = @{$case};
    my ($status, $text) = configtest($lines);
    isnt($status, 0, "refused: $words");
    like($text, qr/SM3001: <VirtualHost 127\.0\.0\.1:\d+> \(\S+:\d+\): /,
         '  which virtual host');
    like($text, $words, '  what is missing');
}

# ---- What is right ------------------------------------------------------------

my @RIGHT = (
    [$JWT], [$ASK],
    [without($ASK, 'SMTPOAuthAudience') . "SMTPOAuthScope mail.send\n"],
    ["$JWT\nSMTPOAuthKeys pem:conf/key.pem pem:PS512:conf/key.pem\n"
     . 'SMTPOAuthKeys secret:conf/secret secret:HS256:conf/secret'],
    ["$JWT\nSMTPOAuthLeeway 0"], ["$JWT\nSMTPOAuthLeeway 600"],
    ["$JWT\nSMTPOAuthLoginClaim email"],
    ["$ASK\nSMTPOAuthTimeout connect=500ms total=60"],
    ["$ASK\nSMTPOAuthIntrospection http://127.0.0.1:8080/x"],
    ["$ASK\nSMTPOAuthIntrospection http://[::1]/x"],
    [$ASK, 'SMTPOAuthMaxRequests 1000'],
    # The main server's words hold in virtual hosts, and an HTTP one needs none.
    ["SMTPAuthToken jwt\n", without($JWT, 'SMTPAuthToken')],
    ["SMTPOAuthAudience other\n", $JWT],
    ['', "$JWT<VirtualHost 127.0.0.1:1>\nServerName www.test\n</VirtualHost>"],
    ["SMTPOAuthKeys jwks:conf/keys.json\nSMTPOAuthIssuer i\n"
     . "SMTPOAuthAudience a\n", "SMTPAuthToken jwt\n"
     . "<VirtualHost 127.0.0.1:1>\nServerName www.test\n</VirtualHost>"],
);
for my $case (@RIGHT) {
    my ($status, $text) = configtest(@{$case});
    is($status, 0, join ' | ', map { s/\n/ /gr } @{$case});
    is($text, "Syntax OK\n", '  without a word');
}

done_testing;
