/*
 * Surroundings in which the system tells less than usual, for tests to look at what is made of it.
 * Each is for a child process of the test, and returns false where this machine does not let it
 * have that.
 */
#ifndef SANDBOX_H
#define SANDBOX_H

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What `body` returns, or _exit()s with, in a child process. */
enum { CHILD_PASSED = 0, CHILD_FAILED = 1, CHILD_SKIPPED = 77 };

static inline int run_in_child(int (*body)(void *context), void *context)
{
    pid_t pid = fork();
    if (pid == 0) {
        _exit(body(context));
    }
    int status = -1;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : CHILD_FAILED;
}

/* New namespaces, by way of a user namespace where that is what it takes. */
static inline bool enter_namespaces(int flags)
{
    return unshare(flags) == 0 || unshare(flags | CLONE_NEWUSER) == 0;
}

/* Nothing is at /proc from here on. */
static inline bool hide_proc(void)
{
    return enter_namespaces(CLONE_NEWNS) &&
           mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", "/proc", "tmpfs", 0, NULL) == 0;
}

/* The children to come are in a pid namespace of their own; the first of them is its 1. */
static inline bool enter_pid_namespace(void)
{
    return enter_namespaces(CLONE_NEWPID);
}

/* socket(AF_NETLINK, ...) fails with EPERM from here on, as in some containers. */
static inline bool forbid_netlink(void)
{
    struct sock_filter instructions[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {.len = sizeof instructions / sizeof instructions[0],
                                       .filter = instructions};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 &&
           socket(AF_NETLINK, SOCK_RAW, 0) < 0;
}

#endif
