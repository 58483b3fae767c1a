/* How much free memory a server keeps. Blocks of up to a megabyte, such as large requests, are kept
 * while a burst lasts: to get each anew from the system costs a fifth of what a bulk of events does.
 * Larger ones (ids to be indexed, groups, pages of LMDB) come and go, and are given back at once. */
#ifndef BERBAGI_MEMORY_H
#define BERBAGI_MEMORY_H

/* Before the first thread. Left to itself the library learns to keep whatever it has seen, which
 * doubles the memory of a server for good. */
void bp_memory_bound_kept(void);

/* Gives back what is kept: when a burst is over. Some milliseconds, in which others may wait for
 * memory; not where they are waited for. Any thread. */
void bp_memory_give_back(void);

#endif
