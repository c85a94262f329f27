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

#define TABLE_MAX ((size_t)8)
/* Generation N's worker has this pid plus N. */
#define PID_BASE 100

struct history {
    struct lifecycle machine;
    struct generation generations[TABLE_MAX];
    struct lifecycle_action actions[LIFECYCLE_ACTIONS_MAX(TABLE_MAX)];
    bool armed[LIFECYCLE_TIMERS];
    char text[4096]; /* what followed from the last event */
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
    return signal == SIGTERM ? "TERM" : signal == SIGINT ? "INT" : signal == SIGHUP ? "HUP" : "?";
}

static const char *reason_text(enum deploy_failure reason)
{
    static const char *const texts[] = {
        [FAILURE_NONE] = "?",
        [FAILURE_NOT_EXECUTABLE] = "not-executable",
        [FAILURE_NOT_SPAWNED] = "not-spawned",
        [FAILURE_DIED] = "died",
        [FAILURE_DIED_EARLY] = "died-early",
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
        snprintf(text, size, "%s%s %" PRIu64, action->automatic ? "automatic " : "", name,
                 action->deploy);
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
    case ACTION_ARM:
        snprintf(text, size, "%s %s %" PRId64, name, lifecycle_timer_name(action->timer),
                 action->ms);
        break;
    case ACTION_DISARM:
        snprintf(text, size, "%s %s", name, lifecycle_timer_name(action->timer));
        break;
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

/* Some actions would say nothing in a test: a signal's report next to the signal, and the
   disarming of a timer that is not armed. */
static bool is_worth_writing(const struct history *history, const struct lifecycle_action *action)
{
    return !(action->kind == ACTION_REPORT && action->report == REPORT_SIGNALLED) &&
           !(action->kind == ACTION_DISARM && !history->armed[action->timer]);
}

static void tell(struct history *history, const struct lifecycle_event *event)
{
    if (event->kind == EVENT_TIMER) {
        history->armed[event->timer] = false;
    }
    lifecycle_step(&history->machine, event);
    history->text[0] = '\0';
    for (size_t i = 0; i < history->machine.action_count; i++) {
        const struct lifecycle_action *action = &history->machine.actions[i];
        if (is_worth_writing(history, action)) {
            size_t length = strlen(history->text);
            snprintf(history->text + length, sizeof history->text - length, "%s",
                     length > 0 ? ", " : "");
            length = strlen(history->text);
            write_action(history->text + length, sizeof history->text - length, action);
        }
        if (action->kind == ACTION_ARM || action->kind == ACTION_DISARM) {
            history->armed[action->timer] = action->kind == ACTION_ARM;
        }
    }
}

#define assert_follows(history, expected) assert_string_equal((history)->text, (expected))

static void assert_current(const struct history *history, uint64_t number)
{
    assert_int_equal(history->machine.current, number);
}

/* --- events ---------------------------------------------------------------------------------- */

static void create(struct history *history, size_t capacity)
{
    memset(history, 0, sizeof *history);
    lifecycle_init(&history->machine, history->generations, capacity, history->actions, &plain);
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

static void fires(struct history *history, enum lifecycle_timer timer)
{
    assert_true(history->armed[timer]);
    tell(history, &(struct lifecycle_event){.kind = EVENT_TIMER, .timer = timer});
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
    if (settings.interval_ms > 0) {
        fires(history, TIMER_INTERVAL);
    }
    assert_current(history, 1);
}

/* A deploy has spawned that generation, which is ready now. */
static void deploy_ready(struct history *history, uint64_t generation,
                         struct lifecycle_settings settings)
{
    deploy(history);
    spawned(history, generation, settings);
    fires(history, TIMER_INTERVAL);
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
    assert_follows(&history, "spawned 1, arm interval 1000");
    fires(&history, TIMER_INTERVAL);
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
    assert_follows(&history, "spawned 2, arm interval 1000");
    assert_current(&history, 1);
    fires(&history, TIMER_INTERVAL);
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
    fires(&history, TIMER_INTERVAL);
    assert_follows(&history, "ready 2, publish, arm retire 5000, retiring 2");
    fires(&history, TIMER_RETIRE);
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
    assert_follows(&history, "left 1, publish, disarm retire, deploy-succeeded 1");
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
    fires(&history, TIMER_INTERVAL);
    assert_follows(&history, "ready 2, publish, signal 1 TERM, deploy-started 2, spawn 3");
    spawned(&history, 3, plain);
    fires(&history, TIMER_INTERVAL);
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
    fires(&history, TIMER_INTERVAL);
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
    fires(&history, TIMER_INTERVAL);
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
    assert_follows(&history, "crashed 2, disarm retire, rolled-back 1, publish, "
                             "deploy-failed 1 died-early");
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
    fires(&history, TIMER_INTERVAL);
    assert_follows(&history, "ready 3, arm settle 30000, publish");
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
    assert_follows(&history, "start-failed 2, arm pause 1000, paused 1000");
    fires(&history, TIMER_PAUSE);
    fires(&history, TIMER_INTERVAL);
    assert_follows(&history, "spawn 3");
    not_spawned(&history, 3, settings);
    assert_follows(&history, "arm interval 1000, arm pause 2000, paused 2000");
    fires(&history, TIMER_INTERVAL);
    fires(&history, TIMER_PAUSE);
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
        fires(&history, TIMER_INTERVAL);
    }
    assert_follows(&history, "spawn 50");
    spawned(&history, 50, settings);
    fires(&history, TIMER_INTERVAL);
    assert_follows(&history, "ready 50, arm settle 30000, publish, signal 1 TERM");
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
    assert_follows(&history, "disarm pause, disarm interval, spawn 3");
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
    assert_follows(&history, "arm interval 1000, arm pause 1000, paused 1000");
    fires(&history, TIMER_INTERVAL);
    fires(&history, TIMER_PAUSE);
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
    assert_follows(&history, "arm interval 1000, deploy-failed 1 not-executable");
    assert_current(&history, 1);
}

static void a_full_table_fails_a_deploy_and_nothing_else(void **state)
{
    (void)state;
    struct history history;
    create(&history, 2);
    start(&history);
    spawned(&history, 1, plain);
    fires(&history, TIMER_INTERVAL);
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
    fires(&history, TIMER_INTERVAL);
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
    fires(history, TIMER_INTERVAL);
    exited(history, number);
    for (size_t i = 0; i < history->machine.action_count; i++) {
        if (history->machine.actions[i].kind == ACTION_ARM) {
            assert_int_equal(history->machine.actions[i].timer, TIMER_PAUSE);
            int64_t pause = history->machine.actions[i].ms;
            fires(history, TIMER_PAUSE);
            return pause;
        }
    }
    return 0;
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
        assert_non_null(strstr(history.text, "arm pause 100, paused 100"));
        fires(&history, TIMER_PAUSE);
    }
}

static void pauses_begin_with_the_first_start_that_fails(void **state)
{
    (void)state;
    static const char *const follows[] = {
        "start-failed 1, arm pause 1000, paused 1000",
        "start-failed 2, arm pause 2000, paused 2000",
        "start-failed 3, arm pause 4000, paused 4000",
    };
    struct history history;
    create(&history, TABLE_MAX);
    start(&history);
    for (uint64_t number = 1; number <= 3; number++) {
        spawned(&history, number, plain);
        exited(&history, number);
        assert_follows(&history, follows[number - 1]);
        fires(&history, TIMER_INTERVAL);
        assert_follows(&history, "");
        fires(&history, TIMER_PAUSE);
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
    fires(&history, TIMER_INTERVAL);
    assert_follows(&history, "ready 3, arm settle 30000, publish");
    fires(&history, TIMER_SETTLE);
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
    fires(&history, TIMER_INTERVAL);
    fires(&history, TIMER_PAUSE);
    spawned(&history, 3, settings);
    exited(&history, 3);
    assert_follows(&history, "start-failed 3, deploy-failed 1 died");
    fires(&history, TIMER_INTERVAL);
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
    fires(&history, TIMER_INTERVAL);
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
    assert_follows(&history, "arm auto-restart 60000, ready 1, publish");
    fires(&history, TIMER_AUTO_RESTART);
    assert_follows(&history, "automatic deploy-started 1, spawn 2");
    spawned(&history, 2, automatic());
    fires(&history, TIMER_INTERVAL);
    assert_follows(&history, "arm auto-restart 60000, ready 2, publish, signal 1 TERM");
}

static void it_waits_until_older_ones_are_gone(void **state)
{
    (void)state;
    struct history history;
    serve(&history, automatic());
    deploy_ready(&history, 2, automatic());
    fires(&history, TIMER_AUTO_RESTART);
    assert_follows(&history, "arm auto-restart 60000");
    exited(&history, 1);
    assert_follows(&history, "left 1, publish, deploy-succeeded 1, disarm auto-restart, "
                             "automatic deploy-started 2, spawn 3");
}

static void it_waits_for_one_more_interval_at_most(void **state)
{
    (void)state;
    struct history history;
    serve(&history, automatic());
    deploy_ready(&history, 2, automatic());
    fires(&history, TIMER_AUTO_RESTART);
    fires(&history, TIMER_AUTO_RESTART);
    assert_follows(&history, "automatic deploy-started 2, spawn 3");
}

static void it_is_planned_anew_when_its_deploy_fails(void **state)
{
    (void)state;
    struct history history;
    serve(&history, automatic());
    fires(&history, TIMER_AUTO_RESTART);
    spawned(&history, 2, automatic());
    exited(&history, 2);
    assert_follows(&history, "start-failed 2, deploy-failed 1 died, arm auto-restart 60000");
}

static void it_is_not_lost_when_it_is_due_during_kill_old_delay(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = automatic();
    settings.kill_old_delay_ms = 90000;
    serve(&history, settings);
    deploy_ready(&history, 2, settings);
    fires(&history, TIMER_AUTO_RESTART);
    fires(&history, TIMER_RETIRE);
    exited(&history, 1);
    fires(&history, TIMER_AUTO_RESTART);
    assert_follows(&history, "automatic deploy-started 2, spawn 3");
}

static void it_is_forgotten_with_the_generation_that_it_was_for(void **state)
{
    (void)state;
    struct history history;
    serve(&history, automatic());
    deploy_ready(&history, 2, automatic());
    fires(&history, TIMER_AUTO_RESTART);
    exited(&history, 2);
    assert_follows(&history, "crashed 2, disarm auto-restart, deploy-failed 1 died-late, spawn 3");
    spawned(&history, 3, automatic());
    exited(&history, 3);
    assert_follows(&history, "start-failed 3, arm pause 1000, paused 1000");
    exited(&history, 1);
    assert_follows(&history, "left 1");
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
    assert_follows(&history, "stopping, disarm interval, signal 1 INT, publish");
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
    assert_follows(&history, "stopping, disarm interval, deploy-stopped 1, signal 1 INT, "
                             "signal 2 INT, publish");
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
    assert_follows(&history, "stopping, disarm retire, deploy-stopped 1, signal 1 INT, "
                             "signal 2 INT, publish");
}

static void a_stop_while_older_ones_leave_supersedes_their_deploy(void **state)
{
    (void)state;
    struct history history;
    serve(&history, plain);
    deploy_ready(&history, 2, plain);
    stop(&history);
    assert_follows(&history, "stopping, signal 1 INT, deploy-stopped 1, signal 2 INT, publish");
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
    assert_follows(&history, "stopping, disarm interval, disarm pause, publish, exit 0");
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
    assert_follows(&history, "spawned 1, signal 1 INT");
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

static void a_timer_that_is_not_armed_changes_nothing(void **state)
{
    (void)state;
    struct history history;
    struct lifecycle_settings settings = plain;
    settings.deploy_attempts = 0;
    settings.backoff = false;
    serve(&history, settings);
    deploy(&history);
    for (int timer = 0; timer < LIFECYCLE_TIMERS; timer++) {
        tell(&history,
             &(struct lifecycle_event){.kind = EVENT_TIMER, .timer = (enum lifecycle_timer)timer});
        assert_follows(&history, "");
    }
    spawned(&history, 2, settings);
    exited(&history, 2);
    assert_follows(&history, "start-failed 2"); /* the interval is not over */
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
    fires(&history, TIMER_INTERVAL);
    exited(&history, 1);
    assert_follows(&history, "crashed 2, disarm settle, arm pause 1000, paused 1000");
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
        cmocka_unit_test(a_stop_while_serving_ends_with_the_last_worker),
        cmocka_unit_test(a_stop_before_the_interval_is_over_is_obeyed_at_once),
        cmocka_unit_test(a_stop_during_a_deploy_supersedes_it),
        cmocka_unit_test(a_stop_during_kill_old_delay_is_obeyed_at_once),
        cmocka_unit_test(a_stop_while_older_ones_leave_supersedes_their_deploy),
        cmocka_unit_test(a_stop_during_a_pause_ends_at_once),
        cmocka_unit_test(a_worker_that_is_born_during_a_stop_is_told),
        cmocka_unit_test(after_a_stop_nothing_is_started),
        cmocka_unit_test(strangers_change_nothing),
        cmocka_unit_test(a_timer_that_is_not_armed_changes_nothing),
        cmocka_unit_test(a_pid_that_comes_again_is_the_new_workers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
