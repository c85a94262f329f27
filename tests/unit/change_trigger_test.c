/*
 * The change trigger in a real loop: what becomes a deploy, and what does not.
 */
#include "change_trigger.h"

#include "scratch.h"

#define LONGEST_SECONDS 10.0

struct fixture {
    struct ev_loop *loop;
    struct change_trigger trigger;
    unsigned changes;
    char path[64];
};

static void on_change(void *context, const char *path)
{
    struct fixture *fixture = context;
    fixture->changes++;
    snprintf(fixture->path, sizeof fixture->path, "%s", path);
    ev_break(fixture->loop, EVBREAK_ALL);
}

static void on_time(struct ev_loop *loop, ev_timer *watcher, int revents)
{
    (void)watcher;
    (void)revents;
    ev_break(loop, EVBREAK_ALL);
}

/* Until a change is told, or for so long. */
static void run(struct fixture *fixture, double seconds)
{
    ev_timer timer;
    ev_now_update(fixture->loop);
    ev_timer_init(&timer, on_time, seconds, 0.0);
    ev_timer_start(fixture->loop, &timer);
    ev_run(fixture->loop, 0);
    ev_timer_stop(fixture->loop, &timer);
}

static void set_up(struct fixture *fixture)
{
    *fixture = (struct fixture){.loop = ev_loop_new(EVFLAG_NOENV)};
    assert_non_null(fixture->loop);
    change_trigger_init(&fixture->trigger, &(struct change_trigger_setup){.loop = fixture->loop,
                                                                          .on_change = on_change,
                                                                          .context = fixture});
}

static void follow(struct fixture *fixture, const char *path)
{
    struct options options = {.watched_paths.count = path != NULL};
    const char *paths[] = {path};
    struct error error;
    options.watched_paths.items = paths;
    assert_int_equal(change_trigger_follow(&fixture->trigger, &options, &error), 0);
}

static void take_down(struct fixture *fixture)
{
    change_trigger_close(&fixture->trigger);
    ev_loop_destroy(fixture->loop);
}

static void test_without_the_option_nothing_is_opened(void **state)
{
    struct fixture fixture;
    (void)state;
    set_up(&fixture);
    follow(&fixture, NULL);
    assert_null(fixture.trigger.watch);
    assert_null(change_trigger_path(&fixture.trigger));
    take_down(&fixture);
}

static void test_several_writes_are_one_change(void **state)
{
    struct fixture fixture;
    (void)state;
    scratch_write("file", "one");
    set_up(&fixture);
    follow(&fixture, "file");
    scratch_write("file", "two, longer");
    scratch_write("file", "three, longer still");
    run(&fixture, LONGEST_SECONDS);
    assert_int_equal(fixture.changes, 1);
    assert_string_equal(fixture.path, "file");
    assert_string_equal(change_trigger_path(&fixture.trigger), "file");
    run(&fixture, 2.5);
    assert_int_equal(fixture.changes, 1);
    take_down(&fixture);
}

static void test_what_is_no_longer_named_is_no_longer_watched(void **state)
{
    struct fixture fixture;
    (void)state;
    scratch_write("file", "one");
    set_up(&fixture);
    follow(&fixture, "file");
    follow(&fixture, NULL);
    scratch_write("file", "two, longer");
    run(&fixture, 2.5);
    assert_int_equal(fixture.changes, 0);
    take_down(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_the_option_nothing_is_opened),
        cmocka_unit_test_setup_teardown(test_several_writes_are_one_change, scratch_enter,
                                        scratch_leave),
        cmocka_unit_test_setup_teardown(test_what_is_no_longer_named_is_no_longer_watched,
                                        scratch_enter, scratch_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
