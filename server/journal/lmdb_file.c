#include "lmdb_file.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

int bp_lmdb_file_fill(MDB_env *env)
{
    MDB_envinfo info;
    MDB_stat stat;
    struct stat file;
    mdb_filehandle_t fd;
    int rc = mdb_env_info(env, &info);
    if (rc != 0 || (rc = mdb_env_stat(env, &stat)) != 0 || (rc = mdb_env_get_fd(env, &fd)) != 0)
        return rc;
    off_t whole = (off_t)(info.me_last_pgno + 1) * (off_t)stat.ms_psize;
    if (fstat(fd, &file) != 0)
        return errno;
    return file.st_size >= whole || ftruncate(fd, whole) == 0 ? 0 : errno;
}
