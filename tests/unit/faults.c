#include "faults.h"

#include "process_limit.h"

#include <dirent.h>
#include <errno.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>

/* Shared with the children, so that their calls are counted as well. */
struct faults {
    const char *armed; /* NULL: nothing fails */
    bool is_lasting;   /* and all after it */
    bool is_paused;
    pid_t only;    /* the process whose calls fail; 0: every one's */
    unsigned left; /* calls until the one that fails */
    int reason;    /* 0: the call's own */
    const char *failed;
};

static struct faults *faults;

static void share_faults(void)
{
    if (faults == NULL) {
        faults =
            mmap(NULL, sizeof *faults, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        assert_ptr_not_equal(faults, MAP_FAILED);
    }
}

/* Whether this call is the one that fails; errno is set then. */
static bool strikes(const char *name, int reason)
{
    if (faults == NULL || faults->armed == NULL || faults->is_paused ||
        (faults->only != 0 && faults->only != getpid()) ||
        (strcmp(faults->armed, "any") != 0 && strcmp(faults->armed, name) != 0) ||
        (faults->left > 1 && faults->left-- > 1)) {
        return false;
    }
    if (!faults->is_lasting) {
        faults->armed = NULL;
    }
    faults->failed = name;
    faults->reason = faults->reason != 0 ? faults->reason : reason;
    errno = faults->reason;
    return true;
}

/* --- the calls, and how each of them fails on a machine that is short of something ---------------
 */

#define WRAP(result, name, reason, failure, parameters, arguments)                                 \
    result __real_##name parameters;                                                               \
    result __wrap_##name parameters;                                                               \
    result __wrap_##name parameters                                                                \
    {                                                                                              \
        return strikes(#name, reason) ? (failure) : __real_##name arguments;                       \
    }

WRAP(void *, malloc, ENOMEM, NULL, (size_t size), (size))
WRAP(void *, calloc, ENOMEM, NULL, (size_t count, size_t size), (count, size))
WRAP(void *, realloc, ENOMEM, NULL, (void *old, size_t size), (old, size))
WRAP(char *, strdup, ENOMEM, NULL, (const char *text), (text))
WRAP(char *, strndup, ENOMEM, NULL, (const char *text, size_t size), (text, size))
WRAP(int, accept4, EMFILE, -1, (int fd, struct sockaddr *address, socklen_t *length, int flags),
     (fd, address, length, flags))
WRAP(int, bind, EADDRINUSE, -1, (int fd, const struct sockaddr *address, socklen_t length),
     (fd, address, length))
WRAP(int, chmod, EPERM, -1, (const char *path, mode_t mode), (path, mode))
WRAP(int, dup2, EBUSY, -1, (int from, int to), (from, to))
WRAP(int, dup3, EBUSY, -1, (int from, int to, int flags), (from, to, flags))
WRAP(int, epoll_create1, EMFILE, -1, (int flags), (flags))
WRAP(int, epoll_ctl, ENOSPC, -1, (int fd, int operation, int other, struct epoll_event *event),
     (fd, operation, other, event))
WRAP(pid_t, fork, EAGAIN, -1, (void), ())
WRAP(int, fchmod, EPERM, -1, (int fd, mode_t mode), (fd, mode))
WRAP(int, inotify_add_watch, ENOSPC, -1, (int fd, const char *path, uint32_t mask),
     (fd, path, mask))
WRAP(int, inotify_init1, EMFILE, -1, (int flags), (flags))
WRAP(int, listen, EADDRINUSE, -1, (int fd, int backlog), (fd, backlog))
WRAP(int, memfd_create, EMFILE, -1, (const char *name, unsigned flags), (name, flags))
WRAP(DIR *, opendir, EMFILE, NULL, (const char *path), (path))
WRAP(int, pipe2, EMFILE, -1, (int ends[2], int flags), (ends, flags))
WRAP(ssize_t, pwrite, ENOSPC, -1, (int fd, const void *bytes, size_t size, off_t at),
     (fd, bytes, size, at))
WRAP(ssize_t, recvmsg, ENOMEM, -1, (int fd, struct msghdr *message, int flags),
     (fd, message, flags))
WRAP(int, rename, ENOSPC, -1, (const char *from, const char *to), (from, to))
WRAP(ssize_t, sendmsg, ENOBUFS, -1, (int fd, const struct msghdr *message, int flags),
     (fd, message, flags))
WRAP(int, setsockopt, ENOBUFS, -1, (int fd, int level, int name, const void *value, socklen_t size),
     (fd, level, name, value, size))
WRAP(int, socket, EMFILE, -1, (int domain, int type, int protocol), (domain, type, protocol))
WRAP(int, socketpair, EMFILE, -1, (int domain, int type, int protocol, int ends[2]),
     (domain, type, protocol, ends))
WRAP(ssize_t, write, ENOSPC, -1, (int fd, const void *bytes, size_t size), (fd, bytes, size))

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return strikes("open", EMFILE) ? -1 : __real_open(path, flags, mode);
}

int __real_openat(int directory, const char *path, int flags, ...);
int __wrap_openat(int directory, const char *path, int flags, ...);
int __wrap_openat(int directory, const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return strikes("openat", EMFILE) ? -1 : __real_openat(directory, path, flags, mode);
}

/* Only a copy of a descriptor takes one. */
int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...)
{
    va_list arguments;
    va_start(arguments, command);
    long argument = va_arg(arguments, long);
    va_end(arguments);
    bool is_copy = command == F_DUPFD || command == F_DUPFD_CLOEXEC;
    return is_copy && strikes("fcntl", EMFILE) ? -1 : __real_fcntl(fd, command, argument);
}

/* The child of vfork(2) would return into a frame that its parent returns from once more, so this
   jumps where it would call. */
int faults_strike_vfork(void);
int faults_strike_vfork(void)
{
    return strikes("vfork", EAGAIN);
}
#if defined(__x86_64__)
__asm__(".globl __wrap_vfork\n"
        ".type __wrap_vfork, @function\n"
        "__wrap_vfork:\n"
        "  subq $8, %rsp\n"
        "  call faults_strike_vfork@PLT\n"
        "  addq $8, %rsp\n"
        "  testl %eax, %eax\n"
        "  jne 1f\n"
        "  jmp __real_vfork@PLT\n"
        "1: movl $-1, %eax\n"
        "  ret\n");
#elif defined(__aarch64__)
__asm__(".globl __wrap_vfork\n"
        ".type __wrap_vfork, %function\n"
        "__wrap_vfork:\n"
        "  stp x29, x30, [sp, -16]!\n"
        "  bl faults_strike_vfork\n"
        "  ldp x29, x30, [sp], 16\n"
        "  cbnz w0, 1f\n"
        "  b __real_vfork\n"
        "1: mov w0, #-1\n"
        "  ret\n");
#else
pid_t __real_vfork(void);
pid_t __wrap_vfork(void);
pid_t __wrap_vfork(void)
{
    return faults_strike_vfork() ? -1 : fork();
}
#endif

/* --- what the tests ask for ----------------------------------------------------------------------
 */

void faults_arm(const char *name, unsigned nth, int reason)
{
    share_faults();
    *faults = (struct faults){.armed = name, .left = nth, .reason = reason, .only = faults->only};
}

void faults_arm_lasting(const char *name, int reason)
{
    faults_arm(name, 1, reason);
    faults->is_lasting = true;
}

const char *faults_disarm(void)
{
    share_faults();
    const char *failed = faults->failed;
    *faults = (struct faults){.armed = NULL, .only = faults->only};
    return failed;
}

void faults_pause(void)
{
    share_faults();
    faults->is_paused = true;
}

void faults_spare_children(bool are_spared)
{
    share_faults();
    faults->only = are_spared ? getpid() : 0;
}

void faults_resume(void)
{
    faults->is_paused = false;
}

static bool is_one_of(const char *name, const char *names)
{
    size_t length = strlen(name);
    for (const char *at = names; (at = strstr(at, name)) != NULL; at += length) {
        if ((at == names || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0')) {
            return true;
        }
    }
    return false;
}

static bool gives_reason(const char *sentence, int reason)
{
    return strcasestr(sentence, strerror(reason)) != NULL ||
           strcasestr(sentence, process_limit_reason(reason)) != NULL ||
           (reason == ENOMEM && strstr(sentence, "out of memory") != NULL);
}

static void assert_failed_well(const char *name, unsigned nth, int result, int reason,
                               const struct error *error, const char *tolerated)
{
    if (result == 0 && !is_one_of(name, tolerated)) {
        fail_msg("call %u, %s, failed, and nobody was told", nth, name);
    }
    if (result != 0 && !gives_reason(error->text, reason)) {
        fail_msg("call %u, %s, failed: '%s' should say '%s'", nth, name, error->text,
                 strerror(reason));
    }
}

unsigned faults_sweep(faults_trial *trial, void *context, const char *tolerated)
{
    for (unsigned nth = 1;; nth++) {
        struct error error = {.text = ""};
        size_t before = count_open_descriptors();
        faults_arm("any", nth, 0);
        int result = trial(context, &error);
        int reason = faults->reason;
        const char *failed = faults_disarm();
        if (failed == NULL) {
            if (result != 0) {
                fail_msg("nothing failed, and yet: %s", error.text);
            }
            return nth - 1;
        }
        assert_failed_well(failed, nth, result, reason, &error, tolerated);
        if (count_open_descriptors() != before) {
            fail_msg("call %u, %s, failed: %zu descriptors became %zu", nth, failed, before,
                     count_open_descriptors());
        }
        if (waitpid(-1, NULL, WNOHANG) >= 0 || errno != ECHILD) {
            fail_msg("call %u, %s, failed: a child is left", nth, failed);
        }
        if (trial(context, &error) != 0) {
            fail_msg("after call %u, %s, had failed: %s", nth, failed, error.text);
        }
    }
}
