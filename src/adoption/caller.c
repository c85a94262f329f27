#include "caller.h"

#include "descriptor.h"
#include "process_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <stdio.h>
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
static bool read_number(const char *path, const char *key, const char *format, unsigned *number)
{
    char text[2048];
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (size <= 0) {
        return false;
    }
    text[size] = '\0';
    const char *line = strstr(text, key);
    return line != NULL && sscanf(line + strlen(key), format, number) == 1;
}

/* Before Linux 6.9 there is a pidfd of the whole process only. Its descriptors are the thread's,
   but for programs that give their threads tables of their own. */
static int open_process(pid_t thread)
{
    char path[PROC_PATH_SIZE];
    unsigned process;
    int fd = (int)syscall(SYS_pidfd_open, thread, 0);
    if (fd >= 0 || !process_proc_is_ours()) {
        return fd;
    }
    snprintf(path, sizeof path, "/proc/%d/status", (int)thread);
    return read_number(path, "\nTgid:", "%u", &process)
               ? (int)syscall(SYS_pidfd_open, (pid_t)process, 0)
               : -1;
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

void caller_open(struct caller *caller, pid_t thread)
{
    char path[PROC_PATH_SIZE];
    struct stat status;
    int fd = (int)syscall(SYS_pidfd_open, thread, PIDFD_THREAD);
    *caller = (struct caller){.thread = thread,
                              .pidfd = fd >= 0 ? fd : open_process(thread),
                              .own_user = geteuid(),
                              .own_group = getegid(),
                              .dumpable = prctl(PR_GET_DUMPABLE)};
    snprintf(path, sizeof path, "/proc/%d", (int)thread);
    if (process_proc_is_ours() && stat(path, &status) == 0) {
        become(status.st_uid, status.st_gid, false);
    }
}

void caller_close(struct caller *caller)
{
    become(caller->own_user, caller->own_group, true);
    if (caller->dumpable == 1) {
        prctl(PR_SET_DUMPABLE, 1);
    }
    descriptor_close(&caller->pidfd);
    caller->pidfd = -1;
}

/* --- its memory --------------------------------------------------------------------------------
 */

static ssize_t read_through_proc(const struct caller *caller, uint64_t address, void *buffer,
                                 size_t size)
{
    char path[PROC_PATH_SIZE];
    snprintf(path, sizeof path, "/proc/%d/mem", (int)caller->thread);
    AUTO_CLOSE int fd = process_proc_is_ours() ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    return fd >= 0 && address <= INT64_MAX ? pread(fd, buffer, size, (off_t)address) : -1;
}

ssize_t caller_read(const struct caller *caller, uint64_t address, void *buffer, size_t size)
{
    const struct iovec here = {.iov_base = buffer, .iov_len = size};
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): it is an address of somebody else's */
    const struct iovec there = {.iov_base = (void *)(uintptr_t)address, .iov_len = size};
    ssize_t got = process_vm_readv(caller->thread, &here, 1, &there, 1, 0);
    if (got < 0 && (errno == EPERM || errno == ENOSYS)) {
        got = read_through_proc(caller, address, buffer, size);
    }
    return got;
}

/* In pieces that end with a page: what follows the path's last page may not be there. */
ssize_t caller_read_path(const struct caller *caller, uint64_t address, char *buffer, size_t size)
{
    const uint64_t page = 4096;
    size_t length = 0;
    while (length < size) {
        uint64_t piece = page - (address + length) % page;
        if (piece > size - length) {
            piece = size - length;
        }
        ssize_t got = caller_read(caller, address + length, buffer + length, piece);
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
static int read_protocol_name(const char *path, struct caller_socket *socket)
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

static int look_through_proc(const struct caller *caller, int fd, struct caller_socket *socket)
{
    char path[PROC_PATH_SIZE];
    struct stat status;
    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)caller->thread, fd);
    if (!process_proc_is_ours() || stat(path, &status) != 0 || !S_ISSOCK(status.st_mode)) {
        return -1;
    }
    socket->inode = status.st_ino;
    return read_protocol_name(path, socket);
}

static int get_option(int fd, int level, int option)
{
    int value = 0;
    socklen_t size = sizeof value;
    return getsockopt(fd, level, option, &value, &size) == 0 ? value : -1;
}

static int look_at_duplicate(struct caller_socket *socket)
{
    struct stat status;
    if (fstat(socket->fd, &status) != 0 || !S_ISSOCK(status.st_mode)) {
        return -1;
    }
    socket->inode = status.st_ino;
    socket->domain = get_option(socket->fd, SOL_SOCKET, SO_DOMAIN);
    socket->type = get_option(socket->fd, SOL_SOCKET, SO_TYPE);
    socket->protocol = get_option(socket->fd, SOL_SOCKET, SO_PROTOCOL);
    socket->is_v6_only =
        socket->domain == AF_INET6 && get_option(socket->fd, IPPROTO_IPV6, IPV6_V6ONLY) == 1;
    return 0;
}

/* The flags of the description and close-on-exec of the descriptor, in octal. Without them a
   descriptor stays open over execve(2), as it does where a program asks for nothing. */
static void read_flags(const struct caller *caller, int fd, struct caller_socket *socket)
{
    char path[PROC_PATH_SIZE];
    unsigned flags = 0;
    snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", (int)caller->thread, fd);
    if (!process_proc_is_ours() || !read_number(path, "flags:", "%o", &flags)) {
        int description = socket->fd >= 0 ? fcntl(socket->fd, F_GETFL) : -1;
        flags = description >= 0 ? (unsigned)description : 0;
    }
    socket->is_nonblocking = (flags & O_NONBLOCK) != 0;
    socket->is_close_on_exec = (flags & O_CLOEXEC) != 0;
}

int caller_socket_open(const struct caller *caller, int fd, struct caller_socket *socket)
{
    *socket = (struct caller_socket){.fd = -1};
    if (caller->pidfd >= 0) {
        socket->fd = (int)syscall(SYS_pidfd_getfd, caller->pidfd, fd, 0);
    }
    if (socket->fd >= 0 ? look_at_duplicate(socket) != 0
                        : look_through_proc(caller, fd, socket) != 0) {
        caller_socket_close(socket);
        return -1;
    }
    read_flags(caller, fd, socket);
    return 0;
}

void caller_socket_close(struct caller_socket *socket)
{
    descriptor_close(&socket->fd);
    socket->fd = -1;
}

/* --- its paths ---------------------------------------------------------------------------------
 */

/* The directory that a path begins in: the caller's root, its current directory, or `at`. */
static int open_start(const struct caller *caller, int at, bool is_absolute)
{
    char path[PROC_PATH_SIZE];
    if (is_absolute) {
        snprintf(path, sizeof path, "/proc/%d/root", (int)caller->thread);
    } else if (at == AT_FDCWD) {
        snprintf(path, sizeof path, "/proc/%d/cwd", (int)caller->thread);
    } else {
        snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)caller->thread, at);
    }
    return process_proc_is_ours() ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
}

/* An absolute path must not lead out of the caller's root, by a symbolic link neither. */
static int open_below(int start, const char *path, bool is_absolute)
{
    const struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                                 .resolve = is_absolute ? RESOLVE_IN_ROOT : 0};
    return (int)syscall(SYS_openat2, start, path, &how, sizeof how);
}

int caller_entry_open(const struct caller *caller, int at, const char *path,
                      struct caller_entry *entry)
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
    AUTO_CLOSE int start = open_start(caller, at, is_absolute);
    entry->directory = start >= 0 ? open_below(start, parent, is_absolute) : -1;
    if (entry->directory < 0) {
        return -1;
    }
    entry->name = path + length;
    entry->is_there =
        fstatat(entry->directory, entry->name, &entry->status, AT_SYMLINK_NOFOLLOW) == 0;
    return 0;
}

void caller_entry_close(struct caller_entry *entry)
{
    descriptor_close(&entry->directory);
    entry->directory = -1;
}
