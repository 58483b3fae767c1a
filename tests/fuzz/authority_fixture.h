/* A CA with keys of this run, for targets whose inputs would otherwise fail at a signature that no
 * fuzzer can make. */
#ifndef BERBAGI_FUZZ_AUTHORITY_FIXTURE_H
#define BERBAGI_FUZZ_AUTHORITY_FIXTURE_H

#include "pki.h"
#include "trust.h"

#define FIXTURE_DOMAIN "berbagi.example"

/* A root that may assert every kind of identity, made at the first call. */
const struct pki_cert *fixture_root(void);
/* It alone as a bundle. */
const struct bp_trust *fixture_trust(void);
/* A key for whoever asks. */
EVP_PKEY *fixture_key(void);

/* The content of a memory BIO as text, which the caller frees with bp_buf_fini; frees the BIO. */
struct bp_buf fixture_text(BIO *bio);

#endif
