/* One value of a payload field, between its forms: the wire, text, and what JSON has besides. Lists
 * are made of such values, one by one. Pure; any thread. */
#ifndef BERBAGI_PAYLOAD_VALUE_H
#define BERBAGI_PAYLOAD_VALUE_H

#include "payload.h"
#include "validate.h"

struct bp_value {
    uint64_t number;    /* as in a varint; a time: nanoseconds since 1970 as an int64_t */
    struct bp_str text; /* strings and bytes; borrowed from where the value came from */
};

/* The value that a text stands for (an enum's short or full name, true or false, a decimal number,
 * a time in RFC 3339, bytes in base64). False: a violation was added to v. scratch is overwritten
 * and may hold what *out borrows. */
bool bp_value_parse(const struct bp_field *f, struct bp_str text, struct bp_buf *scratch,
                    struct bp_value *out, struct bp_violations *v);
bool bp_value_of_integer(const struct bp_field *f, int64_t number, struct bp_value *out,
                         struct bp_violations *v);
/* Adds the violation "a value of another kind" and returns false. */
bool bp_value_reject_kind(const struct bp_field *f, struct bp_violations *v);
/* Adds a violation of field f, named "data.<name>", and returns false. */
bool bp_value_reject(const struct bp_field *f, const char *reason, struct bp_violations *v,
                     const char *format, ...) BP_PRINTF(4, 5);

/* The value of one wire field with f's number. False: malformed, or text that is not UTF-8. */
bool bp_value_of_wire(const struct bp_field *f, const struct bp_wire_field *w,
                      struct bp_value *out);
/* The value of a number field: a varint, cut to the field's width as protobuf does. */
struct bp_value bp_value_of_varint(const struct bp_field *f, uint64_t varint);

/* Appends the value as a field of its own, with its tag. */
void bp_value_put(const struct bp_field *f, const struct bp_value *value, struct bp_buf *out);

/* A list: begin, put each item, end. Numbers are packed as the schema says. */
size_t bp_value_begin_list(const struct bp_field *f, struct bp_buf *out);
void bp_value_put_item(const struct bp_field *f, const struct bp_value *value, struct bp_buf *out);
void bp_value_end_list(const struct bp_field *f, size_t mark, struct bp_buf *out);

/* The text of a value, the inverse of bp_value_parse: borrowed from the value or from scratch,
 * which is overwritten. An enum number that the schema does not know is its number. */
struct bp_str bp_value_text(const struct bp_field *f, const struct bp_value *value,
                            struct bp_buf *scratch);
/* May JSON show that text without quotes? Integers up to 2^53, booleans, unknown enum numbers. */
bool bp_value_is_bare(const struct bp_field *f, const struct bp_value *value);

#endif
