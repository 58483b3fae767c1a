/* One PublishRequest on its way: walked on the wire, judged event by event, stored, answered. Knows
 * nothing of calls, so that the unary and the streaming call share it whole. */
#ifndef BERBAGI_PUBLICATION_H
#define BERBAGI_PUBLICATION_H

#include "exchange.h"
#include "statuses.h"

#define BP_PUBLISH_EVENTS_MAX 1000

struct bp_publication;

/* Copies and walks a request of the agency `sender`. false: *status says why the request as a whole
 * is refused. The caller owns *out. */
bool bp_publication_parse(struct bp_exchange *x, struct bp_str sender, struct bp_str request,
                          struct bp_publication **out, struct bp_rpc_status *status);
/* NULL allowed; may be half judged; not while it is submitted. */
void bp_publication_destroy(struct bp_publication *p);

/* Judges by the policy in force when the first event is: the next events, at least one, until
 * `most` is used up (a byte of an event counts one, an event BP_JUDGING_AN_EVENT besides); *used
 * tells how much was. BP_EAGAIN: some are left for the next call; the request must not be touched
 * until the last, and each call may be on another thread. BP_OK: all are judged, and the next call
 * begins anew: the last judgement counts. Otherwise, and *status says why, memory ran out, a look-up
 * failed or the caller may no longer publish. */
#define BP_JUDGING_AN_EVENT 1024u
BP_MUST_USE bp_status bp_publication_judge_some(struct bp_publication *p, size_t most, size_t *used,
                                                struct bp_rpc_status *status);
/* All in one. false: *status says why. */
bool bp_publication_judge(struct bp_publication *p, struct bp_rpc_status *status);

/* Events in the request. */
size_t bp_publication_events(const struct bp_publication *p);
bool bp_publication_is_dry_run(const struct bp_publication *p);
/* Subjects that judging turned from NIKs into pseudonyms and that were not told here before. */
size_t bp_publication_take_resolves(struct bp_publication *p);
/* What the answer says of the next request. */
void bp_publication_set_retry_after(struct bp_publication *p, uint32_t ms);

/* Finds the events of a dry run, once it is judged, that would not start where the exchange last saw
 * the person; of what is stored bp_publication_keep does. */
void bp_publication_rehearse(struct bp_publication *p, struct bp_statuses *known);

/* Is there anything to give to the sequencer (an event that was found sound and is not kept, and no
 * dry run)? */
bool bp_publication_wants_store(const struct bp_publication *p);

/* What the sequencer takes as one. A large request goes in several, so that another agency's come in
 * between; all_or_nothing in one. */
struct bp_part {
    struct bp_submission submission; /* first; linked to that of the next part */
    size_t from, to;                 /* its events */
    /* the caller's */
    struct bp_mail mail;
    bp_status outcome;
};

/* To be given to the sequencer, in this order, under one fence; the caller sets done, context, fence
 * and flow of each. They stand until the next judgement; the publication lives until done was called
 * for all. BP_ENOMEM. */
BP_MUST_USE bp_status bp_publication_divide(struct bp_publication *p, struct bp_part **parts,
                                            size_t *n);

/* A part was stored; to be told in the order of positions. Notes where its events lead, and finds
 * those that do not start where the exchange last saw the person. They stay what they are: a later
 * judgement begins behind them. */
void bp_publication_keep(struct bp_publication *p, const struct bp_part *part,
                         struct bp_statuses *known);
/* Was a part stored? Then "nothing of it was stored" would be false, whatever becomes of the others. */
bool bp_publication_has_stored(const struct bp_publication *p);

/* The serialized PublishResponse, once judged and, if it wants that, stored; one reference, the
 * caller's. NULL when out of memory. Counts the outcomes in the metrics. */
struct bp_blob *bp_publication_answer(const struct bp_publication *p);

/* What a request is told that failed as a whole: by the sequencer's status, or that of a look-up.
 */
struct bp_rpc_status bp_publication_refusal(bp_status st);

/* The digest that tells DUPLICATE from CONFLICT: of an event's known fields in field-number order,
 * without traceparent. scratch is overwritten. false: out of memory. */
bool bp_content_digest_of(const struct bp_schema *schema, const struct bp_event *e,
                          struct bp_buf *scratch, struct bp_content_digest *out);

#endif
