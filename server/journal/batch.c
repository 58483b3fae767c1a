/* Behind the header stand the entries, each as: its length (4, the highest bit set where a control
 * row follows), the row of 26 bytes, the entry. */
#include "batch.h"

#include "bytes.h"

#define HAS_CONTROL 0x80000000u
#define LENGTH_BYTES 4u
#define FIRST_CAPACITY BP_BLOCK_BYTES
#define FIRST_PLACES 16u

static size_t whole_blocks(size_t n)
{
    return (n + BP_BLOCK_BYTES - 1) / BP_BLOCK_BYTES * BP_BLOCK_BYTES;
}

static void batch_free(struct bp_batch *b)
{
    free(b->bytes);
    free(b->places);
    free(b->controls);
    free(b);
}

/* Room for n bytes in all. */
static bp_status reserve_bytes(struct bp_batch *b, size_t n)
{
    size_t capacity = b->capacity == 0 ? FIRST_CAPACITY : b->capacity;
    if (n <= b->capacity)
        return BP_OK;
    while (capacity < n)
        capacity *= 2;
    uint8_t *bytes = aligned_alloc(BP_BLOCK_BYTES, capacity);
    if (bytes == NULL)
        return BP_ENOMEM;
    if (b->n != 0)
        memcpy(bytes, b->bytes, b->n);
    free(b->bytes);
    b->bytes = bytes;
    b->capacity = capacity;
    return BP_OK;
}

static bp_status reserve_place(struct bp_batch *b)
{
    if (b->entries < b->places_capacity)
        return BP_OK;
    size_t capacity = b->places_capacity == 0 ? FIRST_PLACES : 2 * b->places_capacity;
    struct bp_batch_place *places = realloc(b->places, capacity * sizeof(*places));
    if (places == NULL)
        return BP_ENOMEM;
    b->places = places;
    b->places_capacity = capacity;
    return BP_OK;
}

static bp_status reserve_control(struct bp_batch *b)
{
    if (b->n_controls < b->controls_capacity)
        return BP_OK;
    size_t capacity = b->controls_capacity == 0 ? 4 : 2 * b->controls_capacity;
    struct bp_control *controls = realloc(b->controls, capacity * sizeof(*controls));
    if (controls == NULL)
        return BP_ENOMEM;
    b->controls = controls;
    b->controls_capacity = capacity;
    return BP_OK;
}

struct bp_batch *bp_batch_create(uint64_t first)
{
    struct bp_batch *b = calloc(1, sizeof(*b));
    if (b == NULL)
        return NULL;
    atomic_init(&b->refs, 1);
    atomic_init(&b->next, NULL);
    b->first = first;
    if (reserve_bytes(b, BP_BATCH_HEADER_BYTES) != BP_OK) {
        batch_free(b);
        return NULL;
    }
    memset(b->bytes, 0, BP_BATCH_HEADER_BYTES);
    b->n = BP_BATCH_HEADER_BYTES;
    return b;
}

struct bp_batch *bp_batch_ref(struct bp_batch *b)
{
    atomic_fetch_add(&b->refs, 1);
    return b;
}

void bp_batch_unref(struct bp_batch *b)
{
    while (b != NULL && atomic_fetch_sub(&b->refs, 1) == 1) {
        struct bp_batch *next = atomic_load(&b->next);
        batch_free(b);
        b = next;
    }
}

bp_status bp_batch_add(struct bp_batch *b, size_t n, const struct bp_control *control,
                       uint8_t **place)
{
    size_t row = control != NULL ? BP_CONTROL_ROW_BYTES : 0;
    size_t whole = LENGTH_BYTES + row + n;
    if (n >= HAS_CONTROL || b->n + whole > UINT32_MAX / 2)
        return BP_ENOMEM;
    bp_status st = reserve_bytes(b, whole_blocks(b->n + whole));
    if (st != BP_OK || (st = reserve_place(b)) != BP_OK ||
        (control != NULL && (st = reserve_control(b)) != BP_OK))
        return st;
    uint8_t *p = b->bytes + b->n;
    bp_put_u32(p, (uint32_t)n | (control != NULL ? HAS_CONTROL : 0));
    if (control != NULL) {
        bp_control_encode(control, p + LENGTH_BYTES);
        b->controls[b->n_controls++] = *control;
    }
    *place = p + LENGTH_BYTES + row;
    b->places[b->entries++] = (struct bp_batch_place){(uint32_t)(*place - b->bytes), (uint32_t)n};
    b->n += whole;
    return BP_OK;
}

size_t bp_batch_blocks_bytes(const struct bp_batch *b)
{
    return whole_blocks(b->n);
}

uint64_t bp_batch_last(const struct bp_batch *b)
{
    return b->first + b->entries - 1;
}

struct bp_str bp_batch_get(const struct bp_batch *b, uint64_t number)
{
    BP_ASSERT(number >= b->first && number - b->first < b->entries);
    const struct bp_batch_place *place = &b->places[number - b->first];
    return bp_str_of(b->bytes + place->at, place->n);
}

/* One entry off the front of bytes. */
static bp_status parse_one(struct bp_batch *b, struct bp_str *bytes)
{
    struct bp_control control;
    uint8_t *place;
    if (bytes->n < LENGTH_BYTES)
        return BP_ECORRUPT;
    uint32_t length = bp_get_u32((const uint8_t *)bytes->p);
    size_t n = length & ~HAS_CONTROL;
    size_t row = (length & HAS_CONTROL) != 0 ? BP_CONTROL_ROW_BYTES : 0;
    if (bytes->n - LENGTH_BYTES < row || bytes->n - LENGTH_BYTES - row < n)
        return BP_ECORRUPT;
    const uint8_t *p = (const uint8_t *)bytes->p + LENGTH_BYTES;
    if (row != 0 && bp_control_decode(b->first + b->entries, bp_str_of(p, row), &control) != BP_OK)
        return BP_ECORRUPT;
    bp_status st = bp_batch_add(b, n, row != 0 ? &control : NULL, &place);
    if (st != BP_OK)
        return st;
    memcpy(place, p + row, n);
    *bytes = bp_str_of(p + row + n, bytes->n - LENGTH_BYTES - row - n);
    return BP_OK;
}

bp_status bp_batch_parse(uint64_t first, size_t entries, struct bp_str bytes, struct bp_batch **out)
{
    bp_status st = BP_OK;
    struct bp_batch *b = bp_batch_create(first);
    if (b == NULL)
        return BP_ENOMEM;
    for (size_t i = 0; i < entries && st == BP_OK; i++)
        st = parse_one(b, &bytes);
    if (st == BP_OK && bytes.n != 0)
        st = BP_ECORRUPT;
    if (st != BP_OK)
        bp_batch_unref(b);
    else
        *out = b;
    return st;
}
