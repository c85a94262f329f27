#include "control_socket.h"

#include "control_path.h"
#include "descriptor.h"
#include "trusted_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BACKLOG = 128, LOCK_ATTEMPTS = 20, LOCK_PAUSE_NS = 10000000 };

/* Two supervisors that start at once would both find the stale socket, and the second would remove
   the first one's new one. The lock on the directory is a courtesy between them: where it cannot be
   had, one goes on without it, since anybody might hold it. */
static int lock_directory(int directory)
{
    int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; fd >= 0 && i < LOCK_ATTEMPTS; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) {
            break;
        }
        nanosleep(&(struct timespec){.tv_nsec = LOCK_PAUSE_NS}, NULL);
    }
    return fd;
}

/* A full accept queue (EAGAIN) is an answer, too. */
static int check_unanswered(const struct sockaddr_un *address, struct error *error)
{
    AUTO_CLOSE int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0) {
        return error_set(error, "cannot make a socket: %s", strerror(errno));
    }
    if (connect(probe, (const struct sockaddr *)address, sizeof *address) == 0 || errno == EAGAIN) {
        return error_set(error, "control socket %s: another supervisor uses it", address->sun_path);
    }
    if (errno != ECONNREFUSED && errno != ENOENT) {
        return error_set(error, "control socket %s: cannot tell whether it is in use: %s",
                         address->sun_path, strerror(errno));
    }
    return 0;
}

/* What another user has put there stays: it may be the socket of a server that only starts. */
static int check_removable(const char *path, const struct stat *status, struct error *error)
{
    if (!S_ISSOCK(status->st_mode)) {
        return error_set(error, "control socket %s: the file exists and is not a socket", path);
    }
    if (!trusted_user(status->st_uid)) {
        return error_set(error,
                         "control socket %s: it belongs to user %u (expected root's or user "
                         "%u's)",
                         path, (unsigned)status->st_uid, (unsigned)geteuid());
    }
    return 0;
}

static int remove_stale(const struct sockaddr_un *address, const struct trusted_place *place,
                        struct error *error)
{
    const char *path = address->sun_path;
    struct stat status;
    if (fstatat(place->directory, place->name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno == ENOENT ? 0
                               : error_set(error, "control socket %s: %s", path, strerror(errno));
    }
    if (check_removable(path, &status, error) != 0 || check_unanswered(address, error) != 0) {
        return -1;
    }
    if (unlinkat(place->directory, place->name, 0) != 0 && errno != ENOENT) {
        return error_set(error, "cannot remove the stale control socket %s: %s", path,
                         strerror(errno));
    }
    return 0;
}

/* The umask makes the file's mode, 0777 less this one: from its first moment on it is only ours,
   and nothing is done by its name afterwards, where a link might be by then. */
static int bind_and_listen(struct control_socket *socket, const struct trusted_place *place)
{
    struct stat status;
    mode_t mask = umask(S_IXUSR | S_IRWXG | S_IRWXO);
    int result =
        bind(socket->fd, (const struct sockaddr *)&socket->address, sizeof socket->address);
    umask(mask);
    if (result != 0 || fstatat(place->directory, place->name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return -1;
    }
    socket->device = status.st_dev;
    socket->inode = status.st_ino;
    return listen(socket->fd, BACKLOG);
}

int control_socket_open(struct control_socket *result, const char *path, struct error *error)
{
    *result = (struct control_socket){.fd = -1, .address = {.sun_family = AF_UNIX}};
    size_t longest = sizeof result->address.sun_path - 1;
    if (*path == '\0' || strlen(path) > longest) {
        return error_set(error, "control socket '%s': expected a path of 1 to %zu bytes", path,
                         longest);
    }
    snprintf(result->address.sun_path, sizeof result->address.sun_path, "%s", path);
    AUTO_PLACE struct trusted_place place = {.directory = -1};
    struct error reason;
    if (trusted_find_entry(path, &place, &reason) != 0) {
        return error_set(error, "cannot listen on control socket %s: %.300s", path, reason.text);
    }
    AUTO_CLOSE int lock __attribute__((unused)) = lock_directory(place.directory);
    if (remove_stale(&result->address, &place, error) != 0) {
        return -1;
    }
    result->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (result->fd < 0 || bind_and_listen(result, &place) != 0) {
        error_set(error, "cannot listen on control socket %s: %s", path, strerror(errno));
        control_socket_close(result);
        return -1;
    }
    return 0;
}

void control_socket_close(struct control_socket *socket)
{
    if (socket->fd >= 0 && socket->inode != 0) {
        (void)trusted_remove(socket->address.sun_path, socket->device, socket->inode);
    }
    descriptor_close(&socket->fd);
    socket->fd = -1;
}

/* --- the directory ---------------------------------------------------------------------------- */

/* Who owns the directory, or may replace what is in it, decides who answers. */
static int check_directory(const char *path, const struct stat *status, struct error *error)
{
    if (!trusted_user(status->st_uid)) {
        return error_set(error,
                         "directory of control sockets %s belongs to user %u (expected root's or "
                         "user %u's)",
                         path, (unsigned)status->st_uid, (unsigned)geteuid());
    }
    if ((status->st_mode & (S_IWOTH | S_ISVTX)) == S_IWOTH) {
        return error_set(error, "directory of control sockets %s is world-writable (mode %04o)",
                         path, (unsigned)(status->st_mode & 07777));
    }
    return 0;
}

int control_make_directory(struct error *error)
{
    char path[CONTROL_PATH_SIZE];
    struct error reason;
    struct stat status;
    if (control_directory(path, sizeof path, error) != 0) {
        return -1;
    }
    mode_t mode = geteuid() == 0 ? 0755 : 0700;
    if (mkdir(path, mode) != 0 && errno != EEXIST) {
        return error_set(error, "cannot make the directory of control sockets %s: %s", path,
                         strerror(errno));
    }
    AUTO_CLOSE int fd = trusted_open(path, O_RDONLY | O_DIRECTORY, 0, &reason);
    if (fd < 0 || fstat(fd, &status) != 0) {
        return error_set(error, "directory of control sockets %s: %.300s", path,
                         fd < 0 ? reason.text : strerror(errno));
    }
    return check_directory(path, &status, error);
}
