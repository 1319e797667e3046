#!/usr/bin/env perl
# Licensed under the Apache License, Version 2.0; see LICENSE.
# The manual says what the code does: every directive of a command table has its
# entry, no entry is left over, each has its five fields, and the defaults,
# limits, words, keywords, log formats and hooks are those of the code.

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use Tree;

my @FIELDS = qw(Description Syntax Default Context Module);

# The page of a folder of sources.
my %PAGE = (server => 'mod_smtp', map { $_ => "mod_smtp_$_" }
            qw(spool oauth queue proxy milter policy mailauth status));

# NAME => its flags, for all AP_INIT_* in the sources of a folder.
sub directives_of_code
{
    my ($folder) = @_;
    my %directive;

    for my $file (source_files(qr{^mod_smtp/$folder/.*\.c$})) {
        my $text = slurp($file);
        while ($text =~ /\bAP_INIT_\w+\(\s*"(<?\w+)",\s*\w+,\s*\w+,\s*([^,]+),/g) {
            my ($name, $flags) = ($1, $2);
            $directive{ $name =~ /^</ ? "$name>" : $name } =
                $flags =~ s/^\s+|\s+$//gr;
        }
    }
    return %directive;
}

# NAME => { field => text, body => text }, for all entries of a page.
sub directives_of_page
{
    my ($page) = @_;
    my %directive;
    my ($section) = $page =~ /^## Directives\n(.*?)(?=^## |\z)/ms;
    my (undef, @entries) = split /^### /m, $section;

    for my $entry (@entries) {
        my ($name, $rest) = split /\n/, $entry, 2;
        my %field = $rest =~ /^- \*\*(\w+):\*\* (.*)$/mg;
        my @order = $rest =~ /^- \*\*(\w+):\*\* /mg;
        $directive{ $name =~ s/\\//gr } =
            { %field, order => "@order", body => $rest };
    }
    return %directive;
}

# What the flags of a command_rec mean, in words.
my %CONTEXT = (
    IN_SERVER => qr/^(?:server config, )?virtual host$/,
    IN_DOMAIN => qr/^`<SMTPDomain>`$/,
    IN_BOTH => qr/^server config, virtual host, `<SMTPDomain>`$/,
    IN_DESTINATION => qr/^server config, virtual host, `<SMTPDestination>`$/,
    RSRC_CONF => qr/^server config(?:, virtual host)?$/,
);

sub check_entry
{
    my ($name, $flags, $entry, $module) = @_;
    my $bare = $name =~ s/[<>]//gr;

    is $entry->{order}, "@FIELDS", "$name: five fields, in order" or return;
    like $entry->{Syntax}, qr/^`<?\Q$bare\E\b.*`$/, "$name: syntax";
    like $entry->{Default}, qr/^(?:none|`\Q$bare\E .+`)$/, "$name: default";
    ok $CONTEXT{$flags}, "$name: context $flags is known" or return;
    like $entry->{Context}, $CONTEXT{$flags}, "$name: context";
    is $entry->{Module}, $module, "$name: module";
    like $entry->{body}, qr/\n\n\S.{20}/s, "$name: says more than its fields";
}

my %entry;    # of all pages
for my $folder (sort keys %PAGE) {
    my %code = directives_of_code($folder) or next;
    my $file = "mod_smtp/manual/$PAGE{$folder}.md";

    ok -s $file, "$folder/ has its page, $file" or next;
    my %page = directives_of_page(slurp($file));
    is join(' ', grep { !$page{$_} } sort keys %code), '',
        "$file: no directive is missing";
    is join(' ', grep { !$code{$_} } sort keys %page), '',
        "$file: no directive is there that the code does not know";
    for my $name (grep { $page{$_} } sort keys %code) {
        check_entry($name, $code{$name}, $page{$name}, $PAGE{$folder});
    }
    %entry = (%entry, %page);
}

# ---- Values, from the tables of the code ----------------------------------

my $conf = slurp('mod_smtp/server/smtpd_conf.c');
my %macro = $conf =~ /^#define (\w+)\s+(\d+)$/mg;
my $setters = slurp('mod_smtp/server/smtpd_conf_directive.c');

sub number
{
    my ($text) = @_;
    return $macro{$text} // $text;
}

my @numbers = $conf =~ /\{ "(\w+)", FIELD\([\w.]+\),\s*(\w+),\s*(\w+),\s*(\w+),/g;
ok @numbers >= 4 * 7, 'the table of numbers was found';
while (my ($name, $default, $min, $max) = splice @numbers, 0, 4) {
    my $entry = $entry{$name} or next;
    if (number($max) eq '0') {    # words, of which the default is one
        my @words = $setters =~ /\{ "$name",\s*"(\w+)"/g;
        is $entry->{Syntax}, "`$name " . join('|', @words) . '`',
            "$name: the words of its syntax";
        is $entry->{Default}, "`$name $words[0]`", "$name: its default";
        like $setters, qr/"$name",\s*"$words[0]",\s*\Q$default\E\b/,
            "$name: the first word is the default";
        next;
    }
    is $entry->{Default}, "`$name " . number($default) . '`',
        "$name: its default";
    for my $limit (grep { $_ !~ /^(?:1|INT_MAX)$/ } $min, $max) {
        my $value = number($limit);
        like $entry->{body}, qr/\b$value\b/, "$name: says $value";
    }
    like $entry->{body}, qr/\b0: no limit|0\b.*no limit/, "$name: says what 0 is"
        if $conf =~ /"$name",[^}]*"no limit"/;
}

my @timeouts = $conf =~ /\{ "(\w+)", FIELD\(\w+\), (\d+) \* APR_USEC/g;
my $timeouts = '';
while (my ($key, $seconds) = splice @timeouts, 0, 2) {
    $timeouts .= " $key=$seconds";
}
is $entry{SMTPTimeout}{Default}, "`SMTPTimeout$timeouts`",
    'SMTPTimeout: its defaults';

# Limits: KEY=COUNT, KEY=COUNT/MINUTESmin or KEY=SECONDSs; off by default: none.
my %limits;
for my $row (slurp('mod_smtp/server/smtpd_conf_limit.c')
             =~ /^    (\{ "SMTP\w+", "\w+", [^}]*\})/mg) {
    my ($name, $key, $kind, $count, $seconds) =
        $row =~ /"(\w+)", "(\w+)", (\w+)\([\w.]+\),\s*(\d+),\s*(\d+) \}/;
    $limits{$name} .= " $key=" . ($kind eq 'COUNT' ? $count
                                  : $kind eq 'RATE' ? "$count/" . $seconds / 60 . 'min'
                                  : "${seconds}s");
    like $entry{$name}{Syntax}, qr/\[$key=/, "$name: the key $key";
}
is keys %limits, 2, 'the table of limits was found';
for my $name (sort keys %limits) {
    is $entry{$name}{Default}, $limits{$name} =~ /=0/ ? 'none'
        : "`$name$limits{$name}`", "$name: its default";
}

my ($megabytes) = $conf =~ /MESSAGE_OCTETS \(\(apr_off_t\)(\d+) \* 1024 \* 1024\)/;
is $entry{SMTPMaxMessageSize}{Default}, "`SMTPMaxMessageSize ${megabytes}M`",
    'SMTPMaxMessageSize: its default';

my ($method) = slurp('mod_smtp/server/smtpd_conf.c') =~ /method = "(\w+)"/;
is $entry{SMTPDeliver}{Default}, "`SMTPDeliver $method`",
    'SMTPDeliver: its default';

my ($spool) = map { slurp($_) } 'mod_smtp/spool/spool_config.c';
for my $row ([SMTPSpoolMinFree => 'MIN_FREE_DEFAULT'],
             [SMTPSpoolSegmentSize => 'SEGMENT_DEFAULT']) {
    my ($name, $macro) = @{$row};
    my ($value) = $spool =~ /^#define $macro\s+\((\d+) \* MIB\)$/m;
    is $entry{$name}{Default}, "`$name ${value}M`", "$name: its default";
}

my %oauth = slurp('mod_smtp/oauth/oauth_config.c')
    =~ /^#define (\w+) +(?:apr_time_from_sec\()?(\d+)\)?$/mg;
for my $row ([SMTPOAuthLeeway => "$oauth{LEEWAY_SEC}"],
             [SMTPOAuthMaxRequests => "$oauth{MAX_REQUESTS}"],
             [SMTPOAuthTimeout => "connect=$oauth{CONNECT_TIMEOUT} "
                                . "total=$oauth{TIMEOUT}"]) {
    my ($name, $default) = @{$row};
    is $entry{$name}{Default}, "`$name $default`", "$name: its default";
}

# The queue's tables: numbers, words and times.
my $queue = slurp('mod_smtp/queue/queue_conf.c');
my $queue_values = slurp('mod_smtp/queue/queue_conf_value.c');
my @queue_numbers = $queue =~ /\{\s"(\w+)",\s(?:WHOLE|VHOST|DESTINATION)\([\w.]+\),
                               \s*(\w+),\s*(\w+),\s*(\w+),/gx;
ok @queue_numbers >= 4 * 8, 'the table of the numbers of the queue was found';
while (my ($name, $default, $min, $max) = splice @queue_numbers, 0, 4) {
    my $entry = $entry{$name} or next;
    if ($max ne '0') {
        is $entry->{Default}, "`$name $default`", "$name: its default";
        for my $limit (grep { $_ !~ /^(?:1|INT_MAX)$/ } $min, $max) {
            like $entry->{body}, qr/\b$limit\b/, "$name: says $limit";
        }
        next;
    }
    my @words = $queue_values =~ /\{ "$name",\s*"(\w+)"/g or next;
    is $entry->{Syntax}, "`$name " . join('|', @words) . '`',
        "$name: the words of its syntax";
    is $entry->{Default}, "`$name $words[0]`", "$name: its default";
    like $queue_values, qr/"$name",\s*"$words[0]",\s*\Q$default\E\b/,
        "$name: the first word is the default";
}

my (%queue_times, %unit);
@unit{qw(SEC MIN HOUR DAY)} = qw(s m h d);
while ($queue =~ /\{\s"(\w+)",\s(?:NULL|"(\w+)"),\s\w+\([\w.()]+\),
                  \s*(?:(\d+)\ \*\ )?(\w+),/gx) {
    my ($name, $key, $count, $time) = ($1, $2, $3 // 1, $4);
    like $entry{$name}{Syntax}, qr/\[$key=TIME\]/, "$name: the key $key"
        if defined $key;
    next if $time eq '0';    # RFC 5321 says
    push @{ $queue_times{$name} },
        (defined $key ? "$key=" : '') . $count . $unit{$time};
}
ok keys %queue_times >= 5, 'the table of the times of the queue was found';
is $entry{$_}{Default}, "`$_ @{ $queue_times{$_} }`", "$_: its default"
    for sort keys %queue_times;
my ($curve) = $queue =~ /intervals\[\] = "([^"]+)"/;
is $entry{SMTPRetry}{Default}, "`SMTPRetry $curve`", 'SMTPRetry: its default';
my ($kilobytes) = $queue =~ /DSN_OCTETS \((\d+) \* 1024\)/;
is $entry{SMTPDSNMaxSize}{Default}, "`SMTPDSNMaxSize ${kilobytes}K`",
    'SMTPDSNMaxSize: its default';

# ---- Keywords, formats, hooks ---------------------------------------------

sub sorted { return join ' ', sort @_ }

my $page = slurp('mod_smtp/manual/mod_smtp.md');

my ($switched) = slurp('mod_smtp/server/smtpd_conf_directive.h')
    =~ /^#define SMTPD_CONF_EXTENSIONS((?:.*\\\n)*.*\n)/m;
my %keyword_of = map { reverse $_ =~ /"(\w+)",\s*(SMTP_EXTENSION_\w+)/ }
    split /\n/, slurp('mod_smtp/wire/smtp_extension.c');
is sorted($entry{SMTPExtensions}{body} =~ /^\| ([A-Z0-9]+) \|/mg),
    sorted(map { $keyword_of{$_} } $switched =~ /(SMTP_EXTENSION_\w+)/g),
    'SMTPExtensions: its keywords';

is sorted($page =~ /^\| `%\{(\w+)\}\^SM` \|/mg),
    sorted(slurp('mod_smtp/server/smtpd_log.c') =~ /\{ "(\w+)",\s*item_/g),
    'log formats';

is sorted(slurp('mod_smtp/manual/mod_smtp_queue.md')
          =~ s/\n## Directives\n.*//sr =~ /^\| `%\{([a-z_]+)\}` \|/mg),
    sorted(slurp('mod_smtp/queue/queue_log.c') =~ /\{ "(\w+)",\s*item_/g),
    'log formats of the queue';
is join(' ', $entry{SMTPDSNTemplate}{body} =~ /^\| `%\{(\w+)\}` \|/mg),
    join(' ', slurp('mod_smtp/queue/queue_dsn_text.c')
         =~ /\{ "(\w+)",\s*[01], value_/g),
    'what a template of a DSN names';

my ($hooks) = $page =~ /^(\| hook \|.*?)\n\n/ms;
is sorted($hooks =~ /^\| `(\w+)` \|/mg),
    sorted(map { slurp($_) =~ /APR_DECLARE_EXTERNAL_HOOK\(smtp, SMTP, \w+, (\w+)/g }
           source_files(qr{^mod_smtp/include/.*\.h$})),
    'hooks';

is sorted($page =~ /^\| `(\w+):` \|/mg),
    sorted(slurp('mod_smtp/server/smtpd_lookup.c') =~ /\{ "(\w+)",\s*&/g),
    'kinds of maps';

# ---- Links ------------------------------------------------------------------

# As GitHub makes an anchor of a heading.
sub anchor
{
    my ($heading) = @_;
    return lc($heading =~ s/[^\w\- ]//gr) =~ s/ /-/gr;
}

for my $file (source_files(qr{^mod_smtp/manual/.*\.md$})) {
    my $text = slurp($file);
    my %anchor = map { anchor($_) => 1 } $text =~ /^#+ (.*)$/mg;
    my @links = $text =~ /\]\(\s*([^)\s]+)\s*\)/g;

    is join(' ', grep { /^#(.*)/ && !$anchor{$1} } @links), '',
        "$file: links within the page lead somewhere";
    is join(' ', grep { !/^#/ && !/^https?:/
                        && !-e ('mod_smtp/manual/' . s/#.*//r) } @links), '',
        "$file: links to other files lead somewhere";
}
done_testing;
