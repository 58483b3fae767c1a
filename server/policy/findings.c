/* Findings: what a person must change in a policy before it can be applied, or should look at
 * again. */
#include <stdarg.h>
#include <stdio.h>

#include "compile.h"

#define FINDINGS_MAX 1000 /* a person reads no more, and a hostile policy gets no more memory */

void bp_policy_findings_fini(struct bp_policy_findings *f)
{
    free(f->items);
    *f = (struct bp_policy_findings){0};
}

struct place bp_place(const char *format, ...)
{
    struct place place;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(place.text, sizeof(place.text), format, args);
    va_end(args);
    return place;
}

static struct bp_policy_finding *next_finding(struct compile *c)
{
    struct bp_policy_findings *f = c->findings;
    if (f->n == FINDINGS_MAX)
        return NULL;
    if (f->n == f->capacity) {
        size_t capacity = f->capacity == 0 ? 16 : f->capacity * 2;
        struct bp_policy_finding *items = realloc(f->items, capacity * sizeof(*items));
        if (items == NULL) {
            c->is_out_of_memory = true;
            return NULL;
        }
        f->items = items;
        f->capacity = capacity;
    }
    return &f->items[f->n++];
}

BP_PRINTF(4, 0)
static void add(struct compile *c, bool is_warning, const struct place *where, const char *format,
                va_list args)
{
    struct bp_policy_finding *finding = next_finding(c);
    if (finding == NULL)
        return;
    memcpy(finding->where, where->text, sizeof(finding->where));
    (void)vsnprintf(finding->message, sizeof(finding->message), format, args);
    finding->is_warning = is_warning;
}

void bp_finding_error(struct compile *c, struct place where, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(c, false, &where, format, args);
    va_end(args);
    c->n_errors++;
}

void bp_finding_warning(struct compile *c, struct place where, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(c, true, &where, format, args);
    va_end(args);
}
