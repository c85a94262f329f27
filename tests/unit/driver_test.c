/*
 * The driver between the lifecycle and an owner that notes what it is asked for: nothing is called
 * from inside itself, the dead come first, and time passes in the loop.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "driver.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Longer than anything here takes, on a busy machine. */
#define PATIENCE_SECONDS 30.0

static struct owner {
    struct ev_loop *loop;
    struct driver *driver;
    pid_t worker;          /* that ACTION_SPAWN is answered with; 0: it fails */
    bool kills_group;      /* of who has ended */
    int depth;             /* calls of carry_out that have not returned */
    char text[1024];       /* what happened */
    const char *stop_word; /* ends the loop */
} owner;

static const struct lifecycle_settings settings = {
    .interval_ms = 50, .deploy_attempts = 1, .retire_signal = SIGTERM};

static void note(const char *word)
{
    size_t length = strlen(owner.text);
    snprintf(owner.text + length, sizeof owner.text - length, "%s%s", length > 0 ? " " : "", word);
    if (owner.stop_word != NULL && strcmp(word, owner.stop_word) == 0) {
        ev_break(owner.loop, EVBREAK_ALL);
    }
}

static void answer_spawn(const struct lifecycle_action *action)
{
    struct lifecycle_event event = {
        .kind = EVENT_SPAWN_FAILED, .generation = action->generation, .settings = settings};
    if (owner.worker != 0) {
        event.kind = EVENT_SPAWNED;
        event.pid = owner.worker;
    }
    driver_post(owner.driver, &event);
}

static void carry_out(void *context, const struct lifecycle_action *action)
{
    assert_ptr_equal(context, &owner);
    assert_int_equal(owner.depth++, 0);
    if (action->kind == ACTION_SPAWN) {
        note("spawn");
        answer_spawn(action);
        note("posted");
    } else if (action->kind == ACTION_REPORT) {
        note(lifecycle_report_name(action->report));
    }
    owner.depth--;
}

static void on_ended(void *context, pid_t pid)
{
    (void)context;
    siginfo_t info = {.si_pid = 0};
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT), 0);
    assert_int_equal(info.si_pid, pid);
    if (owner.kills_group) {
        assert_int_equal(kill(-pid, SIGKILL), 0);
    }
    note("ended");
}

static void on_reaped(void *context, pid_t pid, int status)
{
    (void)context;
    assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(errno, ESRCH);
    note("reaped");
    driver_post(owner.driver,
                &(struct lifecycle_event){.kind = EVENT_EXITED, .pid = pid, .status = status});
    note("told");
}

static void on_patience(struct ev_loop *loop, ev_timer *timer, int revents)
{
    (void)timer;
    (void)revents;
    note("nothing happens");
    ev_break(loop, EVBREAK_ALL);
}

static void run_until(const char *word)
{
    ev_timer patience;
    ev_timer_init(&patience, on_patience, PATIENCE_SECONDS, 0.0);
    ev_timer_start(owner.loop, &patience);
    owner.stop_word = word;
    ev_run(owner.loop, 0);
    owner.stop_word = NULL;
    ev_timer_stop(owner.loop, &patience);
}

static int set_up(void **state)
{
    (void)state;
    owner = (struct owner){.loop = ev_loop_new(EVFLAG_AUTO)};
    const struct driver_setup setup = {.loop = owner.loop,
                                       .settings = settings,
                                       .carry_out = carry_out,
                                       .on_ended = on_ended,
                                       .on_reaped = on_reaped,
                                       .context = &owner};
    owner.driver = driver_new(&setup);
    return 0;
}

static int take_down(void **state)
{
    (void)state;
    ev_loop_destroy(owner.loop);
    return 0;
}

static void start(void)
{
    driver_post(owner.driver, &(struct lifecycle_event){.kind = EVENT_START});
}

/* A child that has ended, and waits to be reaped. Its own child holds `fd` until it is killed. */
static pid_t make_dead_child(int fd)
{
    pid_t pid = fork();
    if (pid == 0) {
        setpgid(0, 0);
        if (fd >= 0 && fork() == 0) {
            pause();
        }
        _exit(3);
    }
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    return pid;
}

static void what_answers_an_action_waits_until_it_is_carried_out(void **state)
{
    (void)state;
    start();
    assert_string_equal(owner.text, "spawn posted paused");
}

static void the_loop_wakes_the_lifecycle(void **state)
{
    (void)state;
    owner.worker = 12345;
    start();
    assert_string_equal(owner.text, "spawn posted spawned");
    run_until("ready");
    assert_string_equal(owner.text, "spawn posted spawned ready");
}

static void the_dead_come_before_any_event(void **state)
{
    (void)state;
    struct lifecycle_settings plain = settings;
    plain.ready_mode = READY_BY_REPORT;
    owner.worker = make_dead_child(-1);
    start();
    assert_string_equal(owner.text, "ended reaped told spawn posted spawned");
    owner.text[0] = '\0';
    pid_t dead = owner.worker = make_dead_child(-1);
    driver_post(owner.driver,
                &(struct lifecycle_event){
                    .kind = EVENT_READY, .generation = 9, .pid = dead, .settings = plain});
    assert_string_equal(owner.text, "ended reaped told");
}

static void who_has_ended_is_told_of_while_its_group_is_its_own(void **state)
{
    (void)state;
    int ends[2];
    char byte;
    assert_int_equal(pipe(ends), 0);
    owner.kills_group = true;
    make_dead_child(ends[1]);
    close(ends[1]);
    driver_reap(owner.driver);
    assert_string_equal(owner.text, "ended reaped told");
    assert_int_equal(read(ends[0], &byte, 1), 0); /* whoever held it has been killed */
    close(ends[0]);
}

static void one_sigchld_may_stand_for_many(void **state)
{
    (void)state;
    make_dead_child(-1);
    make_dead_child(-1);
    driver_reap(owner.driver);
    assert_string_equal(owner.text, "ended reaped told ended reaped told");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_answers_an_action_waits_until_it_is_carried_out,
                                        set_up, take_down),
        cmocka_unit_test_setup_teardown(the_loop_wakes_the_lifecycle, set_up, take_down),
        cmocka_unit_test_setup_teardown(the_dead_come_before_any_event, set_up, take_down),
        cmocka_unit_test_setup_teardown(who_has_ended_is_told_of_while_its_group_is_its_own, set_up,
                                        take_down),
        cmocka_unit_test_setup_teardown(one_sigchld_may_stand_for_many, set_up, take_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
