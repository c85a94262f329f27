#include "lifecycle.h"

#include <assert.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

/* --- the action list -------------------------------------------------------------------------- */

static struct lifecycle_action *act(struct lifecycle *lifecycle, enum lifecycle_action_kind kind)
{
    assert(lifecycle->action_count < lifecycle->action_capacity);
    struct lifecycle_action *action = &lifecycle->actions[lifecycle->action_count++];
    *action = (struct lifecycle_action){.kind = kind};
    return action;
}

static struct lifecycle_action *arm(struct lifecycle *lifecycle, enum lifecycle_timer timer,
                                    int64_t ms)
{
    struct lifecycle_action *action = act(lifecycle, ACTION_ARM);
    action->timer = timer;
    action->ms = ms;
    lifecycle->armed[timer] = true;
    return action;
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

static struct lifecycle_action *arm_kill(struct lifecycle *lifecycle, struct generation *generation,
                                         int64_t ms)
{
    generation->kill_armed = true;
    struct lifecycle_action *action = act(lifecycle, ACTION_ARM);
    action->timer = TIMER_KILL;
    action->generation = generation->number;
    action->ms = ms;
    return action;
}

static void kill_generation(struct lifecycle *lifecycle, struct generation *generation)
{
    generation->is_killed = true;
    generation->kill_armed = false;
    send_signal(lifecycle, generation, SIGKILL);
}

/* How long a generation may take to leave. One that hangs is not waited for without end. */
static int64_t kill_timeout_ms(const struct generation *generation)
{
    const struct lifecycle_settings *settings = &generation->settings;
    return settings->kill_timeout_ms > 0 || !generation->is_hung ? settings->kill_timeout_ms
                                                                 : settings->watchdog_ms;
}

/* Tells a generation to leave; one that was told before is told again, but gets no more time. */
static void tell_to_leave(struct lifecycle *lifecycle, struct generation *generation, int signal)
{
    generation->state = GENERATION_STOPPING;
    send_signal(lifecycle, generation, signal);
    int64_t timeout = kill_timeout_ms(generation);
    if (timeout > 0 && !generation->kill_armed && !generation->is_killed) {
        arm_kill(lifecycle, generation, timeout);
    }
}

/* The status file keeps the last generation that was known to serve until its successor is ready:
   readers wait for numbers to change, and an empty file would tell them that nothing runs. */
static void publish(struct lifecycle *lifecycle)
{
    if (lifecycle->current != 0 || lifecycle->stopping) {
        act(lifecycle, ACTION_PUBLISH);
    }
}

/* --- the table of generations ----------------------------------------------------------------- */

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

/* --- deploys and starts ----------------------------------------------------------------------- */

static void begin_deploy(struct lifecycle *lifecycle, enum deploy_cause cause);
static void begin_stop(struct lifecycle *lifecycle, int signal);
static void want_spawn_after_death(struct lifecycle *lifecycle, bool had_served);

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

/* True while the deploy under way is past its check: what is started now is started for it. */
static bool is_trying(const struct lifecycle *lifecycle)
{
    return lifecycle->deploy != 0 && !lifecycle->is_checking && !lifecycle->is_held_up;
}

static void begin_queued_deploy(struct lifecycle *lifecycle)
{
    if (lifecycle->deploy_queued) {
        begin_deploy(lifecycle, lifecycle->queued_cause);
    }
}

static void stop_checking(struct lifecycle *lifecycle)
{
    if (lifecycle->is_checking) {
        lifecycle->is_checking = false;
        act(lifecycle, ACTION_UNCHECK);
    }
}

/* True of a deploy that was not allowed to try anything. */
static bool is_refused(enum deploy_failure reason)
{
    return reason == FAILURE_CHECK || reason == FAILURE_CONFIGURATION ||
           reason == FAILURE_LISTENERS;
}

/* The deploy under way fails for good; with no generation left the starts go on without it. */
static void end_failed_deploy(struct lifecycle *lifecycle, enum deploy_failure reason)
{
    fail_deploy(lifecycle, lifecycle->deploy, reason);
    lifecycle->deploy = 0;
    if (lifecycle->has_served) {
        lifecycle->settings = lifecycle->in_force;
    }
    const struct generation *current = find(lifecycle, lifecycle->current);
    if (current != NULL) {
        lifecycle->spawn_wanted = false;
        if (!is_refused(reason)) {
            lifecycle->crashes = 0; /* those of the attempts say nothing about the current one */
        }
        if (current->settings.auto_restart_ms > 0) {
            arm(lifecycle, TIMER_AUTO_RESTART, current->settings.auto_restart_ms);
        }
    }
}

static void spawn(struct lifecycle *lifecycle)
{
    if (lifecycle->count == lifecycle->capacity) {
        /* Those that were never ready linger too: what is no deploy's waits until one has left. */
        if (is_trying(lifecycle)) {
            end_failed_deploy(lifecycle, FAILURE_TABLE_FULL);
            begin_queued_deploy(lifecycle);
        }
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
    struct lifecycle_action *action = act(lifecycle, ACTION_SPAWN);
    action->generation = generation->number;
    action->deploy = is_trying(lifecycle) ? lifecycle->deploy : 0;
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
    lifecycle->limited_crashes = 0;
    disarm(lifecycle, TIMER_START_LIMIT);
    lifecycle->pause_over = true;
    disarm(lifecycle, TIMER_PAUSE);
    lifecycle->interval_over = true;
    disarm(lifecycle, TIMER_INTERVAL);
    lifecycle->spawn_wanted = true;
    spawn_if_due(lifecycle);
}

static void begin_check(struct lifecycle *lifecycle, enum deploy_cause cause)
{
    lifecycle->is_checking = true;
    struct lifecycle_action *action = act(lifecycle, ACTION_CHECK);
    action->deploy = lifecycle->deploy;
    action->cause = cause;
}

/* One that hangs is replaced by what it was: nobody has asked for anything else. */
static bool needs_check(const struct lifecycle *lifecycle, enum deploy_cause cause)
{
    return lifecycle->settings.has_check ||
           (lifecycle->settings.is_read && cause != CAUSE_WATCHDOG);
}

static void begin_deploy(struct lifecycle *lifecycle, enum deploy_cause cause)
{
    lifecycle->deploy_queued = false;
    lifecycle->auto_restart_due = false;
    disarm(lifecycle, TIMER_AUTO_RESTART);
    lifecycle->deploy = ++lifecycle->last_deploy;
    lifecycle->attempt = 0;
    struct lifecycle_action *action = report(lifecycle, REPORT_DEPLOY_STARTED);
    action->deploy = lifecycle->deploy;
    action->cause = cause;
    if (needs_check(lifecycle, cause)) {
        begin_check(lifecycle, cause);
    } else if (cause == CAUSE_WATCHDOG) {
        disarm(lifecycle, TIMER_SETTLE);
        want_spawn_after_death(lifecycle, true); /* as good as dead, and paced as the dead are */
    } else {
        spawn_now(lifecycle);
    }
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

/* Counts a death towards --start-limit. Returns true if it was one too many. */
static bool reach_start_limit(struct lifecycle *lifecycle)
{
    const struct lifecycle_settings *settings = &lifecycle->settings;
    if (settings->start_limit == 0 || lifecycle->current != 0) {
        return false;
    }
    if (lifecycle->limited_crashes++ == 0) {
        arm(lifecycle, TIMER_START_LIMIT, settings->start_limit_ms);
    }
    return lifecycle->limited_crashes >= settings->start_limit;
}

static void give_up(struct lifecycle *lifecycle)
{
    report(lifecycle, REPORT_GAVE_UP);
    lifecycle->exit_status = LIFECYCLE_EXIT_GAVE_UP;
    begin_stop(lifecycle, SIGTERM);
}

/* A generation died that is to be replaced: when? One that had served is replaced at once the
   first time; after that, and for one that never got so far, with a pause. */
static void want_spawn_after_death(struct lifecycle *lifecycle, bool had_served)
{
    if (reach_start_limit(lifecycle)) {
        give_up(lifecycle);
        return;
    }
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

/* The check has said yes, and nothing else is starting. */
static void begin_attempts(struct lifecycle *lifecycle)
{
    lifecycle->is_held_up = false;
    lifecycle->attempt = 0; /* what replaced the dead meanwhile was none of this deploy's */
    spawn_now(lifecycle);
}

/* The newest generation failed. Decides what its deploy does next. */
static void attempt_failed(struct lifecycle *lifecycle, enum deploy_failure reason)
{
    if (lifecycle->stopping) {
        return;
    }
    if (lifecycle->is_held_up) {
        begin_attempts(lifecycle);
        return;
    }
    if (is_trying(lifecycle)) {
        unsigned attempts = lifecycle->settings.deploy_attempts;
        if (reason == FAILURE_NOT_EXECUTABLE || (attempts != 0 && lifecycle->attempt >= attempts)) {
            end_failed_deploy(lifecycle, reason);
        }
    }
    if (lifecycle->deploy == 0 && lifecycle->deploy_queued) {
        begin_queued_deploy(lifecycle);
    } else if (is_trying(lifecycle) || lifecycle->current == 0) {
        want_spawn_after_death(lifecycle, false);
    }
}

/* --- taking over ------------------------------------------------------------------------------ */

/* When more than --max-old generations linger, the oldest are killed. */
static void limit_lingering(struct lifecycle *lifecycle)
{
    unsigned max = find(lifecycle, lifecycle->current)->settings.max_old;
    size_t lingering = 0;
    for (size_t i = 0; i < lifecycle->count; i++) {
        lingering += lifecycle->generations[i].number < lifecycle->current &&
                     !lifecycle->generations[i].is_killed;
    }
    for (size_t i = 0; max > 0 && i < lifecycle->count && lingering > max; i++) {
        struct generation *generation = &lifecycle->generations[i];
        if (generation->number < lifecycle->current && !generation->is_killed) {
            kill_generation(lifecycle, generation);
            lingering--;
        }
    }
}

/* The older generations have been told to leave: from here on a new deploy may begin. */
static void finish_takeover(struct lifecycle *lifecycle)
{
    limit_lingering(lifecycle);
    if (is_trying(lifecycle)) {
        find(lifecycle, lifecycle->current)->deploy = lifecycle->deploy;
        lifecycle->deploy = 0;
    }
    settle_deploys(lifecycle);
    if (lifecycle->is_held_up) {
        begin_attempts(lifecycle);
    } else if (lifecycle->deploy == 0) {
        begin_queued_deploy(lifecycle);
    }
}

/* Every older generation gets the signal, one that lingers from an earlier deploy once more. */
static void signal_older(struct lifecycle *lifecycle)
{
    int signal = find(lifecycle, lifecycle->current)->settings.retire_signal;
    for (size_t i = 0; i < lifecycle->count; i++) {
        struct generation *generation = &lifecycle->generations[i];
        if (generation->number < lifecycle->current) {
            tell_to_leave(lifecycle, generation, signal);
        }
    }
    finish_takeover(lifecycle);
}

static void become_current(struct lifecycle *lifecycle, struct generation *generation)
{
    generation->state = GENERATION_SERVING;
    lifecycle->current = generation->number;
    lifecycle->has_served = true;
    lifecycle->in_force = generation->settings;
    lifecycle->must_report = generation->has_reported;
    lifecycle->auto_restart_due = false;
    if (generation->settings.auto_restart_ms > 0) {
        arm(lifecycle, TIMER_AUTO_RESTART, generation->settings.auto_restart_ms);
    } else {
        disarm(lifecycle, TIMER_AUTO_RESTART);
    }
    if (generation->settings.watchdog_ms > 0) {
        arm(lifecycle, TIMER_WATCHDOG, generation->settings.watchdog_ms);
    } else {
        disarm(lifecycle, TIMER_WATCHDOG);
    }
}

static void become_ready(struct lifecycle *lifecycle, struct generation *generation)
{
    struct generation *previous = find(lifecycle, lifecycle->current);
    if (previous != NULL) {
        previous->state = GENERATION_RETIRING;
    }
    lifecycle->starting = 0;
    disarm(lifecycle, TIMER_READY);
    become_current(lifecycle, generation);
    report_generation(lifecycle, REPORT_READY, generation);
    if (lifecycle->crashes > 0) {
        arm(lifecycle, TIMER_SETTLE, LIFECYCLE_BACKOFF_MAX_MS);
    }
    publish(lifecycle);
    if (!is_trying(lifecycle) || !has_older(lifecycle, generation->number)) {
        finish_takeover(lifecycle);
    } else if (previous != NULL && generation->settings.kill_old_delay_ms > 0) {
        arm(lifecycle, TIMER_RETIRE, generation->settings.kill_old_delay_ms);
        report_generation(lifecycle, REPORT_RETIRING, generation)->ms =
            generation->settings.kill_old_delay_ms;
    } else {
        signal_older(lifecycle);
    }
}

/* --- events ----------------------------------------------------------------------------------- */

/* A slow start is never mistaken for a good one: where the generation before said that it was
   ready, this one must say so too. */
static bool is_ready_by_age(const struct lifecycle *lifecycle, const struct generation *generation)
{
    return generation->settings.ready_mode == READY_BY_AGE ||
           (generation->settings.ready_mode == READY_AUTO && !lifecycle->must_report);
}

/* One that has to say that it is ready has --ready-timeout for it. That it has to may turn out
   only when it is starting already, if the current one says so late. */
static void limit_start(struct lifecycle *lifecycle, const struct generation *starting)
{
    if (starting != NULL && starting->pid != 0 && !is_ready_by_age(lifecycle, starting) &&
        starting->settings.ready_timeout_ms > 0 && !lifecycle->armed[TIMER_READY]) {
        arm(lifecycle, TIMER_READY, starting->settings.ready_timeout_ms);
    }
}

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
        tell_to_leave(lifecycle, generation, lifecycle->stop_signal);
        if (lifecycle->stop_overdue) {
            kill_generation(lifecycle, generation);
        }
        return;
    }
    limit_start(lifecycle, generation);
    if (event->settings.interval_ms > 0) {
        arm(lifecycle, TIMER_INTERVAL, event->settings.interval_ms);
        return;
    }
    lifecycle->interval_over = true;
    if (is_ready_by_age(lifecycle, generation)) {
        become_ready(lifecycle, generation);
    }
}

/* The exit status of a shell for a worker that ended so. */
static int shell_status(int status)
{
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* The only worker ended by itself: a service that is to end with it does. */
static void end_with_worker(struct lifecycle *lifecycle, int status)
{
    lifecycle->exit_status = shell_status(status);
    report(lifecycle, REPORT_ENDING)->status = status;
    begin_stop(lifecycle, SIGTERM);
}

static void exit_if_stopped(struct lifecycle *lifecycle)
{
    if (lifecycle->stopping && lifecycle->count == 0) {
        disarm(lifecycle, TIMER_STOP);
        act(lifecycle, ACTION_EXIT)->status = lifecycle->exit_status;
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
        stop_checking(lifecycle);
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
    exit_if_stopped(lifecycle);
}

/* The current generation failed while its predecessor was still there, not yet signalled. */
static void roll_back(struct lifecycle *lifecycle, struct generation *predecessor,
                      enum deploy_failure reason)
{
    disarm(lifecycle, TIMER_RETIRE);
    disarm(lifecycle, TIMER_SETTLE);
    become_current(lifecycle, predecessor);
    report_generation(lifecycle, REPORT_ROLLED_BACK, predecessor);
    publish(lifecycle);
    attempt_failed(lifecycle, reason);
}

static void on_current_exited(struct lifecycle *lifecycle, const struct generation *left,
                              int status)
{
    lifecycle->current = 0;
    lifecycle->auto_restart_due = false;
    disarm(lifecycle, TIMER_AUTO_RESTART);
    disarm(lifecycle, TIMER_SETTLE);
    disarm(lifecycle, TIMER_WATCHDOG);
    struct generation *predecessor = find_retiring(lifecycle);
    if (predecessor != NULL) {
        roll_back(lifecycle, predecessor, FAILURE_DIED_EARLY);
        return;
    }
    if (left->deploy != 0) {
        fail_deploy(lifecycle, left->deploy, FAILURE_DIED_LATE);
    }
    if (lifecycle->starting != 0) {
        return;
    }
    if (left->settings.exit_with_worker) {
        end_with_worker(lifecycle, status);
    } else {
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
        begin_deploy(lifecycle, CAUSE_TIME);
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
        disarm(lifecycle, TIMER_READY);
        if (left.settings.exit_with_worker && lifecycle->current == 0) {
            end_with_worker(lifecycle, event->status);
        } else {
            attempt_failed(lifecycle, FAILURE_DIED);
        }
        break;
    case GENERATION_SERVING:
        on_current_exited(lifecycle, &left, event->status);
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
        begin_deploy(lifecycle, CAUSE_TIME);
    } else {
        /* Older generations linger: wait until they are gone, but for one more interval at most. */
        lifecycle->auto_restart_due = true;
        arm(lifecycle, TIMER_AUTO_RESTART, current->settings.auto_restart_ms);
    }
}

/* The starting generation took too long. It is told to leave; what comes next is its deploy's. */
static void on_ready_timeout(struct lifecycle *lifecycle, struct generation *starting)
{
    if (starting == NULL || starting->pid == 0) {
        return;
    }
    report_generation(lifecycle, REPORT_NOT_READY, starting);
    lifecycle->starting = 0;
    tell_to_leave(lifecycle, starting, starting->settings.retire_signal);
    publish(lifecycle);
    attempt_failed(lifecycle, FAILURE_NOT_READY);
}

/* A hung server may still serve some: it is replaced before it is told to leave, by the one that it
   was to replace if that is still there. */
static void on_hung(struct lifecycle *lifecycle, struct generation *generation)
{
    if (generation == NULL || generation->number != lifecycle->current) {
        return;
    }
    if (!generation->is_hung) {
        report_generation(lifecycle, REPORT_HUNG, generation);
        generation->is_hung = true;
    }
    struct generation *predecessor = find_retiring(lifecycle);
    if (predecessor != NULL) {
        tell_to_leave(lifecycle, generation, generation->settings.retire_signal);
        roll_back(lifecycle, predecessor, FAILURE_HUNG);
        return;
    }
    if (generation->settings.watchdog_ms > 0) {
        arm(lifecycle, TIMER_WATCHDOG, generation->settings.watchdog_ms);
    }
    if (lifecycle->deploy == 0 && lifecycle->starting == 0) {
        begin_deploy(lifecycle, CAUSE_WATCHDOG);
    }
}

static void on_kill_timeout(struct lifecycle *lifecycle, uint64_t number)
{
    struct generation *generation = find(lifecycle, number);
    if (generation != NULL && generation->kill_armed) {
        kill_generation(lifecycle, generation);
    }
}

/* Whoever is left has had --stop-timeout to leave. */
static void on_stop_overdue(struct lifecycle *lifecycle)
{
    lifecycle->stop_overdue = true;
    report(lifecycle, REPORT_STOP_OVERDUE);
    for (size_t i = 0; i < lifecycle->count; i++) {
        struct generation *generation = &lifecycle->generations[i];
        if (generation->pid != 0 && !generation->is_killed) {
            kill_generation(lifecycle, generation);
        }
    }
}

static void on_timer(struct lifecycle *lifecycle, const struct lifecycle_event *event)
{
    enum lifecycle_timer timer = event->timer;
    if (timer == TIMER_KILL) {
        on_kill_timeout(lifecycle, event->generation);
        return;
    }
    if (timer >= LIFECYCLE_TIMERS || !lifecycle->armed[timer]) {
        return;
    }
    lifecycle->armed[timer] = false;
    struct generation *starting = find(lifecycle, lifecycle->starting);
    switch (timer) {
    case TIMER_INTERVAL:
        lifecycle->interval_over = true;
        if (starting != NULL && starting->pid != 0 && is_ready_by_age(lifecycle, starting)) {
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
    case TIMER_READY:
        on_ready_timeout(lifecycle, starting);
        break;
    case TIMER_WATCHDOG:
        on_hung(lifecycle, find(lifecycle, lifecycle->current));
        break;
    case TIMER_START_LIMIT:
        lifecycle->limited_crashes = 0;
        break;
    case TIMER_STOP:
        on_stop_overdue(lifecycle);
        break;
    case LIFECYCLE_TIMERS:
    case TIMER_KILL:
        break;
    }
}

/* --- what generations say -----------------------------------------------------------------------
 */

static void on_ready(struct lifecycle *lifecycle, struct generation *generation)
{
    if (generation == NULL || generation->pid == 0 ||
        generation->settings.ready_mode == READY_BY_AGE) {
        return;
    }
    generation->has_reported = true;
    if (generation->state == GENERATION_STARTING) {
        become_ready(lifecycle, generation);
    } else if (generation->number == lifecycle->current) {
        lifecycle->must_report = true;
        limit_start(lifecycle, find(lifecycle, lifecycle->starting));
    }
}

static void on_extend(struct lifecycle *lifecycle, struct generation *generation, int64_t ms)
{
    if (generation == NULL || ms <= 0) {
        return;
    }
    if (generation->state == GENERATION_STARTING && lifecycle->armed[TIMER_READY]) {
        arm(lifecycle, TIMER_READY, ms)->at_least = true;
    } else if (generation->kill_armed) {
        arm_kill(lifecycle, generation, ms)->at_least = true;
    }
}

static void on_alive(struct lifecycle *lifecycle, struct generation *generation)
{
    if (generation == NULL) {
        return;
    }
    generation->is_hung = false;
    if (generation->number == lifecycle->current && generation->settings.watchdog_ms > 0) {
        arm(lifecycle, TIMER_WATCHDOG, generation->settings.watchdog_ms);
    }
}

/* With no generation left the starts go on without the deploy. One that was queued follows when
   nothing is starting any more: what was started before it was asked for is not its own. */
static void on_check_failed(struct lifecycle *lifecycle, enum deploy_failure reason)
{
    end_failed_deploy(lifecycle, reason != FAILURE_NONE ? reason : FAILURE_CHECK);
    if (lifecycle->current == 0) {
        lifecycle->spawn_wanted = lifecycle->starting == 0;
        spawn_if_due(lifecycle);
    }
    if (lifecycle->starting == 0) {
        begin_queued_deploy(lifecycle);
    }
}

static void on_checked(struct lifecycle *lifecycle, bool ok, enum deploy_failure reason)
{
    if (!lifecycle->is_checking) {
        return;
    }
    lifecycle->is_checking = false;
    if (lifecycle->deploy == 0 && !ok) { /* before the first start of all */
        lifecycle->stopping = true;
        act(lifecycle, ACTION_EXIT)->status = 1;
    } else if (!ok) {
        on_check_failed(lifecycle, reason);
    } else if (lifecycle->starting == 0) {
        begin_attempts(lifecycle);
    } else {
        /* The current one crashed meanwhile. What replaces it was started with what was before. */
        lifecycle->is_held_up = true;
    }
}

/* --- requests -----------------------------------------------------------------------------------
 */

uint64_t lifecycle_next_deploy(const struct lifecycle *lifecycle)
{
    bool is_waiting = lifecycle->spawn_wanted && lifecycle->starting == 0;
    return is_waiting && is_trying(lifecycle) ? lifecycle->deploy : lifecycle->last_deploy + 1;
}

static void on_deploy(struct lifecycle *lifecycle, enum deploy_cause cause)
{
    if (lifecycle->stopping) {
        return;
    }
    bool is_waiting = lifecycle->spawn_wanted && lifecycle->starting == 0;
    if (is_waiting && is_trying(lifecycle) && needs_check(lifecycle, CAUSE_REQUEST)) {
        /* What the next attempt is started with may be mended by now. */
        lifecycle->spawn_wanted = lifecycle->current == 0;
        lifecycle->crashes = lifecycle->current == 0 ? lifecycle->crashes : 0;
        begin_check(lifecycle, CAUSE_REQUEST);
    } else if (is_waiting && is_trying(lifecycle)) {
        spawn_now(lifecycle); /* the next attempt is the deploy that was asked for */
    } else if (lifecycle->deploy == 0 && lifecycle->starting == 0 && !lifecycle->is_checking) {
        begin_deploy(lifecycle, cause);
    } else if (!lifecycle->deploy_queued) {
        lifecycle->deploy_queued = true;
        lifecycle->queued_cause = cause;
        report(lifecycle, REPORT_DEPLOY_QUEUED)->deploy = lifecycle->last_deploy + 1;
    }
}

static void report_deploy_stopped(struct lifecycle *lifecycle, uint64_t deploy)
{
    if (deploy != 0) {
        report(lifecycle, REPORT_DEPLOY_STOPPED)->deploy = deploy;
    }
}

static void begin_stop(struct lifecycle *lifecycle, int signal)
{
    lifecycle->stopping = true;
    lifecycle->stop_signal = signal;
    lifecycle->spawn_wanted = false;
    lifecycle->deploy_queued = false;
    lifecycle->is_held_up = false;
    for (int timer = 0; timer < LIFECYCLE_TIMERS; timer++) {
        disarm(lifecycle, (enum lifecycle_timer)timer);
    }
    stop_checking(lifecycle);
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
            tell_to_leave(lifecycle, generation, signal);
        }
    }
    if (lifecycle->settings.stop_timeout_ms > 0 && lifecycle->count > 0) {
        arm(lifecycle, TIMER_STOP, lifecycle->settings.stop_timeout_ms);
    }
    publish(lifecycle);
}

static void on_stop(struct lifecycle *lifecycle, int signal)
{
    report(lifecycle, REPORT_STOPPING)->signal = signal;
    if (!lifecycle->stopping) {
        begin_stop(lifecycle, signal);
        exit_if_stopped(lifecycle);
    }
}

static void on_start(struct lifecycle *lifecycle)
{
    if (lifecycle->last_number != 0 || lifecycle->is_checking || lifecycle->stopping) {
        return;
    }
    if (lifecycle->settings.has_check) {
        begin_check(lifecycle, CAUSE_REQUEST);
    } else {
        lifecycle->spawn_wanted = true;
        spawn_if_due(lifecycle);
    }
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
        on_start(lifecycle);
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
        on_timer(lifecycle, event);
        break;
    case EVENT_CHECKED:
        on_checked(lifecycle, event->ok, event->reason);
        break;
    case EVENT_READY:
        on_ready(lifecycle, find(lifecycle, event->generation));
        break;
    case EVENT_EXTEND:
        on_extend(lifecycle, find(lifecycle, event->generation), event->ms);
        break;
    case EVENT_ALIVE:
        on_alive(lifecycle, find(lifecycle, event->generation));
        break;
    case EVENT_HUNG:
        on_hung(lifecycle, find(lifecycle, event->generation));
        break;
    case EVENT_DEPLOY:
        on_deploy(lifecycle, event->cause);
        break;
    case EVENT_STOP:
        on_stop(lifecycle, event->signal);
        break;
    }
}
