/* Whole files, read and written with care. Errors name the path and the reason. Any thread. */
#ifndef BERBAGI_FILE_H
#define BERBAGI_FILE_H

#include "buffer.h"

/* Appends the whole content of path to out. BP_ENOENT, BP_EIO, BP_ETOOLARGE over most bytes. */
BP_MUST_USE bp_status bp_file_read(const char *path, size_t most, struct bp_buf *out,
                                   struct bp_err *err);

/* Writes path so that after a crash either the old or the new content is there: a temporary file
 * beside it, flushed, renamed, folder flushed. mode as of chmod(2), 0600 for secrets. */
BP_MUST_USE bp_status bp_file_write(const char *path, const void *p, size_t n, unsigned mode,
                                    struct bp_err *err);

/* Writes all n bytes to a descriptor; path is what it is called in an error. */
BP_MUST_USE bp_status bp_fd_write(int fd, const char *path, const void *p, size_t n,
                                  struct bp_err *err);

/* Renames a file of the same folder, over another if there is one, and flushes the folder. */
BP_MUST_USE bp_status bp_file_rename(const char *from, const char *to, struct bp_err *err);

/* Keeps every other program that asks the same away from the folder of path until *fd is closed.
 * BP_EAGAIN: another one holds it. */
BP_MUST_USE bp_status bp_file_lock_folder(const char *path, int *fd, struct bp_err *err);

/* Tells one state of a file from another: what stat(2) says that changes when it is written or
 * replaced. All zero where it cannot be looked at. */
struct bp_file_stamp {
    uint64_t device, inode, bytes;
    int64_t written_ns, changed_ns;
};
struct bp_file_stamp bp_file_stamp_of(const char *path);
bool bp_file_stamp_is(const struct bp_file_stamp *a, const struct bp_file_stamp *b);

/* Makes a folder and its parents (mode for each new one), durable with their names; it is well if it
 * is there already. */
BP_MUST_USE bp_status bp_dir_make(const char *path, unsigned mode, struct bp_err *err);

/* Makes the names in a folder durable: a new file is on disk when its content and its name are. The
 * second does so for the folder that path itself is named in. BP_EIO, BP_ENOMEM. */
BP_MUST_USE bp_status bp_dir_flush(const char *path, struct bp_err *err);
BP_MUST_USE bp_status bp_dir_flush_parent(const char *path, struct bp_err *err);

/* dir/name as a terminated heap text; NULL when out of memory. */
char *bp_path_join(const char *dir, const char *name);

#endif
