/* Tags: what a completion queue gives back. Each is embedded in the object it belongs to, which
 * must live until the tag came back. Queue's thread, except where a batch may be started elsewhere
 * (rpc_tasks.c). */
#ifndef BERBAGI_RPC_OP_H
#define BERBAGI_RPC_OP_H

#include <stdbool.h>
#include <stddef.h>

struct bp_rpc_op {
    void (*done)(struct bp_rpc_op *op, bool ok);
};

/* The object that embeds p as its member. */
#define BP_RPC_OWNER(type, member, p) ((type *)(void *)((char *)(p)-offsetof(type, member)))

/* The hand-over through the completion queue is a true happens-before edge, but made inside a
 * library that ThreadSanitizer cannot see; so is the giving back of bytes that were sent. Release
 * before a batch starts, acquire when its tag comes back. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define BP_RPC_TSAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__) || defined(BP_RPC_TSAN)
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#define BP_RPC_TSAN_RELEASE(op) __tsan_release(op)
#define BP_RPC_TSAN_ACQUIRE(op) __tsan_acquire(op)
#else
#define BP_RPC_TSAN_RELEASE(op) ((void)(op))
#define BP_RPC_TSAN_ACQUIRE(op) ((void)(op))
#endif

#endif
