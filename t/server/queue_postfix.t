# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# Messages of varied shape that we relay to Postfix arrive as they were sent.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Postfix;
use SMTPTest::Program;
use SMTPTest::Relay;

SMTPTest::Program::need('postfix', root => 1);

my $relay = SMTPTest::Relay->new;
my $postfix = SMTPTest::Postfix->start($relay->port);
$relay->start($postfix->port);
$relay->check(199, 2);
is(join('', $postfix->failures), '', 'Postfix had nothing to complain of');
is(scalar(grep { /warning|improper|error/ } $postfix->log), 0,
   'nor its log') || diag(grep { /warning|improper|error/ } $postfix->log);
done_testing;
