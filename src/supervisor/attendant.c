#include "attendant.h"

#include "descriptor.h"
#include "last_words.h"
#include "log.h"

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

static void send_event(struct attendant *attendant, struct lifecycle_event event)
{
    event.generation = attendant->generation;
    attendant->listener->on_event(attendant->listener->context, &event);
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

static void take_status(struct attendant *attendant, const char *status)
{
    if (strcmp(attendant->status, status) == 0) {
        return;
    }
    snprintf(attendant->status, sizeof attendant->status, "%s", status);
    attendant->listener->on_status(attendant->listener->context, attendant->generation,
                                   attendant->status);
}

/* READY=1 counts where the worker is asked for it. The events may end the worker's time here, but
   never free the attendant: that follows a reaped process. */
static void take_message(struct attendant *attendant, const struct notify_message *message)
{
    const struct options *options = attendant->options;
    if (message->has_status) {
        take_status(attendant, message->status);
    } else if (message->stopping) {
        take_status(attendant, "stopping");
    }
    if (message->extend_ms > 0) {
        send_event(attendant,
                   (struct lifecycle_event){.kind = EVENT_EXTEND, .ms = message->extend_ms});
    }
    if (message->ready && (options->ready == READY_NOTIFY || options->ready == READY_SOURCE_AUTO)) {
        send_event(attendant, (struct lifecycle_event){.kind = EVENT_READY});
    }
    if (message->watchdog) {
        send_event(attendant, (struct lifecycle_event){.kind = EVENT_ALIVE});
    }
    if (message->watchdog_trigger) {
        send_event(attendant, (struct lifecycle_event){.kind = EVENT_HUNG});
    }
}

static void on_notify(struct ev_loop *loop, ev_io *watcher, int revents)
{
    (void)loop;
    (void)revents;
    struct attendant *attendant = watcher->data;
    struct notify_message message;
    /* A worker that floods its socket gets its turn again, after the others. */
    for (int i = 0; i < 64 && notify_receive(&attendant->notify, &message) > 0; i++) {
        if (process_is_within(message.sender, attendant->pid)) {
            take_message(attendant, &message);
        } else if (message.sender > 0 && !attendant->has_told_of_strangers) {
            attendant->has_told_of_strangers = true;
            log_about(LOG_LEVEL_WARNING, &(struct log_facts){.generation = attendant->generation},
                      "generation %" PRIu64
                      ": a message to NOTIFY_SOCKET from pid %d, which is not "
                      "of this generation, is ignored",
                      attendant->generation, (int)message.sender);
        }
    }
}

static int write_notify_variables(const struct attendant *attendant,
                                  struct environment *environment, struct error *error)
{
    if (attendant->notify.fd < 0) {
        return 0;
    }
    environment_unset(environment, "WATCHDOG_PID");
    environment_unset(environment, "WATCHDOG_USEC");
    uint64_t microseconds = (uint64_t)attendant->options->watchdog_ms * 1000;
    if (microseconds > 0 &&
        environment_set_number(environment, "WATCHDOG_USEC", microseconds, error) != 0) {
        return -1;
    }
    return environment_set(environment, "NOTIFY_SOCKET", attendant->notify.address, error);
}

/* --- --ready=fd:N -------------------------------------------------------------------------------
 */

/* s6's way: a newline says ready; the end of file without one says nothing. What comes behind it is
   read and dropped, for as long as the worker writes: it is not to die of a closed pipe. */
static void on_ready_fd(struct ev_loop *loop, ev_io *watcher, int revents)
{
    (void)revents;
    struct attendant *attendant = watcher->data;
    char bytes[256];
    ssize_t size = read(attendant->ready_fd[0], bytes, sizeof bytes);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (size <= 0) {
        ev_io_stop(loop, watcher);
        close(attendant->ready_fd[0]);
        attendant->ready_fd[0] = -1;
    } else if (memchr(bytes, '\n', (size_t)size) != NULL && !attendant->has_written) {
        attendant->has_written = true;
        send_event(attendant, (struct lifecycle_event){.kind = EVENT_READY});
    }
}

/* --- --ready=exec:COMMAND ------------------------------------------------------------------------
 */

/* The first pauses are short: many a server is ready long before the interval is over. */
static void pause_probing(struct attendant *attendant)
{
    double longest = (double)attendant->options->ready_interval_ms / 1000.0;
    double pause = attendant->probe_delay < longest ? attendant->probe_delay : longest;
    attendant->probe_delay *= 2;
    ev_timer_set(&attendant->probe_pause, pause, 0.0);
    ev_timer_start(attendant->loop, &attendant->probe_pause);
}

static int start_probe(struct attendant *attendant, struct error *error)
{
    __attribute__((cleanup(environment_free))) struct environment environment;
    const struct options *options = attendant->options;
    struct error envdir_problem; /* has been reported at the start */
    if (plan_make_environment(&environment, options, &attendant->identity, &envdir_problem,
                              error) != 0 ||
        environment_set_number(&environment, "TASUKI_GENERATION", attendant->generation, error) !=
            0 ||
        environment_set_number(&environment, "TASUKI_PID", (uint64_t)attendant->pid, error) != 0) {
        return -1;
    }
    const struct helper_command command = {.text = options->ready_command,
                                           .directory = options->directory,
                                           .environment = environment.entries,
                                           .surroundings = &options->surroundings,
                                           .identity = &attendant->identity};
    return helper_start(&attendant->probe, &command, error);
}

static void on_probe_pause(struct ev_loop *loop, ev_timer *watcher, int revents)
{
    (void)revents;
    struct attendant *attendant = watcher->data;
    struct error error;
    if (start_probe(attendant, &error) != 0) {
        log_about(LOG_LEVEL_ERROR, &(struct log_facts){.generation = attendant->generation},
                  "generation %" PRIu64 ": %s", attendant->generation, error.text);
        pause_probing(attendant);
        return;
    }
    if (attendant->options->check_timeout_ms > 0) {
        ev_timer_set(&attendant->probe_timeout,
                     (double)attendant->options->check_timeout_ms / 1000.0, 0.0);
        ev_timer_start(loop, &attendant->probe_timeout);
    }
}

static void on_probe_timeout(struct ev_loop *loop, ev_timer *watcher, int revents)
{
    (void)loop;
    (void)revents;
    const struct attendant *attendant = watcher->data;
    log_about(LOG_LEVEL_WARNING, &(struct log_facts){.generation = attendant->generation},
              "generation %" PRIu64 ": the readiness probe took too long and is killed",
              attendant->generation);
    helper_kill(&attendant->probe);
}

bool attendant_reap(struct attendant *attendant, pid_t pid, int status)
{
    if (attendant->probe.pid == 0 || attendant->probe.pid != pid) {
        return false;
    }
    ev_timer_stop(attendant->loop, &attendant->probe_timeout);
    helper_finish(&attendant->probe);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        send_event(attendant, (struct lifecycle_event){.kind = EVENT_READY});
    } else {
        pause_probing(attendant);
    }
    return true;
}

void attendant_stop_probing(struct attendant *attendant)
{
    ev_timer_stop(attendant->loop, &attendant->probe_pause);
    ev_timer_stop(attendant->loop, &attendant->probe_timeout);
    if (attendant->probe.pid > 0) {
        helper_kill(&attendant->probe);
        helper_finish(&attendant->probe);
    }
}

/* --- the kill timer ------------------------------------------------------------------------------
 */

static void on_kill(struct ev_loop *loop, ev_timer *watcher, int revents)
{
    (void)loop;
    (void)revents;
    send_event(watcher->data, (struct lifecycle_event){.kind = EVENT_TIMER, .timer = TIMER_KILL});
}

void attendant_arm_kill(struct attendant *attendant, double seconds, bool at_least)
{
    if (at_least && ev_is_active(&attendant->kill) &&
        ev_timer_remaining(attendant->loop, &attendant->kill) > seconds) {
        return;
    }
    ev_timer_stop(attendant->loop, &attendant->kill);
    ev_now_update(attendant->loop);
    ev_timer_set(&attendant->kill, seconds, 0.0);
    ev_timer_start(attendant->loop, &attendant->kill);
}

/* --- its time --------------------------------------------------------------------------------- */

static void set_up_watchers(struct attendant *attendant)
{
    ev_io_init(&attendant->notify_io, on_notify, attendant->notify.fd, EV_READ);
    ev_io_init(&attendant->ready_io, on_ready_fd, attendant->ready_fd[0], EV_READ);
    ev_timer_init(&attendant->probe_pause, on_probe_pause, 0.0, 0.0);
    ev_timer_init(&attendant->probe_timeout, on_probe_timeout, 0.0, 0.0);
    ev_timer_init(&attendant->kill, on_kill, 0.0, 0.0);
    attendant->notify_io.data = attendant;
    attendant->ready_io.data = attendant;
    attendant->probe_pause.data = attendant;
    attendant->probe_timeout.data = attendant;
    attendant->kill.data = attendant;
}

static bool wants_capture(const struct options *options)
{
    /* As PID 1 nothing outlives the supervisor, so a pipe to it can never break under a worker. */
    return options->capture == CAPTURE_ON || (options->capture == CAPTURE_AUTO && getpid() == 1);
}

static int open_captures(struct attendant *attendant, struct error *error)
{
    attendant->output =
        capture_new(attendant->loop, attendant->listener->captures, STDOUT_FILENO, error);
    if (attendant->output == NULL) {
        return -1;
    }
    attendant->errors =
        capture_new(attendant->loop, attendant->listener->captures, STDERR_FILENO, error);
    if (attendant->errors == NULL) {
        return -1;
    }
    /* A pipe's owner may open it anew, as /dev/stderr. Without the right to give it away the worker
       still writes to the descriptors that it has. */
    if (attendant->identity.has_user) {
        (void)!fchown(attendant->output->worker_fd, attendant->identity.uid, (gid_t)-1);
        (void)!fchown(attendant->errors->worker_fd, attendant->identity.uid, (gid_t)-1);
    }
    return 0;
}

static int open_sources(struct attendant *attendant, struct error *error)
{
    if (wants_capture(attendant->options) && open_captures(attendant, error) != 0) {
        return -1;
    }
    if (wants_notify(attendant->options) && notify_open(&attendant->notify, error) != 0) {
        return -1;
    }
    if (attendant->options->ready == READY_FD &&
        pipe2(attendant->ready_fd, O_CLOEXEC | O_NONBLOCK) != 0) {
        return error_set(error, "cannot make a pipe for --ready=fd: %s", strerror(errno));
    }
    /* The worker writes as it likes; only our end must not wait. */
    if (attendant->ready_fd[1] >= 0) {
        fcntl(attendant->ready_fd[1], F_SETFL, 0);
    }
    return 0;
}

struct attendant *attendant_new(struct ev_loop *loop, struct basis *basis,
                                const struct attendant_listener *listener, uint64_t generation,
                                struct plan *plan, struct error *error)
{
    struct attendant *attendant = malloc(sizeof *attendant);
    if (attendant == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    *attendant = (struct attendant){.listener = listener,
                                    .configuration = configuration_hold(basis->configuration),
                                    .basis = basis_hold(basis),
                                    .options = basis_options(basis),
                                    .loop = loop,
                                    .generation = generation,
                                    .ready_after = -1,
                                    .probe_delay = FIRST_PROBE_SECONDS,
                                    .last_words = last_words_mark(),
                                    .identity = plan->identity,
                                    .notify = {.fd = -1},
                                    .ready_fd = {-1, -1},
                                    .probe = {.output_fd = -1}};
    plan->identity = (struct identity){.has_user = false};
    int result = open_sources(attendant, error);
    set_up_watchers(attendant);
    if (result != 0 || write_notify_variables(attendant, &plan->environment, error) != 0) {
        attendant_free(attendant);
        return NULL;
    }
    return attendant;
}

static void add_descriptor(struct worker_command *command, int fd, int worker_fd)
{
    if (fd >= 0) {
        command->extra[command->extra_count++] =
            (struct worker_descriptor){.fd = fd, .worker_fd = worker_fd};
    }
}

void attendant_equip(const struct attendant *attendant, struct worker_command *command)
{
    add_descriptor(command, attendant->ready_fd[1], attendant->options->ready_fd);
    if (attendant->output != NULL) {
        add_descriptor(command, attendant->output->worker_fd, STDOUT_FILENO);
        add_descriptor(command, attendant->errors->worker_fd, STDERR_FILENO);
    }
    command->own_group = attendant->options->kill_group;
    command->surroundings = &attendant->options->surroundings;
    command->identity = &attendant->identity;
}

void attendant_begin(struct attendant *attendant, pid_t pid)
{
    attendant->pid = pid;
    attendant->started = ev_time();
    if (attendant->notify.fd >= 0) {
        ev_io_start(attendant->loop, &attendant->notify_io);
    }
    if (attendant->ready_fd[0] >= 0) {
        close(attendant->ready_fd[1]); /* so that the worker's end of file is seen */
        attendant->ready_fd[1] = -1;
        ev_io_start(attendant->loop, &attendant->ready_io);
    }
    if (attendant->output != NULL) {
        capture_begin(attendant->output);
        capture_begin(attendant->errors);
    }
    if (attendant->options->ready == READY_EXEC) {
        pause_probing(attendant);
    }
}

bool attendant_last_words(struct attendant *attendant, char *buffer, size_t size)
{
    if (attendant->errors == NULL) {
        return last_words_read(&attendant->last_words, buffer, size) >= 0;
    }
    capture_drain(attendant->errors);
    snprintf(buffer, size, "%s", attendant->errors->tail);
    return true;
}

void attendant_release_basis(struct attendant *attendant)
{
    basis_release(attendant->basis);
    attendant->basis = NULL;
}

void attendant_end(struct attendant *attendant)
{
    attendant_stop_probing(attendant);
    ev_io_stop(attendant->loop, &attendant->notify_io);
    ev_io_stop(attendant->loop, &attendant->ready_io);
    ev_timer_stop(attendant->loop, &attendant->kill);
}

void attendant_free(struct attendant *attendant)
{
    attendant_end(attendant);
    if (attendant->output != NULL) {
        capture_release(attendant->output);
    }
    if (attendant->errors != NULL) {
        capture_release(attendant->errors);
    }
    notify_close(&attendant->notify);
    descriptor_close(&attendant->ready_fd[0]);
    descriptor_close(&attendant->ready_fd[1]);
    identity_free(&attendant->identity);
    attendant_release_basis(attendant);
    configuration_release(attendant->configuration);
    free(attendant);
}
