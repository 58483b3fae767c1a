/* Which grounds a stream's reader knows, and for which view: a ground is told again when its hidden
 * fields differ. On one thread at a time. */
#ifndef BERBAGI_TOLD_H
#define BERBAGI_TOLD_H

#include "redact.h"

struct bp_told;

struct bp_told *bp_told_create(void); /* NULL when out of memory */
void bp_told_destroy(struct bp_told *t);
void bp_told_clear(struct bp_told *t);

/* Can these grounds (n of them) not be told in this batch, because one was told in it for another
 * view already? Then the batch ends here. batch: a number of the batch in the making, other than
 * that of the one before. */
bool bp_told_clash(const struct bp_told *t, const uint32_t *grounds, size_t n,
                   const struct bp_view *view, uint64_t batch);

/* Marks a ground as told for this view; *is_new if the reader does not know it yet. false: out of
 * memory. */
bool bp_told_mark(struct bp_told *t, uint32_t ground, const struct bp_view *view, uint64_t batch,
                  bool *is_new);

#endif
