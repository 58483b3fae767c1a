#include "streamed.h"

static berbagi_status conclude(const struct bp_link *link, struct berbagi_error *error)
{
    const struct berbagi_error *why = bp_link_error(link);
    if (why->code == 0)
        return BERBAGI_OK;
    bp_client_copy_error(error, why);
    return bp_client_may_pass(why) ? BERBAGI_EUNREACHABLE : BERBAGI_EREFUSED;
}

static berbagi_status run(const struct bp_streamed *call, struct bp_link *link,
                          struct berbagi_error *error)
{
    const struct bp_str request = bp_buf_str(call->request);
    bool is_written = false;
    for (;;) {
        if (bp_link_is_writable(link)) {
            if (!is_written)
                bp_link_write(link, &request, 1);
            else
                bp_link_half_close(link);
            is_written = true;
        }
        berbagi_status status = BERBAGI_OK;
        switch (bp_link_next(link, bp_client_until_ms(call->silence_ms))) {
        case LINK_MESSAGE:
            status = call->message(call->context, bp_link_message(link), error);
            break;
        case LINK_NOTHING:
            bp_link_give_up(link, "the exchange is silent");
            break;
        case LINK_WRITABLE:
            break;
        case LINK_ENDED:
            return conclude(link, error);
        }
        if (status != BERBAGI_OK)
            return status;
    }
}

berbagi_status bp_client_streamed(struct berbagi_client *client, const struct bp_streamed *call,
                                  struct berbagi_error *error)
{
    struct bp_link *link = NULL;
    if (call->request->failed)
        return bp_client_fail(error, BERBAGI_ENOMEM, "out of memory");
    berbagi_status status = bp_link_open(client, call->path, &link, error);
    if (status == BERBAGI_OK)
        status = run(call, link, error);
    bp_link_close(link);
    return status;
}
