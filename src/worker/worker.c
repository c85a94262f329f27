#include "worker.h"

#include "aside.h"
#include "child_signals.h"
#include "descriptor.h"
#include "open_files.h"
#include "process_limit.h"
#include "signal_name.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <paths.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define LISTEN_PID "LISTEN_PID="
#define PID_DIGITS 10

/* Of the thread that waits for a child, which runs on it, too. */
#define STACK_SIZE 131072

enum step {
    STEP_NONE,
    STEP_FORK,
    STEP_RUN,
    STEP_DESCRIPTORS,
    STEP_OPEN_FILES,
    STEP_ADOPTION,
    STEP_SURROUNDINGS,
    STEP_DIRECTORY,
    STEP_LOOKUP,
    STEP_EXECUTE,
    STEP_INTERPRETER,
};

/*
 * What parent and child share. The child is made by vfork(2), in a thread of its own: it runs in
 * this memory while that thread waits and the supervisor goes on, so that a start costs no copy of
 * page tables, whatever the size of the supervisor, a failure comes back as plain stores, and an
 * exec on a file system that does not answer holds up nobody. For the same reason everything that
 * needs memory is made ready by the parent.
 *
 * A child that becomes another user, or gets other groups, is made by fork(2) instead, and this is
 * then memory that both share: the supervisor's memory must not be that of a process of another
 * user for a single moment. So is one that follows its parent's death: the thread would be that
 * parent (prctl(2), PR_SET_PDEATHSIG).
 */
struct worker_start {
    size_t size; /* of all that is shared */
    struct worker_command command;
    const char *search_path;
    char **environment;                              /* the command's, with `listen_pid` in it */
    char listen_pid[sizeof LISTEN_PID + PID_DIGITS]; /* written by the child */
    char **script_argv; /* sh, the script, and the arguments, for a script without "#!" */
    struct worker_descriptor *places; /* the listeners, the readiness pipe, the captures */
    size_t place_count;
    enum step step;
    int reason; /* errno */
    int failed_fd;
    struct surroundings_failure failure;   /* of STEP_SURROUNDINGS */
    struct adoption_installation adoption; /* the command's, where the child can write */
    pid_t supervisor;
    bool is_apart;  /* made by fork(2) */
    int outcome_fd; /* our end of a pipe: ends when the command is executed or the child is gone */
    int childs_fd;  /* the other one; the thread's, where there is one */
    _Atomic pid_t child;      /* written by the child, as soon as it runs */
    atomic_bool is_abandoned; /* it is not to go on */
    pid_t pid;                /* -1: there is no child */
    const char *path;         /* what is being executed: argv[0], or `found` */
    char found[PATH_MAX];
};

static _Noreturn void give_up(struct worker_start *attempt, enum step step, int reason)
{
    attempt->step = step;
    attempt->reason = reason;
    _exit(127);
}

/* --- in the child: only system calls from here to the next heading -----------------------------
 */

static int highest_place(const struct worker_start *attempt)
{
    int highest = 0;
    for (size_t i = 0; i < attempt->place_count; i++) {
        int fd = attempt->places[i].worker_fd;
        highest = fd > highest ? fd : highest;
    }
    return highest;
}

/* Moves sources that lie where another descriptor is to go, then puts each in its place. One that
   is in its place already only loses its close-on-exec flag. */
static void arrange_descriptors(struct worker_start *attempt)
{
    int highest = highest_place(attempt);
    for (size_t i = 0; i < attempt->place_count; i++) {
        struct worker_descriptor *place = &attempt->places[i];
        attempt->failed_fd = place->worker_fd;
        if (place->fd <= highest && place->fd != place->worker_fd) {
            place->fd = fcntl(place->fd, F_DUPFD_CLOEXEC, highest + 1);
            if (place->fd < 0) {
                give_up(attempt, STEP_DESCRIPTORS, errno);
            }
        }
    }
    for (size_t i = 0; i < attempt->place_count; i++) {
        int source = attempt->places[i].fd;
        int target = attempt->failed_fd = attempt->places[i].worker_fd;
        if ((source == target ? fcntl(source, F_SETFD, 0) : dup2(source, target)) < 0) {
            give_up(attempt, STEP_DESCRIPTORS, errno);
        }
    }
}

/* execvp(3) gives a file of an unknown format to the shell. So do we, but only if it looks like a
   script: a program for another machine is an error to be told, not a script. */
static bool looks_like_script(const char *path)
{
    char head[128];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd >= 0 ? read(fd, head, sizeof head) : -1;
    return size > 0 && memchr(head, '\0', (size_t)size) == NULL;
}

static void execute(struct worker_start *attempt, char *path)
{
    const struct worker_command *command = &attempt->command;
    attempt->path = path;
    execve(path, command->argv, attempt->environment);
    int reason = errno;
    if (reason == ENOEXEC && looks_like_script(path)) {
        attempt->script_argv[1] = path;
        execve(_PATH_BSHELL, attempt->script_argv, attempt->environment);
    }
    if (reason == ENOENT && access(path, F_OK) == 0) {
        give_up(attempt, STEP_INTERPRETER, reason);
    }
    errno = reason;
}

static bool is_passed_over(int reason)
{
    return reason == ENOENT || reason == ENOTDIR || reason == EACCES || reason == ESTALE ||
           reason == ENODEV || reason == ETIMEDOUT;
}

/* DIRECTORY/NAME, or NAME alone where PATH has an empty element: the current directory. */
static bool join(char *buffer, size_t size, const char *directory, size_t length, const char *name)
{
    size_t name_size = strlen(name) + 1;
    if (length + 1 + name_size > size) {
        return false;
    }
    memcpy(buffer, directory, length);
    if (length > 0) {
        buffer[length++] = '/';
    }
    memcpy(buffer + length, name, name_size);
    return true;
}

/* Looks for the command in each directory of PATH, as execvp(3) does. */
static _Noreturn void search_and_execute(struct worker_start *attempt)
{
    const char *name = attempt->command.argv[0];
    bool was_denied = false;
    const char *at = attempt->search_path;
    for (bool is_last = false; !is_last; at++) {
        size_t length = strcspn(at, ":");
        if (join(attempt->found, sizeof attempt->found, at, length, name)) {
            execute(attempt, attempt->found);
            if (!is_passed_over(errno)) {
                give_up(attempt, STEP_EXECUTE, errno);
            }
            was_denied = was_denied || errno == EACCES;
        }
        at += length;
        is_last = *at == '\0';
    }
    attempt->path = name;
    give_up(attempt, STEP_LOOKUP, was_denied ? EACCES : ENOENT);
}

/* The pid's digits behind LISTEN_PID=, as nothing that may be called here writes them. */
static void write_own_pid(struct worker_start *attempt)
{
    char digits[PID_DIGITS];
    size_t count = 0;
    for (pid_t pid = getpid(); pid > 0 && count < sizeof digits; pid /= 10) {
        digits[count++] = (char)('0' + pid % 10);
    }
    char *at = attempt->listen_pid + strlen(LISTEN_PID);
    while (count > 0) {
        *at++ = digits[--count];
    }
    *at = '\0';
}

static _Noreturn void become_worker(struct worker_start *attempt)
{
    const struct worker_command *command = &attempt->command;
    atomic_store(&attempt->child, getpid());
    if (atomic_load(&attempt->is_abandoned)) {
        _exit(127);
    }
    arrange_descriptors(attempt);
    if (command->own_group) {
        setpgid(0, 0);
    }
    /* Before CAP_SYS_ADMIN goes, which spares the worker no_new_privs. */
    if (command->adoption != NULL && adoption_installation_perform(&attempt->adoption) != 0 &&
        (attempt->adoption.is_required || attempt->adoption.is_mute)) {
        give_up(attempt, STEP_ADOPTION, attempt->adoption.reason);
    }
    if (open_files_restore(highest_place(attempt)) != 0) {
        give_up(attempt, STEP_OPEN_FILES, errno);
    }
    if (command->surroundings != NULL &&
        surroundings_apply(command->surroundings, command->identity, attempt->supervisor,
                           &attempt->failure) != 0) {
        give_up(attempt, STEP_SURROUNDINGS, attempt->failure.reason);
    }
    /* From here on with the worker's rights: a directory or a program that they do not reach is out
       of reach, whatever the supervisor's are. */
    if (command->directory != NULL && chdir(command->directory) != 0) {
        give_up(attempt, STEP_DIRECTORY, errno);
    }
    child_signals_reset();
    write_own_pid(attempt);
    if (strchr(command->argv[0], '/') == NULL) {
        search_and_execute(attempt);
    }
    execute(attempt, command->argv[0]);
    give_up(attempt, STEP_EXECUTE, errno);
}

/* --- in the parent -----------------------------------------------------------------------------
 */

static const char *find_search_path(char *const *environment)
{
    for (; *environment != NULL; environment++) {
        if (strncmp(*environment, "PATH=", 5) == 0) {
            return *environment + 5;
        }
    }
    return _PATH_DEFPATH;
}

/* Long paths are cut, so that the reason behind them is not. */
static void describe_execute_failure(const struct worker_start *attempt, struct error *error)
{
    switch (attempt->reason) {
    case ENOENT:
    case ENOTDIR:
        error_set(error, "cannot execute %.300s: not found", attempt->path);
        break;
    case ENOEXEC:
        error_set(error,
                  "cannot execute %.300s: wrong format (not a program for this machine, and not a "
                  "script)",
                  attempt->path);
        break;
    case EACCES:
        error_set(
            error,
            "cannot execute %.300s: permission denied (expected a file with execute permission, "
            "on a file system that is not mounted noexec)",
            attempt->path);
        break;
    default:
        error_set(error, "cannot execute %.300s: %s", attempt->path, strerror(attempt->reason));
        break;
    }
}

static void describe_failure(const struct worker_start *attempt, struct error *error)
{
    const char *reason = open_files_reason(attempt->reason);
    switch (attempt->step) {
    case STEP_FORK:
        error_set(error, "cannot start a process: %s", process_limit_reason(attempt->reason));
        break;
    case STEP_RUN:
        error_set(error, "cannot start a process: it was killed before it ran");
        break;
    case STEP_DIRECTORY:
        error_set(error, "cannot change to directory %.300s: %s", attempt->command.directory,
                  reason);
        break;
    case STEP_DESCRIPTORS:
        error_set(error, "cannot put a socket at descriptor %d: %s", attempt->failed_fd, reason);
        break;
    case STEP_OPEN_FILES:
        error_set(error, "cannot set the worker's limit of open files: %s", reason);
        break;
    case STEP_ADOPTION:
        error_set(error, "cannot adopt a server that binds for itself%s: %s",
                  attempt->adoption.is_mute ? "" : " (--adopt=on)",
                  adoption_failure_text(attempt->reason));
        break;
    case STEP_SURROUNDINGS:
        surroundings_describe(attempt->command.surroundings, attempt->command.identity,
                              &attempt->failure, error);
        break;
    case STEP_LOOKUP:
        if (attempt->reason == EACCES) {
            error_set(error, "cannot execute %.300s: the file found in PATH is not executable",
                      attempt->path);
        } else {
            error_set(error, "cannot execute %.300s: not found in PATH (%.400s)", attempt->path,
                      attempt->search_path);
        }
        break;
    case STEP_INTERPRETER:
        error_set(error,
                  "cannot execute %.300s: its interpreter (the first line's, or the loader) is "
                  "not there",
                  attempt->path);
        break;
    case STEP_EXECUTE:
    case STEP_NONE:
        describe_execute_failure(attempt, error);
        break;
    }
}

/* EMFILE is not: what takes the descriptors is the service itself, and another attempt takes more.
 */
static bool is_transient(int reason)
{
    return reason == EAGAIN || reason == ENOMEM || reason == ENFILE || reason == EIO ||
           reason == EINTR || reason == ETXTBSY || reason == ETIMEDOUT;
}

static void fill_failure(const struct worker_start *attempt, struct worker_failure *failure)
{
    bool not_found = (attempt->step == STEP_LOOKUP || attempt->step == STEP_EXECUTE) &&
                     (attempt->reason == ENOENT || attempt->reason == ENOTDIR);
    failure->permanent = !is_transient(attempt->reason);
    failure->exit_status = not_found ? 127 : 126;
    describe_failure(attempt, &failure->error);
}

/* Tells the compiler that what `attempt` points to has been read and written behind its back. */
static void share_with_child(struct worker_start *attempt)
{
    __asm__ volatile("" : : "r"(attempt) : "memory");
}

/* Kept apart, so that no local of the caller lives across vfork. The compiler sees the child's
   stores on a path that never returns, and would take the parent's copy for unchanged. */
static __attribute__((noinline)) pid_t fork_worker(struct worker_start *attempt)
{
    share_with_child(attempt);
    pid_t pid = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork) */
    if (pid == 0) {
        become_worker(attempt); /* NOLINT(clang-analyzer-unix.Vfork) */
    }
    share_with_child(attempt);
    return pid;
}

static size_t count_words(char *const *words)
{
    size_t count = 0;
    while (words[count] != NULL) {
        count++;
    }
    return count;
}

/* A vector of its own, in which the child can have another LISTEN_PID than the next one. */
static void prepare_environment(struct worker_start *attempt)
{
    char *const *entries = attempt->command.environment;
    memcpy(attempt->listen_pid, LISTEN_PID, sizeof LISTEN_PID);
    for (size_t i = 0; entries[i] != NULL; i++) {
        bool is_open = strcmp(entries[i], LISTEN_PID) == 0;
        attempt->environment[i] = is_open ? attempt->listen_pid : entries[i];
    }
}

/* One piece of memory for everything, so that it can be left to a child that hangs. */
static struct worker_start *prepare(const struct worker_command *command)
{
    size_t variables = count_words(command->environment);
    size_t arguments = count_words(command->argv);
    size_t size = sizeof(struct worker_start) + (variables + 1 + arguments + 2) * sizeof(char *) +
                  (command->listeners->count + WORKER_EXTRA_MAX) * sizeof(struct worker_descriptor);
    struct worker_start *attempt = aside_memory(size);
    if (attempt == NULL) {
        return NULL;
    }
    attempt->size = size;
    attempt->command = *command;
    attempt->environment = (char **)(attempt + 1);
    attempt->script_argv = attempt->environment + variables + 1;
    attempt->places = (struct worker_descriptor *)(void *)(attempt->script_argv + arguments + 2);
    prepare_environment(attempt);
    for (size_t i = 0; i < command->listeners->count; i++) {
        const struct listener *listener = &command->listeners->items[i];
        attempt->places[attempt->place_count++] =
            (struct worker_descriptor){.fd = listener->fd, .worker_fd = listener->worker_fd};
    }
    for (size_t i = 0; i < command->extra_count; i++) {
        attempt->places[attempt->place_count++] = command->extra[i];
    }
    static char shell_name[] = "sh";
    attempt->script_argv[0] = shell_name;
    for (size_t i = 1; i < arguments; i++) {
        attempt->script_argv[i + 1] = command->argv[i];
    }
    attempt->search_path = find_search_path(command->environment);
    return attempt;
}

/* --- making the child --------------------------------------------------------------------------
 */

/* A thread that makes children. It never ends: to the kernel it is their parent, and a worker that
   asks for a signal at its parent's death (prctl(2), PR_SET_PDEATHSIG) would get it. */
struct starter {
    struct starter *next;
    sem_t work;
    struct worker_start *attempt;
    atomic_bool is_idle;
};

/* One is enough, unless a child hangs. A process that was forked has none of its parent's. */
static struct starter *starters;
static pid_t starters_owner;

/* vfork(2) returns when the command is executed or the child is gone; only then is the end closed
   that the thread shares with the supervisor. */
static void make_children(struct starter *starter)
{
    struct worker_start *attempt = starter->attempt;
    int fd = attempt->childs_fd;
    pid_t pid = fork_worker(attempt);
    if (pid < 0) {
        attempt->step = STEP_FORK;
        attempt->reason = errno;
    }
    attempt->pid = pid;
    atomic_store(&starter->is_idle, true);
    close(fd);
}

static void *run_starter(void *memory)
{
    struct starter *starter = memory;
    for (;;) {
        if (sem_wait(&starter->work) == 0) {
            make_children(starter);
        }
    }
    return NULL;
}

/* Returns 0 or an errno. */
static int start_thread(struct starter *starter)
{
    pthread_t thread;
    pthread_attr_t attributes;
    int reason = pthread_attr_init(&attributes);
    if (reason != 0) {
        return reason;
    }
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    reason = pthread_create(&thread, &attributes, run_starter, starter);
    pthread_attr_destroy(&attributes);
    return reason;
}

/* Returns NULL with errno. */
static struct starter *find_starter(void)
{
    if (starters_owner != getpid()) {
        starters_owner = getpid();
        starters = NULL;
    }
    struct starter *starter = starters;
    while (starter != NULL && !atomic_load(&starter->is_idle)) {
        starter = starter->next;
    }
    if (starter != NULL) {
        return starter;
    }
    starter = calloc(1, sizeof *starter);
    if (starter == NULL) {
        return NULL;
    }
    sem_init(&starter->work, 0, 0);
    int reason = start_thread(starter);
    if (reason != 0) {
        free(starter);
        errno = reason;
        return NULL;
    }
    starter->next = starters;
    return starters = starter;
}

/* Returns 0 or an errno. */
static int fork_in_thread(struct worker_start *attempt)
{
    struct starter *starter = find_starter();
    if (starter == NULL) {
        return errno;
    }
    atomic_store(&starter->is_idle, false);
    starter->attempt = attempt;
    sem_post(&starter->work);
    return 0;
}

/* Returns 0 or an errno. */
static int fork_apart(struct worker_start *attempt)
{
    pid_t pid = fork();
    if (pid == 0) {
        become_worker(attempt);
    }
    int reason = errno;
    if (pid > 0) {
        attempt->pid = pid;
        close(attempt->childs_fd);
    }
    return pid > 0 ? 0 : reason;
}

/* The child's end lies where arrange_descriptors puts nothing. */
static int open_outcome(struct worker_start *attempt)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return errno;
    }
    attempt->outcome_fd = descriptor_raise(ends[0], highest_place(attempt) + 1);
    attempt->childs_fd = fcntl(ends[1], F_DUPFD_CLOEXEC, highest_place(attempt) + 1);
    if (attempt->childs_fd < 0 && errno == EINVAL) {
        attempt->childs_fd = ends[1]; /* the places are beyond the limit: the child finds out */
        return 0;
    }
    int reason = attempt->childs_fd < 0 ? errno : 0;
    close(ends[1]);
    if (reason != 0) {
        close(attempt->outcome_fd);
    }
    return reason;
}

/* With every signal blocked, no handler of the supervisor's can run in the thread, or in the child
   in the memory that they share. Returns 0 or an errno. */
static int make_child(struct worker_start *attempt)
{
    sigset_t all;
    sigset_t before;
    int reason = open_outcome(attempt);
    if (reason != 0) {
        return reason;
    }
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    reason = attempt->is_apart ? fork_apart(attempt) : fork_in_thread(attempt);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (reason != 0) {
        close(attempt->childs_fd);
        close(attempt->outcome_fd);
    }
    return reason;
}

static bool must_be_apart(const struct worker_command *command)
{
    const struct identity *identity = command->identity;
    return command->is_apart ||
           (identity != NULL &&
            (identity->has_user || identity->has_group || identity->has_groups)) ||
           (command->surroundings != NULL && command->surroundings->parent_death_signal != 0);
}

static int refuse(struct worker_failure *failure, const char *what, int reason)
{
    failure->permanent = reason == EMFILE;
    return error_set(&failure->error, "%s: %s", what, process_limit_reason(reason));
}

static int begin(struct worker_start *attempt, struct worker_failure *failure)
{
    struct adoption_installation *adoption = &attempt->adoption;
    if (attempt->command.adoption != NULL) {
        *adoption = *attempt->command.adoption;
        if (adoption_installation_open(adoption, highest_place(attempt) + 1) != 0) {
            return refuse(failure, "cannot make a socket for adoption", adoption->reason);
        }
    }
    int reason = make_child(attempt);
    if (reason == 0) {
        return 0;
    }
    if (attempt->command.adoption != NULL) {
        adoption_installation_close(adoption);
    }
    return refuse(failure, "cannot start a process", reason);
}

struct worker_start *worker_begin(const struct worker_command *command,
                                  struct worker_failure *failure)
{
    *failure = (struct worker_failure){.exit_status = 126};
    struct worker_start *attempt = prepare(command);
    if (attempt == NULL) {
        error_set(&failure->error, "out of memory");
        return NULL;
    }
    attempt->supervisor = getpid();
    attempt->is_apart = must_be_apart(command);
    if (begin(attempt, failure) != 0) {
        aside_free(attempt, attempt->size);
        return NULL;
    }
    return attempt;
}

/* --- its outcome -------------------------------------------------------------------------------
 */

int worker_start_fd(const struct worker_start *attempt)
{
    return attempt->outcome_fd;
}

pid_t worker_start_pid(const struct worker_start *attempt)
{
    return atomic_load(&attempt->child);
}

bool worker_await(const struct worker_start *attempt, int milliseconds)
{
    struct pollfd closed = {.fd = attempt->outcome_fd, .events = POLLIN};
    int result;
    while ((result = poll(&closed, 1, milliseconds)) < 0 && errno == EINTR) {
    }
    return result != 0;
}

/* A filter that was installed for a worker that could not be executed reports nothing more. */
static pid_t take_filter(struct worker_start *attempt, pid_t pid, struct worker_failure *failure)
{
    struct adoption_installation *adoption = &attempt->adoption;
    if (attempt->command.adoption == NULL) {
        return pid;
    }
    adoption_installation_close(adoption);
    if (pid > 0 && adoption->is_mute) {
        worker_kill(pid);
        pid = error_set(&failure->error, "cannot take over the worker's filter: %s",
                        open_files_reason(adoption->reason));
    }
    if (pid < 0) {
        descriptor_close(&adoption->notify_fd);
        adoption->notify_fd = -1;
    }
    *attempt->command.adoption = *adoption;
    return pid;
}

pid_t worker_finish(struct worker_start *attempt, struct worker_failure *failure)
{
    share_with_child(attempt);
    pid_t pid = attempt->pid;
    *failure = (struct worker_failure){.exit_status = 126};
    close(attempt->outcome_fd);
    if (pid > 0 && worker_start_pid(attempt) == 0) { /* it was not known, and may be reaped */
        attempt->step = STEP_RUN;
        attempt->reason = EINTR;
    }
    if (attempt->step != STEP_NONE) {
        while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
        }
        fill_failure(attempt, failure);
        pid = -1;
    }
    pid = take_filter(attempt, pid, failure);
    aside_free(attempt, attempt->size);
    return pid;
}

/* A thread waits for as long as the child is there, and both have this memory: it stays. */
void worker_abandon(struct worker_start *attempt)
{
    struct worker_failure ignored;
    atomic_store(&attempt->is_abandoned, true); /* one that does not run yet reads it */
    pid_t pid = worker_start_pid(attempt);
    if (pid > 0) {
        kill(pid, SIGKILL);
    }
    close(attempt->outcome_fd);
    (void)take_filter(attempt, -1, &ignored);
    if (attempt->is_apart) {
        aside_free(attempt, attempt->size);
    }
}

pid_t worker_let_go(struct worker_start *attempt)
{
    pid_t pid = attempt->pid;
    close(attempt->outcome_fd);
    aside_free(attempt, attempt->size);
    return pid;
}

void worker_kill(pid_t pid)
{
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
}

const char *worker_describe_exit(int status, char *buffer, size_t size)
{
    if (WIFSIGNALED(status)) {
        int signal = WTERMSIG(status);
        snprintf(buffer, size, "was killed by %s (%d)%s", signal_name(signal), signal,
                 WCOREDUMP(status) ? ", core dumped" : "");
    } else {
        snprintf(buffer, size, "exited with status %d", WEXITSTATUS(status));
    }
    return buffer;
}
