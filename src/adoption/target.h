/*
 * A target is a process that waits in a system call for an answer (the word is
 * seccomp_unotify(2)'s). This file reads its memory, its descriptors, and where its paths lead. It
 * changes nothing there. The result is only valid if the call still waits afterwards
 * (SECCOMP_IOCTL_NOTIF_ID_VALID): the target may have died, and another process may have its pid.
 *
 * Each function may wait as long as the target likes (its memory or a descriptor may be a file of
 * its own file system), so only a companion calls it.
 */
#ifndef TARGET_H
#define TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

struct target {
    pid_t thread; /* the thread that made the call */
    int pidfd;    /* of it, or where the kernel has none of threads, of its process; -1: not open */
    bool has_proc; /* /proc is there, and has this process's numbers */
    bool is_other; /* files are reached as the target's user, not as our own */
    uid_t own_user;
    gid_t own_group;
    int dumpable; /* what changing the user took from this process (prctl(2), PR_SET_DUMPABLE) */
};

/* A socket of the target's. */
struct target_socket {
    int fd;          /* a duplicate, for looking only; -1: it could not be had */
    uint64_t cookie; /* SO_COOKIE; 0: not known */
    ino_t inode;
    int domain; /* AF_ */
    int type;   /* SOCK_; 0: not known */
    int protocol;
    bool is_v6_only;
    bool is_nonblocking;
    bool is_close_on_exec; /* of this descriptor of it */
};

/* What a path's last component is in, and what is there. */
struct target_entry {
    int directory;    /* O_PATH; owned */
    const char *name; /* in the directory; points into the path */
    bool is_there;
    struct stat status; /* of the entry itself, a symbolic link is not followed */
};

/* Until target_close, this process uses the target's user for files (setfsuid(2)), if it may. So it
   can read the target in /proc as root without CAP_SYS_PTRACE, as in containers, and the target's
   paths lead no further than they do for the target. */
void target_open(struct target *target, pid_t thread, bool has_proc);
void target_close(struct target *target);

/* The process of the thread; without /proc, the thread. */
pid_t target_process(const struct target *target);

/* Copies `size` bytes from an address in the target's memory. Returns how many could be read, or
   -1. */
ssize_t target_read(const struct target *target, uint64_t address, void *buffer, size_t size);

/* Copies a path, which ends with a NUL. Returns its length, or -1: not readable, or too long. */
ssize_t target_read_path(const struct target *target, uint64_t address, char *buffer, size_t size);

/* The inode of a target's socket, without touching the socket. 0: unknown; -1: the descriptor is
   not a socket. */
ino_t target_socket_inode(const struct target *target, int fd);

/* Inspects a descriptor of the target. Without permission for ptrace(2), as in many containers,
   there is no duplicate, and /proc shows less. Returns 0, or -1: not a socket, or unknown. After
   success call target_socket_close. */
int target_socket_open(struct target *target, int fd, struct target_socket *socket);
void target_socket_close(struct target_socket *socket);

/* Follows a path of the target to its last component. `at` is the descriptor of the directory that
   it starts in, or AT_FDCWD. Returns 0, or -1: it leads nowhere. After success call
   target_entry_close. */
int target_entry_open(const struct target *target, int at, const char *path,
                      struct target_entry *entry);
void target_entry_close(struct target_entry *entry);

#endif
