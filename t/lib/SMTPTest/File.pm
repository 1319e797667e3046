# Licensed under the Apache License, Version 2.0; see LICENSE.
package SMTPTest::File;

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT_OK = qw(write_file);

# Writes octets; the path.
sub write_file
{
    my ($path, @octets) = @_;
    open my $file, '>:raw', $path or die "$path: $!";
    print {$file} @octets or die "$path: $!";
    close $file or die "$path: $!";
    return $path;
}

1;
