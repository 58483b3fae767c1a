#include "rpc_answer.h"

void bp_answer(struct bp_rpc_call *call, struct bp_buf *out)
{
    struct bp_blob *blob = bp_blob_take(out);
    bp_buf_fini(out);
    if (blob != NULL)
        bp_rpc_call_reply(call, blob);
    else
        bp_refuse(call, bp_rpc_status_of(BP_ENOMEM, NULL));
}

void bp_refuse(struct bp_rpc_call *call, struct bp_rpc_status status)
{
    bp_rpc_call_finish(call, &status);
}

struct bp_rpc_status bp_malformed(const char *words)
{
    return bp_rpc_status(BP_REASON_MALFORMED_REQUEST, "%s", words);
}

struct bp_rpc_status bp_malformed_field(const char *field, const char *words)
{
    struct bp_rpc_status status = bp_malformed(words);
    (void)bp_str_copy(status.field, sizeof(status.field), bp_str(field));
    return status;
}

void *bp_new_state(struct bp_rpc_call *call, size_t size)
{
    void *state = calloc(1, size);
    bp_rpc_call_set_state(call, state);
    if (state == NULL)
        bp_refuse(call, bp_rpc_status_of(BP_ENOMEM, NULL));
    return state;
}
