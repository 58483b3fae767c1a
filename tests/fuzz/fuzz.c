#include "fuzz.h"

#include "crc32c.h"

uint8_t fuzz_take_byte(struct fuzz_input *in)
{
    if (in->n == 0)
        return 0;
    in->n--;
    return *in->p++;
}

uint64_t fuzz_take_u64(struct fuzz_input *in)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < 8; i++)
        value |= (uint64_t)fuzz_take_byte(in) << 8 * i;
    return value;
}

struct bp_str fuzz_take_line(struct fuzz_input *in)
{
    const uint8_t *end = in->n != 0 ? memchr(in->p, '\n', in->n) : NULL;
    size_t n = end != NULL ? (size_t)(end - in->p) : in->n;
    struct bp_str line = bp_str_of(in->p, n);
    size_t taken = n + (end != NULL);
    in->p += taken;
    in->n -= taken;
    return line;
}

const struct bp_schema *fuzz_schema(void)
{
    static struct bp_schema *schema;
    if (schema == NULL)
        BP_ASSERT(bp_schema_open(NULL, 0, &schema, NULL) == BP_OK);
    return schema;
}

const struct bp_event_type *fuzz_take_type(struct fuzz_input *in)
{
    const struct bp_schema *schema = fuzz_schema();
    struct bp_str name = fuzz_take_line(in);
    const struct bp_event_type *type = bp_schema_type(schema, name);
    return type != NULL ? type : &schema->types[bp_crc32c(0, name.p, name.n) % schema->n_types];
}
