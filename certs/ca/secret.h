/* Passphrases and PINs. They come from the terminal or from a file descriptor, never from an
 * argument or a variable, which others can see; they are wiped when they are done with. One thread.
 */
#ifndef BERBAGI_SECRET_H
#define BERBAGI_SECRET_H

#include "error.h"
#include "text.h"

#define BP_SECRET_MOST 1024
#define BP_PASSPHRASE_LEAST 12 /* of one that is chosen */

struct bp_secret {
    char text[BP_SECRET_MOST + 1]; /* terminated */
    size_t n;
};

/* Reads one line from fd, and no byte more: two secrets may follow each other on one descriptor.
 * name: of the option, for words. BP_EINVAL: not open, a terminal (it would show), empty, too long.
 */
BP_MUST_USE bp_status bp_secret_from_fd(int fd, const char *name, struct bp_secret *out,
                                        struct bp_err *err);

/* Asks on the terminal, without echo; twice if it is a new one. option: that would have told, for
 * words. BP_ENOENT: there is no terminal, or nothing was given; BP_EINVAL: two that differ. */
BP_MUST_USE bp_status bp_secret_ask(const char *what, const char *option, bool is_new,
                                    struct bp_secret *out, struct bp_err *err);

/* BP_ENOENT with the words for one that was asked for in vain before. */
bp_status bp_secret_fail_missing(const char *what, const char *option, struct bp_err *err);

/* BP_EINVAL if a passphrase that was chosen is too short. */
BP_MUST_USE bp_status bp_secret_check_new(const struct bp_secret *s, struct bp_err *err);

void bp_secret_wipe(struct bp_secret *s);

#endif
