/*
 * What holds of the model at rest, between two steps: the supervisor and the simulation ask after
 * each of them, and lifecycle_load of what it has read.
 */
#include "lifecycle_moves.h"

#include <inttypes.h>
#include <signal.h>

#define REQUIRE(condition, ...)                                                                    \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            return error_set(error, __VA_ARGS__);                                                  \
        }                                                                                          \
    } while (0)

static unsigned count_in_state(const struct lifecycle *model, enum generation_state state)
{
    unsigned count = 0;
    for (unsigned i = 0; i < model->count; i++) {
        count += model->generations[i].state == state;
    }
    return count;
}

static const struct generation *in_state(const struct lifecycle *model, enum generation_state state)
{
    const struct generation *found = NULL;
    for (unsigned i = 0; i < model->count; i++) {
        found = model->generations[i].state == state ? &model->generations[i] : found;
    }
    return found;
}

static bool is_signal(int signal)
{
    return signal > 0 && signal <= SIGRTMAX;
}

/* --- one generation --------------------------------------------------------------------------- */

/* Which states of a worker go with which of its generation. */
static bool is_possible(enum generation_state generation, enum worker_state worker)
{
    switch (generation) {
    case GENERATION_STARTING:
        return worker == WORKER_ASKED || worker == WORKER_STARTING || worker == WORKER_READY;
    case GENERATION_SERVING:
    case GENERATION_STANDBY:
        return worker == WORKER_READY;
    default:
        return worker == WORKER_ASKED || worker == WORKER_LEAVING || worker == WORKER_KILLED;
    }
}

static int check_worker(const struct lifecycle *model, const struct generation *generation,
                        const struct lifecycle_worker *worker, struct error *error)
{
    const uint64_t number = generation->number;
    REQUIRE(is_possible(generation->state, worker->state),
            "generation %" PRIu64 ": a worker is in a state in which it cannot be", number);
    REQUIRE((worker->pid == 0) == (worker->state == WORKER_ASKED),
            "generation %" PRIu64 ": a worker lives without a pid, or has one before it lives",
            number);
    REQUIRE(worker->pid != 1, "generation %" PRIu64 ": process 1 is no worker", number);
    REQUIRE(worker->signal == 0 || (worker->state == WORKER_ASKED && lifecycle_is_stopping(model) &&
                                    is_signal(worker->signal)),
            "generation %" PRIu64 ": a worker has not been sent its signal", number);
    REQUIRE(worker->signal != 0 || worker->state != WORKER_ASKED ||
                generation->state == GENERATION_STARTING,
            "generation %" PRIu64 ": a worker to come is not to be told of the stop", number);
    REQUIRE(worker->kill_due == 0 || worker->state == WORKER_LEAVING,
            "generation %" PRIu64 ": --kill-timeout runs for a worker that is not leaving", number);
    REQUIRE(worker->watchdog_due == 0 ||
                (generation->state == GENERATION_SERVING && generation->settings.watchdog_ms > 0),
            "generation %" PRIu64 ": --watchdog runs for a generation that does not serve", number);
    REQUIRE((worker->ready_due == 0 && worker->age_due == 0) || worker->state == WORKER_STARTING,
            "generation %" PRIu64 ": a worker is waited for that is not starting", number);
    REQUIRE(worker->state != WORKER_STARTING || worker->age_due != 0 || worker->ready_due != 0,
            "generation %" PRIu64 ": a worker is starting, and not waited for", number);
    REQUIRE(!worker->is_silent && worker->status == 0 && !worker->is_permanent,
            "generation %" PRIu64 ": nothing has followed from what a worker did", number);
    return 0;
}

static bool is_pid_taken(const struct lifecycle *model, const struct generation *until, pid_t pid)
{
    for (const struct generation *one = model->generations; one < until; one++) {
        for (unsigned slot = 0; slot < one->worker_count; slot++) {
            if (pid != 0 && one->workers[slot].pid == pid) {
                return true;
            }
        }
    }
    return false;
}

static int check_generation(const struct lifecycle *model, const struct generation *generation,
                            struct error *error)
{
    const uint64_t number = generation->number;
    REQUIRE(generation->worker_count == LIFECYCLE_WORKERS,
            "generation %" PRIu64 ": it has another number of workers than %d", number,
            LIFECYCLE_WORKERS);
    REQUIRE(is_signal(generation->settings.retire_signal),
            "generation %" PRIu64 ": its signal to leave is none", number);
    REQUIRE(generation->share ==
                (generation->state == GENERATION_SERVING ? LIFECYCLE_WHOLE_SHARE : 0),
            "generation %" PRIu64 ": its share is %u", number, generation->share);
    REQUIRE(generation->deploy == 0 ||
                (generation->deploy <= model->last_deploy &&
                 generation->deploy != model->deploy.number && has_older(model, number) &&
                 generation->state != GENERATION_STARTING && !lifecycle_is_stopping(model)),
            "generation %" PRIu64 ": the deploy that it has to finish is none", number);
    for (unsigned slot = 0; slot < generation->worker_count; slot++) {
        const struct lifecycle_worker *worker = &generation->workers[slot];
        REQUIRE(!is_pid_taken(model, generation, worker->pid),
                "generation %" PRIu64 ": process %d is of two generations", number,
                (int)worker->pid);
        if (check_worker(model, generation, worker, error) != 0) {
            return -1;
        }
    }
    return 0;
}

/* --- generations ------------------------------------------------------------------------------ */

static int check_order(const struct lifecycle *model, struct error *error)
{
    uint64_t last = 0;
    uint64_t last_deploy = 0;
    for (unsigned i = 0; i < model->count; i++) {
        const struct generation *generation = &model->generations[i];
        REQUIRE(generation->number > last && generation->number <= model->last_number,
                "generation %" PRIu64 ": its number does not grow", generation->number);
        REQUIRE(generation->deploy == 0 || generation->deploy > last_deploy,
                "generation %" PRIu64 ": it has to finish a deploy that is not newer",
                generation->number);
        last = generation->number;
        last_deploy = generation->deploy != 0 ? generation->deploy : last_deploy;
    }
    REQUIRE(model->deploy.number == 0 || model->deploy.number > last_deploy,
            "the deploy under way is older than one before");
    return 0;
}

/* The standby is older than the current generation, which is older than the candidate. */
static int check_states(const struct lifecycle *model, struct error *error)
{
    const struct generation *standby = in_state(model, GENERATION_STANDBY);
    const struct generation *current = in_state(model, GENERATION_SERVING);
    const struct generation *starting = in_state(model, GENERATION_STARTING);
    REQUIRE(count_in_state(model, GENERATION_STARTING) <= 1, "two generations are starting");
    REQUIRE(count_in_state(model, GENERATION_SERVING) <= 1, "two generations are current");
    REQUIRE(count_in_state(model, GENERATION_STANDBY) <= 1, "two generations are standby");
    REQUIRE((standby != NULL) == (model->deploy.phase == DEPLOY_PROBATION),
            "a generation is standby without a probation, or there is none in one");
    REQUIRE(standby == NULL || (current != NULL && standby < current),
            "the standby is not older than the current generation");
    REQUIRE(starting == NULL || starting == &model->generations[model->count - 1],
            "the generation that is starting is not the newest");
    REQUIRE(current == NULL || starting == NULL || model->deploy.phase == DEPLOY_STARTING ||
                model->deploy.phase == DEPLOY_HELD_UP || model->deploy.phase == DEPLOY_CHECKING,
            "a generation is starting beside the current one without a deploy");
    REQUIRE(current == NULL || model->has_served, "a generation serves, and none ever has");
    REQUIRE(current == NULL ||
                (current->workers[0].watchdog_due != 0) == (current->settings.watchdog_ms > 0),
            "the current generation is not watched as it is to be");
    return 0;
}

/* --- the service ------------------------------------------------------------------------------ */

static int check_stopped(const struct lifecycle *model, struct error *error)
{
    REQUIRE(count_in_state(model, GENERATION_STOPPING) == model->count,
            "a generation is not to leave in a stop");
    REQUIRE(model->deploy.phase == DEPLOY_NONE && !model->is_queued,
            "a deploy is under way in a stop");
    REQUIRE(model->deaths_due == 0 && model->restart_due == 0 && !model->restart_waits &&
                model->pacing[0].pause_due == 0 && model->pacing[0].settle_due == 0 &&
                model->pacing[0].interval_due == 0,
            "something but the end is waited for in a stop");
    REQUIRE(model->stop_due == 0 || model->phase == SERVICE_STOPPING,
            "--stop-timeout runs without a stop");
    REQUIRE((model->phase == SERVICE_ENDED) == (model->count == 0),
            "the supervisor has ended before its workers, or not with them");
    for (unsigned i = 0; i < model->count; i++) {
        REQUIRE(model->phase != SERVICE_KILLING ||
                    model->generations[i].workers[0].state != WORKER_LEAVING,
                "generation %" PRIu64 " outlives an overdue stop", model->generations[i].number);
    }
    return 0;
}

static int check_deploy(const struct lifecycle *model, struct error *error)
{
    const struct deploy *deploy = &model->deploy;
    bool is_starting = lifecycle_starting(model) != 0;
    REQUIRE((deploy->number != 0) == (deploy->phase != DEPLOY_NONE),
            "the deploy under way has no number, or none has one");
    REQUIRE(deploy->number <= model->last_deploy, "the deploy under way is newer than the last");
    REQUIRE((deploy->probation_due != 0) == (deploy->phase == DEPLOY_PROBATION),
            "a probation has no end, or none has one");
    REQUIRE(deploy->phase != DEPLOY_HELD_UP || is_starting,
            "a deploy waits for a start, and there is none");
    REQUIRE(!model->is_queued || deploy->phase != DEPLOY_NONE || is_starting ||
                model->phase == SERVICE_CHECKING || model->phase == SERVICE_NEW,
            "a queued deploy waits for nothing");
    REQUIRE(deploy->failure == FAILURE_NONE, "nothing has followed from an attempt that failed");
    return 0;
}

static int check_running(const struct lifecycle *model, struct error *error)
{
    uint64_t current = lifecycle_current(model);
    bool is_waiting = model->pacing[0].interval_due != 0 || model->pacing[0].pause_due != 0;
    bool is_moving = lifecycle_starting(model) != 0 || is_waiting;
    const struct generation *serving = lifecycle_find(model, current);
    REQUIRE(current != 0 || is_moving || model->count == model->capacity,
            "nothing serves, and nothing is to be started");
    REQUIRE(model->deploy.phase != DEPLOY_STARTING || is_moving,
            "a deploy is under way, and nothing will happen");
    bool is_wanted_by_time = serving != NULL && serving->settings.auto_restart_ms > 0;
    bool is_being_replaced =
        model->deploy.phase != DEPLOY_NONE && model->deploy.phase != DEPLOY_PROBATION;
    REQUIRE(is_wanted_by_time || (model->restart_due == 0 && !model->restart_waits),
            "a restart by time is planned that nobody wants");
    REQUIRE(!is_wanted_by_time || is_being_replaced || model->restart_due != 0,
            "a restart by time is forgotten");
    REQUIRE(model->deaths == 0 || model->deaths_due != 0, "deaths are counted for ever");
    REQUIRE(model->pacing[0].settle_due == 0 ||
                (current != 0 && model->deploy.phase != DEPLOY_STARTING),
            "a generation is to be trusted that does not serve, or beside one that is tried");
    return 0;
}

/* What was said before the service began waits in the queue, and nothing else has happened. */
static int check_unbegun(const struct lifecycle *model, struct error *error)
{
    REQUIRE(model->count == 0 && model->last_number == 0 && model->last_deploy == 0 &&
                model->deploy.phase == DEPLOY_NONE && !model->has_served && !model->has_spawned,
            "something has been started before the service began");
    return 0;
}

static int check_facts(const struct lifecycle *model, struct error *error)
{
    REQUIRE(model->phase != SERVICE_BEGINNING && model->stop_asked == 0 && !model->is_asked &&
                model->answer == ANSWER_NONE && model->death == DEATH_NONE,
            "something has happened that nothing has followed from");
    REQUIRE(!model->is_stale || (lifecycle_current(model) == 0 && !lifecycle_is_stopping(model)),
            "the generations have changed, but the status file has not");
    return 0;
}

int lifecycle_check(const struct lifecycle *lifecycle, struct error *error)
{
    REQUIRE(lifecycle->capacity <= LIFECYCLE_GENERATIONS_MAX &&
                lifecycle->count <= lifecycle->capacity,
            "there are more generations than the table has room for");
    REQUIRE(is_signal(lifecycle->settings.retire_signal) &&
                (!lifecycle->has_served || is_signal(lifecycle->in_force.retire_signal)),
            "the signal to leave is none");
    if (check_order(lifecycle, error) != 0) {
        return -1;
    }
    for (unsigned i = 0; i < lifecycle->count; i++) {
        if (check_generation(lifecycle, &lifecycle->generations[i], error) != 0) {
            return -1;
        }
    }
    if (check_facts(lifecycle, error) != 0 || check_deploy(lifecycle, error) != 0 ||
        check_states(lifecycle, error) != 0) {
        return -1;
    }
    switch (lifecycle->phase) {
    case SERVICE_RUNNING:
        return check_running(lifecycle, error);
    case SERVICE_STOPPING:
    case SERVICE_KILLING:
    case SERVICE_ENDED:
        return check_stopped(lifecycle, error);
    default:
        return check_unbegun(lifecycle, error);
    }
}
