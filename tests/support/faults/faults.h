/* Between a program and its data folder: preloaded, this library kills the program at a named call,
 * lets a call fail, records what was written and flushed, and shifts the clock. The program needs to
 * know nothing of it.
 *
 *   FAULTS_DIR    the folder; calls on anything outside it pass untouched
 *   FAULTS_PLAN   a file of rules (plan.c); read again whenever it is replaced, counting anew
 *   FAULTS_TRACE  a file that every change of the folder is recorded in (trace.c)
 *   FAULTS_CLOCK  a file of 8 bytes: nanoseconds to add to the time of day, looked at in every call
 *
 * Calls on the folder run one at a time, so that the order of the trace is the order of the disk.
 * What is written through a shared map is not seen; LMDB without MDB_WRITEMAP writes its lock file
 * alone so, which means nothing after a crash. */
#ifndef BERBAGI_FAULTS_H
#define BERBAGI_FAULTS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

enum fault_call {
    FAULT_OPEN, /* for writing */
    FAULT_READ, /* opening for reading, too; never in the trace */
    FAULT_WRITE,
    FAULT_DURABLE_WRITE, /* to a descriptor of O_DSYNC or O_SYNC: written and flushed in one */
    FAULT_FLUSH,         /* fsync, fdatasync, msync of a file or folder */
    FAULT_RESIZE,        /* ftruncate, fallocate */
    FAULT_RENAME,
    FAULT_LINK,
    FAULT_UNLINK, /* rmdir too */
    FAULT_MKDIR,
    FAULT_CALLS
};
/* The word for it in plans and traces. */
const char *fault_call_name(enum fault_call call);

enum fault_act {
    FAULT_PASS,
    FAULT_FAIL,       /* errno is code, nothing happens */
    FAULT_SHORT,      /* half of a write, told as such; as FAULT_PASS of other calls */
    FAULT_KILL,       /* before the call */
    FAULT_TEAR,       /* half of a write, then the end; as FAULT_KILL of other calls */
    FAULT_KILL_AFTER, /* before the caller learns of it */
};
struct fault_verdict {
    enum fault_act act;
    int code;
};

/* What the plan says of this call on this file, whose path is relative to the folder. Counts it.
 * Under the lock of calls.c. */
struct fault_verdict fault_decide(enum fault_call call, const char *path);

/* The path of a descriptor or a name relative to the folder ("." for itself); NULL if it is outside.
 * place: PATH_MAX bytes that the result may point into. */
const char *fault_path_of(int fd, char *place);
const char *fault_path_at(int dir_fd, const char *name, char *place);

/* One record: what was done to which inode at which time (monotonic, ns), with two numbers and some
 * bytes that depend on the call. Under the lock of calls.c. */
struct fault_record {
    enum fault_call call;
    uint64_t inode, at, size; /* WRITE: offset; RESIZE: the new size; OPEN: 1 = made, 2 = emptied */
    int64_t began_ns, ended_ns;
    struct iovec parts[2]; /* paths; of RENAME and LINK both, a NUL between */
};
bool fault_is_tracing(void);
void fault_trace(const struct fault_record *record);
/* The same of a write: n bytes out of the parts. */
void fault_trace_write(const struct fault_record *record, const struct iovec *parts, size_t n);
int64_t fault_now_ns(void);

_Noreturn void fault_die(void);

#endif
