#include "lmdb_file.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"

static int make_whole(const char *path)
{
    MDB_env *env;
    int rc = mdb_env_create(&env);
    if (rc != 0)
        return rc;
    if ((rc = mdb_env_open(env, path, MDB_NOSUBDIR | MDB_NOLOCK, 0600)) == 0)
        rc = mdb_env_sync(env, 1);
    mdb_env_close(env);
    return rc;
}

static int make_in_place(const char *place, const char *making)
{
    struct stat file;
    if (stat(place, &file) == 0)
        return 0;
    if (errno != ENOENT || (unlink(making) != 0 && errno != ENOENT))
        return errno;
    int rc = make_whole(making);
    return rc != 0 || rename(making, place) == 0 ? rc : errno;
}

int bp_lmdb_file_make(const char *dir)
{
    char *place = bp_path_join(dir, "data.mdb"), *making = bp_path_join(dir, "data.new");
    int rc = place != NULL && making != NULL ? make_in_place(place, making) : ENOMEM;
    free(place);
    free(making);
    return rc;
}

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
