#include "ca.h"

#include "clock.h"
#include "digest.h"

const char *bp_ca_name(enum bp_ca ca)
{
    return ca == BP_CA_ROOT ? "root" : bp_identity_kind_name((enum bp_identity_kind)ca);
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool bp_serial_parse(struct bp_str text, uint8_t out[BP_SERIAL_BYTES])
{
    if (text.n != 2 * BP_SERIAL_BYTES)
        return false;
    for (size_t i = 0; i < BP_SERIAL_BYTES; i++) {
        const int high = digit_value(text.p[2 * i]), low = digit_value(text.p[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}

void bp_serial_make(uint8_t out[BP_SERIAL_BYTES])
{
    bp_random(out, BP_SERIAL_BYTES);
    out[0] = (uint8_t)((out[0] & 0x3f) | 0x40);
}

static const struct {
    const char *word;
    uint8_t code; /* CRLReason */
} reasons[] = {
    {"unspecified", 0},         {"key-compromise", 1}, {"ca-compromise", 2},
    {"affiliation-changed", 3}, {"superseded", 4},     {"cessation", 5},
};

bool bp_reason_parse(struct bp_str word, uint8_t *code)
{
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (bp_str_is(word, reasons[i].word)) {
            *code = reasons[i].code;
            return true;
        }
    }
    return false;
}

const char *bp_reason_name(uint8_t code)
{
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (reasons[i].code == code)
            return reasons[i].word;
    }
    return "another reason";
}

int64_t bp_now_s(void)
{
    return bp_now_ns(&bp_system_clock) / BP_NS_PER_S;
}
