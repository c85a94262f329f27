/*
 * The lifecycle's histories that a reader should have seen: what follows from which event, word
 * for word. Each test tells events and compares the actions that come back, written as one line.
 * The simulation (tests/sim) goes through all the histories that nobody thought of.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lifecycle.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define TABLE_MAX 8U
/* Generation N's worker has this pid plus N. */
#define PID_BASE 100
/* The clock's first moment. */
#define BEGIN_MS 1000

struct history {
    struct lifecycle model;
    int64_t now;
    int64_t wake;         /* when the lifecycle wants to be woken */
    unsigned steps;       /* that the last event took */
    uint64_t spawned_for; /* the deploy that the last ACTION_SPAWN named */
    bool is_read;         /* whether the last ACTION_CHECK has the configuration read */
    char text[4096];      /* what followed from the last event */
};

/* What can be waited for. */
enum due {
    DUE_INTERVAL,
    DUE_PAUSE,
    DUE_RETIRE,
    DUE_SETTLE,
    DUE_AUTO_RESTART,
    DUE_READY,
    DUE_WATCHDOG,
    DUE_START_LIMIT,
    DUE_STOP
};

static const struct lifecycle_settings plain = {
    .interval_ms = 1000,
    .deploy_attempts = 1,
    .backoff = true,
    .retire_signal = SIGTERM,
};

/* --- what followed, as text ------------------------------------------------------------------ */

static const char *signal_text(int signal)
{
    switch (signal) {
    case SIGTERM:
        return "TERM";
    case SIGINT:
        return "INT";
    case SIGHUP:
        return "HUP";
    case SIGKILL:
        return "KILL";
    default:
        return "?";
    }
}

static const char *reason_text(enum deploy_failure reason)
{
    static const char *const texts[] = {
        [FAILURE_NONE] = "?",
        [FAILURE_NOT_EXECUTABLE] = "not-executable",
        [FAILURE_NOT_SPAWNED] = "not-spawned",
        [FAILURE_CHECK] = "check",
        [FAILURE_CONFIGURATION] = "configuration",
        [FAILURE_LISTENERS] = "listeners",
        [FAILURE_DIED] = "died",
        [FAILURE_NOT_READY] = "not-ready",
        [FAILURE_DIED_EARLY] = "died-early",
        [FAILURE_HUNG] = "hung",
        [FAILURE_DIED_LATE] = "died-late",
        [FAILURE_TABLE_FULL] = "table-full",
    };
    return texts[reason];
}

static void write_report(char *text, size_t size, const struct lifecycle_action *action)
{
    const char *name = lifecycle_report_name(action->report);
    switch (action->report) {
    case REPORT_DEPLOY_STARTED:
        snprintf(text, size, "%s%s%s %" PRIu64,
                 action->cause == CAUSE_REQUEST ? "" : deploy_cause_name(action->cause),
                 action->cause == CAUSE_REQUEST ? "" : " ", name, action->deploy);
        break;
    case REPORT_DEPLOY_FAILED:
        snprintf(text, size, "%s %" PRIu64 " %s", name, action->deploy,
                 reason_text(action->reason));
        break;
    case REPORT_DEPLOY_SUCCEEDED:
    case REPORT_DEPLOY_STOPPED:
        snprintf(text, size, "%s %" PRIu64, name, action->deploy);
        break;
    case REPORT_PAUSED:
        snprintf(text, size, "%s %" PRId64, name, action->ms);
        break;
    case REPORT_DEPLOY_QUEUED:
    case REPORT_GAVE_UP:
    case REPORT_ENDING:
    case REPORT_STOP_OVERDUE:
    case REPORT_STOPPING:
        snprintf(text, size, "%s", name);
        break;
    default:
        snprintf(text, size, "%s %" PRIu64, name, action->generation);
        break;
    }
}

static void write_action(char *text, size_t size, const struct lifecycle_action *action)
{
    const char *name = lifecycle_action_name(action->kind);
    switch (action->kind) {
    case ACTION_SPAWN:
        snprintf(text, size, "%s %" PRIu64, name, action->generation);
        break;
    case ACTION_SIGNAL:
        assert_int_equal(action->pid, PID_BASE + (int)action->generation);
        snprintf(text, size, "%s %" PRIu64 " %s", name, action->generation,
                 signal_text(action->signal));
        break;
    case ACTION_CHECK:
        snprintf(text, size, "%s %" PRIu64, name, action->deploy);
        break;
    case ACTION_UNCHECK:
    case ACTION_PUBLISH:
        snprintf(text, size, "%s", name);
        break;
    case ACTION_EXIT:
        snprintf(text, size, "%s %d", name, action->status);
        break;
    case ACTION_REPORT:
        write_report(text, size, action);
        break;
    }
}

/* A report next to the signal that it reports would say nothing in a test. */
static void write_actions(struct history *history, const struct lifecycle_actions *actions)
{
    for (size_t i = 0; i < actions->count; i++) {
        const struct lifecycle_action *action = &actions->items[i];
        if (action->kind == ACTION_SPAWN) {
            history->spawned_for = action->deploy;
        } else if (action->kind == ACTION_CHECK) {
            history->is_read = action->is_read;
        }
        if (action->kind != ACTION_REPORT || action->report != REPORT_SIGNALLED) {
            size_t length = strlen(history->text);
            snprintf(history->text + length, sizeof history->text - length, "%s",
                     length > 0 ? ", " : "");
            length = strlen(history->text);
            write_action(history->text + length, sizeof history->text - length, action);
        }
    }
}

/* Whatever has happened, the model can be, and can be written down and read back. */
static void assert_sound(const struct lifecycle *model)
{
    static struct lifecycle copy;
    static char text[65536];
    static char again[65536];
    struct error error = {""};
    if (lifecycle_check(model, &error) != 0) {
        fail_msg("%s", error.text);
    }
    assert_true(lifecycle_save(model, text, sizeof text) < sizeof text);
    if (lifecycle_load(&copy, text, &error) != 0) {
        fail_msg("%s", error.text);
    }
    lifecycle_save(&copy, again, sizeof again);
    assert_string_equal(text, again);
}

static void tell(struct history *history, const struct lifecycle_event *event)
{
    static struct lifecycle_actions actions;
    const struct lifecycle_event more = {.kind = EVENT_WAKE};
    history->text[0] = '\0';
    history->wake = lifecycle_step(&history->model, event, history->now, &actions);
    history->steps = 1;
    write_actions(history, &actions);
    while (actions.is_unfinished) {
        history->steps++;
        history->wake = lifecycle_step(&history->model, &more, history->now, &actions);
        write_actions(history, &actions);
    }
    assert_false(actions.is_overfull);
    assert_sound(&history->model);
}

#define assert_follows(history, expected) assert_string_equal((history)->text, (expected))

static void assert_current(const struct history *history, uint64_t number)
{
    assert_int_equal(lifecycle_current(&history->model), number);
}

/* --- what is waited for ----------------------------------------------------------------------- */

static const struct lifecycle_worker *worker_in_state(const struct history *history,
                                                      enum generation_state state)
{
    for (unsigned i = 0; i < history->model.count; i++) {
        if (history->model.generations[i].state == state) {
            return &history->model.generations[i].workers[0];
        }
    }
    return NULL;
}

static int64_t find_due(const struct history *history, enum due due)
{
    const struct lifecycle *model = &history->model;
    const struct lifecycle_worker *starting = worker_in_state(history, GENERATION_STARTING);
    const struct lifecycle_worker *serving = worker_in_state(history, GENERATION_SERVING);
    switch (due) {
    case DUE_INTERVAL:
        return model->pacing[0].interval_due;
    case DUE_PAUSE:
        return model->pacing[0].pause_due;
    case DUE_RETIRE:
        return model->deploy.probation_due;
    case DUE_SETTLE:
        return model->pacing[0].settle_due;
    case DUE_AUTO_RESTART:
        return model->restart_due;
    case DUE_READY:
        return starting != NULL ? starting->ready_due : 0;
    case DUE_WATCHDOG:
        return serving != NULL ? serving->watchdog_due : 0;
    case DUE_START_LIMIT:
        return model->deaths_due;
    case DUE_STOP:
        break;
    }
    return model->stop_due;
}

static int64_t find_kill_due(const struct history *history, uint64_t generation)
{
    const struct generation *found = lifecycle_find(&history->model, generation);
    return found != NULL ? found->workers[0].kill_due : 0;
}

/* It comes so many milliseconds from now, or, with 0, not at all. */
static void assert_due(const struct history *history, enum due due, int64_t ms)
{
    int64_t at = find_due(history, due);
    assert_int_equal(at > history->now ? at - history->now : 0, ms);
    assert_true(ms == 0 || history->wake <= at);
}

static void assert_kill_due(const struct history *history, uint64_t generation, int64_t ms)
{
    assert_int_equal(find_kill_due(history, generation) - history->now, ms);
    assert_true(history->wake <= history->now + ms);
}

/* --- events ---------------------------------------------------------------------------------- */

static void create_with(struct history *history, unsigned capacity,
                        struct lifecycle_settings settings)
{
    lifecycle_init(&history->model, capacity, &settings);
    history->now = BEGIN_MS;
    history->spawned_for = 0;
}

static void create(struct history *history, unsigned capacity)
{
    create_with(history, capacity, plain);
}

static void start(struct history *history)
{
    tell(history, &(struct lifecycle_event){.kind = EVENT_START});
}

static void spawned(struct history *history, uint64_t generation,
                    struct lifecycle_settings settings)
{
    tell(history, &(struct lifecycle_event){
                      .kind = EVENT_SPAWNED,
                      .generation = generation,
                      .pid = (pid_t)(PID_BASE + generation),
                      .settings = settings,
                  });
}

static void not_spawned(struct history *history, uint64_t generation,
                        struct lifecycle_settings settings)
{
    tell(history, &(struct lifecycle_event){
                      .kind = EVENT_SPAWN_FAILED,
                      .generation = generation,
                      .settings = settings,
                  });
}

static void not_executable(struct history *history, uint64_t generation,
                           struct lifecycle_settings settings)
{
    tell(history, &(struct lifecycle_event){
                      .kind = EVENT_SPAWN_FAILED,
                      .generation = generation,
                      .permanent = true,
                      .status = 127,
                      .settings = settings,
                  });
}

static void exited(struct history *history, uint64_t generation)
{
    tell(history, &(struct lifecycle_event){
                      .kind = EVENT_EXITED,
                      .pid = (pid_t)(PID_BASE + generation),
                      .status = 1 << 8,
                  });
}

static void time_comes(struct history *history, int64_t due)
{
    assert_true(due > history->now);
    history->now = due;
    tell(history, &(struct lifecycle_event){.kind = EVENT_WAKE});
}

static void fires(struct history *history, enum due due)
{
    time_comes(history, find_due(history, due));
}

/* The next start need not wait any more. */
static void pauses_pass(struct history *history)
{
    int64_t interval = find_due(history, DUE_INTERVAL);
    int64_t pause = find_due(history, DUE_PAUSE);
    time_comes(history, interval > pause ? interval : pause);
}

static void kill_timer_fires(struct history *history, uint64_t generation)
{
    time_comes(history, find_kill_due(history, generation));
}

static void says(struct history *history, enum lifecycle_event_kind kind, uint64_t generation)
{
    tell(history, &(struct lifecycle_event){.kind = kind, .generation = generation});
}

static void asks_for_time(struct history *history, uint64_t generation, int64_t ms)
{
    tell(history,
         &(struct lifecycle_event){.kind = EVENT_EXTEND, .generation = generation, .ms = ms});
}

static void refused(struct history *history, enum deploy_failure reason)
{
    tell(history, &(struct lifecycle_event){.kind = EVENT_CHECKED, .reason = reason});
}

static void checked(struct history *history, bool ok)
{
    tell(history, &(struct lifecycle_event){.kind = EVENT_CHECKED, .ok = ok});
}

static void deploy(struct history *history)
{
    tell(history, &(struct lifecycle_event){.kind = EVENT_DEPLOY});
}

static void stop(struct history *history)
{
    tell(history, &(struct lifecycle_event){.kind = EVENT_STOP, .signal = SIGINT});
}

/* The first generation serves. */
static void serve(struct history *history, struct lifecycle_settings settings)
{
    create(history, TABLE_MAX);
    start(history);
    spawned(history, 1, settings);
    if (settings.ready_mode == READY_BY_REPORT) {
        says(history, EVENT_READY, 1);
    } else if (settings.interval_ms > 0) {
        fires(history, DUE_INTERVAL);
    }
    assert_current(history, 1);
}

/* A deploy has spawned that generation, which is ready now. */
static void deploy_ready(struct history *history, uint64_t generation,
                         struct lifecycle_settings settings)
{
    deploy(history);
    spawned(history, generation, settings);
    fires(history, DUE_INTERVAL);
    assert_current(history, generation);
}

/* --- start and deploy ------------------------------------------------------------------------ */

static void a_generation_is_ready_when_it_has_lived_for_the_interval(void **state)
{
    (void)state;
    struct history history;
    create(&history, TABLE_MAX);
    start(&history);
    assert_follows(&history, "spawn 1");
    spawned(&history, 1, plain);
    assert_follows(&history, "spawned 1");
    assert_due(&history, DUE_INTERVAL, 1000);
    fires(&history, DUE_INTERVAL);
    assert_follows(&history, "ready 1, publish");
    assert_current(&history, 1);
}

static void without_an_interval_it_is_ready_at_once(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = plain;
    settings.interval_ms = 0;
    create(&history, TABLE_MAX);
    start(&history);
    spawned(&history, 1, settings);
    assert_follows(&history, "spawned 1, ready 1, publish");
}

static void a_deploy_signals_the_old_one_when_the_new_one_is_ready(void **state)
{
    (void)state;
    struct history history;
    serve(&history, plain);
    deploy(&history);
    assert_follows(&history, "deploy-started 1, spawn 2");
    spawned(&history, 2, plain);
    assert_follows(&history, "spawned 2");
    assert_due(&history, DUE_INTERVAL, 1000);
    assert_current(&history, 1);
    fires(&history, DUE_INTERVAL);
    assert_follows(&history, "ready 2, publish, signal 1 TERM");
    assert_current(&history, 2);
    exited(&history, 1);
    assert_follows(&history, "left 1, publish, deploy-succeeded 1");
}

static void the_old_one_is_signalled_only_when_kill_old_delay_is_over(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = plain;
    settings.kill_old_delay_ms = 5000;
    settings.retire_signal = SIGHUP;
    serve(&history, plain);
    deploy(&history);
    spawned(&history, 2, settings);
    fires(&history, DUE_INTERVAL);
    assert_follows(&history, "ready 2, retiring 2, publish");
    assert_due(&history, DUE_RETIRE, 5000);
    fires(&history, DUE_RETIRE);
    assert_follows(&history, "signal 1 HUP");
    exited(&history, 1);
    assert_follows(&history, "left 1, publish, deploy-succeeded 1");
}

static void an_old_one_that_leaves_by_itself_ends_kill_old_delay(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = plain;
    settings.kill_old_delay_ms = 5000;
    serve(&history, settings);
    deploy_ready(&history, 2, settings);
    exited(&history, 1);
    assert_follows(&history, "left 1, publish, deploy-succeeded 1");
    assert_due(&history, DUE_RETIRE, 0);
}

static void one_that_lingers_is_signalled_again_by_the_next_deploy(void **state)
{
    (void)state;
    struct history history;
    serve(&history, plain);
    deploy_ready(&history, 2, plain);
    deploy_ready(&history, 3, plain);
    assert_follows(&history, "ready 3, publish, signal 1 TERM, signal 2 TERM");
    exited(&history, 1);
    assert_follows(&history, "left 1, publish, deploy-succeeded 1");
    exited(&history, 2);
    assert_follows(&history, "left 2, publish, deploy-succeeded 2");
}

static void two_hundred_requests_give_one_deploy_more(void **state)
{
    (void)state;
    struct history history;
    serve(&history, plain);
    deploy(&history);
    assert_follows(&history, "deploy-started 1, spawn 2");
    deploy(&history);
    assert_follows(&history, "deploy-queued");
    for (int i = 2; i < 200; i++) {
        deploy(&history);
        assert_follows(&history, "");
    }
    spawned(&history, 2, plain);
    fires(&history, DUE_INTERVAL);
    assert_follows(&history, "ready 2, publish, signal 1 TERM, deploy-started 2, spawn 3");
    spawned(&history, 3, plain);
    fires(&history, DUE_INTERVAL);
    assert_follows(&history, "ready 3, publish, signal 1 TERM, signal 2 TERM");
}

static void a_request_during_the_first_start_is_remembered(void **state)
{
    (void)state;
    struct history history;
    create(&history, TABLE_MAX);
    start(&history);
    spawned(&history, 1, plain);
    deploy(&history);
    assert_follows(&history, "deploy-queued");
    fires(&history, DUE_INTERVAL);
    assert_follows(&history, "ready 1, publish, deploy-started 1, spawn 2");
}

/* --- deploys that fail ----------------------------------------------------------------------- */

static void a_new_one_that_dies_within_the_interval_leaves_the_old_one_alone(void **state)
{
    (void)state;
    struct history history;
    serve(&history, plain);
    deploy(&history);
    spawned(&history, 2, plain);
    exited(&history, 2);
    assert_follows(&history, "start-failed 2, deploy-failed 1 died");
    assert_current(&history, 1);
    fires(&history, DUE_INTERVAL);
    assert_follows(&history, "");
    deploy(&history);
    assert_follows(&history, "deploy-started 2, spawn 3");
}

static void a_new_one_that_dies_during_kill_old_delay_is_rolled_back(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = plain;
    settings.kill_old_delay_ms = 5000;
    serve(&history, settings);
    deploy_ready(&history, 2, settings);
    exited(&history, 2);
    assert_follows(&history, "crashed 2, rolled-back 1, publish, deploy-failed 1 died-early");
    assert_due(&history, DUE_RETIRE, 0);
    assert_current(&history, 1);
}

static void a_new_one_that_dies_after_the_signal_is_replaced(void **state)
{
    (void)state;
    struct history history;
    serve(&history, plain);
    deploy_ready(&history, 2, plain);
    exited(&history, 2);
    assert_follows(&history, "crashed 2, deploy-failed 1 died-late, spawn 3");
    spawned(&history, 3, plain);
    exited(&history, 1);
    assert_follows(&history, "left 1");
    fires(&history, DUE_INTERVAL);
    assert_follows(&history, "ready 3, publish");
    assert_due(&history, DUE_SETTLE, 30000);
}

static void three_attempts_are_three(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = plain;
    settings.deploy_attempts = 3;
    serve(&history, settings);
    deploy(&history);
    spawned(&history, 2, settings);
    exited(&history, 2);
    assert_follows(&history, "start-failed 2, paused 1000");
    assert_due(&history, DUE_PAUSE, 1000);
    pauses_pass(&history);
    assert_follows(&history, "spawn 3");
    not_spawned(&history, 3, settings);
    assert_follows(&history, "paused 2000");
    assert_due(&history, DUE_INTERVAL, 1000);
    assert_due(&history, DUE_PAUSE, 2000);
    pauses_pass(&history);
    assert_follows(&history, "spawn 4");
    spawned(&history, 4, settings);
    exited(&history, 4);
    assert_follows(&history, "start-failed 4, deploy-failed 1 died");
    assert_current(&history, 1);
}

static void endless_attempts_go_on_beside_the_old_one(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = plain;
    settings.deploy_attempts = 0;
    settings.backoff = false;
    serve(&history, settings);
    deploy(&history);
    for (uint64_t generation = 2; generation < 50; generation++) {
        spawned(&history, generation, settings);
        exited(&history, generation);
        assert_current(&history, 1);
        fires(&history, DUE_INTERVAL);
    }
    assert_follows(&history, "spawn 50");
    spawned(&history, 50, settings);
    fires(&history, DUE_INTERVAL);
    assert_follows(&history, "ready 50, publish, signal 1 TERM");
    assert_due(&history, DUE_SETTLE, 30000);
}

static void a_request_between_two_attempts_starts_the_next_at_once(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = plain;
    settings.deploy_attempts = 0;
    serve(&history, settings);
    deploy(&history);
    spawned(&history, 2, settings);
    exited(&history, 2);
    deploy(&history);
    assert_follows(&history, "spawn 3");
    assert_due(&history, DUE_PAUSE, 0);
    assert_due(&history, DUE_INTERVAL, 0);
}

static void a_first_start_that_cannot_be_executed_ends_with_its_status(void **state)
{
    (void)state;
    struct history history;
    create(&history, TABLE_MAX);
    start(&history);
    not_executable(&history, 1, plain);
    assert_follows(&history, "exit 127");
}

static void it_does_so_as_well_when_the_start_before_failed_for_a_moment(void **state)
{
    (void)state;
    struct history history;
    create(&history, TABLE_MAX);
    start(&history);
    not_spawned(&history, 1, plain);
    assert_follows(&history, "paused 1000");
    assert_due(&history, DUE_INTERVAL, 1000);
    assert_due(&history, DUE_PAUSE, 1000);
    pauses_pass(&history);
    assert_follows(&history, "spawn 2");
    not_executable(&history, 2, plain);
    assert_follows(&history, "exit 127");
}

static void a_deploy_that_cannot_be_executed_fails_even_with_endless_attempts(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = plain;
    settings.deploy_attempts = 0;
    serve(&history, settings);
    deploy(&history);
    not_executable(&history, 2, settings);
    assert_follows(&history, "deploy-failed 1 not-executable");
    assert_due(&history, DUE_INTERVAL, 1000);
    assert_current(&history, 1);
}

static void a_full_table_fails_a_deploy_and_nothing_else(void **state)
{
    (void)state;
    struct history history;
    create(&history, 2);
    start(&history);
    spawned(&history, 1, plain);
    fires(&history, DUE_INTERVAL);
    deploy_ready(&history, 2, plain);
    deploy(&history);
    assert_follows(&history, "deploy-started 2, deploy-failed 2 table-full");
    assert_current(&history, 2);
    exited(&history, 1);
    assert_follows(&history, "left 1, publish, deploy-succeeded 1");
    deploy(&history);
    assert_follows(&history, "deploy-started 3, spawn 3");
}

/* The current one dies during a deploy, while an even older one lingers: there is nobody left to
   wait for, so the lingering one is told again and the deploy does not wait for its delay. */
static void a_deploy_past_a_dead_current_one_does_not_wait_for_kill_old_delay(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = plain;
    settings.kill_old_delay_ms = 5000;
    serve(&history, plain);
    deploy_ready(&history, 2, plain);
    deploy(&history);
    spawned(&history, 3, settings);
    exited(&history, 2);
    assert_follows(&history, "crashed 2, deploy-failed 1 died-late");
    fires(&history, DUE_INTERVAL);
    assert_follows(&history, "ready 3, publish, signal 1 TERM");
    exited(&history, 1);
    assert_follows(&history, "left 1, publish, deploy-succeeded 2");
    deploy(&history);
    assert_follows(&history, "deploy-started 3, spawn 4");
}

/* --- crashes --------------------------------------------------------------------------------- */

/* Generation `number` serves and crashes; the pause that follows, 0: none. */
static int64_t crash(struct history *history, uint64_t number, struct lifecycle_settings settings)
{
    spawned(history, number, settings);
    fires(history, DUE_INTERVAL);
    exited(history, number);
    int64_t pause = find_due(history, DUE_PAUSE);
    if (pause <= history->now) {
        return 0;
    }
    int64_t ms = pause - history->now;
    fires(history, DUE_PAUSE);
    return ms;
}

static void pauses_between_crashes_double_up_to_30_seconds(void **state)
{
    (void)state;
    static const int64_t pauses[] = {0, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000};
    struct history history;
    create(&history, TABLE_MAX);
    start(&history);
    for (size_t i = 0; i < sizeof pauses / sizeof pauses[0]; i++) {
        assert_int_equal(crash(&history, i + 1, plain), pauses[i]);
    }
}

static void pauses_do_not_grow_without_backoff(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = plain;
    settings.backoff = false;
    create(&history, TABLE_MAX);
    start(&history);
    for (uint64_t number = 1; number < 9; number++) {
        assert_int_equal(crash(&history, number, settings), 0);
    }
}

static void without_backoff_and_interval_a_crash_loop_still_pauses(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = plain;
    settings.backoff = false;
    settings.interval_ms = 0;
    serve(&history, settings);
    exited(&history, 1);
    assert_follows(&history, "crashed 1, spawn 2");
    for (uint64_t number = 2; number < 9; number++) {
        spawned(&history, number, settings);
        exited(&history, number);
        assert_non_null(strstr(history.text, "paused 100"));
        fires(&history, DUE_PAUSE);
    }
}

static void pauses_begin_with_the_first_start_that_fails(void **state)
{
    (void)state;
    static const char *const follows[] = {
        "start-failed 1, paused 1000",
        "start-failed 2, paused 2000",
        "start-failed 3, paused 4000",
    };
    struct history history;
    create(&history, TABLE_MAX);
    start(&history);
    for (uint64_t number = 1; number <= 3; number++) {
        spawned(&history, number, plain);
        exited(&history, number);
        assert_follows(&history, follows[number - 1]);
        pauses_pass(&history);
    }
    assert_follows(&history, "spawn 4");
}

static void a_server_that_has_settled_is_replaced_at_once_again(void **state)
{
    (void)state;
    struct history history;
    create(&history, TABLE_MAX);
    start(&history);
    assert_int_equal(crash(&history, 1, plain), 0);
    assert_int_equal(crash(&history, 2, plain), 1000);
    spawned(&history, 3, plain);
    fires(&history, DUE_INTERVAL);
    assert_follows(&history, "ready 3, publish");
    assert_due(&history, DUE_SETTLE, 30000);
    fires(&history, DUE_SETTLE);
    exited(&history, 3);
    assert_follows(&history, "crashed 3, spawn 4");
}

static void a_failed_deploy_does_not_count_against_the_old_one(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = plain;
    settings.deploy_attempts = 2;
    serve(&history, settings);
    deploy(&history);
    spawned(&history, 2, settings);
    exited(&history, 2);
    pauses_pass(&history);
    spawned(&history, 3, settings);
    exited(&history, 3);
    assert_follows(&history, "start-failed 3, deploy-failed 1 died");
    fires(&history, DUE_INTERVAL);
    exited(&history, 1);
    assert_follows(&history, "crashed 1, spawn 4");
}

static void a_current_one_that_dies_during_a_deploy_is_replaced_by_it(void **state)
{
    (void)state;
    struct history history;
    serve(&history, plain);
    deploy(&history);
    spawned(&history, 2, plain);
    exited(&history, 1);
    assert_follows(&history, "crashed 1");
    fires(&history, DUE_INTERVAL);
    assert_follows(&history, "ready 2, publish, deploy-succeeded 1");
}

/* --- automatic restarts ---------------------------------------------------------------------- */

static struct lifecycle_settings automatic(void)
{
    struct lifecycle_settings settings = plain;
    settings.auto_restart_ms = 60000;
    return settings;
}

static void an_automatic_restart_is_a_deploy(void **state)
{
    (void)state;
    struct history history;
    serve(&history, automatic());
    assert_follows(&history, "ready 1, publish");
    assert_due(&history, DUE_AUTO_RESTART, 60000);
    fires(&history, DUE_AUTO_RESTART);
    assert_follows(&history, "time deploy-started 1, spawn 2");
    spawned(&history, 2, automatic());
    fires(&history, DUE_INTERVAL);
    assert_follows(&history, "ready 2, publish, signal 1 TERM");
    assert_due(&history, DUE_AUTO_RESTART, 60000);
}

static void it_waits_until_older_ones_are_gone(void **state)
{
    (void)state;
    struct history history;
    serve(&history, automatic());
    deploy_ready(&history, 2, automatic());
    fires(&history, DUE_AUTO_RESTART);
    assert_follows(&history, "");
    assert_due(&history, DUE_AUTO_RESTART, 60000);
    exited(&history, 1);
    assert_follows(&history, "left 1, publish, deploy-succeeded 1, time deploy-started 2, spawn 3");
    assert_due(&history, DUE_AUTO_RESTART, 0);
}

static void it_waits_for_one_more_interval_at_most(void **state)
{
    (void)state;
    struct history history;
    serve(&history, automatic());
    deploy_ready(&history, 2, automatic());
    fires(&history, DUE_AUTO_RESTART);
    fires(&history, DUE_AUTO_RESTART);
    assert_follows(&history, "time deploy-started 2, spawn 3");
}

static void it_is_planned_anew_when_its_deploy_fails(void **state)
{
    (void)state;
    struct history history;
    serve(&history, automatic());
    fires(&history, DUE_AUTO_RESTART);
    spawned(&history, 2, automatic());
    exited(&history, 2);
    assert_follows(&history, "start-failed 2, deploy-failed 1 died");
    assert_due(&history, DUE_AUTO_RESTART, 60000);
}

static void it_is_not_lost_when_it_is_due_during_kill_old_delay(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = automatic();
    settings.kill_old_delay_ms = 90000;
    serve(&history, settings);
    deploy_ready(&history, 2, settings);
    fires(&history, DUE_AUTO_RESTART);
    fires(&history, DUE_RETIRE);
    exited(&history, 1);
    fires(&history, DUE_AUTO_RESTART);
    assert_follows(&history, "time deploy-started 2, spawn 3");
}

static void it_is_forgotten_with_the_generation_that_it_was_for(void **state)
{
    (void)state;
    struct history history;
    serve(&history, automatic());
    deploy_ready(&history, 2, automatic());
    fires(&history, DUE_AUTO_RESTART);
    exited(&history, 2);
    assert_follows(&history, "crashed 2, deploy-failed 1 died-late, spawn 3");
    assert_due(&history, DUE_AUTO_RESTART, 0);
    spawned(&history, 3, automatic());
    exited(&history, 3);
    assert_follows(&history, "start-failed 3, paused 1000");
    assert_due(&history, DUE_PAUSE, 1000);
    exited(&history, 1);
    assert_follows(&history, "left 1");
}

/* --- ready means ready ----------------------------------------------------------------------- */

static struct lifecycle_settings reporting(enum ready_mode mode)
{
    struct lifecycle_settings settings = plain;
    settings.ready_mode = mode;
    settings.ready_timeout_ms = 60000;
    return settings;
}

static void by_report_it_is_ready_when_it_says_so(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = reporting(READY_BY_REPORT);
    serve(&history, settings);
    deploy(&history);
    spawned(&history, 2, settings);
    assert_follows(&history, "spawned 2");
    assert_due(&history, DUE_READY, 60000);
    assert_due(&history, DUE_INTERVAL, 1000);
    fires(&history, DUE_INTERVAL);
    assert_follows(&history, "");
    assert_current(&history, 1);
    says(&history, EVENT_READY, 2);
    assert_follows(&history, "ready 2, publish, signal 1 TERM");
    assert_due(&history, DUE_READY, 0);
    says(&history, EVENT_READY, 2);
    assert_follows(&history, "");
}

static void by_report_it_need_not_wait_for_the_interval(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = reporting(READY_BY_REPORT);
    create(&history, TABLE_MAX);
    start(&history);
    spawned(&history, 1, settings);
    says(&history, EVENT_READY, 1);
    assert_follows(&history, "ready 1, publish");
    assert_due(&history, DUE_READY, 0);
    exited(&history, 1);
    assert_follows(&history, "crashed 1"); /* the next start does wait for it */
    fires(&history, DUE_INTERVAL);
    assert_follows(&history, "spawn 2");
}

static void by_age_a_report_means_nothing(void **state)
{
    (void)state;
    struct history history;
    create(&history, TABLE_MAX);
    start(&history);
    spawned(&history, 1, plain);
    says(&history, EVENT_READY, 1);
    assert_follows(&history, "");
    assert_current(&history, 0);
}

static void one_that_is_not_ready_in_time_has_failed(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = reporting(READY_BY_REPORT);
    serve(&history, settings);
    deploy(&history);
    spawned(&history, 2, settings);
    fires(&history, DUE_READY);
    assert_follows(&history, "not-ready 2, signal 2 TERM, publish, deploy-failed 1 not-ready");
    assert_current(&history, 1);
    says(&history, EVENT_READY, 2);
    assert_follows(&history, "");
    exited(&history, 2);
    assert_follows(&history, "left 2, publish");
    assert_current(&history, 1);
}

static void one_that_is_not_ready_in_time_is_tried_again(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = reporting(READY_BY_REPORT);
    settings.deploy_attempts = 2;
    serve(&history, settings);
    deploy(&history);
    spawned(&history, 2, settings);
    fires(&history, DUE_READY);
    assert_follows(&history, "not-ready 2, signal 2 TERM, publish, paused 1000");
    assert_due(&history, DUE_PAUSE, 1000);
    pauses_pass(&history);
    assert_follows(&history, "spawn 3");
    spawned(&history, 3, settings);
    says(&history, EVENT_READY, 3);
    assert_follows(&history, "ready 3, publish, signal 1 TERM, signal 2 TERM");
    assert_due(&history, DUE_READY, 0);
    assert_due(&history, DUE_SETTLE, 30000);
}

static void one_that_asks_for_more_time_to_start_gets_it(void **state)
{
    (void)state;
    struct history history;
    create(&history, TABLE_MAX);
    start(&history);
    spawned(&history, 1, reporting(READY_BY_REPORT));
    asks_for_time(&history, 1, 90000);
    assert_follows(&history, "");
    assert_due(&history, DUE_READY, 90000);
    asks_for_time(&history, 1, 0);
    assert_follows(&history, "");
    says(&history, EVENT_READY, 1);
    asks_for_time(&history, 1, 90000);
    assert_follows(&history, "");
}

static void auto_begins_by_age(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = reporting(READY_AUTO);
    serve(&history, settings);
    assert_follows(&history, "ready 1, publish");
    deploy_ready(&history, 2, settings);
    assert_follows(&history, "ready 2, publish, signal 1 TERM");
}

static void auto_learns_that_the_one_before_has_reported(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = reporting(READY_AUTO);
    create(&history, TABLE_MAX);
    start(&history);
    spawned(&history, 1, settings);
    assert_follows(&history, "spawned 1");
    assert_due(&history, DUE_INTERVAL, 1000);
    says(&history, EVENT_READY, 1);
    assert_follows(&history, "ready 1, publish");
    deploy(&history);
    spawned(&history, 2, settings);
    assert_follows(&history, "spawned 2");
    assert_due(&history, DUE_READY, 60000);
    assert_due(&history, DUE_INTERVAL, 1000);
    fires(&history, DUE_INTERVAL);
    assert_follows(&history, "");
    fires(&history, DUE_READY);
    assert_follows(&history, "not-ready 2, signal 2 TERM, publish, deploy-failed 1 not-ready");
    assert_current(&history, 1);
}

static void auto_remembers_it_when_the_one_before_has_died(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = reporting(READY_AUTO);
    settings.interval_ms = 0;
    create(&history, TABLE_MAX);
    start(&history);
    spawned(&history, 1, reporting(READY_BY_REPORT));
    says(&history, EVENT_READY, 1);
    exited(&history, 1);
    fires(&history, DUE_INTERVAL);
    spawned(&history, 2, settings);
    assert_follows(&history, "spawned 2");
    assert_due(&history, DUE_READY, 60000);
    assert_current(&history, 0);
}

static void auto_learns_from_a_report_that_comes_late(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = reporting(READY_AUTO);
    serve(&history, settings);
    says(&history, EVENT_READY, 1);
    deploy(&history);
    spawned(&history, 2, settings);
    assert_follows(&history, "spawned 2");
    assert_due(&history, DUE_READY, 60000);
    assert_due(&history, DUE_INTERVAL, 1000);
}

/* The one that is starting has to report from then on, and so it has its time for that. */
static void a_late_report_gives_the_next_one_its_ready_timeout(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = reporting(READY_AUTO);
    serve(&history, settings);
    deploy(&history);
    spawned(&history, 2, settings);
    assert_follows(&history, "spawned 2");
    assert_due(&history, DUE_INTERVAL, 1000);
    says(&history, EVENT_READY, 1);
    assert_follows(&history, "");
    assert_due(&history, DUE_READY, 60000);
    fires(&history, DUE_INTERVAL);
    assert_current(&history, 1);
    fires(&history, DUE_READY);
    assert_follows(&history, "not-ready 2, signal 2 TERM, publish, deploy-failed 1 not-ready");
}

static void after_a_roll_back_auto_goes_by_the_older_one(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = reporting(READY_AUTO);
    settings.kill_old_delay_ms = 5000;
    serve(&history, settings);
    deploy(&history);
    spawned(&history, 2, settings);
    says(&history, EVENT_READY, 2);
    assert_follows(&history, "ready 2, retiring 2, publish");
    assert_due(&history, DUE_RETIRE, 5000);
    exited(&history, 2);
    deploy(&history);
    spawned(&history, 3, settings);
    assert_follows(&history, "spawned 3");
    assert_due(&history, DUE_INTERVAL, 1000);
}

/* Those that are never ready and never leave fill the table without any deploy. */
static void a_start_waits_for_room_in_a_full_table(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = reporting(READY_BY_REPORT);
    settings.interval_ms = 0;
    create(&history, 2);
    start(&history);
    for (uint64_t number = 1; number <= 2; number++) {
        spawned(&history, number, settings);
        fires(&history, DUE_READY);
        fires(&history, DUE_PAUSE);
    }
    assert_follows(&history, "");
    exited(&history, 1);
    assert_follows(&history, "left 1, spawn 3");
}

static void a_full_table_does_not_forget_the_queued_deploy(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = reporting(READY_BY_REPORT);
    settings.deploy_attempts = 2;
    create(&history, 2);
    start(&history);
    spawned(&history, 1, settings);
    says(&history, EVENT_READY, 1);
    deploy(&history);
    spawned(&history, 2, settings);
    deploy(&history);
    fires(&history, DUE_READY);
    pauses_pass(&history);
    assert_follows(&history,
                   "deploy-failed 1 table-full, deploy-started 2, deploy-failed 2 table-full");
    assert_current(&history, 1);
}

/* --- the check ------------------------------------------------------------------------------- */

static struct lifecycle_settings with_check(void)
{
    struct lifecycle_settings settings = plain;
    settings.has_check = true;
    return settings;
}

/* The first check said yes, and the first generation serves. */
static void serve_checked(struct history *history, struct lifecycle_settings settings)
{
    create_with(history, TABLE_MAX, settings);
    start(history);
    assert_follows(history, "check 0");
    checked(history, true);
    assert_follows(history, "spawn 1");
    spawned(history, 1, settings);
    fires(history, DUE_INTERVAL);
    assert_current(history, 1);
}

static void a_first_check_that_fails_ends_with_1(void **state)
{
    (void)state;
    struct history history;
    create_with(&history, TABLE_MAX, with_check());
    start(&history);
    start(&history);
    assert_follows(&history, "");
    checked(&history, false);
    assert_follows(&history, "exit 1");
}

static void a_deploy_starts_nothing_before_its_check_says_yes(void **state)
{
    (void)state;
    struct history history;
    serve_checked(&history, with_check());
    deploy(&history);
    assert_follows(&history, "deploy-started 1, check 1");
    deploy(&history);
    assert_follows(&history, "deploy-queued");
    checked(&history, true);
    assert_follows(&history, "spawn 2");
    checked(&history, true);
    assert_follows(&history, "");
}

static void a_check_that_fails_touches_nothing(void **state)
{
    (void)state;
    struct history history;
    serve_checked(&history, with_check());
    deploy(&history);
    checked(&history, false);
    assert_follows(&history, "deploy-failed 1 check");
    assert_current(&history, 1);
    exited(&history, 1);
    assert_follows(&history, "crashed 1, spawn 2");
}

static void a_stop_calls_the_check_off(void **state)
{
    (void)state;
    struct history history;
    serve_checked(&history, with_check());
    deploy(&history);
    stop(&history);
    assert_follows(&history, "stopping, uncheck, deploy-stopped 1, signal 1 INT, publish");
    checked(&history, true);
    assert_follows(&history, "");
}

static void a_stop_during_the_first_check_ends_at_once(void **state)
{
    (void)state;
    struct history history;
    create_with(&history, TABLE_MAX, with_check());
    start(&history);
    stop(&history);
    assert_follows(&history, "stopping, uncheck, publish, exit 0");
}

static void one_that_dies_during_a_check_is_replaced_at_once(void **state)
{
    (void)state;
    struct history history;
    serve_checked(&history, with_check());
    deploy(&history);
    exited(&history, 1);
    assert_follows(&history, "crashed 1, spawn 2");
    spawned(&history, 2, with_check());
    fires(&history, DUE_INTERVAL);
    assert_follows(&history, "ready 2, publish");
    assert_due(&history, DUE_SETTLE, 30000);
    checked(&history, false);
    assert_follows(&history, "deploy-failed 1 check");
    assert_current(&history, 2);
}

/* It was started with what was before the check: the deploy follows it. */
static void what_replaces_it_is_not_the_deploys_though_the_check_says_yes(void **state)
{
    (void)state;
    struct history history;
    serve_checked(&history, with_check());
    deploy(&history);
    exited(&history, 1);
    spawned(&history, 2, with_check());
    checked(&history, true);
    assert_follows(&history, "");
    deploy(&history);
    assert_follows(&history, "deploy-queued");
    fires(&history, DUE_INTERVAL);
    assert_follows(&history, "ready 2, publish, spawn 3");
    assert_due(&history, DUE_SETTLE, 0);
    assert_int_equal(history.spawned_for, 1);
    spawned(&history, 3, with_check());
    fires(&history, DUE_INTERVAL);
    assert_follows(&history, "ready 3, publish, signal 2 TERM, deploy-started 2, check 2");
}

static void one_that_holds_up_a_deploy_makes_way_when_it_fails(void **state)
{
    (void)state;
    struct history history;
    serve_checked(&history, with_check());
    deploy(&history);
    exited(&history, 1);
    assert_int_equal(history.spawned_for, 0);
    spawned(&history, 2, with_check());
    checked(&history, true);
    exited(&history, 2);
    assert_follows(&history, "start-failed 2, spawn 3");
    assert_due(&history, DUE_INTERVAL, 0);
    assert_int_equal(history.spawned_for, 1);
}

static void a_stop_ends_a_deploy_that_is_held_up(void **state)
{
    (void)state;
    struct history history;
    serve_checked(&history, with_check());
    deploy(&history);
    exited(&history, 1);
    spawned(&history, 2, with_check());
    checked(&history, true);
    stop(&history);
    assert_follows(&history, "stopping, deploy-stopped 1, signal 2 INT, publish");
    assert_due(&history, DUE_INTERVAL, 0);
    exited(&history, 2);
    assert_follows(&history, "left 2, publish, exit 0");
}

static void a_request_between_two_attempts_is_checked_anew(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = with_check();
    settings.deploy_attempts = 0;
    serve_checked(&history, settings);
    deploy(&history);
    checked(&history, true);
    spawned(&history, 2, settings);
    exited(&history, 2);
    assert_follows(&history, "start-failed 2, paused 1000");
    assert_due(&history, DUE_PAUSE, 1000);
    deploy(&history);
    assert_follows(&history, "check 1");
    pauses_pass(&history);
    assert_follows(&history, "");
    refused(&history, FAILURE_CONFIGURATION);
    assert_follows(&history, "deploy-failed 1 configuration");
    assert_current(&history, 1);
}

static void a_request_that_is_checked_anew_has_all_attempts_again(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = with_check();
    settings.deploy_attempts = 2;
    serve_checked(&history, settings);
    deploy(&history);
    checked(&history, true);
    spawned(&history, 2, settings);
    exited(&history, 2);
    deploy(&history);
    checked(&history, true);
    assert_follows(&history, "spawn 3");
    spawned(&history, 3, settings);
    exited(&history, 3);
    assert_follows(&history, "start-failed 3, paused 1000");
    pauses_pass(&history);
    spawned(&history, 4, settings);
    exited(&history, 4);
    assert_follows(&history, "start-failed 4, deploy-failed 1 died");
}

/* --- what is read at a deploy ------------------------------------------------------------------
 */

static struct lifecycle_settings to_be_read(void)
{
    struct lifecycle_settings settings = plain;
    settings.is_read = true;
    return settings;
}

static void a_deploy_whose_settings_are_read_begins_with_that(void **state)
{
    (void)state;
    struct history history;
    serve(&history, to_be_read());
    deploy(&history);
    assert_follows(&history, "deploy-started 1, check 1");
    assert_true(history.is_read);
    checked(&history, true);
    assert_follows(&history, "spawn 2");
    assert_int_equal(history.spawned_for, 1);
}

static void a_deploy_that_cannot_be_read_says_why_and_touches_nothing(void **state)
{
    (void)state;
    struct history history;
    serve(&history, to_be_read());
    deploy(&history);
    refused(&history, FAILURE_CONFIGURATION);
    assert_follows(&history, "deploy-failed 1 configuration");
    deploy(&history);
    refused(&history, FAILURE_LISTENERS);
    assert_follows(&history, "deploy-failed 2 listeners");
    exited(&history, 1);
    assert_follows(&history, "crashed 1, spawn 2");
    assert_int_equal(history.spawned_for, 0);
}

static void one_that_hangs_is_replaced_by_what_it_was(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = to_be_read();
    settings.watchdog_ms = 5000;
    serve(&history, settings);
    fires(&history, DUE_WATCHDOG);
    assert_follows(&history, "hung 1, watchdog deploy-started 1, spawn 2");
    assert_due(&history, DUE_WATCHDOG, 5000);
}

static void the_check_of_one_that_hung_reads_nothing(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = to_be_read();
    settings.watchdog_ms = 5000;
    settings.has_check = true;
    serve_checked(&history, settings);
    fires(&history, DUE_WATCHDOG);
    assert_follows(&history, "hung 1, watchdog deploy-started 1, check 1");
    assert_false(history.is_read);
}

static void the_settings_of_a_deploy_that_failed_are_forgotten(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = to_be_read();
    serve(&history, settings);
    deploy(&history);
    checked(&history, true);
    settings.start_limit = 1;
    settings.start_limit_ms = 60000;
    spawned(&history, 2, settings);
    exited(&history, 2);
    assert_follows(&history, "start-failed 2, deploy-failed 1 died");
    fires(&history, DUE_INTERVAL);
    exited(&history, 1);
    assert_follows(&history, "crashed 1, spawn 3");
}

/* It was started before the second request: the second deploy needs one of its own. */
static void what_replaces_it_is_not_the_next_deploys(void **state)
{
    (void)state;
    struct history history;
    serve_checked(&history, with_check());
    deploy(&history);
    exited(&history, 1);
    spawned(&history, 2, with_check());
    deploy(&history);
    assert_follows(&history, "deploy-queued");
    checked(&history, false);
    assert_follows(&history, "deploy-failed 1 check");
    fires(&history, DUE_INTERVAL);
    assert_follows(&history, "ready 2, publish, deploy-started 2, check 2");
    assert_due(&history, DUE_SETTLE, 30000);
    checked(&history, true);
    assert_follows(&history, "spawn 3");
    assert_due(&history, DUE_SETTLE, 0);
}

static void what_replaces_it_is_no_attempt(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = with_check();
    settings.deploy_attempts = 2;
    serve_checked(&history, settings);
    deploy(&history);
    exited(&history, 1);
    spawned(&history, 2, settings);
    fires(&history, DUE_INTERVAL);
    checked(&history, true);
    spawned(&history, 3, settings);
    exited(&history, 3);
    assert_follows(&history, "start-failed 3, paused 1000");
    assert_due(&history, DUE_PAUSE, 1000);
    pauses_pass(&history);
    spawned(&history, 4, settings);
    exited(&history, 4);
    assert_follows(&history, "start-failed 4, deploy-failed 1 died");
}

/* The deploy took the place of the start that failed: without it, that start is still wanted. */
static void a_check_that_fails_does_not_end_the_starts(void **state)
{
    (void)state;
    struct history history;
    create(&history, TABLE_MAX);
    start(&history);
    deploy(&history);
    not_spawned(&history, 1, with_check());
    assert_follows(&history, "deploy-started 1, check 1");
    assert_due(&history, DUE_INTERVAL, 1000);
    checked(&history, false);
    assert_follows(&history, "deploy-failed 1 check");
    fires(&history, DUE_INTERVAL);
    assert_follows(&history, "spawn 2");
}

static void a_full_table_does_not_end_a_deploy_that_is_checked(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = reporting(READY_BY_REPORT);
    settings.interval_ms = 0;
    settings.has_check = true;
    create(&history, 2);
    start(&history);
    spawned(&history, 1, settings);
    says(&history, EVENT_READY, 1);
    deploy(&history);
    exited(&history, 1);
    for (uint64_t number = 2; number <= 3; number++) {
        spawned(&history, number, settings);
        fires(&history, DUE_READY);
        fires(&history, DUE_PAUSE);
    }
    assert_follows(&history, "");
    checked(&history, false);
    assert_follows(&history, "deploy-failed 1 check");
    exited(&history, 2);
    assert_follows(&history, "left 2, spawn 4");
}

static void a_check_does_not_outlive_the_supervisor(void **state)
{
    (void)state;
    struct history history;
    create(&history, TABLE_MAX);
    start(&history);
    not_spawned(&history, 1, with_check());
    deploy(&history);
    pauses_pass(&history);
    assert_follows(&history, "spawn 2");
    not_executable(&history, 2, with_check());
    assert_follows(&history, "deploy-failed 1 not-executable, uncheck, exit 127");
}

static void a_request_during_the_first_check_waits_for_the_first_generation(void **state)
{
    (void)state;
    struct history history;
    create_with(&history, TABLE_MAX, with_check());
    start(&history);
    deploy(&history);
    assert_follows(&history, "deploy-queued");
    checked(&history, true);
    assert_follows(&history, "spawn 1");
    assert_int_equal(history.spawned_for, 0);
    spawned(&history, 1, with_check());
    fires(&history, DUE_INTERVAL);
    assert_follows(&history, "ready 1, publish, deploy-started 1, check 1");
}

static void after_a_roll_back_the_settings_of_the_older_one_are_in_force(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = to_be_read();
    serve(&history, settings);
    settings.kill_old_delay_ms = 5000;
    settings.start_limit = 1;
    settings.start_limit_ms = 60000;
    deploy(&history);
    checked(&history, true);
    spawned(&history, 2, settings);
    fires(&history, DUE_INTERVAL);
    exited(&history, 2);
    assert_follows(&history, "crashed 2, rolled-back 1, publish, deploy-failed 1 died-early");
    exited(&history, 1);
    assert_follows(&history, "crashed 1, spawn 3");
}

/* --- what a request is told ------------------------------------------------------------------ */

static void a_request_knows_the_number_of_its_deploy(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = plain;
    settings.deploy_attempts = 2;
    serve(&history, settings);
    assert_int_equal(lifecycle_next_deploy(&history.model), 1);
    deploy(&history);
    assert_int_equal(lifecycle_next_deploy(&history.model), 2);
    deploy(&history);
    assert_int_equal(lifecycle_next_deploy(&history.model), 2);
    spawned(&history, 2, settings);
    exited(&history, 2);
    assert_int_equal(lifecycle_next_deploy(&history.model), 1); /* the next attempt is new */
    deploy(&history);
    assert_int_equal(lifecycle_next_deploy(&history.model), 2);
}

/* --- leaving --------------------------------------------------------------------------------- */

static struct lifecycle_settings with_kill_timeout(void)
{
    struct lifecycle_settings settings = plain;
    settings.kill_timeout_ms = 10000;
    return settings;
}

static void one_that_does_not_leave_in_time_is_killed(void **state)
{
    (void)state;
    struct history history;
    serve(&history, with_kill_timeout());
    deploy_ready(&history, 2, plain);
    assert_follows(&history, "ready 2, publish, signal 1 TERM");
    assert_kill_due(&history, 1, 10000);
    kill_timer_fires(&history, 1);
    assert_follows(&history, "signal 1 KILL");
    exited(&history, 1);
    assert_follows(&history, "left 1, publish, deploy-succeeded 1");
}

static void told_again_it_gets_no_more_time(void **state)
{
    (void)state;
    struct history history;
    serve(&history, with_kill_timeout());
    deploy_ready(&history, 2, with_kill_timeout());
    deploy_ready(&history, 3, plain);
    assert_follows(&history, "ready 3, publish, signal 1 TERM, signal 2 TERM");
    assert_kill_due(&history, 2, 10000);
    stop(&history);
    assert_follows(&history, "stopping, signal 1 INT, signal 2 INT, signal 3 INT, publish, "
                             "deploy-stopped 1, deploy-stopped 2");
    kill_timer_fires(&history, 1);
    assert_follows(&history, "signal 1 KILL");
}

static void it_gets_more_time_if_it_asks_for_it(void **state)
{
    (void)state;
    struct history history;
    serve(&history, with_kill_timeout());
    asks_for_time(&history, 1, 60000);
    assert_follows(&history, "");
    deploy_ready(&history, 2, plain);
    asks_for_time(&history, 1, 60000);
    assert_follows(&history, "");
    assert_kill_due(&history, 1, 60000);
    kill_timer_fires(&history, 1);
    asks_for_time(&history, 1, 60000);
    assert_follows(&history, "");
}

static void after_a_stop_they_are_killed_as_well(void **state)
{
    (void)state;
    struct history history;
    serve(&history, with_kill_timeout());
    stop(&history);
    assert_follows(&history, "stopping, signal 1 INT, publish");
    assert_kill_due(&history, 1, 10000);
    kill_timer_fires(&history, 1);
    assert_follows(&history, "signal 1 KILL");
    exited(&history, 1);
    assert_follows(&history, "left 1, publish, exit 0");
}

static void one_that_is_not_ready_in_time_is_killed_in_the_end(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = with_kill_timeout();
    settings.ready_mode = READY_BY_REPORT;
    settings.ready_timeout_ms = 2000;
    serve(&history, plain);
    deploy(&history);
    spawned(&history, 2, settings);
    fires(&history, DUE_READY);
    assert_follows(&history, "not-ready 2, signal 2 TERM, publish, deploy-failed 1 not-ready");
    assert_kill_due(&history, 2, 10000);
    kill_timer_fires(&history, 2);
    assert_follows(&history, "signal 2 KILL");
}

static void of_too_many_that_linger_the_oldest_is_killed(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = plain;
    settings.max_old = 1;
    serve(&history, settings);
    deploy_ready(&history, 2, settings);
    assert_follows(&history, "ready 2, publish, signal 1 TERM");
    deploy_ready(&history, 3, settings);
    assert_follows(&history, "ready 3, publish, signal 1 TERM, signal 2 TERM, signal 1 KILL");
    deploy_ready(&history, 4, settings);
    assert_follows(&history,
                   "ready 4, publish, signal 1 TERM, signal 2 TERM, signal 3 TERM, signal 2 KILL");
}

static void too_many_linger_beside_what_replaces_the_dead_as_well(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = reporting(READY_BY_REPORT);
    settings.max_old = 1;
    settings.interval_ms = 0;
    create(&history, TABLE_MAX);
    start(&history);
    for (uint64_t number = 1; number <= 2; number++) {
        spawned(&history, number, settings);
        fires(&history, DUE_READY);
        fires(&history, DUE_PAUSE);
    }
    spawned(&history, 3, settings);
    says(&history, EVENT_READY, 3);
    assert_follows(&history, "ready 3, publish, signal 1 KILL");
    assert_due(&history, DUE_READY, 0);
    assert_due(&history, DUE_SETTLE, 30000);
}

/* --- the watchdog ---------------------------------------------------------------------------- */

static struct lifecycle_settings watched(void)
{
    struct lifecycle_settings settings = plain;
    settings.watchdog_ms = 5000;
    return settings;
}

static void one_that_falls_silent_is_replaced_before_it_is_told_to_leave(void **state)
{
    (void)state;
    struct history history;
    serve(&history, watched());
    assert_follows(&history, "ready 1, publish");
    assert_due(&history, DUE_WATCHDOG, 5000);
    says(&history, EVENT_ALIVE, 1);
    assert_follows(&history, "");
    assert_due(&history, DUE_WATCHDOG, 5000);
    fires(&history, DUE_WATCHDOG);
    assert_follows(&history, "hung 1, watchdog deploy-started 1, spawn 2");
    assert_due(&history, DUE_WATCHDOG, 5000);
    assert_current(&history, 1);
    spawned(&history, 2, watched());
    fires(&history, DUE_INTERVAL);
    assert_follows(&history, "ready 2, publish, signal 1 TERM");
    assert_due(&history, DUE_WATCHDOG, 5000);
    assert_due(&history, DUE_SETTLE, 30000);
    assert_kill_due(&history, 1, 5000);
    history.now += 1;
    says(&history, EVENT_ALIVE, 2);
    kill_timer_fires(&history, 1);
    assert_follows(&history, "signal 1 KILL");
}

static void one_that_hangs_serves_on_if_its_replacement_fails(void **state)
{
    (void)state;
    struct history history;
    serve(&history, watched());
    fires(&history, DUE_WATCHDOG);
    spawned(&history, 2, watched());
    exited(&history, 2);
    assert_follows(&history, "start-failed 2, deploy-failed 1 died");
    assert_current(&history, 1);
    fires(&history, DUE_INTERVAL);
    fires(&history, DUE_WATCHDOG);
    assert_follows(&history, "watchdog deploy-started 2, spawn 3");
    assert_due(&history, DUE_WATCHDOG, 5000);
}

static void one_that_says_itself_that_it_hangs_is_replaced(void **state)
{
    (void)state;
    struct history history;
    serve(&history, plain);
    says(&history, EVENT_HUNG, 1);
    assert_follows(&history, "hung 1, watchdog deploy-started 1, spawn 2");
    says(&history, EVENT_HUNG, 1);
    assert_follows(&history, "");
    says(&history, EVENT_HUNG, 2);
    assert_follows(&history, "");
}

/* Nobody asked for these starts: a server that hangs as soon as it serves is no reason for a loop.
 */
static void those_that_hang_one_after_the_other_are_replaced_with_pauses(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = plain;
    settings.interval_ms = 0;
    serve(&history, settings);
    says(&history, EVENT_HUNG, 1);
    assert_follows(&history, "hung 1, watchdog deploy-started 1, spawn 2");
    spawned(&history, 2, settings);
    exited(&history, 1);
    says(&history, EVENT_HUNG, 2);
    assert_follows(&history, "hung 2, watchdog deploy-started 2, paused 100");
    assert_due(&history, DUE_SETTLE, 0);
    assert_due(&history, DUE_PAUSE, 100);
    assert_current(&history, 2);
}

static void a_sign_of_life_counts_for_the_current_one_only(void **state)
{
    (void)state;
    struct history history;
    serve(&history, watched());
    deploy(&history);
    spawned(&history, 2, watched());
    says(&history, EVENT_ALIVE, 2);
    assert_follows(&history, "");
    fires(&history, DUE_INTERVAL);
    says(&history, EVENT_ALIVE, 1);
    assert_follows(&history, "");
    says(&history, EVENT_ALIVE, 2);
    assert_follows(&history, "");
    assert_due(&history, DUE_WATCHDOG, 5000);
}

/* --- giving up ------------------------------------------------------------------------------- */

static struct lifecycle_settings with_start_limit(unsigned limit)
{
    struct lifecycle_settings settings = plain;
    settings.start_limit = limit;
    settings.start_limit_ms = 60000;
    return settings;
}

static void so_many_deaths_in_so_short_a_time_are_the_end(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = with_start_limit(3);
    serve(&history, settings);
    exited(&history, 1);
    assert_follows(&history, "crashed 1, spawn 2");
    assert_due(&history, DUE_START_LIMIT, 60000);
    spawned(&history, 2, settings);
    exited(&history, 2);
    assert_follows(&history, "start-failed 2, paused 1000");
    assert_due(&history, DUE_PAUSE, 1000);
    pauses_pass(&history);
    spawned(&history, 3, settings);
    exited(&history, 3);
    assert_follows(&history, "start-failed 3, gave-up, publish, exit 10");
    assert_due(&history, DUE_INTERVAL, 0);
    assert_due(&history, DUE_START_LIMIT, 0);
}

static void deaths_that_are_long_ago_do_not_count(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = with_start_limit(2);
    serve(&history, settings);
    exited(&history, 1);
    fires(&history, DUE_START_LIMIT);
    spawned(&history, 2, settings);
    fires(&history, DUE_INTERVAL);
    exited(&history, 2);
    assert_follows(&history, "crashed 2, paused 1000");
    assert_due(&history, DUE_SETTLE, 0);
    assert_due(&history, DUE_START_LIMIT, 60000);
    assert_due(&history, DUE_PAUSE, 1000);
}

static void it_gives_up_only_when_the_last_worker_is_gone(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = with_start_limit(1);
    serve(&history, plain);
    deploy_ready(&history, 2, settings);
    exited(&history, 2);
    assert_follows(&history,
                   "crashed 2, deploy-failed 1 died-late, gave-up, signal 1 TERM, publish");
    exited(&history, 1);
    assert_follows(&history, "left 1, publish, exit 10");
}

static void the_attempts_of_a_deploy_do_not_count_while_one_serves(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = with_start_limit(1);
    serve(&history, settings);
    deploy(&history);
    spawned(&history, 2, settings);
    exited(&history, 2);
    assert_follows(&history, "start-failed 2, deploy-failed 1 died");
    assert_current(&history, 1);
}

static void a_check_that_fails_does_not_wipe_out_deaths(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = with_start_limit(2);
    settings.has_check = true;
    serve_checked(&history, settings);
    exited(&history, 1);
    spawned(&history, 2, settings);
    fires(&history, DUE_INTERVAL);
    deploy(&history);
    assert_follows(&history, "deploy-started 1, check 1");
    checked(&history, false);
    exited(&history, 2);
    assert_follows(&history, "crashed 2, gave-up, publish, exit 10");
    assert_due(&history, DUE_SETTLE, 0);
    assert_due(&history, DUE_START_LIMIT, 0);
}

/* --- stop ------------------------------------------------------------------------------------ */

static void a_stop_while_serving_ends_with_the_last_worker(void **state)
{
    (void)state;
    struct history history;
    serve(&history, plain);
    stop(&history);
    assert_follows(&history, "stopping, signal 1 INT, publish");
    exited(&history, 1);
    assert_follows(&history, "left 1, publish, exit 0");
}

static void a_stop_before_the_interval_is_over_is_obeyed_at_once(void **state)
{
    (void)state;
    struct history history;
    create(&history, TABLE_MAX);
    start(&history);
    spawned(&history, 1, plain);
    stop(&history);
    assert_follows(&history, "stopping, signal 1 INT, publish");
    assert_due(&history, DUE_INTERVAL, 0);
    exited(&history, 1);
    assert_follows(&history, "left 1, publish, exit 0");
}

static void a_stop_during_a_deploy_supersedes_it(void **state)
{
    (void)state;
    struct history history;
    serve(&history, plain);
    deploy(&history);
    spawned(&history, 2, plain);
    deploy(&history);
    stop(&history);
    assert_follows(&history, "stopping, deploy-stopped 1, signal 1 INT, signal 2 INT, publish");
    assert_due(&history, DUE_INTERVAL, 0);
    exited(&history, 2);
    assert_follows(&history, "left 2, publish");
    exited(&history, 1);
    assert_follows(&history, "left 1, publish, exit 0");
}

static void a_stop_during_kill_old_delay_is_obeyed_at_once(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = plain;
    settings.kill_old_delay_ms = 5000;
    serve(&history, settings);
    deploy_ready(&history, 2, settings);
    stop(&history);
    assert_follows(&history, "stopping, deploy-stopped 1, signal 1 INT, signal 2 INT, publish");
    assert_due(&history, DUE_RETIRE, 0);
}

static void a_stop_while_older_ones_leave_supersedes_their_deploy(void **state)
{
    (void)state;
    struct history history;
    serve(&history, plain);
    deploy_ready(&history, 2, plain);
    stop(&history);
    assert_follows(&history, "stopping, signal 1 INT, signal 2 INT, publish, deploy-stopped 1");
}

static void a_stop_during_a_pause_ends_at_once(void **state)
{
    (void)state;
    struct history history;
    create(&history, TABLE_MAX);
    start(&history);
    spawned(&history, 1, plain);
    exited(&history, 1);
    stop(&history);
    assert_follows(&history, "stopping, publish, exit 0");
    assert_due(&history, DUE_INTERVAL, 0);
    assert_due(&history, DUE_PAUSE, 0);
}

static void a_worker_that_is_born_during_a_stop_is_told(void **state)
{
    (void)state;
    struct history history;
    create(&history, TABLE_MAX);
    start(&history);
    stop(&history);
    assert_follows(&history, "stopping, publish");
    spawned(&history, 1, plain);
    assert_follows(&history, "spawned 1, signal 1 INT, publish");
    exited(&history, 1);
    assert_follows(&history, "left 1, publish, exit 0");
}

static void after_a_stop_nothing_is_started(void **state)
{
    (void)state;
    struct history history;
    serve(&history, plain);
    stop(&history);
    deploy(&history);
    assert_follows(&history, "");
    stop(&history);
    assert_follows(&history, "stopping");
    exited(&history, 1);
    assert_follows(&history, "left 1, publish, exit 0");
    deploy(&history);
    assert_follows(&history, "");
}

static void a_stop_of_more_than_one_step_has_room_for_tells_everybody(void **state)
{
    (void)state;
    struct history history;
    create(&history, 40);
    start(&history);
    spawned(&history, 1, plain);
    fires(&history, DUE_INTERVAL);
    for (uint64_t number = 2; number <= 40; number++) {
        deploy_ready(&history, number, plain);
    }
    stop(&history);
    assert_true(history.steps > 1);
    for (int number = 1; number <= 40; number++) {
        char signal[32];
        snprintf(signal, sizeof signal, "signal %d INT", number);
        assert_non_null(strstr(history.text, signal));
    }
    for (uint64_t number = 1; number <= 40; number++) {
        exited(&history, number);
    }
    assert_follows(&history, "left 40, publish, exit 0");
}

/* --- noise ----------------------------------------------------------------------------------- */

static void strangers_change_nothing(void **state)
{
    (void)state;
    struct history history;
    serve(&history, plain);
    deploy(&history);
    spawned(&history, 2, plain);
    exited(&history, 7);
    assert_follows(&history, "");
    spawned(&history, 9, plain);
    assert_follows(&history, "");
    tell(&history, &(struct lifecycle_event){.kind = EVENT_EXITED, .pid = -1});
    assert_follows(&history, "");
}

static void waking_it_too_early_changes_nothing(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = plain;
    settings.deploy_attempts = 0;
    settings.backoff = false;
    serve(&history, settings);
    deploy(&history);
    tell(&history, &(struct lifecycle_event){.kind = EVENT_WAKE});
    assert_follows(&history, "");
    spawned(&history, 2, settings);
    exited(&history, 2);
    assert_follows(&history, "start-failed 2");
    history.now += settings.interval_ms - 1;
    tell(&history, &(struct lifecycle_event){.kind = EVENT_WAKE});
    assert_follows(&history, "");
    assert_int_equal(history.wake, history.now + 1);
}

static void a_pid_that_comes_again_is_the_new_workers(void **state)
{
    (void)state;
    struct history history;
    serve(&history, plain);
    exited(&history, 1);
    assert_follows(&history, "crashed 1, spawn 2");
    tell(&history,
         &(struct lifecycle_event){
             .kind = EVENT_SPAWNED, .generation = 2, .pid = PID_BASE + 1, .settings = plain});
    fires(&history, DUE_INTERVAL);
    exited(&history, 1);
    assert_follows(&history, "crashed 2, paused 1000");
    assert_due(&history, DUE_SETTLE, 0);
    assert_due(&history, DUE_PAUSE, 1000);
}

/* --- written down ------------------------------------------------------------------------------
 */

/* A deploy in its probation: two generations. */
static void write_down(struct history *history, char *text, size_t size)
{
    struct lifecycle_settings settings = plain;
    settings.kill_old_delay_ms = 5000;
    serve(history, settings);
    deploy_ready(history, 2, settings);
    assert_true(lifecycle_save(&history->model, text, size) < size);
}

/* The text with the first `from` after `after` replaced is refused, and this is why. */
static void assert_refused(const char *after, const char *from, const char *to,
                           const char *expected)
{
    static struct lifecycle model;
    static struct history history;
    static char text[16384];
    static char changed[16384];
    struct error error = {""};
    write_down(&history, text, sizeof text);
    const char *at = strstr(strstr(text, after), from);
    assert_non_null(at);
    snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    assert_int_equal(lifecycle_load(&model, changed, &error), -1);
    assert_string_equal(error.text, expected);
    assert_int_equal(model.count, 0);
}

static void what_is_read_back_goes_on(void **state)
{
    (void)state;
    static struct history history;
    static char text[16384];
    struct error error = {""};
    write_down(&history, text, sizeof text);
    memset(&history.model, 0xee, sizeof history.model);
    assert_int_equal(lifecycle_load(&history.model, text, &error), 0);
    fires(&history, DUE_RETIRE);
    assert_follows(&history, "signal 1 TERM");
    exited(&history, 1);
    assert_follows(&history, "left 1, publish, deploy-succeeded 1");
}

static void text_that_is_not_a_model_is_refused(void **state)
{
    (void)state;
    assert_refused("", "tasuki-lifecycle 1", "tasuki-lifecycle 2",
                   "line 1: expected \"tasuki-lifecycle 1\"");
    assert_refused("", "phase 3", "phase 7", "line 2: expected \"phase\" and a number up to 6");
    assert_refused("", "phase 3", "phase 03", "line 2: expected \"phase\" and a number up to 6");
    assert_refused("", "phase 3", "phase -1", "line 2: expected \"phase\" and a number up to 6");
    assert_refused("", "count 2", "count 513",
                   "line 31: expected \"count\" and a number up to 512");
    assert_refused("", "count 2", "count 1", "line 104: expected \"end\"");
    assert_refused("", "interval_ms 1000", "interval_ms 99999999999999999999",
                   "line 32: expected \"interval_ms\" and a number up to 4611686018427387903");
    assert_refused("", "end\n", "end\n\n", "line 139: something follows the end");
    assert_refused("", "end\n", "", "line 138: expected \"end\"");
}

static void a_model_that_cannot_be_is_refused(void **state)
{
    (void)state;
    assert_refused("\nnumber 2", "pid 102", "pid 101",
                   "generation 2: process 101 is of two generations");
    assert_refused("", "\nnumber 2", "\nnumber 1", "generation 1: its number does not grow");
    assert_refused("", "last_number 2", "last_number 1", "generation 2: its number does not grow");
    assert_refused("\nnumber 1", "share 0", "share 1000", "generation 1: its share is 1000");
    assert_refused("\nnumber 1", "state 2", "state 1", "generation 1: its share is 0");
    assert_refused("", "deploy.phase 4", "deploy.phase 3",
                   "a probation has no end, or none has one");
    assert_refused("", "capacity 8", "capacity 1",
                   "there are more generations than the table has room for");
    assert_refused("", "\nphase 3", "\nphase 4", "a generation is not to leave in a stop");
    assert_refused("", "stop_asked 0", "stop_asked 15",
                   "something has happened that nothing has followed from");
    assert_refused("\nnumber 1", "retire_signal 15", "retire_signal 0",
                   "generation 1: its signal to leave is none");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_generation_is_ready_when_it_has_lived_for_the_interval),
        cmocka_unit_test(without_an_interval_it_is_ready_at_once),
        cmocka_unit_test(a_deploy_signals_the_old_one_when_the_new_one_is_ready),
        cmocka_unit_test(the_old_one_is_signalled_only_when_kill_old_delay_is_over),
        cmocka_unit_test(an_old_one_that_leaves_by_itself_ends_kill_old_delay),
        cmocka_unit_test(one_that_lingers_is_signalled_again_by_the_next_deploy),
        cmocka_unit_test(two_hundred_requests_give_one_deploy_more),
        cmocka_unit_test(a_request_during_the_first_start_is_remembered),
        cmocka_unit_test(a_new_one_that_dies_within_the_interval_leaves_the_old_one_alone),
        cmocka_unit_test(a_new_one_that_dies_during_kill_old_delay_is_rolled_back),
        cmocka_unit_test(a_new_one_that_dies_after_the_signal_is_replaced),
        cmocka_unit_test(three_attempts_are_three),
        cmocka_unit_test(endless_attempts_go_on_beside_the_old_one),
        cmocka_unit_test(a_request_between_two_attempts_starts_the_next_at_once),
        cmocka_unit_test(a_first_start_that_cannot_be_executed_ends_with_its_status),
        cmocka_unit_test(it_does_so_as_well_when_the_start_before_failed_for_a_moment),
        cmocka_unit_test(a_deploy_that_cannot_be_executed_fails_even_with_endless_attempts),
        cmocka_unit_test(a_full_table_fails_a_deploy_and_nothing_else),
        cmocka_unit_test(a_deploy_past_a_dead_current_one_does_not_wait_for_kill_old_delay),
        cmocka_unit_test(pauses_between_crashes_double_up_to_30_seconds),
        cmocka_unit_test(pauses_do_not_grow_without_backoff),
        cmocka_unit_test(without_backoff_and_interval_a_crash_loop_still_pauses),
        cmocka_unit_test(pauses_begin_with_the_first_start_that_fails),
        cmocka_unit_test(a_server_that_has_settled_is_replaced_at_once_again),
        cmocka_unit_test(a_failed_deploy_does_not_count_against_the_old_one),
        cmocka_unit_test(a_current_one_that_dies_during_a_deploy_is_replaced_by_it),
        cmocka_unit_test(an_automatic_restart_is_a_deploy),
        cmocka_unit_test(it_waits_until_older_ones_are_gone),
        cmocka_unit_test(it_waits_for_one_more_interval_at_most),
        cmocka_unit_test(it_is_planned_anew_when_its_deploy_fails),
        cmocka_unit_test(it_is_not_lost_when_it_is_due_during_kill_old_delay),
        cmocka_unit_test(it_is_forgotten_with_the_generation_that_it_was_for),
        cmocka_unit_test(by_report_it_is_ready_when_it_says_so),
        cmocka_unit_test(by_report_it_need_not_wait_for_the_interval),
        cmocka_unit_test(by_age_a_report_means_nothing),
        cmocka_unit_test(one_that_is_not_ready_in_time_has_failed),
        cmocka_unit_test(one_that_is_not_ready_in_time_is_tried_again),
        cmocka_unit_test(one_that_asks_for_more_time_to_start_gets_it),
        cmocka_unit_test(auto_begins_by_age),
        cmocka_unit_test(auto_learns_that_the_one_before_has_reported),
        cmocka_unit_test(auto_remembers_it_when_the_one_before_has_died),
        cmocka_unit_test(auto_learns_from_a_report_that_comes_late),
        cmocka_unit_test(a_late_report_gives_the_next_one_its_ready_timeout),
        cmocka_unit_test(after_a_roll_back_auto_goes_by_the_older_one),
        cmocka_unit_test(a_start_waits_for_room_in_a_full_table),
        cmocka_unit_test(a_full_table_does_not_forget_the_queued_deploy),
        cmocka_unit_test(a_first_check_that_fails_ends_with_1),
        cmocka_unit_test(a_deploy_starts_nothing_before_its_check_says_yes),
        cmocka_unit_test(a_check_that_fails_touches_nothing),
        cmocka_unit_test(a_stop_calls_the_check_off),
        cmocka_unit_test(a_stop_during_the_first_check_ends_at_once),
        cmocka_unit_test(one_that_dies_during_a_check_is_replaced_at_once),
        cmocka_unit_test(what_replaces_it_is_not_the_deploys_though_the_check_says_yes),
        cmocka_unit_test(one_that_holds_up_a_deploy_makes_way_when_it_fails),
        cmocka_unit_test(a_stop_ends_a_deploy_that_is_held_up),
        cmocka_unit_test(a_request_between_two_attempts_is_checked_anew),
        cmocka_unit_test(a_request_that_is_checked_anew_has_all_attempts_again),
        cmocka_unit_test(a_deploy_whose_settings_are_read_begins_with_that),
        cmocka_unit_test(a_deploy_that_cannot_be_read_says_why_and_touches_nothing),
        cmocka_unit_test(one_that_hangs_is_replaced_by_what_it_was),
        cmocka_unit_test(the_check_of_one_that_hung_reads_nothing),
        cmocka_unit_test(the_settings_of_a_deploy_that_failed_are_forgotten),
        cmocka_unit_test(what_replaces_it_is_not_the_next_deploys),
        cmocka_unit_test(what_replaces_it_is_no_attempt),
        cmocka_unit_test(a_check_that_fails_does_not_end_the_starts),
        cmocka_unit_test(a_full_table_does_not_end_a_deploy_that_is_checked),
        cmocka_unit_test(a_check_does_not_outlive_the_supervisor),
        cmocka_unit_test(a_request_during_the_first_check_waits_for_the_first_generation),
        cmocka_unit_test(after_a_roll_back_the_settings_of_the_older_one_are_in_force),
        cmocka_unit_test(a_request_knows_the_number_of_its_deploy),
        cmocka_unit_test(one_that_does_not_leave_in_time_is_killed),
        cmocka_unit_test(told_again_it_gets_no_more_time),
        cmocka_unit_test(it_gets_more_time_if_it_asks_for_it),
        cmocka_unit_test(after_a_stop_they_are_killed_as_well),
        cmocka_unit_test(one_that_is_not_ready_in_time_is_killed_in_the_end),
        cmocka_unit_test(of_too_many_that_linger_the_oldest_is_killed),
        cmocka_unit_test(too_many_linger_beside_what_replaces_the_dead_as_well),
        cmocka_unit_test(one_that_falls_silent_is_replaced_before_it_is_told_to_leave),
        cmocka_unit_test(one_that_hangs_serves_on_if_its_replacement_fails),
        cmocka_unit_test(one_that_says_itself_that_it_hangs_is_replaced),
        cmocka_unit_test(those_that_hang_one_after_the_other_are_replaced_with_pauses),
        cmocka_unit_test(a_sign_of_life_counts_for_the_current_one_only),
        cmocka_unit_test(so_many_deaths_in_so_short_a_time_are_the_end),
        cmocka_unit_test(deaths_that_are_long_ago_do_not_count),
        cmocka_unit_test(it_gives_up_only_when_the_last_worker_is_gone),
        cmocka_unit_test(the_attempts_of_a_deploy_do_not_count_while_one_serves),
        cmocka_unit_test(a_check_that_fails_does_not_wipe_out_deaths),
        cmocka_unit_test(a_stop_while_serving_ends_with_the_last_worker),
        cmocka_unit_test(a_stop_before_the_interval_is_over_is_obeyed_at_once),
        cmocka_unit_test(a_stop_during_a_deploy_supersedes_it),
        cmocka_unit_test(a_stop_during_kill_old_delay_is_obeyed_at_once),
        cmocka_unit_test(a_stop_while_older_ones_leave_supersedes_their_deploy),
        cmocka_unit_test(a_stop_during_a_pause_ends_at_once),
        cmocka_unit_test(a_worker_that_is_born_during_a_stop_is_told),
        cmocka_unit_test(after_a_stop_nothing_is_started),
        cmocka_unit_test(a_stop_of_more_than_one_step_has_room_for_tells_everybody),
        cmocka_unit_test(strangers_change_nothing),
        cmocka_unit_test(waking_it_too_early_changes_nothing),
        cmocka_unit_test(a_pid_that_comes_again_is_the_new_workers),
        cmocka_unit_test(what_is_read_back_goes_on),
        cmocka_unit_test(text_that_is_not_a_model_is_refused),
        cmocka_unit_test(a_model_that_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
