#include "socket_owner.h"

#include "descriptor.h"
#include "socket_diag.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* While the sockets are listed and then the processes, one can pass a socket on to another and end:
   then the next look finds the other. */
#define LOOKS 3

/* An inode number may be another socket's by now. Where the descriptor cannot be looked at, the
   number has to do. */
static bool has_cookie(int process_fd, int number, uint64_t cookie)
{
    uint64_t found;
    socklen_t size = sizeof found;
    AUTO_CLOSE int fd = process_fd >= 0 ? (int)syscall(SYS_pidfd_getfd, process_fd, number, 0) : -1;
    return fd < 0 || getsockopt(fd, SOL_SOCKET, SO_COOKIE, &found, &size) != 0 || found == cookie;
}

static bool holds_socket(pid_t pid, const struct diag_socket *wanted)
{
    char path[64];
    char link[64];
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    snprintf(link, sizeof link, "socket:[%" PRIu32 "]", wanted->inode);
    AUTO_CLOSEDIR DIR *directory = opendir(path);
    if (directory == NULL) {
        return false;
    }
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        char target[64];
        ssize_t length = readlinkat(dirfd(directory), entry->d_name, target, sizeof target - 1);
        target[length > 0 ? length : 0] = '\0';
        if (strcmp(target, link) == 0) {
            AUTO_CLOSE int process_fd = (int)syscall(SYS_pidfd_open, pid, 0);
            return has_cookie(process_fd, (int)strtol(entry->d_name, NULL, 10), wanted->cookie);
        }
    }
    return false;
}

/* The process that has this socket open; 0: none that shows it. */
static pid_t find_holder(const struct diag_socket *wanted)
{
    AUTO_CLOSEDIR DIR *processes = opendir("/proc");
    const struct dirent *entry;
    while (processes != NULL && (entry = readdir(processes)) != NULL) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (pid > 0 && holds_socket(pid, wanted)) {
            return pid;
        }
    }
    return 0;
}

/* The process that called listen(2) there (unix(7), SO_PEERCRED); 0 if nobody answers. */
static pid_t ask_listener(const struct sockaddr *address, socklen_t length, int socket_type)
{
    struct ucred peer = {.pid = 0};
    socklen_t size = sizeof peer;
    if (address->sa_family != AF_UNIX || socket_type == SOCK_DGRAM) {
        return 0;
    }
    AUTO_CLOSE int fd = socket(AF_UNIX, socket_type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return fd >= 0 && connect(fd, address, length) == 0 &&
                   getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0
               ? peer.pid
               : 0;
}

static pid_t find_process(const struct sockaddr *address, socklen_t length, int socket_type)
{
    for (int look = 0; look < LOOKS; look++) {
        struct diag_socket found;
        pid_t pid =
            socket_diag_find(address, length, socket_type, &found) == 0 ? find_holder(&found) : 0;
        if (pid != 0) {
            return pid;
        }
    }
    return ask_listener(address, length, socket_type);
}

bool socket_owner_describe(const struct sockaddr *address, socklen_t length, int socket_type,
                           char *buffer, size_t size)
{
    pid_t pid = find_process(address, length, socket_type);
    char path[64];
    char name[64];
    snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    AUTO_CLOSE int fd = pid > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t got = fd >= 0 ? read(fd, name, sizeof name - 1) : 0;
    if (got <= 0) {
        return false; /* it has ended since */
    }
    name[got] = '\0';
    name[strcspn(name, "\n")] = '\0';
    snprintf(buffer, size, "process %d (%s)", (int)pid, name);
    return true;
}
