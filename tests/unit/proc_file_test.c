/*
 * The small files of /proc.
 */
#include "proc_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void a_file_is_read_as_text(void **state)
{
    (void)state;
    char text[512];
    char begin[32];
    snprintf(begin, sizeof begin, "%d (", (int)getpid());
    ssize_t length = proc_file_read(getpid(), "stat", text, sizeof text);
    assert_true(length > 0);
    assert_int_equal(strlen(text), length);
    assert_memory_equal(text, begin, strlen(begin));
}

static void a_longer_file_is_cut_short(void **state)
{
    (void)state;
    char text[8];
    memset(text, 'x', sizeof text);
    assert_int_equal(proc_file_read(getpid(), "status", text, sizeof text), 7);
    assert_string_equal(text, "Name:\tp");
}

static void what_is_not_there_is_said(void **state)
{
    (void)state;
    char text[8];
    assert_int_equal(proc_file_read(getpid(), "no-such-file", text, sizeof text), -1);
    assert_int_equal(proc_file_read(0x7fffffff, "stat", text, sizeof text), -1);
}

static void a_number_may_stand_behind_blanks(void **state)
{
    (void)state;
    assert_int_equal(proc_file_number("17 4"), 17);
    assert_int_equal(proc_file_number("        1234 kB\n"), 1234);
    assert_int_equal(proc_file_number("0"), 0);
    assert_int_equal(proc_file_number("kB"), -1);
    assert_int_equal(proc_file_number("-1"), -1);
    assert_int_equal(proc_file_number(""), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read_as_text),
        cmocka_unit_test(a_longer_file_is_cut_short),
        cmocka_unit_test(what_is_not_there_is_said),
        cmocka_unit_test(a_number_may_stand_behind_blanks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
