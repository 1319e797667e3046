# Licensed under the Apache License, Version 2.0; see LICENSE.
package SMTPTest::Package;

# Debian packages that cannot be installed beside others: fetched, unpacked in
# a folder of the test, and run in a mount namespace that has their users and
# the folders whose paths are compiled into them.

use strict;
use warnings;

use Fcntl qw(LOCK_EX);

use SMTPTest::File qw(write_file);
use SMTPTest::Program;

# Into FOLDER, which is made; skips the whole test if it is not to be had. It
# is fetched once for all tests of a build, and by one of them.
sub unpack
{
    my ($name, $folder) = @_;
    my $kept = ($ENV{SMTP_BUILD_DIR} // '.') . '/t/packages';
    mkdir $_ for $folder, $kept;
    open my $lock, '>>', "$kept/lock" or die "$kept: $!";
    flock $lock, LOCK_EX or die "$kept: $!";
    my @found = glob "$kept/${name}_*.deb";
    _download($name, $kept) if !@found;
    my ($status) = SMTPTest::Program::run(
        '', 'sh', '-c', 'dpkg-deb -x "$1/$2"_*.deb "$3"', 'sh', $kept, $name,
        $folder);
    SMTPTest::Program::skip_test("$name is not to be had") if $status;
    return;
}

# Under another name while it is not whole.
sub _download
{
    my ($name, $folder) = @_;
    SMTPTest::Program::run('', 'sh', '-c',
        'mkdir -p "$1/new" && cd "$1/new" && { apt-get download "$2" || '
        . '{ apt-get update && apt-get download "$2"; }; } && mv -- *.deb ..',
        'sh', $folder, $name);
    return;
}

# Files for passwd and group in FOLDER, in which these users are beside those
# of the system, as pairs for mounted(). NAME => [UID, GID].
sub users
{
    my ($folder, %users) = @_;
    write_file("$folder/passwd", (map { sprintf "%s:x:%d:%d::/:/bin/false\n",
                                        $_, @{ $users{$_} } } sort keys %users),
               _lines('/etc/passwd'));
    write_file("$folder/group", (map { "$_:x:$users{$_}[1]:\n" }
                                 sort keys %users), _lines('/etc/group'));
    return ("$folder/passwd" => '/etc/passwd',
            "$folder/group" => '/etc/group');
}

# What to put before a command, so that to it and its children each first of
# these pairs of files or folders stands where the second is.
sub mounted
{
    my (@pairs) = @_;
    my $mounts = @pairs / 2;
    return ('unshare', '-m', '--propagation', 'private', 'sh', '-ec',
            "for i in \$(seq $mounts); do "
            . 'mount --bind "$1" "$2"; shift 2; done; exec "$@"', 'sh',
            @pairs);
}

sub _lines
{
    my ($path) = @_;
    open my $file, '<', $path or die "$path: $!";
    return <$file>;
}

1;
