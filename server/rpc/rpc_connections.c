/* How many connections have a call open. gRPC does not tell of connections, but the address of a
 * call's other side is one. */
#include "rpc_internal.h"

static int compare(const void *a, const void *b)
{
    const char *const *left = a, *const *right = b;
    return strcmp(*left, *right);
}

unsigned bp_rpc_server_connections(const struct bp_rpc_server *s)
{
    size_t n = 0, most = bp_rpc_server_streams(s);
    const char **addresses = calloc(most + 1, sizeof(*addresses));
    if (addresses == NULL)
        return 0;
    for (const struct bp_rpc_call *c = s->calls; c != NULL && n < most; c = c->next)
        if (c->peer.address[0] != '\0')
            addresses[n++] = c->peer.address;
    qsort(addresses, n, sizeof(*addresses), compare);
    unsigned distinct = 0;
    for (size_t i = 0; i < n; i++)
        if (i == 0 || strcmp(addresses[i], addresses[i - 1]) != 0)
            distinct++;
    free(addresses);
    return distinct;
}
