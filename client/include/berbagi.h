/* libberbagi: the C client of Berbagi, the exchange on which regional governments and ministries
 * share worker status events under their MoUs.
 *
 * A program opens a client, which holds where the exchange is and who the program is (a
 * certificate), and with it
 *   - publishers, which push events in batches, several on their way at once;
 *   - subscriptions, which receive events in the order of the log and survive a broken connection;
 *   - single calls: a page of events, subscriptions, the policy, the state of the exchange.
 *
 * Events travel as serialized berbagi.v1.Event messages (proto/berbagi/v1/event.proto); make and
 * read them with any protobuf library. Everything else is plain C.
 *
 * Errors. Each function that can fail returns a berbagi_status. Where a last argument struct
 * berbagi_error * is given (NULL allowed) it takes the words, and what the exchange said of the
 * reason; it is written on failure alone. Results leave through pointers, written on BERBAGI_OK
 * alone unless the function says otherwise.
 *
 * Threads. A client may be used by several threads at once. A publisher or subscription belongs to
 * one thread at a time. Nothing happens behind the caller's back: a connection moves only while one
 * of its functions runs, so a program with a loop of its own calls the `next` functions with
 * timeout_ms 0 from it, and one without gives each publisher or subscription a thread. A program of
 * the second kind with several such threads sets GRPC_POLL_STRATEGY=poll in its environment before
 * berbagi_open: by default gRPC has one thread at a time wait for the sockets of all. Do not fork
 * between berbagi_open and the last berbagi_close.
 *
 * Ownership. What goes in is copied unless said otherwise. What comes out as a struct of borrowed
 * texts lives until the next call on the object it came from.
 *
 * Times are nanoseconds since 1970-01-01 UTC (_ns), lengths of time milliseconds (_ms). */
#ifndef BERBAGI_H
#define BERBAGI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define BERBAGI_MUST_USE __attribute__((warn_unused_result))
#else
#define BERBAGI_MUST_USE
#endif

typedef enum berbagi_status {
    BERBAGI_OK = 0,
    BERBAGI_AGAIN,  /* not yet: nothing came within timeout_ms, or the window of a publisher is full
                     */
    BERBAGI_END,    /* the stream came to its orderly end */
    BERBAGI_EINVAL, /* an argument breaks a rule of this header */
    BERBAGI_ELOCAL, /* a file of the caller's own: certificate, key or CA bundle */
    BERBAGI_EREFUSED,     /* the exchange said no and would say it again; berbagi_error tells why */
    BERBAGI_EUNREACHABLE, /* no useful answer for as long as berbagi_options allows */
    BERBAGI_EPROTOCOL,    /* the answer is not of this contract */
    BERBAGI_ENOMEM,
} berbagi_status;

/* "EREFUSED"; static storage. */
const char *berbagi_status_name(berbagi_status status);

/* Why something failed. Never holds a value of an event. */
struct berbagi_error {
    int code; /* gRPC status number (grpc/status.h), 0 when the failure is the client's own */
    /* google.rpc.ErrorInfo.reason: "NO_RIGHT", "TAKEN_OVER"; "UNTRUSTED_SERVER": the server's
     * certificate is not believed, or is for another name; "" when none was given. */
    char reason[64];
    char message[512];      /* a sentence for people */
    char field[80];         /* field of the request that is at fault, or "" */
    int64_t retry_after_ms; /* the exchange asks to wait this long; 0 = it said nothing */
    uint64_t position;      /* POSITION_EXPIRED: oldest position kept; 0 otherwise */
};

/* Bytes or text, not terminated; p may be NULL when n is 0. */
struct berbagi_str {
    const char *p;
    size_t n;
};

/* --- client --- */

struct berbagi_client;

struct berbagi_options {
    const char *server; /* "exchange.example.go.id:7443", "127.0.0.1:7443", "[::1]:7443" */
    const char *cert;   /* PEM file: the certificate, its chain behind it */
    const char *key; /* PEM file, not readable by others; NULL = the key stands in cert too, which
                         * is then as secret: the form in which renewed files are never half new */
    const char *ca;  /* PEM file: whom to believe */
    const char
        *server_name; /* name expected in the server's certificate; NULL = the host of `server` */
    uint32_t connect_timeout_ms; /* how long to try until the first answer; 0 = 10,000 */
    uint32_t patience_ms; /* how long to try again after a connection that once answered broke; 0 =
                             for ever */
    /* Told in words when a connection is lost or could not be made and will be tried again. Runs
     * inside a call of this library, on its thread, and must not call it. NULL = nobody is told. */
    void (*notice)(void *context, const char *words);
    void *context;
    /* Told in words once a day, from a third of the certificate's lifetime before its end on, that
     * it should be renewed; where and how as notice. NULL = nobody is told. */
    void (*warning)(void *context, const char *words);
};

/* Checks options and files (the pair matches, the chain leads to the CA, dates) and connects with
 * the first call.
 * Renewed files take effect without a restart: they are read at each new connection, and where they
 * have changed (looked at about once a second while one of its functions runs) a publisher or
 * subscription goes over to a connection made with them, without an event lost or handed out twice.
 * Files that the exchange does not take, that cannot be used, or that are of somebody else leave the
 * connection there is, and notice is told. BERBAGI_EINVAL, BERBAGI_ELOCAL, BERBAGI_ENOMEM. */
BERBAGI_MUST_USE berbagi_status berbagi_open(const struct berbagi_options *options,
                                             struct berbagi_client **out,
                                             struct berbagi_error *error);

/* Every publisher and subscription of it must be closed before. NULL allowed. */
void berbagi_close(struct berbagi_client *client);

/* Who the certificate says the caller is: id of an agency or name of an operator. Borrowed until
 * close. */
const char *berbagi_identity(const struct berbagi_client *client);

/* --- publisher --- */

/* A window of requests on their way, answered in the order in which they were sent. When the
 * connection breaks, what was not answered is sent again, in order, on the next one; that is safe
 * because an id that is stored already answers BERBAGI_DUPLICATE. */
struct berbagi_publisher;

struct berbagi_publisher_options {
    unsigned most_in_flight; /* requests unanswered at once; 0 = 16, most 64 */
    bool all_or_nothing;     /* of one request */
    bool dry_run;            /* check everything, store nothing */
};

#define BERBAGI_REQUEST_EVENTS 1000 /* most events of a request */
#define BERBAGI_REQUEST_BYTES                                                                      \
    (4u * 1024 * 1024) /* most bytes of one, four to eight for each event included */

/* options may be NULL. Connects with the first `next`. BERBAGI_EINVAL, BERBAGI_ENOMEM. */
BERBAGI_MUST_USE berbagi_status berbagi_publisher_open(
    struct berbagi_client *client, const struct berbagi_publisher_options *options,
    struct berbagi_publisher **out, struct berbagi_error *error);

/* Puts one request of 1 to BERBAGI_REQUEST_EVENTS serialized events into the window and returns at
 * once; it leaves while `next` waits, in one message with others that wait too unless they are
 * all_or_nothing. tag comes back with its answer. BERBAGI_AGAIN   the window is
 * full: take an answer first. Nothing changed. BERBAGI_EINVAL  too many events or bytes, or the
 * publisher has failed before. */
BERBAGI_MUST_USE berbagi_status berbagi_publisher_send(struct berbagi_publisher *publisher,
                                                       const struct berbagi_str *events, size_t n,
                                                       void *tag, struct berbagi_error *error);

enum berbagi_outcome {
    BERBAGI_STORED = 1,
    BERBAGI_DUPLICATE = 2, /* stored before; position is that of the first */
    BERBAGI_REJECTED = 3,  /* violations say why */
    BERBAGI_CONFLICT = 4,  /* the id is taken by other content */
    BERBAGI_ABORTED = 5,   /* sound, but all_or_nothing and another was not */
};

/* One broken rule; never repeats the value. Terminated texts. */
struct berbagi_violation {
    const char *field;   /* "data.passport_number" */
    const char *reason;  /* a stable word: "REQUIRED" */
    const char *message; /* a sentence */
};

struct berbagi_result {
    enum berbagi_outcome outcome;
    uint64_t position;   /* 0 unless STORED or DUPLICATE */
    const char *subject; /* the pseudonym that stands for the subject, or "" */
    const struct berbagi_violation *violations;
    size_t n_violations;
    const struct berbagi_violation *warnings; /* stored, but odd */
    size_t n_warnings;
};

struct berbagi_answer {
    void *tag;
    const struct berbagi_result *results; /* one for each event of the request, in order */
    size_t n;
};

/* Moves requests and waits for the next answer; STORED and DUPLICATE events are then on disk for
 * good. timeout_ms  0 = only what is there already; -1 = without end. out         borrowed until
 * the next call on this publisher. BERBAGI_AGAIN         none within timeout_ms (or nothing is on
 * its way). BERBAGI_EREFUSED, BERBAGI_EUNREACHABLE, BERBAGI_ELOCAL, BERBAGI_EPROTOCOL,
 * BERBAGI_ENOMEM the publisher has failed: what is unanswered may or may not be stored. Close it.
 */
BERBAGI_MUST_USE berbagi_status berbagi_publisher_next(struct berbagi_publisher *publisher,
                                                       int timeout_ms,
                                                       const struct berbagi_answer **out,
                                                       struct berbagi_error *error);

/* Requests in the window, sent or not; 0: all is answered. */
size_t berbagi_publisher_unanswered(const struct berbagi_publisher *publisher);

/* Closes the stream at once; what is unanswered may or may not be stored. NULL allowed. */
void berbagi_publisher_close(struct berbagi_publisher *publisher);

/* --- what is received --- */

struct berbagi_filter {       /* narrows what policy allows; texts are terminated; n 0 = all */
    const char *const *types; /* exact or with a trailing ".*" */
    size_t n_types;
    const char *const *regions; /* each includes all below it */
    size_t n_regions;
    const char *const *destinations;
    size_t n_destinations;
    const char *const *subjects;
    size_t n_subjects;
    const char *const *sources;
    size_t n_sources;
};

struct berbagi_delivery {
    uint64_t position; /* from 1; the same for every subscriber */
    int64_t recorded_at_ns;
    struct berbagi_str event; /* serialized berbagi.v1.Event, as this agency may see it */
    const uint32_t *grounds;  /* berbagi_ground.id */
    size_t n_grounds;
    struct berbagi_str
        published_by; /* the agency that sent it where that is not the event's source, or empty */
};

/* Why a delivery is lawful, and what this agency's view leaves out. */
struct berbagi_ground {
    uint32_t id;
    struct berbagi_str agreement, purpose, legal_basis, event_type;
    int64_t valid_to_ns; /* end of the last day; INT64_MAX = without end */
    uint64_t policy_version;
    const struct berbagi_str *hidden_fields;
    size_t n_hidden_fields;
    const struct berbagi_str *coarsened_fields;
    size_t n_coarsened_fields;
};

enum berbagi_response_kind {
    BERBAGI_OPENED, /* first on each connection, so again after one broke */
    BERBAGI_BATCH,
    BERBAGI_BOOKMARK, /* the heartbeat: nothing for this agency, but the place moves */
};

struct berbagi_response {
    enum berbagi_response_kind kind;
    uint64_t through_position; /* everything up to here was delivered or is not for this agency */
    uint64_t head_position;    /* newest event in the log; not set in a BATCH of a subscription */
    uint64_t first_position;   /* OPENED: oldest event kept */
    struct berbagi_str log_id; /* OPENED and pages; positions are of this log */
    int64_t server_time_ns;    /* BOOKMARK */
    const struct berbagi_delivery *deliveries; /* BATCH */
    size_t n_deliveries;
    const struct berbagi_ground *grounds; /* those not told before on this connection */
    size_t n_grounds;
};

/* --- subscription --- */

struct berbagi_subscription;

enum berbagi_start {
    BERBAGI_START_DEFAULT, /* stored for a named subscription, beginning otherwise */
    BERBAGI_START_STORED,
    BERBAGI_START_BEGINNING,
    BERBAGI_START_NOW,
    BERBAGI_START_AFTER, /* position */
    BERBAGI_START_SINCE, /* since_ns, by recorded time */
};

struct berbagi_subscription_options {
    const char
        *name; /* durable: 1 to 64 of [a-z0-9-], kept for the agency; NULL or "" = not kept */
    struct berbagi_filter filter;
    enum berbagi_start start;
    uint64_t position;
    int64_t since_ns;
    const char *log_id;            /* log that position is of; NULL = not checked */
    uint32_t max_unacknowledged;   /* 0 = 10,000; durable only */
    uint32_t max_batch;            /* 0 = 500 */
    uint32_t bookmark_interval_ms; /* 0 = 10,000; least 1,000 */
};

/* Copies options; connects with the first `next`. BERBAGI_EINVAL, BERBAGI_ENOMEM. */
BERBAGI_MUST_USE berbagi_status berbagi_subscription_open(
    struct berbagi_client *client, const struct berbagi_subscription_options *options,
    struct berbagi_subscription **out, struct berbagi_error *error);

/* Waits for the next response. A broken connection is made again by itself: behind the last
 * position handed out here, so that nothing comes twice or is left out within the life of this
 * object. A named subscription is opened at its stored place, and what was handed out before is
 * dropped; after a restart of the program, what was not acknowledged comes again. timeout_ms  0 =
 * only what is there already; -1 = without end. out         borrowed until the next call on this
 * subscription. BERBAGI_AGAIN     nothing within timeout_ms. BERBAGI_EREFUSED  final: TAKEN_OVER
 * (another stream opened this name), AGREEMENT_ENDED, RIGHT_WITHDRAWN, NO_RIGHT, POSITION_EXPIRED,
 * LOG_CHANGED and the like; and as of berbagi_publisher_next. */
BERBAGI_MUST_USE berbagi_status berbagi_subscription_next(struct berbagi_subscription *subscription,
                                                          int timeout_ms,
                                                          const struct berbagi_response **out,
                                                          struct berbagi_error *error);

/* Everything up to this through_position or delivery position is done with: it need not come again,
 * whatever happens to this program. Lower than before: ignored. Leaves while `next` or `end` runs.
 * Of a subscription without a name: nothing happens. BERBAGI_EINVAL: higher than what was handed
 * out. */
BERBAGI_MUST_USE berbagi_status
berbagi_subscription_acknowledge(struct berbagi_subscription *subscription, uint64_t position);

/* The orderly end: sends the last acknowledgement, closes this half, drops what still comes and
 * waits until the exchange has made the acknowledgement durable. BERBAGI_OK; BERBAGI_AGAIN: not
 * within timeout_ms; otherwise as `next`. Close it afterwards in any case. */
BERBAGI_MUST_USE berbagi_status berbagi_subscription_end(struct berbagi_subscription *subscription,
                                                         int timeout_ms,
                                                         struct berbagi_error *error);

/* At once and without an end; an acknowledgement not yet durable is lost. NULL allowed. */
void berbagi_subscription_close(struct berbagi_subscription *subscription);

/* --- pages, for agencies behind proxies that break streams --- */

struct berbagi_pages; /* keeps the memory of the last page; one thread at a time */

struct berbagi_page_request {
    struct berbagi_filter filter;
    uint64_t after_position;
    uint32_t max_events;      /* 0 = 500, most 1,000 */
    uint32_t wait_ms;         /* wait this long for a first event; most 30,000 */
    const char *subscription; /* durable place to read behind, NULL = after_position */
    uint64_t acknowledge;     /* in that subscription, judged before reading; 0 = nothing */
    const char *log_id;       /* NULL = not checked */
};

BERBAGI_MUST_USE berbagi_status berbagi_pages_open(struct berbagi_client *client,
                                                   struct berbagi_pages **out,
                                                   struct berbagi_error *error);

/* One page as a BATCH with head_position, log_id and the grounds of its deliveries; borrowed until
 * the next call on pages. Tried again on a broken connection. */
BERBAGI_MUST_USE berbagi_status berbagi_pages_fetch(struct berbagi_pages *pages,
                                                    const struct berbagi_page_request *request,
                                                    const struct berbagi_response **out,
                                                    struct berbagi_error *error);
void berbagi_pages_close(struct berbagi_pages *pages); /* NULL allowed */

/* --- kept subscriptions --- */

struct berbagi_subscription_info { /* borrowed for the length of the call it is given to */
    const char *name, *agency;
    uint64_t acknowledged_position;
    uint64_t lag_events;    /* log positions behind the head */
    int64_t last_active_ns; /* 0 = never */
    bool is_connected;
};

/* Calls each once for every durable subscription of agency (operators; NULL = the caller's own). */
BERBAGI_MUST_USE berbagi_status berbagi_subscriptions_list(
    struct berbagi_client *client, const char *agency,
    void (*each)(void *context, const struct berbagi_subscription_info *info), void *context,
    struct berbagi_error *error);

/* BERBAGI_EREFUSED with UNKNOWN_SUBSCRIPTION: there is none of this name. */
BERBAGI_MUST_USE berbagi_status berbagi_subscription_delete(struct berbagi_client *client,
                                                            const char *name,
                                                            struct berbagi_error *error);

/* --- policy --- */

/* The policy in force (an agency gets its own part) as a serialized berbagi.v1.Policy: *policy of
 * *n bytes, to be freed with berbagi_free. BERBAGI_EREFUSED with NO_POLICY: there is none yet. */
BERBAGI_MUST_USE berbagi_status berbagi_policy_get(struct berbagi_client *client, uint64_t *version,
                                                   void **policy, size_t *n,
                                                   struct berbagi_error *error);

enum berbagi_policy_state {
    BERBAGI_POLICY_IN_FORCE = 1,
    BERBAGI_POLICY_REPLACED = 2,  /* was in force */
    BERBAGI_POLICY_PENDING = 3,   /* waits for an approval */
    BERBAGI_POLICY_OVERTAKEN = 4, /* never approved, and another version came in force */
};

struct berbagi_policy_version { /* borrowed for the length of the call it is given to */
    uint64_t version;
    enum berbagi_policy_state state;
    uint64_t replaces; /* the version it was meant to replace; 0 = there was none */
    int64_t applied_at_ns;
    const char *applied_by;  /* "operator/admin" */
    int64_t approved_at_ns;  /* 0 = not known */
    const char *approved_by; /* "": it needed no approval, or has none yet */
    uint32_t agencies, agreements, grants, operators;
};

/* Any version, for operators; as of berbagi_policy_get. tell (NULL allowed) is called once with
 * what is known of it. BERBAGI_EREFUSED with UNKNOWN_VERSION: there is none. */
BERBAGI_MUST_USE berbagi_status
berbagi_policy_get_version(struct berbagi_client *client, uint64_t version,
                           void (*tell)(void *context, const struct berbagi_policy_version *about),
                           void *context, void **policy, size_t *n, struct berbagi_error *error);

/* Calls each for every version, newest first (operators). */
BERBAGI_MUST_USE berbagi_status
berbagi_policy_versions(struct berbagi_client *client,
                        void (*each)(void *context, const struct berbagi_policy_version *about),
                        void *context, struct berbagi_error *error);

/* Puts a pending version in force (operators who may change the policy, but not the one who sent
 * it). BERBAGI_EREFUSED with VERSION_MISMATCH, NOT_PENDING, OWN_PROPOSAL, UNKNOWN_VERSION. */
BERBAGI_MUST_USE berbagi_status berbagi_policy_approve(struct berbagi_client *client,
                                                       uint64_t version,
                                                       struct berbagi_error *error);

struct berbagi_policy_change { /* borrowed for the length of the call it is given to */
    const char *agency, *event_type, *agreement;
    bool is_publish; /* otherwise subscribe */
    bool type_gained, type_lost;
    const char *const *fields_gained;
    size_t n_fields_gained;
    const char *const *fields_lost;
    size_t n_fields_lost;
};

/* Replaces the policy by the serialized berbagi.v1.Policy given, as one new version.
 * expected_version: the version it replaces (0 = there is none); BERBAGI_EREFUSED with
 * VERSION_MISMATCH otherwise. dry_run: tells the changes alone. each (NULL allowed) is called for
 * every change. */
struct berbagi_policy_applied {
    uint64_t version;          /* the new one; of a dry run the one in force */
    bool is_pending;           /* it waits for an approval; of a dry run: it would */
    uint64_t changes_left_out; /* which the answer had no room for; each was not called for them */
};
BERBAGI_MUST_USE berbagi_status berbagi_policy_apply(
    struct berbagi_client *client, const void *policy, size_t n, uint64_t expected_version,
    bool dry_run, void (*each)(void *context, const struct berbagi_policy_change *change),
    void *context, struct berbagi_policy_applied *out, struct berbagi_error *error);

/* What differs for one agency and type in a rehearsal; borrowed for the length of the call. */
struct berbagi_rehearsed {
    const char *agency, *event_type;
    uint64_t events_gained, events_lost;       /* it would receive, and would not any more */
    uint64_t fields_gained, fields_lost;       /* filled-in fields, counted event by event */
    uint64_t publishes_lost, publishes_gained; /* of this source, that would be refused, or not */
};

struct berbagi_rehearsal {
    uint64_t events;        /* looked at */
    uint64_t compared_with; /* version in force when it began */
    uint64_t unreadable;    /* stored events that could not be looked at */
};

/* Replays what was recorded since then (0 = all that is kept) against the serialized policy, and
 * counts what agencies would have gained and lost (operators who may change the policy). Nothing
 * changes. progress is told about four times a second and says whether to go on; each is called for
 * every agency and type for which anything differs. BERBAGI_AGAIN: progress said no. Not tried
 * again on a broken connection. */
BERBAGI_MUST_USE berbagi_status berbagi_policy_rehearse(
    struct berbagi_client *client, const void *policy, size_t n, int64_t since_ns,
    bool (*progress)(void *context, uint64_t done, uint64_t total),
    void (*each)(void *context, const struct berbagi_rehearsed *row), void *context,
    struct berbagi_rehearsal *out, struct berbagi_error *error);

/* Receives a backup (operators with the role BACKUP): piece is called with each next part of the
 * file, which is undamaged and in order, and how many entries of the log are in it so far, of how
 * many; it says whether to go on. BERBAGI_OK: the file is whole. BERBAGI_AGAIN: piece said no. Not
 * tried again. */
BERBAGI_MUST_USE berbagi_status berbagi_backup(struct berbagi_client *client,
                                               bool (*piece)(void *context, const void *p, size_t n,
                                                             uint64_t done, uint64_t total),
                                               void *context, struct berbagi_error *error);

void berbagi_free(void *p); /* NULL allowed */

/* --- why --- */

/* One event as it would be judged. Texts may be NULL or "". */
struct berbagi_question {
    const char *agency; /* empty: the agency that asks; others for operators alone */
    bool is_publish;    /* otherwise subscribe */
    const char *event_type;
    const char *region; /* empty: about the whole country, which is in nobody's own region */
    const char *destination, *addressed_to;
    const char *on_date; /* YYYY-MM-DD; empty = today */
};

enum berbagi_view {
    BERBAGI_VIEW_FULL,
    BERBAGI_VIEW_COARSE,    /* a year, a district */
    BERBAGI_VIEW_REWRITTEN, /* a reference in the reader's own form */
    BERBAGI_VIEW_WITHHELD,
};

/* A grant for the agency or its kind that takes in the type: it applied, or why not. */
struct berbagi_explained_grant {
    const char *agreement, *because, *grantee, *events, *level, *purpose, *legal_basis;
    const char *valid_to; /* last day; "" = without end */
    uint32_t index;       /* in the agreement, from 0 */
    bool applied, may_resolve;
};

struct berbagi_explained_field {
    const char *name, *because;
    enum berbagi_view view; /* of publishing, FULL: may be set */
};

struct berbagi_explanation { /* borrowed for the length of the call it is given to */
    bool permitted;
    bool may_resolve;           /* of publishing: the subject may come as "nik:" */
    const char *because;        /* the verdict in a sentence */
    const char *envelope_level; /* of subscribing: "IDENTIFIED"; "" = nothing is seen */
    const char *on_date;        /* the day that was judged */
    uint64_t policy_version;
    const struct berbagi_explained_grant *grants;
    size_t n_grants;
    const struct berbagi_explained_field *fields;
    size_t n_fields;
};

/* May the agency publish or see this, and why: calls tell once. BERBAGI_EREFUSED with WRONG_KIND:
 * an agency asked about another; with MALFORMED_REQUEST: error->field of the question is wrong. */
BERBAGI_MUST_USE berbagi_status
berbagi_policy_explain(struct berbagi_client *client, const struct berbagi_question *question,
                       void (*tell)(void *context, const struct berbagi_explanation *explanation),
                       void *context, struct berbagi_error *error);

/* --- certificates --- */

struct berbagi_renewed {            /* borrowed for the length of the call it is given to */
    struct berbagi_str certificate; /* PEM, its issuing CA's behind it */
    struct berbagi_str authorities; /* PEM: the CAs in force; no ground to believe a new root */
    int64_t not_after_ns, renew_after_ns;
};

/* Asks the renewal service that client was opened to (proto/berbagi/ca/v1/renewal.proto) for a new
 * certificate of this client's own identity, for the key of a PKCS#10 request in PEM; calls tell
 * once. Nothing is put in place. Safe to repeat with the same request. BERBAGI_EREFUSED with
 * OVER_QUOTA: retry_after_ms tells when to come again. */
BERBAGI_MUST_USE berbagi_status berbagi_renew(struct berbagi_client *client, const char *request,
                                              void (*tell)(void *context,
                                                           const struct berbagi_renewed *renewed),
                                              void *context, struct berbagi_error *error);

/* --- operators --- */

struct berbagi_exchange { /* borrowed for the length of the call it is given to; times 0 = not known
                           */
    const char *version, *log_id;
    int64_t started_at_ns;
    uint64_t head_position, indexed_position, policy_version;
    uint64_t disk_bytes, disk_free_bytes;
    uint32_t connections, streams;
    int64_t certificate_not_after_ns, crl_next_update_ns;
    const char *const *warnings;
    size_t n_warnings;
};

/* Calls tell once with the state of the exchange. */
BERBAGI_MUST_USE berbagi_status
berbagi_exchange_status(struct berbagi_client *client,
                        void (*tell)(void *context, const struct berbagi_exchange *exchange),
                        void *context, struct berbagi_error *error);

/* A connection that made a call and is still there. */
struct berbagi_connection {           /* borrowed for the length of the call it is given to */
    const char *identity;             /* "agency/kab.18.07", "operator/dewi" */
    const char *peer;                 /* "ipv4:10.1.2.3:40222" */
    const char *certificate_serial;   /* hexadecimal, lower case */
    int64_t certificate_not_after_ns; /* 0 = not known, as below */
    int64_t connected_at_ns;          /* its first call */
    uint32_t streams;                 /* calls open now */
};

/* Calls each for every connection, in the order they came. */
BERBAGI_MUST_USE berbagi_status
berbagi_connections_list(struct berbagi_client *client,
                         void (*each)(void *context, const struct berbagi_connection *connection),
                         void *context, struct berbagi_error *error);

enum berbagi_whom { BERBAGI_BY_IDENTITY = 1, BERBAGI_BY_SERIAL, BERBAGI_BY_PEER };

/* Ends connections, named as berbagi_connections_list tells them; whoever may connect may come again
 * at once. Sets how many there were and how many calls on them were ended. */
BERBAGI_MUST_USE berbagi_status berbagi_disconnect(struct berbagi_client *client,
                                                   enum berbagi_whom by, const char *whom,
                                                   uint32_t *connections, uint32_t *streams,
                                                   struct berbagi_error *error);

/* Certificates and revocation lists that are in force, or would be. */
struct berbagi_reload { /* borrowed for the length of the call it is given to */
    const char *certificate_serial;
    int64_t not_after_ns;
    uint32_t authorities; /* of the bundle */
    uint32_t revoked;     /* entries of the lists */
    uint32_t streams_cut; /* calls that ended, or would */
};

/* Makes the exchange read its certificates again; with dry_run nothing changes. Calls told once.
 * BERBAGI_EREFUSED with CERTIFICATES_REFUSED: they fail a check, nothing changed. */
BERBAGI_MUST_USE berbagi_status
berbagi_certificates_reload(struct berbagi_client *client, bool dry_run,
                            void (*told)(void *context, const struct berbagi_reload *reload),
                            void *context, struct berbagi_error *error);

#ifdef __cplusplus
}
#endif

#endif
