#include "lifecycle.h"

#include <assert.h>
#include <string.h>

/* --- the action list ------------------------------------------------------------------------- */

static struct lifecycle_action *act(struct lifecycle *lifecycle, enum lifecycle_action_kind kind)
{
    assert(lifecycle->action_count < lifecycle->action_capacity);
    struct lifecycle_action *action = &lifecycle->actions[lifecycle->action_count++];
    *action = (struct lifecycle_action){.kind = kind};
    return action;
}

static void arm(struct lifecycle *lifecycle, enum lifecycle_timer timer, int64_t ms)
{
    struct lifecycle_action *action = act(lifecycle, ACTION_ARM);
    action->timer = timer;
    action->ms = ms;
    lifecycle->armed[timer] = true;
}

static void disarm(struct lifecycle *lifecycle, enum lifecycle_timer timer)
{
    if (lifecycle->armed[timer]) {
        act(lifecycle, ACTION_DISARM)->timer = timer;
        lifecycle->armed[timer] = false;
    }
}

static struct lifecycle_action *report(struct lifecycle *lifecycle, enum lifecycle_report what)
{
    struct lifecycle_action *action = act(lifecycle, ACTION_REPORT);
    action->report = what;
    return action;
}

static struct lifecycle_action *report_generation(struct lifecycle *lifecycle,
                                                  enum lifecycle_report what,
                                                  const struct generation *generation)
{
    struct lifecycle_action *action = report(lifecycle, what);
    action->generation = generation->number;
    action->pid = generation->pid;
    return action;
}

static void send_signal(struct lifecycle *lifecycle, const struct generation *generation,
                        int signal)
{
    struct lifecycle_action *action = act(lifecycle, ACTION_SIGNAL);
    action->generation = generation->number;
    action->pid = generation->pid;
    action->signal = signal;
    report_generation(lifecycle, REPORT_SIGNALLED, generation)->signal = signal;
}

/* The status file keeps the last generation that was known to serve until its successor is ready:
   readers wait for numbers to change, and an empty file would tell them that nothing runs. */
static void publish(struct lifecycle *lifecycle)
{
    if (lifecycle->current != 0 || lifecycle->stopping) {
        act(lifecycle, ACTION_PUBLISH);
    }
}

/* --- the table of generations ---------------------------------------------------------------- */

static struct generation *find(struct lifecycle *lifecycle, uint64_t number)
{
    for (size_t i = 0; number != 0 && i < lifecycle->count; i++) {
        if (lifecycle->generations[i].number == number) {
            return &lifecycle->generations[i];
        }
    }
    return NULL;
}

const struct generation *lifecycle_find(const struct lifecycle *lifecycle, uint64_t number)
{
    for (size_t i = 0; number != 0 && i < lifecycle->count; i++) {
        if (lifecycle->generations[i].number == number) {
            return &lifecycle->generations[i];
        }
    }
    return NULL;
}

const struct generation *lifecycle_find_pid(const struct lifecycle *lifecycle, pid_t pid)
{
    for (size_t i = 0; pid > 0 && i < lifecycle->count; i++) {
        if (lifecycle->generations[i].pid == pid) {
            return &lifecycle->generations[i];
        }
    }
    return NULL;
}

static void forget(struct lifecycle *lifecycle, const struct generation *generation)
{
    size_t index = (size_t)(generation - lifecycle->generations);
    lifecycle->count--;
    memmove(&lifecycle->generations[index], &lifecycle->generations[index + 1],
            (lifecycle->count - index) * sizeof *generation);
}

static struct generation *find_retiring(struct lifecycle *lifecycle)
{
    for (size_t i = lifecycle->count; i > 0; i--) {
        if (lifecycle->generations[i - 1].state == GENERATION_RETIRING) {
            return &lifecycle->generations[i - 1];
        }
    }
    return NULL;
}

static bool has_older(const struct lifecycle *lifecycle, uint64_t number)
{
    return lifecycle->count > 0 && lifecycle->generations[0].number < number;
}

/* --- deploys and starts ---------------------------------------------------------------------- */

static void begin_deploy(struct lifecycle *lifecycle, bool automatic);

static void fail_deploy(struct lifecycle *lifecycle, uint64_t deploy, enum deploy_failure reason)
{
    struct lifecycle_action *action = report(lifecycle, REPORT_DEPLOY_FAILED);
    action->deploy = deploy;
    action->reason = reason;
}

/* A deploy is over when everything older than its generation is gone. */
static void settle_deploys(struct lifecycle *lifecycle)
{
    for (size_t i = 0; i < lifecycle->count; i++) {
        struct generation *generation = &lifecycle->generations[i];
        if (generation->deploy != 0 && !has_older(lifecycle, generation->number)) {
            report_generation(lifecycle, REPORT_DEPLOY_SUCCEEDED, generation)->deploy =
                generation->deploy;
            generation->deploy = 0;
        }
    }
}

static void begin_queued_deploy(struct lifecycle *lifecycle)
{
    if (lifecycle->deploy_queued) {
        begin_deploy(lifecycle, false);
    }
}

/* The deploy under way fails for good; with no generation left the starts go on without it. */
static void end_failed_deploy(struct lifecycle *lifecycle, enum deploy_failure reason)
{
    fail_deploy(lifecycle, lifecycle->deploy, reason);
    lifecycle->deploy = 0;
    const struct generation *current = find(lifecycle, lifecycle->current);
    if (current != NULL) {
        lifecycle->spawn_wanted = false;
        lifecycle->crashes = 0; /* the crashes of the attempts say nothing about the current one */
        if (current->settings.auto_restart_ms > 0) {
            arm(lifecycle, TIMER_AUTO_RESTART, current->settings.auto_restart_ms);
        }
    }
}

static void spawn(struct lifecycle *lifecycle)
{
    if (lifecycle->count == lifecycle->capacity) {
        /* Only a deploy finds the table full: what replaces a dead generation has its place. */
        assert(lifecycle->deploy != 0);
        end_failed_deploy(lifecycle, FAILURE_TABLE_FULL);
        return;
    }
    lifecycle->spawn_wanted = false;
    lifecycle->interval_over = false;
    lifecycle->attempt++;
    struct generation *generation = &lifecycle->generations[lifecycle->count++];
    *generation = (struct generation){
        .number = ++lifecycle->last_number,
        .state = GENERATION_STARTING,
        .settings = lifecycle->settings,
    };
    lifecycle->starting = generation->number;
    act(lifecycle, ACTION_SPAWN)->generation = generation->number;
}

static void spawn_if_due(struct lifecycle *lifecycle)
{
    if (lifecycle->spawn_wanted && lifecycle->starting == 0 && lifecycle->interval_over &&
        lifecycle->pause_over && !lifecycle->stopping) {
        spawn(lifecycle);
    }
}

/* Somebody asked: no waiting for what an earlier crash has earned. */
static void spawn_now(struct lifecycle *lifecycle)
{
    lifecycle->crashes = 0;
    disarm(lifecycle, TIMER_SETTLE);
    lifecycle->pause_over = true;
    disarm(lifecycle, TIMER_PAUSE);
    lifecycle->interval_over = true;
    disarm(lifecycle, TIMER_INTERVAL);
    lifecycle->spawn_wanted = true;
    spawn_if_due(lifecycle);
}

static void begin_deploy(struct lifecycle *lifecycle, bool automatic)
{
    lifecycle->deploy_queued = false;
    lifecycle->auto_restart_due = false;
    disarm(lifecycle, TIMER_AUTO_RESTART);
    lifecycle->deploy = ++lifecycle->last_deploy;
    lifecycle->attempt = 0;
    struct lifecycle_action *action = report(lifecycle, REPORT_DEPLOY_STARTED);
    action->deploy = lifecycle->deploy;
    action->automatic = automatic;
    spawn_now(lifecycle);
}

/* What a server that keeps crashing waits for on top of the interval since its last spawn. */
static int64_t crash_pause_ms(const struct lifecycle *lifecycle)
{
    int64_t interval = lifecycle->settings.interval_ms;
    int64_t pause = interval > LIFECYCLE_BACKOFF_MIN_MS ? interval : LIFECYCLE_BACKOFF_MIN_MS;
    if (!lifecycle->settings.backoff) {
        return interval < LIFECYCLE_BACKOFF_MIN_MS ? pause : 0;
    }
    int64_t longest = pause > LIFECYCLE_BACKOFF_MAX_MS ? pause : LIFECYCLE_BACKOFF_MAX_MS;
    for (unsigned i = 1; i < lifecycle->crashes && pause < longest; i++) {
        pause *= 2;
    }
    return pause < longest ? pause : longest;
}

/* A generation died that is to be replaced: when? One that had served is replaced at once the
   first time; after that, and for one that never got so far, with a pause. */
static void want_spawn_after_death(struct lifecycle *lifecycle, bool had_served)
{
    lifecycle->spawn_wanted = true;
    if (!had_served && lifecycle->crashes == 0) {
        lifecycle->crashes = 1;
    }
    int64_t pause = lifecycle->crashes == 0 ? 0 : crash_pause_ms(lifecycle);
    lifecycle->crashes++;
    if (pause > 0) {
        lifecycle->pause_over = false;
        arm(lifecycle, TIMER_PAUSE, pause);
        report(lifecycle, REPORT_PAUSED)->ms = pause;
    }
    spawn_if_due(lifecycle);
}

/* The newest generation failed. Decides what its deploy does next. */
static void attempt_failed(struct lifecycle *lifecycle, enum deploy_failure reason)
{
    if (lifecycle->stopping) {
        return;
    }
    if (lifecycle->deploy != 0) {
        unsigned attempts = lifecycle->settings.deploy_attempts;
        if (reason == FAILURE_NOT_EXECUTABLE || (attempts != 0 && lifecycle->attempt >= attempts)) {
            end_failed_deploy(lifecycle, reason);
        }
    }
    if (lifecycle->deploy == 0 && lifecycle->deploy_queued) {
        begin_queued_deploy(lifecycle);
    } else if (lifecycle->deploy != 0 || lifecycle->current == 0) {
        want_spawn_after_death(lifecycle, false);
    }
}

/* --- taking over ----------------------------------------------------------------------------- */

/* The older generations have been told to leave: from here on a new deploy may begin. */
static void finish_takeover(struct lifecycle *lifecycle)
{
    if (lifecycle->deploy != 0) {
        find(lifecycle, lifecycle->current)->deploy = lifecycle->deploy;
        lifecycle->deploy = 0;
    }
    settle_deploys(lifecycle);
    begin_queued_deploy(lifecycle);
}

/* Every older generation gets the signal, one that lingers from an earlier deploy once more. */
static void signal_older(struct lifecycle *lifecycle)
{
    int signal = find(lifecycle, lifecycle->current)->settings.retire_signal;
    for (size_t i = 0; i < lifecycle->count; i++) {
        struct generation *generation = &lifecycle->generations[i];
        if (generation->number < lifecycle->current) {
            generation->state = GENERATION_STOPPING;
            send_signal(lifecycle, generation, signal);
        }
    }
    finish_takeover(lifecycle);
}

static void become_current(struct lifecycle *lifecycle, struct generation *generation)
{
    generation->state = GENERATION_SERVING;
    lifecycle->current = generation->number;
    lifecycle->auto_restart_due = false;
    if (generation->settings.auto_restart_ms > 0) {
        arm(lifecycle, TIMER_AUTO_RESTART, generation->settings.auto_restart_ms);
    } else {
        disarm(lifecycle, TIMER_AUTO_RESTART);
    }
}

static void become_ready(struct lifecycle *lifecycle, struct generation *generation)
{
    struct generation *previous = find(lifecycle, lifecycle->current);
    if (previous != NULL) {
        previous->state = GENERATION_RETIRING;
    }
    lifecycle->starting = 0;
    become_current(lifecycle, generation);
    report_generation(lifecycle, REPORT_READY, generation);
    if (lifecycle->crashes > 0) {
        arm(lifecycle, TIMER_SETTLE, LIFECYCLE_BACKOFF_MAX_MS);
    }
    publish(lifecycle);
    if (lifecycle->deploy == 0 || !has_older(lifecycle, generation->number)) {
        finish_takeover(lifecycle);
    } else if (previous != NULL && generation->settings.kill_old_delay_ms > 0) {
        arm(lifecycle, TIMER_RETIRE, generation->settings.kill_old_delay_ms);
        report_generation(lifecycle, REPORT_RETIRING, generation)->ms =
            generation->settings.kill_old_delay_ms;
    } else {
        signal_older(lifecycle);
    }
}

/* --- events ---------------------------------------------------------------------------------- */

static void on_spawned(struct lifecycle *lifecycle, const struct lifecycle_event *event)
{
    struct generation *generation = find(lifecycle, event->generation);
    if (generation == NULL || generation->pid != 0) {
        return;
    }
    generation->pid = event->pid;
    generation->settings = event->settings;
    lifecycle->has_spawned = true;
    lifecycle->settings = event->settings;
    report_generation(lifecycle, REPORT_SPAWNED, generation);
    if (lifecycle->stopping) {
        send_signal(lifecycle, generation, lifecycle->stop_signal);
    } else if (event->settings.interval_ms > 0) {
        arm(lifecycle, TIMER_INTERVAL, event->settings.interval_ms);
    } else {
        lifecycle->interval_over = true;
        become_ready(lifecycle, generation);
    }
}

static void exit_if_stopped(struct lifecycle *lifecycle)
{
    if (lifecycle->stopping && lifecycle->count == 0) {
        act(lifecycle, ACTION_EXIT);
    }
}

static void on_spawn_failed(struct lifecycle *lifecycle, const struct lifecycle_event *event)
{
    struct generation *generation = find(lifecycle, event->generation);
    if (generation == NULL || generation->pid != 0) {
        return;
    }
    forget(lifecycle, generation);
    lifecycle->starting = 0;
    lifecycle->settings = event->settings;
    if (lifecycle->stopping) {
        exit_if_stopped(lifecycle);
        return;
    }
    if (!lifecycle->has_spawned && event->permanent) {
        if (lifecycle->deploy != 0) {
            fail_deploy(lifecycle, lifecycle->deploy, FAILURE_NOT_EXECUTABLE);
            lifecycle->deploy = 0;
        }
        lifecycle->stopping = true;
        act(lifecycle, ACTION_EXIT)->status = event->status;
        return;
    }
    if (event->settings.interval_ms > 0) {
        arm(lifecycle, TIMER_INTERVAL, event->settings.interval_ms);
    } else {
        lifecycle->interval_over = true;
    }
    attempt_failed(lifecycle, event->permanent ? FAILURE_NOT_EXECUTABLE : FAILURE_NOT_SPAWNED);
}

/* The current generation died while its predecessor was still there, not yet signalled. */
static void roll_back(struct lifecycle *lifecycle, struct generation *predecessor)
{
    disarm(lifecycle, TIMER_RETIRE);
    become_current(lifecycle, predecessor);
    report_generation(lifecycle, REPORT_ROLLED_BACK, predecessor);
    publish(lifecycle);
    attempt_failed(lifecycle, FAILURE_DIED_EARLY);
}

static void on_current_exited(struct lifecycle *lifecycle, uint64_t deploy)
{
    lifecycle->current = 0;
    lifecycle->auto_restart_due = false;
    disarm(lifecycle, TIMER_AUTO_RESTART);
    disarm(lifecycle, TIMER_SETTLE);
    struct generation *predecessor = find_retiring(lifecycle);
    if (predecessor != NULL) {
        roll_back(lifecycle, predecessor);
        return;
    }
    if (deploy != 0) {
        fail_deploy(lifecycle, deploy, FAILURE_DIED_LATE);
    }
    if (lifecycle->starting == 0) {
        want_spawn_after_death(lifecycle, true);
    }
}

/* An older generation is gone, by its own will or because it was told to. */
static void on_older_exited(struct lifecycle *lifecycle, const struct generation *left)
{
    if (left->deploy != 0) {
        /* It had taken over and was replaced in turn: what is older is the newer deploy's now. */
        report_generation(lifecycle, REPORT_DEPLOY_SUCCEEDED, left)->deploy = left->deploy;
    }
    publish(lifecycle);
    if (left->state == GENERATION_RETIRING && find_retiring(lifecycle) == NULL) {
        disarm(lifecycle, TIMER_RETIRE);
        signal_older(lifecycle);
        return;
    }
    settle_deploys(lifecycle);
    if (lifecycle->auto_restart_due && lifecycle->deploy == 0 && lifecycle->starting == 0 &&
        !has_older(lifecycle, lifecycle->current)) {
        begin_deploy(lifecycle, true);
    }
    spawn_if_due(lifecycle);
}

static void on_exited(struct lifecycle *lifecycle, const struct lifecycle_event *event)
{
    const struct generation *found = lifecycle_find_pid(lifecycle, event->pid);
    if (found == NULL) {
        return; /* an orphan, or a helper of the supervisor's */
    }
    const struct generation left = *found;
    forget(lifecycle, found);
    enum lifecycle_report what = left.state == GENERATION_STARTING  ? REPORT_START_FAILED
                                 : left.state == GENERATION_SERVING ? REPORT_CRASHED
                                                                    : REPORT_LEFT;
    report_generation(lifecycle, what, &left)->status = event->status;
    switch (left.state) {
    case GENERATION_STARTING:
        lifecycle->starting = 0;
        attempt_failed(lifecycle, FAILURE_DIED);
        break;
    case GENERATION_SERVING:
        on_current_exited(lifecycle, left.deploy);
        break;
    case GENERATION_RETIRING:
    case GENERATION_STOPPING:
        if (!lifecycle->stopping) {
            on_older_exited(lifecycle, &left);
        } else {
            publish(lifecycle);
        }
        break;
    }
    exit_if_stopped(lifecycle);
}

static void on_auto_restart(struct lifecycle *lifecycle)
{
    const struct generation *current = find(lifecycle, lifecycle->current);
    if (current == NULL) {
        return;
    }
    if (lifecycle->deploy != 0) {
        /* The deploy under way may yet fail, or be waiting for --kill-old-delay: ask again. */
        arm(lifecycle, TIMER_AUTO_RESTART, current->settings.auto_restart_ms);
        return;
    }
    if (lifecycle->auto_restart_due || !has_older(lifecycle, current->number)) {
        begin_deploy(lifecycle, true);
    } else {
        /* Older generations linger: wait until they are gone, but for one more interval at most. */
        lifecycle->auto_restart_due = true;
        arm(lifecycle, TIMER_AUTO_RESTART, current->settings.auto_restart_ms);
    }
}

static void on_timer(struct lifecycle *lifecycle, enum lifecycle_timer timer)
{
    if (timer >= LIFECYCLE_TIMERS || !lifecycle->armed[timer]) {
        return;
    }
    lifecycle->armed[timer] = false;
    struct generation *starting = find(lifecycle, lifecycle->starting);
    switch (timer) {
    case TIMER_INTERVAL:
        lifecycle->interval_over = true;
        if (starting != NULL && starting->pid != 0) {
            become_ready(lifecycle, starting);
        } else {
            spawn_if_due(lifecycle);
        }
        break;
    case TIMER_PAUSE:
        lifecycle->pause_over = true;
        spawn_if_due(lifecycle);
        break;
    case TIMER_RETIRE:
        if (lifecycle->current != 0 && find_retiring(lifecycle) != NULL) {
            signal_older(lifecycle);
        }
        break;
    case TIMER_SETTLE:
        lifecycle->crashes = 0;
        break;
    case TIMER_AUTO_RESTART:
        on_auto_restart(lifecycle);
        break;
    case LIFECYCLE_TIMERS:
        break;
    }
}

static void on_deploy(struct lifecycle *lifecycle)
{
    if (lifecycle->stopping) {
        return;
    }
    bool is_waiting = lifecycle->spawn_wanted && lifecycle->starting == 0;
    if (is_waiting && lifecycle->deploy != 0) {
        spawn_now(lifecycle); /* the next attempt is the deploy that was asked for */
    } else if (is_waiting || (lifecycle->deploy == 0 && lifecycle->starting == 0)) {
        begin_deploy(lifecycle, false);
    } else if (!lifecycle->deploy_queued) {
        lifecycle->deploy_queued = true;
        report(lifecycle, REPORT_DEPLOY_QUEUED);
    }
}

static void report_deploy_stopped(struct lifecycle *lifecycle, uint64_t deploy)
{
    if (deploy != 0) {
        report(lifecycle, REPORT_DEPLOY_STOPPED)->deploy = deploy;
    }
}

static void on_stop(struct lifecycle *lifecycle, int signal)
{
    report(lifecycle, REPORT_STOPPING)->signal = signal;
    if (lifecycle->stopping) {
        return;
    }
    lifecycle->stopping = true;
    lifecycle->stop_signal = signal;
    lifecycle->spawn_wanted = false;
    lifecycle->deploy_queued = false;
    for (int timer = 0; timer < LIFECYCLE_TIMERS; timer++) {
        disarm(lifecycle, (enum lifecycle_timer)timer);
    }
    report_deploy_stopped(lifecycle, lifecycle->deploy);
    lifecycle->deploy = 0;
    lifecycle->current = 0;
    lifecycle->starting = 0;
    for (size_t i = 0; i < lifecycle->count; i++) {
        struct generation *generation = &lifecycle->generations[i];
        report_deploy_stopped(lifecycle, generation->deploy);
        generation->deploy = 0;
        generation->state = GENERATION_STOPPING;
        if (generation->pid != 0) {
            send_signal(lifecycle, generation, signal);
        }
    }
    publish(lifecycle);
    exit_if_stopped(lifecycle);
}

void lifecycle_init(struct lifecycle *lifecycle, struct generation *generations, size_t capacity,
                    struct lifecycle_action *actions, const struct lifecycle_settings *settings)
{
    *lifecycle = (struct lifecycle){
        .generations = generations,
        .capacity = capacity,
        .actions = actions,
        .action_capacity = LIFECYCLE_ACTIONS_MAX(capacity),
        .interval_over = true,
        .pause_over = true,
        .settings = *settings,
    };
}

void lifecycle_step(struct lifecycle *lifecycle, const struct lifecycle_event *event)
{
    lifecycle->action_count = 0;
    switch (event->kind) {
    case EVENT_START:
        if (lifecycle->last_number == 0) {
            lifecycle->spawn_wanted = true;
            spawn_if_due(lifecycle);
        }
        break;
    case EVENT_SPAWNED:
        on_spawned(lifecycle, event);
        break;
    case EVENT_SPAWN_FAILED:
        on_spawn_failed(lifecycle, event);
        break;
    case EVENT_EXITED:
        on_exited(lifecycle, event);
        break;
    case EVENT_TIMER:
        on_timer(lifecycle, event->timer);
        break;
    case EVENT_DEPLOY:
        on_deploy(lifecycle);
        break;
    case EVENT_STOP:
        on_stop(lifecycle, event->signal);
        break;
    }
}

/* --- names ----------------------------------------------------------------------------------- */

const char *generation_state_name(enum generation_state state)
{
    static const char *const names[] = {"starting", "serving", "retiring", "stopping"};
    return names[state];
}

const char *lifecycle_event_name(enum lifecycle_event_kind kind)
{
    static const char *const names[] = {"start", "spawned", "spawn-failed", "exited",
                                        "timer", "deploy",  "stop"};
    return names[kind];
}

const char *lifecycle_action_name(enum lifecycle_action_kind kind)
{
    static const char *const names[] = {"spawn",   "signal", "arm", "disarm",
                                        "publish", "report", "exit"};
    return names[kind];
}

const char *lifecycle_timer_name(enum lifecycle_timer timer)
{
    static const char *const names[] = {"interval", "pause",        "retire",
                                        "settle",   "auto-restart", "none"};
    return names[timer];
}

const char *lifecycle_report_name(enum lifecycle_report what)
{
    static const char *const names[] = {
        "spawned",       "ready",          "start-failed",  "crashed",
        "left",          "rolled-back",    "paused",        "retiring",
        "signalled",     "deploy-started", "deploy-queued", "deploy-succeeded",
        "deploy-failed", "deploy-stopped", "stopping",
    };
    return names[what];
}

const char *deploy_failure_text(enum deploy_failure failure)
{
    static const char *const texts[] = {
        [FAILURE_NONE] = "no failure",
        [FAILURE_NOT_EXECUTABLE] = "the command cannot be executed",
        [FAILURE_NOT_SPAWNED] = "no process could be started",
        [FAILURE_DIED] = "the new worker died before it was ready",
        [FAILURE_DIED_EARLY] = "the new worker died before the older ones were signalled",
        [FAILURE_DIED_LATE] = "the new worker died after the older ones were told to leave",
        [FAILURE_TABLE_FULL] = "too many older generations are still running",
    };
    return texts[failure];
}
