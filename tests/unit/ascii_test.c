/*
 * ASCII text: digits, words in whatever case, numbers.
 */
#include "ascii.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_word_is_the_same_in_whatever_case(void **state)
{
    (void)state;
    assert_true(ascii_is_word("Off", "off"));
    assert_true(ascii_is_word("usr1", "USR1"));
    assert_true(ascii_is_word("", ""));
    assert_false(ascii_is_word("of", "off"));
    assert_false(ascii_is_word("offset", "off"));
    assert_false(ascii_is_word("[", "{")); /* as far apart as the two cases of a letter */
}

static void a_text_begins_with_a_word(void **state)
{
    (void)state;
    assert_true(ascii_begins_with("SigTerm", "SIG"));
    assert_true(ascii_begins_with("sig", "SIG"));
    assert_false(ascii_begins_with("si", "SIG"));
}

static void digits_and_letters_are_those_of_ascii(void **state)
{
    (void)state;
    for (int c = CHAR_MIN; c <= CHAR_MAX; c++) {
        assert_int_equal(ascii_is_digit((char)c), c >= '0' && c <= '9');
        assert_int_equal(ascii_is_letter((char)c),
                         (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'));
        assert_int_equal(ascii_is_space((char)c),
                         c == ' ' || c == '\t' || c == '\n' || c == '\v' || c == '\f' || c == '\r');
        assert_int_equal(ascii_is_control((char)c), (c >= 0 && c < 32) || c == 127);
    }
}

static void a_number_ends_where_its_digits_end(void **state)
{
    (void)state;
    const char *end;
    assert_int_equal(ascii_parse_number("0", 9, &end), 0);
    assert_int_equal(*end, '\0');
    assert_int_equal(ascii_parse_number("007/60", 9, &end), 7);
    assert_string_equal(end, "/60");
    assert_int_equal(ascii_parse_number("9223372036854775807", LONG_MAX, &end), LONG_MAX);
}

static void what_is_no_number_or_too_large_is_refused(void **state)
{
    (void)state;
    const char *end;
    assert_int_equal(ascii_parse_number("", 9, &end), -1);
    assert_int_equal(ascii_parse_number("-1", 9, &end), -1);
    assert_int_equal(ascii_parse_number("+1", 9, &end), -1);
    assert_int_equal(ascii_parse_number(" 1", 9, &end), -1);
    assert_int_equal(ascii_parse_number("10", 9, &end), -1);
    assert_int_equal(ascii_parse_number("99999999999999999999999x", LONG_MAX, &end), -1);
    assert_string_equal(end, "x");
    assert_int_equal(ascii_parse_number("3000000001", INT32_MAX, &end), -1);
    assert_int_equal(ascii_parse_number("5", 3, &end), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_word_is_the_same_in_whatever_case),
        cmocka_unit_test(a_text_begins_with_a_word),
        cmocka_unit_test(digits_and_letters_are_those_of_ascii),
        cmocka_unit_test(a_number_ends_where_its_digits_end),
        cmocka_unit_test(what_is_no_number_or_too_large_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
