/*
 * How a line of the supervisor's looks, for every way that it can go.
 */
#include "log_format.h"

#include "scratch.h"

#include <jansson.h>
#include <syslog.h>

/* 2026-03-01 12:00:00.250 UTC */
#define WHEN                                                                                       \
    {                                                                                              \
        .tv_sec = 1772366400, .tv_nsec = 250999999                                                 \
    }

static struct log_layout layout_of(enum log_format format, enum log_sink sink)
{
    return (struct log_layout){.format = format,
                               .sink = sink,
                               .program = "tasuki",
                               .supervisor = 42,
                               .facility = LOG_LOCAL3,
                               .tag = "shop"};
}

static struct log_record record_of(enum log_level level, const char *message)
{
    return (struct log_record){
        .level = level, .time = WHEN, .message = message, .length = strlen(message)};
}

/* The line with a NUL behind it. */
static const char *format(enum log_format format, enum log_sink sink,
                          const struct log_record *record)
{
    static char line[LOG_LINE_MAX + 1];
    const struct log_layout layout = layout_of(format, sink);
    line[log_format_line(&layout, record, line)] = '\0';
    return line;
}

static const char *format_text(enum log_sink sink, enum log_level level, const char *message)
{
    const struct log_record record = record_of(level, message);
    return format(LOG_FORMAT_TEXT, sink, &record);
}

static void set_zone(const char *zone)
{
    setenv("TZ", zone, 1);
    tzset();
}

static void a_line_of_text_has_time_name_and_level(void **state)
{
    (void)state;
    set_zone("UTC0");
    assert_string_equal(format_text(LOG_SINK_STREAM, LOG_LEVEL_INFO, "stopping"),
                        "2026-03-01T12:00:00.250Z tasuki[42]: stopping\n");
    assert_string_equal(format_text(LOG_SINK_STREAM, LOG_LEVEL_ERROR, "no"),
                        "2026-03-01T12:00:00.250Z tasuki[42]: error: no\n");
    assert_string_equal(format_text(LOG_SINK_STREAM, LOG_LEVEL_WARNING, "no"),
                        "2026-03-01T12:00:00.250Z tasuki[42]: warning: no\n");
    assert_string_equal(format_text(LOG_SINK_STREAM, LOG_LEVEL_DEBUG, "no"),
                        "2026-03-01T12:00:00.250Z tasuki[42]: debug: no\n");
}

static void the_time_is_utc_on_every_day(void **state)
{
    (void)state;
    const time_t day = 86400;
    set_zone("JST-9");
    for (time_t seconds = 0; seconds < 150 * 366 * day; seconds += day - 1) {
        struct log_record record = record_of(LOG_LEVEL_INFO, "x");
        record.time = (struct timespec){.tv_sec = seconds, .tv_nsec = 7000000};
        char expected[64];
        struct tm utc;
        gmtime_r(&seconds, &utc);
        strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S.007Z tasuki[42]: x\n", &utc);
        assert_string_equal(format(LOG_FORMAT_TEXT, LOG_SINK_STREAM, &record), expected);
    }
    set_zone("UTC0");
}

static void the_journal_gets_a_priority_and_no_time(void **state)
{
    (void)state;
    assert_string_equal(format_text(LOG_SINK_JOURNAL, LOG_LEVEL_ERROR, "x"), "<3>error: x\n");
    assert_string_equal(format_text(LOG_SINK_JOURNAL, LOG_LEVEL_WARNING, "x"), "<4>warning: x\n");
    assert_string_equal(format_text(LOG_SINK_JOURNAL, LOG_LEVEL_INFO, "x"), "<6>x\n");
    assert_string_equal(format_text(LOG_SINK_JOURNAL, LOG_LEVEL_DEBUG, "x"), "<7>debug: x\n");
}

static void syslog_gets_facility_time_and_tag_and_no_newline(void **state)
{
    (void)state;
    set_zone("UTC0");
    assert_string_equal(format_text(LOG_SINK_SYSLOG, LOG_LEVEL_INFO, "x"),
                        "<158>Mar  1 12:00:00 shop[42]: x");
    assert_string_equal(format_text(LOG_SINK_SYSLOG, LOG_LEVEL_ERROR, "x"),
                        "<155>Mar  1 12:00:00 shop[42]: error: x");
}

static void a_terminal_gets_colours_that_end_with_the_line(void **state)
{
    (void)state;
    set_zone("UTC0");
    assert_string_equal(format_text(LOG_SINK_TERMINAL, LOG_LEVEL_ERROR, "x"),
                        "\033[2m2026-03-01T12:00:00.250Z tasuki[42]: \033[0m"
                        "\033[31merror: x\033[0m\n");
    assert_string_equal(format_text(LOG_SINK_TERMINAL, LOG_LEVEL_INFO, "x"),
                        "\033[2m2026-03-01T12:00:00.250Z tasuki[42]: \033[0mx\033[0m\n");
}

static void controls_are_shown_and_not_obeyed(void **state)
{
    (void)state;
    assert_string_equal(format_text(LOG_SINK_JOURNAL, LOG_LEVEL_INFO, "a\tb\033[2Jc\rd\x7F"),
                        "<6>a\tb\\x1b[2Jc\\x0dd\\x7f\n");
}

static void an_object_has_the_facts_that_are_known(void **state)
{
    (void)state;
    set_zone("UTC0");
    struct log_record record = record_of(LOG_LEVEL_INFO, "generation 7: worker 9 started");
    assert_string_equal(format(LOG_FORMAT_JSON, LOG_SINK_STREAM, &record),
                        "{\"time\":\"2026-03-01T12:00:00.250Z\",\"supervisor\":42,"
                        "\"level\":\"info\",\"message\":\"generation 7: worker 9 started\"}\n");
    record.facts = (struct log_facts){.event = "spawned", .generation = UINT64_MAX, .pid = 9};
    assert_string_equal(format(LOG_FORMAT_JSON, LOG_SINK_JOURNAL, &record),
                        "<6>{\"time\":\"2026-03-01T12:00:00.250Z\",\"supervisor\":42,"
                        "\"level\":\"info\",\"event\":\"spawned\","
                        "\"generation\":18446744073709551615,\"pid\":9,"
                        "\"message\":\"generation 7: worker 9 started\"}\n");
}

/* What jansson reads out of the object's message. */
static void assert_message(const struct log_record *record, const char *expected)
{
    const char *line = format(LOG_FORMAT_JSON, LOG_SINK_TERMINAL, record);
    json_error_t error;
    json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, &error);
    assert_non_null(object);
    assert_string_equal(json_string_value(json_object_get(object, "message")), expected);
    json_decref(object);
}

static void every_message_is_valid_in_an_object(void **state)
{
    (void)state;
    static const struct {
        const char *message;
        const char *expected;
    } rows[] = {
        {"", ""},
        {"\"quoted\" \\ back", "\"quoted\" \\ back"},
        {"tab\tbell\a escape\033 delete\x7F", "tab\tbell\a escape\033 delete\x7F"},
        {"\xE8\xA5\xB7 \xF0\x9F\x8F\x83", "\xE8\xA5\xB7 \xF0\x9F\x8F\x83"},
        {"bad \xFF cut \xE8\xA5", "bad \xEF\xBF\xBD cut \xEF\xBF\xBD\xEF\xBF\xBD"},
        {"overlong \xC0\xAF", "overlong \xEF\xBF\xBD\xEF\xBF\xBD"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct log_record record = record_of(LOG_LEVEL_INFO, rows[i].message);
        assert_message(&record, rows[i].expected);
    }
}

/* Around the limit, with what grows when it is escaped and with what must not be cut in two. */
static void a_message_that_is_too_long_is_cut_and_the_line_stays_whole(void **state)
{
    (void)state;
    static const char *const pieces[] = {"x",    "\"",           "\033",
                                         "\xFF", "\xE8\xA5\xB7", "\xF0\x9F\x8F\x83"};
    static char message[2 * LOG_LINE_MAX];
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        for (size_t shift = 0; shift < 5; shift++) {
            memset(message, 'a', shift);
            size_t length = shift;
            for (; length + 8 < sizeof message; length += strlen(pieces[i])) {
                memcpy(message + length, pieces[i], strlen(pieces[i]));
            }
            const struct log_record record = {.time = WHEN, .message = message, .length = length};
            const char *line = format(LOG_FORMAT_JSON, LOG_SINK_JOURNAL, &record);
            assert_in_range(strlen(line), LOG_LINE_MAX - 32, LOG_LINE_MAX);
            json_t *object = json_loads(strchr(line, '{'), 0, NULL);
            assert_non_null(object);
            json_decref(object);

            line = format(LOG_FORMAT_TEXT, LOG_SINK_TERMINAL, &record);
            assert_in_range(strlen(line), LOG_LINE_MAX - 32, LOG_LINE_MAX);
            assert_string_equal(line + strlen(line) - 5, "\033[0m\n");
        }
    }
}

static void text_is_not_cut_within_a_character(void **state)
{
    (void)state;
    static char message[2 * LOG_LINE_MAX];
    for (size_t shift = 0; shift < 4; shift++) {
        memset(message, 'a', sizeof message);
        for (size_t at = shift; at + 4 <= sizeof message; at += 4) {
            memcpy(message + at, "\xF0\x9F\x8F\x83", 4);
        }
        const struct log_record record = {.message = message, .length = sizeof message};
        const char *line = format(LOG_FORMAT_TEXT, LOG_SINK_JOURNAL, &record);
        assert_int_equal((strlen(line) - strlen("<3>error: \n") - shift) % 4, 0);
        assert_int_equal(line[strlen(line) - 2], (char)0x83);
    }
}

static void a_supervisor_knows_its_own_lines(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        enum log_format form = i == 0 ? LOG_FORMAT_TEXT : LOG_FORMAT_JSON;
        const struct log_record record = record_of(LOG_LEVEL_ERROR, "x");
        struct log_layout layout = layout_of(form, LOG_SINK_STREAM);
        const char *line = format(form, LOG_SINK_STREAM, &record);
        assert_true(log_format_is_own(&layout, line));
        assert_false(log_format_is_own(&layout, line + 1));
        assert_false(log_format_is_own(&layout, "tasuki[42]: x\n"));
        assert_false(log_format_is_own(&layout, ""));
        layout.supervisor = 4;
        assert_false(log_format_is_own(&layout, line));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_of_text_has_time_name_and_level),
        cmocka_unit_test(the_time_is_utc_on_every_day),
        cmocka_unit_test(the_journal_gets_a_priority_and_no_time),
        cmocka_unit_test(syslog_gets_facility_time_and_tag_and_no_newline),
        cmocka_unit_test(a_terminal_gets_colours_that_end_with_the_line),
        cmocka_unit_test(controls_are_shown_and_not_obeyed),
        cmocka_unit_test(an_object_has_the_facts_that_are_known),
        cmocka_unit_test(every_message_is_valid_in_an_object),
        cmocka_unit_test(a_message_that_is_too_long_is_cut_and_the_line_stays_whole),
        cmocka_unit_test(text_is_not_cut_within_a_character),
        cmocka_unit_test(a_supervisor_knows_its_own_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
