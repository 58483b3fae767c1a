/* Publish requests: walked, judged and answered as a dry run. What is found sound is canonical, has
 * a pseudonym for a subject and a record that holds it whole; the answer has a result for each
 * event, and none of the numbers that were sent as NIKs. Input: a serialized PublishRequest. */
#include "berbagi/v1/event.pb-c.h"
#include "berbagi/v1/exchange.pb-c.h"
#include "exchange_fixture.h"
#include "fuzz.h"
#include "publication_internal.h"

static const uint8_t dry_run[] = {0x18, 0x01}; /* PublishRequest.dry_run, behind all else */

static void check_record(const struct bp_proposal *proposal)
{
    struct bp_buf stored = {0};
    struct bp_record r = proposal->record, again;
    r.entry.number = r.routing.position = 1;
    BP_ASSERT(bp_record_encode(&r, &stored) == BP_OK);
    BP_ASSERT(bp_record_decode(bp_buf_str(&stored), &again) == BP_OK);
    BP_ASSERT(bp_str_eq(again.event, r.event) && bp_str_eq(again.routing.type, r.routing.type));
    BP_ASSERT(bp_str_eq(again.routing.subject, r.routing.subject));
    BP_ASSERT(bp_str_eq(again.routing.source, r.routing.source));
    BP_ASSERT(bp_str_eq(again.entry.actor, r.entry.actor));
    bp_buf_fini(&stored);
}

static void check_stored(const struct bp_proposal *proposal)
{
    struct bp_buf again = {0};
    struct bp_event e;
    struct bp_str bytes = proposal->record.event;
    BP_ASSERT(bp_event_parse(bytes, &e) && !e.has_unknown_fields && e.id.n != 0);
    BP_ASSERT(e.subject.n == 0 || bp_str_starts(e.subject, BP_STR("w_")));
    bp_event_encode(&e, &again);
    BP_ASSERT(bp_str_eq(bp_buf_str(&again), bytes));
    bp_buf_fini(&again);
    Berbagi__V1__Event *m = berbagi__v1__event__unpack(NULL, bytes.n, (const uint8_t *)bytes.p);
    BP_ASSERT(m != NULL);
    berbagi__v1__event__free_unpacked(m, NULL);
    check_record(proposal);
}

static void check_no_nik(const struct bp_publication *p, const struct bp_blob *answer)
{
    for (size_t i = 0; i < p->n; i++) {
        struct bp_event e;
        BP_ASSERT(bp_event_parse(p->items[i].bytes, &e));
        if (e.subject.n == 20 && bp_str_starts(e.subject, BP_STR("nik:")) && answer->n != 0)
            BP_ASSERT(memmem(answer->p, answer->n, e.subject.p + 4, 16) == NULL);
    }
}

static void check_answer(const struct bp_publication *p)
{
    struct bp_blob *answer = bp_publication_answer(p);
    BP_ASSERT(answer != NULL);
    Berbagi__V1__PublishResponse *m =
        berbagi__v1__publish_response__unpack(NULL, answer->n, answer->p);
    BP_ASSERT(m != NULL && m->n_results == p->n);
    for (size_t i = 0; i < p->n; i++) {
        bool is_rejected = p->items[i].verdict == BP_VERDICT_REJECTED;
        BP_ASSERT(is_rejected == (m->results[i]->n_violations != 0));
    }
    check_no_nik(p, answer);
    berbagi__v1__publish_response__free_unpacked(m, NULL);
    bp_blob_unref(answer);
}

static void judge(struct bp_publication *p)
{
    struct bp_rpc_status status;
    BP_ASSERT(bp_publication_judge(p, &status));
    for (size_t i = 0; i < p->n; i++) {
        if (p->items[i].verdict == BP_VERDICT_SOUND)
            check_stored(&p->proposals[p->items[i].proposal]);
    }
    check_answer(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct bp_exchange *x = fixture_exchange();
    struct bp_publication *publication = NULL;
    struct bp_rpc_status status;
    struct bp_buf request = {0};
    bp_buf_add(&request, p, n);
    bp_buf_add(&request, dry_run, sizeof(dry_run));
    if (bp_publication_parse(x, FIXTURE_AGENCY, bp_buf_str(&request), &publication, &status))
        judge(publication);
    bp_publication_destroy(publication);
    bp_buf_fini(&request);
    return 0;
}
