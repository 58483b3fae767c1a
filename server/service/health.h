/* grpc.health.v1.Health: which services work. Main says so by bp_health_set; Check answers, Watch
 * tells each change. */
#ifndef BERBAGI_HEALTH_H
#define BERBAGI_HEALTH_H

#include "rpc.h"

#define BP_HEALTH_SERVICES_MAX 16

struct bp_health;

/* Knows the service "" (the server as a whole), not serving. NULL when out of memory. Destroy it
 * behind the rpc server; NULL allowed. */
struct bp_health *bp_health_create(void);
void bp_health_destroy(struct bp_health *h);

/* Before the server starts. h is borrowed. */
BP_MUST_USE bp_status bp_health_service_add(struct bp_rpc_server *server, struct bp_health *h);

/* service: "" or a full name, "berbagi.v1.PublisherService", under 80 bytes; the first call makes
 * it known (a bound of BP_HEALTH_SERVICES_MAX is the code's to keep). Any thread. */
void bp_health_set(struct bp_health *h, const char *service, bool is_serving);
/* False also for a service nobody set. Any thread. */
bool bp_health_is_serving(struct bp_health *h, const char *service);

#endif
