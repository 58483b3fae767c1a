/* A blocking client on gRPC's C core, for one thread. */
#ifndef BERBAGI_TEST_CLIENT_H
#define BERBAGI_TEST_CLIENT_H

#include <grpc/grpc.h>

#include "buffer.h"
#include "pki.h"

struct client {
    grpc_channel *channel;
    grpc_completion_queue *queue;
    bool compresses;
};

/* name: the certificate to show, NULL for none; ca: whom to believe. */
void client_open(struct client *c, const struct pki *pki, unsigned port, const char *name,
                 const char *ca);
/* The same, and compresses what it sends. */
void client_open_gzip(struct client *c, const struct pki *pki, unsigned port, const char *name,
                      const char *ca);
void client_close(struct client *c);

struct call {
    struct client *client;
    grpc_call *grpc;
    grpc_metadata_array initial, trailing;
    bool asked_initial;
    /* from call_status */
    grpc_status_code code;
    grpc_slice message_slice;
    char message[512];
    char details[2048];     /* grpc-status-details-bin with NUL bytes shown as '.' */
    struct bp_buf received; /* from call_receive */
};

void call_open(struct call *call, struct client *client, const char *path, int timeout_ms);
void call_send(struct call *call, struct bp_str message);
void call_half_close(struct call *call);
bool call_receive(struct call *call); /* false: no more */
int call_status(struct call *call);   /* waits for the end */
void call_cancel(struct call *call);
void call_close(struct call *call);

/* A unary call, from call_open to call_status. */
int call_unary(struct call *call, struct client *client, const char *path, struct bp_str request,
               int timeout_ms);
/* The same where the answer does not matter. */
int unary(struct client *client, const char *path, const char *request);

#endif
