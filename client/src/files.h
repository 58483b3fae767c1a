/* A client's certificate, key and CA bundle as files that somebody renews while it runs: loading
 * them, telling whether they have changed since, and warning before they end. Any thread once
 * made. */
#ifndef BERBAGI_FILES_H
#define BERBAGI_FILES_H

#include <pthread.h>

#include "credentials.h"
#include "file.h"

struct bp_files {
    char *cert, *key, *ca; /* key NULL: it stands in cert */
    struct bp_identity
        identity;         /* of the first load; its name and kind are the client's for life */
    pthread_mutex_t lock; /* guards all below; a leaf */
    int64_t due_ns, not_after_ns; /* of what was loaded last; 0: nothing was */
    int64_t warned_ms;            /* 0: never */
};

/* One state of the three files. */
struct bp_files_mark {
    struct bp_file_stamp cert, key, ca;
};

/* Copies the paths; *f is zeroed before. BP_ENOMEM. */
BP_MUST_USE bp_status bp_files_init(struct bp_files *f, const char *cert, const char *key,
                                    const char *ca, struct bp_err *err);
void bp_files_fini(struct bp_files *f); /* a zeroed one allowed */

struct bp_files_mark bp_files_mark_of(const struct bp_files *f);
bool bp_files_mark_is(const struct bp_files_mark *a, const struct bp_files_mark *b);

/* Reads and checks the files as bp_credentials_load does. *mark is their state, or an earlier one
 * if they change meanwhile. BP_EAUTH: they are of somebody else than at the first load, which must
 * come before other threads know f. */
BP_MUST_USE bp_status bp_files_load(struct bp_files *f, int64_t now_ns, struct bp_credentials **out,
                                    struct bp_files_mark *mark, struct bp_err *err);

/* True once a day from the point on from which what was loaded last should be renewed; words then
 * say it. now_ms is of a clock that never goes back. */
bool bp_files_take_warning(struct bp_files *f, int64_t now_ns, int64_t now_ms, char *words,
                           size_t size);

#endif
