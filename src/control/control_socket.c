#include "control_socket.h"

#include "descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
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
static int lock_directory(const char *path)
{
    char copy[sizeof((struct sockaddr_un *)NULL)->sun_path];
    snprintf(copy, sizeof copy, "%s", path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
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
        return error_set(error, "control socket %s: another supervisor answers on it",
                         address->sun_path);
    }
    if (errno != ECONNREFUSED && errno != ENOENT) {
        return error_set(error, "control socket %s: cannot tell whether it is in use: %s",
                         address->sun_path, strerror(errno));
    }
    return 0;
}

static int remove_stale(const struct sockaddr_un *address, struct error *error)
{
    const char *path = address->sun_path;
    struct stat status;
    if (lstat(path, &status) != 0) {
        return errno == ENOENT ? 0
                               : error_set(error, "control socket %s: %s", path, strerror(errno));
    }
    if (!S_ISSOCK(status.st_mode)) {
        return error_set(error, "control socket %s: something is there that is no socket", path);
    }
    if (check_unanswered(address, error) != 0) {
        return -1;
    }
    if (unlink(path) != 0 && errno != ENOENT) {
        return error_set(error, "cannot remove the stale control socket %s: %s", path,
                         strerror(errno));
    }
    return 0;
}

/* The mode that the descriptor has before bind(2) is the file's from its first moment on; chmod(2)
   afterwards sets right what a strange umask took away. */
static int bind_and_listen(struct control_socket *socket)
{
    const char *path = socket->address.sun_path;
    struct stat status;
    if (fchmod(socket->fd, S_IRUSR | S_IWUSR) != 0 ||
        bind(socket->fd, (const struct sockaddr *)&socket->address, sizeof socket->address) != 0 ||
        chmod(path, S_IRUSR | S_IWUSR) != 0 || lstat(path, &status) != 0) {
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
    AUTO_CLOSE int lock __attribute__((unused)) = lock_directory(path);
    if (remove_stale(&result->address, error) != 0) {
        return -1;
    }
    result->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (result->fd < 0 || bind_and_listen(result) != 0) {
        error_set(error, "cannot listen on control socket %s: %s", path, strerror(errno));
        control_socket_close(result);
        return -1;
    }
    return 0;
}

void control_socket_close(struct control_socket *socket)
{
    const char *path = socket->address.sun_path;
    struct stat status;
    if (socket->fd >= 0 && socket->inode != 0 && lstat(path, &status) == 0 &&
        status.st_dev == socket->device && status.st_ino == socket->inode) {
        unlink(path);
    }
    descriptor_close(&socket->fd);
    socket->fd = -1;
}
