# Licensed under the Apache License, Version 2.0; see LICENSE.
package SMTPTest::Wait;

# Waiting for an event that only shows when asked for.

use strict;
use warnings;

use Exporter qw(import);
use Time::HiRes qw(time);

our @EXPORT_OK = qw(wait_until);

# Asks CONDITION until it is true or SECONDS are over; what it said last.
sub wait_until
{
    my ($seconds, $condition) = @_;
    my $end = time + $seconds;
    my $pause = 0.001;
    while (1) {
        my $result = $condition->();
        return $result if $result || time >= $end;
        select undef, undef, undef, $pause;
        $pause = $pause * 2 > 0.05 ? 0.05 : $pause * 2;
    }
}

1;
