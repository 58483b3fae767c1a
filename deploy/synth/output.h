/* The files of a run: every event goes to the file of the agency whose right it is, and each file
 * is written in order of time. All text stands in memory until then (some 600 bytes an event). One
 * thread. */
#ifndef BERBAGI_SYNTH_OUTPUT_H
#define BERBAGI_SYNTH_OUTPUT_H

#include "notice.h"

struct bp_output;

/* registrations_as_csv: worker.registered goes to "<agency>.registrations.csv" instead of
 * "<agency>.jsonl". Ids are made of the seed. NULL: out of memory. */
struct bp_output *bp_output_create(uint64_t seed, bool registrations_as_csv);
void bp_output_destroy(struct bp_output *o); /* NULL allowed */

/* Adds an event of an agency and returns its number, for the cause of another. Running out of
 * memory is kept and told by bp_output_write. */
uint32_t bp_output_add(struct bp_output *o, const char *agency, const struct bp_notice *d);

/* Writes the files into dir, which is made if need be; files of the same names are replaced, each
 * whole or not at all. A registrations file of an earlier run that was not asked for now is
 * removed: it would be pushed twice. */
BP_MUST_USE bp_status bp_output_write(struct bp_output *o, const char *dir, struct bp_err *err);

/* Calls `each` once for every pair of file and event type, files by name and types by name. */
typedef void bp_output_count(void *context, const char *file, const char *type, size_t events);
void bp_output_counts(const struct bp_output *o, bp_output_count *each, void *context);
size_t bp_output_total(const struct bp_output *o);

#endif
