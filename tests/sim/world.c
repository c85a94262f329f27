#include "world.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

/* Starts that follow each other without any time or request between them: one and its replacement,
   for each of two deploys. More is a loop. */
#define STARTS_IN_A_ROW_MAX 8
/* Steps that one event may take. */
#define STEPS_MAX 100
#define TEXT_SIZE 32768

/* --- the world -------------------------------------------------------------------------------- */

void world_break(struct world *world, const char *what)
{
    if (world->broken == NULL) {
        snprintf(world->sentence, sizeof world->sentence, "%s", what);
        world->broken = world->sentence;
    }
}

static void require(struct world *world, bool holds, const char *otherwise)
{
    if (!holds) {
        world_break(world, otherwise);
    }
}

struct process *world_find(struct world *world, uint64_t number)
{
    for (unsigned i = 0; i < world->count; i++) {
        if (world->processes[i].number == number) {
            return &world->processes[i];
        }
    }
    return NULL;
}

struct process *world_find_pid(struct world *world, pid_t pid)
{
    for (unsigned i = 0; pid > 0 && i < world->count; i++) {
        if (world->processes[i].pid == pid) {
            return &world->processes[i];
        }
    }
    return NULL;
}

struct process *world_find_starting(struct world *world)
{
    for (unsigned i = 0; i < world->count; i++) {
        if (!world->processes[i].is_ready && !world->processes[i].is_told) {
            return &world->processes[i];
        }
    }
    return NULL;
}

/* The newest that is ready, has not been told to leave, and is older than `number`. */
static struct process *find_serving_before(struct world *world, uint64_t number)
{
    struct process *found = NULL;
    for (unsigned i = 0; i < world->count && world->processes[i].number < number; i++) {
        if (world->processes[i].is_ready && !world->processes[i].is_told) {
            found = &world->processes[i];
        }
    }
    return found;
}

static void bury(struct world *world, struct process *process)
{
    unsigned index = (unsigned)(process - world->processes);
    world->count--;
    memmove(process, process + 1, (world->count - index) * sizeof *process);
}

static unsigned count_lingering(const struct world *world)
{
    unsigned count = 0;
    for (unsigned i = 0; i < world->count; i++) {
        count += world->processes[i].number < world->current && !world->processes[i].is_killed;
    }
    return count;
}

/* --- deploys ---------------------------------------------------------------------------------- */

static bool close_deploy(struct world *world, uint64_t deploy)
{
    for (unsigned i = 0; i < world->open_count; i++) {
        if (world->open[i] == deploy) {
            world->open[i] = world->open[--world->open_count];
            world->under_way = world->under_way == deploy ? 0 : world->under_way;
            return true;
        }
    }
    return false;
}

static void see_deploy_begin(struct world *world, const struct lifecycle_action *action)
{
    const struct process *current = world_find(world, world->current);
    world->tally->causes[action->cause]++;
    require(world, !world->is_stopping, "6: a deploy begins in a stop");
    require(world, action->deploy > world->last_deploy, "7: a deploy's number does not grow");
    require(world, world->under_way == 0, "3: a deploy begins while another is under way");
    require(world, world_find_starting(world) == NULL, "3: a deploy begins beside a candidate");
    require(world, world->promised == 0 || world->promised == action->deploy,
            "a deploy that waited has another number now");
    require(world,
            action->cause == CAUSE_TIME || action->cause == CAUSE_WATCHDOG ||
                (world->promised != 0
                     ? action->cause == world->promised_cause
                     : world->event->kind == EVENT_DEPLOY && action->cause == world->event->cause),
            "a deploy that nobody asked for, or somebody else");
    require(world,
            action->cause != CAUSE_TIME ||
                (current != NULL && current->settings.auto_restart_ms > 0),
            "a restart by time that nobody wants");
    require(world, action->cause != CAUSE_WATCHDOG || (current != NULL && current->is_hung),
            "a deploy for one that hangs, but none does");
    for (unsigned i = 0; i < world->count; i++) {
        const struct process *process = &world->processes[i];
        world->processes[i].served_before = process->is_ready && !process->is_told;
    }
    world->open[world->open_count++] = action->deploy;
    world->under_way = world->last_deploy = action->deploy;
    world->promised = 0;
    world->may_try = true;
    world->is_asked_for = world->is_asked_for || action->cause != CAUSE_WATCHDOG;
}

static void see_success(struct world *world, const struct lifecycle_action *action)
{
    const struct process *process = world_find(world, action->generation);
    const struct process *left = &world->left;
    require(world, close_deploy(world, action->deploy), "5: a deploy has a second outcome");
    require(world,
            process != NULL ? process->is_ready
                            : left->number == action->generation && left->is_ready &&
                                  (left->is_told || left->number < world->current),
            "5: a deploy succeeds without anybody");
    require(world, process == NULL || process == &world->processes[0],
            "5: a deploy succeeds before everything older has gone");
    world->tally->succeeded++;
}

/* Who served when the deploy began serves as before, but for who died by itself. */
static void see_failure(struct world *world, const struct lifecycle_action *action)
{
    world->tally->failures[action->reason]++;
    if (action->reason == FAILURE_DIED_LATE) {
        require(world, world->event->kind == EVENT_EXITED, "5: a deploy fails late by no death");
        require(world, close_deploy(world, action->deploy), "5: a deploy has a second outcome");
        return;
    }
    require(world, action->deploy == world->under_way, "5: a deploy fails that is not under way");
    require(world, close_deploy(world, action->deploy), "5: a deploy has a second outcome");
    for (unsigned i = 0; i < world->count; i++) {
        const struct process *process = &world->processes[i];
        require(world, !process->served_before || !process->is_told,
                "5: a deploy fails, and one that served before does no longer");
        require(world,
                process->served_before || !process->is_ready || process->is_told ||
                    process->deploy != action->deploy || process->number != world->current,
                "5: a deploy fails, and its own generation serves");
    }
    require(world, action->reason != FAILURE_TABLE_FULL || world->count == world->model.capacity,
            "a deploy fails for a full table that is not full");
}

/* --- generations ------------------------------------------------------------------------------ */

static void see_spawn(struct world *world, const struct lifecycle_action *action)
{
    uint64_t expected = world->may_try ? world->under_way : 0;
    struct process *process = &world->processes[world->count];
    require(world, !world->is_stopping && !world->has_exited, "6: a start in a stop");
    require(world, action->generation > world->last_number, "7: a number does not grow");
    require(world, world_find_starting(world) == NULL, "3: two candidates");
    require(world, action->deploy == expected, "8: a start of what no deploy has made current");
    require(world, world->current == 0 || expected != 0, "a start that no deploy has made");
    require(world, world->current != 0 || !world->is_checking || world->under_way != 0,
            "the first start does not wait for its check");
    require(world,
            world->is_asked_for ||
                (world->now >= world->start_from && world->now >= world->pause_until),
            "a start that nobody asked for does not wait");
    require(world, ++world->starts <= STARTS_IN_A_ROW_MAX, "starts follow each other in a loop");
    require(world, world->count < world->model.capacity, "more generations than the table");
    if (world->broken == NULL) {
        *process = (struct process){.number = action->generation, .deploy = action->deploy};
        world->last_number = action->generation;
        world->count++;
    }
}

static void watch(struct world *world, struct process *process)
{
    const struct lifecycle_settings *settings = &process->settings;
    process->silent_from = settings->watchdog_ms > 0 ? world->now + settings->watchdog_ms : 0;
}

static void see_ready(struct world *world, struct process *process)
{
    const struct lifecycle_settings *settings = &process->settings;
    const struct process *standby = find_serving_before(world, process->number);
    bool says_so = world->event->kind == EVENT_READY && world->event->generation == process->number;
    bool is_old = world->now >= process->born_at + settings->interval_ms;
    require(world, process == world_find_starting(world) && process->pid != 0,
            "one becomes ready that is not starting");
    require(world, says_so ? settings->ready_mode != READY_BY_AGE : is_old,
            "one becomes ready before its time");
    require(world, says_so || settings->ready_mode != READY_BY_REPORT,
            "one becomes ready that has to say so");
    process->is_ready = true;
    process->ready_by = 0;
    world->current = process->number;
    world->older_from =
        world->now + (standby != NULL && process->deploy != 0 ? settings->kill_old_delay_ms : 0);
    watch(world, process);
}

static void see_roll_back(struct world *world, struct process *process)
{
    const struct process *failed = world_find(world, world->current);
    bool has_died = world->left.number == world->current;
    require(world, process == find_serving_before(world, world->current),
            "2: one is current again that is not the standby");
    require(world, has_died || (failed != NULL && failed->is_hung), "a roll-back without cause");
    if (!has_died) {
        world->rejected = world->current;
    }
    world->current = process->number;
    watch(world, process);
}

static void see_not_ready(struct world *world, const struct process *process)
{
    require(world, process == world_find_starting(world), "one is late that is not starting");
    require(world, process->ready_by == 0 || world->now >= process->ready_by,
            "one is late that has time");
    world->rejected = process->number;
}

static void see_hang(struct world *world, struct process *process)
{
    bool says_so = world->event->kind == EVENT_HUNG && world->event->generation == process->number;
    require(world, process->number == world->current, "one hangs that does not serve");
    require(world, !process->is_hung, "a hang is told twice");
    require(world, says_so || (process->silent_from != 0 && world->now >= process->silent_from),
            "one hangs that has just been heard");
    process->is_hung = true;
}

static void see_exit(struct world *world, const struct lifecycle_action *action,
                     struct process *process)
{
    bool was_current = process->number == world->current;
    bool was_starting = process == world_find_starting(world);
    enum lifecycle_report expected = world->is_stopping ? REPORT_LEFT
                                     : was_current      ? REPORT_CRASHED
                                     : was_starting     ? REPORT_START_FAILED
                                                        : REPORT_LEFT;
    require(world, world->event->kind == EVENT_EXITED && process->pid == world->event->pid,
            "an exit is told of one that lives");
    require(world, action->report == expected, "an exit is told as another");
    world->left = *process;
    bury(world, process);
}

/* --- signals ---------------------------------------------------------------------------------- */

static bool is_one_too_many(const struct world *world, const struct process *process)
{
    for (const struct process *one = world->processes; one < process; one++) {
        if (!one->is_killed) {
            return false;
        }
    }
    const struct generation *current = lifecycle_find(&world->model, world->current);
    return process->number < world->current && current != NULL && current->settings.max_old > 0 &&
           count_lingering(world) > current->settings.max_old;
}

static void see_kill(struct world *world, struct process *process)
{
    bool is_late = process->leave_by != 0 && world->now >= process->leave_by;
    require(world, process->is_told, "one is killed that was not told to leave");
    require(world, !process->is_killed, "one is killed twice");
    require(world, is_late || world->is_overdue || is_one_too_many(world, process),
            "one is killed that has time");
    process->is_killed = true;
}

/* Signals go out one after the other: with the first one the deploy has done what it can. */
static void see_farewell(struct world *world, const struct lifecycle_action *action,
                         const struct process *process)
{
    const struct process *current = world_find(world, world->current);
    const struct process *standby = find_serving_before(world, world->current);
    if (world->is_stopping) {
        return;
    }
    require(world, process->number != world->current, "2: the current generation is signalled");
    require(world, current != NULL || process->number == world->rejected,
            "2: one is signalled while nothing serves");
    if (process->number == world->rejected) {
        require(world, action->signal == process->settings.retire_signal, "another signal");
        return;
    }
    require(world, current != NULL && process->number < current->number,
            "2: one is signalled that is not older");
    require(world, current == NULL || action->signal == current->settings.retire_signal,
            "an older one gets another signal than --signal-on-hup");
    require(world, standby == NULL || world->now >= world->older_from,
            "2: one is signalled in the probation of the next");
    world->under_way = world->under_way == 0 || current == NULL || !world->may_try ||
                               current->deploy != world->under_way
                           ? world->under_way
                           : 0;
}

static void see_signal(struct world *world, const struct lifecycle_action *action)
{
    struct process *process = world_find_pid(world, action->pid);
    require(world, process != NULL && process->number == action->generation,
            "4: a process is signalled that does not live");
    if (process == NULL) {
        return;
    }
    if (action->signal == SIGKILL) {
        see_kill(world, process);
        return;
    }
    see_farewell(world, action, process);
    const struct lifecycle_settings *settings = &process->settings;
    int64_t timeout = settings->kill_timeout_ms;
    timeout = timeout == 0 && process->is_hung ? settings->watchdog_ms : timeout;
    if (timeout > 0 && process->leave_by == 0) {
        process->leave_by = world->now + timeout;
    }
    process->is_told = true;
    process->silent_from = 0;
    process->ready_by = 0;
}

/* --- actions ---------------------------------------------------------------------------------- */

static void begin_stop(struct world *world)
{
    if (!world->is_stopping) {
        world->is_stopping = true;
        world->current = 0;
        world->promised = 0;
        int64_t timeout = world->model.settings.stop_timeout_ms;
        world->kill_by = timeout > 0 ? world->now + timeout : 0;
    }
}

static void see_pause(struct world *world, int64_t ms)
{
    int64_t interval = world->model.settings.interval_ms;
    int64_t longest = interval > LIFECYCLE_BACKOFF_MAX_MS ? interval : LIFECYCLE_BACKOFF_MAX_MS;
    require(world, ms >= LIFECYCLE_BACKOFF_MIN_MS && ms <= longest, "a pause that cannot be");
    world->pause_until = world->now + ms;
}

static void see_service_report(struct world *world, const struct lifecycle_action *action)
{
    switch (action->report) {
    case REPORT_DEPLOY_STARTED:
        see_deploy_begin(world, action);
        break;
    case REPORT_DEPLOY_QUEUED:
        require(world, world->promised == 0, "3: two deploys wait");
        world->promised = action->deploy;
        world->promised_cause = world->event->cause;
        break;
    case REPORT_DEPLOY_SUCCEEDED:
        see_success(world, action);
        break;
    case REPORT_DEPLOY_FAILED:
        see_failure(world, action);
        break;
    case REPORT_DEPLOY_STOPPED:
        require(world, world->is_stopping, "5: a deploy is stopped without a stop");
        require(world, close_deploy(world, action->deploy), "5: a deploy has a second outcome");
        world->tally->stopped++;
        break;
    case REPORT_GAVE_UP:
        require(world, world->current == 0 && world->model.settings.start_limit > 0,
                "it gives up without need");
        world->exit_status = LIFECYCLE_EXIT_GAVE_UP;
        begin_stop(world);
        break;
    case REPORT_ENDING:
        require(world, world->current == 0 && world_find_starting(world) == NULL,
                "it ends with a worker that was not the only one");
        world->exit_status = WIFSIGNALED(action->status) ? 128 + WTERMSIG(action->status)
                                                         : WEXITSTATUS(action->status);
        begin_stop(world);
        break;
    case REPORT_STOPPING:
        require(world, world->event->kind == EVENT_STOP, "a stop that nobody asked for");
        begin_stop(world);
        break;
    case REPORT_STOP_OVERDUE:
        require(world, world->kill_by != 0 && world->now >= world->kill_by,
                "a stop is overdue that has time");
        world->is_overdue = true;
        break;
    case REPORT_PAUSED:
        see_pause(world, action->ms);
        break;
    default:
        break;
    }
}

static void see_report(struct world *world, const struct lifecycle_action *action)
{
    struct process *process = world_find(world, action->generation);
    bool is_of_worker = action->report <= REPORT_ROLLED_BACK;
    if (!is_of_worker) {
        see_service_report(world, action);
        return;
    }
    require(world, process != NULL && process->pid == action->pid && action->pid != 0,
            "a report of a worker that does not live");
    if (process == NULL) {
        return;
    }
    switch (action->report) {
    case REPORT_READY:
        see_ready(world, process);
        break;
    case REPORT_ROLLED_BACK:
        see_roll_back(world, process);
        break;
    case REPORT_NOT_READY:
        see_not_ready(world, process);
        break;
    case REPORT_HUNG:
        see_hang(world, process);
        break;
    case REPORT_START_FAILED:
    case REPORT_CRASHED:
    case REPORT_LEFT:
        see_exit(world, action, process);
        if (action->report == REPORT_CRASHED &&
            find_serving_before(world, world->current) == NULL) {
            world->current = 0;
        }
        break;
    default:
        break;
    }
}

/* What the status file should say, as a sum. */
static uint64_t sum_to_publish(const struct world *world)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < world->count; i++) {
        const struct process *process = &world->processes[i];
        if (process->pid != 0 && (process->is_ready || process->is_told || world->is_stopping)) {
            sum += process->number * UINT64_C(0x9e3779b97f4a7c15);
        }
    }
    return sum;
}

static void see(struct world *world, const struct lifecycle_action *action)
{
    if (world->is_verbose) {
        printf("    %s %s generation %" PRIu64 " pid %d deploy %" PRIu64 " signal %d ms %" PRId64
               "\n",
               lifecycle_action_name(action->kind),
               action->kind == ACTION_REPORT ? lifecycle_report_name(action->report) : "",
               action->generation, (int)action->pid, action->deploy, action->signal, action->ms);
    }
    switch (action->kind) {
    case ACTION_CHECK:
        require(world, !world->is_stopping && !world->is_checking, "two checks, or one in a stop");
        world->is_checking = true;
        world->may_try = false;
        break;
    case ACTION_UNCHECK:
        require(world, world->is_checking, "no check is called off");
        world->is_checking = false;
        break;
    case ACTION_SPAWN:
        see_spawn(world, action);
        break;
    case ACTION_SIGNAL:
        see_signal(world, action);
        break;
    case ACTION_PUBLISH:
        world->published = sum_to_publish(world);
        break;
    case ACTION_REPORT:
        see_report(world, action);
        break;
    case ACTION_EXIT:
        require(world, !world->has_exited && !world->is_checking, "6: an exit too many");
        require(world, !world->is_stopping || action->status == world->exit_status,
                "a stop ends with another status than it has to");
        world->has_exited = true;
        world->promised = 0;
        world->current = 0;
        break;
    }
}

/* --- what must hold between two events -------------------------------------------------------- */

static void check_table(struct world *world)
{
    const struct lifecycle *model = &world->model;
    unsigned share = 0;
    require(world, model->count == world->count, "the table has others than live");
    for (unsigned i = 0; i < model->count && i < world->count; i++) {
        const struct generation *generation = &model->generations[i];
        require(world,
                generation->number == world->processes[i].number &&
                    generation_pid(generation) == world->processes[i].pid,
                "the table has others than live");
        share += generation->share;
    }
    const struct process *newest = find_serving_before(world, UINT64_MAX);
    uint64_t serving = newest != NULL && !world->is_stopping ? newest->number : 0;
    require(world, serving == world->current, "1: the newest that is ready is not current");
    require(world, lifecycle_current(model) == world->current, "1: another one is current");
    require(world, share == (world->current != 0 ? LIFECYCLE_WHOLE_SHARE : 0),
            "1: the shares are not 1000 in all");
}

static void check_deploys(struct world *world)
{
    const struct lifecycle *model = &world->model;
    unsigned open = model->deploy.phase != DEPLOY_NONE;
    for (unsigned i = 0; i < model->count; i++) {
        open += model->generations[i].deploy != 0;
    }
    require(world, open == world->open_count, "5: a deploy is left without an outcome");
    require(world, model->is_queued == (world->promised != 0), "a deploy that waits is forgotten");
    require(world,
            world->has_exited || world->is_checking == (model->phase == SERVICE_CHECKING ||
                                                        model->deploy.phase == DEPLOY_CHECKING),
            "a check is waited for that does not run");
}

/* What must be done by then is not done yet: then is still to come, and the lifecycle will be
 * awake. */
static void require_in_time(struct world *world, int64_t by, const char *otherwise)
{
    require(world, by == 0 || (world->now < by && world->wake <= by), otherwise);
}

static void check_deadlines(struct world *world)
{
    for (unsigned i = 0; i < world->count; i++) {
        const struct process *process = &world->processes[i];
        if (process->pid == 0) {
            continue;
        }
        require(world, !world->is_stopping || process->is_told, "one hears of no stop");
        require(world, !world->is_overdue || process->is_killed, "one outlives --stop-timeout");
        require_in_time(world, process->is_killed ? 0 : process->leave_by,
                        "one outlives --kill-timeout");
        require_in_time(world, process->ready_by, "one is starting for too long");
        if (process->number == world->current && !process->is_hung) {
            require_in_time(world, process->silent_from, "one that hangs is not seen");
        }
        if (process->number < world->current && !process->is_told) {
            require_in_time(world, world->older_from, "2: one outlives the probation of the next");
        }
    }
    require_in_time(world, world->has_exited || world->is_overdue ? 0 : world->kill_by,
                    "a stop is not overdue in time");
}

/* Nothing waits for what never comes. */
static void check_liveness(struct world *world)
{
    const struct process *starting = world_find_starting(world);
    bool is_answered = world->is_checking || (starting != NULL && starting->pid == 0);
    bool is_moving = world->wake != LIFECYCLE_NEVER || is_answered || starting != NULL;
    require(world, world->wake > world->now, "it wants to be woken without end");
    require(world, !world->has_exited || world->wake == LIFECYCLE_NEVER, "it is woken at the end");
    require(world, !world->is_stopping || world->has_exited == (world->count == 0),
            "6: everybody has gone in a stop, but the supervisor has not");
    if (world->is_stopping || world->has_exited || world->model.phase == SERVICE_NEW) {
        return;
    }
    require(world, world->current != 0 || is_moving || world->count == world->model.capacity,
            "nothing serves, and nothing will happen");
    require(world, world->under_way == 0 || is_moving, "a deploy waits for what never comes");
}

static void check(struct world *world)
{
    struct error error;
    if (lifecycle_check(&world->model, &error) != 0) {
        world_break(world, error.text);
    }
    check_table(world);
    check_deploys(world);
    check_deadlines(world);
    check_liveness(world);
    require(world,
            (world->current == 0 && !world->is_stopping) ||
                world->published == sum_to_publish(world),
            "the generations have changed, but the status file has not");
}

bool world_is_at_rest(const struct world *world)
{
    return world->has_exited ||
           (world->count == 1 && world->current == world->processes[0].number &&
            world->open_count == 0 && world->promised == 0 && !world->is_checking);
}

/* --- events ----------------------------------------------------------------------------------- */

/* For how long one may be starting, where that does not depend on others. */
static int64_t time_to_start(const struct lifecycle_settings *settings)
{
    switch (settings->ready_mode) {
    case READY_BY_AGE:
        return settings->interval_ms;
    case READY_BY_REPORT:
        return settings->ready_timeout_ms;
    default:
        return 0;
    }
}

static void be_born(struct world *world, struct process *process)
{
    const struct lifecycle_event *event = world->event;
    int64_t time = time_to_start(&event->settings);
    process->pid = event->pid;
    process->settings = event->settings;
    process->born_at = world->now;
    process->ready_by = time > 0 && !world->is_stopping ? world->now + time : 0;
    world->ever_spawned = true;
    world->start_from = world->now + event->settings.interval_ms;
}

static void later(int64_t *deadline, int64_t at)
{
    if (*deadline != 0 && *deadline < at) {
        *deadline = at;
    }
}

static void happen(struct world *world)
{
    const struct lifecycle_event *event = world->event;
    struct process *process = world_find(world, event->generation);
    bool lives = process != NULL && process->pid != 0;
    switch (event->kind) {
    case EVENT_SPAWNED:
        if (process != NULL && process->pid == 0) {
            be_born(world, process);
        }
        break;
    case EVENT_SPAWN_FAILED:
        if (process != NULL && process->pid == 0) {
            bury(world, process);
            world->start_from = world->now + event->settings.interval_ms;
        }
        break;
    case EVENT_EXTEND:
        if (lives && event->ms > 0 && process->is_told) {
            later(&process->leave_by, world->now + event->ms);
        } else if (lives && event->ms > 0 && process->settings.ready_mode == READY_BY_REPORT) {
            later(&process->ready_by, world->now + event->ms);
        }
        break;
    case EVENT_ALIVE:
        if (lives) {
            process->is_hung = false;
            if (process->number == world->current) {
                watch(world, process);
            }
        }
        break;
    case EVENT_CHECKED:
        if (world->is_checking && event->ok) {
            world->may_try = true;
            world->start_from = world->pause_until = world->now;
        }
        world->is_checking = false;
        break;
    case EVENT_DEPLOY:
        world->is_asked_for = true;
        world->starts = 0;
        if (world->under_way != 0 && world->may_try && world_find_starting(world) == NULL) {
            world->start_from = world->pause_until = world->now; /* between two attempts */
        }
        break;
    default:
        break;
    }
}

static void step(struct world *world, const struct lifecycle_event *event)
{
    world->wake = lifecycle_step(&world->model, event, world->now, &world->actions);
    for (size_t i = 0; i < world->actions.fired_count; i++) {
        world->tally->rules[world->actions.fired[i]]++;
        if (world->is_verbose) {
            printf("    %s\n", lifecycle_rule_name(world->actions.fired[i]));
        }
    }
    for (size_t i = 0; i < world->actions.count && world->broken == NULL; i++) {
        see(world, &world->actions.items[i]);
    }
    require(world, !world->actions.is_overfull, "a rule asks for more than it may");
}

/* A request is part of the deploy that it was told. */
static void check_promise(struct world *world, uint64_t foretold, uint64_t last_before)
{
    bool has_begun = foretold <= world->last_deploy && foretold >= last_before;
    require(world, has_begun || world->promised == foretold,
            "a request is part of another deploy than it was told");
}

void world_tell(struct world *world, const struct lifecycle_event *event)
{
    const struct lifecycle_event more = {.kind = EVENT_WAKE};
    uint64_t foretold = lifecycle_next_deploy(&world->model);
    uint64_t last_before = world->last_deploy;
    bool is_promise = event->kind == EVENT_DEPLOY && !lifecycle_is_stopping(&world->model);
    if (world->is_verbose) {
        printf("%" PRId64 " %s generation %" PRIu64 " pid %d\n", world->now,
               lifecycle_event_name(event->kind), event->generation, (int)event->pid);
    }
    world->event = event;
    world->rejected = 0;
    world->left.number = 0;
    world->is_asked_for = false;
    world->tally->events++;
    happen(world);
    step(world, event);
    for (int i = 0; world->actions.is_unfinished && world->broken == NULL; i++) {
        require(world, i < STEPS_MAX, "the rules do not come to rest");
        step(world, &more);
    }
    if (world->is_asked_for && world->may_try) {
        world->start_from = world->pause_until = world->now; /* who asks need not wait */
    }
    if (world->broken == NULL) {
        check(world);
    }
    if (is_promise) {
        check_promise(world, foretold, last_before);
    }
}

void world_save_and_load(struct world *world)
{
    static char text[TEXT_SIZE];
    static char again[TEXT_SIZE];
    struct error error;
    require(world, lifecycle_save(&world->model, text, sizeof text) < sizeof text, "a long text");
    if (lifecycle_load(&world->model, text, &error) != 0) {
        world_break(world, error.text);
        return;
    }
    lifecycle_save(&world->model, again, sizeof again);
    require(world, strcmp(text, again) == 0, "what is read back is another model");
    world->tally->loads++;
}

void world_begin(struct world *world, unsigned capacity, const struct lifecycle_settings *settings,
                 struct tally *tally)
{
    bool is_verbose = world->is_verbose;
    const size_t rest = offsetof(struct world, tally);
    memset((char *)world + rest, 0, sizeof *world - rest);
    lifecycle_init(&world->model, capacity, settings);
    world->is_verbose = is_verbose;
    world->tally = tally;
    world->now = WORLD_BEGIN_MS;
    world->wake = LIFECYCLE_NEVER;
}
