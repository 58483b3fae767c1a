/* What publication.c (walking and answering) and judgement.c (judging) share. */
#ifndef BERBAGI_PUBLICATION_INTERNAL_H
#define BERBAGI_PUBLICATION_INTERNAL_H

#include "publication.h"
#include "validate.h"

enum bp_verdict {
    BP_VERDICT_SOUND,
    BP_VERDICT_REJECTED,
    BP_VERDICT_DUPLICATE,
    BP_VERDICT_CONFLICT,
};

struct bp_publication_item {
    struct bp_str bytes; /* the event as sent, in the request */
    enum bp_verdict verdict;
    uint64_t position;          /* of a duplicate told by the judge */
    size_t notes_at, notes_n;   /* its encoded violations and warnings in publication.notes */
    size_t stored_at, stored_n; /* what is to be stored, in publication.stored */
    size_t proposal;  /* its place in publication.proposals, where the verdict is not DUPLICATE */
    bool resolves;    /* its subject was turned from a NIK into a pseudonym */
    bool is_mismatch; /* it starts from another status than the last one known, and may be told */
    char subject[BP_SUBJECT_CHARS + 1];
};

/* What the events of a request are judged by. */
struct bp_standard {
    struct bp_policy
        *policy; /* a reference while a request is being judged; NULL before and after */
    const struct bp_agency *sender;
    struct bp_validation rules;
    bp_day today;
};

struct bp_publication {
    struct bp_exchange *x;
    char *sender;
    struct bp_buf request;
    bool all_or_nothing, dry_run;
    size_t n, n_sound, n_proposals;
    size_t n_resolved, n_resolves_taken; /* by the last judgement; counted by the caller */
    struct bp_standard standard;
    uint64_t policy_version; /* of the last judgement */
    size_t n_judged;         /* of this judgement, while standard.policy is there */
    size_t n_kept;           /* events of parts that are stored */
    uint32_t retry_after_ms;
    struct bp_publication_item *items; /* n */
    struct bp_proposal
        *proposals;        /* of all items but duplicates; those of unsound ones are skipped */
    struct bp_part *parts; /* of what is not kept */
    struct bp_buf stored, notes, scratch;
};

#endif
