/*
 * A caller is a process below the supervisor that waits in a system call for the supervisor's
 * answer. This file looks at it from outside: its memory, its descriptors, and where its paths
 * lead. It changes nothing there. What it finds is only good if the call still waits afterwards
 * (SECCOMP_IOCTL_NOTIF_ID_VALID): the caller may have died meanwhile, and its number gone to
 * somebody else.
 */
#ifndef CALLER_H
#define CALLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

struct caller {
    pid_t thread;   /* the thread that made the call */
    int pidfd;      /* of it, or where the kernel has none of threads, of its process; -1: none */
    uid_t own_user; /* what caller_close goes back to */
    gid_t own_group;
    int dumpable; /* what changing the user took from this process (prctl(2), PR_SET_DUMPABLE) */
};

/* A socket of the caller's. */
struct caller_socket {
    int fd; /* a duplicate, for looking only; -1: it could not be had (see caller_socket_open) */
    ino_t inode;
    int domain; /* AF_ */
    int type;   /* SOCK_; 0: not known */
    int protocol;
    bool is_v6_only;
    bool is_nonblocking;
    bool is_close_on_exec; /* of this descriptor of it */
};

/* What a path's last component is in, and what is there. */
struct caller_entry {
    int directory;    /* O_PATH; owned */
    const char *name; /* in the directory; points into the path */
    bool is_there;
    struct stat status; /* of the entry itself, a symbolic link is not followed */
};

/* Until caller_close this process reaches files as the caller's user (setfsuid(2)): so it may look
   at the caller through /proc also where it is root without CAP_SYS_PTRACE, as in containers, and
   the caller's paths lead no further than they lead the caller. */
void caller_open(struct caller *caller, pid_t thread);
void caller_close(struct caller *caller);

/* Copies `size` bytes from an address in the caller's memory. Returns how many could be read from
   there on, or -1. */
ssize_t caller_read(const struct caller *caller, uint64_t address, void *buffer, size_t size);

/* Copies a path, which ends with a NUL. Returns its length, or -1: not readable, or too long. */
ssize_t caller_read_path(const struct caller *caller, uint64_t address, char *buffer, size_t size);

/* Looks at a descriptor of the caller's. Where ptrace(2) is not permitted, as in many containers,
   there is no duplicate, and /proc tells less. Returns 0, or -1: it is no socket, or nothing can be
   known of it. To be closed with caller_socket_close after success. */
int caller_socket_open(const struct caller *caller, int fd, struct caller_socket *socket);
void caller_socket_close(struct caller_socket *socket);

/* Follows a path of the caller's up to its last component. `at` is the descriptor of a directory
   that it begins in, or AT_FDCWD. Returns 0, or -1: it leads nowhere. To be closed with
   caller_entry_close after success. */
int caller_entry_open(const struct caller *caller, int at, const char *path,
                      struct caller_entry *entry);
void caller_entry_close(struct caller_entry *entry);

#endif
