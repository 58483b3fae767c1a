/* An event as it stands in the log: a routing header (what checks, filters and rights look at, so
 * that most readers never touch the event) and the Event's encoded bytes. Encoded once at publish,
 * checked at every read, sent as it is to who may see all of it. Little-endian, versioned by its
 * first byte; the layout stands in record.c. Pure; any thread. */
#ifndef BERBAGI_RECORD_H
#define BERBAGI_RECORD_H

#include "buffer.h"

enum bp_entry_kind {
    BP_ENTRY_EVENT = 1,
    BP_ENTRY_POLICY = 2,   /* content: serialized berbagi.v1.Policy, in parts of at most 1 MiB */
    BP_ENTRY_LOG = 3,      /* the log began, or began anew after a restore: content is its id */
    BP_ENTRY_PROPOSAL = 4, /* a policy version that waits for an approval; content as of a policy */
    BP_ENTRY_APPROVAL = 5, /* puts a proposed version in force: content is its number, 8 bytes */
};
#define BP_ENTRY_CONTENT_MAX (1u << 20)

#define BP_LOG_ID_BYTES 16
struct bp_log_id {
    uint8_t bytes[BP_LOG_ID_BYTES];
};

/* What every entry says of itself. */
struct bp_entry {
    enum bp_entry_kind kind;
    uint64_t number; /* place in the log of all entries, from 1 without gaps */
    struct bp_log_id
        log_id; /* its first 4 bytes are stored, decoded into place; the rest is zero then */
    int64_t recorded_at_ns; /* never less than the entry before */
    struct bp_str actor; /* agency or "operator/NAME" of the certificate that sent it, at most 255
                          * bytes; of an event, empty or equal to source: the source itself, and
                          * then not stored again */
    uint64_t policy_version; /* in force when it was judged; stored in 32 bits */
    uint32_t key_id;         /* of the pseudonym key; 0 = none */
    uint16_t part, parts;    /* k of n, from 1 */
    struct bp_str content;
    uint32_t checksum; /* set by decode: the CRC-32C of all the stored bytes behind it */
};

/* What an event's entry says besides. Texts are borrowed from the record's bytes. */
struct bp_routing {
    uint64_t position;   /* from 1 without gaps, among events */
    uint32_t type_hash;  /* bp_schema_hash(type) */
    uint64_t region;     /* bp_region */
    char destination[2]; /* NULs when empty */
    int64_t occurred_at_ns;
    uint32_t grant; /* the publish grant it was stored under: its number in that policy version */
    bool has_small_count; /* a count of 1 to 4 in an aggregate type (judged at publish) */
    bool resolves;        /* its subject was sent as a NIK */
    struct bp_str source, subject, addressed_to; /* from the event, each at most 255 bytes */
    struct bp_str type;                          /* likewise */
    struct bp_str id; /* set by decode: Event.id, the first field of canonical bytes; encode needs
                         it in the event alone */
};

struct bp_record {
    struct bp_entry entry;
    struct bp_routing routing;
    struct bp_str event; /* serialized berbagi.v1.Event, canonical, subject a pseudonym */
};

/* Bytes that stored headers add to an event at most: fixed fields, and texts not found in the
 * event. */
#define BP_RECORD_OVERHEAD_MAX 1400u
/* The most an event may take (64 KiB of data and its envelope). */
#define BP_EVENT_MAX (72u << 10)

/* Size of the stored form; 0 if it has none: a text over 255 bytes, an event that is over
 * BP_EVENT_MAX or does not begin with its id, content over BP_ENTRY_CONTENT_MAX. */
size_t bp_record_size(const struct bp_record *r);
size_t bp_entry_size(const struct bp_entry *e);

/* Writes the stored form to out, which has room for exactly the size told before; out needs no
 * alignment. Texts that point into the event, or stand in its first bytes, are stored as places in
 * it. */
void bp_record_write(const struct bp_record *r, uint8_t *out);
void bp_entry_write(const struct bp_entry *e, uint8_t *out);

/* Appends the stored form of an event record or of another entry. BP_EINVAL: it has none;
 * BP_ENOMEM. */
BP_MUST_USE bp_status bp_record_encode(const struct bp_record *r, struct bp_buf *out);
BP_MUST_USE bp_status bp_entry_encode(const struct bp_entry *e, struct bp_buf *out);

/* Checks the CRC-32C, every length and the format of stored bytes; everything in the result points
 * into them. bp_entry_decode takes any entry, bp_record_decode wants an event. BP_ECORRUPT;
 * BP_EVERSION: sound, of a newer format; BP_EINVAL: sound, and no event. */
BP_MUST_USE bp_status bp_record_decode(struct bp_str stored, struct bp_record *out);
BP_MUST_USE bp_status bp_entry_decode(struct bp_str stored, struct bp_entry *out);

/* The text of a log id: 32 hexadecimal digits and a NUL. */
void bp_log_id_format(const struct bp_log_id *id, char out[33]);

#endif
