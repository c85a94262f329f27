/*
 * Listeners on a machine that is short of descriptors, memory or buffers.
 */
#include "faults.h"

#include "listener_set.h"

#define COUNT 3

struct wanted {
    struct address addresses[COUNT];
};

static struct wanted want(const char *port, const char *any, const char *path)
{
    struct wanted wanted;
    struct error error;
    if (address_parse_port(port, &wanted.addresses[0], &error) != 0 ||
        address_parse_port(any, &wanted.addresses[1], &error) != 0 ||
        address_parse_path(path, &wanted.addresses[2], &error) != 0) {
        fail_msg("%s", error.text);
    }
    return wanted;
}

static int open_and_close(void *context, struct error *error)
{
    const struct wanted *wanted = context;
    struct listener_set set;
    if (listener_set_open(&set, wanted->addresses, COUNT, 0, NULL, error) != 0) {
        return -1;
    }
    listener_set_close(&set);
    return 0;
}

static void a_set_is_opened_or_nothing_is_left_of_it(void **state)
{
    (void)state;
    struct wanted wanted = want("127.0.0.1:0", "127.0.0.1:0", "socket,mode=600");
    /* Without a descriptor for its directory, a socket goes by its path. */
    assert_true(faults_sweep(open_and_close, &wanted, "setsockopt open openat fcntl") > COUNT * 4);
    assert_missing("socket");
}

/* The first call is for SO_REUSEADDR, without which a start mostly succeeds. */
static void an_option_that_the_system_refuses_is_named(void **state)
{
    (void)state;
    struct wanted wanted = want("127.0.0.1:0,freebind=yes", "127.0.0.1:0", "socket");
    struct error error;
    faults_arm("setsockopt", 2, EPERM);
    assert_int_equal(open_and_close(&wanted, &error), -1);
    assert_string_equal(faults_disarm(), "setsockopt");
    assert_text_has(error.text, "freebind");
    assert_text_has(error.text, strerror(EPERM));
    assert_int_equal(open_and_close(&wanted, &error), 0);
}

struct change {
    struct wanted wanted;
    struct listener_set before;
};

static int change_and_close(void *context, struct error *error)
{
    const struct change *change = context;
    const struct listener_set *before = &change->before;
    struct listener_set set;
    if (listener_set_change(&set, &before, 1, change->wanted.addresses, COUNT, 0, error) != 0) {
        return -1;
    }
    listener_set_close(&set);
    return 0;
}

static void a_change_that_fails_leaves_the_set_before_as_it_was(void **state)
{
    (void)state;
    struct change change = {.wanted = want("127.0.0.1:0", "127.0.0.1:0", "socket")};
    struct error error;
    assert_int_equal(
        listener_set_open(&change.before, change.wanted.addresses, COUNT, 0, NULL, &error), 0);
    change.wanted = want("127.0.0.1:0", "127.0.0.1:0", "other");
    assert_true(faults_sweep(change_and_close, &change, "setsockopt open openat fcntl") > COUNT);
    assert_exists("socket");
    assert_missing("other");
    listener_set_close(&change.before);
    assert_missing("socket");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_set_is_opened_or_nothing_is_left_of_it, scratch_enter,
                                        scratch_leave),
        cmocka_unit_test_setup_teardown(an_option_that_the_system_refuses_is_named, scratch_enter,
                                        scratch_leave),
        cmocka_unit_test_setup_teardown(a_change_that_fails_leaves_the_set_before_as_it_was,
                                        scratch_enter, scratch_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
