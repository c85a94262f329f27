/*
 * JSON under construction: its form, its numbers, and that any bytes make valid JSON. What is made
 * is read back by jansson, which somebody else wrote.
 */
#include "json_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

static void assert_json(struct json_text *json, const char *expected)
{
    assert_string_equal(json_text_line(json), expected);
    assert_int_equal(json->length, strlen(expected));
    json_text_free(json);
}

static void objects_and_arrays_may_contain_each_other(void **state)
{
    (void)state;
    struct json_text json = {.length = 0};
    json_text_open(&json, NULL, '{');
    json_text_open(&json, "empty", '[');
    json_text_close(&json, ']');
    json_text_open(&json, "full", '[');
    json_text_number(&json, NULL, 1);
    json_text_string(&json, NULL, "[");
    json_text_open(&json, NULL, '{');
    json_text_close(&json, '}');
    json_text_open(&json, NULL, '{');
    json_text_bool(&json, "yes", true);
    json_text_bool(&json, "no", false);
    json_text_close(&json, '}');
    json_text_close(&json, ']');
    json_text_null(&json, "last");
    json_text_close(&json, '}');
    assert_json(&json, "{\"empty\":[],\"full\":[1,\"[\",{},{\"yes\":true,\"no\":false}],"
                       "\"last\":null}");
}

static void numbers_are_whole_or_unknown(void **state)
{
    (void)state;
    struct json_text json = {.length = 0};
    json_text_open(&json, NULL, '[');
    json_text_number(&json, NULL, INT64_MAX);
    json_text_number(&json, NULL, INT64_MIN);
    json_text_known(&json, NULL, 0);
    json_text_known(&json, NULL, -1);
    json_text_close(&json, ']');
    assert_json(&json, "[9223372036854775807,-9223372036854775808,0,null]");
}

static void seconds_are_told_to_the_microsecond(void **state)
{
    (void)state;
    static const struct {
        double seconds;
        const char *text;
    } cases[] = {
        {0, "0.0"},
        {1.5, "1.5"},
        {0.0000004, "0.0"},
        {0.0000005, "0.000001"},
        {0.8123456789, "0.812346"},
        {9.9999999, "10.0"},
        {100, "100.0"},
        {1732312345.678, "1732312345.678"},
        {1732312345.000001, "1732312345.000001"},
        {-0.25, "-0.25"}, /* the clock may be set back */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct json_text json = {.length = 0};
        json_text_seconds(&json, NULL, cases[i].seconds);
        assert_json(&json, cases[i].text);
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
        struct json_text json = {.length = 0};
        json_text_string(&json, NULL, cases[i].bytes);
        json_t *string = json_loads(json_text_line(&json), JSON_DECODE_ANY, NULL);
        assert_string_equal(json_string_value(string), cases[i].text);
        json_decref(string);
        json_text_free(&json);
    }
}

static void every_character_comes_back(void **state)
{
    (void)state;
    char text[256];
    for (int i = 1; i < 128; i++) {
        text[i - 1] = (char)i;
    }
    text[127] = '\0';
    struct json_text json = {.length = 0};
    json_text_string(&json, NULL, text);
    json_t *string = json_loads(json_text_line(&json), JSON_DECODE_ANY, NULL);
    assert_string_equal(json_string_value(string), text);
    json_decref(string);
    json_text_free(&json);
}

static void no_string_is_null(void **state)
{
    (void)state;
    struct json_text json = {.length = 0};
    json_text_open(&json, NULL, '{');
    json_text_string(&json, "text", NULL);
    json_text_close(&json, '}');
    assert_json(&json, "{\"text\":null}");
}

static void without_memory_there_is_no_line(void **state)
{
    (void)state;
    struct json_text json = {.length = 0};
    json_text_open(&json, NULL, '[');
    json.has_failed = true;
    json_text_string(&json, NULL, "text");
    json_text_close(&json, ']');
    assert_null(json_text_line(&json));
    json_text_free(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_and_arrays_may_contain_each_other),
        cmocka_unit_test(numbers_are_whole_or_unknown),
        cmocka_unit_test(seconds_are_told_to_the_microsecond),
        cmocka_unit_test(a_string_of_any_bytes_is_made_valid),
        cmocka_unit_test(every_character_comes_back),
        cmocka_unit_test(no_string_is_null),
        cmocka_unit_test(without_memory_there_is_no_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
