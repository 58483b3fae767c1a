/* The one error idiom: every function that can fail returns bp_status; results leave through
 * pointers, written on success only. Where a person will read the failure, a last argument
 * struct bp_err *, NULL allowed, takes the words. */
#ifndef BERBAGI_ERROR_H
#define BERBAGI_ERROR_H

#include <stdlib.h>

#define BP_MUST_USE __attribute__((warn_unused_result))
#define BP_PRINTF(at, first) __attribute__((format(printf, at, first)))

typedef enum bp_status {
    BP_OK = 0,
    BP_EINVAL,    /* the input breaks a rule */
    BP_ENOENT,    /* no such thing */
    BP_EEXIST,    /* it exists already */
    BP_EPERM,     /* the caller may not */
    BP_EAUTH,     /* who the caller is cannot be believed */
    BP_EAGAIN,    /* a bound is reached; nothing changed, try again later */
    BP_ECONFLICT, /* the state is not the one the caller expected */
    BP_ETOOLARGE, /* over a size limit */
    BP_ENOMEM,
    BP_ENOSPC,   /* the disk is full or its reserve reached */
    BP_EIO,      /* the operating system or a library failed */
    BP_ECORRUPT, /* stored bytes fail their check */
    BP_EVERSION, /* written by a newer version */
    BP_ECLOSED,  /* the other side or this object is shut */
} bp_status;

/* A short word for logs: "ENOSPC". Static storage. */
const char *bp_status_name(bp_status st);

/* The words of a failure: fixed size and owned by the caller, so reporting out-of-memory needs
 * none. */
struct bp_err {
    char text[512];
};

/* Writes the words into err unless that is NULL, and returns st: `return bp_fail(err, BP_EIO,
 * ...)`. Says what was tried, on what, and why it failed; never a personal value. */
bp_status bp_fail(struct bp_err *err, bp_status st, const char *format, ...) BP_PRINTF(3, 4);
#if defined(__clang_analyzer__) && !defined(BP_ERROR_C)
/* The analyzer looks at one file at a time: here it learns that st is what comes back. */
#define bp_fail(err, st, ...) ((void)(bp_fail)(err, st, __VA_ARGS__), (st))
#endif

/* Puts "context: " before the words that err already holds. Returns st. */
bp_status bp_fail_in(struct bp_err *err, bp_status st, const char *format, ...) BP_PRINTF(3, 4);

/* What the code relies on, checked in release builds too. Nothing from outside may reach one. */
#define BP_ASSERT(condition)                                                                       \
    ((condition) ? (void)0 : bp_assert_failed(#condition, __FILE__, __LINE__))
_Noreturn void bp_assert_failed(const char *condition, const char *file, int line);

#endif
