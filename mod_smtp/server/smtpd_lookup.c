/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "smtpd_lookup.h"

#include <string.h>

#include <apr_strings.h>

#include <ap_provider.h>

static const struct {
    const char *kind;
    const smtp_lookup_t *lookup;
} kinds[] = {
    { "list", &smtpd_lookup_list },
    { "txt",  &smtpd_lookup_txt },
    { "dbm",  &smtpd_lookup_dbm },
    { "dbd",  &smtpd_lookup_dbd }
};

void smtpd_lookup_register(apr_pool_t *p)
{
    size_t i;

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        ap_register_provider(p, SMTP_LOOKUP_GROUP, kinds[i].kind,
                             SMTP_LOOKUP_VERSION, kinds[i].lookup);
    }
}

/** The kinds that are loaded, as "dbm:, txt:". */
static const char *kinds_write(apr_pool_t *p)
{
    apr_array_header_t *names = ap_list_provider_names(p, SMTP_LOOKUP_GROUP,
                                                       SMTP_LOOKUP_VERSION);
    const char *text = "";
    int i;

    for (i = 0; i < names->nelts; i++) {
        text = apr_pstrcat(p, text, i > 0 ? ":, " : "",
                           APR_ARRAY_IDX(names, i,
                                         ap_list_provider_names_t)
                           .provider_name, NULL);
    }
    return apr_pstrcat(p, text, ":", NULL);
}

const char *smtpd_lookup_open(apr_pool_t *p, server_rec *s, const char *spec,
                              smtp_lookup_content_e content,
                              smtpd_map_t **map)
{
    const char *colon = strchr(spec, ':');
    const char *kind, *fault;

    *map = NULL;
    if (colon == NULL) {
        return apr_psprintf(p, "\"%s\": is no map; write kind:argument, with "
                            "kind one of %s; an argument with blanks needs "
                            "quotes around the whole", spec, kinds_write(p));
    }
    kind = apr_pstrmemdup(p, spec, colon - spec);
    *map = apr_pcalloc(p, sizeof(**map));
    (*map)->spec = apr_pstrdup(p, spec);
    (*map)->where = (*map)->spec;
    (*map)->lookup = ap_lookup_provider(SMTP_LOOKUP_GROUP, kind,
                                        SMTP_LOOKUP_VERSION);
    if ((*map)->lookup == NULL) {
        *map = NULL;
        return apr_psprintf(p, "\"%s\": no kind of map is called \"%s\"; "
                            "known are %s another may need the LoadModule of "
                            "its module before this line",
                            spec, kind, kinds_write(p));
    }
    fault = (*map)->lookup->open(p, s, colon + 1, content, &(*map)->map);
    if (fault != NULL) {
        *map = NULL;
        return apr_psprintf(p, "\"%s\": %s", spec, fault);
    }
    return NULL;
}
