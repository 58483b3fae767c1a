#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "digest.h"

#define INTERRUPTED (-2) /* of UI_process */

/* Byte for byte: what stands behind the line is for somebody else. */
static bp_status read_line(int fd, const char *name, struct bp_secret *out, struct bp_err *err)
{
    for (;;) {
        char c;
        const ssize_t n = read(fd, &c, 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return bp_fail(err, BP_EINVAL, "--%s %d: %s", name, fd, strerror(errno));
        if (n == 0 || c == '\n')
            return BP_OK;
        if (c == '\0' || out->n == BP_SECRET_MOST)
            return bp_fail(err, BP_EINVAL, "--%s %d: a line of at most %d bytes is wanted", name,
                           fd, BP_SECRET_MOST);
        out->text[out->n++] = c;
    }
}

bp_status bp_secret_from_fd(int fd, const char *name, struct bp_secret *out, struct bp_err *err)
{
    bp_status st;
    *out = (struct bp_secret){.n = 0};
    if (isatty(fd))
        return bp_fail(err, BP_EINVAL,
                       "--%s %d: is a terminal, which would show it; leave the option out to be "
                       "asked",
                       name, fd);
    if ((st = read_line(fd, name, out, err)) == BP_OK && out->n == 0)
        st = bp_fail(err, BP_EINVAL, "--%s %d: nothing stands there", name, fd);
    if (st != BP_OK)
        bp_secret_wipe(out);
    return st;
}

static bool has_terminal(void)
{
    const int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

bp_status bp_secret_fail_missing(const char *what, const char *option, struct bp_err *err)
{
    if (has_terminal())
        return bp_fail(err, BP_ENOENT, "%s: nothing was given", what);
    return bp_fail(err, BP_ENOENT, "--%s is needed: there is no terminal to ask for %s on", option,
                   what);
}

bp_status bp_secret_ask(const char *what, const char *option, bool is_new, struct bp_secret *out,
                        struct bp_err *err)
{
    char prompt[128];
    int rc;
    if (!has_terminal())
        return bp_secret_fail_missing(what, option, err);
    *out = (struct bp_secret){.n = 0};
    snprintf(prompt, sizeof(prompt), "%s %s: ", is_new ? "Choose" : "Give", what);
    ERR_set_mark();
    rc = EVP_read_pw_string_min(out->text, 1, BP_SECRET_MOST, prompt, is_new);
    ERR_pop_to_mark();
    if (rc == INTERRUPTED)
        (void)raise(SIGINT); /* the library caught it to turn the echo on again */
    if (rc == 0) {
        out->n = strlen(out->text);
        return BP_OK;
    }
    bp_secret_wipe(out);
    return is_new ? bp_fail(err, BP_EINVAL, "%s: nothing was given, or not the same twice", what)
                  : bp_secret_fail_missing(what, option, err);
}

bp_status bp_secret_check_new(const struct bp_secret *s, struct bp_err *err)
{
    return s->n >= BP_PASSPHRASE_LEAST
               ? BP_OK
               : bp_fail(err, BP_EINVAL, "a passphrase has at least %d bytes; take several words",
                         BP_PASSPHRASE_LEAST);
}

void bp_secret_wipe(struct bp_secret *s)
{
    bp_wipe(s, sizeof(*s));
}
