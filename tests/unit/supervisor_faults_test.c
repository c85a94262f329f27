/*
 * The shell's own parts on a machine that is short of descriptors, memory or processes.
 */
#include "faults.h"

#include "change_trigger.h"
#include "hook.h"

static struct ev_loop *loop;

static int make_loop(void **state)
{
    loop = ev_loop_new(0);
    return loop != NULL ? scratch_enter(state) : -1;
}

static int end_loop(void **state)
{
    ev_loop_destroy(loop);
    return scratch_leave(state);
}

static char *const no_environment[] = {NULL};

static int run_check(void *context, struct error *error)
{
    struct hooks *hooks = context;
    const struct helper_command command = {
        .text = "echo no; exit 1", .environment = no_environment, .capture = true};
    char words[64];
    if (hooks_start_check(hooks, &command, 10, error) != 0) {
        assert_int_equal(hooks->check.helper.pid, 0);
        return -1;
    }
    pid_t pid = hooks->check.helper.pid;
    assert_int_equal(WEXITSTATUS(wait_for(pid)), 1);
    assert_int_equal(hooks_reap(hooks, pid, words, sizeof words), HOOK_CHECK);
    assert_string_equal(words, "no\n");
    return 0;
}

static void a_check_starts_or_nothing_is_left_of_it(void **state)
{
    (void)state;
    struct hooks hooks;
    hooks_init(&hooks, loop);
    assert_true(faults_sweep(run_check, &hooks, "") >= 6);
    hooks_close(&hooks);
}

static int run_event(void *context, struct error *error)
{
    (void)error;
    struct hooks *hooks = context;
    const struct environment environment = {.entries = (char **)no_environment};
    hooks_run_event(hooks, "true", &environment);
    hooks_close(hooks);
    return 0;
}

/* It is in the log, which nobody reads here. */
static void an_event_whose_command_cannot_be_started_leaves_nothing_behind(void **state)
{
    (void)state;
    struct hooks hooks;
    hooks_init(&hooks, loop);
    assert_true(
        faults_sweep(run_event, &hooks, "open fcntl calloc malloc strdup vfork dup2 write") >= 5);
}

static void on_change(void *context, const char *path)
{
    (void)context;
    fail_msg("nothing has changed, %s neither", path);
}

static int follow(void *context, struct error *error)
{
    struct change_trigger trigger;
    const struct change_trigger_setup setup = {.loop = loop, .on_change = on_change};
    change_trigger_init(&trigger, &setup);
    int result = change_trigger_follow(&trigger, context, error);
    change_trigger_close(&trigger);
    return result;
}

static void a_change_trigger_watches_or_says_what_it_cannot(void **state)
{
    (void)state;
    const char *path = "file";
    struct options options = {.watched_paths = &path, .watched_path_count = 1};
    scratch_write("file", "text");
    assert_true(faults_sweep(follow, &options, "open openat opendir") >= 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_check_starts_or_nothing_is_left_of_it, make_loop,
                                        end_loop),
        cmocka_unit_test_setup_teardown(
            an_event_whose_command_cannot_be_started_leaves_nothing_behind, make_loop, end_loop),
        cmocka_unit_test_setup_teardown(a_change_trigger_watches_or_says_what_it_cannot, make_loop,
                                        end_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
