/* What the holder of a certificate keeps, for programs that know nothing of OpenSSL: an identity, in
 * one file of mode 0600: private key, certificate, the CAs behind it, all PEM; beside it, while a
 * request waits for its certificate, pending.h's file.
 *
 * Each file is replaced whole by a rename. So whoever reads the identity never sees the key of one
 * certificate beside another, and whatever is interrupted leaves the state before or the one after.
 * Two programs that change the same files are kept apart by a lock on their folder: BP_EAGAIN. One
 * thread. */
#ifndef BERBAGI_HOLDING_H
#define BERBAGI_HOLDING_H

#include "buffer.h"
#include "identity.h"

struct bp_holding_files {
    const char *cert; /* the identity; with key, a certificate alone */
    const char *key;  /* NULL: in cert */
    const char *ca;   /* bundle */
};

/* Whose certificate it is, and how long it holds. */
struct bp_holding {
    struct bp_identity identity;
    char trust_domain[256];
    int64_t not_after_ns; /* earliest of the chain */
    bool is_waited_for;   /* a request waits for its certificate */
};

/* Checks what is installed as a connection would. BP_ENOENT: nothing is. */
BP_MUST_USE bp_status bp_holding_read(const struct bp_holding_files *f, int64_t now_ns,
                                      struct bp_holding *out, struct bp_err *err);

/* From when on it is renewed by itself: when a third of its lifetime is left, or up to a thirtieth
 * earlier, by its fingerprint, so that what was signed on one day is not renewed in one hour. */
int64_t bp_holding_renewal_ns(const struct bp_holding *h);

/* Who asks for a certificate: an agency or an operator. */
struct bp_holding_request {
    const char *trust_domain;
    enum bp_identity_kind kind;
    const char *name;
    bool is_fresh; /* a new key and request in any case */
};

/* Appends the request (PEM) that is to be sent to the CA: the one that waits, so that asking again is
 * harmless; without one, or is_fresh, a new one under a new key (*is_new). BP_ECONFLICT: the one that
 * waits is for somebody else; BP_EINVAL: bad names. */
BP_MUST_USE bp_status bp_holding_request(const char *cert, const struct bp_holding_request *who,
                                         struct bp_buf *out, bool *is_new, struct bp_err *err);

/* Forgets the request that waits. */
BP_MUST_USE bp_status bp_holding_forget(const char *cert, struct bp_err *err);

/* What came for a request. */
struct bp_holding_answer {
    struct bp_str certificate; /* PEM, the CAs behind it */
    struct bp_str authorities; /* PEM; the bundle as the CA has it now, taken in so far as bundle.h
                                * allows; empty: none came */
    const char *key;           /* file of its key; NULL: the request that waits has it */
};

/* Checks certificate and key (the pair, the identity that was asked for and that is installed, the
 * chain to the bundle, dates) and puts them in place: identity in f->cert (f->key is not looked at),
 * bundle in f->ca; the request is gone then. *n_strange: CAs of the offer that were left out.
 * BP_ENOENT: no request waits; BP_ECONFLICT: it is somebody else's. Nothing changed unless BP_OK or
 * BP_EIO. */
BP_MUST_USE bp_status bp_holding_install(const struct bp_holding_files *f,
                                         const struct bp_holding_answer *answer, int64_t now_ns,
                                         struct bp_holding *out, size_t *n_strange,
                                         struct bp_err *err);

#endif
