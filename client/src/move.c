#include "move.h"

#define LOOK_MS 1000
#define UNUSABLE_MS 5000 /* files in the middle of being renewed by hand are soon whole */
#define AGAIN_MS 60000
#define AGAIN_MOST_DOUBLINGS 6 /* about an hour */

bool bp_move_is_due(struct bp_move *m, struct berbagi_client *client, const struct bp_link *link)
{
    const int64_t now = bp_client_now_ms();
    if (now < m->look_ms)
        return false;
    m->look_ms = now + LOOK_MS;
    bp_client_warn_of_end(client);
    return bp_link_is_outdated(link);
}

static void wait_longer(struct bp_move *m)
{
    m->look_ms = bp_client_now_ms() + ((int64_t)AGAIN_MS << m->failures);
    if (m->failures < AGAIN_MOST_DOUBLINGS)
        m->failures++;
}

static void tell_unusable(struct bp_move *m, const struct berbagi_client *client,
                          const struct berbagi_error *why)
{
    const int64_t now = bp_client_now_ms();
    if (m->unusable_since_ms == 0)
        m->unusable_since_ms = now;
    if (now - m->unusable_since_ms < UNUSABLE_MS)
        return;
    bp_client_notice(client, "the changed files cannot be used: %s; going on with the earlier ones",
                     why->message);
    wait_longer(m);
}

bool bp_move_begin(struct bp_move *m, struct berbagi_client *client, const char *path,
                   struct bp_link **out)
{
    struct berbagi_error why = {0};
    if (bp_link_open(client, path, out, &why) != BERBAGI_OK) {
        tell_unusable(m, client, &why);
        return false;
    }
    m->unusable_since_ms = 0;
    return true;
}

void bp_move_done(struct bp_move *m)
{
    *m = (struct bp_move){.look_ms = bp_client_now_ms() + LOOK_MS};
}

bool bp_move_failed(struct bp_move *m, struct berbagi_client *client,
                    const struct berbagi_error *why)
{
    if (strcmp(why->reason, "OVER_QUOTA") == 0)
        return true;
    bp_client_notice(
        client,
        "%s does not take the renewed certificate: %s%s%s%s; going on with the earlier "
        "one",
        client->server, why->message, why->reason[0] != '\0' ? " (" : "", why->reason,
        why->reason[0] != '\0' ? ")" : "");
    wait_longer(m);
    return false;
}
