#include "companion.h"

#include "descriptor.h"
#include "open_files.h"
#include "proc_file.h"
#include "process_limit.h"
#include "process_tree.h"
#include "surroundings.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

/* Linux 6.6: a call wakes the companion where it was made, which saves most of the way. */
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, uint64_t)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

/* How much of one thing is done before another gets its turn. */
#define TURN 64
/* How long to close what came with a message may take. */
#define CLOSING_US 2000
/* How long the supervisor waits until the listeners are closed: one slice for a companion that its
   worker blocks, longer for one that only waits for a processor. */
#define SLICE_MS 10
#define PATIENCE_MS 100

enum source { WORKER, NOTIFY, FILTER, FACTS, SOURCES };

/* --- what it does ------------------------------------------------------------------------------
 */

struct state {
    pid_t worker;
    struct adoption *adoption;      /* NULL: none */
    struct pollfd sources[SOURCES]; /* closed: -1 */
    bool has_told_of_strangers;
};

static int descriptor_of(const struct state *state, enum source source)
{
    return state->sources[source].fd;
}

static void close_source(struct state *state, enum source source)
{
    descriptor_close(&state->sources[source].fd);
    state->sources[source].fd = -1;
}

/* Without a supervisor it only answers. */
static void tell(struct state *state, const struct fact *fact)
{
    if (descriptor_of(state, FACTS) >= 0 && fact_send(descriptor_of(state, FACTS), fact) != 0) {
        close_source(state, FACTS);
        close_source(state, NOTIFY);
    }
}

static void tell_message(struct state *state, const struct notify_message *message)
{
    struct fact fact = {.process = message->sender, .ms = message->extend_ms};
    const struct {
        bool is_said;
        enum fact_kind kind;
    } parts[] = {
        {message->has_status || message->stopping, FACT_STATUS},
        {message->extend_ms > 0, FACT_EXTEND},
        {message->ready, FACT_READY},
        {message->watchdog, FACT_ALIVE},
        {message->watchdog_trigger, FACT_HUNG},
    };
    memcpy(fact.text, message->has_status ? message->status : "stopping", sizeof "stopping");
    if (message->has_status) {
        memcpy(fact.text, message->status, sizeof fact.text);
    }
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (parts[i].is_said) {
            fact.kind = parts[i].kind;
            tell(state, &fact);
        }
    }
}

static void on_alarm(int signal)
{
    (void)signal;
}

/* Anybody may send to an abstract address, and what comes along is closed here: a socket with
   unsent data keeps whoever closes it for as long as its SO_LINGER says. A signal cuts that short.
   Not to let descriptors come (SO_PASSRIGHTS) would fail sd_notify_barrier(3). */
static int receive_guarded(int fd, struct notify_message *message)
{
    const struct itimerval guard = {.it_interval.tv_usec = CLOSING_US,
                                    .it_value.tv_usec = CLOSING_US};
    const struct itimerval none = {.it_value.tv_usec = 0};
    setitimer(ITIMER_REAL, &guard, NULL);
    int result = notify_receive(&(struct notify_socket){.fd = fd}, message);
    setitimer(ITIMER_REAL, &none, NULL);
    return result;
}

static void on_notify(struct state *state)
{
    struct notify_message message;
    for (int i = 0; i < TURN && descriptor_of(state, NOTIFY) >= 0 &&
                    receive_guarded(descriptor_of(state, NOTIFY), &message) > 0;
         i++) {
        if (process_is_within(message.sender, state->worker)) {
            tell_message(state, &message);
        } else if (message.sender > 0 && !state->has_told_of_strangers) {
            state->has_told_of_strangers = true;
            tell(state, &(struct fact){.kind = FACT_STRANGER, .process = message.sender});
        }
    }
}

static void tell_event(struct state *state, const struct adoption_event *event)
{
    static const enum fact_kind kinds[] = {
        [ADOPTION_TOOK] = FACT_TOOK,     [ADOPTION_LISTENS] = FACT_LISTENS,
        [ADOPTION_MISSED] = FACT_MISSED, [ADOPTION_MOVED] = FACT_MOVED,
        [ADOPTION_BLIND] = FACT_BLIND,
    };
    struct fact fact = {.kind = kinds[event->kind],
                        .process = event->process,
                        .listener = (uint32_t)event->listener,
                        .asked = event->asked};
    tell(state, &fact);
    if (event->listens) {
        fact.kind = FACT_LISTENS;
        tell(state, &fact);
    }
}

static void on_calls(struct state *state)
{
    for (int i = 0; i < TURN; i++) {
        struct adoption_event event;
        switch (adoption_serve(state->adoption, descriptor_of(state, FILTER), &event)) {
        case ADOPTION_SERVED:
            if (event.kind != ADOPTION_NOTHING) {
                tell_event(state, &event);
            }
            break;
        case ADOPTION_IDLE:
            return;
        case ADOPTION_OVER:
            close_source(state, FILTER);
            return;
        }
    }
}

/* What it left behind may neither take a listener any more nor be heard. The supervisor learns by
   the end of the facts that the listeners are closed. */
static void on_worker_ended(struct state *state)
{
    if (state->adoption != NULL) {
        adoption_close_listeners(state->adoption);
    }
    close_source(state, WORKER);
    close_source(state, NOTIFY);
    close_source(state, FACTS);
}

/* Without the supervisor, nobody wants to know what the worker says. */
static void on_supervisor_ended(struct state *state)
{
    close_source(state, NOTIFY);
    close_source(state, FACTS);
}

/* A call keeps its process waiting, so it goes first. */
static _Noreturn void run(struct state *state)
{
    while (descriptor_of(state, FILTER) >= 0 || descriptor_of(state, NOTIFY) >= 0) {
        if (poll(state->sources, SOURCES, -1) < 0) {
            continue; /* a signal */
        }
        if (state->sources[FILTER].revents != 0) {
            on_calls(state);
        }
        if (state->sources[NOTIFY].revents != 0) {
            on_notify(state);
        }
        if (state->sources[WORKER].revents != 0) {
            on_worker_ended(state);
        }
        if (state->sources[FACTS].revents != 0) {
            on_supervisor_ended(state);
        }
    }
    _exit(0);
}

/* --- what it makes of itself -------------------------------------------------------------------
 */

/* A terminal, a service manager or an operator that ends everything means the workers; the
   companion ends with them. */
static void set_signals(void)
{
    static const int ignored[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2};
    const struct sigaction default_action = {.sa_handler = SIG_DFL};
    const struct sigaction alarm = {.sa_handler = on_alarm};
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    for (int signal = 1; signal <= SIGRTMAX; signal++) {
        sigaction(signal, &default_action, NULL);
    }
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++) {
        sigaction(ignored[i], &ignore, NULL);
    }
    sigaction(SIGALRM, &alarm, NULL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
}

static int compare_numbers(const void *one, const void *other)
{
    int a = *(const int *)one;
    int b = *(const int *)other;
    return (a > b) - (a < b);
}

/* Without close_range(2), before Linux 5.9, there is no filter, and the limit is the bound. */
static void close_from_to(unsigned from, unsigned to)
{
    struct rlimit limit;
    if (syscall(SYS_close_range, from, to, 0) == 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return;
    }
    for (unsigned fd = from; fd <= to && fd < limit.rlim_cur; fd++) {
        close((int)fd);
    }
}

/* Closes everything but these, which are in ascending order. */
static void close_all_but(const int *kept, size_t count)
{
    unsigned from = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned fd = (unsigned)kept[i];
        if (fd > from) {
            close_from_to(from, fd - 1);
        }
        from = fd + 1;
    }
    close_from_to(from, ~0U);
}

/* The standard streams are the supervisor's: whoever reads them waits for their end. */
static void keep_descriptors(const struct state *state, const struct companion_setup *setup)
{
    size_t listeners = state->adoption != NULL ? setup->listeners->count : 0;
    size_t size = (listeners + SOURCES) * sizeof(int);
    int *kept = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (kept == MAP_FAILED) {
        _exit(1);
    }
    size_t count = 0;
    for (size_t i = 0; i < listeners; i++) {
        kept[count++] = adoption_descriptor(state->adoption, i);
    }
    for (size_t i = 0; i < SOURCES; i++) {
        if (state->sources[i].fd >= 0) {
            kept[count++] = state->sources[i].fd;
        }
    }
    qsort(kept, count, sizeof *kept, compare_numbers);
    close_all_but(kept, count);
    munmap(kept, size);
    for (int fd = 0; fd <= STDERR_FILENO; fd++) {
        (void)open("/dev/null", O_RDWR); /* NOLINT(android-cloexec-open) */
    }
}

/* No more rights than the worker; nor may the worker's user look into the supervisor's memory, of
   which this is a copy. */
static void drop_rights(const struct identity *identity)
{
    struct surroundings_failure failure;
    prctl(PR_SET_DUMPABLE, 0);
    if (surroundings_become(identity, &failure) != 0) {
        _exit(1);
    }
    prctl(PR_SET_DUMPABLE, 0); /* becoming somebody else may have undone it */
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* The fields of /proc/PID/stat that tell where the arguments are (proc_pid_stat(5)), from the one
   that follows the name, which is the third. */
enum { FIELD_STATE = 3, FIELD_ARG_START = 48 };

/* Writes over the arguments, which are the supervisor's: whoever looks for tasuki in a list of
   processes must find that one alone. */
static void set_title(pid_t worker)
{
    char text[1024];
    prctl(PR_SET_NAME, "companion");
    if (!process_proc_is_ours() || proc_file_read(getpid(), "stat", text, sizeof text) < 0) {
        return;
    }
    char *at = strrchr(text, ')');
    for (int field = FIELD_STATE - 1; at != NULL && field < FIELD_ARG_START; field++) {
        at = strchr(at + 1, ' ');
    }
    if (at == NULL) {
        return;
    }
    uintptr_t start = (uintptr_t)strtoull(at, &at, 10);
    uintptr_t end = (uintptr_t)strtoull(at, NULL, 10);
    if (start == 0 || end <= start) {
        return;
    }
    char *arguments = (char *)start; /* NOLINT(performance-no-int-to-ptr) */
    memset(arguments, 0, end - start);
    snprintf(arguments, end - start, "companion of worker %d", (int)worker);
}

static _Noreturn void become_companion(const struct companion_setup *setup, int facts, int pidfd)
{
    struct state state = {.worker = setup->worker,
                          .sources = {[WORKER] = {.fd = pidfd, .events = POLLIN},
                                      [NOTIFY] = {.fd = setup->notify_fd, .events = POLLIN},
                                      [FILTER] = {.fd = setup->filter_fd, .events = POLLIN},
                                      [FACTS] = {.fd = facts}}};
    set_signals();
    if (setup->filter_fd >= 0) {
        state.adoption = adoption_new(setup->listeners, setup->asked);
        if (state.adoption == NULL) {
            _exit(1);
        }
        ioctl(setup->filter_fd, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
    }
    keep_descriptors(&state, setup);
    drop_rights(setup->identity);
    set_title(setup->worker);
    (void)!chdir("/");
    run(&state);
}

/* --- in the supervisor -------------------------------------------------------------------------
 */

int companion_prepare(struct companion *companion, struct error *error)
{
    if (pipe2(companion->facts, O_CLOEXEC) != 0) {
        return error_set(error, "cannot make a pipe for the worker's companion: %s",
                         open_files_reason(errno));
    }
    fcntl(companion->facts[0], F_SETFL, O_NONBLOCK);
    return 0;
}

/* With every signal blocked none of the supervisor's handlers runs in the child. */
static pid_t fork_companion(const struct companion_setup *setup, int facts, int pidfd)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    if (pid == 0) {
        become_companion(setup, facts, pidfd);
    }
    int reason = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    errno = reason;
    return pid;
}

/* Where there is no pidfd (before Linux 5.3), there is no filter either, and the end of the facts
   tells enough. */
int companion_start(struct companion *companion, const struct companion_setup *setup,
                    struct error *error)
{
    AUTO_CLOSE int pidfd = setup->worker > 0 ? (int)syscall(SYS_pidfd_open, setup->worker, 0) : -1;
    if (setup->worker > 0 && pidfd < 0 && errno != ENOSYS) {
        return error_set(error, "cannot watch the worker: %s", open_files_reason(errno));
    }
    pid_t pid = fork_companion(setup, companion->facts[1], pidfd);
    if (pid < 0) {
        return error_set(error, "cannot start the worker's companion: %s",
                         process_limit_reason(errno));
    }
    companion->pid = pid;
    close(companion->facts[1]);
    companion->facts[1] = -1;
    return 0;
}

/* Reads what it still has to say, since it waits where the pipe is full. Returns true at the end,
   which comes when the pipe has no writer any more. */
static bool hear_out(int fd, char status[NOTIFY_STATUS_SIZE])
{
    struct fact fact;
    for (int i = 0; i < TURN; i++) {
        int result = fact_receive(fd, SIZE_MAX, &fact);
        if (result == 0) {
            return false;
        }
        if (result < 0 && read(fd, &fact, sizeof fact) == 0) {
            return true;
        }
        if (result > 0 && fact.kind == FACT_STATUS) {
            memcpy(status, fact.text, NOTIFY_STATUS_SIZE);
        }
    }
    return false;
}

static bool has_closed_listeners(const struct companion *companion, char status[NOTIFY_STATUS_SIZE])
{
    struct pollfd facts = {.fd = companion->facts[0], .events = POLLIN};
    for (int waited = 0; waited < PATIENCE_MS; waited += SLICE_MS) {
        int result = poll(&facts, 1, SLICE_MS);
        if (result > 0 && hear_out(facts.fd, status)) {
            return true;
        }
        if (result == 0 && process_state(companion->pid) != 'R') {
            return false;
        }
    }
    return false;
}

void companion_part(struct companion *companion, char status[NOTIFY_STATUS_SIZE])
{
    if (companion->pid > 0 && !has_closed_listeners(companion, status)) {
        kill(companion->pid, SIGKILL);
    }
    companion->pid = 0;
    for (int i = 0; i < 2; i++) {
        descriptor_close(&companion->facts[i]);
        companion->facts[i] = -1;
    }
}
