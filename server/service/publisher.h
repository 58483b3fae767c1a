/* berbagi.v1.PublisherService: Publish and PublishStream. */
#ifndef BERBAGI_PUBLISHER_H
#define BERBAGI_PUBLISHER_H

#include "exchange.h"

struct bp_publisher;

/* Registers the methods with x->rpc; before the server starts. */
BP_MUST_USE bp_status bp_publisher_create(struct bp_exchange *x, struct bp_publisher **out,
                                          struct bp_err *err);
/* After the server and the sequencer stopped. NULL allowed. */
void bp_publisher_destroy(struct bp_publisher *p);

#endif
