/*
 * Signals by name and by number.
 */
#include "signal_name.h"

#include "scratch.h"

#include <ctype.h>
#include <signal.h>

/* The table of the program itself, so that no signal in it goes untested. */
static const struct {
    const char *name;
    int number;
} signals[] = {
#define SIGNAL(name) {#name, SIG##name},
#include "signal_table.h"
#undef SIGNAL
};

static void assert_signal(const char *text, int expected)
{
    struct error error;
    int number = signal_parse(text, &error);
    if (number != expected) {
        fail_msg("'%s' is %d, expected %d", text, number, expected);
    }
}

static void every_signal_is_known_with_and_without_sig_in_any_case(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        char text[32];
        assert_signal(signals[i].name, signals[i].number);
        snprintf(text, sizeof text, "SIG%s", signals[i].name);
        assert_signal(text, signals[i].number);
        for (char *at = text; *at != '\0'; at++) {
            *at = (char)tolower((unsigned char)*at);
        }
        assert_signal(text, signals[i].number);
        text[3] = (char)toupper((unsigned char)text[3]);
        assert_signal(text, signals[i].number);
        assert_string_equal(signal_name(signals[i].number), signals[i].name);
    }
}

static void numbers_and_real_time_signals_are_known(void **state)
{
    (void)state;
    assert_signal("1", SIGHUP);
    assert_signal("15", SIGTERM);
    assert_signal("015", SIGTERM);
    assert_signal("RTMIN", SIGRTMIN);
    assert_signal("SIGRTMIN", SIGRTMIN);
    assert_signal("rtmin+3", SIGRTMIN + 3);
    assert_signal("SIGRTMIN+0", SIGRTMIN);
    assert_signal("RTMAX", SIGRTMAX);
    assert_signal("sigrtmax-2", SIGRTMAX - 2);
    char text[16];
    snprintf(text, sizeof text, "RTMIN+%d", SIGRTMAX - SIGRTMIN);
    assert_signal(text, SIGRTMAX);
    snprintf(text, sizeof text, "%d", SIGRTMAX);
    assert_signal(text, SIGRTMAX);
}

static void anything_else_is_refused_and_said(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        " ",
                                        "SIG",
                                        "TERMINATE",
                                        "TER",
                                        "SIGSIGTERM",
                                        "0",
                                        "-1",
                                        "-9",
                                        "+9",
                                        "9x",
                                        "9 ",
                                        " 9",
                                        "SIG9",
                                        "65",
                                        "1000",
                                        "99999999999999999999",
                                        "RTMIN-1",
                                        "RTMAX+1",
                                        "RTMIN+",
                                        "RTMIN+x",
                                        "RTMIN3",
                                        "RTMIN+1000",
                                        "RTMAX-99",
                                        "RTMIN+99999999999999999999",
                                        "RTMIN+ 1",
                                        "RTMIN++1",
                                        "RTMIN+-1",
                                        "TERM ",
                                        "signal"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct error error = {""};
        int number = signal_parse(texts[i], &error);
        if (number != -1) {
            fail_msg("'%s' was taken for %d", texts[i], number);
        }
        assert_text_has(error.text, "expected a signal");
        assert_text_has(error.text, texts[i]);
    }
}

static void a_real_time_signal_is_named_as_it_is_written(void **state)
{
    (void)state;
    assert_string_equal(signal_name(SIGRTMIN), "RTMIN");
    for (int signal = SIGRTMIN; signal <= SIGRTMAX; signal++) {
        assert_int_equal(signal_parse(signal_name(signal), NULL), signal);
    }
}

static void a_number_without_a_name_still_has_a_word(void **state)
{
    (void)state;
    assert_string_equal(signal_name(0), "signal");
    assert_string_equal(signal_name(-1), "signal");
    assert_string_equal(signal_name(SIGRTMAX + 1), "signal");
    assert_string_equal(signal_name(4096), "signal");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_signal_is_known_with_and_without_sig_in_any_case),
        cmocka_unit_test(numbers_and_real_time_signals_are_known),
        cmocka_unit_test(anything_else_is_refused_and_said),
        cmocka_unit_test(a_real_time_signal_is_named_as_it_is_written),
        cmocka_unit_test(a_number_without_a_name_still_has_a_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
