/* berbagi.v1.Filter, written by hand: five lists of texts. */
#include "client_internal.h"
#include "wire.h"

static void put_list(struct bp_buf *out, uint32_t number, const char *const *items, size_t n)
{
    for (size_t i = 0; i < n; i++)
        bp_wire_put_bytes(out, number, bp_str(items[i]));
}

void bp_client_encode_filter(const struct berbagi_filter *filter, struct bp_buf *out)
{
    put_list(out, 1, filter->types, filter->n_types);
    put_list(out, 2, filter->regions, filter->n_regions);
    put_list(out, 3, filter->destinations, filter->n_destinations);
    put_list(out, 4, filter->subjects, filter->n_subjects);
    put_list(out, 5, filter->sources, filter->n_sources);
}
