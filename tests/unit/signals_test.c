/*
 * The signals: what each of them asks for, in a real loop.
 */
#include "signals.h"

#include "scratch.h"

#include <signal.h>

struct heard {
    int children, deploys, reopens, stop, forwarded;
};

static void on_child(void *context)
{
    ((struct heard *)context)->children++;
}

static void on_deploy(void *context)
{
    ((struct heard *)context)->deploys++;
}

static void on_reopen(void *context)
{
    ((struct heard *)context)->reopens++;
}

static void on_stop(void *context, int signal)
{
    ((struct heard *)context)->stop = signal;
}

static void on_forward(void *context, int signal)
{
    ((struct heard *)context)->forwarded = signal;
}

struct fixture {
    struct options options;
    struct signals signals;
    struct heard heard;
    struct ev_loop *loop;
};

static void set_up(struct fixture *fixture)
{
    *fixture = (struct fixture){.options = {.forward = UINT64_C(1) << (SIGUSR2 - 1)},
                                .loop = ev_loop_new(EVFLAG_NOENV)};
    assert_non_null(fixture->loop);
    signals_block(&fixture->options);
}

static void watch(struct fixture *fixture)
{
    signals_watch(&fixture->signals, &(struct signals_setup){.loop = fixture->loop,
                                                             .options = &fixture->options,
                                                             .on_child = on_child,
                                                             .on_deploy = on_deploy,
                                                             .on_stop = on_stop,
                                                             .on_reopen = on_reopen,
                                                             .on_forward = on_forward,
                                                             .context = &fixture->heard});
}

/* libev knows one loop for each signal. */
static void take_down(struct fixture *fixture)
{
    for (size_t i = 0; i < SIGNALS_COUNT; i++) {
        if (fixture->signals.watchers[i].signum != 0) {
            ev_signal_stop(fixture->loop, &fixture->signals.watchers[i]);
        }
    }
    ev_loop_destroy(fixture->loop);
}

static void run(struct fixture *fixture, int signal)
{
    kill(getpid(), signal);
    ev_run(fixture->loop, EVRUN_ONCE);
}

static void test_each_signal_asks_for_its_own(void **state)
{
    struct fixture fixture;
    (void)state;
    set_up(&fixture);
    watch(&fixture);
    run(&fixture, SIGHUP);
    assert_int_equal(fixture.heard.deploys, 1);
    run(&fixture, SIGUSR1);
    assert_int_equal(fixture.heard.reopens, 1);
    run(&fixture, SIGCHLD);
    assert_int_equal(fixture.heard.children, 1);
    run(&fixture, SIGUSR2);
    assert_int_equal(fixture.heard.forwarded, SIGUSR2);
    assert_int_equal(fixture.heard.stop, 0);
    run(&fixture, SIGINT);
    assert_int_equal(fixture.heard.stop, SIGINT);
    take_down(&fixture);
}

static void test_a_signal_that_came_while_blocked_is_heard(void **state)
{
    struct fixture fixture;
    (void)state;
    set_up(&fixture);
    kill(getpid(), SIGTERM); /* would end the process if it was not blocked */
    watch(&fixture);
    ev_run(fixture.loop, EVRUN_ONCE);
    assert_int_equal(fixture.heard.stop, SIGTERM);
    take_down(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_signal_asks_for_its_own),
        cmocka_unit_test(test_a_signal_that_came_while_blocked_is_heard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
