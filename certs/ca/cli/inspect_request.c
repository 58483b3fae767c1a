/* A request: what it asks for, and whether sign would have it. */
#include <stdio.h>

#include "inspection.h"
#include "request.h"

static void print_identity(struct bp_inspection *in, const GENERAL_NAMES *names)
{
    struct bp_buf uri = {0};
    struct bp_identity id = {0};
    struct bp_err err;
    bp_status st = bp_names_uri(names, &uri, &err);
    if (st == BP_OK)
        st = bp_identity_parse_uri(bp_buf_str(&uri), NULL, &id, &err);
    if (st == BP_OK)
        printf(BP_INSPECT_LINE "%s %s, by %.*s\n", "asks for", bp_identity_kind_name(id.kind),
               id.name, BP_STR_ARGS(bp_buf_str(&uri)));
    else
        bp_inspect_wrong(in, &err);
    bp_buf_fini(&uri);
    bp_inspect_hosts(names);
    if (st == BP_OK)
        printf(BP_INSPECT_LINE "be signed with --%s %s\n", "can", bp_identity_kind_name(id.kind),
               id.name);
}

void bp_inspect_request(struct bp_inspection *in, X509_REQ *request)
{
    EVP_PKEY *key = X509_REQ_get0_pubkey(request);
    GENERAL_NAMES *names = bp_request_names(request);
    printf("request\n");
    if (names != NULL)
        print_identity(in, names);
    else
        bp_inspect_wrong_words(in, "it asks for no subject alternative name");
    bp_inspect_key(in, key);
    if (key != NULL && X509_REQ_verify(request, key) == 1)
        printf(BP_INSPECT_LINE "whoever made it holds the key\n", "proof");
    else
        bp_inspect_wrong_words(in, "its signature is not by the key in it: no proof that the asker "
                                   "holds the key");
    GENERAL_NAMES_free(names);
}
