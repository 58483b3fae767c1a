#include "answer.h"

void bp_answer_fini(struct bp_answer *a)
{
    if (a->message != NULL)
        berbagi__v1__publish_response__free_unpacked(a->message, NULL);
    free(a->results);
    free(a->violations);
    *a = (struct bp_answer){0};
}

static size_t count_violations(const Berbagi__V1__PublishResponse *m)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n_results; i++)
        n += m->results[i]->n_violations + m->results[i]->n_warnings;
    return n;
}

/* Copies n violations to *next and moves it on; returns where they begin. */
static const struct berbagi_violation *copy_list(Berbagi__V1__Violation *const *list, size_t n,
                                                 struct berbagi_violation **next)
{
    struct berbagi_violation *first = *next;
    for (size_t i = 0; i < n; i++)
        first[i] = (struct berbagi_violation){list[i]->field, list[i]->reason, list[i]->message};
    if (n > 0)
        *next += n;
    return first;
}

static bool outcome_is_known(Berbagi__V1__PublishResult__Outcome outcome)
{
    return outcome >= BERBAGI__V1__PUBLISH_RESULT__OUTCOME__OUTCOME_STORED &&
           outcome <= BERBAGI__V1__PUBLISH_RESULT__OUTCOME__OUTCOME_ABORTED;
}

static bool copy_results(struct bp_answer *a)
{
    struct berbagi_violation *next = a->violations;
    for (size_t i = 0; i < a->message->n_results; i++) {
        const Berbagi__V1__PublishResult *m = a->message->results[i];
        struct berbagi_result *r = &a->results[i];
        if (!outcome_is_known(m->outcome))
            return false;
        r->outcome = (enum berbagi_outcome)m->outcome;
        r->position = m->position;
        r->subject = m->subject;
        r->violations = copy_list(m->violations, m->n_violations, &next);
        r->n_violations = m->n_violations;
        r->warnings = copy_list(m->warnings, m->n_warnings, &next);
        r->n_warnings = m->n_warnings;
    }
    return true;
}

berbagi_status bp_answer_decode(struct bp_answer *a, struct bp_str bytes, size_t n,
                                struct berbagi_error *error)
{
    bp_answer_fini(a);
    a->message = berbagi__v1__publish_response__unpack(NULL, bytes.n, (const uint8_t *)bytes.p);
    if (a->message == NULL || a->message->n_results != n)
        return bp_client_fail(error, BERBAGI_EPROTOCOL,
                              "the answer does not have one result for each event");
    size_t n_violations = count_violations(a->message);
    a->results = calloc(n + 1, sizeof(*a->results));
    a->violations = calloc(n_violations + 1, sizeof(*a->violations));
    if (a->results == NULL || a->violations == NULL)
        return bp_client_fail(error, BERBAGI_ENOMEM, "out of memory");
    if (!copy_results(a))
        return bp_client_fail(error, BERBAGI_EPROTOCOL, "the answer has an unknown outcome");
    return BERBAGI_OK;
}
