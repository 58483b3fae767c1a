#include "tries.h"

#include "digest.h"

void bp_tries_answered(struct bp_tries *t)
{
    bp_backoff_reset(&t->backoff);
    t->ever_answered = true;
    t->is_failing = false;
}

static bool is_patient(const struct bp_tries *t, const struct berbagi_client *client,
                       int64_t next_ms)
{
    uint32_t patience_ms = client->patience_ms;
    bool is_endless = t->ever_answered && patience_ms == 0;
    /* Before a first answer the address may be wrong: nobody waits long for that. */
    if (!t->ever_answered && (patience_ms == 0 || patience_ms > client->connect_timeout_ms))
        patience_ms = client->connect_timeout_ms;
    return is_endless || next_ms - t->failing_since_ms <= patience_ms;
}

static berbagi_status note_failure(struct bp_tries *t, const struct berbagi_client *client,
                                   const struct berbagi_error *why, struct berbagi_error *error)
{
    int64_t now = bp_client_now_ms();
    if (!t->is_failing) {
        t->is_failing = true;
        t->failing_since_ms = now;
    }
    const bool is_untrusted = strcmp(why->reason, BP_CLIENT_UNTRUSTED) == 0;
    if (why->reason[0] != '\0' && !is_untrusted)
        t->ever_answered = true; /* an exchange that says why it cannot now was reached */
    /* A server that was believed before may be in the middle of a change of certificates. */
    bool is_changing = t->ever_answered && is_untrusted;
    if (!bp_client_may_pass(why) && !is_changing) {
        bp_client_copy_error(error, why);
        return BERBAGI_EREFUSED;
    }
    uint32_t random;
    bp_random(&random, sizeof(random));
    int64_t wait = bp_backoff_next_ms(&t->backoff, why->retry_after_ms, random);
    if (!is_patient(t, client, now + wait)) {
        bp_client_copy_error(error, why);
        if (error != NULL && !t->ever_answered)
            bp_client_add_hint(error);
        return BERBAGI_EUNREACHABLE;
    }
    t->next_ms = now + wait;
    if (bp_client_is_worth_telling(t->backoff.failures, wait))
        bp_client_notice(client, "%s: %s%s%s%s; trying again in %lld.%lld s", client->server,
                         why->message, why->reason[0] != '\0' ? " (" : "", why->reason,
                         why->reason[0] != '\0' ? ")" : "", (long long)wait / 1000,
                         (long long)wait % 1000 / 100);
    return BERBAGI_OK;
}

static bool is_about_certificate(const char *reason)
{
    return strcmp(reason, "CERTIFICATE_EXPIRED") == 0 ||
           strcmp(reason, "CERTIFICATE_REVOKED") == 0 || strcmp(reason, "BAD_CERTIFICATE") == 0;
}

berbagi_status bp_tries_lost(struct bp_tries *t, const struct berbagi_client *client,
                             struct bp_link **link, const char *excused,
                             struct berbagi_error *error)
{
    struct berbagi_error why = *bp_link_error(*link);
    if (why.code == GRPC_STATUS_OK) /* only we may end it, and we did not */
        bp_client_rpc_error(GRPC_STATUS_UNAVAILABLE, BP_STR("the stream ended early"),
                            (struct bp_str){0}, &why);
    if ((excused != NULL && strcmp(why.reason, excused) == 0) ||
        (is_about_certificate(why.reason) && bp_link_is_outdated(*link)))
        why.code = GRPC_STATUS_UNAVAILABLE;
    bp_link_close(*link);
    *link = NULL;
    return note_failure(t, client, &why, error);
}

/* Sleeps until the next try or until_ms, whichever is first; true if it is time to try. */
static bool wait(const struct bp_tries *t, int64_t until_ms)
{
    bp_client_wait_until(t->next_ms < until_ms ? t->next_ms : until_ms);
    return bp_client_now_ms() >= t->next_ms;
}

berbagi_status bp_tries_connect(struct bp_tries *t, struct berbagi_client *client, const char *path,
                                int64_t until_ms, struct bp_link **link,
                                struct berbagi_error *error)
{
    if (!wait(t, until_ms))
        return BERBAGI_AGAIN;
    struct berbagi_error why = {0};
    berbagi_status status = bp_link_open(client, path, link, &why);
    if (status == BERBAGI_ELOCAL && t->ever_answered) {
        why.code = GRPC_STATUS_UNAVAILABLE;
        status = note_failure(t, client, &why, error);
        return status == BERBAGI_OK ? BERBAGI_AGAIN : status;
    }
    if (status != BERBAGI_OK)
        bp_client_copy_error(error, &why);
    return status;
}
