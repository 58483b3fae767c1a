/* What the files of libberbagi share and its users do not see. */
#ifndef BERBAGI_CLIENT_INTERNAL_H
#define BERBAGI_CLIENT_INTERNAL_H

#include <grpc/grpc.h>

#include "berbagi.h"
#include "buffer.h"
#include "files.h"

/* Immutable once open but for what says so, so that any thread may read it. */
struct berbagi_client {
    char *server, *server_name;
    struct bp_files files;
    uint32_t connect_timeout_ms, patience_ms;
    void (*notice)(void *context, const char *words);
    void (*warning)(void *context, const char *words);
    void *context;
    bool holds_grpc;
    pthread_mutex_t channel_lock; /* guards the two below; before files.lock */
    grpc_channel *channel;        /* for single calls; publishers and subscriptions have one each */
    struct bp_files_mark channel_mark; /* the files it was made with */
};

#define CLIENT_RECEIVE_MAX (64 * 1024 * 1024) /* GetPolicy's limit */

/* Writes a failure of the client's own (code 0) into error unless that is NULL; returns status. */
berbagi_status bp_client_fail(struct berbagi_error *error, berbagi_status status,
                              const char *format, ...) BP_PRINTF(3, 4);

/* The same for a failed bp_ function. */
berbagi_status bp_client_fail_of(struct berbagi_error *error, bp_status st,
                                 const struct bp_err *err);

/* Tells client->notice, if there is one. */
void bp_client_notice(const struct berbagi_client *client, const char *format, ...) BP_PRINTF(2, 3);

/* Tells client->warning, if there is one, that the certificate is to be renewed; once a day. */
void bp_client_warn_of_end(struct berbagi_client *client);

/* --- waiting.c --- */

/* Milliseconds of the clock that never goes back; waits are measured by it. */
int64_t bp_client_now_ms(void);

/* The point in time timeout_ms from now; INT64_MAX for -1. */
int64_t bp_client_until_ms(int timeout_ms);

/* Sleeps until then, or shorter if a signal comes. */
void bp_client_wait_until(int64_t point_ms);

/* A point of bp_client_now_ms as gRPC wants it. */
gpr_timespec bp_client_deadline(int64_t until_ms);

/* --- channel.c --- */

/* Reads the credential files afresh and makes a channel of its own connection, not yet connected.
 * BERBAGI_ELOCAL, BERBAGI_ENOMEM. */
berbagi_status bp_client_channel(struct berbagi_client *client, grpc_channel **out,
                                 struct bp_files_mark *mark, struct berbagi_error *error);

/* A call on the client's own channel, which is made anew first if the files have changed (and can
 * be used). To be given back with grpc_call_unref. */
grpc_call *bp_client_start_call(struct berbagi_client *client, const char *path, int64_t until_ms,
                                grpc_completion_queue *queue);

/* --- rpc_error.c --- */

/* A reason of the client's own: the server could not show who it is. */
#define BP_CLIENT_UNTRUSTED "UNTRUSTED_SERVER"

/* Fills *out from a gRPC status and the google.rpc.Status of grpc-status-details-bin (may be empty
 * or malformed: then code and message stand alone). */
void bp_client_rpc_error(int code, struct bp_str message, struct bp_str details,
                         struct berbagi_error *out);

/* May the same request do well later, without anybody changing anything but the exchange's own
 * state? */
bool bp_client_may_pass(const struct berbagi_error *error);

/* Adds to the message what a person may look at where the exchange was never reached. */
void bp_client_add_hint(struct berbagi_error *error);

/* Is this notice worth saying? Not the quick tries behind the first. */
static inline bool bp_client_is_worth_telling(uint32_t failures, int64_t wait_ms)
{
    return failures == 1 || wait_ms >= 1000;
}

/* Puts into *to what from says, unless to is NULL. */
void bp_client_copy_error(struct berbagi_error *to, const struct berbagi_error *from);

/* --- unary.c --- */

/* One single call. Connections that fail are tried again for the client's connect timeout; an
 * answer is waited for timeout_ms. On BERBAGI_OK response holds the message. */
berbagi_status bp_client_call(struct berbagi_client *client, const char *path,
                              const struct bp_buf *request, int timeout_ms, struct bp_buf *response,
                              struct berbagi_error *error);

/* --- filter.c --- */

/* A filter copied, as a serialized berbagi.v1.Filter; appended to out. */
void bp_client_encode_filter(const struct berbagi_filter *filter, struct bp_buf *out);

#endif
