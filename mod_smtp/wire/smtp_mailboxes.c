/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtp_mailboxes.h"

#include <string.h>

#include "smtp_chars.h"
#include "smtp_domain.h"

/** Comments within comments at most: more is an attack on somebody. */
#define COMMENT_DEPTH_MAX 32

/** Where the reading stands. Functions take what they are named for and
 *  return 1, or 0 if it is not there; then the list is none. */
typedef struct cursor_t {
    const char *at;
    const char *end;
    apr_pool_t *pool;
    unsigned int allow;
    apr_array_header_t *mailboxes;
    int is_in_group;
    int groups;
    int is_too_many;
} cursor_t;

/** A part of a mailbox, without what surrounds it. One octet more than it
 *  may have tells that it is too long. */
typedef struct part_t {
    char octets[SMTP_DOMAIN_MAX_OCTETS + 2];
    apr_size_t len;
    apr_size_t max;
} part_t;

static int part_put(part_t *part, char c)
{
    if (part->len >= part->max) {
        return 0;
    }
    part->octets[part->len++] = c;
    part->octets[part->len] = '\0';
    return 1;
}

static int is_at(const cursor_t *cursor, char c)
{
    return cursor->at < cursor->end && *cursor->at == c;
}

static int take(cursor_t *cursor, char c)
{
    if (!is_at(cursor, c)) {
        return 0;
    }
    cursor->at++;
    return 1;
}

static int is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/** atext of RFC 6532 3.2: that it is UTF-8 is known by then. */
static int is_atext(char c)
{
    return smtp_chars_is(c, SMTP_CHARS_ATEXT) || (unsigned char)c > 127;
}

/** A control that may stand nowhere in a field body, but for folding. */
static int is_control(char c)
{
    return ((unsigned char)c < 32 && !is_blank(c)) || c == 127;
}

/** A comment (RFC 5322 3.2.2), nested ones in it. */
static int comment_take(cursor_t *cursor)
{
    int depth = 0;

    do {
        if (cursor->at == cursor->end) {
            return 0;
        }
        if (*cursor->at == '(' && ++depth > COMMENT_DEPTH_MAX) {
            return 0;
        }
        depth -= *cursor->at == ')';
        if (*cursor->at == '\\' && ++cursor->at == cursor->end) {
            return 0;
        }
        cursor->at++;
    } while (depth > 0);
    return 1;
}

/** CFWS (RFC 5322 3.2.2), none of it too. */
static int cfws_take(cursor_t *cursor)
{
    while (cursor->at < cursor->end) {
        if (*cursor->at == '(') {
            if (!comment_take(cursor)) {
                return 0;
            }
        }
        else if (is_blank(*cursor->at)) {
            cursor->at++;
        }
        else {
            break;
        }
    }
    return 1;
}

/** A quoted-string, unquoted into @a part (NULL: not kept). Its folding is no
 *  part of it (RFC 5322 3.2.4). */
static int quoted_take(cursor_t *cursor, part_t *part)
{
    cursor->at++;
    while (cursor->at < cursor->end && *cursor->at != '"') {
        if (*cursor->at == '\\' && ++cursor->at == cursor->end) {
            return 0;
        }
        if (*cursor->at != '\r' && *cursor->at != '\n'
            && part && !part_put(part, *cursor->at)) {
            return 0;
        }
        cursor->at++;
    }
    return take(cursor, '"');
}

static int atom_take(cursor_t *cursor, part_t *part)
{
    const char *begin = cursor->at;

    while (cursor->at < cursor->end && is_atext(*cursor->at)) {
        if (part && !part_put(part, *cursor->at)) {
            return 0;
        }
        cursor->at++;
    }
    return cursor->at > begin;
}

static int word_take(cursor_t *cursor, part_t *part)
{
    return is_at(cursor, '"') ? quoted_take(cursor, part)
                              : atom_take(cursor, part);
}

/** word *("." word), with CFWS anywhere between (RFC 5322 3.4.1, 4.4). */
static int dotted_take(cursor_t *cursor, part_t *part,
                       int (*element_take)(cursor_t *, part_t *))
{
    for (;;) {
        if (!cfws_take(cursor) || !element_take(cursor, part)
            || !cfws_take(cursor)) {
            return 0;
        }
        if (!is_at(cursor, '.')) {
            return 1;
        }
        if (!part_put(part, *cursor->at++)) {
            return 0;
        }
    }
}

/** A domain-literal (RFC 5322 3.4.1), white space in it dropped. */
static int literal_take(cursor_t *cursor, part_t *part)
{
    while (cursor->at < cursor->end && *cursor->at != ']') {
        if (*cursor->at == '\\'
            || (*cursor->at == '[' && part->len > 0)
            || (!is_blank(*cursor->at) && !part_put(part, *cursor->at))) {
            return 0;
        }
        cursor->at++;
    }
    return is_at(cursor, ']') && part_put(part, *cursor->at++)
           && cfws_take(cursor);
}

static int domain_take(cursor_t *cursor, part_t *domain)
{
    domain->octets[0] = '\0';
    domain->len = 0;
    domain->max = SMTP_DOMAIN_MAX_OCTETS;
    if (!cfws_take(cursor)) {
        return 0;
    }
    return is_at(cursor, '[') ? literal_take(cursor, domain)
                              : dotted_take(cursor, domain, atom_take);
}

static int mailbox_add(cursor_t *cursor, const part_t *local,
                       const part_t *domain)
{
    const smtp_address_t *address =
        smtp_address_create(cursor->pool, local->octets, domain->octets);

    if (address == NULL) {
        return 0;
    }
    if (cursor->mailboxes->nelts >= SMTP_MAILBOXES_MAX) {
        cursor->is_too_many = 1;
        return 0;
    }
    APR_ARRAY_PUSH(cursor->mailboxes, const smtp_address_t *) = address;
    return 1;
}

/** addr-spec, CFWS around it. */
static int addr_spec_take(cursor_t *cursor)
{
    part_t local = { "", 0, SMTP_ADDRESS_LOCAL_MAX_OCTETS };
    part_t domain;

    return dotted_take(cursor, &local, word_take) && take(cursor, '@')
           && domain_take(cursor, &domain)
           && mailbox_add(cursor, &local, &domain);
}

/** obs-route ":" (RFC 5322 4.4): *("," CFWS) "@" domain ... */
static int route_take(cursor_t *cursor)
{
    part_t domain;

    while (!take(cursor, ':')) {
        if (take(cursor, '@') ? !domain_take(cursor, &domain)
                              : !take(cursor, ',')) {
            return 0;
        }
        if (!cfws_take(cursor)) {
            return 0;
        }
    }
    return 1;
}

static int angle_take(cursor_t *cursor)
{
    if (!take(cursor, '<') || !cfws_take(cursor)) {
        return 0;
    }
    if ((is_at(cursor, '@') || is_at(cursor, ',')) && !route_take(cursor)) {
        return 0;
    }
    return addr_spec_take(cursor) && take(cursor, '>') && cfws_take(cursor);
}

/** What a display name may hold: words, and dots that are none of its own but
 *  common (obs-phrase). Says whether there was a word. */
static int phrase_take(cursor_t *cursor, int *has_word)
{
    *has_word = 0;
    for (;;) {
        if (!cfws_take(cursor)) {
            return 0;
        }
        if (*has_word && take(cursor, '.')) {
            continue;
        }
        if (cursor->at == cursor->end
            || (!is_at(cursor, '"') && !is_atext(*cursor->at))) {
            return 1;
        }
        if (!word_take(cursor, NULL)) {
            return 0;
        }
        *has_word = 1;
    }
}

static int list_take(cursor_t *cursor);

/** The rest of a group behind its name. */
static int group_take(cursor_t *cursor)
{
    if (cursor->is_in_group
        || !(cursor->allow & SMTP_MAILBOXES_ALLOW_GROUP)) {
        return 0;
    }
    cursor->at++;
    cursor->is_in_group = 1;
    cursor->groups++;
    if (!list_take(cursor) || !take(cursor, ';')) {
        return 0;
    }
    cursor->is_in_group = 0;
    return cfws_take(cursor);
}

/** A mailbox or a group. Which it is shows behind the phrase that it begins
 *  with: what turns out an addr-spec is read again as that. */
static int address_take(cursor_t *cursor)
{
    const char *begin = cursor->at;
    int has_word;

    if (!phrase_take(cursor, &has_word)) {
        return 0;
    }
    if (is_at(cursor, '<')) {
        return angle_take(cursor);
    }
    if (is_at(cursor, ':')) {
        return has_word && group_take(cursor);
    }
    cursor->at = begin;
    return addr_spec_take(cursor);
}

/** Addresses, separated by commas; some may be missing (obs-mbox-list). */
static int list_take(cursor_t *cursor)
{
    for (;;) {
        if (!cfws_take(cursor)) {
            return 0;
        }
        if (cursor->at == cursor->end || is_at(cursor, ';')) {
            return 1;
        }
        if (take(cursor, ',')) {
            continue;
        }
        if (!address_take(cursor)) {
            return 0;
        }
        if (cursor->at < cursor->end && !is_at(cursor, ',')
            && !is_at(cursor, ';')) {
            return 0;
        }
    }
}

static int has_control(const char *s, apr_size_t len)
{
    apr_size_t i;

    for (i = 0; i < len; i++) {
        if (is_control(s[i])) {
            return 1;
        }
    }
    return 0;
}

smtp_mailboxes_status_e smtp_mailboxes_parse(apr_pool_t *p, const char *s,
                                             apr_size_t len,
                                             unsigned int allow,
                                             apr_array_header_t **mailboxes)
{
    cursor_t cursor = { s, s + len, p, allow, NULL, 0, 0, 0 };
    int is_list;

    cursor.mailboxes = apr_array_make(p, 2, sizeof(const smtp_address_t *));
    *mailboxes = cursor.mailboxes;
    is_list = !has_control(s, len) && smtp_chars_is_utf8(s, len)
              && list_take(&cursor) && cursor.at == cursor.end
              && (cursor.mailboxes->nelts > 0 || cursor.groups > 0);
    if (is_list) {
        return SMTP_MAILBOXES_OK;
    }
    apr_array_clear(cursor.mailboxes);
    return cursor.is_too_many ? SMTP_MAILBOXES_TOO_MANY
                              : SMTP_MAILBOXES_SYNTAX;
}
