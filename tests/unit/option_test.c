/*
 * The parser of options, with a table of its own: what it makes of a command line and of a value,
 * whatever the options are.
 */
#include "option.h"

#include "scratch.h"

#include <signal.h>

enum colour { RED, GREEN, BLUE };

struct fields {
    const char *text;
    struct text_list list;
    bool answer;
    int number;
    int64_t duration;
    int signal;
    enum colour colour;
};

enum { EXTRA = 1 << 0 };

static const struct option rows[] = {
    {"text", .value = "TEXT", OPTION_TAKES_TEXT(struct fields, text)},
    {"list", .value = "TEXT", OPTION_TAKES_LIST(struct fields, list)},
    {"answer", .alone = "yes", OPTION_TAKES_ANSWER(struct fields, answer)},
    {"number", .value = "N", OPTION_TAKES_NUMBER(struct fields, number, -5, 5)},
    {"duration", .value = "DURATION", OPTION_TAKES_DURATION(struct fields, duration)},
    {"signal", .value = "SIGNAL", OPTION_TAKES_SIGNAL(struct fields, signal)},
    {"colour", .value = "red|green|blue", OPTION_TAKES_CHOICE(struct fields, colour)},
    {"sigil", .alone = "yes", .needs = EXTRA, OPTION_TAKES_ANSWER(struct fields, answer)},
};

enum { ROWS = sizeof rows / sizeof rows[0] };

static const struct option_table table = {.rows = rows, .count = ROWS};
static const struct option_table extra_table = {.rows = rows, .count = ROWS, .has = EXTRA};

/* Takes all of the line, ended by a NULL. */
static int take(const struct option_table *from, struct fields *fields, char *const *rest,
                struct error *error)
{
    const char *given[ROWS] = {NULL};
    while (*rest != NULL) {
        if (option_take(from, fields, given, &rest, error) != 0) {
            return -1;
        }
    }
    return 0;
}

static void each_kind_of_value_reaches_its_field(void **state)
{
    (void)state;
    char *const line[] = {"--text",        "t",        "--list=a", "--list",        "b",
                          "--answer",      "--number", "-5",       "-duration=1.5", "--sig=usr1",
                          "--colour=blue", NULL};
    struct fields fields = {.text = NULL};
    struct error error = {""};
    if (take(&table, &fields, line, &error) != 0) {
        fail_msg("%s", error.text);
    }
    assert_string_equal(fields.text, "t");
    assert_int_equal(fields.list.count, 2);
    assert_string_equal(fields.list.items[0], "a");
    assert_string_equal(fields.list.items[1], "b");
    assert_true(fields.answer);
    assert_int_equal(fields.number, -5);
    assert_int_equal(fields.duration, 1500);
    assert_int_equal(fields.signal, SIGUSR1);
    assert_int_equal(fields.colour, BLUE);
    free(fields.list.items);
}

static void assert_refused(const struct option_table *from, char *word, const char *reason)
{
    char *const line[] = {word, NULL};
    struct fields fields = {.text = NULL};
    struct error error = {""};
    assert_int_equal(take(from, &fields, line, &error), -1);
    assert_string_equal(error.text, reason);
}

static void what_is_wrong_is_said_in_one_way(void **state)
{
    (void)state;
    assert_refused(&table, "--text", "--text: expected TEXT, got nothing");
    assert_refused(&table, "--text=", "--text: expected TEXT, got nothing");
    assert_refused(&table, "--answer=no", "--answer: expected no value, got 'no'");
    assert_refused(&table, "--number=6", "--number: expected a number from -5 to 5, got '6'");
    assert_refused(&table, "--number=--1", "--number: expected a number from -5 to 5, got '--1'");
    assert_refused(&table, "--colour=pink", "--colour: expected red, green or blue, got 'pink'");
    assert_refused(&table, "--colour=", "--colour: expected red, green or blue, got ''");
    assert_refused(&table, "--color=red", "--color=red: unknown option; did you mean --colour?");
    assert_refused(&table, "--weight", "--weight: unknown option (see --help)");
}

static void an_option_is_only_in_a_table_that_has_what_it_needs(void **state)
{
    (void)state;
    struct fields fields = {.text = NULL};
    struct error error;
    char *const line[] = {"--sigil", NULL};
    assert_null(option_find(&table, "sigil"));
    assert_int_equal(take(&extra_table, &fields, line, &error), 0);
    assert_true(fields.answer);
    assert_refused(&table, "--sigil", "--sigil: unknown option (see --help)");
    assert_refused(&extra_table, "--sig", "--sig is ambiguous: --signal, --sigil");
    int count = 0;
    for (const struct option *option = option_next(&table, NULL); option != NULL;
         option = option_next(&table, option)) {
        count++;
    }
    assert_int_equal(count, ROWS - 1);
}

static void a_word_with_a_dash_is_an_option(void **state)
{
    (void)state;
    assert_true(option_is_word("-x"));
    assert_true(option_is_word("--"));
    assert_false(option_is_word("-"));
    assert_false(option_is_word("x"));
    assert_false(option_is_word(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_value_reaches_its_field),
        cmocka_unit_test(what_is_wrong_is_said_in_one_way),
        cmocka_unit_test(an_option_is_only_in_a_table_that_has_what_it_needs),
        cmocka_unit_test(a_word_with_a_dash_is_an_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
