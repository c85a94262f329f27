#include "socket_owner.h"

#include "descriptor.h"
#include "socket_diag.h"

#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* While the sockets are listed and then the processes, one can pass a socket on to another and end:
   then the next look finds the other. */
#define LOOKS 3

static bool holds_socket(const char *pid, const char *wanted)
{
    char path[300];
    snprintf(path, sizeof path, "/proc/%s/fd", pid);
    AUTO_CLOSEDIR DIR *directory = opendir(path);
    if (directory == NULL) {
        return false;
    }
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        char target[64];
        ssize_t length = readlinkat(dirfd(directory), entry->d_name, target, sizeof target - 1);
        if (length > 0) {
            target[length] = '\0';
            if (strcmp(target, wanted) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* The process that has this socket open; 0: none that shows it. */
static pid_t find_holder(uint32_t inode)
{
    char wanted[64];
    snprintf(wanted, sizeof wanted, "socket:[%" PRIu32 "]", inode);
    AUTO_CLOSEDIR DIR *processes = opendir("/proc");
    const struct dirent *entry;
    while (processes != NULL && (entry = readdir(processes)) != NULL) {
        if (isdigit((unsigned char)entry->d_name[0]) && holds_socket(entry->d_name, wanted)) {
            return (pid_t)strtol(entry->d_name, NULL, 10);
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
        uint32_t inode = socket_diag_find(address, length, socket_type);
        pid_t pid = inode != 0 ? find_holder(inode) : 0;
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
