/* A log of random events under the sample policy, for any of its agencies to read. Part of the log
 * is indexed, part of it is not. The seed is printed and may be set by SEED. */
#ifndef BERBAGI_RANDOM_LOG_H
#define BERBAGI_RANDOM_LOG_H

#include "exchange.h"
#include "index_support.h"

#define RANDOM_LOG_EVENTS 2600 /* five blocks and some */
#define RANDOM_LOG_INDEXED 2300

extern struct random_log {
    char *folder;
    struct exchange stored;
    struct bp_schema *schema;
    struct bp_policy *policy;
    struct bp_pseudonyms *pseudonyms;
    struct bp_exchange x;
} random_log;

/* Of a group of tests. */
int random_log_make(void **state);
int random_log_destroy(void **state);

/* The policy's agency of that number; overwritten by the next call. */
const char *random_log_agency(size_t i);

#endif
