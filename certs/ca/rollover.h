/* Replacing a CA while everybody goes on working: the new one is prepared and in the bundle before it
 * signs anything, and the old one stays in it until it is withdrawn. Of an issuing CA alone, or of
 * the root, which takes the three issuing CAs with it. Each step enters and stages what changes,
 * bundle and CRLs included; the caller records the act and commits. One thread. */
#ifndef BERBAGI_ROLLOVER_H
#define BERBAGI_ROLLOVER_H

#include "authority.h"

/* Makes the new CA, or the new root and three new issuing CAs. key_uris: by role, "" for a file.
 * Needs the root's key. BP_ECONFLICT: an earlier rollover of this CA is not over. */
BP_MUST_USE bp_status bp_rollover_prepare(struct bp_authority *a, enum bp_ca role,
                                          const char *const key_uris[BP_CAS], struct bp_err *err);

/* From here on the prepared CA signs, and the one that signed is outgoing. BP_ECONFLICT: none is
 * prepared. */
BP_MUST_USE bp_status bp_rollover_activate(struct bp_authority *a, enum bp_ca role,
                                           struct bp_err *err);

/* Takes the outgoing CA out of the bundle: what it signed is refused wherever the new bundle is.
 * BP_ECONFLICT: none is outgoing, or certificates of it are still valid and may_cut_off is not
 * set; *left: how many of them. */
BP_MUST_USE bp_status bp_rollover_withdraw(struct bp_authority *a, enum bp_ca role,
                                           bool may_cut_off, size_t *left, struct bp_err *err);

/* Takes the prepared CA out again. BP_ECONFLICT: none is prepared. */
BP_MUST_USE bp_status bp_rollover_abandon(struct bp_authority *a, enum bp_ca role,
                                          struct bp_err *err);

/* Certificates of this CA that are neither over nor revoked. */
BP_MUST_USE bp_status bp_rollover_count_valid(struct bp_authority *a, uint32_t ca, size_t *out,
                                              struct bp_err *err);

#endif
