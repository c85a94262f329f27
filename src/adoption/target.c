#include "target.h"

#include "descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Linux 6.9: a pidfd of a thread. */
#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL
#endif

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

/* /proc/PID/… with the longest of the names that are asked for here. */
#define PROC_PATH_SIZE 64

/* --- the process -------------------------------------------------------------------------------
 */

/* Reads a line "KEY:\tNUMBER" of a small file in /proc. */
static bool read_number(const char *path, const char *key, int base, unsigned *number)
{
    char text[2048];
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (size <= 0) {
        return false;
    }
    text[size] = '\0';
    const char *line = strstr(text, key);
    if (line == NULL) {
        return false;
    }
    *number = (unsigned)strtoul(line + strlen(key), NULL, base);
    return true;
}

pid_t target_process(const struct target *target)
{
    char path[PROC_PATH_SIZE];
    unsigned process;
    snprintf(path, sizeof path, "/proc/%d/status", (int)target->thread);
    return target->has_proc && read_number(path, "\nTgid:", 10, &process) ? (pid_t)process
                                                                          : target->thread;
}

/* Before Linux 6.9 there is a pidfd of the whole process only. Its descriptors are the thread's,
   but for programs that give their threads tables of their own. */
static int open_process(const struct target *target)
{
    int fd = (int)syscall(SYS_pidfd_open, target->thread, PIDFD_THREAD);
    if (fd < 0) {
        fd = (int)syscall(SYS_pidfd_open, target->thread, 0);
    }
    return fd >= 0 || !target->has_proc ? fd
                                        : (int)syscall(SYS_pidfd_open, target_process(target), 0);
}

/* The group goes first and comes back last: it takes a right that goes with the user. */
static void become(uid_t user, gid_t group, bool is_own)
{
    if (is_own) {
        setfsuid(user);
    }
    setfsgid(group);
    if (!is_own) {
        setfsuid(user);
    }
}

void target_open(struct target *target, pid_t thread, bool has_proc)
{
    char path[PROC_PATH_SIZE];
    struct stat status;
    *target = (struct target){.thread = thread,
                              .pidfd = -1,
                              .has_proc = has_proc,
                              .own_user = geteuid(),
                              .own_group = getegid()};
    snprintf(path, sizeof path, "/proc/%d", (int)thread);
    if (has_proc && stat(path, &status) == 0 &&
        (status.st_uid != target->own_user || status.st_gid != target->own_group)) {
        target->is_other = true;
        target->dumpable = prctl(PR_GET_DUMPABLE);
        become(status.st_uid, status.st_gid, false);
    }
}

void target_close(struct target *target)
{
    if (target->is_other) {
        become(target->own_user, target->own_group, true);
        if (target->dumpable == 1) {
            prctl(PR_SET_DUMPABLE, 1);
        }
    }
    descriptor_close(&target->pidfd);
    target->pidfd = -1;
}

/* --- its memory --------------------------------------------------------------------------------
 */

static ssize_t read_through_proc(const struct target *target, uint64_t address, void *buffer,
                                 size_t size)
{
    char path[PROC_PATH_SIZE];
    snprintf(path, sizeof path, "/proc/%d/mem", (int)target->thread);
    AUTO_CLOSE int fd = target->has_proc ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    return fd >= 0 && address <= INT64_MAX ? pread(fd, buffer, size, (off_t)address) : -1;
}

ssize_t target_read(const struct target *target, uint64_t address, void *buffer, size_t size)
{
    const struct iovec here = {.iov_base = buffer, .iov_len = size};
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): it is an address of somebody else's */
    const struct iovec there = {.iov_base = (void *)(uintptr_t)address, .iov_len = size};
    ssize_t got = process_vm_readv(target->thread, &here, 1, &there, 1, 0);
    if (got < 0 && (errno == EPERM || errno == ENOSYS)) {
        got = read_through_proc(target, address, buffer, size);
    }
    return got;
}

/* In pieces that end with a page: what follows the path's last page may not be there. */
ssize_t target_read_path(const struct target *target, uint64_t address, char *buffer, size_t size)
{
    const uint64_t page = 4096;
    size_t length = 0;
    while (length < size) {
        uint64_t piece = page - (address + length) % page;
        if (piece > size - length) {
            piece = size - length;
        }
        ssize_t got = target_read(target, address + length, buffer + length, piece);
        if (got <= 0) {
            return -1;
        }
        const char *end = memchr(buffer + length, '\0', (size_t)got);
        if (end != NULL) {
            return end - buffer;
        }
        length += (size_t)got;
    }
    return -1;
}

/* --- its descriptors ---------------------------------------------------------------------------
 */

/* What sockfs calls the sockets of each protocol (lsof looks there, too). */
static int read_protocol_name(const char *path, struct target_socket *socket)
{
    static const struct {
        const char *name;
        int domain;
        int type;
        int protocol;
    } protocols[] = {
        {"TCP", AF_INET, SOCK_STREAM, IPPROTO_TCP},
        {"TCPv6", AF_INET6, SOCK_STREAM, IPPROTO_TCP},
        {"MPTCP", AF_INET, SOCK_STREAM, IPPROTO_MPTCP},
        {"MPTCPv6", AF_INET6, SOCK_STREAM, IPPROTO_MPTCP},
        {"UDP", AF_INET, SOCK_DGRAM, IPPROTO_UDP},
        {"UDPv6", AF_INET6, SOCK_DGRAM, IPPROTO_UDP},
        {"UNIX-STREAM", AF_UNIX, SOCK_STREAM, 0},
        {"UNIX", AF_UNIX, 0, 0}, /* all but streams; before Linux 5.15 all */
    };
    char name[64];
    ssize_t size = getxattr(path, "system.sockprotoname", name, sizeof name - 1);
    if (size <= 0) {
        return -1;
    }
    name[size] = '\0';
    for (size_t i = 0; i < sizeof protocols / sizeof protocols[0]; i++) {
        if (strcmp(protocols[i].name, name) == 0) {
            socket->domain = protocols[i].domain;
            socket->type = protocols[i].type;
            socket->protocol = protocols[i].protocol;
            return 0;
        }
    }
    return -1;
}

/* The name of a descriptor in /proc is made by the kernel alone; to look at the file itself would
   ask the file system that it is on. */
ino_t target_socket_inode(const struct target *target, int fd)
{
    static const char start[] = "socket:[";
    char path[PROC_PATH_SIZE];
    char name[64];
    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)target->thread, fd);
    ssize_t size = target->has_proc ? readlink(path, name, sizeof name - 1) : -1;
    if (size < 0) {
        return 0;
    }
    name[size] = '\0';
    if (strncmp(name, start, sizeof start - 1) != 0) {
        return (ino_t)-1;
    }
    return (ino_t)strtoull(name + sizeof start - 1, NULL, 10);
}

static int look_through_proc(const struct target *target, int fd, struct target_socket *socket)
{
    char path[PROC_PATH_SIZE];
    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)target->thread, fd);
    return socket->inode != 0 ? read_protocol_name(path, socket) : -1;
}

static int get_option(int fd, int level, int option)
{
    int value = 0;
    socklen_t size = sizeof value;
    return getsockopt(fd, level, option, &value, &size) == 0 ? value : -1;
}

static int look_at_duplicate(struct target_socket *socket)
{
    struct stat status;
    if (fstat(socket->fd, &status) != 0 || !S_ISSOCK(status.st_mode)) {
        return -1;
    }
    socklen_t size = sizeof socket->cookie;
    socket->inode = status.st_ino;
    getsockopt(socket->fd, SOL_SOCKET, SO_COOKIE, &socket->cookie, &size);
    socket->domain = get_option(socket->fd, SOL_SOCKET, SO_DOMAIN);
    socket->type = get_option(socket->fd, SOL_SOCKET, SO_TYPE);
    socket->protocol = get_option(socket->fd, SOL_SOCKET, SO_PROTOCOL);
    socket->is_v6_only =
        socket->domain == AF_INET6 && get_option(socket->fd, IPPROTO_IPV6, IPV6_V6ONLY) == 1;
    return 0;
}

/* The flags of the description and close-on-exec of the descriptor, in octal. Without them a
   descriptor stays open over execve(2), as it does where a program asks for nothing. */
static void read_flags(const struct target *target, int fd, struct target_socket *socket)
{
    char path[PROC_PATH_SIZE];
    unsigned flags = 0;
    snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", (int)target->thread, fd);
    if (!target->has_proc || !read_number(path, "flags:", 8, &flags)) {
        int description = socket->fd >= 0 ? fcntl(socket->fd, F_GETFL) : -1;
        flags = description >= 0 ? (unsigned)description : 0;
    }
    socket->is_nonblocking = (flags & O_NONBLOCK) != 0;
    socket->is_close_on_exec = (flags & O_CLOEXEC) != 0;
}

int target_socket_open(struct target *target, int fd, struct target_socket *socket)
{
    *socket = (struct target_socket){.fd = -1, .inode = target_socket_inode(target, fd)};
    if (socket->inode == (ino_t)-1) {
        return -1;
    }
    if (target->pidfd < 0) {
        target->pidfd = open_process(target);
    }
    if (target->pidfd >= 0) {
        socket->fd = (int)syscall(SYS_pidfd_getfd, target->pidfd, fd, 0);
    }
    if (socket->fd >= 0 ? look_at_duplicate(socket) != 0
                        : look_through_proc(target, fd, socket) != 0) {
        target_socket_close(socket);
        return -1;
    }
    read_flags(target, fd, socket);
    return 0;
}

void target_socket_close(struct target_socket *socket)
{
    descriptor_close(&socket->fd);
    socket->fd = -1;
}

/* --- its paths ---------------------------------------------------------------------------------
 */

/* The directory that a path begins in: the target's root, its current directory, or `at`. */
static int open_start(const struct target *target, int at, bool is_absolute)
{
    char path[PROC_PATH_SIZE];
    if (is_absolute) {
        snprintf(path, sizeof path, "/proc/%d/root", (int)target->thread);
    } else if (at == AT_FDCWD) {
        snprintf(path, sizeof path, "/proc/%d/cwd", (int)target->thread);
    } else {
        snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)target->thread, at);
    }
    return target->has_proc ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
}

/* An absolute path must not lead out of the target's root, by a symbolic link neither. */
static int open_below(int start, const char *path, bool is_absolute)
{
    const struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                                 .resolve = is_absolute ? RESOLVE_IN_ROOT : 0};
    return (int)syscall(SYS_openat2, start, path, &how, sizeof how);
}

int target_entry_open(const struct target *target, int at, const char *path,
                      struct target_entry *entry)
{
    char parent[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t length = slash != NULL ? (size_t)(slash - path) + 1 : 0;
    bool is_absolute = path[0] == '/';
    if (length + 2 > sizeof parent) {
        return -1;
    }
    memcpy(parent, path, length);
    memcpy(parent + length, ".", sizeof "."); /* also where there is nothing before it */
    AUTO_CLOSE int start = open_start(target, at, is_absolute);
    entry->directory = start >= 0 ? open_below(start, parent, is_absolute) : -1;
    if (entry->directory < 0) {
        return -1;
    }
    entry->name = path + length;
    entry->is_there =
        fstatat(entry->directory, entry->name, &entry->status, AT_SYMLINK_NOFOLLOW) == 0;
    return 0;
}

void target_entry_close(struct target_entry *entry)
{
    descriptor_close(&entry->directory);
    entry->directory = -1;
}
