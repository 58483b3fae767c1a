/* Renewal for agencies that ask over the network: what such a service grants, beyond what bp_renew
 * checks for everybody. The key must be a new one; an agency gets so many certificates a day; and a
 * request of a key that has its certificate already gets that one again, so that an answer lost on
 * the way is had by asking once more. What is granted or refused is recorded with who asked, from
 * where, and why not. One thread. */
#ifndef BERBAGI_ONLINE_H
#define BERBAGI_ONLINE_H

#include "renewal.h"

struct bp_online_policy {
    unsigned days;       /* 0: as the profile has it */
    unsigned most_a_day; /* certificates of one agency in 24 hours, whoever had them signed */
};

struct bp_online_request {
    const struct bp_identity *held; /* what the peer showed in its handshake: an agency's */
    struct bp_str pem;
    const char *address;  /* "ipv4:127.0.0.1:4711" */
    bool records_refusal; /* a refusal becomes an act of the ledger */
};

enum bp_online_outcome {
    BP_ONLINE_GRANTED,
    BP_ONLINE_MALFORMED,      /* the request is refused */
    BP_ONLINE_REVOKED,        /* the certificate shown, or that of the key asked for */
    BP_ONLINE_OVER,           /* the certificate shown is */
    BP_ONLINE_NOT_REGISTERED, /* the agency */
    BP_ONLINE_NOT_OURS,       /* the certificate shown, or its CA is withdrawn */
    BP_ONLINE_TOO_MANY,
};

struct bp_online_answer {
    enum bp_online_outcome outcome;
    struct bp_signed granted; /* GRANTED */
    struct bp_err why;        /* otherwise: a sentence for the caller */
    int64_t retry_after_s;    /* TOO_MANY */
};

/* One transaction, committed with BP_OK, whatever the outcome; anything else is the CA's own
 * trouble, and nothing changed. a was opened for this call. */
BP_MUST_USE bp_status bp_online_renew(struct bp_authority *a, const struct bp_online_policy *policy,
                                      const struct bp_online_request *request,
                                      struct bp_online_answer *out, struct bp_err *err);
void bp_online_answer_fini(struct bp_online_answer *answer); /* a zeroed one allowed */

#endif
