# Licensed under the Apache License, Version 2.0; see LICENSE.
package SMTPTest::Network;

# A network of one test's own: a network namespace that nothing leaves, in
# which addresses of documentation (RFC 5737, RFC 3849) are this machine's and
# port 25 is free on each of them.

use strict;
use warnings;

use SMTPTest::Program;

# SMTPTest::Network::enter(ADDRESS, ...): the test goes on in its own
# namespace, where it has these addresses beside loopback; in 198.51.100.0/24
# whoever is asked says nothing, in 203.0.113.0/24 nobody is reached. First
# thing in a test, which is started anew by this.
sub enter
{
    my (@addresses) = @_;
    SMTPTest::Program::need('ip', root => 1);
    if (!$ENV{SMTP_TEST_NETWORK}) {
        local $ENV{SMTP_TEST_NETWORK} = 1;
        exec 'unshare', '--net', '--', $^X, $0, @ARGV
            or die "unshare: $!";
    }
    _run('ip', 'link', 'set', 'lo', 'up');
    for my $address (@addresses) {
        my $bits = $address =~ /:/ ? 128 : 32;
        _run('ip', 'address', 'add', "$address/$bits", 'dev', 'lo',
             $address =~ /:/ ? 'nodad' : ());
    }
    # What comes in by lo and is nobody's address is dropped.
    _run(qw(ip route add 198.51.100.0/24 dev lo));
    _run(qw(ip route add unreachable 203.0.113.0/24));
    return;
}

sub _run
{
    my (@command) = @_;
    my ($status, $text) = SMTPTest::Program::run('', @command);
    die "@command: $text" if $status != 0;
    return;
}

1;
