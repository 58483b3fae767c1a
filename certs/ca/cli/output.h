/* Where what a command makes goes. One thread. */
#ifndef BERBAGI_OUTPUT_H
#define BERBAGI_OUTPUT_H

#include "signing.h"

/* To path, or to standard output if that is NULL. */
BP_MUST_USE bp_status bp_pem_write(const struct bp_buf *pem, const char *path, struct bp_err *err);

/* A certificate just committed. A failure tells how to get it yet. verb: "signed". */
BP_MUST_USE bp_status bp_signed_write(const struct bp_signed *s, const char *verb, const char *who,
                                      const char *path, struct bp_err *err);

/* A PEM file whole. */
BP_MUST_USE bp_status bp_pem_read(const char *path, struct bp_buf *out, struct bp_err *err);

#define BP_OPTION_OUT                                                                              \
    {                                                                                              \
        .key = "out", .type = BP_OPTION_TEXT, .operand = "FILE",                                   \
        .help = "Where the certificate goes, its issuing CA's behind it; standard output without " \
                "this."                                                                            \
    }
#define BP_OPTION_DAYS                                                                             \
    {                                                                                              \
        .key = "days", .type = BP_OPTION_NUMBER, .operand = "N", .least = 1, .most = 397,          \
        .help =                                                                                    \
            "How long it is valid; without this 90 for agencies and servers, 30 for operators."    \
    }

#endif
