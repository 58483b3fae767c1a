#define BP_ERROR_C
#include "error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

static const char *const names[] = {
    [BP_OK] = "OK",
    [BP_EINVAL] = "EINVAL",
    [BP_ENOENT] = "ENOENT",
    [BP_EEXIST] = "EEXIST",
    [BP_EPERM] = "EPERM",
    [BP_EAUTH] = "EAUTH",
    [BP_EAGAIN] = "EAGAIN",
    [BP_ECONFLICT] = "ECONFLICT",
    [BP_ETOOLARGE] = "ETOOLARGE",
    [BP_ENOMEM] = "ENOMEM",
    [BP_ENOSPC] = "ENOSPC",
    [BP_EIO] = "EIO",
    [BP_ECORRUPT] = "ECORRUPT",
    [BP_EVERSION] = "EVERSION",
    [BP_ECLOSED] = "ECLOSED",
};

const char *bp_status_name(bp_status st)
{
    return names[st];
}

bp_status bp_fail(struct bp_err *err, bp_status st, const char *format, ...)
{
    if (err == NULL)
        return st;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    return st;
}

bp_status bp_fail_in(struct bp_err *err, bp_status st, const char *format, ...)
{
    if (err == NULL)
        return st;
    struct bp_err inner = *err;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    struct bp_str pieces[] = {BP_STR(": "), bp_str(inner.text)};
    size_t used = n > 0 ? (size_t)n : 0;
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        for (size_t k = 0; k < pieces[i].n && used < sizeof(err->text) - 1; k++)
            err->text[used++] = pieces[i].p[k];
    }
    if (used < sizeof(err->text))
        err->text[used] = '\0';
    return st;
}

_Noreturn void bp_assert_failed(const char *condition, const char *file, int line)
{
    char text[256];
    int n = snprintf(text, sizeof(text), "%s:%d: broken assumption: %s\n", file, line, condition);
    if (n > 0) {
        size_t size = (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1;
        ssize_t written = write(STDERR_FILENO, text, size);
        (void)written;
    }
    abort();
}
