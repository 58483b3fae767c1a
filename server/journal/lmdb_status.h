/* What LMDB's and the system's codes mean here. Only for files that call LMDB. */
#ifndef BERBAGI_LMDB_STATUS_H
#define BERBAGI_LMDB_STATUS_H

#include <errno.h>
#include <lmdb.h>

#include "error.h"

static inline bp_status bp_lmdb_status(int rc)
{
    switch (rc) {
    case MDB_SUCCESS:
        return BP_OK;
    case MDB_NOTFOUND:
        return BP_ENOENT;
    case MDB_MAP_FULL:
    case ENOSPC:
    case EDQUOT:
        return BP_ENOSPC;
    case MDB_READERS_FULL:
        return BP_EAGAIN;
    case ENOMEM:
        return BP_ENOMEM;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
        return BP_ECORRUPT;
    case MDB_VERSION_MISMATCH:
        return BP_EVERSION;
    default:
        return BP_EIO;
    }
}

#endif
