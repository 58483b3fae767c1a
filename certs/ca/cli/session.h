/* A command's hold on the CA: its folder opened, its keys at hand, and whoever acts known to the
 * ledger. One thread. */
#ifndef BERBAGI_SESSION_H
#define BERBAGI_SESSION_H

#include "authority.h"
#include "command.h"

struct bp_session {
    struct bp_keyring *keys; /* NULL to read and to record */
    struct bp_authority a;
};

/* The options of every command that changes something. */
#define BP_OPTIONS_ACTOR                                                                           \
    {.key = "as",                                                                                  \
     .type = BP_OPTION_TEXT,                                                                       \
     .operand = "NAME",                                                                            \
     .help = "Who does it, where the user of this machine does not say; both are recorded."},      \
    {                                                                                              \
        .key = "note", .type = BP_OPTION_TEXT, .operand = "TEXT",                                  \
        .help = "Why: recorded with the act."                                                      \
    }

enum bp_session_use {
    BP_TO_READ,   /* --dir alone is in o */
    BP_TO_RECORD, /* and BP_OPTIONS_ACTOR */
    BP_TO_SIGN, /* and BP_OPTIONS_UNLOCK: the keys can be used, those of the issuing CAs will be */
    BP_TO_SIGN_AS_ROOT, /* and the root's */
};

/* Opens --dir, after asking for the secrets of the keys that will be used. is_usage is set if the name or the note cannot be recorded. o is borrowed. */
BP_MUST_USE bp_status bp_session_open(const struct bp_options *o, enum bp_session_use use,
                                      bool *is_usage, struct bp_session *out, struct bp_err *err);
/* The check of name and note alone. */
BP_MUST_USE bp_status bp_session_check_actor(const struct bp_options *o, bool *is_usage,
                                             struct bp_err *err);
void bp_session_close(struct bp_session *s); /* a zeroed one allowed */

/* Reads --key of a list of ROLE=URI into uris, "" where none is named; borrowed. BP_EINVAL. */
BP_MUST_USE bp_status bp_session_key_uris(const struct bp_options *o, const char *uris[BP_CAS],
                                          struct bp_err *err);
#define BP_OPTION_KEY_URI                                                                          \
    {                                                                                              \
        .key = "key", .type = BP_OPTION_LIST, .operand = "CA=URI",                                 \
        .help = "The key of that CA (root, agency, operator, server) is in a token, where the "    \
                "PKCS#11 URI says; made in a file without this."                                   \
    }

#endif
