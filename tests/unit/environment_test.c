/*
 * The environment that is built for a worker.
 */
#include "environment.h"

#include "scratch.h"

#define MANY 500

static void a_copy_is_the_same_and_its_own(void **state)
{
    (void)state;
    char first[] = "A=1";
    char second[] = "B=";
    char *const entries[] = {first, second, NULL};
    struct environment environment;
    struct error error;

    assert_int_equal(environment_copy(&environment, entries, &error), 0);
    first[2] = 'X';

    assert_int_equal(environment.count, 2);
    assert_string_equal(environment.entries[0], "A=1");
    assert_string_equal(environment.entries[1], "B=");
    assert_null(environment.entries[2]);
    environment_free(&environment);
}

static void setting_replaces_in_place_or_appends(void **state)
{
    (void)state;
    char first[] = "A=1";
    char second[] = "B=2";
    char *const entries[] = {first, second, NULL};
    struct environment environment;
    struct error error;
    assert_int_equal(environment_copy(&environment, entries, &error), 0);

    assert_int_equal(environment_set(&environment, "A", "a longer value", &error), 0);
    assert_int_equal(environment_set(&environment, "C", "", &error), 0);

    assert_int_equal(environment.count, 3);
    assert_string_equal(environment.entries[0], "A=a longer value");
    assert_string_equal(environment.entries[1], "B=2");
    assert_string_equal(environment.entries[2], "C=");
    assert_null(environment.entries[3]);
    environment_free(&environment);
}

static void a_name_is_matched_whole(void **state)
{
    (void)state;
    struct environment environment = {.count = 0};
    struct error error;
    assert_int_equal(environment_set(&environment, "NAME_LONG", "long", &error), 0);
    assert_null(environment_get(&environment, "NAME"));
    assert_int_equal(environment_set(&environment, "NAME", "x=y", &error), 0);

    assert_string_equal(environment_get(&environment, "NAME_LONG"), "long");
    assert_string_equal(environment_get(&environment, "NAME"), "x=y");
    assert_null(environment_get(&environment, "NAM"));
    assert_null(environment_get(&environment, "OTHER"));
    environment_free(&environment);
}

static void an_empty_environment_can_be_filled(void **state)
{
    (void)state;
    char *const nothing[] = {NULL};
    struct environment environment;
    struct error error;
    assert_int_equal(environment_copy(&environment, nothing, &error), 0);
    assert_int_equal(environment.count, 0);
    for (int i = 0; i < MANY; i++) {
        char name[16];
        snprintf(name, sizeof name, "NAME_%d", i);
        assert_int_equal(environment_set(&environment, name, name, &error), 0);
    }

    assert_int_equal(environment.count, MANY);
    assert_null(environment.entries[MANY]);
    assert_string_equal(environment_get(&environment, "NAME_0"), "NAME_0");
    assert_string_equal(environment_get(&environment, "NAME_499"), "NAME_499");
    environment_free(&environment);
    assert_int_equal(environment.count, 0);
}

/* execve(2) wants an array, also of nothing. */
static void an_empty_copy_can_be_executed_with(void **state)
{
    (void)state;
    char *const nothing[] = {NULL};
    struct environment environment;
    struct error error;
    assert_int_equal(environment_copy(&environment, nothing, &error), 0);
    assert_true(environment.entries == NULL || environment.entries[0] == NULL);
    environment_free(&environment);
}

static void freeing_twice_does_no_harm(void **state)
{
    (void)state;
    struct environment environment = {.count = 0};
    struct error error;
    assert_int_equal(environment_set(&environment, "A", "1", &error), 0);
    environment_free(&environment);
    environment_free(&environment);
    assert_null(environment_get(&environment, "A"));
}

static void all_names_that_begin_alike_can_be_taken_away(void **state)
{
    (void)state;
    static const char *const names[] = {"NAME_1", "OTHER", "NAME_", "NAME", "A_NAME_1", "NAME_2"};
    struct environment environment = {.count = 0};
    struct error error;
    environment_unset_all(&environment, "NAME_"); /* from nothing, too */
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(environment_set(&environment, names[i], "x", &error), 0);
    }
    environment_unset_all(&environment, "NAME_");
    assert_int_equal(environment.count, 3);
    assert_non_null(environment_get(&environment, "OTHER"));
    assert_non_null(environment_get(&environment, "NAME"));
    assert_non_null(environment_get(&environment, "A_NAME_1"));
    assert_null(environment.entries[3]);
    environment_free(&environment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_is_the_same_and_its_own),
        cmocka_unit_test(setting_replaces_in_place_or_appends),
        cmocka_unit_test(a_name_is_matched_whole),
        cmocka_unit_test(an_empty_environment_can_be_filled),
        cmocka_unit_test(an_empty_copy_can_be_executed_with),
        cmocka_unit_test(freeing_twice_does_no_harm),
        cmocka_unit_test(all_names_that_begin_alike_can_be_taken_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
