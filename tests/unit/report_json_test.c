/*
 * Reports as JSON: which fields each has.
 */
#include "report_json.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <jansson.h>

#define NOW 1732312345.678

static void assert_json(struct json_text *json, const char *expected)
{
    assert_string_equal(json_text_line(json), expected);
    json_text_free(json);
}

static void assert_report(struct lifecycle_action action, double age, const char *expected)
{
    struct json_text json = {.length = 0};
    action.kind = ACTION_REPORT;
    report_to_json(&json, &action, NOW, age);
    assert_json(&json, expected);
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
    char expected[200];
    snprintf(expected, sizeof expected,
             "{\"event\":\"deploy-failed\",\"time\":1732312345.678,\"deploy\":7,"
             "\"reason\":\"%s\"}",
             deploy_failure_text(FAILURE_DIED));
    assert_report(action, -1, expected);
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
        struct json_text json = {.length = 0};
        report_to_json(&json, &action, NOW, 0);
        json_t *object = json_loads(json_text_line(&json), JSON_REJECT_DUPLICATES, NULL);
        json_text_free(&json);
        assert_non_null(object);
        assert_true(json_string_length(json_object_get(object, "event")) > 0);
        assert_true(json_is_real(json_object_get(object, "time")));
        json_decref(object);
    }
}

static void what_workers_are_doing(void **state)
{
    (void)state;
    struct json_text json = {.length = 0};
    report_worker_status(&json, 4, 1234, "loading\xff", NOW);
    assert_json(&json, "{\"event\":\"worker-status\",\"time\":1732312345.678,\"generation\":4,"
                       "\"pid\":1234,\"text\":\"loading\xef\xbf\xbd\"}");
    report_draining(&json, 3, 1100, 12, NOW);
    assert_json(&json, "{\"event\":\"draining\",\"time\":1732312345.678,\"generation\":3,"
                       "\"pid\":1100,\"connections\":12}");
    report_draining(&json, 3, 1100, -1, NOW);
    assert_json(&json, "{\"event\":\"draining\",\"time\":1732312345.678,\"generation\":3,"
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
        cmocka_unit_test(what_workers_are_doing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
