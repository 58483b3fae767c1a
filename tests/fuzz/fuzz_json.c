/* JSON in and out: what is read can be written, and is read back as the same event. Input: the
 * text. */
#include "event_json.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    const struct bp_schema *schema = fuzz_schema();
    struct bp_violations v = {.n = 0}, none = {.n = 0};
    struct bp_buf event = {0}, line = {0}, again = {0};
    struct bp_event e;
    if (bp_event_from_json(schema, bp_str_of(p, n), &event, &v)) {
        BP_ASSERT(v.n == 0);
        BP_ASSERT(bp_event_parse(bp_buf_str(&event), &e));
        BP_ASSERT(bp_event_to_json(schema, &e, NULL, &line));
        BP_ASSERT(memchr(line.p, '\n', line.n) == NULL);
        BP_ASSERT(bp_event_from_json(schema, bp_buf_str(&line), &again, &none));
        BP_ASSERT(bp_str_eq(bp_buf_str(&event), bp_buf_str(&again)));
    } else {
        BP_ASSERT(v.n != 0 && event.n == 0);
    }
    bp_buf_fini(&event);
    bp_buf_fini(&line);
    bp_buf_fini(&again);
    return 0;
}
