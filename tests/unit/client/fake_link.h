/* A link and a clock in the test's hand, in place of client/src/link.c and waiting.c: the test says
 * what happens on the wire, and sees what was written. Time passes only while somebody waits. */
#ifndef BERBAGI_FAKE_LINK_H
#define BERBAGI_FAKE_LINK_H

#include "link.h"

/* What the next link does when asked for its next event, in order; an empty script lets the time
 * pass. */
void fake_message(const struct bp_buf *message); /* copied */
void fake_end(int code, const char *reason, int64_t retry_after_ms);
/* The next links cannot be opened for want of a good file, so often. */
void fake_bad_files(unsigned times);

/* The credential files change: links made before are outdated. A second passes, so that it is looked
 * at. */
void fake_renew(void);

/* What was written since the start, on all links, one behind the other: message i, and on which
 * link (from 1). */
size_t fake_written(void);
struct bp_str fake_message_at(size_t i, unsigned *link);
bool fake_was_half_closed(void);
unsigned fake_links(void); /* opened so far */

int64_t fake_now_ms(void);
void fake_reset(void); /* frees all, sets the clock to 1,000,000 ms */

#endif
