/*
 * Reports as JSON: which fields each has, and that any bytes of a worker's make valid JSON.
 */
#include "report_json.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW 1732312345.678

static void assert_json(json_t *object, const char *expected)
{
    assert_non_null(object);
    char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(13));
    assert_string_equal(text, expected);
    free(text);
    json_decref(object);
}

static void assert_report(struct lifecycle_action action, double age, const char *expected)
{
    action.kind = ACTION_REPORT;
    assert_json(report_to_json(&action, NOW, age), expected);
}

static void a_worker_that_starts_and_becomes_ready(void **state)
{
    (void)state;
    struct lifecycle_action action = {.report = REPORT_SPAWNED, .generation = 4, .pid = 1234};
    assert_report(action, 0,
                  "{\"event\":\"spawned\",\"time\":1732312345.678,\"generation\":4,"
                  "\"pid\":1234}");
    action.report = REPORT_READY;
    assert_report(action, 0.8123456789,
                  "{\"event\":\"ready\",\"time\":1732312345.678,\"generation\":4,"
                  "\"pid\":1234,\"seconds\":0.812346}");
    assert_report(action, -1,
                  "{\"event\":\"ready\",\"time\":1732312345.678,\"generation\":4,"
                  "\"pid\":1234}");
}

static void a_worker_that_dies_by_itself_or_by_a_signal(void **state)
{
    (void)state;
    struct lifecycle_action action = {
        .report = REPORT_START_FAILED, .generation = 4, .pid = 1234, .status = 3 << 8};
    assert_report(action, 1,
                  "{\"event\":\"start-failed\",\"time\":1732312345.678,\"generation\":4,"
                  "\"pid\":1234,\"exit_status\":3}");
    action.report = REPORT_CRASHED;
    action.status = SIGSEGV;
    assert_report(action, 1,
                  "{\"event\":\"crashed\",\"time\":1732312345.678,\"generation\":4,"
                  "\"pid\":1234,\"signal\":\"SEGV\"}");
}

static void a_deploy_from_its_start_to_its_end(void **state)
{
    (void)state;
    struct lifecycle_action action = {.deploy = 7, .generation = 4, .cause = CAUSE_TIME};
    action.report = REPORT_DEPLOY_STARTED;
    assert_report(action, -1,
                  "{\"event\":\"deploy-started\",\"time\":1732312345.678,\"deploy\":7,"
                  "\"cause\":\"time\"}");
    action.report = REPORT_DEPLOY_SUCCEEDED;
    assert_report(action, -1,
                  "{\"event\":\"deploy-succeeded\",\"time\":1732312345.678,"
                  "\"deploy\":7,\"generation\":4}");
    action.report = REPORT_DEPLOY_FAILED;
    action.reason = FAILURE_DIED;
    json_t *failed = report_to_json(&action, NOW, -1);
    assert_string_equal(json_string_value(json_object_get(failed, "reason")),
                        deploy_failure_text(FAILURE_DIED));
    json_decref(failed);
}

static void durations_are_seconds(void **state)
{
    (void)state;
    struct lifecycle_action action = {.report = REPORT_PAUSED, .ms = 1500};
    assert_report(action, -1, "{\"event\":\"paused\",\"time\":1732312345.678,\"seconds\":1.5}");
}

/* A report that is added without its fields still says what and when. */
static void every_report_has_a_name_and_a_time(void **state)
{
    (void)state;
    for (int report = REPORT_SPAWNED; report <= REPORT_STOPPING; report++) {
        struct lifecycle_action action = {.report = (enum lifecycle_report)report};
        json_t *object = report_to_json(&action, NOW, 0);
        assert_true(json_string_length(json_object_get(object, "event")) > 0);
        assert_true(json_is_real(json_object_get(object, "time")));
        json_decref(object);
    }
}

static void what_workers_say_is_made_valid(void **state)
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
        json_t *text = report_text(cases[i].bytes);
        assert_string_equal(json_string_value(text), cases[i].text);
        json_decref(text);
    }
    assert_true(json_is_null(report_text(NULL)));
}

static void what_workers_are_doing(void **state)
{
    (void)state;
    assert_json(report_worker_status(4, 1234, "loading\xff", NOW),
                "{\"event\":\"worker-status\",\"time\":1732312345.678,\"generation\":4,"
                "\"pid\":1234,\"text\":\"loading\xef\xbf\xbd\"}");
    assert_json(report_draining(3, 1100, 12, NOW),
                "{\"event\":\"draining\",\"time\":1732312345.678,\"generation\":3,"
                "\"pid\":1100,\"connections\":12}");
    assert_json(report_draining(3, 1100, -1, NOW),
                "{\"event\":\"draining\",\"time\":1732312345.678,\"generation\":3,"
                "\"pid\":1100,\"connections\":null}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_that_starts_and_becomes_ready),
        cmocka_unit_test(a_worker_that_dies_by_itself_or_by_a_signal),
        cmocka_unit_test(a_deploy_from_its_start_to_its_end),
        cmocka_unit_test(durations_are_seconds),
        cmocka_unit_test(every_report_has_a_name_and_a_time),
        cmocka_unit_test(what_workers_say_is_made_valid),
        cmocka_unit_test(what_workers_are_doing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
