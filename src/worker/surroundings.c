#include "surroundings.h"

#include "aside.h"
#include "descriptor.h"
#include "trusted_path.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Where 32-bit machines have system calls with 16-bit ids, too. */
#ifdef SYS_setresuid32
#define SET_GROUPS SYS_setgroups32
#define SET_GROUP_IDS SYS_setresgid32
#define SET_USER_IDS SYS_setresuid32
#define GET_GROUP_IDS SYS_getresgid32
#define GET_USER_IDS SYS_getresuid32
#else
#define SET_GROUPS SYS_setgroups
#define SET_GROUP_IDS SYS_setresgid
#define SET_USER_IDS SYS_setresuid
#define GET_GROUP_IDS SYS_getresgid
#define GET_USER_IDS SYS_getresuid
#endif

/* --- in the child: only system calls from here to the next heading -----------------------------
 */

static int fail(struct surroundings_failure *failure, enum surroundings_step step, int reason)
{
    *failure = (struct surroundings_failure){.step = step, .reason = reason};
    return -1;
}

/* Without waiting: a FIFO that nobody writes to would hold up the supervisor. */
static int open_input(const char *path)
{
    struct stat status;
    int fd = trusted_open(path, O_RDONLY, 0, NULL);
    if (fd >= 0 && fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) {
        errno = EISDIR; /* opening would do; reading never does */
        return -1;
    }
    return fd >= 0 && fcntl(fd, F_SETFL, 0) == 0 ? fd : -1;
}

static int set_input(const char *path, struct surroundings_failure *failure)
{
    if (path == NULL) {
        return 0;
    }
    int fd = open_input(path);
    return fd >= 0 && dup2(fd, STDIN_FILENO) >= 0 ? 0 : fail(failure, SURROUNDINGS_STDIN, errno);
}

/* The kernel takes no infinite number of open files; this is the most that it takes. */
static rlim_t most_open_files(void)
{
    char text[32];
    int fd = open("/proc/sys/fs/nr_open", O_RDONLY | O_CLOEXEC);
    ssize_t size = fd >= 0 ? read(fd, text, sizeof text) : 0;
    rlim_t number = 0;
    for (ssize_t i = 0; i < size && text[i] >= '0' && text[i] <= '9'; i++) {
        number = number * 10 + (rlim_t)(text[i] - '0');
    }
    return number > 0 ? number : 1048576;
}

static int set_open_files(const struct surroundings_limit *limit,
                          struct surroundings_failure *failure)
{
    if (!limit->is_set) {
        return 0;
    }
    rlim_t most = limit->hard == RLIM_INFINITY ? most_open_files() : limit->hard;
    const struct rlimit value = {.rlim_cur = limit->soft < most ? limit->soft : most,
                                 .rlim_max = most};
    return setrlimit(RLIMIT_NOFILE, &value) == 0 ? 0
                                                 : fail(failure, SURROUNDINGS_OPEN_FILES, errno);
}

static int set_core(const struct surroundings_limit *limit, struct surroundings_failure *failure)
{
    const struct rlimit value = {.rlim_cur = limit->soft, .rlim_max = limit->hard};
    return !limit->is_set || setrlimit(RLIMIT_CORE, &value) == 0
               ? 0
               : fail(failure, SURROUNDINGS_CORE, errno);
}

static int set_oom_score_adj(const char *number, struct surroundings_failure *failure)
{
    if (number == NULL) {
        return 0;
    }
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    return fd >= 0 && write(fd, number, strlen(number)) >= 0
               ? 0
               : fail(failure, SURROUNDINGS_OOM_SCORE_ADJ, errno);
}

/* Those of a user other than root: exec(2) would leave the ambient ones, and securebits(7) may have
   kept the rest until then. */
static int drop_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 && errno != EINVAL) {
        return -1;
    }
    return (int)syscall(SYS_capset, &header, none);
}

/* What the kernel says now, not what the calls have answered. */
static bool is_user_for_good(uid_t wanted)
{
    uid_t real;
    uid_t effective;
    uid_t saved;
    return syscall(GET_USER_IDS, &real, &effective, &saved) == 0 && real == wanted &&
           effective == wanted && saved == wanted &&
           (wanted == 0 || syscall(SET_USER_IDS, (uid_t)-1, 0, (uid_t)-1) != 0);
}

static bool is_group_for_good(gid_t wanted)
{
    gid_t real;
    gid_t effective;
    gid_t saved;
    return syscall(GET_GROUP_IDS, &real, &effective, &saved) == 0 && real == wanted &&
           effective == wanted && saved == wanted;
}

/* System calls themselves: what the C library has under these names changes every thread, and takes
   locks to do so (nptl(7)). Groups go first, while there is still a right to change them. */
int surroundings_become(const struct identity *identity, struct surroundings_failure *failure)
{
    if (identity->has_groups && syscall(SET_GROUPS, identity->group_count, identity->groups) != 0 &&
        !(errno == EPERM && identity->may_keep_groups)) {
        return fail(failure, SURROUNDINGS_GROUPS, errno);
    }
    if (identity->has_group &&
        syscall(SET_GROUP_IDS, identity->gid, identity->gid, identity->gid) != 0) {
        return fail(failure, SURROUNDINGS_GROUP, errno);
    }
    if (identity->has_group && !is_group_for_good(identity->gid)) {
        return fail(failure, SURROUNDINGS_GROUP, EPERM);
    }
    if (!identity->has_user) {
        return 0;
    }
    if (syscall(SET_USER_IDS, identity->uid, identity->uid, identity->uid) != 0) {
        return fail(failure, SURROUNDINGS_USER, errno);
    }
    if (identity->uid != 0 && drop_capabilities() != 0) {
        return fail(failure, SURROUNDINGS_CAPABILITIES, errno);
    }
    return is_user_for_good(identity->uid) ? 0 : fail(failure, SURROUNDINGS_ROOT_REGAINED, EPERM);
}

/* The kernel forgets the signal when the user changes, so it is asked for afterwards; and it does
   not send it for a parent that had died before. */
static int follow_parent(int signal, pid_t supervisor, struct surroundings_failure *failure)
{
    if (signal == 0) {
        return 0;
    }
    if (prctl(PR_SET_PDEATHSIG, signal) != 0) {
        return fail(failure, SURROUNDINGS_PARENT_DEATH_SIGNAL, errno);
    }
    return getppid() == supervisor ? 0 : fail(failure, SURROUNDINGS_PARENT_DEATH_SIGNAL, ESRCH);
}

int surroundings_apply(const struct surroundings *surroundings, const struct identity *identity,
                       pid_t supervisor, struct surroundings_failure *failure)
{
    if (set_input(surroundings->stdin_path, failure) != 0 ||
        set_open_files(&surroundings->open_files, failure) != 0 ||
        set_core(&surroundings->core, failure) != 0) {
        return -1;
    }
    if (surroundings->has_nice && setpriority(PRIO_PROCESS, 0, surroundings->nice) != 0) {
        return fail(failure, SURROUNDINGS_NICE, errno);
    }
    if (set_oom_score_adj(surroundings->oom_score_adj, failure) != 0) {
        return -1;
    }
    if (surroundings->has_umask) {
        umask(surroundings->umask);
    }
    if (surroundings_become(identity, failure) != 0 ||
        follow_parent(surroundings->parent_death_signal, supervisor, failure) != 0) {
        return -1;
    }
    return !surroundings->no_new_privileges || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
               ? 0
               : fail(failure, SURROUNDINGS_NO_NEW_PRIVILEGES, errno);
}

/* --- in the supervisor -------------------------------------------------------------------------
 */

static const char *describe_number(rlim_t number, char *buffer, size_t size)
{
    if (number == RLIM_INFINITY) {
        snprintf(buffer, size, "infinity");
    } else {
        snprintf(buffer, size, "%ju", (uintmax_t)number);
    }
    return buffer;
}

static void describe_limit(const char *option, const struct surroundings_limit *limit, int resource,
                           int reason, struct error *error)
{
    char wanted[32];
    char own[32];
    struct rlimit now = {.rlim_max = RLIM_INFINITY};
    getrlimit((__rlimit_resource_t)resource, &now);
    describe_number(limit->hard, wanted, sizeof wanted);
    if (reason == EPERM) {
        error_set(error,
                  "--%s: cannot set the limit to %s: %s (the supervisor's own is %s; raising it "
                  "needs CAP_SYS_RESOURCE)",
                  option, wanted, strerror(reason), describe_number(now.rlim_max, own, sizeof own));
    } else {
        error_set(error, "--%s: cannot set the limit to %s: %s", option, wanted, strerror(reason));
    }
}

/* The child had no room for a sentence; the parent meets with the same refusal. */
static void describe_input(const char *path, int reason, struct error *error)
{
    struct error refusal;
    error_set(&refusal, "%s", strerror(reason));
    if (reason == EPERM) {
        int fd = trusted_open(path, O_RDONLY, 0, &refusal);
        descriptor_close(&fd);
    }
    error_set(error, "--stdin: cannot open %.200s: %.280s", path, refusal.text);
}

static void describe_identity(const struct identity *identity,
                              const struct surroundings_failure *failure, struct error *error)
{
    char user[300];
    const char *reason = strerror(failure->reason);
    identity_describe_user(identity, user, sizeof user);
    switch (failure->step) {
    case SURROUNDINGS_GROUPS:
        error_set(error, "--supplementary-groups: cannot set the worker's groups: %s", reason);
        break;
    case SURROUNDINGS_GROUP:
        error_set(error, "--group: cannot set the worker's group to %u: %s",
                  (unsigned)identity->gid, reason);
        break;
    case SURROUNDINGS_CAPABILITIES:
        error_set(error, "--user: cannot drop the capabilities of %s: %s", user, reason);
        break;
    case SURROUNDINGS_ROOT_REGAINED:
        error_set(error, "--user: the worker could become root again after it became %s", user);
        break;
    default:
        error_set(error, "--user: cannot start a worker as %s: %s", user, reason);
        break;
    }
}

void surroundings_describe(const struct surroundings *surroundings, const struct identity *identity,
                           const struct surroundings_failure *failure, struct error *error)
{
    const char *reason = strerror(failure->reason);
    switch (failure->step) {
    case SURROUNDINGS_STDIN:
        describe_input(surroundings->stdin_path, failure->reason, error);
        break;
    case SURROUNDINGS_OPEN_FILES:
        describe_limit("limit-nofile", &surroundings->open_files, RLIMIT_NOFILE, failure->reason,
                       error);
        break;
    case SURROUNDINGS_CORE:
        describe_limit("limit-core", &surroundings->core, RLIMIT_CORE, failure->reason, error);
        break;
    case SURROUNDINGS_NICE:
        error_set(
            error,
            "--nice: cannot set it to %d: %s (below the supervisor's own, %d, needs CAP_SYS_NICE)",
            surroundings->nice, reason, getpriority(PRIO_PROCESS, 0));
        break;
    case SURROUNDINGS_OOM_SCORE_ADJ:
        error_set(error,
                  "--oom-score-adj: cannot set it to %s: %s (needs /proc; lowering it needs "
                  "CAP_SYS_RESOURCE)",
                  surroundings->oom_score_adj, reason);
        break;
    case SURROUNDINGS_PARENT_DEATH_SIGNAL:
        error_set(error, "--parent-death-signal: cannot set it: %s", reason);
        break;
    case SURROUNDINGS_NO_NEW_PRIVILEGES:
        error_set(error, "--no-new-privileges: cannot set it: %s", reason);
        break;
    default:
        describe_identity(identity, failure, error);
        break;
    }
}

bool surroundings_are_asked_for(const struct surroundings *asked)
{
    return identity_is_asked_for(&asked->identity) || asked->stdin_path != NULL ||
           asked->open_files.is_set || asked->core.is_set || asked->has_umask || asked->has_nice ||
           asked->oom_score_adj != NULL || asked->no_new_privileges ||
           asked->parent_death_signal != 0;
}

int surroundings_try(const struct surroundings *surroundings, const struct identity *identity,
                     struct error *error)
{
    struct surroundings_failure failure;
    if (surroundings_apply(surroundings, identity, getppid(), &failure) == 0) {
        return 0;
    }
    surroundings_describe(surroundings, identity, &failure, error);
    return -1;
}
