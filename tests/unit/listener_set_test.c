/*
 * Sets of listeners that follow each other: what stays is the very same socket, and a socket is
 * closed with the last set that has it.
 */
#include "listener_set.h"

#include "scratch.h"

struct wanted {
    struct address addresses[4];
    size_t count;
};

/* Paths and ports, ended by a NULL. */
static struct wanted want(const char *const *texts)
{
    struct wanted wanted = {.count = 0};
    for (; *texts != NULL; texts++) {
        struct address *address = &wanted.addresses[wanted.count++];
        struct error error;
        int result = **texts == '/' || strncmp(*texts, "s", 1) == 0
                         ? address_parse_path(*texts, address, &error)
                         : address_parse_port(*texts, address, &error);
        if (result != 0) {
            fail_msg("%s", error.text);
        }
    }
    return wanted;
}

static void open_set(struct listener_set *set, const struct wanted *wanted)
{
    struct error error;
    if (listener_set_open(set, wanted->addresses, wanted->count, 0, NULL, &error) != 0) {
        fail_msg("%s", error.text);
    }
}

static int change(struct listener_set *set, const struct listener_set *before,
                  const struct wanted *wanted, struct error *error)
{
    return listener_set_change(set, &before, 1, wanted->addresses, wanted->count, 0, error);
}

static void assert_changes(struct listener_set *set, const struct listener_set *before,
                           const struct wanted *wanted)
{
    struct error error;
    if (change(set, before, wanted, &error) != 0) {
        fail_msg("%s", error.text);
    }
}

#define WANT(...) want((const char *const[]){__VA_ARGS__, NULL})

static void what_stays_is_the_very_same_at_its_new_number(void **state)
{
    (void)state;
    const struct wanted first = WANT("s1", "s2", "127.0.0.1:0");
    const struct wanted second = WANT("127.0.0.1:0=9", "s3", "s2");
    struct listener_set one;
    struct listener_set two;
    open_set(&one, &first);
    assert_changes(&two, &one, &second);
    assert_int_equal(two.count, 3);
    /* Ports go first only after the options have sorted them: the order here is that of the array.
     */
    assert_int_equal(two.items[0].fd, one.items[2].fd);
    assert_int_equal(two.items[0].worker_fd, 9);
    assert_string_equal(two.items[0].name, one.items[2].name);
    assert_int_equal(two.items[2].fd, one.items[1].fd);
    assert_int_equal(two.items[2].worker_fd, 4);
    assert_false(listener_set_has(&two, one.items[0].fd));
    assert_false(listener_set_has(&one, two.items[1].fd));
    listener_set_close(&two);
    listener_set_close(&one);
}

static void a_socket_is_closed_with_the_last_set_that_has_it(void **state)
{
    (void)state;
    for (int first_to_go = 0; first_to_go < 2; first_to_go++) {
        size_t descriptors = count_open_descriptors();
        const struct wanted first = WANT("s1", "s2");
        const struct wanted second = WANT("s2", "s3");
        struct listener_set sets[2];
        open_set(&sets[0], &first);
        assert_changes(&sets[1], &sets[0], &second);
        assert_int_equal(count_open_descriptors(), descriptors + 3);
        listener_set_close(&sets[first_to_go]);
        assert_int_equal(count_open_descriptors(), descriptors + 2);
        assert_exists("s2");
        if (first_to_go == 0) {
            assert_missing("s1");
            assert_exists("s3");
        } else {
            assert_exists("s1");
            assert_missing("s3");
        }
        listener_set_close(&sets[1 - first_to_go]);
        assert_int_equal(count_open_descriptors(), descriptors);
        assert_missing("s1");
        assert_missing("s2");
        assert_missing("s3");
    }
}

static void one_that_cannot_be_opened_leaves_everything_as_it_was(void **state)
{
    (void)state;
    const struct wanted first = WANT("s1");
    const struct wanted second = WANT("s2", "s1", "s3");
    struct listener_set one;
    struct listener_set two;
    struct error error;
    open_set(&one, &first);
    size_t descriptors = count_open_descriptors();
    scratch_write("s3", "no socket");
    assert_int_equal(change(&two, &one, &second, &error), -1);
    assert_text_has(error.text, "s3");
    assert_int_equal(count_open_descriptors(), descriptors);
    assert_missing("s2");
    assert_exists("s1");
    listener_set_close(&one);
    assert_missing("s1");
}

static void a_socket_of_any_set_before_is_shared(void **state)
{
    (void)state;
    const struct wanted first = WANT("s1", "s2");
    const struct wanted second = WANT("s1");
    struct listener_set one;
    struct listener_set two;
    struct listener_set three;
    struct error error;
    open_set(&one, &first);
    assert_changes(&two, &one, &second);
    const struct listener_set *const before[] = {&two, &one};
    assert_int_equal(
        listener_set_change(&three, before, 2, first.addresses, first.count, 0, &error), 0);
    assert_int_equal(three.items[0].fd, one.items[0].fd);
    assert_int_equal(three.items[1].fd, one.items[1].fd);
    listener_set_close(&one);
    listener_set_close(&two);
    assert_exists("s2");
    listener_set_close(&three);
    assert_missing("s2");
}

static void both_sockets_of_a_pair_stay(void **state)
{
    (void)state;
    const struct wanted pair = WANT("*:0");
    struct listener_set one;
    struct listener_set two;
    open_set(&one, &pair);
    const struct wanted again = WANT("s1", "*:0");
    assert_changes(&two, &one, &again);
    assert_int_equal(two.count, one.count + 1);
    for (size_t i = 0; i < one.count; i++) {
        assert_int_equal(two.items[i + 1].fd, one.items[i].fd);
        assert_int_equal(two.items[i + 1].worker_fd, 4 + (int)i);
    }
    listener_set_close(&one);
    listener_set_close(&two);
}

static void options_that_cannot_change_are_told(void **state)
{
    (void)state;
    const struct wanted first = WANT("127.0.0.1:0,backlog=5,name=a");
    const struct wanted second = WANT("127.0.0.1:0,backlog=6,name=b");
    const struct wanted third = WANT("127.0.0.1:0,backlog=6,nodelay");
    struct listener_set one;
    struct listener_set two;
    struct listener_set three;
    open_set(&one, &first);
    assert_changes(&two, &one, &second);
    assert_null(two.items[0].warning);
    assert_string_equal(two.items[0].label, "b");
    assert_string_equal(one.items[0].label, "a");
    assert_changes(&three, &two, &third);
    assert_non_null(three.items[0].warning);
    assert_null(three.items[0].label);
    listener_set_close(&one);
    listener_set_close(&two);
    listener_set_close(&three);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(function) cmocka_unit_test_setup_teardown(function, scratch_enter, scratch_leave)
        TEST(what_stays_is_the_very_same_at_its_new_number),
        TEST(a_socket_is_closed_with_the_last_set_that_has_it),
        TEST(one_that_cannot_be_opened_leaves_everything_as_it_was),
        TEST(a_socket_of_any_set_before_is_shared),
        TEST(both_sockets_of_a_pair_stay),
        TEST(options_that_cannot_change_are_told),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
