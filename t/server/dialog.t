# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# Plays t/dialog/*.smtp, each file a subtest: every command and every reply
# code. With arguments only the files of these names.
#
# speed: fast
use strict;
use warnings;

use File::Basename qw(basename);
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Dialog;

my %is_wanted = map { $_ => 1 } @ARGV;
my @paths = grep { !@ARGV || $is_wanted{ basename($_, '.smtp') } }
    sort glob "$FindBin::Bin/../dialog/*.smtp";
ok(scalar @paths, 'there are dialogues');
for my $path (@paths) {
    subtest basename($path, '.smtp') => sub {
        # What one file dies of must not keep the others from running.
        eval { SMTPTest::Dialog->read_file($path)->play; 1 } or fail($@);
        done_testing;
    };
}
done_testing;
