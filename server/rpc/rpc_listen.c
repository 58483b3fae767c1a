/* The listener: gRPC's server with its settings, its methods and its port. gRPC says that it could
 * not bind, not why; bp_rpc_listen_reason asks the system itself. */
#include "rpc_internal.h"

#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rpc_intake.h"
#include "rpc_log.h"

static int largest_request(const struct bp_rpc_server *s)
{
    size_t most = BP_RPC_DEFAULT_REQUEST_BYTES;
    for (unsigned i = 0; i < s->n_routes; i++)
        if (s->routes[i].method->most_request_bytes > most)
            most = s->routes[i].method->most_request_bytes;
    return most < INT_MAX ? (int)most : INT_MAX;
}

static grpc_arg arg(const char *key, int value)
{
    /* gRPC's struct is older than const */
    return (grpc_arg){
        .type = GRPC_ARG_INTEGER, .key = (char *)(uintptr_t)key, .value.integer = value};
}

#define MEMORY_DEFAULT (UINT64_C(1) << 30)

/* What a stream may send before it is read: 10 MB/s over 100 ms of round trip. */
#define LOOKAHEAD_BYTES (1 << 20)

static grpc_arg memory_arg(grpc_resource_quota *quota)
{
    return (grpc_arg){.type = GRPC_ARG_POINTER,
                      .key = (char *)(uintptr_t)GRPC_ARG_RESOURCE_QUOTA,
                      .value.pointer = {quota, grpc_resource_quota_arg_vtable()}};
}

/* What a connection may bring before anything comes of it: the largest request at least. */
static uint64_t most_of_one(const struct bp_rpc_server *s, uint64_t most_bytes)
{
    uint64_t largest = 2 * (uint64_t)largest_request(s);
    return most_bytes / 8 > largest ? most_bytes / 8 : largest;
}

static grpc_server *grpc_create(const struct bp_rpc_server *s)
{
    uint64_t most_bytes = s->config.most_bytes != 0 ? s->config.most_bytes : MEMORY_DEFAULT;
    grpc_resource_quota *memory = grpc_resource_quota_create("berbagid");
    grpc_resource_quota_resize(memory, (size_t)most_bytes);
    bp_rpc_intake_start(most_of_one(s, most_bytes));
    grpc_arg args[] = {
        memory_arg(memory),
        arg(GRPC_ARG_ALLOW_REUSEPORT, 0), /* else a second server takes half the connections */
        arg(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, largest_request(s)),
        arg(GRPC_ARG_MAX_CONCURRENT_STREAMS,
            (int)(s->config.most_streams_per_connection & INT_MAX)),
        arg(GRPC_ARG_MAX_METADATA_SIZE, BP_RPC_METADATA_BYTES),
        arg(GRPC_ARG_TCP_READ_CHUNK_SIZE, 1024), /* grows with what comes */
        arg(GRPC_ARG_ENABLE_CHANNELZ, 0),        /* counts what nobody asks for */
        arg(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, 10 * 1000),
        /* A peer that vanished is found ten seconds behind the next thing written to it, which gRPC
         * has the kernel wait for (TCP_USER_TIMEOUT): a bookmark on an open subscription, an
         * answer; the ping is for who is written nothing. Clients may ask after us as often as
         * every 10 s. */
        arg(GRPC_ARG_KEEPALIVE_TIME_MS, 60 * 1000),
        arg(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10 * 1000),
        arg(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1),
        arg(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0),
        arg(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 9 * 1000),
        /* A connection takes new calls for an hour, so that one opened before a rotation does not
         * live for ever on the old certificates; the calls on it are left to end by themselves. */
        arg(GRPC_ARG_MAX_CONNECTION_AGE_MS, 3600 * 1000),
        /* Left to its probing, gRPC lets each stream send megabytes ahead, which have to be received
         * before the call can be refused or a stream of another client is heard. */
        arg(GRPC_ARG_HTTP2_BDP_PROBE, 0),
        arg(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, LOOKAHEAD_BYTES),
        /* A compressed message would be inflated before its size is looked at: none is taken. */
        arg(GRPC_ARG_ENABLE_PER_MESSAGE_COMPRESSION, 0),
        arg(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0),
        arg(GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET, 1 << GRPC_COMPRESS_NONE),
    };
    grpc_server *server =
        grpc_server_create(&(grpc_channel_args){sizeof(args) / sizeof(args[0]), args}, NULL);
    grpc_resource_quota_unref(memory);
    return server;
}

static void register_routes(struct bp_rpc_server *s)
{
    for (unsigned i = 1; i < s->n_routes; i++) {
        const struct bp_rpc_method *m = s->routes[i].method;
        s->routes[i].registered =
            grpc_server_register_method(s->grpc, m->path, NULL, GRPC_SRM_PAYLOAD_NONE, 0);
        BP_ASSERT(s->routes[i].registered != NULL);
    }
}

static int bind_port(struct bp_rpc_server *s)
{
    grpc_server_credentials *credentials = bp_rpc_tls_server_credentials(&s->tls);
    bp_rpc_log_quiet(true);
    int port = grpc_server_add_http2_port(s->grpc, s->listen, credentials);
    bp_rpc_log_quiet(false);
    grpc_server_credentials_release(credentials);
    return port;
}

int bp_rpc_listener_open(struct bp_rpc_server *s)
{
    s->grpc = grpc_create(s);
    grpc_server_register_completion_queue(s->grpc, s->queue, NULL);
    register_routes(s);
    return bind_port(s);
}

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
