/* gRPC says that it could not bind, not why; this asks the system itself. */
#include "rpc_internal.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static bool split(const char *address, char host[256], char port[16])
{
    const char *colon = strrchr(address, ':');
    if (colon == NULL || !bp_str_copy(port, 16, bp_str(colon + 1)))
        return false;
    struct bp_str name = bp_str_of(address, (size_t)(colon - address));
    if (name.n >= 2 && name.p[0] == '[' && name.p[name.n - 1] == ']')
        name = bp_str_of(name.p + 1, name.n - 2);
    return bp_str_copy(host, 256, name);
}

static void try_bind(const struct addrinfo *info, char *out, size_t size)
{
    int fd = socket(info->ai_family, info->ai_socktype | SOCK_CLOEXEC, info->ai_protocol);
    int on = 1;
    bool works = fd >= 0 &&
                 setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, (socklen_t)sizeof(on)) == 0 &&
                 bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, 1) == 0;
    (void)snprintf(out, size, "%s", works ? "gRPC refuses it" : strerror(errno));
    if (fd >= 0)
        close(fd);
}

void bp_rpc_listen_reason(const char *address, char *out, size_t size)
{
    char host[256], port[16];
    if (!split(address, host, port)) {
        (void)snprintf(out, size, "not ADDRESS:PORT");
        return;
    }
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *info = NULL;
    int failed = getaddrinfo(host[0] != '\0' ? host : NULL, port, &hints, &info);
    if (failed != 0) {
        (void)snprintf(out, size, "%s", gai_strerror(failed));
        return;
    }
    try_bind(info, out, size);
    freeaddrinfo(info);
}
