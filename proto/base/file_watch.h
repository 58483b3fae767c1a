/* Notices that one of a handful of files is another by now: replaced by a rename, written in place,
 * removed, or reached by another way because a symlink on the path to it was turned (Kubernetes'
 * "..data"). It looks, instead of asking the kernel to tell: inotify watches the folder a name
 * stands in, but not the folders its links lead through, nor a network file system; and a look at
 * ten files is ten system calls.
 *
 * A change is told once the files stood still from one look to the next, so that a set written file
 * by file is taken as one; at the latest BP_FILE_WATCH_PATIENCE_MS after the first sign of it. One
 * thread. */
#ifndef BERBAGI_FILE_WATCH_H
#define BERBAGI_FILE_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BP_FILE_WATCH_LOOK_MS 100 /* between looks */
#define BP_FILE_WATCH_PATIENCE_MS 300
#define BP_FILE_WATCH_PATHS_MAX 32

struct bp_file_watch {
    const char *paths[BP_FILE_WATCH_PATHS_MAX];
    size_t n;
    uint64_t told, seen; /* what the files looked like when told, at the last look */
    int64_t since_ms;    /* first sign of a change that was not told yet; 0: none */
};

/* Nothing is watched yet. */
void bp_file_watch_init(struct bp_file_watch *w);
/* path is borrowed; NULL is passed over. False: there are too many. */
bool bp_file_watch_add(struct bp_file_watch *w, const char *path);
/* What is there now is known. */
void bp_file_watch_begin(struct bp_file_watch *w);
/* Looks; true once for each change. now_ms is monotonic and positive. */
bool bp_file_watch_look(struct bp_file_watch *w, int64_t now_ms);

#endif
