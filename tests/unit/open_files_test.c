/*
 * The limit of open files: raised for the supervisor, given back to what it starts.
 */
#include "open_files.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct rlimit limit_now(void)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    return limit;
}

/* Lowers the limits of this test program for good, so it is done once. */
static int start_with_soft_100_and_hard_200(void **state)
{
    (void)state;
    const struct rlimit small = {.rlim_cur = 100, .rlim_max = 200};
    return setrlimit(RLIMIT_NOFILE, &small);
}

static void before_it_is_raised_nothing_is_restored(void **state)
{
    (void)state;
    assert_int_equal(open_files_restore(190), 0);
    assert_int_equal(limit_now().rlim_cur, 100);
}

static void the_soft_limit_is_raised_to_the_hard_one(void **state)
{
    (void)state;
    open_files_raise();
    assert_int_equal(limit_now().rlim_cur, 200);
    assert_int_equal(limit_now().rlim_max, 200);
}

static void raising_it_twice_remembers_the_first_limit(void **state)
{
    (void)state;
    open_files_raise();
    open_files_raise();
    assert_int_equal(open_files_restore(2), 0);
    assert_int_equal(limit_now().rlim_cur, 100);
}

static void a_worker_has_room_beside_its_listeners(void **state)
{
    (void)state;
    open_files_raise();
    assert_int_equal(open_files_restore(99), 0);
    assert_int_equal(limit_now().rlim_cur, 164);
    assert_int_equal(open_files_restore(190), 0);
    assert_int_equal(limit_now().rlim_cur, 200);
}

static void what_never_fits_is_told_with_both_numbers(void **state)
{
    (void)state;
    struct error error;
    assert_int_equal(open_files_check(173, &error), 0);
    assert_int_equal(open_files_check(174, &error), -1);
    assert_string_equal(error.text,
                        "174 listeners need 201 descriptors, the limit is 200 (ulimit -n)");
}

static void emfile_is_told_with_the_limit(void **state)
{
    (void)state;
    assert_string_equal(open_files_reason(EMFILE),
                        "too many open files (the limit is 200, see ulimit -n)");
    assert_string_equal(open_files_reason(ENFILE), strerror(ENFILE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_it_is_raised_nothing_is_restored),
        cmocka_unit_test(the_soft_limit_is_raised_to_the_hard_one),
        cmocka_unit_test(raising_it_twice_remembers_the_first_limit),
        cmocka_unit_test(a_worker_has_room_beside_its_listeners),
        cmocka_unit_test(what_never_fits_is_told_with_both_numbers),
        cmocka_unit_test(emfile_is_told_with_the_limit),
    };
    return cmocka_run_group_tests(tests, start_with_soft_100_and_hard_200, NULL);
}
