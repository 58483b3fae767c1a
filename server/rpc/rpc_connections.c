#include "rpc_connections.h"

#include "crc32c.h"
#include "rpc_intake.h"
#include "rpc_internal.h"

/* An ended connection has this long to tell its callers before its socket is closed under them. */
#define LAST_WORDS_MS 1000

static struct bp_rpc_connection **bucket_of(struct bp_rpc_connections *t, const char *address)
{
    return &t->buckets[bp_crc32c(0, address, strlen(address)) % BP_RPC_CONNECTION_BUCKETS];
}

static void forget(struct bp_rpc_connections *t, struct bp_rpc_connection **at)
{
    struct bp_rpc_connection *c = *at;
    *at = c->next;
    t->n--;
    t->idle -= c->calls == 0;
    t->ended -= c->end_by_ms != 0;
    bp_rpc_peers_give_back(c->certificate);
    free(c);
}

void bp_rpc_connections_fini(struct bp_rpc_connections *t)
{
    for (unsigned i = 0; i < BP_RPC_CONNECTION_BUCKETS; i++)
        while (t->buckets[i] != NULL)
            forget(t, &t->buckets[i]);
}

static struct bp_rpc_connection *add(struct bp_rpc_connections *t, const char *address,
                                     struct bp_rpc_certificate *certificate, int64_t now_ns)
{
    struct bp_rpc_connection *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return NULL;
    struct bp_rpc_connection **bucket = bucket_of(t, address);
    c->next = *bucket;
    *bucket = c;
    c->id = ++t->last_id;
    (void)bp_str_copy(c->address, sizeof(c->address), bp_str(address));
    c->account = bp_rpc_intake_account(address);
    certificate->users++;
    c->certificate = certificate;
    c->since_ns = now_ns;
    t->n++;
    t->idle++;
    return c;
}

/* The address of a connection that is gone may come again with another certificate. */
struct bp_rpc_connection *bp_rpc_connections_take(struct bp_rpc_connections *t, const char *address,
                                                  struct bp_rpc_certificate *certificate,
                                                  int64_t now_ns, bool *is_new)
{
    struct bp_rpc_connection **at = bucket_of(t, address);
    while (*at != NULL && strcmp((*at)->address, address) != 0)
        at = &(*at)->next;
    struct bp_rpc_connection *c = *at;
    *is_new = c == NULL || c->certificate != certificate;
    if (*is_new && c != NULL && c->calls == 0)
        forget(t, at);
    if (*is_new && (c = add(t, address, certificate, now_ns)) == NULL)
        return NULL;
    t->idle -= c->calls == 0;
    c->calls++;
    return c;
}

void bp_rpc_connections_give_back(struct bp_rpc_connections *t, struct bp_rpc_connection *c)
{
    if (c == NULL)
        return;
    c->calls--;
    t->idle += c->calls == 0;
}

void bp_rpc_connections_end(struct bp_rpc_connections *t, struct bp_rpc_connection *c,
                            int64_t end_by_ms)
{
    t->ended += c->end_by_ms == 0;
    c->end_by_ms = end_by_ms;
}

void bp_rpc_connections_prune(struct bp_rpc_connections *t, unsigned port)
{
    struct bp_rpc_sockets sockets;
    if (t->idle == 0)
        return;
    bp_rpc_sockets_list(port, &sockets);
    for (unsigned i = 0; i < BP_RPC_CONNECTION_BUCKETS; i++) {
        struct bp_rpc_connection **at = &t->buckets[i];
        while (*at != NULL) {
            if ((*at)->calls == 0 && !bp_rpc_sockets_have(&sockets, (*at)->address))
                forget(t, at);
            else
                at = &(*at)->next;
        }
    }
    bp_rpc_sockets_free(&sockets);
}

void bp_rpc_connections_close_ended(struct bp_rpc_connections *t, unsigned port, int64_t now_ms)
{
    bool any = false;
    for (unsigned i = 0; t->ended != 0 && i < BP_RPC_CONNECTION_BUCKETS; i++) {
        for (struct bp_rpc_connection *c = t->buckets[i]; c != NULL; c = c->next) {
            if (c->end_by_ms == 0 || (c->calls != 0 && now_ms < c->end_by_ms))
                continue;
            (void)bp_rpc_sockets_shut(port, c->address);
            any = true;
        }
    }
    if (any)
        bp_rpc_connections_prune(t, port);
}

/* --- of a server --- */

unsigned bp_rpc_server_connections(struct bp_rpc_server *s)
{
    bp_rpc_connections_prune(&s->connections, s->port);
    return s->connections.n;
}

static int compare(const void *a, const void *b)
{
    const struct bp_rpc_connection *const *x = a, *const *y = b;
    return ((*x)->id > (*y)->id) - ((*x)->id < (*y)->id);
}

static struct bp_rpc_connection_info info_of(const struct bp_rpc_connection *c)
{
    return (struct bp_rpc_connection_info){.id = c->id,
                                           .identity = &c->certificate->identity,
                                           .address = c->address,
                                           .since_ns = c->since_ns,
                                           .streams = c->calls};
}

void bp_rpc_server_each_connection(struct bp_rpc_server *s, uint64_t after,
                                   bool (*each)(void *context,
                                                const struct bp_rpc_connection_info *info),
                                   void *context)
{
    bp_rpc_connections_prune(&s->connections, s->port);
    struct bp_rpc_connection **all = calloc(s->connections.n + 1, sizeof(*all));
    size_t n = 0;
    for (unsigned i = 0; all != NULL && i < BP_RPC_CONNECTION_BUCKETS; i++)
        for (struct bp_rpc_connection *c = s->connections.buckets[i]; c != NULL; c = c->next)
            if (c->id > after && c->certificate->is_known)
                all[n++] = c;
    if (n != 0)
        qsort(all, n, sizeof(*all), compare);
    bool goes_on = true;
    for (size_t i = 0; i < n && goes_on; i++) {
        struct bp_rpc_connection_info info = info_of(all[i]);
        goes_on = each(context, &info);
    }
    free(all);
}

/* Ends its calls but that of who asks, which is owed an answer. */
static unsigned end_calls(struct bp_rpc_server *s, const struct bp_rpc_connection *connection,
                          const struct bp_rpc_call *asking)
{
    const struct bp_rpc_status why = bp_rpc_status(BP_REASON_DISCONNECTED, NULL);
    unsigned n = 0;
    for (struct bp_rpc_call *c = s->calls; c != NULL; c = c->next) {
        if (c->connection != connection || c == asking || bp_rpc_call_is_over(c))
            continue;
        bp_rpc_call_cut(c, &why);
        n++;
    }
    return n;
}

unsigned
bp_rpc_server_disconnect(struct bp_rpc_server *s,
                         bool (*matches)(void *context, const struct bp_rpc_connection_info *info),
                         void *context, const struct bp_rpc_call *asking, unsigned *streams)
{
    unsigned n = 0;
    int64_t end_by_ms = bp_monotonic_ms(&bp_system_clock) + LAST_WORDS_MS;
    bp_rpc_connections_prune(&s->connections, s->port);
    *streams = 0;
    for (unsigned i = 0; i < BP_RPC_CONNECTION_BUCKETS; i++) {
        for (struct bp_rpc_connection *c = s->connections.buckets[i]; c != NULL; c = c->next) {
            struct bp_rpc_connection_info info = info_of(c);
            if (!c->certificate->is_known || !matches(context, &info))
                continue;
            bp_rpc_connections_end(&s->connections, c, end_by_ms);
            *streams += end_calls(s, c, asking);
            n++;
        }
    }
    return n;
}
