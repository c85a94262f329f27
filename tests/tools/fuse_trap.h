/*
 * A file system whose one file never answers: to read it and to close it waits for ever. Any user
 * may mount such a thing in a user namespace. It speaks the protocol of /dev/fuse (fuse(4)) itself.
 */
#ifndef FUSE_TRAP_H
#define FUSE_TRAP_H

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRAP_NAME "trap"

enum { TRAP_ROOT = FUSE_ROOT_ID, TRAP_FILE };

static inline void trap_reply(int fuse, uint64_t unique, int error, const void *data, size_t size)
{
    struct {
        struct fuse_out_header header;
        char data[256];
    } out = {.header = {.unique = unique, .error = error}};
    out.header.len = (uint32_t)(sizeof out.header + size);
    if (size > 0) {
        memcpy(out.data, data, size);
    }
    (void)!write(fuse, &out, out.header.len);
}

static inline struct fuse_attr trap_attributes(uint64_t node)
{
    return (struct fuse_attr){.ino = node,
                              .size = node == TRAP_FILE ? 4096 : 0,
                              .mode = node == TRAP_FILE ? S_IFREG | 0666 : S_IFDIR | 0777,
                              .nlink = 1,
                              .uid = getuid(),
                              .gid = getgid()};
}

static inline void trap_answer(int fuse, const struct fuse_in_header *in, const char *argument)
{
    const struct fuse_init_out init = {
        .major = FUSE_KERNEL_VERSION, .minor = FUSE_KERNEL_MINOR_VERSION, .max_write = 4096};
    const struct fuse_entry_out entry = {.nodeid = TRAP_FILE, .attr = trap_attributes(TRAP_FILE)};
    const struct fuse_attr_out attributes = {.attr = trap_attributes(in->nodeid)};
    const struct fuse_open_out opened = {.fh = 1};
    switch (in->opcode) {
    case FUSE_INIT:
        trap_reply(fuse, in->unique, 0, &init, sizeof init);
        break;
    case FUSE_LOOKUP:
        if (strcmp(argument, TRAP_NAME) == 0) {
            trap_reply(fuse, in->unique, 0, &entry, sizeof entry);
        } else {
            trap_reply(fuse, in->unique, -ENOENT, NULL, 0);
        }
        break;
    case FUSE_GETATTR:
        trap_reply(fuse, in->unique, 0, &attributes, sizeof attributes);
        break;
    case FUSE_OPEN:
    case FUSE_OPENDIR:
        trap_reply(fuse, in->unique, 0, &opened, sizeof opened);
        break;
    case FUSE_READ:
    case FUSE_FLUSH:
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT:
        break; /* no answer, of which the first two are waited for */
    default:
        trap_reply(fuse, in->unique, -ENOSYS, NULL, 0);
        break;
    }
}

static inline _Noreturn void trap_serve(int fuse)
{
    static union {
        struct fuse_in_header header;
        char bytes[FUSE_MIN_READ_BUFFER + 4096];
    } in;
    for (;;) {
        ssize_t size = read(fuse, &in, sizeof in - 1);
        if (size < (ssize_t)sizeof in.header) {
            if (size < 0 && (errno == EINTR || errno == ENOENT)) {
                continue;
            }
            _exit(0);
        }
        in.bytes[size] = '\0';
        trap_answer(fuse, &in.header, in.bytes + sizeof in.header);
    }
}

static inline int trap_write(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    ssize_t size = fd >= 0 ? write(fd, text, strlen(text)) : -1;
    close(fd);
    return size > 0 ? 0 : -1;
}

/* Mounts it at `directory`, for this process and its children alone, and gives back what a
   new user namespace takes: to go with the parent, and to be looked at. `node` is a /dev/fuse.
   Returns the descriptor to serve, or -1. */
static inline int trap_mount(const char *node, const char *directory)
{
    char text[128];
    uid_t user = getuid();
    gid_t group = getgid();
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
        return -1;
    }
    trap_write("/proc/self/setgroups", "deny");
    snprintf(text, sizeof text, "%u %u 1", (unsigned)user, (unsigned)user);
    trap_write("/proc/self/uid_map", text);
    snprintf(text, sizeof text, "%u %u 1", (unsigned)group, (unsigned)group);
    trap_write("/proc/self/gid_map", text);
    int fuse = open(node, O_RDWR | O_CLOEXEC); /* only good in the namespace of who opened it */
    snprintf(text, sizeof text, "fd=%d,rootmode=40000,user_id=%u,group_id=%u", fuse, (unsigned)user,
             (unsigned)group);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_DUMPABLE, 1);
    return mount("trap", directory, "fuse", MS_NOSUID | MS_NODEV, text) == 0 ? fuse : -1;
}

#endif
