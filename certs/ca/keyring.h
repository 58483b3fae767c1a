/* The keys of a site's CAs, opened when they are first needed and kept for the life of the process,
 * and the passphrases and PINs that open them. There are four of these: the issuing CAs share one,
 * the root has one of its own, and for keys in tokens there are two PINs likewise. One thread. */
#ifndef BERBAGI_KEYRING_H
#define BERBAGI_KEYRING_H

#include "certificate.h"
#include "ledger.h"
#include "options.h"
#include "secret.h"

struct bp_keyring;

/* The options that every command takes which uses a CA's key. */
#define BP_OPTION_SECRET_FD(name, words)                                                           \
    {                                                                                              \
        .key = name, .type = BP_OPTION_NUMBER, .operand = "N", .least = 0, .most = 1023,           \
        .help = "Read " words " from this file descriptor, one line; asked for without this."      \
    }
#define BP_OPTIONS_UNLOCK                                                                          \
    BP_OPTION_SECRET_FD("passphrase-fd", "the passphrase of the issuing CAs' keys"),               \
        BP_OPTION_SECRET_FD("pin-fd", "the PIN of the issuing CAs' token"),                        \
        BP_OPTION_SECRET_FD("root-passphrase-fd", "the passphrase of the root's key"),             \
        BP_OPTION_SECRET_FD("root-pin-fd", "the PIN of the root's token"),                         \
    {                                                                                              \
        .key = "keys", .type = BP_OPTION_TEXT, .operand = "DIR",                                   \
        .help =                                                                                    \
            "Where NAME/key.pem is looked for if it is not in its place: a medium of the safe."    \
    }
/* And those that may make one, besides. */
#define BP_OPTION_NO_PASSPHRASE                                                                    \
    {                                                                                              \
        .key = "no-passphrase", .type = BP_OPTION_FLAG,                                            \
        .help = "Leave new keys without a passphrase: whoever reads the file has the key."         \
    }

/* Reads the secrets whose descriptors are given; the terminal is asked later, and only for what is
 * needed. o is borrowed. BP_EINVAL. */
BP_MUST_USE bp_status bp_keyring_create(const struct bp_options *o, struct bp_keyring **out,
                                        struct bp_err *err);
void bp_keyring_destroy(struct bp_keyring *ring); /* NULL allowed; wipes */

/* New keys get no passphrase: --no-passphrase. */
void bp_keyring_leave_open(struct bp_keyring *ring);

/* The private key of ca, whose certificate is cert, in dir; one reference for the caller.
 * BP_ENOENT: it is kept elsewhere; BP_EAUTH: passphrase or PIN is wrong; BP_EPERM: others can reach
 * the file; BP_EINVAL: damaged, weak, or not of this certificate. */
BP_MUST_USE bp_status bp_keyring_open(struct bp_keyring *ring, const char *dir,
                                      const struct bp_ca_record *ca, const X509 *cert,
                                      EVP_PKEY **out, struct bp_err *err);

/* Asks on the terminal for what the key of ca will be opened with, unless it is known or not needed;
 * so that nobody is asked while others wait for the ledger. */
void bp_keyring_ask(struct bp_keyring *ring, const char *dir, const struct bp_ca_record *ca);

/* Is the key a file in its place in dir? */
bool bp_keyring_is_in_place(const char *dir, const struct bp_ca_record *ca);

/* A key in a token that no certificate is for yet. */
BP_MUST_USE bp_status bp_keyring_open_token(struct bp_keyring *ring, enum bp_ca role,
                                            const char *uri, EVP_PKEY **out, struct bp_err *err);

/* The passphrase for a new key of this role: the one that opened a key of the same lock, else the
 * one given, else asked for twice. *out is borrowed; NULL: none, as bp_keyring_leave_open has it or
 * as the keys of the same lock that were opened have it. */
BP_MUST_USE bp_status bp_keyring_choose(struct bp_keyring *ring, enum bp_ca role,
                                        const struct bp_secret **out, struct bp_err *err);

#endif
