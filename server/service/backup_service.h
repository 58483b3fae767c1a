/* berbagi.v1.OperatorService: Backup. */
#ifndef BERBAGI_BACKUP_SERVICE_H
#define BERBAGI_BACKUP_SERVICE_H

#include "exchange.h"

struct bp_backup_service;

/* Registers the method with x->rpc; before the server starts. recipient: file of the certificate
 * that backups are sealed for, borrowed; NULL: none are made. BP_EINVAL, BP_ENOENT: it is none that
 * can be sealed for. */
BP_MUST_USE bp_status bp_backup_service_create(struct bp_exchange *x, const char *recipient,
                                               struct bp_backup_service **out, struct bp_err *err);
/* When nothing comes back any more. NULL allowed. */
void bp_backup_service_destroy(struct bp_backup_service *s);

#endif
