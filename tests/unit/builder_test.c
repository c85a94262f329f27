/*
 * Text under construction: one that grows, and one in a buffer.
 */
#include "builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_text_grows_as_it_needs(void **state)
{
    (void)state;
    AUTO_BUILDER struct builder builder = {.length = 0};
    assert_string_equal(builder_text(&builder), "");
    for (int i = 0; i < 1000; i++) {
        builder_add(&builder, "%03d", i);
        builder_add_bytes(&builder, ";;", 1);
    }
    assert_int_equal(builder.length, 4000);
    assert_int_equal(strlen(builder_text(&builder)), 4000);
    assert_memory_equal(builder_text(&builder) + 3996, "999;", 5);
    assert_true(builder_is_whole(&builder));
}

static void nothing_comes_after_what_did_not_fit(void **state)
{
    (void)state;
    char buffer[8];
    struct builder builder = builder_in(buffer, sizeof buffer);
    builder_add(&builder, "%s", "12345");
    builder_add_bytes(&builder, "678", 3); /* all or nothing */
    builder_add(&builder, "9");
    assert_string_equal(buffer, "12345");
    assert_false(builder_is_whole(&builder));
    builder_free(&builder); /* the buffer is not its own */
}

static void formatted_text_is_cut(void **state)
{
    (void)state;
    char buffer[8];
    struct builder builder = builder_in(buffer, sizeof buffer);
    builder_add(&builder, "%s", "123456789");
    assert_string_equal(buffer, "1234567");
    assert_int_equal(builder.length, 7);
    assert_false(builder_is_whole(&builder));
}

static void a_buffer_can_be_full_and_whole(void **state)
{
    (void)state;
    char buffer[4];
    struct builder builder = builder_in(buffer, sizeof buffer);
    builder_add(&builder, "1");
    builder_add_bytes(&builder, "23", 2);
    assert_string_equal(buffer, "123");
    assert_true(builder_is_whole(&builder));
}

static void an_end_that_was_kept_back_comes_after_a_cut(void **state)
{
    (void)state;
    char buffer[8];
    struct builder builder = builder_in(buffer, sizeof buffer);
    builder_keep_back(&builder, 2);
    builder_add(&builder, "%s", "123456789");
    builder_give_back(&builder, 2);
    builder_add(&builder, "\"}");
    assert_string_equal(buffer, "12345\"}");
}

static void a_front_that_was_used_goes(void **state)
{
    (void)state;
    AUTO_BUILDER struct builder builder = {.length = 0};
    builder_drop_front(&builder, 0);
    builder_add(&builder, "one two");
    builder_drop_front(&builder, 4);
    assert_string_equal(builder_text(&builder), "two");
    builder_add(&builder, " three");
    assert_string_equal(builder_text(&builder), "two three");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_grows_as_it_needs),
        cmocka_unit_test(nothing_comes_after_what_did_not_fit),
        cmocka_unit_test(formatted_text_is_cut),
        cmocka_unit_test(a_buffer_can_be_full_and_whole),
        cmocka_unit_test(an_end_that_was_kept_back_comes_after_a_cut),
        cmocka_unit_test(a_front_that_was_used_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
