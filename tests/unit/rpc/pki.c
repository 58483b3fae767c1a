#include "pki.h"

#include <stdio.h>

#include "certificate.h"
#include "check.h"
#include "clock.h"
#include "file.h"

void pki_create(struct pki *pki)
{
    const char *tmp = getenv("TMPDIR");
    char command[1024];
    (void)snprintf(pki->dir, sizeof(pki->dir), "%s/berbagi-rpc-XXXXXX", tmp != NULL ? tmp : "/tmp");
    assert_non_null(mkdtemp(pki->dir));
    (void)snprintf(command, sizeof(command), "%s %s %s >%s/log 2>&1", MAKE_PKI, pki->dir,
                   BP_POLICY_ARC, pki->dir);
    assert_int_equal(system(command), 0);
}

void pki_destroy(struct pki *pki)
{
    char command[512];
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", pki->dir);
    assert_int_equal(system(command), 0);
}

const char *pki_path(const struct pki *pki, const char *name)
{
    static _Thread_local char places[8][512];
    static _Thread_local unsigned next;
    char *place = places[next++ % 8];
    (void)snprintf(place, sizeof(places[0]), "%s/%s", pki->dir, name);
    return place;
}

struct bp_credentials *pki_server(const struct pki *pki, const char *name, const char *crl)
{
    char cert[64], key[64];
    (void)snprintf(cert, sizeof(cert), "%s.pem", name);
    (void)snprintf(key, sizeof(key), "%s.key", name);
    const char *crls[] = {crl != NULL ? pki_path(pki, crl) : NULL};
    struct bp_credential_files files = {.cert = pki_path(pki, cert),
                                        .key = pki_path(pki, key),
                                        .ca = pki_path(pki, "ca.pem"),
                                        .crls = crls,
                                        .n_crls = crl != NULL ? 1 : 0};
    struct bp_credentials *c = NULL;
    struct bp_err err = {""};
    bp_status st = bp_credentials_load(&files, true, bp_now_ns(&bp_system_clock), &c, &err);
    if (st != BP_OK)
        print_error("%s\n", err.text);
    assert_int_equal(st, BP_OK);
    return c;
}

char *pki_text(const struct pki *pki, const char *name)
{
    struct bp_buf text = {0};
    assert_int_equal(bp_file_read(pki_path(pki, name), 1 << 20, &text, NULL), BP_OK);
    char *copy = bp_str_dup(bp_buf_str(&text));
    bp_buf_fini(&text);
    return copy;
}
