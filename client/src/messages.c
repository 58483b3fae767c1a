#include "messages.h"

void *bp_client_ask(struct berbagi_client *client, const char *path, const struct bp_buf *request,
                    int timeout_ms, const ProtobufCMessageDescriptor *type, berbagi_status *status,
                    struct berbagi_error *error)
{
    struct bp_buf answer = {0};
    void *message = NULL;
    *status = bp_client_call(client, path, request, timeout_ms, &answer, error);
    if (*status == BERBAGI_OK) {
        message = protobuf_c_message_unpack(type, NULL, answer.n, answer.p);
        if (message == NULL)
            *status = bp_client_fail(error, BERBAGI_EPROTOCOL, "the answer is malformed");
    }
    bp_buf_fini(&answer);
    return message;
}
