/* The hard part is that gRPC may close a descriptor at any moment and the kernel give its number
 * away again: what is shut is a duplicate, which keeps what it was made of, and which is looked at
 * after it was made. */
#include "rpc_sockets.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static unsigned port_of(const union address *a)
{
    if (a->any.sa_family == AF_INET)
        return ntohs(a->v4.sin_port);
    return a->any.sa_family == AF_INET6 ? ntohs(a->v6.sin6_port) : 0;
}

/* IPv4 inside IPv6 is IPv4, brackets are percent-encoded. */
bool bp_rpc_sockets_describe(const struct sockaddr *address, char out[BP_RPC_ADDRESS_BYTES])
{
    const union address *a = (const union address *)address;
    char host[INET6_ADDRSTRLEN];
    const void *bytes = &a->v4.sin_addr;
    bool is_v4 = a->any.sa_family == AF_INET;
    if (a->any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr)) {
        bytes = a->v6.sin6_addr.s6_addr + 12;
        is_v4 = true;
    } else if (a->any.sa_family == AF_INET6) {
        bytes = &a->v6.sin6_addr;
    }
    if (port_of(a) == 0 || inet_ntop(is_v4 ? AF_INET : AF_INET6, bytes, host, sizeof(host)) == NULL)
        return false;
    int n = snprintf(out, BP_RPC_ADDRESS_BYTES, is_v4 ? "ipv4:%s:%u" : "ipv6:%%5B%s%%5D:%u", host,
                     port_of(a));
    return n > 0 && n < BP_RPC_ADDRESS_BYTES;
}

/* The peer of a descriptor that is a connection of our port. */
static bool peer_of(int fd, unsigned port, char out[BP_RPC_ADDRESS_BYTES])
{
    union address own, peer;
    socklen_t n = (socklen_t)sizeof(own);
    memset(&own, 0, sizeof(own));
    memset(&peer, 0, sizeof(peer));
    if (getsockname(fd, &own.any, &n) != 0 || port_of(&own) != port)
        return false;
    n = (socklen_t)sizeof(peer);
    return getpeername(fd, &peer.any, &n) == 0 && port_of(&peer) != 0 &&
           bp_rpc_sockets_describe(&peer.any, out);
}

/* Calls each(context, fd) for every descriptor until it says false. */
static void walk(bool (*each)(void *context, int fd), void *context)
{
    DIR *dir = opendir("/proc/self/fd");
    const struct dirent *entry;
    bool goes_on = dir != NULL;
    while (goes_on && (entry = readdir(dir)) != NULL) {
        char *end;
        long fd = strtol(entry->d_name, &end, 10);
        if (end != entry->d_name && *end == '\0')
            goes_on = each(context, (int)fd);
    }
    if (dir != NULL)
        (void)closedir(dir);
}

struct collection {
    unsigned port;
    struct bp_rpc_sockets *out;
    size_t room;
};

static bool collect(void *context, int fd)
{
    struct collection *c = context;
    struct bp_rpc_sockets *s = c->out;
    if (s->n == c->room) {
        size_t room = c->room != 0 ? 2 * c->room : 64;
        void *peers = realloc(s->peers, room * sizeof(*s->peers));
        if (peers == NULL)
            return false;
        s->peers = peers;
        c->room = room;
    }
    s->n += peer_of(fd, c->port, s->peers[s->n]);
    return true;
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

void bp_rpc_sockets_list(unsigned port, struct bp_rpc_sockets *out)
{
    struct collection c = {.port = port, .out = out};
    *out = (struct bp_rpc_sockets){.n = 0};
    walk(collect, &c);
    if (out->n != 0)
        qsort(out->peers, out->n, sizeof(*out->peers), compare);
}

void bp_rpc_sockets_free(struct bp_rpc_sockets *s)
{
    free(s->peers);
    *s = (struct bp_rpc_sockets){.n = 0};
}

bool bp_rpc_sockets_have(const struct bp_rpc_sockets *s, const char *peer)
{
    return s->n != 0 && bsearch(peer, s->peers, s->n, sizeof(*s->peers), compare) != NULL;
}

struct search {
    unsigned port;
    const char *peer;
    bool found;
};

static bool shut_if_it(void *context, int fd)
{
    struct search *s = context;
    char peer[BP_RPC_ADDRESS_BYTES];
    if (!peer_of(fd, s->port, peer) || strcmp(peer, s->peer) != 0)
        return true;
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    s->found = own >= 0 && peer_of(own, s->port, peer) && strcmp(peer, s->peer) == 0 &&
               shutdown(own, SHUT_RDWR) == 0;
    if (own >= 0)
        (void)close(own);
    return !s->found;
}

bool bp_rpc_sockets_shut(unsigned port, const char *peer)
{
    struct search s = {.port = port, .peer = peer};
    walk(shut_if_it, &s);
    return s.found;
}
