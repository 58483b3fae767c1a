/* The HTTP endpoint for probes, on its own address (loopback by default) and thread: /healthz (the
 * process lives), /readyz (it can publish and read), /metrics. GET and HEAD alone; no request body
 * is read. */
#ifndef BERBAGI_PROBES_H
#define BERBAGI_PROBES_H

#include "buffer.h"

struct bp_probes;

struct bp_probes_config {
    const char
        *listen; /* "127.0.0.1:9464", port 0: a free one; a missing address is the loopback */
    /* True if everything is served; otherwise why holds the reason. On the endpoint's thread. */
    bool (*is_ready)(void *context, struct bp_err *why);
    /* Brings gauges up to date before /metrics is printed. */
    void (*refresh)(void *context);
    void *context;
};

/* BP_EINVAL: no address; BP_EIO: it can't be bound. *port is the one bound. */
BP_MUST_USE bp_status bp_probes_start(const struct bp_probes_config *config, struct bp_probes **out,
                                      unsigned *port, struct bp_err *err);
void bp_probes_stop(struct bp_probes *p); /* NULL allowed; waits for the thread */

#endif
