/*
 * Spans: parts of a text, and the numbers and answers that they hold.
 */
#include "span.h"

#include "scratch.h"

static void blanks_at_the_ends_are_left_out(void **state)
{
    (void)state;
    static const char text[] = " \ta b\n";
    struct span span = span_trim(text, text + sizeof text - 1);
    assert_true(span_is(span, "a b"));
    assert_false(span_is(span, "a"));
    assert_false(span_is(span, "a bc"));
    assert_int_equal(span_trim(text, text + 2).length, 0);
}

static void a_number_is_digits_and_nothing_else(void **state)
{
    (void)state;
    assert_int_equal(span_parse_number(span_of("0"), 10, 9), 0);
    assert_int_equal(span_parse_number(span_of("007"), 8, 7), 7);
    assert_int_equal(span_parse_number(span_of("fF"), 16, 255), 255);
    assert_int_equal(span_parse_number((struct span){"123", 2}, 10, 12), 12);
    assert_int_equal(span_parse_number(span_of("13"), 10, 12), -1);
    assert_int_equal(span_parse_number(span_of("99999999999999999999"), 10, INT64_MAX / 10), -1);
    static const char *const others[] = {"", "-1", "+1", "1x", " 1", "1 ", "0x1", "g"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_int_equal(span_parse_number(span_of(others[i]), 10, 100), -1);
    }
    assert_int_equal(span_parse_number(span_of("8"), 8, 100), -1);
}

static void an_answer_is_one_of_eight_words(void **state)
{
    (void)state;
    static const char *const yes[] = {"yes", "1", "true", "on", "Yes", "ON"};
    static const char *const no[] = {"no", "0", "false", "off", "False", "NO"};
    static const char *const neither[] = {"", "y", "yess", "2", "maybe", "offs", "-1"};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        assert_int_equal(span_parse_answer(span_of(yes[i])), 1);
        assert_int_equal(span_parse_answer(span_of(no[i])), 0);
    }
    for (size_t i = 0; i < sizeof neither / sizeof neither[0]; i++) {
        assert_int_equal(span_parse_answer(span_of(neither[i])), -1);
    }
    assert_int_equal(span_parse_answer((struct span){"offset", 3}), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blanks_at_the_ends_are_left_out),
        cmocka_unit_test(a_number_is_digits_and_nothing_else),
        cmocka_unit_test(an_answer_is_one_of_eight_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
