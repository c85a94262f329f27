/*
 * Reports: which fields each has as an event and as variables, and what it says.
 */
#include "report.h"

#include "json_field.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>
#include <jansson.h>

#define NOW 1732312345.678

static void assert_event(const struct report *report, const char *expected)
{
    json_t *event = report_to_json(report, NOW);
    char *line = json_line(event);
    assert_string_equal(line, expected);
    free(line);
    json_decref(event);
}

static void assert_report(struct lifecycle_action action, const char *expected)
{
    const struct report report = report_of(&action);
    assert_event(&report, expected);
}

static void assert_sentence(struct lifecycle_action action, const char *expected)
{
    char sentence[REPORT_SENTENCE_SIZE];
    const struct report report = report_of(&action);
    assert_string_equal(report_sentence(&report, sentence, sizeof sentence), expected);
}

static void a_worker_that_starts_and_becomes_ready(void **state)
{
    (void)state;
    struct lifecycle_action action = {.report = REPORT_SPAWNED, .generation = 4, .pid = 1234};
    assert_report(action, "{\"event\":\"spawned\",\"time\":1732312345.678,\"generation\":4,"
                          "\"pid\":1234}");
    action.report = REPORT_READY;
    action.ms = 812;
    assert_report(action, "{\"event\":\"ready\",\"time\":1732312345.678,\"generation\":4,"
                          "\"pid\":1234,\"seconds\":0.812}");
}

static void a_worker_that_dies_by_itself_or_by_a_signal(void **state)
{
    (void)state;
    struct lifecycle_action action = {
        .report = REPORT_START_FAILED, .generation = 4, .pid = 1234, .status = 3 << 8};
    assert_report(action, "{\"event\":\"start-failed\",\"time\":1732312345.678,\"generation\":4,"
                          "\"pid\":1234,\"exit_status\":3}");
    action.report = REPORT_CRASHED;
    action.status = SIGSEGV;
    assert_report(action, "{\"event\":\"crashed\",\"time\":1732312345.678,\"generation\":4,"
                          "\"pid\":1234,\"signal\":\"SEGV\"}");
    action.status = SIGSEGV | WCOREFLAG;
    assert_report(action, "{\"event\":\"crashed\",\"time\":1732312345.678,\"generation\":4,"
                          "\"pid\":1234,\"signal\":\"SEGV\",\"core_dumped\":true}");
    assert_sentence(action,
                    "generation 4: worker 1234 was killed unexpectedly (SEGV, core dumped)");
}

static void a_deploy_from_its_start_to_its_end(void **state)
{
    (void)state;
    struct lifecycle_action action = {.deploy = 7, .generation = 4, .cause = CAUSE_TIME};
    action.report = REPORT_DEPLOY_STARTED;
    assert_report(action, "{\"event\":\"deploy-started\",\"time\":1732312345.678,\"deploy\":7,"
                          "\"cause\":\"time\"}");
    action.report = REPORT_DEPLOY_SUCCEEDED;
    assert_report(action, "{\"event\":\"deploy-succeeded\",\"time\":1732312345.678,"
                          "\"deploy\":7,\"generation\":4}");
    action.report = REPORT_DEPLOY_FAILED;
    action.reason = FAILURE_DIED;
    char expected[200];
    snprintf(expected, sizeof expected,
             "{\"event\":\"deploy-failed\",\"time\":1732312345.678,\"deploy\":7,"
             "\"reason\":\"%s\"}",
             deploy_failure_text(FAILURE_DIED));
    assert_report(action, expected);
}

static void durations_are_seconds(void **state)
{
    (void)state;
    struct lifecycle_action action = {.report = REPORT_PAUSED, .ms = 1500};
    assert_report(action, "{\"event\":\"paused\",\"time\":1732312345.678,\"seconds\":1.5}");
}

/* What the client reads is what the supervisor wrote, and both say the same. */
static void every_kind_comes_back_from_its_event(void **state)
{
    (void)state;
    for (size_t i = 0; report_kind_at(i) != NULL; i++) {
        const struct report_kind *kind = report_kind_at(i);
        const struct report report = {.kind = kind,
                                      .generation = 4,
                                      .pid = 1234,
                                      .deploy = 7,
                                      .exit_status = 3,
                                      .connections = 2,
                                      .seconds = 1.5,
                                      .cause = "time",
                                      .reason = "the check failed",
                                      .text = "loading"};
        char said[REPORT_SENTENCE_SIZE];
        char read[REPORT_SENTENCE_SIZE];
        json_t *event = report_to_json(&report, NOW);
        const struct report back = report_from_json(event);
        assert_ptr_equal(back.kind, kind);
        report_sentence(&report, said, sizeof said);
        assert_string_equal(report_sentence(&back, read, sizeof read), said);
        assert_true(strlen(said) > 0);
        assert_null(strpbrk(said, "{}"));
        json_decref(event);
    }
}

static void every_report_of_the_lifecycle_has_a_kind(void **state)
{
    (void)state;
    for (int id = REPORT_SPAWNED; id <= REPORT_STOP_OVERDUE; id++) {
        const struct lifecycle_action action = {.report = (enum lifecycle_report)id};
        const struct report report = report_of(&action);
        assert_non_null(report.kind);
        assert_int_equal(report.kind->id, id);
    }
}

static void an_event_of_a_newer_supervisor_has_no_kind(void **state)
{
    (void)state;
    json_t *event = json_pack("{s:s, s:i}", "event", "invented", "generation", 4);
    assert_null(report_from_json(event).kind);
    json_decref(event);
}

static void what_workers_are_doing(void **state)
{
    (void)state;
    struct report report = report_worker_status(4, 1234, "loading\xff");
    assert_event(&report, "{\"event\":\"worker-status\",\"time\":1732312345.678,\"generation\":4,"
                          "\"pid\":1234,\"text\":\"loading\xef\xbf\xbd\"}");
    report = report_draining(3, 1100, 12);
    assert_event(&report, "{\"event\":\"draining\",\"time\":1732312345.678,\"generation\":3,"
                          "\"pid\":1100,\"connections\":12}");
    report = report_draining(3, 1100, -1);
    assert_event(&report, "{\"event\":\"draining\",\"time\":1732312345.678,\"generation\":3,"
                          "\"pid\":1100,\"connections\":null}");
}

static void sentences_say_how_it_went(void **state)
{
    (void)state;
    struct lifecycle_action action = {.report = REPORT_CRASHED, .generation = 4, .pid = 1234};
    assert_sentence(action, "generation 4: worker 1234 exited unexpectedly (status 0)");
    action.status = SIGSEGV;
    assert_sentence(action, "generation 4: worker 1234 was killed unexpectedly (SEGV)");
    action.report = REPORT_LEFT;
    assert_sentence(action, "generation 4: worker 1234 was killed by SEGV");
    action = (struct lifecycle_action){.report = REPORT_RETIRING, .generation = 5, .ms = 1500};
    assert_sentence(action, "generation 5 is serving; signalling older workers in 1.500 s");
    action.ms = 0;
    assert_sentence(action, "generation 5 is serving; signalling older workers now");
    action = (struct lifecycle_action){.report = REPORT_DEPLOY_STARTED, .deploy = 7};
    assert_sentence(action, "deploy 7 started");
    action.cause = CAUSE_WATCHDOG;
    assert_sentence(action, "deploy 7 started by the watchdog");
    action.cause = CAUSE_CHANGE;
    action.path = "app.rb";
    assert_sentence(action, "deploy 7 started by a change of app.rb");
}

static void assert_variable(const struct environment *environment, const char *name,
                            const char *expected)
{
    const char *value = environment_get(environment, name);
    if (expected == NULL) {
        assert_null(value);
    } else {
        assert_string_equal(value, expected);
    }
}

static void variables_are_those_that_apply(void **state)
{
    (void)state;
    struct error error;
    struct environment environment;
    char *const inherited[] = {"TASUKI_REASON=of somebody else", "HOME=/", NULL};
    assert_int_equal(environment_copy(&environment, inherited, &error), 0);
    const struct lifecycle_action action = {
        .report = REPORT_CRASHED, .generation = 4, .pid = 1234, .deploy = 7, .status = 0};
    const struct report report = report_of(&action);
    assert_true(report.kind->is_hooked);
    assert_int_equal(report_to_environment(&report, &environment, &error), 0);
    assert_variable(&environment, "TASUKI_EVENT", "crashed");
    assert_variable(&environment, "TASUKI_GENERATION", "4");
    assert_variable(&environment, "TASUKI_PID", "1234");
    assert_variable(&environment, "TASUKI_STATUS", "0");
    assert_variable(&environment, "TASUKI_SIGNAL", NULL);
    assert_variable(&environment, "TASUKI_DEPLOY", NULL);
    assert_variable(&environment, "TASUKI_REASON", NULL);
    assert_variable(&environment, "HOME", "/");
    environment_free(&environment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_that_starts_and_becomes_ready),
        cmocka_unit_test(a_worker_that_dies_by_itself_or_by_a_signal),
        cmocka_unit_test(a_deploy_from_its_start_to_its_end),
        cmocka_unit_test(durations_are_seconds),
        cmocka_unit_test(every_kind_comes_back_from_its_event),
        cmocka_unit_test(every_report_of_the_lifecycle_has_a_kind),
        cmocka_unit_test(an_event_of_a_newer_supervisor_has_no_kind),
        cmocka_unit_test(what_workers_are_doing),
        cmocka_unit_test(sentences_say_how_it_went),
        cmocka_unit_test(variables_are_those_that_apply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
