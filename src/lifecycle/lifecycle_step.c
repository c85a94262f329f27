/*
 * One step of the lifecycle: an event becomes facts in the model, and then rules take effect until
 * none holds.
 */
#include "lifecycle_moves.h"

static const struct rule *const rule_parts[] = {lifecycle_service_rules, lifecycle_generation_rules,
                                                lifecycle_deploy_rules};
#define RULE_PARTS (sizeof rule_parts / sizeof rule_parts[0])

const char *lifecycle_rule_name(size_t index)
{
    for (size_t part = 0; part < RULE_PARTS; part++) {
        for (const struct rule *rule = rule_parts[part]; rule->name != NULL; rule++) {
            if (index-- == 0) {
                return rule->name;
            }
        }
    }
    return NULL;
}

uint64_t lifecycle_next_deploy(const struct lifecycle *lifecycle)
{
    bool is_between_attempts = lifecycle->deploy.phase == DEPLOY_STARTING && is_wanted(lifecycle);
    return is_between_attempts ? lifecycle->deploy.number : lifecycle->last_deploy + 1;
}

/* --- facts ------------------------------------------------------------------------------------ */

static void take_pid(struct lifecycle *model, struct generation *generation,
                     struct lifecycle_worker *worker, const struct lifecycle_event *event)
{
    worker->state = WORKER_BORN;
    worker->pid = event->pid;
    generation->settings = event->settings;
    model->settings = event->settings;
    model->has_spawned = true;
}

static void take_spawn_failure(struct lifecycle *model, struct lifecycle_worker *worker,
                               const struct lifecycle_event *event)
{
    worker->state = WORKER_UNBORN;
    worker->status = event->status;
    worker->is_permanent = event->permanent;
    model->settings = event->settings;
}

static void take_exit(struct lifecycle *model, pid_t pid, int status)
{
    for (unsigned i = 0; i < model->count; i++) {
        struct generation *generation = &model->generations[i];
        for (unsigned slot = 0; slot < generation->worker_count; slot++) {
            struct lifecycle_worker *worker = &generation->workers[slot];
            if (worker->pid == pid && is_alive(worker)) {
                worker->state = WORKER_GONE;
                worker->status = status;
                worker->kill_due = 0;
                worker->signal = 0;
                return;
            }
        }
    }
}

static void take_answer(struct lifecycle *model, const struct lifecycle_event *event)
{
    if (model->phase == SERVICE_CHECKING || model->deploy.phase == DEPLOY_CHECKING) {
        model->answer = event->ok ? ANSWER_YES : ANSWER_NO;
        model->refusal = event->ok ? FAILURE_NONE : event->reason;
    }
}

static void take_report(struct lifecycle *model, const struct generation *generation,
                        struct lifecycle_worker *worker)
{
    if (generation->settings.ready_mode != READY_BY_AGE) {
        worker->has_reported = true;
        model->must_report = model->must_report || generation->state == GENERATION_SERVING;
    }
}

static void extend(const struct generation *generation, struct lifecycle_worker *worker,
                   int64_t until)
{
    int64_t *due =
        generation->state == GENERATION_STARTING ? &worker->ready_due : &worker->kill_due;
    if (*due != 0 && *due < until) {
        *due = until;
    }
}

static void take_sign_of_life(const struct generation *generation, struct lifecycle_worker *worker,
                              int64_t now)
{
    worker->is_hung = false;
    if (worker->watchdog_due != 0) {
        worker->watchdog_due = after(now, generation->settings.watchdog_ms);
    }
}

/* What is said by, or of, one worker. */
static void take_word(struct lifecycle *model, const struct lifecycle_event *event, int64_t now)
{
    struct generation *generation = find_numbered(model, event->generation);
    if (generation == NULL || event->slot >= generation->worker_count) {
        return;
    }
    struct lifecycle_worker *worker = &generation->workers[event->slot];
    if (event->kind == EVENT_SPAWNED && worker->state == WORKER_ASKED) {
        take_pid(model, generation, worker, event);
    } else if (event->kind == EVENT_SPAWN_FAILED && worker->state == WORKER_ASKED) {
        take_spawn_failure(model, worker, event);
    } else if (!is_alive(worker)) {
        return;
    } else if (event->kind == EVENT_READY) {
        take_report(model, generation, worker);
    } else if (event->kind == EVENT_EXTEND && event->ms > 0) {
        extend(generation, worker, after(now, event->ms));
    } else if (event->kind == EVENT_ALIVE) {
        take_sign_of_life(generation, worker, now);
    } else if (event->kind == EVENT_HUNG && generation->state == GENERATION_SERVING) {
        worker->is_silent = true;
    }
}

static void record(struct lifecycle *model, const struct lifecycle_event *event, int64_t now)
{
    switch (event->kind) {
    case EVENT_START:
        model->phase = model->phase == SERVICE_NEW ? SERVICE_BEGINNING : model->phase;
        break;
    case EVENT_EXITED:
        take_exit(model, event->pid, event->status);
        break;
    case EVENT_CHECKED:
        take_answer(model, event);
        break;
    case EVENT_DEPLOY:
        model->is_asked = true;
        model->asked_cause = event->cause;
        break;
    case EVENT_STOP:
        model->stop_asked = event->signal;
        break;
    case EVENT_SPAWNED:
    case EVENT_SPAWN_FAILED:
    case EVENT_READY:
    case EVENT_EXTEND:
    case EVENT_ALIVE:
    case EVENT_HUNG:
        take_word(model, event, now);
        break;
    case EVENT_WAKE:
    case LIFECYCLE_EVENTS:
        break;
    }
}

/* --- what follows ----------------------------------------------------------------------------- */

/* Returns false when no rule holds. */
static bool follow_one(struct step *step)
{
    uint8_t index = 0;
    for (size_t part = 0; part < RULE_PARTS; part++) {
        for (const struct rule *rule = rule_parts[part]; rule->name != NULL; rule++, index++) {
            if (rule->holds(step)) {
                step->actions->fired[step->actions->fired_count++] = index;
                rule->follow(step);
                return true;
            }
        }
    }
    return false;
}

static bool has_room(const struct lifecycle_actions *actions)
{
    return actions->count + RULE_ACTIONS_MAX <= LIFECYCLE_ACTIONS_MAX &&
           actions->fired_count < LIFECYCLE_FIRED_MAX;
}

static void sooner(int64_t *wake, int64_t due, int64_t now)
{
    if (due > now && due < *wake) {
        *wake = due;
    }
}

/* The next time at which something is due. What is past has had its effect, or has none. */
static int64_t next_wake(const struct lifecycle *model, int64_t now)
{
    int64_t wake = LIFECYCLE_NEVER;
    sooner(&wake, model->stop_due, now);
    sooner(&wake, model->deploy.probation_due, now);
    sooner(&wake, model->deaths_due, now);
    sooner(&wake, model->restart_due, now);
    for (unsigned slot = 0; slot < LIFECYCLE_WORKERS; slot++) {
        sooner(&wake, model->pacing[slot].interval_due, now);
        sooner(&wake, model->pacing[slot].pause_due, now);
        sooner(&wake, model->pacing[slot].settle_due, now);
    }
    for (unsigned i = 0; i < model->count; i++) {
        for (unsigned slot = 0; slot < model->generations[i].worker_count; slot++) {
            const struct lifecycle_worker *worker = &model->generations[i].workers[slot];
            sooner(&wake, worker->age_due, now);
            sooner(&wake, worker->ready_due, now);
            sooner(&wake, worker->watchdog_due, now);
            sooner(&wake, worker->kill_due, now);
        }
    }
    return wake;
}

int64_t lifecycle_step(struct lifecycle *lifecycle, const struct lifecycle_event *event,
                       int64_t now, struct lifecycle_actions *actions)
{
    struct step step = {.model = lifecycle, .now = now, .actions = actions};
    bool is_at_rest = false;
    actions->count = 0;
    actions->fired_count = 0;
    actions->is_overfull = false;
    record(lifecycle, event, now);
    while (!is_at_rest && has_room(actions)) {
        is_at_rest = !follow_one(&step);
    }
    actions->is_unfinished = !is_at_rest;
    return is_at_rest ? next_wake(lifecycle, now) : now;
}
