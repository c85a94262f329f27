#include "unix_file.h"

#include "descriptor.h"
#include "socket_owner.h"
#include "trusted_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ALL_RIGHTS 0777

/* --- what is there before --------------------------------------------------------------------- */

/* Connects to see whether somebody has it. A datagram socket asks, whatever is there: a living
   socket of another type refuses its type, without noticing a thing. Returns 0 when it is stale, or
   an errno. */
static int probe(const struct endpoint *endpoint)
{
    AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return errno;
    }
    if (connect(fd, &endpoint->any, endpoint->length) == 0) {
        return EADDRINUSE;
    }
    return errno == ECONNREFUSED ? 0 : errno;
}

static int refuse_living(const struct endpoint *endpoint, int reason, struct error *error)
{
    const char *path = endpoint->local.sun_path;
    char owner[256];
    if (socket_owner_describe(&endpoint->any, endpoint->length, SOCK_STREAM, owner, sizeof owner)) {
        return error_set(error, "cannot listen on %s: address already in use by %s", path, owner);
    }
    if (reason != EADDRINUSE && reason != EPROTOTYPE) {
        return error_set(error, "cannot listen on %s: cannot tell whether its socket is in use: %s",
                         path, strerror(reason));
    }
    return error_set(error, "cannot listen on %s: another process listens on it", path);
}

int unix_file_clear(const struct endpoint *endpoint, struct error *error)
{
    AUTO_PLACE struct trusted_place place = {.directory = -1};
    const char *path = endpoint->local.sun_path;
    struct error refusal;
    struct stat status;
    if (trusted_find_entry(path, &place, &refusal) != 0 && errno != ENOENT && errno != ENOTDIR &&
        errno != EACCES) {
        return error_set(error, "cannot listen on %s: %.300s", path, refusal.text);
    }
    if (place.directory < 0 ||
        fstatat(place.directory, place.name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return 0; /* whatever is wrong, bind says it better */
    }
    if (!S_ISSOCK(status.st_mode)) {
        return error_set(error, "cannot listen on %s: the file exists and is not a socket", path);
    }
    int reason = probe(endpoint);
    if (reason != 0) {
        return refuse_living(endpoint, reason, error);
    }
    if (unlinkat(place.directory, place.name, 0) != 0 && errno != ENOENT) {
        return error_set(error, "cannot remove the stale socket %s: %s", path, strerror(errno));
    }
    return 0;
}

/* --- rights ----------------------------------------------------------------------------------- */

/* The file as bind made it, held: neither a link nor another file that somebody with rights to the
   directory puts in its place is given away instead. Nobody but this process makes a socket of its
   own user that nobody may connect to. Returns a descriptor or -1. */
static int hold_file(const char *path)
{
    int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    struct stat status;
    if (fd >= 0 && (fstat(fd, &status) != 0 || !S_ISSOCK(status.st_mode) ||
                    (status.st_mode & ALL_RIGHTS) != 0 || status.st_uid != geteuid())) {
        close(fd);
        errno = ESTALE; /* somebody else's file is in its place */
        return -1;
    }
    return fd;
}

static int refuse_rights(const char *path, const char *what, struct error *error)
{
    error_set(error, "cannot listen on %s: cannot set its %s: %s", path, what, strerror(errno));
    errno = 0;
    return -1;
}

/* The owner first: with its rights already on, the supervisor's own group would have them for a
   moment instead of the one that is meant. */
static int give_away(const char *path, const struct unix_rights *rights, struct error *error)
{
    char link[64];
    AUTO_CLOSE int fd = hold_file(path);
    if (fd < 0) {
        return refuse_rights(path, "owner", error);
    }
    if (rights->user != (uid_t)-1 &&
        fchownat(fd, "", rights->user, (gid_t)-1, AT_EMPTY_PATH) != 0) {
        return refuse_rights(path, "user", error);
    }
    if (rights->group != (gid_t)-1 &&
        fchownat(fd, "", (uid_t)-1, rights->group, AT_EMPTY_PATH) != 0) {
        return refuse_rights(path, "group", error);
    }
    /* fchmod(2) takes no such descriptor; its link in /proc is the way to the file behind it. */
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if (chmod(link, rights->mode) == 0) {
        return 0;
    }
    return refuse_rights(path, errno == ENOENT ? "mode without /proc" : "mode", error);
}

int unix_file_bind(int fd, const struct endpoint *endpoint, const struct unix_rights *rights,
                   struct unix_file *file, struct error *error)
{
    const char *path = endpoint->local.sun_path;
    bool has_owner = rights->user != (uid_t)-1 || rights->group != (gid_t)-1;
    /* The mask decides the mode as the file is made; nobody may connect until it is given away. */
    mode_t mask = umask(has_owner ? ALL_RIGHTS : ALL_RIGHTS & ~rights->mode);
    int result = bind(fd, &endpoint->any, endpoint->length);
    umask(mask);
    struct stat status;
    if (result != 0) {
        return -1;
    }
    if (lstat(path, &status) == 0 && S_ISSOCK(status.st_mode)) {
        *file =
            (struct unix_file){.device = status.st_dev, .inode = status.st_ino, .is_made = true};
    }
    return has_owner ? give_away(path, rights, error) : 0;
}

bool unix_file_is_there(const struct unix_file *file, const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0 && status.st_dev == file->device &&
           status.st_ino == file->inode;
}

bool unix_file_has_rights(const char *path, const struct unix_rights *rights)
{
    struct stat status;
    return lstat(path, &status) == 0 && (status.st_mode & ALL_RIGHTS) == rights->mode &&
           (rights->user == (uid_t)-1 || rights->user == status.st_uid) &&
           (rights->group == (gid_t)-1 || rights->group == status.st_gid);
}

void unix_file_remove(struct unix_file *file, const char *path)
{
    if (file->is_made) {
        (void)trusted_remove(path, file->device, file->inode);
    }
    file->is_made = false;
}
