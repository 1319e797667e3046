#include <apr_pools.h>
const char *queue_verp_write(apr_pool_t *p, const char *delimiters, const char *reverse_path, const char *recipient);
