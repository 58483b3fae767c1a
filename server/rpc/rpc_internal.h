/* What the files of server/rpc share of servers and calls. Everything here belongs to the queue's
 * thread unless a comment says otherwise. */
#ifndef BERBAGI_RPC_INTERNAL_H
#define BERBAGI_RPC_INTERNAL_H

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <pthread.h>

#include "rpc.h"
#include "rpc_connections.h"
#include "rpc_op.h"
#include "rpc_peers.h"
#include "rpc_tasks.h"
#include "rpc_timers.h"
#include "rpc_tls.h"

#define BP_RPC_METHODS_MAX 64
#define BP_RPC_DEFAULT_REQUEST_BYTES ((size_t)4 << 20)
#define BP_RPC_METADATA_BYTES (16 << 10) /* headers of a call */
#define BP_RPC_TICK_MS 250
/* A call that ended with an error leaves within a second even if its reader has stopped reading:
 * after this long it is reset. */
#define BP_RPC_LINGER_MS 500

/* A method as this server knows it. */
struct bp_rpc_route {
    struct bp_rpc_server *server;
    const struct bp_rpc_method *method;
    void *service;
    void *registered; /* gRPC's handle; NULL for the route of unknown methods */
    unsigned slots;   /* calls posted that wait for a caller */
};

struct bp_rpc_server {
    atomic_uint refs; /* the owner's and one for each call object; any thread */
    struct bp_rpc_config config;
    char *listen, *trust_domain;
    struct bp_rpc_route routes[BP_RPC_METHODS_MAX + 1]; /* the first takes unknown methods */
    unsigned n_routes;
    grpc_server *grpc; /* NULL before start and after stop */
    grpc_completion_queue *queue;
    pthread_t thread;
    struct bp_rpc_tls tls;
    struct bp_rpc_tasks tasks;
    struct bp_rpc_timers timers;
    struct bp_rpc_peers peers;
    struct bp_rpc_connections connections;
    unsigned port;
    struct bp_rpc_call *calls; /* those that arrived and are not over */
    uint64_t last_id;
    unsigned machines;   /* calls whose machine is not over, waiting slots included */
    unsigned failed;     /* of calls: those that end with an error */
    atomic_uint streams; /* length of calls; any thread */
    bool stopping;
    struct bp_rpc_op shut_op;
    bool shut; /* gRPC has nothing left */
    struct bp_rpc_task stop_task, cancel_task, idle_task;
    pthread_mutex_t stop_lock; /* guards stopped; a leaf */
    pthread_cond_t stop_changed;
    bool stopped;
};

enum bp_rpc_call_state {
    CALL_SLOT,
    CALL_ADMIT,
    CALL_OPEN,
    CALL_ENDING,
    CALL_CLOSING,
    CALL_OVER,
    CALL_STATES,
};

struct bp_rpc_call {
    atomic_uint refs; /* the machine's until it is over, and those of bp_rpc_call_ref; any thread */
    struct bp_rpc_server *server;
    struct bp_rpc_route *route;
    enum bp_rpc_call_state state;
    bool running; /* inside bp_rpc_call_run */
    bool begun;   /* the method saw `begin` and is owed `over` */
    uint64_t id;
    void *method_state;
    struct bp_rpc_certificate *certificate;
    struct bp_rpc_connection *connection;
    struct bp_peer peer;
    int64_t began_ns;

    grpc_call *grpc; /* NULL until it arrived and once it is over */
    grpc_metadata_array metadata;
    grpc_call_details details; /* of an unknown method */
    gpr_timespec deadline;
    unsigned ops_in_flight;
    struct bp_rpc_op arrive_op, read_op, write_op, turn_op, close_op;

    grpc_byte_buffer *incoming; /* gRPC's while a read is under way */
    /* What completions left for the machine. */
    grpc_byte_buffer *request;
    bool reading, read_ended;
    bool writing, sent, initial_sent;
    bool turning; /* reading and writing are one batch */
    bool close_started, closed;
    int cancelled; /* written by gRPC before close_op comes back */
    bool woken;
    struct bp_rpc_task wake_task; /* posted from any thread */

    /* How it ends, from the moment that is decided. */
    struct bp_rpc_end {
        bool wanted;
        bool cut; /* reset because it lingered */
        enum bp_rpc_code code;
        grpc_slice message, details;
        grpc_byte_buffer *response; /* of bp_rpc_call_reply */
        int64_t since_ms;           /* of the system's monotonic clock */
    } end;
    struct bp_rpc_call *next, *prev; /* in server->calls */
};

/* The server whose queue this thread runs; NULL on all other threads. */
extern _Thread_local const struct bp_rpc_server *bp_rpc_on_queue_of;

/* rpc_call.c: the machine. */
void bp_rpc_call_post_slot(struct bp_rpc_route *route);
void bp_rpc_call_run(struct bp_rpc_call *c);
/* Decides how the call ends unless that is decided; the machine does the rest when it runs next. */
void bp_rpc_call_decide_end(struct bp_rpc_call *c, const struct bp_rpc_status *status);

/* rpc_batch.c: what is asked of gRPC for a call. */
void bp_rpc_batch_init(struct bp_rpc_call *c);
bool bp_rpc_batch_arrive(struct bp_rpc_call *c);
void bp_rpc_batch_read(struct bp_rpc_call *c);
void bp_rpc_batch_send(struct bp_rpc_call *c, grpc_byte_buffer *message);
void bp_rpc_batch_turn(struct bp_rpc_call *c, grpc_byte_buffer *message); /* sends, then reads */
void bp_rpc_batch_close(struct bp_rpc_call *c);  /* asks to be told of the other side's end */
void bp_rpc_batch_status(struct bp_rpc_call *c); /* the last one: c->end */

/* rpc_admission.c: may this call begin? Sets peer and certificate. False: *status says why not. */
bool bp_rpc_admit(struct bp_rpc_call *c, struct bp_rpc_status *status);
/* Is a message that arrived one this method takes? */
bool bp_rpc_request_is_fit(const struct bp_rpc_call *c, struct bp_rpc_status *status);
/* Ends an open call for a reason of the layer's own: logged and told to config.cut. */
void bp_rpc_call_cut(struct bp_rpc_call *c, const struct bp_rpc_status *why);
/* Closes the connection of a call whose caller gives up call after call, has more calls open on it than
 * it may, or brings bytes that come to nothing, and keeps the certificate out for a while; true: it is
 * closed. */
bool bp_rpc_close_harmful(struct bp_rpc_call *c);
/* Ends the open calls whose certificate no longer stands. Returns their number. */
unsigned bp_rpc_expel(struct bp_rpc_server *s);

/* rpc_server.c */
struct bp_rpc_status bp_rpc_stopping_status(void);
void bp_rpc_server_unref(struct bp_rpc_server *s); /* any thread */
/* A machine of this server is over. */
void bp_rpc_server_machine_over(struct bp_rpc_server *s);
void bp_rpc_server_fill_slots(struct bp_rpc_route *route);

/* rpc_stop.c */
void bp_rpc_stop_init(struct bp_rpc_server *s);
void bp_rpc_stop_check(struct bp_rpc_server *s); /* is all over? */

/* rpc_listen.c: makes s->grpc with every method and binds it. Returns the port, 0 if that failed
 * (s->grpc is there all the same). */
int bp_rpc_listener_open(struct bp_rpc_server *s);
/* Why an address cannot be bound, in words. */
void bp_rpc_listen_reason(const char *address, char *out, size_t size);

#endif
