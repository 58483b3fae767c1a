/* Who a certificate says it is for: a SPIFFE ID that is accepted is written from its parts as it was
 * read, and of a SAN exactly one URI is taken. Input: a byte (0: an ID, else a SAN in DER); the
 * rest. */
#include <stdio.h>

#include "certificate.h"
#include "fuzz.h"

static void check_uri(struct bp_str uri)
{
    struct bp_identity id = {0};
    struct bp_err err = {""};
    char written[512];
    if (bp_identity_parse_uri(uri, NULL, &id, &err) != BP_OK) {
        BP_ASSERT(err.text[0] != '\0');
        return;
    }
    const struct bp_str scheme = BP_STR("spiffe://");
    struct bp_str domain = bp_str_of(uri.p + scheme.n, uri.n - scheme.n);
    domain.n = (size_t)((const char *)memchr(domain.p, '/', domain.n) - domain.p);
    BP_ASSERT(bp_trust_domain_is_valid(domain));
    BP_ASSERT(bp_identity_id_is_valid(id.kind, bp_str(id.name)));
    (void)snprintf(written, sizeof(written), "spiffe://%.*s/%s/%s", BP_STR_ARGS(domain),
                   bp_identity_kind_name(id.kind), id.name);
    BP_ASSERT(bp_str_is(uri, written));
}

static size_t count_uris(const GENERAL_NAMES *names)
{
    size_t n = 0;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
        n += sk_GENERAL_NAME_value(names, i)->type == GEN_URI;
    return n;
}

static void check_names(struct bp_str der)
{
    const unsigned char *at = (const unsigned char *)der.p;
    GENERAL_NAMES *names = d2i_GENERAL_NAMES(NULL, &at, (long)der.n);
    struct bp_buf uri = {0};
    if (names != NULL && bp_names_uri(names, &uri, NULL) == BP_OK) {
        BP_ASSERT(count_uris(names) == 1);
        check_uri(bp_buf_str(&uri));
    }
    bp_buf_fini(&uri);
    GENERAL_NAMES_free(names);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct fuzz_input in = {p, n};
    if (fuzz_take_byte(&in) == 0)
        check_uri(fuzz_rest(&in));
    else
        check_names(fuzz_rest(&in));
    return 0;
}
