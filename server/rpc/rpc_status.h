/* How a call ends: a gRPC code, a sentence and google.rpc.Status details (ErrorInfo, BadRequest,
 * RetryInfo; google/rpc/error_details.proto), sent in grpc-status-details-bin. */
#ifndef BERBAGI_RPC_STATUS_H
#define BERBAGI_RPC_STATUS_H

#include "buffer.h"

/* Codes of gRPC, by number (grpc/status.h). */
enum bp_rpc_code {
    BP_RPC_OK = 0,
    BP_RPC_CANCELLED = 1,
    BP_RPC_UNKNOWN = 2,
    BP_RPC_INVALID_ARGUMENT = 3,
    BP_RPC_DEADLINE_EXCEEDED = 4,
    BP_RPC_NOT_FOUND = 5,
    BP_RPC_ALREADY_EXISTS = 6,
    BP_RPC_PERMISSION_DENIED = 7,
    BP_RPC_RESOURCE_EXHAUSTED = 8,
    BP_RPC_FAILED_PRECONDITION = 9,
    BP_RPC_ABORTED = 10,
    BP_RPC_OUT_OF_RANGE = 11,
    BP_RPC_UNIMPLEMENTED = 12,
    BP_RPC_INTERNAL = 13,
    BP_RPC_UNAVAILABLE = 14,
    BP_RPC_DATA_LOSS = 15,
    BP_RPC_UNAUTHENTICATED = 16,
};

/* ErrorInfo.reason, each with its code and meaning, declared once: R(name, code, "meaning").
 * README's table of reasons is printed from it (berbagid --reasons). */
#define BP_RPC_REASONS(R)                                                                          \
    R(UNKNOWN_METHOD, UNIMPLEMENTED, "no such method")                                             \
    R(BAD_CERTIFICATE, UNAUTHENTICATED,                                                            \
      "the certificate does not name one identity of this exchange")                               \
    R(CERTIFICATE_EXPIRED, UNAUTHENTICATED, "the certificate is past its last day")                \
    R(CERTIFICATE_REVOKED, PERMISSION_DENIED, "the certificate was revoked")                       \
    R(REVOCATION_UNKNOWN, UNAVAILABLE, "the revocation list is out of date, so nobody is let in")  \
    R(UNKNOWN_AGENCY, PERMISSION_DENIED, "no agency of this name is in the policy")                \
    R(UNKNOWN_OPERATOR, PERMISSION_DENIED, "no operator of this name is in the policy")            \
    R(AGENCY_SUSPENDED, PERMISSION_DENIED, "the agency is suspended")                              \
    R(WRONG_KIND, PERMISSION_DENIED,                                                               \
      "this call is for the other kind of identity: agency or operator")                           \
    R(NO_ROLE, PERMISSION_DENIED, "the operator lacks the role for this call")                     \
    R(NO_RIGHT, PERMISSION_DENIED, "no agreement gives this agency a right to subscribe")          \
    R(AGREEMENT_ENDED, PERMISSION_DENIED, "every agreement the stream stood on has ended")         \
    R(RIGHT_WITHDRAWN, PERMISSION_DENIED, "the policy no longer grants what the stream stood on")  \
    R(MALFORMED_REQUEST, INVALID_ARGUMENT,                                                         \
      "the request is not the message this method takes, or breaks its rules")                     \
    R(MESSAGE_TOO_LARGE, RESOURCE_EXHAUSTED, "the request is over the size limit of its method")   \
    R(DISK_RESERVE, RESOURCE_EXHAUSTED,                                                            \
      "the disk is nearly full; nothing is stored until there is room")                            \
    R(OVER_QUOTA, RESOURCE_EXHAUSTED, "more than the quota allows; wait as RetryInfo says")        \
    R(BUSY, RESOURCE_EXHAUSTED, "too much is waiting to be stored; wait as RetryInfo says")        \
    R(STORE_FAILED, UNAVAILABLE, "storing failed; whether it happened is unknown: send it again")  \
    R(INDEXING, UNAVAILABLE, "the index is behind; publishing waits for it")                       \
    R(SHUTTING_DOWN, UNAVAILABLE, "the server is stopping; come again")                            \
    R(DISCONNECTED, UNAVAILABLE, "an operator ended the connection; come again")                   \
    R(CERTIFICATES_REFUSED, FAILED_PRECONDITION,                                                   \
      "the certificates in place fail their checks; nothing changed")                              \
    R(DATA_CORRUPT, DATA_LOSS, "a stored record fails its check and is not delivered")             \
    R(TAKEN_OVER, ABORTED, "another stream opened this subscription")                              \
    R(VERSION_MISMATCH, ABORTED, "the policy is at another version than expected")                 \
    R(INVALID_POLICY, INVALID_ARGUMENT, "the policy breaks a rule")                                \
    R(UNKNOWN_VERSION, NOT_FOUND, "the policy has no version of this number")                      \
    R(NOT_PENDING, FAILED_PRECONDITION, "this version of the policy waits for no approval")        \
    R(OWN_PROPOSAL, PERMISSION_DENIED,                                                             \
      "a version of the policy is approved by another operator than the one who sent it")          \
    R(NO_POLICY, FAILED_PRECONDITION, "the exchange has no policy yet")                            \
    R(NO_BACKUP_RECIPIENT, FAILED_PRECONDITION,                                                    \
      "the exchange is told no certificate to encrypt backups for")                                \
    R(POSITION_AHEAD, OUT_OF_RANGE, "the position is behind the newest event")                     \
    R(POSITION_EXPIRED, OUT_OF_RANGE, "events at this position are no longer kept")                \
    R(LOG_CHANGED, OUT_OF_RANGE, "the position belongs to another log")                            \
    R(SUBSCRIPTION_IN_USE, FAILED_PRECONDITION, "a stream reads this subscription; end it first")  \
    R(UNKNOWN_SUBSCRIPTION, NOT_FOUND, "no subscription of this name")                             \
    R(INTERNAL_ERROR, INTERNAL, "a fault of the server; it is in its log")

enum bp_rpc_reason {
    BP_REASON_NONE = 0,
#define R(name, code, meaning) BP_REASON_##name,
    BP_RPC_REASONS(R)
#undef R
        BP_REASONS
};

/* ErrorInfo.domain of every reason. */
#define BP_RPC_ERROR_DOMAIN "berbagi.v1"

struct bp_rpc_status {
    enum bp_rpc_code code;
    enum bp_rpc_reason reason;
    char message[256];
    int64_t retry_after_ms; /* > 0: RetryInfo */
    uint64_t position;      /* > 0: ErrorInfo.metadata["position"] */
    char field[80];         /* not empty: a BadRequest.FieldViolation with the message */
};

#define BP_RPC_STATUS_OK ((struct bp_rpc_status){.code = BP_RPC_OK})

/* Code and default sentence follow from the reason; format adds the words of this case (NULL: the
 * reason's meaning). */
struct bp_rpc_status bp_rpc_status(enum bp_rpc_reason reason, const char *format, ...)
    BP_PRINTF(2, 3);

/* A failed operation of a lower layer: the one place where bp_status becomes a gRPC status. The
 * words of err (NULL allowed) are passed on where they are about the request (EINVAL, ENOENT, EPERM
 * ...), never where they are about this machine (EIO, ENOSPC, ECORRUPT ...): those are for the
 * caller's log. */
struct bp_rpc_status bp_rpc_status_of(bp_status st, const struct bp_err *err);

const char *bp_rpc_reason_name(enum bp_rpc_reason reason);
enum bp_rpc_code bp_rpc_reason_code(enum bp_rpc_reason reason);
const char *bp_rpc_reason_code_name(enum bp_rpc_reason reason); /* "PERMISSION_DENIED" */
const char *bp_rpc_reason_meaning(enum bp_rpc_reason reason);

/* Appends the serialized google.rpc.Status. */
void bp_rpc_status_encode(const struct bp_rpc_status *status, struct bp_buf *out);

#endif
