#include "inspection.h"

#include <inttypes.h>
#include <stdio.h>

#include "ca.h"
#include "clock.h"
#include "subject.h"

void bp_inspect_wrong_words(struct bp_inspection *in, const char *words)
{
    in->is_wrong = true;
    printf(BP_INSPECT_LINE "%s\n", "wrong", words);
}

void bp_inspect_wrong(struct bp_inspection *in, const struct bp_err *err)
{
    bp_inspect_wrong_words(in, err->text);
}

void bp_inspect_key(struct bp_inspection *in, const EVP_PKEY *key)
{
    char what[32];
    struct bp_err err;
    if (key == NULL) {
        bp_inspect_wrong_words(in, "its key cannot be read");
        return;
    }
    bp_key_describe(key, what);
    printf(BP_INSPECT_LINE "%s\n", "key", what);
    if (bp_key_check(key, &err) != BP_OK)
        bp_inspect_wrong(in, &err);
}

/* Anybody may have written them: what a terminal would act on is left out. */
void bp_inspect_hosts(const GENERAL_NAMES *names)
{
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        struct bp_buf text = {0};
        if (bp_subject_host_text(sk_GENERAL_NAME_value(names, i), &text) &&
            bp_ascii_is_printable(bp_buf_str(&text), 253))
            printf(BP_INSPECT_LINE "%.*s\n", "host", BP_STR_ARGS(bp_buf_str(&text)));
        bp_buf_fini(&text);
    }
}

void bp_inspect_dates(const struct bp_inspection *in, const ASN1_TIME *from, const ASN1_TIME *until)
{
    const int64_t day_ns = BP_DAY_S * BP_NS_PER_S;
    int64_t from_ns, until_ns;
    char from_text[36], until_text[36];
    if (!bp_time_of_asn1(from, &from_ns) || !bp_time_of_asn1(until, &until_ns))
        return;
    bp_time_format(from_ns, from_text);
    bp_time_format(until_ns, until_text);
    printf(BP_INSPECT_LINE "from %s to %s, ", "valid", from_text, until_text);
    if (until_ns >= in->now_ns)
        printf("%" PRId64 " days left\n", (until_ns - in->now_ns) / day_ns);
    else
        printf("over since %" PRId64 " days\n", (in->now_ns - until_ns) / day_ns);
}
