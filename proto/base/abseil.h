/* Abseil, of which gRPC's locks are made. */
#ifndef BERBAGI_ABSEIL_H
#define BERBAGI_ABSEIL_H

#include <stdbool.h>

/* Ends the search for deadlocks in all of Abseil's locks of this process. Where Abseil is built
 * without NDEBUG, as Debian's is, each lock taken while another is held is entered, with a stack
 * trace, into one graph of the whole process behind a lock of its own: a tenth to a fifth of what
 * gRPC costs. false: Abseil is not there, or its function has another name. Any thread; best before
 * gRPC has any. */
bool bp_abseil_stop_deadlock_search(void);

#endif
