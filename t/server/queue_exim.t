# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# Messages of varied shape that we relay to Exim arrive as they were sent: it
# offers CHUNKING (RFC 3030), by which we send what 7 bits do not hold.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Exim;
use SMTPTest::Relay;

my $relay = SMTPTest::Relay->new;
my $exim = SMTPTest::Exim->new($relay->port);
$relay->start($exim->listen);
$relay->check(199, 2);
is(scalar(grep { / \*\* | == |rejected/ } $exim->log), 0,
   'Exim had nothing to complain of')
    || diag(grep { / \*\* | == |rejected/ } $exim->log);
done_testing;
