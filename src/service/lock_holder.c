#include "lock_holder.h"

#include "descriptor.h"
#include "proc_file.h"
#include "trusted_path.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* --- by the process --------------------------------------------------------------------------- */

/* The fdinfo of a descriptor has a line for each lock that was taken through it (proc(5)). */
static bool is_locked_through(pid_t pid, const char *descriptor)
{
    char name[64];
    char text[1024];
    snprintf(name, sizeof name, "fdinfo/%.20s", descriptor);
    return proc_file_read(pid, name, text, sizeof text) > 0 && strstr(text, "FLOCK") != NULL;
}

static bool is_same_file(int directory, const char *name, const struct stat *file)
{
    struct stat status;
    return fstatat(directory, name, &status, 0) == 0 && status.st_dev == file->st_dev &&
           status.st_ino == file->st_ino;
}

/* Without a /proc, or one that shows a user their own processes only (hidepid), kill(2) tells. */
static bool is_gone(pid_t pid)
{
    return kill(pid, 0) != 0 && errno == ESRCH;
}

enum lock_holder lock_holder_is(int fd, pid_t pid)
{
    char path[32];
    struct stat file;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    AUTO_CLOSEDIR DIR *descriptors = opendir(path);
    if (descriptors == NULL) {
        return errno == ENOENT && access("/proc/self", F_OK) == 0 ? LOCK_HOLDER_NO
                                                                  : LOCK_HOLDER_UNKNOWN;
    }
    if (fstat(fd, &file) != 0) {
        return LOCK_HOLDER_UNKNOWN;
    }
    const struct dirent *entry;
    while ((entry = readdir(descriptors)) != NULL) {
        if (is_same_file(dirfd(descriptors), entry->d_name, &file) &&
            is_locked_through(pid, entry->d_name)) {
            return LOCK_HOLDER_YES;
        }
    }
    return LOCK_HOLDER_NO;
}

/* --- by the file ------------------------------------------------------------------------------ */

static bool may_be_trusted(pid_t pid, uid_t owner)
{
    char path[32];
    struct stat process;
    snprintf(path, sizeof path, "/proc/%d", (int)pid);
    if (stat(path, &process) != 0) {
        return !is_gone(pid);
    }
    return trusted_user(process.st_uid) || process.st_uid == owner;
}

/* A line of /proc/locks: "1: FLOCK  ADVISORY  WRITE 708 00:13:16 0 EOF". Returns the process that
   took the lock, if it is one of this file; 0 for every other line. A process that took it and
   ended since has left it to a child: there is nobody to be trusted. */
static pid_t read_lock(const char *line, const struct stat *file)
{
    int pid;
    unsigned major_number;
    unsigned minor_number;
    uintmax_t inode;
    bool is_ours = sscanf(line, "%*d: FLOCK %*s %*s %d %x:%x:%ju", &pid, &major_number,
                          &minor_number, &inode) == 4 &&
                   makedev(major_number, minor_number) == file->st_dev && inode == file->st_ino;
    return is_ours ? pid : 0;
}

enum lock_holder lock_holder_is_trusted(int fd)
{
    AUTO_FCLOSE FILE *locks = fopen("/proc/locks", "re");
    struct stat file;
    char line[256];
    enum lock_holder answer = LOCK_HOLDER_UNKNOWN;
    if (locks == NULL || fstat(fd, &file) != 0) {
        return LOCK_HOLDER_UNKNOWN;
    }
    while (fgets(line, sizeof line, locks) != NULL) {
        pid_t pid = read_lock(line, &file);
        if (pid > 0 && may_be_trusted(pid, file.st_uid)) {
            return LOCK_HOLDER_YES;
        }
        answer = pid > 0 ? LOCK_HOLDER_NO : answer;
    }
    return answer;
}
