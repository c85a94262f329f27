#include "supervisor.h"

#include "daemon.h"
#include "last_words.h"
#include "lifecycle.h"
#include "log.h"
#include "narrator.h"
#include "plan.h"
#include "signal_name.h"
#include "worker.h"

#include <errno.h>
#include <ev.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* How many generations may live at once: the current one and those that take long to leave. */
#define GENERATIONS_MAX 512
/* A log command that dies sooner than this waits this long for its next start. */
#define LOG_COMMAND_PAUSE 1.0
/* A moment that never comes (see watch_clock). */
#define FAR_FUTURE 1e11

static const int watched_signals[] = {SIGHUP, SIGTERM, SIGINT, SIGQUIT, SIGUSR1, SIGCHLD};
#define WATCHED_SIGNALS (sizeof watched_signals / sizeof watched_signals[0])

struct supervisor {
    const struct supervisor_setup *setup;
    struct ev_loop *loop;
    struct lifecycle lifecycle;
    ev_signal signals[WATCHED_SIGNALS];
    ev_timer timers[LIFECYCLE_TIMERS];
    ev_periodic clock;
    ev_timer log_command_pause;
    ev_tstamp log_command_started;
    off_t last_words;   /* where the newest worker's begin */
    bool hint_is_given; /* the one about an address in use */
    bool has_ended;     /* there is nothing more to wait for; exit_status tells how it went */
    int exit_status;
};

static void dispatch(struct supervisor *supervisor, const struct lifecycle_event *event);

/* --- actions -----------------------------------------------------------------------------------
 */

static void report_plan_problems(const struct plan *plan)
{
    if (plan->envdir_problem.text[0] != '\0') {
        log_error("%s", plan->envdir_problem.text);
    }
    if (plan->settings_problem.text[0] != '\0') {
        log_error("%s; the value before stays", plan->settings_problem.text);
    }
}

static struct lifecycle_event spawn_failed(const struct supervisor *supervisor, uint64_t generation,
                                           const struct worker_failure *failure)
{
    log_error("generation %" PRIu64 ": %s", generation, failure->error.text);
    if (!supervisor->lifecycle.has_spawned && failure->permanent) {
        char message[sizeof failure->error.text + 32];
        snprintf(message, sizeof message, "%s: %s\n",
                 personality_name(supervisor->setup->options->personality), failure->error.text);
        daemon_report(supervisor->setup->report_fd, failure->exit_status, message);
    }
    return (struct lifecycle_event){
        .kind = EVENT_SPAWN_FAILED,
        .generation = generation,
        .permanent = failure->permanent,
        .status = failure->exit_status,
        .settings = supervisor->lifecycle.settings,
    };
}

/* Makes the generation's plan and starts its worker. The answer is an event for the lifecycle. */
static struct lifecycle_event spawn(struct supervisor *supervisor, uint64_t generation)
{
    const struct supervisor_setup *setup = supervisor->setup;
    __attribute__((cleanup(plan_free))) struct plan plan;
    struct worker_failure failure = {.exit_status = 1};
    if (plan_make(&plan, setup->options, setup->listeners, generation,
                  &supervisor->lifecycle.settings, &failure.error) != 0) {
        return spawn_failed(supervisor, generation, &failure);
    }
    report_plan_problems(&plan);
    const struct worker_command command = {
        .argv = setup->options->command,
        .environment = plan.environment.entries,
        .directory = setup->options->directory,
        .listeners = setup->listeners,
    };
    supervisor->last_words = last_words_mark();
    pid_t pid = worker_spawn(&command, &failure);
    if (pid < 0) {
        return spawn_failed(supervisor, generation, &failure);
    }
    daemon_report(setup->report_fd, EXIT_SUCCESS, "");
    return (struct lifecycle_event){
        .kind = EVENT_SPAWNED, .generation = generation, .pid = pid, .settings = plan.settings};
}

static void publish(struct supervisor *supervisor)
{
    const struct lifecycle *lifecycle = &supervisor->lifecycle;
    char *text = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&text, &length);
    if (stream == NULL) {
        log_error("cannot write the status file: out of memory");
        return;
    }
    for (size_t i = 0; i < lifecycle->count; i++) {
        const struct generation *generation = &lifecycle->generations[i];
        if (generation->state != GENERATION_STARTING) {
            fprintf(stream, "%" PRIu64 ":%d\n", generation->number, (int)generation->pid);
        }
    }
    struct error error;
    if (fclose(stream) != 0) {
        log_error("cannot write the status file: out of memory");
    } else if (status_file_write(supervisor->setup->status_file, text, length, &error) != 0) {
        log_error("%s", error.text);
    }
    free(text);
}

/* Every newcomer's first mistake is a server that binds its port itself, while the supervisor has
   it. Where the worker's own words can be read back, they decide whether the hint is given. */
static void hint_at_address_in_use(struct supervisor *supervisor)
{
    char words[8192];
    if (supervisor->hint_is_given || supervisor->setup->listeners->count == 0) {
        return;
    }
    bool can_be_read = last_words_read(supervisor->last_words, words, sizeof words) >= 0;
    if (can_be_read && !last_words_mention_address_in_use(words)) {
        return;
    }
    supervisor->hint_is_given = true;
    log_info("hint: %s: a server must not bind the address by itself here, it takes the socket "
             "from %s (see SERVERS in tasuki(1))",
             can_be_read ? "the address is in use by the supervisor"
                         : "if the worker said that its address is in use",
             personality_name(supervisor->setup->options->personality));
}

static void tell(struct supervisor *supervisor, const struct lifecycle_action *report)
{
    narrate(report);
    if (report->report == REPORT_START_FAILED &&
        !(WIFEXITED(report->status) && WEXITSTATUS(report->status) == 0)) {
        hint_at_address_in_use(supervisor);
    }
}

static void arm(struct supervisor *supervisor, enum lifecycle_timer timer, int64_t ms)
{
    ev_timer *watcher = &supervisor->timers[timer];
    ev_timer_stop(supervisor->loop, watcher);
    ev_now_update(supervisor->loop); /* count from now, not from when the event came */
    ev_timer_set(watcher, (double)ms / 1000.0, 0.0);
    ev_timer_start(supervisor->loop, watcher);
}

static void end(struct supervisor *supervisor, int status)
{
    supervisor->has_ended = true;
    supervisor->exit_status = status;
    ev_break(supervisor->loop, EVBREAK_ALL);
}

/* Carries out one action. Returns true, and the answer in `answer`, if it was a spawn. */
static bool carry_out(struct supervisor *supervisor, const struct lifecycle_action *action,
                      struct lifecycle_event *answer)
{
    switch (action->kind) {
    case ACTION_SPAWN:
        *answer = spawn(supervisor, action->generation);
        return true;
    case ACTION_SIGNAL:
        if (kill(action->pid, action->signal) != 0) {
            log_error("cannot send %s to worker %d: %s", signal_name(action->signal),
                      (int)action->pid, strerror(errno));
        }
        break;
    case ACTION_ARM:
        arm(supervisor, action->timer, action->ms);
        break;
    case ACTION_DISARM:
        ev_timer_stop(supervisor->loop, &supervisor->timers[action->timer]);
        break;
    case ACTION_PUBLISH:
        publish(supervisor);
        break;
    case ACTION_REPORT:
        tell(supervisor, action);
        break;
    case ACTION_EXIT:
        end(supervisor, action->status);
        break;
    }
    return false;
}

/* One event, the actions that it causes, and the events that these cause in turn. */
static void dispatch(struct supervisor *supervisor, const struct lifecycle_event *event)
{
    struct lifecycle_event next = *event;
    bool is_answered = true;
    while (is_answered) {
        struct lifecycle *lifecycle = &supervisor->lifecycle;
        lifecycle_step(lifecycle, &next);
        is_answered = false;
        for (size_t i = 0; i < lifecycle->action_count; i++) {
            is_answered = carry_out(supervisor, &lifecycle->actions[i], &next) || is_answered;
        }
    }
}

/* --- events ------------------------------------------------------------------------------------
 */

static void start_log_command(struct supervisor *supervisor)
{
    struct error error;
    supervisor->log_command_started = ev_now(supervisor->loop);
    if (log_file_start_command(supervisor->setup->log_file, &error) != 0) {
        log_error("%s", error.text);
        ev_timer_set(&supervisor->log_command_pause, LOG_COMMAND_PAUSE, 0.0);
        ev_timer_start(supervisor->loop, &supervisor->log_command_pause);
    }
}

static void on_log_command_pause(struct ev_loop *loop, ev_timer *watcher, int revents)
{
    (void)watcher;
    (void)revents;
    start_log_command(ev_userdata(loop));
}

/* What is written meanwhile waits in the pipe for the next one. */
static void on_log_command_exited(struct supervisor *supervisor, int status)
{
    char ending[64];
    supervisor->setup->log_file->command_pid = 0;
    log_error("the log command %s; it is started anew",
              worker_describe_exit(status, ending, sizeof ending));
    if (ev_now(supervisor->loop) - supervisor->log_command_started > LOG_COMMAND_PAUSE) {
        start_log_command(supervisor);
    } else {
        ev_timer_set(&supervisor->log_command_pause, LOG_COMMAND_PAUSE, 0.0);
        ev_timer_start(supervisor->loop, &supervisor->log_command_pause);
    }
}

/* Reaps whatever there is: workers, the log command, and the orphans that come to PID 1. One
   SIGCHLD may stand for many. */
static void reap(struct supervisor *supervisor)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == supervisor->setup->log_file->command_pid) {
            on_log_command_exited(supervisor, status);
        } else {
            dispatch(supervisor,
                     &(struct lifecycle_event){.kind = EVENT_EXITED, .pid = pid, .status = status});
        }
    }
}

/* A death that is not yet reaped goes before the timer: the dead must not become ready, nor an
   older worker be told to leave for them. Reaping may have armed the timer anew; then it has not
   fired. */
static void on_timer(struct ev_loop *loop, ev_timer *watcher, int revents)
{
    (void)revents;
    struct supervisor *supervisor = ev_userdata(loop);
    reap(supervisor);
    if (!ev_is_active(watcher)) {
        const struct lifecycle_event event = {
            .kind = EVENT_TIMER, .timer = (enum lifecycle_timer)(watcher - supervisor->timers)};
        dispatch(supervisor, &event);
    }
}

static void reopen_log(struct supervisor *supervisor)
{
    struct error error;
    if (log_file_reopen(supervisor->setup->log_file, &error) != 0) {
        log_error("%s; the one before stays in use", error.text);
    } else {
        log_info("log file opened anew");
    }
}

static void request_stop(struct supervisor *supervisor, int signal)
{
    const struct options *options = supervisor->setup->options;
    log_info("received %s", signal_name(signal));
    dispatch(supervisor, &(struct lifecycle_event){
                             .kind = EVENT_STOP,
                             .signal = signal == SIGTERM ? options->signal_on_term : SIGTERM});
}

static void on_signal(struct ev_loop *loop, ev_signal *watcher, int revents)
{
    (void)revents;
    struct supervisor *supervisor = ev_userdata(loop);
    switch (watcher->signum) {
    case SIGCHLD:
        reap(supervisor);
        break;
    case SIGHUP:
        reap(supervisor); /* deploy from what is, not from what was */
        log_info("received HUP");
        dispatch(supervisor, &(struct lifecycle_event){.kind = EVENT_DEPLOY});
        break;
    case SIGUSR1:
        reopen_log(supervisor);
        break;
    default:
        request_stop(supervisor, watcher->signum);
        break;
    }
}

/* --- setting up --------------------------------------------------------------------------------
 */

static void fill_signal_set(sigset_t *set)
{
    sigemptyset(set);
    for (size_t i = 0; i < WATCHED_SIGNALS; i++) {
        sigaddset(set, watched_signals[i]);
    }
}

void supervisor_block_signals(void)
{
    sigset_t set;
    fill_signal_set(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

static void watch_signals(struct supervisor *supervisor)
{
    signal(SIGPIPE, SIG_IGN); /* a log that is gone must not end the service */
    for (size_t i = 0; i < WATCHED_SIGNALS; i++) {
        ev_signal_init(&supervisor->signals[i], on_signal, watched_signals[i]);
        ev_signal_start(supervisor->loop, &supervisor->signals[i]);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void on_clock(struct ev_loop *loop, ev_periodic *watcher, int revents)
{
    (void)loop;
    (void)watcher;
    (void)revents;
}

/* Without a periodic watcher libev wakes up every minute to look for jumps of the clock. With one
   it has the kernel tell it (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET), and sleeps. */
static void watch_clock(struct supervisor *supervisor)
{
    ev_periodic_init(&supervisor->clock, on_clock, FAR_FUTURE, 0.0, NULL);
    ev_periodic_start(supervisor->loop, &supervisor->clock);
}

static void describe_listeners(const struct listener_set *listeners)
{
    for (size_t i = 0; i < listeners->count; i++) {
        const struct listener *listener = &listeners->items[i];
        log_info("listening on %s%s, descriptor %d of the workers", listener->name,
                 listener->socket_type == SOCK_DGRAM ? " (UDP)" : "", listener->worker_fd);
    }
}

static int set_up(struct supervisor *supervisor)
{
    /* Static, so that what is not used is never touched and costs no memory, as it does in a heap
       that is cleared. */
    static struct generation generations[GENERATIONS_MAX];
    static struct lifecycle_action actions[LIFECYCLE_ACTIONS_MAX(GENERATIONS_MAX)];
    supervisor->loop = ev_loop_new(EVFLAG_NOENV);
    if (supervisor->loop == NULL) {
        log_error("cannot set up the event loop: %s", strerror(errno));
        return -1;
    }
    ev_set_userdata(supervisor->loop, supervisor);
    for (size_t i = 0; i < LIFECYCLE_TIMERS; i++) {
        ev_timer_init(&supervisor->timers[i], on_timer, 0.0, 0.0);
    }
    ev_timer_init(&supervisor->log_command_pause, on_log_command_pause, 0.0, 0.0);
    const struct lifecycle_settings settings = plan_initial_settings(supervisor->setup->options);
    lifecycle_init(&supervisor->lifecycle, generations, GENERATIONS_MAX, actions, &settings);
    watch_clock(supervisor);
    watch_signals(supervisor);
    return 0;
}

int supervisor_run(const struct supervisor_setup *setup)
{
    struct supervisor supervisor = {.setup = setup, .last_words = -1, .exit_status = 1};
    if (set_up(&supervisor) == 0) {
        supervisor.log_command_started = ev_now(supervisor.loop);
        describe_listeners(setup->listeners);
        dispatch(&supervisor, &(struct lifecycle_event){.kind = EVENT_START});
        if (!supervisor.has_ended) { /* ev_run would forget a break from before */
            ev_run(supervisor.loop, 0);
        }
        log_info("exiting with status %d", supervisor.exit_status);
    }
    if (supervisor.loop != NULL) {
        ev_loop_destroy(supervisor.loop);
    }
    return supervisor.exit_status;
}
