/*
 * Durations: what people write, in milliseconds, and back.
 */
#include "duration.h"

#include "scratch.h"

#include <inttypes.h>

static void assert_milliseconds(const char *text, int64_t expected)
{
    int64_t milliseconds = -1;
    struct error error;
    if (duration_parse(text, &milliseconds, &error) != 0) {
        fail_msg("'%s' was refused: %s", text, error.text);
    }
    if (milliseconds != expected) {
        fail_msg("'%s' is %" PRId64 " ms, expected %" PRId64, text, milliseconds, expected);
    }
}

static void seconds_fractions_and_units_are_understood(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t milliseconds;
    } rows[] = {
        {"0", 0},
        {"5", 5000},
        {"0.2", 200},
        {".5", 500},
        {"5.", 5000},
        {"007", 7000},
        {"1.234", 1234},
        {"300ms", 300},
        {"0ms", 0},
        {"2s", 2000},
        {"1.5s", 1500},
        {"2m", 120000},
        {"2min", 120000},
        {"1h", 3600000},
        {"0.5h", 1800000},
        {"1d", 86400000},
        {"1.5ms", 2},
        {"1.4ms", 1},
        {"0.0005", 1},
        {"1.2344999", 1234},
        {"1.2345", 1235},
        {"0.25m", 15000},
        {"366d", DURATION_MAX_MS},
        {"31622400", DURATION_MAX_MS},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_milliseconds(rows[i].text, rows[i].milliseconds);
    }
}

static void what_is_above_zero_is_never_rounded_to_zero(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "0.001", "0.0001", "0.000001", "0.1ms", "0.0000001", "0.0000000000000001", "0.0000001ms"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_milliseconds(texts[i], 1);
    }
    assert_milliseconds("0.000000000000", 0);
}

static void a_fraction_of_a_long_unit_is_rounded_to_the_nearest_too(void **state)
{
    (void)state;
    assert_milliseconds("0.0000005d", 43);
    assert_milliseconds("0.0000019d", 164);
    assert_milliseconds("0.1234567h", 444444);
}

static void anything_else_is_refused_and_said(void **state)
{
    (void)state;
    static const char *const texts[] = {"",    " ",   ".",    "-1",    "+1", "1e3",  "0x10", "5 s",
                                        " 5",  "5 ",  "1..2", "1.2.3", "ms", "5S",   "5sec", "5mss",
                                        "inf", "nan", "1,5",  "five",  "5w", "1_000"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int64_t milliseconds = -1;
        struct error error = {""};
        if (duration_parse(texts[i], &milliseconds, &error) != -1) {
            fail_msg("'%s' was taken for %" PRId64 " ms", texts[i], milliseconds);
        }
        assert_text_has(error.text, "expected a duration");
        assert_text_has(error.text, texts[i]);
    }
}

static void more_than_a_year_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"367d",           "366.00001d",  "31622401",
                                        "999999999d",     "9999999999d", "99999999999999999999",
                                        "31622400000.5ms"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int64_t milliseconds = -1;
        struct error error = {""};
        if (duration_parse(texts[i], &milliseconds, &error) != -1) {
            fail_msg("'%s' was taken for %" PRId64 " ms", texts[i], milliseconds);
        }
        assert_text_has(error.text, "expected a duration");
    }
}

static void a_duration_is_written_for_people(void **state)
{
    (void)state;
    static const struct {
        int64_t milliseconds;
        const char *text;
    } rows[] = {
        {0, "0 ms"},       {1, "1 ms"},       {999, "999 ms"},   {1000, "1 s"},
        {5250, "5.250 s"}, {1001, "1.001 s"}, {360000, "360 s"}, {DURATION_MAX_MS, "31622400 s"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char buffer[32];
        assert_string_equal(duration_format(rows[i].milliseconds, buffer, sizeof buffer),
                            rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seconds_fractions_and_units_are_understood),
        cmocka_unit_test(what_is_above_zero_is_never_rounded_to_zero),
        cmocka_unit_test(a_fraction_of_a_long_unit_is_rounded_to_the_nearest_too),
        cmocka_unit_test(anything_else_is_refused_and_said),
        cmocka_unit_test(more_than_a_year_is_refused),
        cmocka_unit_test(a_duration_is_written_for_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
