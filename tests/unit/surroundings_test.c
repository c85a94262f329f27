/*
 * A worker's surroundings: the values of their options, and that they are validated without a
 * trace. What a worker gets of them is tested with the program.
 */
#include "options.h"

#include "scratch.h"

#include "aside.h"

#include <sys/prctl.h>

static struct options options;

static int set(enum option_id id, const char *value)
{
    return options_set(&options, &options_table.rows[id], value, NULL);
}

static void forget(void)
{
    options_free(&options);
}

static void limits_are_one_number_two_or_infinite(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        rlim_t soft;
        rlim_t hard;
    } rows[] = {
        {"0", 0, 0},
        {"5", 5, 5},
        {"5:10", 5, 10},
        {"5:5", 5, 5},
        {"infinity", RLIM_INFINITY, RLIM_INFINITY},
        {"5:infinity", 5, RLIM_INFINITY},
        {"9223372036854775807", 9223372036854775807, 9223372036854775807},
    };
    static const char *const bad[] = {
        "",  ":",    "5:",   ":5",  "5:6:7",     "-5",         "5 ",
        "+", "0x10", "10:5", "inf", "infinity5", "infinity:5", "9223372036854775808"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(set(OPTION_limit_nofile, rows[i].text), 0);
        assert_true(options.surroundings.open_files.is_set);
        assert_true(options.surroundings.open_files.soft == rows[i].soft);
        assert_true(options.surroundings.open_files.hard == rows[i].hard);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (set(OPTION_limit_core, bad[i]) == 0) {
            fail_msg("'%s' was taken for a limit", bad[i]);
        }
    }
    forget();
}

static void a_umask_is_octal(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "8", "1000", "0x1", "-1", " 7", "77777777777777777777"};
    assert_int_equal(set(OPTION_umask, "0027"), 0);
    assert_int_equal(options.surroundings.umask, 027);
    assert_int_equal(set(OPTION_umask, "777"), 0);
    assert_int_equal(options.surroundings.umask, 0777);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(set(OPTION_umask, bad[i]), -1);
    }
    forget();
}

static void numbers_have_signs_and_bounds(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "-", "+", "-21", "20", "--1", "1.0", "1x"};
    assert_int_equal(set(OPTION_nice, "-20"), 0);
    assert_int_equal(options.surroundings.nice, -20);
    assert_int_equal(set(OPTION_nice, "+19"), 0);
    assert_int_equal(options.surroundings.nice, 19);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(set(OPTION_nice, bad[i]), -1);
    }
    forget();
}

static void standard_input_has_two_words_of_its_own(void **state)
{
    (void)state;
    assert_int_equal(set(OPTION_stdin, "null"), 0);
    assert_string_equal(options.surroundings.stdin_path, "/dev/null");
    assert_int_equal(set(OPTION_stdin, "inherit"), 0);
    assert_null(options.surroundings.stdin_path);
    assert_int_equal(set(OPTION_stdin, "./null"), 0);
    assert_string_equal(options.surroundings.stdin_path, "./null");
    assert_int_equal(set(OPTION_stdin, ""), -1);
    forget();
}

static void variables_are_kept_in_their_order(void **state)
{
    (void)state;
    assert_int_equal(set(OPTION_environment, "A=1"), 0);
    assert_int_equal(set(OPTION_environment, "B="), 0);
    assert_int_equal(set(OPTION_environment, "C"), -1);
    assert_int_equal(set(OPTION_environment, "=D"), -1);
    assert_int_equal(options.variables.count, 2);
    assert_string_equal(options.variables.items[1], "B=");
    forget();
}

struct trial {
    const struct surroundings *surroundings;
    int result;
    struct error error;
};

static void try_on(void *memory)
{
    static const struct identity nobody_else = {.has_user = false};
    struct trial *trial = memory;
    trial->result = surroundings_try(trial->surroundings, &nobody_else, &trial->error);
}

static int try_aside(const struct surroundings *surroundings, struct error *error)
{
    struct trial *trial = aside_memory(sizeof *trial);
    trial->surroundings = surroundings;
    assert_int_equal(aside_run(try_on, trial, error), 0);
    int result = trial->result;
    *error = trial->error;
    aside_free(trial, sizeof *trial);
    return result;
}

static void a_trial_leaves_everything_as_it_was(void **state)
{
    (void)state;
    struct error error = {.text = ""};
    struct rlimit before;
    struct rlimit after;
    const struct surroundings surroundings = {
        .stdin_path = "/dev/null",
        .open_files = {.is_set = true, .soft = 32, .hard = 32},
        .has_umask = true,
        .umask = 0111,
        .has_nice = true,
        .nice = 19,
        .no_new_privileges = true,
        .parent_death_signal = SIGKILL,
    };
    int no_new_privileges = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
    mode_t mask = umask(0);
    umask(mask);
    getrlimit(RLIMIT_NOFILE, &before);
    if (try_aside(&surroundings, &error) != 0) {
        fail_msg("%s", error.text);
    }
    getrlimit(RLIMIT_NOFILE, &after);
    assert_true(before.rlim_cur == after.rlim_cur && before.rlim_max == after.rlim_max);
    assert_int_equal(umask(mask), mask);
    assert_int_equal(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), no_new_privileges);
}

static void a_trial_tells_what_would_fail(void **state)
{
    (void)state;
    struct error error = {.text = ""};
    const struct surroundings surroundings = {.stdin_path = "no/such/file"};
    assert_int_equal(try_aside(&surroundings, &error), -1);
    assert_string_equal(error.text, "--stdin: cannot open no/such/file: No such file or directory");
    const struct surroundings too_much = {
        .open_files = {.is_set = true, .soft = 1, .hard = (rlim_t)1 << 40}};
    assert_int_equal(try_aside(&too_much, &error), -1);
    assert_non_null(strstr(error.text, "--limit-nofile: cannot set the limit to 1099511627776"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_are_one_number_two_or_infinite),
        cmocka_unit_test(a_umask_is_octal),
        cmocka_unit_test(numbers_have_signs_and_bounds),
        cmocka_unit_test(standard_input_has_two_words_of_its_own),
        cmocka_unit_test(variables_are_kept_in_their_order),
        cmocka_unit_test(a_trial_leaves_everything_as_it_was),
        cmocka_unit_test(a_trial_tells_what_would_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
