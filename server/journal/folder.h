/* The folder of an LMDB environment: made, judged and held for one process alone. */
#ifndef BERBAGI_FOLDER_H
#define BERBAGI_FOLDER_H

#include "error.h"
#include "text.h"

/* Makes dir (0700), durable with its name, if it is missing, refuses network file systems, which break what memory maps
 * promise (BP_EIO), and locks the file "owner" in it until the descriptor is closed (BP_EEXIST:
 * another process has it). */
BP_MUST_USE bp_status bp_folder_hold(const char *dir, int *lock_fd, struct bp_err *err);

/* Bytes that a user without privileges may still write on the file system of dir. */
BP_MUST_USE bp_status bp_folder_free(const char *dir, uint64_t *bytes);

#endif
