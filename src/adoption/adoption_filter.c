#include "adoption_filter.h"

#include "descriptor.h"
#include "process_limit.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Linux 5.19: a signal does not tear a target out of a call that has been reported already. */
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

#if defined(__x86_64__)
#define NATIVE_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCHITECTURE AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define NATIVE_ARCHITECTURE AUDIT_ARCH_RISCV64
#else
#define NATIVE_ARCHITECTURE 0 /* nothing is reported: the numbers here are not known */
#endif

/* Calls of the x32 ABI have the architecture of x86_64, and this bit in their number. */
#define X32_BIT 0x40000000U

/* --- writing it --------------------------------------------------------------------------------
 */

static const unsigned socket_calls[] = {SYS_bind, SYS_listen};

/* Newer architectures have only the calls that end with "at". */
static const unsigned path_calls[] = {
#ifdef SYS_unlink
    SYS_unlink,
#endif
    SYS_unlinkat,
#ifdef SYS_rename
    SYS_rename,
#endif
#ifdef SYS_renameat
    SYS_renameat,
#endif
    SYS_renameat2,
#ifdef SYS_chmod
    SYS_chmod,
#endif
    SYS_fchmodat,
#ifdef SYS_fchmodat2
    SYS_fchmodat2,
#else
    452, /* Linux 6.6, the same number everywhere */
#endif
#ifdef SYS_chown
    SYS_chown,
#endif
#ifdef SYS_lchown
    SYS_lchown,
#endif
    SYS_fchownat,
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void append(struct adoption_filter *filter, struct sock_filter instruction)
{
    filter->instructions[filter->length++] = instruction;
}

static void append_load(struct adoption_filter *filter, size_t offset)
{
    append(filter, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offset));
}

static void append_return(struct adoption_filter *filter, unsigned action)
{
    append(filter, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

/* Jumps to instruction `target` when the condition holds. */
static void append_jump(struct adoption_filter *filter, unsigned short condition, unsigned value,
                        size_t target)
{
    unsigned char distance = (unsigned char)(target - filter->length - 1U);
    append(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | condition | BPF_K, value, distance, 0));
}

/* Offsets are of the lower half of an argument: all machines above are little-endian. */
void adoption_filter_build(struct adoption_filter *filter, bool with_paths)
{
    size_t calls = COUNT(socket_calls) + (with_paths ? COUNT(path_calls) : 0);
    /* Five before the calls, the one of shutdown, and this is where it ends. */
    size_t allow = 5 + calls + 1;
    size_t look_at_how = allow + 1;
    size_t report = allow + 3;
    size_t allow_too = allow + 4;
    *filter = (struct adoption_filter){.length = 0};
    append_load(filter, offsetof(struct seccomp_data, arch));
    append(filter,
           (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCHITECTURE, 1, 0));
    append_return(filter, SECCOMP_RET_ALLOW);
    append_load(filter, offsetof(struct seccomp_data, nr));
    append_jump(filter, BPF_JGE, X32_BIT, allow);
    for (size_t i = 0; i < COUNT(socket_calls); i++) {
        append_jump(filter, BPF_JEQ, socket_calls[i], report);
    }
    for (size_t i = 0; with_paths && i < COUNT(path_calls); i++) {
        append_jump(filter, BPF_JEQ, path_calls[i], report);
    }
    append_jump(filter, BPF_JEQ, SYS_shutdown, look_at_how);
    append_return(filter, SECCOMP_RET_ALLOW);
    append_load(filter, offsetof(struct seccomp_data, args[1]));
    append_jump(filter, BPF_JEQ, SHUT_WR, allow_too); /* usual on connections, nothing to a listener
                                                       */
    append_return(filter, SECCOMP_RET_USER_NOTIF);
    append_return(filter, SECCOMP_RET_ALLOW);
}

/* --- in the child: only system calls -----------------------------------------------------------
 */

static int set_filter(const struct sock_fprog *program)
{
    /* Without SPEC_ALLOW kernels before 5.16 switch off a part of the processor's speculation. */
    const unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                      flags | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, program);
    if (fd < 0 && errno == EINVAL) {
        fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, program);
    }
    return (int)fd;
}

/* EACCES is the kernel's answer to those who have no CAP_SYS_ADMIN. */
static int install(struct adoption_installation *installation)
{
    const struct sock_fprog program = {
        .len = installation->filter->length,
        .filter = (struct sock_filter *)installation->filter->instructions,
    };
    if (NATIVE_ARCHITECTURE == 0) {
        errno = EOPNOTSUPP;
        return -1;
    }
    int fd = set_filter(&program);
    if (fd < 0 && errno == EACCES && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) {
        installation->no_new_privs = true;
        fd = set_filter(&program);
    }
    return fd;
}

static int send_descriptor(int channel, int fd)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {.header = {.cmsg_len = 0}};
    char byte = 0;
    struct iovec data = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control.space,
                             .msg_controllen = sizeof control.space};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    return sendmsg(channel, &message, MSG_NOSIGNAL) == 1 ? 0 : -1;
}

/* Where Yama restricts ptrace(2) to ancestors (its scope 1), a companion is allowed as a descendant
   of the supervisor. Elsewhere this does nothing. */
static void permit_companion(void)
{
    prctl(PR_SET_PTRACER, getppid(), 0, 0, 0);
}

int adoption_installation_perform(struct adoption_installation *installation)
{
    int fd = install(installation);
    /* Sent or not, the filter stays. */
    if (fd < 0 || send_descriptor(installation->channel[1], fd) != 0) {
        installation->reason = errno;
        installation->is_mute = fd >= 0;
        return -1;
    }
    permit_companion();
    close(fd);
    return 0;
}

/* --- in the parent -----------------------------------------------------------------------------
 */

static int receive_descriptor(int channel)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {.header = {.cmsg_len = 0}};
    char byte;
    struct iovec data = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control.space,
                             .msg_controllen = sizeof control.space};
    int fd = -1;
    if (recvmsg(channel, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) == 1) {
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        if (header != NULL && header->cmsg_type == SCM_RIGHTS) {
            memcpy(&fd, CMSG_DATA(header), sizeof fd);
        }
        errno = EMFILE; /* the kernel drops what there is no room for, and does not say so */
    }
    return fd;
}

/* The child's end goes first: so there is a number free for what arrives. */
void adoption_installation_close(struct adoption_installation *installation)
{
    descriptor_close(&installation->channel[1]);
    installation->channel[1] = -1;
    if (installation->channel[0] < 0) {
        return;
    }
    installation->notify_fd = receive_descriptor(installation->channel[0]);
    if (installation->notify_fd < 0 && installation->reason == 0) {
        installation->reason = errno;
        installation->is_mute = true;
    }
    descriptor_close(&installation->channel[0]);
    installation->channel[0] = -1;
}

int adoption_installation_open(struct adoption_installation *installation, int floor)
{
    installation->notify_fd = -1;
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, installation->channel) !=
        0) {
        installation->reason = errno;
        return -1;
    }
    for (int i = 0; i < 2; i++) {
        installation->channel[i] = descriptor_raise(installation->channel[i], floor);
    }
    if (installation->channel[1] < floor) {
        adoption_installation_close(installation);
        installation->reason = errno = EMFILE;
        return -1;
    }
    return 0;
}

/* --- whether it can be done --------------------------------------------------------------------
 */

/* Installs the filter and asks for what Linux 5.9 has: the answer to a descriptor for a call that
   does not exist is then ENOENT. */
static int try_in_child(struct adoption_installation *installation)
{
    struct seccomp_notif_addfd nobody = {.id = 0, .flags = SECCOMP_ADDFD_FLAG_SETFD};
    int fd = install(installation);
    if (fd < 0) {
        return errno;
    }
    return ioctl(fd, SECCOMP_IOCTL_NOTIF_ADDFD, &nobody) != 0 && errno == ENOENT ? 0 : EINVAL;
}

static __attribute__((noinline)) pid_t fork_probe(struct adoption_installation *installation,
                                                  volatile int *reason)
{
    pid_t pid = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork) */
    if (pid == 0) {
        *reason = try_in_child(installation); /* NOLINT(clang-analyzer-unix.Vfork) */
        _exit(0);
    }
    return pid;
}

int adoption_filter_probe(const struct adoption_filter *filter, struct error *error)
{
    struct adoption_installation installation = {.filter = filter};
    volatile int reason = 0;
    pid_t pid = fork_probe(&installation, &reason);
    if (pid < 0) {
        return error_set(error, "cannot start a process: %s", process_limit_reason(errno));
    }
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
    return reason == 0 ? 0 : error_set(error, "%s", adoption_failure_text(reason));
}

const char *adoption_failure_text(int reason)
{
    switch (reason) {
    case EINVAL:
    case ENOSYS:
        return "the kernel has no seccomp notifications with descriptors (expected Linux 5.9 or "
               "later)";
    case EBUSY:
        return "another filter with a listener is there already (a container's or a sandbox's), "
               "and Linux allows one";
    case EPERM:
    case EACCES:
        return "the use of seccomp is not permitted here";
    case EOPNOTSUPP:
        return "it is not known how to on this kind of machine";
    default:
        return strerror(reason);
    }
}
