/*
 * The files that a service is known by, on a machine that is short of descriptors, memory or space.
 */
#include "faults.h"

#include "log_file.h"
#include "pid_file.h"
#include "status_file.h"
#include "streams.h"

#include <dirent.h>

#define TEXT "1:100\n"

static void assert_only_file(const char *name)
{
    DIR *directory = opendir(".");
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (entry->d_name[0] != '.' && strcmp(entry->d_name, name) != 0) {
            fail_msg("%s is left", entry->d_name);
        }
    }
    closedir(directory);
}

/* --- the status file
 * ------------------------------------------------------------------------------ */

static int write_status(void *context, struct error *error)
{
    struct status_file *file = context;
    int result = status_file_write(file, TEXT, strlen(TEXT), error);
    faults_pause();
    if (result == 0) {
        assert_file_holds("status", TEXT);
    }
    assert_only_file("status");
    faults_resume();
    return result;
}

/* What fails in the middle is tried once more. */
static void a_status_file_is_whole_whatever_fails(void **state)
{
    (void)state;
    struct status_file file = {.path = "status"};
    assert_true(faults_sweep(write_status, &file, "openat write") >= 3);
    status_file_remove(&file);
    assert_missing("status");
}

static void a_status_file_that_cannot_be_written_is_told_and_none_is_left(void **state)
{
    (void)state;
    struct status_file file = {.path = "status"};
    struct error error;
    assert_int_equal(write_status(&file, &error), 0);
    faults_arm_lasting("write", ENOSPC);
    int result = status_file_write(&file, TEXT, strlen(TEXT), &error);
    assert_string_equal(faults_disarm(), "write");
    assert_int_equal(result, -1);
    assert_text_has(error.text, "status");
    assert_text_has(error.text, strerror(ENOSPC));
    assert_only_file("");
    assert_int_equal(write_status(&file, &error), 0);
}

/* --- the pid file
 * --------------------------------------------------------------------------------- */

static int take_pid_file(void *context, struct error *error)
{
    (void)context;
    struct pid_file file;
    if (pid_file_acquire(&file, "pid", error) != 0) {
        return -1;
    }
    int result = pid_file_write(&file, error);
    pid_file_release(&file);
    return result;
}

/* One that cannot be removed at the end is stale: its lock is gone. */
static void a_pid_file_is_taken_or_given_up(void **state)
{
    (void)state;
    assert_true(faults_sweep(take_pid_file, NULL, "openat") >= 2);
}

/* --- the log file
 * --------------------------------------------------------------------------------- */

static int open_log(void *context, struct error *error)
{
    struct log_file log;
    faults_pause();
    struct streams saved = streams_save();
    faults_resume();
    int result = log_file_open(&log, context, error);
    if (result == 0) {
        result = log_file_redirect(&log, error);
    }
    if (result == 0) {
        result = log_file_start_command(&log, error);
    }
    if (result == 0) {
        result = log_file_reopen(&log, error);
    }
    faults_pause();
    log_file_close(&log); /* which has just given back the descriptors that it takes */
    streams_restore(saved);
    faults_resume();
    return result;
}

static void a_log_file_is_opened_or_nothing_is_left_of_it(void **state)
{
    (void)state;
    assert_true(faults_sweep(open_log, (char[]){"log"}, "") >= 4);
}

static void a_log_command_starts_or_nothing_is_left_of_it(void **state)
{
    (void)state;
    assert_true(faults_sweep(open_log, (char[]){"| cat >>log"}, "") >= 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_status_file_is_whole_whatever_fails, scratch_enter,
                                        scratch_leave),
        cmocka_unit_test_setup_teardown(
            a_status_file_that_cannot_be_written_is_told_and_none_is_left, scratch_enter,
            scratch_leave),
        cmocka_unit_test_setup_teardown(a_pid_file_is_taken_or_given_up, scratch_enter,
                                        scratch_leave),
        cmocka_unit_test_setup_teardown(a_log_file_is_opened_or_nothing_is_left_of_it,
                                        scratch_enter, scratch_leave),
        cmocka_unit_test_setup_teardown(a_log_command_starts_or_nothing_is_left_of_it,
                                        scratch_enter, scratch_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
