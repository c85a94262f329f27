/*
 * What watches the machine and works aside, when the machine is short of descriptors, memory or
 * processes.
 */
#include "faults.h"

#include "aside.h"
#include "change_watch.h"

static int watch(void *context, struct error *error)
{
    const char *const *paths = context;
    const char *changed;
    struct change_watch *watch = change_watch_new(error);
    if (watch == NULL) {
        return -1;
    }
    int result = change_watch_follow(watch, paths, 2, error);
    if (result == 0) {
        error->text[0] = '\0';
        assert_int_not_equal(change_watch_look(watch, &changed, error), CHANGE_SETTLED);
        result = error->text[0] == '\0' ? 0 : -1;
    }
    change_watch_free(watch);
    return result;
}

/* A directory that cannot be read at one look may seem to change, but never to have changed. */
static void a_watch_is_made_or_nothing_is_left_of_it(void **state)
{
    (void)state;
    const char *paths[] = {"directory", "link"};
    assert_int_equal(mkdir("directory", 0755), 0);
    scratch_write("directory/file", "text");
    assert_int_equal(symlink("directory/file", "link"), 0);
    assert_true(faults_sweep(watch, paths, "open openat opendir") >= 8);
}

static void add(void *memory)
{
    int *numbers = memory;
    numbers[2] = numbers[0] + numbers[1];
}

static int add_aside(void *context, struct error *error)
{
    (void)context;
    int *numbers = aside_memory(3 * sizeof *numbers);
    if (numbers == NULL) {
        return error_set(error, "out of memory");
    }
    numbers[0] = 2;
    numbers[1] = 3;
    int result = aside_run(add, numbers, error);
    assert_true(result != 0 || numbers[2] == 5);
    aside_free(numbers, 3 * sizeof *numbers);
    /* The child cannot tell why it could not begin. */
    return result != 0 && strstr(error->text, "died") != NULL ? 0 : result;
}

static void what_cannot_be_done_aside_is_told(void **state)
{
    (void)state;
    assert_true(faults_sweep(add_aside, NULL, "dup2 malloc write") >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_watch_is_made_or_nothing_is_left_of_it, scratch_enter,
                                        scratch_leave),
        cmocka_unit_test(what_cannot_be_done_aside_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
