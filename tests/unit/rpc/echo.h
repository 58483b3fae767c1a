/* A server with methods that do little, and counts of what became of the calls.
 *   /test.Echo/Unary   answers with its request; "refuse" with an error; "never" not at all
 *   /test.Echo/Later   answers with its request from a wake-up that another thread asks for
 *   /test.Echo/Poll    never answers; is told when its caller gave up
 *   /test.Echo/Chat    sends each message back; "stop" ends it with an error, half-close with OK
 *   /test.Echo/Turns   sends each message back and reads the next in one go; "stop soon" ends it with
 *                      an error after that, half-close with OK
 *   /test.Echo/Flood   sends 64 KiB again and again */
#ifndef BERBAGI_TEST_ECHO_H
#define BERBAGI_TEST_ECHO_H

#include <pthread.h>

#include "pki.h"
#include "rpc.h"

#define ECHO_SMALL_REQUEST 1000 /* the most Later takes */
#define ECHO_LARGE_REQUEST (1 << 20)

struct echo {
    struct bp_rpc_server *server;
    struct bp_credentials *credentials;
    unsigned port;
    struct bp_clock clock; /* the system's, shifted */
    atomic_llong shift_ns;
    atomic_uint begun, over, half_closed, ended, woken, last_code;
    atomic_bool refuse; /* admit says no */
    char last_name[80]; /* of the caller; read when its call is over */
    pthread_t waker;
    pthread_mutex_t lock; /* guards waiting, closing */
    pthread_cond_t changed;
    struct later *waiting;
    bool closing;
};

void echo_start(struct echo *e, const struct pki *pki, const char *crl);
void echo_stop(struct echo *e, int grace_ms); /* and checks that each call that began is over */

/* Sets credentials on the queue's thread; returns the number of calls cut. The earlier ones are
 * destroyed. */
unsigned echo_set_credentials(struct echo *e, struct bp_credentials *credentials);
unsigned echo_connections(struct echo *e);

#endif
