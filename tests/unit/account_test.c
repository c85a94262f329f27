/*
 * Users and groups: root, which every system has, numbers, and names that nobody has.
 */
#include "account.h"

#include "scratch.h"

static void a_name_is_looked_up(void **state)
{
    (void)state;
    struct error error;
    uid_t user = 1;
    gid_t group = 1;
    assert_int_equal(account_find_user("root", &user, &error), 0);
    assert_int_equal(user, 0);
    assert_int_equal(account_find_group("root", &group, &error), 0);
    assert_int_equal(group, 0);
}

static void a_number_is_taken_as_it_is(void **state)
{
    (void)state;
    struct error error;
    uid_t user = 0;
    gid_t group = 0;
    assert_int_equal(account_find_user("54321", &user, &error), 0);
    assert_int_equal(user, 54321);
    assert_int_equal(account_find_group("4294967294", &group, &error), 0);
    assert_int_equal(group, 4294967294);
}

static void who_is_not_there_is_said(void **state)
{
    (void)state;
    static const char *const names[] = {"no such user", "4294967295", "1x", "-1", ""};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char expected[64];
        struct error error;
        uid_t user;
        gid_t group;
        snprintf(expected, sizeof expected, "there is no user '%s'", names[i]);
        assert_int_equal(account_find_user(names[i], &user, &error), -1);
        assert_string_equal(error.text, expected);
        snprintf(expected, sizeof expected, "there is no group '%s'", names[i]);
        assert_int_equal(account_find_group(names[i], &group, &error), -1);
        assert_string_equal(error.text, expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_looked_up),
        cmocka_unit_test(a_number_is_taken_as_it_is),
        cmocka_unit_test(who_is_not_there_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
