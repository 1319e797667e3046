# Licensed under the Apache License, Version 2.0; see LICENSE.
# mpm: event
#
# ChrootDir: the queue process goes there as all who serve do, and sends the
# mail that they take; httpd -t says what is missing in there.
use strict;
use warnings;

use File::Basename qw(dirname);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::NextHop;
use SMTPTest::Server;
use SMTPTest::Wait qw(wait_until);

plan skip_all => 'only root may chroot' if $>;
# The end of a thread needs it, and it cannot be loaded in there.
my ($libgcc) = glob '/lib/*-linux-gnu/libgcc_s.so.1 /lib*/libgcc_s.so.1';
plan skip_all => 'no libgcc_s.so.1' if !$libgcc;

my $hop = SMTPTest::NextHop->start_new(directory => tempdir(CLEANUP => 1));
my $server = SMTPTest::Server->new(
    queue => 1,
    global => "LoadFile $libgcc\nChrootDir \${root}",
    config => "<SMTPRelay>\nRequire ip 127.0.0.1\n</SMTPRelay>\n"
        . 'SMTPRoute smtp:127.0.0.1:' . $hop->port);
my $root = $server->root;

my ($status, $words) = $server->configtest;
isnt($status, 0, 'a spool that is not found in there is refused');
like($words, qr/ChrootDir \Q$root\E: SMTPSpool \Q$root\E\/spool is not the/,
     'in these words');

# The path of the spool leads to it from inside, too.
make_path($root . dirname($root));
symlink '/', "$root$root" or die "symlink: $!";
($status, $words) = $server->configtest;
isnt($status, 0, 'DNS without resolv.conf is refused');
like($words, qr{ChrootDir \Q$root\E: there is no /etc/resolv.conf in it},
     'in these words');

mkdir "$root/etc" or die "etc: $!";
open my $file, '>', "$root/etc/resolv.conf" or die "resolv.conf: $!";
print {$file} "nameserver 127.0.0.1\n";
close $file or die "resolv.conf: $!";
($status, $words) = $server->configtest;
is($status, 0, 'now it is right') or diag($words);

$server->start;
my ($pid) = grep { my $is = 0;
                   if (open my $comm, '<', "/proc/$_/comm") {
                       $is = (<$comm> // '') =~ /\Asmtp-queue/;
                   }
                   $is } $server->pids;
ok(wait_until(60, sub { (readlink("/proc/$pid/root") // '') eq $root }),
   'the queue process is in there');
my $client = $server->ehlo_client;
is($client->send_message(from => 'bob@example.com', to => 'x@elsewhere.test',
                         message => "Subject: x\r\n\r\nx\r\n")->code, '250',
   'accepted');
$client->quit;
ok(wait_until(60, sub { $hop->count }), 'sent');
$server->finish;
done_testing;
