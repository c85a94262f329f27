/* Facts through a pipe: what makes sense arrives as it was, what does not is the end. */
#include "fact.h"

#include "adoption.h"
#include "duration.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define LISTENERS 2

static int ends[2];

static int open_pipe(void **state)
{
    (void)state;
    return pipe2(ends, O_CLOEXEC | O_NONBLOCK);
}

static int close_pipe(void **state)
{
    (void)state;
    close(ends[0]);
    return ends[1] >= 0 ? close(ends[1]) : 0;
}

/* What becomes of a fact that was sent. */
static int hand_over(struct fact sent, struct fact *got)
{
    assert_int_equal(fact_send(ends[1], &sent), 0);
    return fact_receive(ends[0], LISTENERS, got);
}

static void a_fact_arrives_as_it_was(void **state)
{
    (void)state;
    struct fact got;
    assert_int_equal(hand_over((struct fact){.kind = FACT_TOOK,
                                             .process = 12,
                                             .listener = LISTENERS - 1,
                                             .asked = NONBLOCKING},
                               &got),
                     1);
    assert_int_equal(got.kind, FACT_TOOK);
    assert_int_equal(got.process, 12);
    assert_int_equal(got.listener, LISTENERS - 1);
    assert_int_equal(got.asked, NONBLOCKING);
    assert_int_equal(hand_over((struct fact){.kind = FACT_EXTEND, .ms = DURATION_MAX_MS}, &got), 1);
    assert_true(got.ms == DURATION_MAX_MS);
}

static void none_and_the_end_are_told_apart(void **state)
{
    (void)state;
    struct fact got;
    assert_int_equal(fact_receive(ends[0], LISTENERS, &got), 0);
    close(ends[1]);
    ends[1] = -1;
    assert_int_equal(fact_receive(ends[0], LISTENERS, &got), -1);
}

static void what_makes_no_sense_is_the_end(void **state)
{
    (void)state;
    const struct fact bad[] = {
        {.kind = 0},
        {.kind = FACT_KINDS},
        {.kind = UINT32_MAX},
        {.kind = FACT_TOOK, .listener = LISTENERS},
        {.kind = FACT_BLIND, .listener = UINT32_MAX},
        {.kind = FACT_TOOK, .asked = NONBLOCKING + 1},
        {.kind = FACT_READY, .process = -1},
        {.kind = FACT_EXTEND, .ms = -1},
        {.kind = FACT_EXTEND, .ms = DURATION_MAX_MS + 1},
    };
    struct fact got;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(hand_over(bad[i], &got), -1);
    }
    assert_int_equal(write(ends[1], "short", 5), 5);
    assert_int_equal(fact_receive(ends[0], LISTENERS, &got), -1);
}

static void a_text_is_one_line_whatever_was_sent(void **state)
{
    (void)state;
    struct fact got;
    struct fact sent = {.kind = FACT_STATUS};
    memset(sent.text, 'x', sizeof sent.text); /* no NUL at all */
    memcpy(sent.text, "a\nb\033[2J\xFF", 8);
    assert_int_equal(hand_over(sent, &got), 1);
    assert_memory_equal(got.text, "a b [2J\xEF\xBF\xBDx", 11);
    assert_true(strlen(got.text) < sizeof got.text);
}

static void nobody_who_reads_is_told(void **state)
{
    (void)state;
    close(ends[0]);
    ends[0] = ends[1];
    ends[1] = -1;
    assert_int_equal(fact_send(ends[0], &(struct fact){.kind = FACT_READY}), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_fact_arrives_as_it_was, open_pipe, close_pipe),
        cmocka_unit_test_setup_teardown(none_and_the_end_are_told_apart, open_pipe, close_pipe),
        cmocka_unit_test_setup_teardown(what_makes_no_sense_is_the_end, open_pipe, close_pipe),
        cmocka_unit_test_setup_teardown(a_text_is_one_line_whatever_was_sent, open_pipe,
                                        close_pipe),
        cmocka_unit_test_setup_teardown(nobody_who_reads_is_told, open_pipe, close_pipe),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
