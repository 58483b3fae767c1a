/* Descriptor sets of a site: loaded behind the contract, or refused with words; what loads is found
 * by its name and its hash. Input: a serialized FileDescriptorSet. */
#include "descriptor_set.h"
#include "fuzz.h"
#include "symbols.h"

static void check_schema(const struct bp_schema *s)
{
    for (size_t i = 0; i < s->n_types; i++) {
        const struct bp_event_type *t = &s->types[i];
        BP_ASSERT(bp_schema_type(s, t->name) == t && bp_schema_type_by_hash(s, t->hash) == t);
        BP_ASSERT(t->n_fields <= BP_FIELDS_MAX);
        for (size_t k = 0; k < t->n_fields; k++) {
            BP_ASSERT(bp_type_field_by_number(t, t->fields[k].number) == &t->fields[k]);
            BP_ASSERT(t->fields[k].data_class != 0);
        }
    }
}

static void check_symbols(struct bp_str set)
{
    struct bp_symbols symbols = {0};
    if (bp_symbols_add(&symbols, set) == BP_OK) {
        bp_symbols_sort(&symbols);
        for (size_t i = 0; i < bp_symbols_n_files(&symbols); i++) {
            const struct bp_symbol_file *file = bp_symbols_file(&symbols, i);
            BP_ASSERT(bp_symbols_file_named(&symbols, file->name) != SIZE_MAX);
        }
    }
    bp_symbols_fini(&symbols);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    size_t size;
    const uint8_t *contract = bp_descriptor_set(&size);
    const struct bp_str sets[] = {bp_str_of(contract, size), bp_str_of(p, n)};
    struct bp_schema *schema = NULL;
    struct bp_err err = {""};
    if (bp_schema_load(sets, 2, &schema, &err) == BP_OK)
        check_schema(schema);
    else
        BP_ASSERT(err.text[0] != '\0');
    bp_schema_destroy(schema);
    check_symbols(sets[1]);
    return 0;
}
