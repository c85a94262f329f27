#include "family.h"

#include "descriptor.h"
#include "last_words.h"
#include "log.h"
#include "open_files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The pause before the first run of the readiness probe; it doubles up to --ready-interval. */
#define FIRST_PROBE_SECONDS 0.05
/* How long one that was killed may take to end. */
#define PROBE_END_SECONDS 1.0
/* How much of what one companion says is taken in before others get their turn, and how soon there
   is more. */
#define FACTS_A_TURN 32
#define FACTS_PAUSE_SECONDS 0.005

static void send_event(struct family *family, struct lifecycle_event event)
{
    event.generation = family->generation;
    family->listener->on_event(family->listener->context, &event);
}

/* --- NOTIFY_SOCKET ------------------------------------------------------------------------------
 */

/* Whether the supervisor listens to the worker at all: start_server's way leaves the variable to
   whoever started the supervisor. */
static bool wants_notify(const struct options *options)
{
    return options->ready == READY_NOTIFY || options->ready == READY_SOURCE_AUTO ||
           options->watchdog_ms > 0;
}

static void take_status(struct family *family, const char *status)
{
    if (strcmp(family->status, status) == 0) {
        return;
    }
    snprintf(family->status, sizeof family->status, "%s", status);
    family->listener->on_status(family->listener->context, family->generation, family->status);
}

static void part(struct family *family)
{
    char status[NOTIFY_STATUS_SIZE];
    memcpy(status, family->status, sizeof status);
    companion_part(&family->companion, status);
    take_status(family, status);
}

static void tell_of_stranger(struct family *family, pid_t pid)
{
    if (!family->has_told_of_strangers) {
        family->has_told_of_strangers = true;
        log_about(LOG_LEVEL_WARNING, &(struct log_facts){.generation = family->generation},
                  "generation %" PRIu64 ": a message to NOTIFY_SOCKET from pid %d, which is not "
                  "of this generation, is ignored",
                  family->generation, (int)pid);
    }
}

/* READY=1 counts where the worker is asked for it. The events may end the worker's time here, but
   never free the family: that follows a reaped process. */
static void take_fact(struct family *family, const struct fact *fact)
{
    const struct options *options = family->options;
    switch ((enum fact_kind)fact->kind) {
    case FACT_READY:
        if (options->ready == READY_NOTIFY || options->ready == READY_SOURCE_AUTO) {
            send_event(family, (struct lifecycle_event){.kind = EVENT_READY});
        }
        break;
    case FACT_ALIVE:
        send_event(family, (struct lifecycle_event){.kind = EVENT_ALIVE});
        break;
    case FACT_HUNG:
        send_event(family, (struct lifecycle_event){.kind = EVENT_HUNG});
        break;
    case FACT_EXTEND:
        send_event(family, (struct lifecycle_event){.kind = EVENT_EXTEND, .ms = fact->ms});
        break;
    case FACT_STATUS:
        take_status(family, fact->text);
        break;
    case FACT_STRANGER:
        tell_of_stranger(family, (pid_t)fact->process);
        break;
    default:
        family->listener->on_fact(family->listener->context, family, fact);
        break;
    }
}

static void stop_listening(struct family *family)
{
    ev_io_stop(family->loop, &family->facts_io);
    ev_timer_stop(family->loop, &family->facts_pause);
}

/* A worker that never stops talking gets its turn again, after the others and after a pause. */
static void on_facts(struct ev_loop *loop, ev_io *watcher, int revents)
{
    (void)revents;
    struct family *family = watcher->data;
    struct fact fact;
    for (int i = 0; i < FACTS_A_TURN; i++) {
        /* Each time anew: a fact may end the worker's time. */
        int result = family->release != NULL
                         ? fact_receive(watcher->fd, family->release->listeners.count, &fact)
                         : 0;
        if (result < 0) {
            stop_listening(family); /* what became of the companion is told when it is reaped */
        }
        if (result <= 0) {
            return;
        }
        take_fact(family, &fact);
    }
    if (ev_is_active(watcher)) {
        ev_io_stop(loop, watcher);
        ev_timer_set(&family->facts_pause, FACTS_PAUSE_SECONDS, 0.0);
        ev_timer_start(loop, &family->facts_pause);
    }
}

static void on_facts_pause(struct ev_loop *loop, ev_timer *watcher, int revents)
{
    (void)revents;
    struct family *family = watcher->data;
    ev_io_start(loop, &family->facts_io);
}

static int write_notify_variables(const struct family *family, struct environment *environment,
                                  struct error *error)
{
    if (family->notify.fd < 0) {
        return 0;
    }
    environment_unset(environment, "WATCHDOG_PID");
    environment_unset(environment, "WATCHDOG_USEC");
    uint64_t microseconds = (uint64_t)family->options->watchdog_ms * 1000;
    if (microseconds > 0 &&
        environment_set_number(environment, "WATCHDOG_USEC", microseconds, error) != 0) {
        return -1;
    }
    return environment_set(environment, "NOTIFY_SOCKET", family->notify.address, error);
}

/* --- --ready=fd:N -------------------------------------------------------------------------------
 */

/* s6's way: a newline says ready; the end of file without one says nothing. What comes behind it is
   read and dropped, for as long as the worker writes: it is not to die of a closed pipe. */
static void on_ready_fd(struct ev_loop *loop, ev_io *watcher, int revents)
{
    (void)revents;
    struct family *family = watcher->data;
    char bytes[256];
    ssize_t size = read(family->ready_fd[0], bytes, sizeof bytes);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (size <= 0) {
        ev_io_stop(loop, watcher);
        close(family->ready_fd[0]);
        family->ready_fd[0] = -1;
    } else if (memchr(bytes, '\n', (size_t)size) != NULL && !family->has_written) {
        family->has_written = true;
        send_event(family, (struct lifecycle_event){.kind = EVENT_READY});
    }
}

/* --- --ready=exec:COMMAND ------------------------------------------------------------------------
 */

/* The first pauses are short: many a server is ready long before the interval is over. */
static void pause_probing(struct family *family)
{
    double longest = (double)family->options->ready_interval_ms / 1000.0;
    double pause = family->probe_delay < longest ? family->probe_delay : longest;
    family->probe_delay *= 2;
    ev_timer_set(&family->probe_pause, pause, 0.0);
    ev_timer_start(family->loop, &family->probe_pause);
}

static int start_probe(struct family *family, struct error *error)
{
    __attribute__((cleanup(environment_free))) struct environment environment;
    const struct options *options = family->options;
    struct error envdir_problem; /* has been reported at the start */
    if (plan_make_environment(&environment, options, &envdir_problem, error) != 0 ||
        environment_set_number(&environment, "TASUKI_GENERATION", family->generation, error) != 0 ||
        environment_set_number(&environment, "TASUKI_PID", (uint64_t)family->pid, error) != 0) {
        return -1;
    }
    const struct helper_command command = {.text = options->ready_command,
                                           .directory = options->directory,
                                           .environment = environment.entries,
                                           .surroundings = &options->surroundings,
                                           .identity = &options->identity};
    return helper_start(&family->probe, &command, error);
}

static void on_probe_pause(struct ev_loop *loop, ev_timer *watcher, int revents)
{
    (void)revents;
    struct family *family = watcher->data;
    struct error error;
    if (start_probe(family, &error) != 0) {
        log_about(LOG_LEVEL_ERROR, &(struct log_facts){.generation = family->generation},
                  "generation %" PRIu64 ": %s", family->generation, error.text);
        pause_probing(family);
        return;
    }
    family->is_probe_killed = false;
    if (family->options->check_timeout_ms > 0) {
        ev_timer_set(&family->probe_timeout, (double)family->options->check_timeout_ms / 1000.0,
                     0.0);
        ev_timer_start(loop, &family->probe_timeout);
    }
}

static void on_probe_timeout(struct ev_loop *loop, ev_timer *watcher, int revents)
{
    (void)loop;
    (void)revents;
    struct family *family = watcher->data;
    if (family->is_probe_killed) { /* which does not end it in every state: it is left behind */
        helper_finish(&family->probe);
        pause_probing(family);
        return;
    }
    log_about(LOG_LEVEL_WARNING, &(struct log_facts){.generation = family->generation},
              "generation %" PRIu64 ": killing the readiness probe: it timed out",
              family->generation);
    family->is_probe_killed = true;
    helper_kill(&family->probe);
    ev_timer_set(watcher, PROBE_END_SECONDS, 0.0);
    ev_timer_start(family->loop, watcher);
}

/* It ends by itself only when its family has, which is known or will be in a moment. It is not
   started anew: the filter's end has gone with it. */
static void on_companion_ended(struct family *family, int status)
{
    char ending[64];
    pid_t pid = family->companion.pid;
    family->companion.pid = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return;
    }
    log_about(LOG_LEVEL_ERROR,
              &(struct log_facts){.generation = family->generation, .pid = family->pid},
              "generation %" PRIu64 ": the companion (pid %d) of worker %d %s: its notifications "
              "and adoption stop; the next deploy replaces the worker",
              family->generation, (int)pid, (int)family->pid,
              worker_describe_exit(status, ending, sizeof ending));
}

void family_on_ended(const struct family *family, pid_t pid)
{
    if (family->probe.pid == pid) {
        helper_kill(&family->probe);
    }
}

bool family_reap(struct family *family, pid_t pid, int status)
{
    if (family->companion.pid == pid) {
        on_companion_ended(family, status);
        return true;
    }
    if (family->probe.pid == 0 || family->probe.pid != pid) {
        return false;
    }
    ev_timer_stop(family->loop, &family->probe_timeout);
    helper_forget(&family->probe);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        send_event(family, (struct lifecycle_event){.kind = EVENT_READY});
    } else {
        pause_probing(family);
    }
    return true;
}

void family_stop_probing(struct family *family)
{
    ev_timer_stop(family->loop, &family->probe_pause);
    ev_timer_stop(family->loop, &family->probe_timeout);
    if (family->probe.pid > 0) {
        helper_kill(&family->probe);
        helper_finish(&family->probe);
    }
}

/* --- its time --------------------------------------------------------------------------------- */

static void set_up_watchers(struct family *family)
{
    ev_io_init(&family->facts_io, on_facts, family->companion.facts[0], EV_READ);
    ev_timer_init(&family->facts_pause, on_facts_pause, 0.0, 0.0);
    ev_io_init(&family->ready_io, on_ready_fd, family->ready_fd[0], EV_READ);
    ev_timer_init(&family->probe_pause, on_probe_pause, 0.0, 0.0);
    ev_timer_init(&family->probe_timeout, on_probe_timeout, 0.0, 0.0);
    family->facts_io.data = family;
    family->facts_pause.data = family;
    family->ready_io.data = family;
    family->probe_pause.data = family;
    family->probe_timeout.data = family;
}

static bool wants_capture(const struct options *options)
{
    /* As PID 1 nothing outlives the supervisor, so a pipe to it can never break under a worker. */
    return options->capture == CAPTURE_ON || (options->capture == CAPTURE_AUTO && getpid() == 1);
}

static int open_captures(struct family *family, struct error *error)
{
    family->output = capture_new(family->loop, family->listener->captures, STDOUT_FILENO, error);
    if (family->output == NULL) {
        return -1;
    }
    family->errors = capture_new(family->loop, family->listener->captures, STDERR_FILENO, error);
    if (family->errors == NULL) {
        return -1;
    }
    /* A pipe's owner may open it anew, as /dev/stderr. Without the right to give it away the worker
       still writes to the descriptors that it has. */
    const struct identity *identity = &family->options->identity;
    if (identity->has_user) {
        (void)!fchown(family->output->worker_fd, identity->uid, (gid_t)-1);
        (void)!fchown(family->errors->worker_fd, identity->uid, (gid_t)-1);
    }
    return 0;
}

static int open_sources(struct family *family, struct error *error)
{
    if (wants_capture(family->options) && open_captures(family, error) != 0) {
        return -1;
    }
    if (companion_prepare(&family->companion, error) != 0 ||
        (wants_notify(family->options) && notify_open(&family->notify, error) != 0)) {
        return -1;
    }
    if (family->options->ready == READY_FD &&
        pipe2(family->ready_fd, O_CLOEXEC | O_NONBLOCK) != 0) {
        return error_set(error, "cannot make a pipe for --ready=fd: %s", open_files_reason(errno));
    }
    /* The worker writes as it likes; only our end must not wait. */
    if (family->ready_fd[1] >= 0) {
        fcntl(family->ready_fd[1], F_SETFL, 0);
    }
    return 0;
}

struct family *family_new(struct ev_loop *loop, struct release *release,
                          const struct family_listener *listener, uint64_t generation,
                          struct plan *plan, struct error *error)
{
    struct family *family = malloc(sizeof *family);
    if (family == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    *family = (struct family){.listener = listener,
                              .configuration = configuration_hold(release->configuration),
                              .release = release_hold(release),
                              .options = release_options(release),
                              .loop = loop,
                              .generation = generation,
                              .ready_after = -1,
                              .probe_delay = FIRST_PROBE_SECONDS,
                              .last_words = last_words_mark(),
                              .notify = {.fd = -1},
                              .companion = {.facts = {-1, -1}},
                              .ready_fd = {-1, -1},
                              .probe = {.output_fd = -1}};
    int result = open_sources(family, error);
    set_up_watchers(family);
    if (result != 0 || write_notify_variables(family, &plan->environment, error) != 0) {
        int reason = errno;
        family_free(family);
        errno = reason;
        return NULL;
    }
    return family;
}

static void add_descriptor(struct worker_command *command, int fd, int worker_fd)
{
    if (fd >= 0) {
        command->extra[command->extra_count++] =
            (struct worker_descriptor){.fd = fd, .worker_fd = worker_fd};
    }
}

void family_equip(const struct family *family, struct worker_command *command)
{
    add_descriptor(command, family->ready_fd[1], family->options->ready_fd);
    if (family->output != NULL) {
        add_descriptor(command, family->output->worker_fd, STDOUT_FILENO);
        add_descriptor(command, family->errors->worker_fd, STDERR_FILENO);
    }
    command->own_group = family->options->kill_group;
    command->surroundings = &family->options->surroundings;
    command->identity = &family->options->identity;
}

/* From then on the companion alone has the worker's ends. */
static int start_companion(struct family *family, int filter_fd,
                           const enum adoption_blocking *asked, struct error *error)
{
    const struct companion_setup setup = {.worker = family->pid,
                                          .notify_fd = family->notify.fd,
                                          .filter_fd = filter_fd,
                                          .listeners = &family->release->listeners,
                                          .asked = asked,
                                          .identity = &family->options->identity};
    if (filter_fd >= 0) {
        family->adopted = calloc(setup.listeners->count, sizeof *family->adopted);
        if (family->adopted == NULL) {
            return error_set(error, "out of memory");
        }
    }
    if (family->notify.fd < 0 && filter_fd < 0) {
        part(family);
        return 0;
    }
    if (companion_start(&family->companion, &setup, error) != 0) {
        return -1;
    }
    notify_close(&family->notify);
    ev_io_start(family->loop, &family->facts_io);
    return 0;
}

int family_begin(struct family *family, pid_t pid, int filter_fd,
                 const enum adoption_blocking *asked, struct error *error)
{
    family->pid = pid;
    family->started = ev_time();
    int result = start_companion(family, filter_fd, asked, error);
    descriptor_close(&filter_fd);
    if (result != 0) {
        worker_kill(pid);
        return -1;
    }
    if (family->ready_fd[0] >= 0) {
        close(family->ready_fd[1]); /* so that the worker's end of file is seen */
        family->ready_fd[1] = -1;
        ev_io_start(family->loop, &family->ready_io);
    }
    if (family->output != NULL) {
        capture_begin(family->output);
        capture_begin(family->errors);
    }
    if (family->options->ready == READY_EXEC) {
        pause_probing(family);
    }
    return 0;
}

bool family_last_words(struct family *family, char *buffer, size_t size)
{
    if (family->errors == NULL) {
        return last_words_read(&family->last_words, buffer, size) >= 0;
    }
    capture_drain(family->errors);
    snprintf(buffer, size, "%s", family->errors->tail);
    return true;
}

void family_drop_release(struct family *family)
{
    stop_listening(family);
    part(family);
    release_drop(family->release);
    family->release = NULL;
}

void family_end(struct family *family)
{
    family_stop_probing(family);
    stop_listening(family);
    ev_io_stop(family->loop, &family->ready_io);
}

/* There was no worker. But its address was there to be sent to, and what came is closed with it. */
static void discard_notify(struct family *family)
{
    const struct companion_setup setup = {
        .notify_fd = family->notify.fd, .filter_fd = -1, .identity = &family->options->identity};
    struct error error;
    if (family->notify.fd >= 0 && companion_start(&family->companion, &setup, &error) != 0) {
        log_error("%s", error.text);
    }
    notify_close(&family->notify);
    part(family);
}

void family_free(struct family *family)
{
    family_end(family);
    if (family->output != NULL) {
        capture_release(family->output);
    }
    if (family->errors != NULL) {
        capture_release(family->errors);
    }
    discard_notify(family);
    free(family->adopted);
    descriptor_close(&family->ready_fd[0]);
    descriptor_close(&family->ready_fd[1]);
    family_drop_release(family);
    configuration_release(family->configuration);
    free(family);
}
