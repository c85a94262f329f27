/*
 * JSON fields: numbers, and that any bytes make valid JSON.
 */
#include "json_field.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_line(json_t *object, const char *expected)
{
    char *line = json_line(object);
    assert_string_equal(line, expected);
    free(line);
    json_decref(object);
}

static void numbers_are_whole_or_unknown(void **state)
{
    (void)state;
    json_t *object = json_object();
    field_set_number(object, "most", INT64_MAX);
    field_set_number(object, "least", INT64_MIN);
    field_set_known(object, "zero", 0);
    field_set_known(object, "unknown", -1);
    field_set_bool(object, "yes", true);
    field_set_text(object, "none", NULL);
    assert_line(object, "{\"most\":9223372036854775807,\"least\":-9223372036854775808,"
                        "\"zero\":0,\"unknown\":null,\"yes\":true,\"none\":null}");
}

static void objects_and_arrays_may_contain_each_other(void **state)
{
    (void)state;
    json_t *object = json_object();
    json_t *array = field_add_array(object, "array");
    field_set_number(field_add_object(array, NULL), "a", 1);
    field_add_object(array, NULL);
    field_set_text(field_add_object(object, "object"), "b", "[");
    assert_line(object, "{\"array\":[{\"a\":1},{}],\"object\":{\"b\":\"[\"}}");
}

static void seconds_have_no_more_digits_than_are_meant(void **state)
{
    (void)state;
    static const struct {
        double seconds;
        const char *text;
    } cases[] = {
        {0, "{\"s\":0.0}"},
        {1.5, "{\"s\":1.5}"},
        {0.1 + 0.2, "{\"s\":0.3}"},
        {0.0000004, "{\"s\":0.0}"},
        {0.8123456789, "{\"s\":0.812346}"},
        {9.9999999, "{\"s\":10.0}"},
        {1732312345.678, "{\"s\":1732312345.678}"},
        {-0.25, "{\"s\":-0.25}"}, /* the clock may be set back */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *object = json_object();
        field_set_seconds(object, "s", cases[i].seconds);
        assert_line(object, cases[i].text);
    }
}

static void a_string_of_any_bytes_is_made_valid(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        const char *text;
    } cases[] = {
        {"", ""},
        {"plain", "plain"},
        {"\xe8\xa5\xb7 gr\xc3\xbc\xc3\x9f \xf0\x9f\x8f\x83",
         "\xe8\xa5\xb7 gr\xc3\xbc\xc3\x9f \xf0\x9f\x8f\x83"},
        {"\xa5\xb7 cut in front", "\xef\xbf\xbd\xef\xbf\xbd cut in front"},
        {"cut behind \xe8\xa5", "cut behind \xef\xbf\xbd\xef\xbf\xbd"},
        {"cut behind \xf0\x9f\x8f", "cut behind \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"latin1 gr\xfc\xdf", "latin1 gr\xef\xbf\xbd\xef\xbf\xbd"},
        {"overlong \xc0\xaf", "overlong \xef\xbf\xbd\xef\xbf\xbd"},
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xff\xfe", "\xef\xbf\xbd\xef\xbf\xbd"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *object = json_object();
        field_set_text(object, "text", cases[i].bytes);
        assert_string_equal(field_text(object, "text", ""), cases[i].text);
        json_decref(object);
    }
}

static void what_is_missing_reads_as_said(void **state)
{
    (void)state;
    json_t *object = json_pack("{s:s, s:i}", "text", "words", "number", 3);
    assert_int_equal(field_number(object, "number", -1), 3);
    assert_int_equal(field_number(object, "text", -1), -1);
    assert_int_equal(field_number(NULL, "number", -1), -1);
    assert_true(field_seconds(object, "number", -1) > 2.9);
    assert_string_equal(field_text(object, "number", "missing"), "missing");
    json_decref(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_whole_or_unknown),
        cmocka_unit_test(objects_and_arrays_may_contain_each_other),
        cmocka_unit_test(seconds_have_no_more_digits_than_are_meant),
        cmocka_unit_test(a_string_of_any_bytes_is_made_valid),
        cmocka_unit_test(what_is_missing_reads_as_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
