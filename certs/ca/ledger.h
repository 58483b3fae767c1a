/* What a CA has done, in LMDB: its own CAs, every certificate it signed, every act with time,
 * person and reason, the agencies of the registry, the numbers of its CRLs. One transaction for
 * each run of a command: nothing is kept before the commit, everything after it. A second writer
 * waits until the first is done or dead. One thread. */
#ifndef BERBAGI_LEDGER_H
#define BERBAGI_LEDGER_H

#include "ca.h"

struct bp_ledger;

/* A certificate that was signed. */
struct bp_record {
    uint8_t serial[BP_SERIAL_BYTES];
    enum bp_ca issuer; /* of the root: the certificate of an issuing CA, whose name is in name */
    uint32_t ca;       /* number of the CA that signed it */
    char name[65];
    int64_t issued_s, not_after_s;
    int64_t revoked_s; /* 0: is not */
    uint8_t reason;
    struct bp_str der; /* borrowed until the transaction ends */
};

/* A CA of this site. Each role has exactly one that signs; beside it, while it is being replaced,
 * either the one to come or the one that goes. */
enum bp_ca_state {
    BP_CA_PREPARED,  /* to come: in the bundle, signs nothing yet but its CRL */
    BP_CA_SIGNING,   /* signs */
    BP_CA_OUTGOING,  /* goes: in the bundle, signs its CRL alone */
    BP_CA_WITHDRAWN, /* gone: in the ledger alone */
};
#define BP_CA_STATES 4
const char *bp_ca_state_name(enum bp_ca_state state); /* one word, static storage */

#define BP_KEY_URI_MOST 255

struct bp_ca_record {
    uint32_t number; /* 1, 2, 3 ... in the order they were made */
    enum bp_ca role;
    enum bp_ca_state state;
    uint32_t root; /* number of the root that signed it: of a root its own */
    char name[24]; /* of its folder and its CRL: "agency", then "agency.2", ... */
    char key_uri[BP_KEY_URI_MOST + 1]; /* where its key is in a token; "": in its folder */
    int64_t since_s;                   /* in this state */
    struct bp_str der;                 /* borrowed until the transaction ends */
};

/* Makes the ledger in dir, which must be there and hold none. */
BP_MUST_USE bp_status bp_ledger_create(const char *dir, const char *trust_domain,
                                       bool is_development, struct bp_ledger **out,
                                       struct bp_err *err);

/* Opens it and begins the transaction. BP_ENOENT, BP_EVERSION written in another format, BP_EIO.
 */
BP_MUST_USE bp_status bp_ledger_open(const char *dir, bool for_writing, struct bp_ledger **out,
                                     struct bp_err *err);
BP_MUST_USE bp_status bp_ledger_commit(struct bp_ledger *l, struct bp_err *err);
void bp_ledger_close(struct bp_ledger *l); /* NULL allowed; what was not committed is undone */

const char *bp_ledger_trust_domain(const struct bp_ledger *l);
bool bp_ledger_is_development(const struct bp_ledger *l);

/* The number of this transaction: higher than that of every one committed before. */
uint64_t bp_ledger_transaction(const struct bp_ledger *l);

/* A short text under a name; of get, an absent one is empty, borrowed until the next write. */
BP_MUST_USE bp_status bp_ledger_put_fact(struct bp_ledger *l, const char *name, struct bp_str value,
                                         struct bp_err *err);
BP_MUST_USE bp_status bp_ledger_get_fact(struct bp_ledger *l, const char *name, struct bp_str *out,
                                         struct bp_err *err);

/* A new record. BP_EEXIST: the serial is taken. */
BP_MUST_USE bp_status bp_ledger_add(struct bp_ledger *l, const struct bp_record *r,
                                    struct bp_err *err);
/* BP_ENOENT: no certificate has this serial; BP_ECORRUPT. */
BP_MUST_USE bp_status bp_ledger_get(struct bp_ledger *l, const uint8_t serial[BP_SERIAL_BYTES],
                                    struct bp_record *out, struct bp_err *err);
/* BP_ENOENT, BP_EEXIST: it is revoked already. */
BP_MUST_USE bp_status bp_ledger_revoke(struct bp_ledger *l, const uint8_t serial[BP_SERIAL_BYTES],
                                       uint8_t reason, struct bp_err *err);

/* Calls see for each record, by serial; ends with the first that is not BP_OK. see must not write.
 */
typedef bp_status bp_record_see(void *context, const struct bp_record *r, struct bp_err *err);
BP_MUST_USE bp_status bp_ledger_each(struct bp_ledger *l, bp_record_see *see, void *context,
                                     struct bp_err *err);

/* Enters a CA, or another state of one that is entered already. */
BP_MUST_USE bp_status bp_ledger_put_ca(struct bp_ledger *l, const struct bp_ca_record *r,
                                       struct bp_err *err);
/* By number. */
typedef bp_status bp_ca_see(void *context, const struct bp_ca_record *r, struct bp_err *err);
BP_MUST_USE bp_status bp_ledger_each_ca(struct bp_ledger *l, bp_ca_see *see, void *context,
                                        struct bp_err *err);

/* An act: when, who, what was done, why ("" if nobody said). */
struct bp_act {
    int64_t at_s;
    struct bp_str who, what, why;
};

/* Who does what is recorded from now on, and why; borrowed for the life of l. who NULL: the user at
 * the keyboard, as well as the system knows. why NULL: nobody says. */
void bp_ledger_set_actor(struct bp_ledger *l, const char *who, const char *why);
/* Records an act of now. */
BP_MUST_USE bp_status bp_ledger_note(struct bp_ledger *l, struct bp_err *err, const char *format,
                                     ...) BP_PRINTF(3, 4);
/* Oldest first; what see is given is borrowed for the call. */
typedef bp_status bp_act_see(void *context, const struct bp_act *act, struct bp_err *err);
BP_MUST_USE bp_status bp_ledger_each_act(struct bp_ledger *l, bp_act_see *see, void *context,
                                         struct bp_err *err);

/* The registry: which agencies there are. Replaced as a whole. */
BP_MUST_USE bp_status bp_ledger_clear_agencies(struct bp_ledger *l, struct bp_err *err);
/* BP_EEXIST: is in it already. id: as bp_agency_id_is_valid has it. */
BP_MUST_USE bp_status bp_ledger_add_agency(struct bp_ledger *l, struct bp_str id,
                                           struct bp_err *err);
/* BP_ENOENT: is not in it. */
BP_MUST_USE bp_status bp_ledger_find_agency(struct bp_ledger *l, struct bp_str id,
                                            struct bp_err *err);
BP_MUST_USE bp_status bp_ledger_count_agencies(struct bp_ledger *l, size_t *out,
                                               struct bp_err *err);

/* The number of this CA's next CRL: 1, 2, 3 ... */
BP_MUST_USE bp_status bp_ledger_take_crl_number(struct bp_ledger *l, uint32_t ca, uint64_t *out,
                                                struct bp_err *err);

#endif
