#include "supervisor.h"

#include "change_trigger.h"
#include "console.h"
#include "crew.h"
#include "daemon.h"
#include "driver.h"
#include "hook.h"
#include "last_words.h"
#include "log.h"
#include "log_keeper.h"
#include "manager.h"
#include "plan.h"
#include "releases.h"
#include "report.h"
#include "signal_name.h"
#include "signals.h"
#include "status_keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the event loop opens for itself. */
#define LOOP_DESCRIPTORS 4
/* A moment that never comes (see watch_clock). */
#define FAR_FUTURE 1e11

struct supervisor {
    const struct supervisor_setup *setup;
    struct ev_loop *loop;
    ev_periodic clock;
    struct driver *driver;
    struct signals signals;
    struct log_keeper log_keeper;
    struct status_keeper status_keeper;
    struct manager manager;
    struct crew crew;
    struct releases releases;
    struct hooks hooks;
    struct change_trigger change_trigger;
    struct console *console; /* NULL: no control socket */
    bool has_ended;          /* there is nothing more to wait for; exit_status tells how it went */
    int exit_status;
};

/* Until a worker has been started, what goes wrong is the reason why there is no service. */
static void note_failure(const struct supervisor *supervisor, const char *sentence)
{
    if (!driver_lifecycle(supervisor->driver)->has_spawned) {
        error_set(supervisor->setup->failure, "%s", sentence);
    }
}

/* --- what the lifecycle wants done -------------------------------------------------------------
 */

static void log_report(void *context, const struct lifecycle_action *action)
{
    (void)context;
    char sentence[REPORT_SENTENCE_SIZE];
    const struct report report = report_of(action);
    const struct log_facts facts = {
        .event = report_name(report.kind), .generation = action->generation, .pid = action->pid};
    log_about(report.kind->level, &facts, "%s",
              report_sentence(&report, sentence, sizeof sentence));
}

/* What the lifecycle does not know of what it reports: how old a generation is, and what changed.
 */
static struct lifecycle_action complete(const struct supervisor *supervisor,
                                        const struct lifecycle_action *decided)
{
    struct lifecycle_action report = *decided;
    const struct family *family = crew_find(&supervisor->crew, report.generation);
    if (report.report == REPORT_READY && family != NULL) {
        report.ms = (int64_t)((ev_time() - family->started) * 1000 + 0.5);
    } else if (report.report == REPORT_DEPLOY_STARTED && report.cause == CAUSE_CHANGE) {
        report.path = change_trigger_path(&supervisor->change_trigger);
    }
    return report;
}

/* Those who hear what is reported, in their order: whose state the others ask for comes first, and
   the manager before the console, after whose answer the client of a reload may be gone. */
static void tell(void *context, const struct lifecycle_action *decided)
{
    struct supervisor *supervisor = context;
    const struct {
        void (*on_report)(void *context, const struct lifecycle_action *report);
        void *context;
    } listeners[] = {
        {log_report, NULL},
        {releases_on_report, &supervisor->releases},
        {crew_on_report, &supervisor->crew},
        {manager_on_report, &supervisor->manager},
        {console_on_report, supervisor->console},
        {hooks_on_report, &supervisor->hooks},
    };
    const struct lifecycle_action report = complete(supervisor, decided);
    for (size_t i = 0; i < sizeof listeners / sizeof listeners[0]; i++) {
        listeners[i].on_report(listeners[i].context, &report);
    }
}

/* How the start of a worker went, as the answer to ACTION_SPAWN. */
static void on_started(void *context, uint64_t generation, pid_t pid,
                       const struct lifecycle_settings *settings,
                       const struct worker_failure *failure)
{
    const struct supervisor *supervisor = context;
    struct lifecycle_event answer = {
        .kind = EVENT_SPAWNED, .generation = generation, .pid = pid, .settings = *settings};
    if (pid >= 0) {
        daemon_report(supervisor->setup->report_fd, EXIT_SUCCESS, "");
    } else {
        log_about(LOG_LEVEL_ERROR, &(struct log_facts){.generation = generation},
                  "generation %" PRIu64 ": %s", generation, failure->error.text);
        console_set_last_words(supervisor->console, failure->error.text, NULL);
        if (failure->permanent) {
            note_failure(supervisor, failure->error.text);
        }
        answer.kind = EVENT_SPAWN_FAILED;
        answer.pid = 0;
        answer.permanent = failure->permanent;
        answer.status = failure->exit_status;
    }
    driver_post(supervisor->driver, &answer);
}

static void carry_out(void *context, const struct lifecycle_action *action)
{
    struct supervisor *supervisor = context;
    switch (action->kind) {
    case ACTION_CHECK:
        releases_check(&supervisor->releases, action);
        break;
    case ACTION_UNCHECK:
        releases_cancel_check(&supervisor->releases);
        break;
    case ACTION_SPAWN:
        crew_start(&supervisor->crew, releases_of_deploy(&supervisor->releases, action->deploy),
                   action->generation, &driver_lifecycle(supervisor->driver)->settings);
        break;
    case ACTION_SIGNAL:
        crew_signal(&supervisor->crew, action->generation, action->pid, action->signal);
        break;
    case ACTION_PUBLISH:
        status_keeper_publish(&supervisor->status_keeper);
        break;
    case ACTION_REPORT:
        tell(supervisor, action);
        break;
    case ACTION_EXIT:
        supervisor->has_ended = true;
        supervisor->exit_status = action->status;
        ev_break(supervisor->loop, EVBREAK_ALL);
        break;
    }
}

/* --- what the parts say ------------------------------------------------------------------------
 */

static void post(void *context, const struct lifecycle_event *event)
{
    const struct supervisor *supervisor = context;
    driver_post(supervisor->driver, event);
}

static void reap(void *context)
{
    const struct supervisor *supervisor = context;
    driver_reap(supervisor->driver);
}

static void on_ended(void *context, pid_t pid)
{
    struct supervisor *supervisor = context;
    crew_on_ended(&supervisor->crew, pid);
    hooks_on_ended(&supervisor->hooks, pid);
}

/* Workers, the log command, helpers, and the orphans that come to PID 1. */
static void on_reaped(void *context, pid_t pid, int status)
{
    struct supervisor *supervisor = context;
    char words[LAST_WORDS_SIZE];
    if (log_keeper_reap(&supervisor->log_keeper, pid, status) ||
        crew_reap_probe(&supervisor->crew, pid, status)) {
        return;
    }
    switch (hooks_reap(&supervisor->hooks, pid, words, sizeof words)) {
    case HOOK_CHECK:
        releases_on_check_exited(&supervisor->releases, status, words);
        break;
    case HOOK_EVENT:
        break;
    case HOOK_NONE:
        crew_on_reaped(&supervisor->crew, pid, status);
        break;
    }
}

static void on_status(void *context, uint64_t generation, const char *text)
{
    const struct supervisor *supervisor = context;
    console_report_status(supervisor->console, generation, text);
}

static void on_last_words(void *context, const char *words, const char *output)
{
    const struct supervisor *supervisor = context;
    console_set_last_words(supervisor->console, words, output);
}

static void on_checked(void *context, const struct lifecycle_event *event, const char *sentence,
                       const char *words)
{
    const struct supervisor *supervisor = context;
    if (!event->ok) {
        console_set_last_words(supervisor->console, words, NULL);
        note_failure(supervisor, sentence);
    }
    driver_post(supervisor->driver, event);
}

static void on_check_lost(void *context, const char *words)
{
    struct supervisor *supervisor = context;
    releases_on_check_exited(&supervisor->releases, SIGKILL, words);
}

static void on_release_changed(void *context, const struct release *before)
{
    struct supervisor *supervisor = context;
    struct error error;
    if (change_trigger_follow(&supervisor->change_trigger, releases_options(&supervisor->releases),
                              &error) != 0) {
        log_error("--restart-on-change: %s", error.text);
    }
    manager_unstore(&supervisor->manager, &before->listeners);
    manager_store(&supervisor->manager);
}

/* --- requests ----------------------------------------------------------------------------------
 */

static void on_change(void *context, const char *path)
{
    const struct supervisor *supervisor = context;
    log_info("%s changed: deploy requested", path);
    driver_post(supervisor->driver,
                &(struct lifecycle_event){.kind = EVENT_DEPLOY, .cause = CAUSE_CHANGE});
}

static void request_deploy(void *context)
{
    const struct supervisor *supervisor = context;
    driver_post(supervisor->driver, &(struct lifecycle_event){.kind = EVENT_DEPLOY});
}

/* TERM, and a client's request, end the workers as --signal-on-term says. */
static void request_stop(void *context, int signal)
{
    const struct supervisor *supervisor = context;
    int sent =
        signal == SIGTERM ? releases_options(&supervisor->releases)->signal_on_term : SIGTERM;
    driver_post(supervisor->driver, &(struct lifecycle_event){.kind = EVENT_STOP, .signal = sent});
}

static int reopen_log(void *context, struct error *error)
{
    const struct supervisor *supervisor = context;
    return log_keeper_reopen(&supervisor->log_keeper, error);
}

static void on_reopen_signal(void *context)
{
    struct error error;
    reopen_log(context, &error);
}

static void on_forward_signal(void *context, int signal)
{
    const struct supervisor *supervisor = context;
    driver_reap(supervisor->driver); /* the dead get none */
    crew_forward(&supervisor->crew, signal);
}

static int signal_current(void *context, int signal, struct error *error)
{
    const struct supervisor *supervisor = context;
    driver_reap(supervisor->driver);
    const struct lifecycle *lifecycle = driver_lifecycle(supervisor->driver);
    const struct generation *current = lifecycle_find(lifecycle, lifecycle_current(lifecycle));
    if (current == NULL) {
        return error_set(error, "no generation is serving");
    }
    log_about(LOG_LEVEL_INFO,
              &(struct log_facts){.generation = current->number, .pid = generation_pid(current)},
              "asked to send %s to worker %d", signal_name(signal), (int)generation_pid(current));
    return kill(generation_pid(current), signal) == 0
               ? 0
               : error_set(error, "cannot send %s to worker %d: %s", signal_name(signal),
                           (int)generation_pid(current), strerror(errno));
}

/* --- setting up --------------------------------------------------------------------------------
 */

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

/* libev ends the process where it gets no descriptor: its own, for epoll, timers and signals. */
static int check_room_for_loop(struct error *error)
{
    int taken[LOOP_DESCRIPTORS];
    size_t count = 0;
    while (count < LOOP_DESCRIPTORS &&
           (taken[count] = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)) >= 0) {
        count++;
    }
    int reason = errno;
    for (size_t i = 0; i < count; i++) {
        close(taken[i]);
    }
    return count == LOOP_DESCRIPTORS
               ? 0
               : error_set(error,
                           "cannot set up the event loop: %s (needs %d descriptors, see ulimit -n)",
                           strerror(reason), LOOP_DESCRIPTORS);
}

static int open_loop(struct supervisor *supervisor, struct error *error)
{
    if (check_room_for_loop(error) != 0) {
        return -1;
    }
    supervisor->loop = ev_loop_new(EVFLAG_NOENV);
    return supervisor->loop != NULL
               ? 0
               : error_set(error, "cannot set up the event loop: %s", strerror(errno));
}

static int open_crew(struct supervisor *supervisor, struct error *error)
{
    const struct supervisor_setup *setup = supervisor->setup;
    return crew_open(&supervisor->crew,
                     &(struct crew_setup){.loop = supervisor->loop,
                                          .lifecycle = driver_lifecycle(supervisor->driver),
                                          .release = setup->release,
                                          .personality = setup->options->personality,
                                          .captures = &supervisor->log_keeper.captures,
                                          .reap = reap,
                                          .on_event = post,
                                          .on_status = on_status,
                                          .on_started = on_started,
                                          .on_last_words = on_last_words,
                                          .context = supervisor},
                     error);
}

static int open_change_trigger(struct supervisor *supervisor, struct error *error)
{
    struct error reason;
    change_trigger_init(&supervisor->change_trigger,
                        &(struct change_trigger_setup){.loop = supervisor->loop,
                                                       .on_change = on_change,
                                                       .context = supervisor});
    return change_trigger_follow(&supervisor->change_trigger, supervisor->setup->options,
                                 &reason) == 0
               ? 0
               : error_set(error, "--restart-on-change: %s", reason.text);
}

/* A control socket that was asked for and cannot be had is an error; the usual one is only missed.
 */
static int open_console(struct supervisor *supervisor, struct error *error)
{
    const struct supervisor_setup *setup = supervisor->setup;
    const char *asked = setup->options->control;
    struct error reason;
    if (asked != NULL && strcmp(asked, "off") == 0) {
        return 0;
    }
    supervisor->console =
        console_open(&(struct console_setup){.loop = supervisor->loop,
                                             .options = setup->options,
                                             .release = setup->release,
                                             .lifecycle = driver_lifecycle(supervisor->driver),
                                             .crew = &supervisor->crew,
                                             .reap = reap,
                                             .deploy = request_deploy,
                                             .stop = request_stop,
                                             .reopen = reopen_log,
                                             .signal_current = signal_current,
                                             .context = supervisor},
                     &reason);
    if (supervisor->console == NULL && asked != NULL) {
        return error_set(error, "--control: %s", reason.text);
    }
    if (supervisor->console == NULL) {
        log_warning("continuing without a control socket: %s", reason.text);
    }
    return 0;
}

/* The parts that nothing can go wrong with. */
static void set_up_parts(struct supervisor *supervisor)
{
    const struct supervisor_setup *setup = supervisor->setup;
    supervisor->driver =
        driver_new(&(struct driver_setup){.loop = supervisor->loop,
                                          .settings = plan_initial_settings(setup->options),
                                          .carry_out = carry_out,
                                          .on_ended = on_ended,
                                          .on_reaped = on_reaped,
                                          .context = supervisor});
    log_keeper_init(&supervisor->log_keeper, supervisor->loop, setup->log_file);
    status_keeper_init(
        &supervisor->status_keeper,
        &(struct status_keeper_setup){.loop = supervisor->loop,
                                      .lifecycle = driver_lifecycle(supervisor->driver),
                                      .file = setup->status_file});
    manager_init(&supervisor->manager,
                 &(struct manager_setup){.loop = supervisor->loop,
                                         .service_manager = setup->manager,
                                         .lifecycle = driver_lifecycle(supervisor->driver),
                                         .release = setup->release,
                                         .is_daemon = setup->options->daemonize});
    hooks_init(&supervisor->hooks, supervisor->loop, setup->release);
    supervisor->hooks.on_check_lost = on_check_lost;
    supervisor->hooks.context = supervisor;
    releases_init(&supervisor->releases,
                  &(struct releases_setup){.loop = supervisor->loop,
                                           .configuration = setup->configuration,
                                           .in_force = setup->release,
                                           .crew = &supervisor->crew,
                                           .hooks = &supervisor->hooks,
                                           .on_checked = on_checked,
                                           .on_report = tell,
                                           .on_change = on_release_changed,
                                           .context = supervisor});
    watch_clock(supervisor);
}

static int set_up(struct supervisor *supervisor, struct error *error)
{
    if (open_loop(supervisor, error) != 0) {
        return -1;
    }
    set_up_parts(supervisor);
    if (open_crew(supervisor, error) != 0 || open_change_trigger(supervisor, error) != 0) {
        return -1;
    }
    signals_watch(&supervisor->signals,
                  &(struct signals_setup){.loop = supervisor->loop,
                                          .options = supervisor->setup->options,
                                          .on_child = reap,
                                          .on_deploy = request_deploy,
                                          .on_stop = request_stop,
                                          .on_reopen = on_reopen_signal,
                                          .on_forward = on_forward_signal,
                                          .context = supervisor});
    return open_console(supervisor, error);
}

static void take_down(struct supervisor *supervisor)
{
    console_close(supervisor->console);
    hooks_close(&supervisor->hooks);
    crew_close(&supervisor->crew);
    change_trigger_close(&supervisor->change_trigger);
    manager_close(&supervisor->manager);
    status_keeper_close(&supervisor->status_keeper);
    log_keeper_close(&supervisor->log_keeper);
    releases_close(&supervisor->releases);
    ev_loop_destroy(supervisor->loop);
}

int supervisor_run(const struct supervisor_setup *setup)
{
    struct supervisor supervisor = {.setup = setup, .exit_status = 1};
    struct error error;
    if (set_up(&supervisor, &error) == 0) {
        releases_log_listeners(&supervisor.releases);
        listener_set_own_files(&(*setup->release)->listeners);
        manager_store(&supervisor.manager);
        driver_post(supervisor.driver, &(struct lifecycle_event){.kind = EVENT_START});
        if (!supervisor.has_ended) { /* ev_run would forget a break from before */
            ev_run(supervisor.loop, 0);
        }
        log_info("exiting with status %d", supervisor.exit_status);
    } else {
        log_error("%s", error.text);
        *setup->failure = error;
    }
    if (supervisor.loop != NULL) {
        take_down(&supervisor);
    }
    return supervisor.exit_status;
}
