/* A folder of certificates, made by the openssl command (make_pki.sh), removed at the end. */
#ifndef BERBAGI_TEST_PKI_H
#define BERBAGI_TEST_PKI_H

#include "credentials.h"

struct pki {
    char dir[256];
};

void pki_create(struct pki *pki);
void pki_destroy(struct pki *pki);

/* dir/name; one of a few static places. */
const char *pki_path(const struct pki *pki, const char *name);

/* Credentials of the server certificate `name`; crl NULL: none. */
struct bp_credentials *pki_server(const struct pki *pki, const char *name, const char *crl);

/* The whole of dir/name, terminated, to be freed. */
char *pki_text(const struct pki *pki, const char *name);

#endif
