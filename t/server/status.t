# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# mod_status shows what SMTP does beside HTTP.
#
# speed: fast
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use SMTPTest::Server;
use SMTPTest::Wait qw(wait_until);

my $server = SMTPTest::Server->start_new(
    ports => { smtp => 'smtp', http => 'http' }, modules => ['status'],
    global => <<'END');
ExtendedStatus On
<Location /status>
    SetHandler server-status
    Require local
</Location>
END

sub page
{
    my ($query) = @_;
    my $http = $server->client(port => 'http');
    $http->send_octets("GET /status?$query HTTP/1.0\r\n"
                       . "Host: www.example.com\r\n\r\n");
    return $http->read_to_end // '';
}

my $client = $server->ehlo_client;
$client->send_message(from => '<script>@client.test',
                      to => 'bob@example.com', message => "A: b\r\n");
$client->send_message(to => 'bob@example.com', message => "A: b\r\n");
my $waiting = $server->ehlo_client;
$waiting->command('MAIL FROM:<a@client.test>');

subtest 'the page for people' => sub {
    my $page = page('');
    like($page, qr/\AHTTP\S+ 200 /, 'is there');
    like($page, qr/SMTP/, 'has a section of ours');
    like($page, qr/mx\.example\.com/, 'names the virtual host');
    unlike($page, qr/<script>\@/, 'nothing of a client is raw in it');
    my $is_shown = wait_until(10, sub {
        return page('') =~ /ESMTP|MAIL|smtp:/ && page('') =~ /127\.0\.0\.1/;
    });
    ok($is_shown, 'shows sessions in the table of workers');
};

subtest 'the page for programs' => sub {
    my $page = page('auto');
    like($page, qr/^SMTPHost: mx\.example\.com:\d+$/m, 'the virtual host');
    like($page, qr/^SMTP\w+: \d+$/m, 'a figure of ours');
    like($page, qr/^Total Accesses: (\d+)$/m, 'and httpd\'s');
    my ($accesses) = $page =~ /^Total Accesses: (\d+)$/m;
    cmp_ok($accesses, '>=', 2, 'transactions count as accesses');
};

$client->quit;
$waiting->quit;
$server->finish;
done_testing;
