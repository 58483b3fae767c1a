#include "folder.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "file.h"

/* File systems whose pages another machine may change, or where a map does not see what write(2)
 * wrote; numbers as of statfs(2). */
static const struct {
    uint32_t magic;
    const char *name;
} network_systems[] = {
    {0x6969, "NFS"},      {0x517B, "SMB"},        {0xFF534D42, "CIFS"}, {0xFE534D42, "SMB2"},
    {0x01021997, "9P"},   {0x00C36400, "Ceph"},   {0x5346414F, "AFS"},  {0x6B414653, "AFS"},
    {0x73757245, "Coda"}, {0x0BD00BD0, "Lustre"}, {0x564C, "NCP"},      {0x19830326, "BeeGFS"},
};

static bp_status refuse_network(const char *dir, struct bp_err *err)
{
    struct statfs fs;
    if (statfs(dir, &fs) != 0)
        return bp_fail(err, BP_EIO, "folder %s: cannot tell its file system: %s", dir,
                       strerror(errno));
    for (size_t i = 0; i < sizeof(network_systems) / sizeof(network_systems[0]); i++) {
        if ((uint32_t)fs.f_type == network_systems[i].magic)
            return bp_fail(err, BP_EIO,
                           "folder %s: is on the network file system %s; a local one is needed",
                           dir, network_systems[i].name);
    }
    return BP_OK;
}

static bp_status lock_folder(const char *dir, int *lock_fd, struct bp_err *err)
{
    char *path = bp_path_join(dir, "owner");
    if (path == NULL)
        return bp_fail(err, BP_ENOMEM, "folder %s: out of memory", dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    free(path);
    if (fd < 0)
        return bp_fail(err, BP_EIO, "folder %s: not writable: %s", dir, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int code = errno;
        (void)close(fd);
        if (code == EWOULDBLOCK)
            return bp_fail(err, BP_EEXIST, "folder %s: another server uses this folder", dir);
        return bp_fail(err, BP_EIO, "folder %s: cannot lock: %s", dir, strerror(code));
    }
    *lock_fd = fd;
    return BP_OK;
}

bp_status bp_folder_hold(const char *dir, int *lock_fd, struct bp_err *err)
{
    bp_status st = bp_dir_make(dir, 0700, err);
    if (st != BP_OK)
        return st;
    if ((st = refuse_network(dir, err)) != BP_OK)
        return st;
    if ((st = lock_folder(dir, lock_fd, err)) != BP_OK)
        return st;
    /* Also where it was there: a crash may have come between its making and the flush. */
    if ((st = bp_dir_flush_parent(dir, err)) != BP_OK) {
        (void)close(*lock_fd);
        *lock_fd = -1;
    }
    return st;
}

bp_status bp_folder_free(const char *dir, uint64_t *bytes)
{
    struct statvfs fs;
    if (statvfs(dir, &fs) != 0)
        return BP_EIO;
    *bytes = (uint64_t)fs.f_bavail * (uint64_t)fs.f_frsize;
    return BP_OK;
}
