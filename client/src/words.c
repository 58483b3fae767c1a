/* Words of failures. */
#include <stdarg.h>
#include <stdio.h>

#include "client_internal.h"
#include "clock.h"

const char *berbagi_status_name(berbagi_status status)
{
    switch (status) {
    case BERBAGI_OK:
        return "OK";
    case BERBAGI_AGAIN:
        return "AGAIN";
    case BERBAGI_END:
        return "END";
    case BERBAGI_EINVAL:
        return "EINVAL";
    case BERBAGI_ELOCAL:
        return "ELOCAL";
    case BERBAGI_EREFUSED:
        return "EREFUSED";
    case BERBAGI_EUNREACHABLE:
        return "EUNREACHABLE";
    case BERBAGI_EPROTOCOL:
        return "EPROTOCOL";
    case BERBAGI_ENOMEM:
        return "ENOMEM";
    }
    return "unknown";
}

berbagi_status bp_client_fail(struct berbagi_error *error, berbagi_status status,
                              const char *format, ...)
{
    if (error == NULL)
        return status;
    *error = (struct berbagi_error){0};
    va_list args;
    va_start(args, format);
    (void)vsnprintf(error->message, sizeof(error->message), format, args);
    va_end(args);
    return status;
}

berbagi_status bp_client_fail_of(struct berbagi_error *error, bp_status st,
                                 const struct bp_err *err)
{
    berbagi_status status = st == BP_ENOMEM ? BERBAGI_ENOMEM : BERBAGI_ELOCAL;
    return bp_client_fail(error, status, "%s", err->text);
}

void bp_client_notice(const struct berbagi_client *client, const char *format, ...)
{
    if (client->notice == NULL)
        return;
    char words[640];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(words, sizeof(words), format, args);
    va_end(args);
    client->notice(client->context, words);
}

void bp_client_warn_of_end(struct berbagi_client *client)
{
    char words[320];
    if (client->warning != NULL &&
        bp_files_take_warning(&client->files, bp_now_ns(&bp_system_clock), bp_client_now_ms(),
                              words, sizeof(words)))
        client->warning(client->context, words);
}

void bp_client_copy_error(struct berbagi_error *to, const struct berbagi_error *from)
{
    if (to != NULL)
        *to = *from;
}

void berbagi_free(void *p)
{
    free(p);
}
