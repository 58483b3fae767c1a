/* The server side of gRPC on the C core: a listener with mutual TLS, calls as objects with
 * callbacks, one completion queue with one thread. gRPC's and OpenSSL's types stop here.
 *
 * All callbacks of a server run on its queue's thread, so a call's own state needs no lock.
 * Functions say so where they may be called from elsewhere. */
#ifndef BERBAGI_RPC_H
#define BERBAGI_RPC_H

#include "buffer.h"
#include "clock.h"
#include "credentials.h"
#include "rpc_status.h"

struct bp_rpc_server;
struct bp_rpc_call;

/* Who calls: from the verified client certificate. */
struct bp_peer {
    struct bp_identity identity;
    char address[64]; /* "ipv4:127.0.0.1:4711" */
};

/* Kinds of callers. */
#define BP_RPC_FOR_AGENCIES (1u << BP_IDENTITY_AGENCY)
#define BP_RPC_FOR_OPERATORS (1u << BP_IDENTITY_OPERATOR)
#define BP_RPC_FOR_ANYONE                                                                          \
    (~0u) /* any identity of the exchange, also one that is not in the policy */

/* most_request_bytes of a method that asks a question: a filter of 1,000 entries fits. Unpacking
 * costs many times the size of a request, so what needs no more may send no more. */
#define BP_RPC_SMALL_REQUEST (128u << 10)

/* What a method does. Every callback may send, read, finish. */
struct bp_rpc_method {
    const char *path; /* "/berbagi.v1.PublisherService/Publish" */
    bool client_streams;
    bool server_streams;
    /* Whom it is for: bits BP_RPC_FOR_*; 0: nobody. For admit to look at, the layer itself makes no
     * difference. */
    unsigned callers;
    bool waits; /* a unary method that may take seconds (long poll): `over` then comes as soon as
                 * the client gave up, and a stop does not wait for its answer; costs a completion
                 * more. Streams are always told. */
    size_t most_request_bytes; /* larger: RESOURCE_EXHAUSTED with MESSAGE_TOO_LARGE; 0 = 4 MiB */

    /* The call began; its peer is known. A unary or server-streaming call begins when its request
     * is there, and gets it by `message` at once; a client-streaming call reads with bp_rpc_call_read. Set per-call state
     * with bp_rpc_call_set_state. */
    void (*begin)(struct bp_rpc_call *call, void *service);
    /* One request message, borrowed until return. */
    void (*message)(struct bp_rpc_call *call, struct bp_str request);
    /* The client closed its half (client-streaming methods). */
    void (*half_closed)(struct bp_rpc_call *call);
    /* The message given to bp_rpc_call_send has left; another may be sent. NULL allowed. */
    void (*sent)(struct bp_rpc_call *call);
    /* bp_rpc_call_wake was called, once for any number of calls to it. NULL allowed. */
    void (*woken)(struct bp_rpc_call *call);
    /* The call is over for whatever reason; last callback, nothing may be sent any more. References
     * keep the object. */
    void (*over)(struct bp_rpc_call *call);
};

struct bp_rpc_config {
    const char *listen; /* "127.0.0.1:0", "[::1]:7443" */
    const char *trust_domain;
    uint32_t most_streams_per_connection; /* 0 = 1,000 */
    uint64_t most_bytes; /* what gRPC may take for connections and requests, 0 = 1 GiB; beyond it
                            it reads no further, and resets calls that hold much */
    const struct bp_clock *clock;
    /* Asked at every call before `begin`, on the queue's thread, with the peer already
     * authenticated (certificate chain, one SPIFFE ID, not revoked). False: the call ends with
     * *status. NULL: everybody may. */
    bool (*admit)(void *context, const struct bp_peer *peer, const struct bp_rpc_method *method,
                  struct bp_rpc_status *status);
    /* Told of every call that ended, for metrics and the log. NULL allowed. */
    void (*ended)(void *context, const struct bp_rpc_method *method, int grpc_code,
                  int64_t duration_ns);
    /* Told of the first call of every connection: BP_REASON_NONE, or why its certificate is
     * refused. Queue's thread. NULL allowed. */
    void (*connected)(void *context, enum bp_rpc_reason why);
    /* Told of every open call that the layer itself ends, because of its certificate or by
     * bp_rpc_server_disconnect, before its `over`. Queue's thread. NULL allowed. */
    void (*cut)(void *context, enum bp_rpc_reason why);
    void *context;
};

/* Must run before any thread exists and before the first bp_rpc_server: restricts TLS to 1.3
 * without session tickets for the whole process, then starts gRPC. */
BP_MUST_USE bp_status bp_rpc_init(struct bp_err *err);
/* The restriction of TLS alone, for a program that uses OpenSSL before it may start gRPC: this comes
 * before any other use. bp_rpc_init is still to follow. */
BP_MUST_USE bp_status bp_rpc_restrict_tls(struct bp_err *err);
void bp_rpc_fini(void);

/* Does gRPC serve with these credentials? Shakes hands, over TLS 1.3, with a listener of its own that
 * is made as the server's is, and looks at what it shows and asks for. BP_EINVAL says what is wrong
 * with them, BP_EIO that it could not be tried. Any thread but the queue's, after bp_rpc_init; takes
 * some milliseconds, five seconds at most. */
BP_MUST_USE bp_status bp_rpc_prove(const struct bp_credentials *credentials, struct bp_err *err);

/* credentials are borrowed until bp_rpc_server_set_credentials gives others or the server is
 * destroyed. */
BP_MUST_USE bp_status bp_rpc_server_create(const struct bp_rpc_config *config,
                                           const struct bp_credentials *credentials,
                                           struct bp_rpc_server **out, struct bp_err *err);
/* Before start; method and service are borrowed. */
BP_MUST_USE bp_status bp_rpc_server_add(struct bp_rpc_server *s, const struct bp_rpc_method *method,
                                        void *service);
/* Binds (port 0: a free one; SO_REUSEPORT off) and serves. *port is the port bound. BP_EIO names
 * address and reason. */
BP_MUST_USE bp_status bp_rpc_server_start(struct bp_rpc_server *s, unsigned *port,
                                          struct bp_err *err);
/* New connections and calls are refused. Open streams and calls of methods that wait end at once
 * with UNAVAILABLE, SHUTTING_DOWN and RetryInfo through their own `over`; other unary calls,
 * once their request is there, have grace_ms to answer and then end the same way; what a reader does not take is cut off. Returns
 * when no call is left and the thread has ended. A second stop does nothing; there is no second
 * start. Not from the queue's thread. */
void bp_rpc_server_stop(struct bp_rpc_server *s, int grace_ms);
void bp_rpc_server_destroy(struct bp_rpc_server *s); /* NULL allowed; stops if need be */

/* Takes effect for new connections at once and for every call: open calls whose certificate no
 * longer stands end (CERTIFICATE_REVOKED, REVOCATION_UNKNOWN, BAD_CERTIFICATE where its CA is
 * gone). Between changes every open call is looked at four times a second: expiry, CRLs that ran
 * out. Returns the number of calls ended. Queue's thread. */
unsigned bp_rpc_server_set_credentials(struct bp_rpc_server *s,
                                       const struct bp_credentials *credentials);

/* How many open calls these would end. Queue's thread. */
unsigned bp_rpc_server_would_cut(const struct bp_rpc_server *s,
                                 const struct bp_credentials *credentials);

/* Runs task->run on the queue's thread, once for any number of posts before it ran. Any thread;
 * does nothing once the server has stopped. */
struct bp_rpc_task {
    void (*run)(struct bp_rpc_task *task);
    atomic_bool posted;       /* private */
    struct bp_rpc_task *next; /* private */
};
void bp_rpc_post(struct bp_rpc_server *s, struct bp_rpc_task *task);

/* Runs a function on the queue's thread about every interval_ms until the server stops (expiry,
 * bookmarks, quotas). Before start. */
void bp_rpc_server_every(struct bp_rpc_server *s, int interval_ms, void (*run)(void *context),
                         void *context);

/* The same for a function that runs when it is set to, once each time. Before start; its number. */
unsigned bp_rpc_server_add_alarm(struct bp_rpc_server *s, void (*run)(void *context),
                                 void *context);
/* Runs it in in_ms from now; a time set before no longer counts. Queue's thread. */
void bp_rpc_server_set_alarm(struct bp_rpc_server *s, unsigned alarm, int64_t in_ms);

unsigned bp_rpc_server_streams(const struct bp_rpc_server *s); /* open calls; any thread */

/* A connection that has made a call. */
struct bp_rpc_connection_info {
    uint64_t id; /* from 1 in the order they came, for this run */
    const struct bp_identity *identity;
    const char *address; /* "ipv4:127.0.0.1:4711" */
    int64_t since_ns;    /* its first call */
    unsigned streams;    /* calls open now */
};
/* How many there are. Queue's thread, as the two below; each looks at the process's sockets. */
unsigned bp_rpc_server_connections(struct bp_rpc_server *s);
/* Tells of those whose id is above `after`, by id, until each says false. */
void bp_rpc_server_each_connection(struct bp_rpc_server *s, uint64_t after,
                                   bool (*each)(void *context,
                                                const struct bp_rpc_connection_info *info),
                                   void *context);
/* Ends the calls of those that match with DISCONNECTED, but the one of who asks (NULL allowed), and
 * then closes them, a second later at most; until then new calls on them end the same way. Returns
 * their number, *streams how many calls were ended. */
unsigned
bp_rpc_server_disconnect(struct bp_rpc_server *s,
                         bool (*matches)(void *context, const struct bp_rpc_connection_info *info),
                         void *context, const struct bp_rpc_call *asking, unsigned *streams);

/* Handshakes that failed in this process, counted from what gRPC logs of them (it tells of them in
 * no other way). Any thread. */
enum bp_rpc_handshake_fault {
    BP_RPC_NO_CERTIFICATE, /* the client showed none */
    BP_RPC_UNTRUSTED,      /* its certificate is of no known CA, over, for another use, or kept out
                         for a while */
    BP_RPC_PROTOCOL,       /* it does not speak TLS 1.3 with a cipher of ours, or no TLS at all */
    BP_RPC_OTHER_FAULT,
    BP_RPC_HANDSHAKE_FAULTS
};
uint64_t bp_rpc_handshakes_failed(enum bp_rpc_handshake_fault fault);

/* --- of a call; queue's thread unless said otherwise --- */

const struct bp_peer *bp_rpc_call_peer(const struct bp_rpc_call *c);
const struct bp_rpc_method *bp_rpc_call_method(const struct bp_rpc_call *c);
void *bp_rpc_call_service(const struct bp_rpc_call *c);
void *bp_rpc_call_state(const struct bp_rpc_call *c);
void bp_rpc_call_set_state(struct bp_rpc_call *c, void *state);
uint64_t bp_rpc_call_id(const struct bp_rpc_call *c); /* for log lines; unique in a run */

/* Asks for the next request message: `message` or `half_closed` follows; `over` alone where the
 * call broke. At most one at a time; client-streaming methods. */
void bp_rpc_call_read(struct bp_rpc_call *c);

/* Sends one response message made of the n parts one behind the other (their references are taken;
 * no copy is made). Only when none is in flight (bp_rpc_call_can_send). A unary answer:
 * bp_rpc_call_reply. */
bool bp_rpc_call_can_send(const struct bp_rpc_call *c);
void bp_rpc_call_send(struct bp_rpc_call *c, struct bp_blob *const *parts, size_t n);
/* Sends, and asks for the next request message, in one go: for who answers and then waits. The
 * window that the last request used leaves with the answer instead of in a packet of its own. `sent`
 * is not called; nothing else can be sent until the next message is here. */
void bp_rpc_call_send_and_read(struct bp_rpc_call *c, struct bp_blob *const *parts, size_t n);

/* Ends the call: behind a message in flight, once; later calls do nothing. `over` follows, and no
 * other callback. With an error the call is reset where its reader does not take the rest within
 * half a second; with OK it may wait for its reader as long as the connection lives. */
void bp_rpc_call_finish(struct bp_rpc_call *c, const struct bp_rpc_status *status);
/* The answer of a unary call and OK in one. Takes the reference. */
void bp_rpc_call_reply(struct bp_rpc_call *c, struct bp_blob *response);
bool bp_rpc_call_is_over(const struct bp_rpc_call *c); /* finished by us or by the other side */

/* Keeps the object (not the call) alive. Any thread. */
struct bp_rpc_call *bp_rpc_call_ref(struct bp_rpc_call *c);
void bp_rpc_call_unref(struct bp_rpc_call *c);
/* Makes `woken` run on the queue's thread; nothing happens once the call is over. Any thread; the
 * caller holds a reference. */
void bp_rpc_call_wake(struct bp_rpc_call *c);

#endif
