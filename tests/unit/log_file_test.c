/*
 * The log: a file, or a pipe to a command.
 */
#include "log_file.h"

#include "streams.h"

#include <signal.h>

static void a_file_is_appended_to_and_gets_both_streams(void **state)
{
    (void)state;
    struct log_file log;
    struct error error;
    scratch_write("log", "before\n");
    assert_int_equal(log_file_open(&log, "log", &error), 0);
    assert_file_holds("log", "before\n");
    assert_true((fcntl(log.fd, F_GETFD) & FD_CLOEXEC) != 0);
    assert_null(log.command);

    struct streams saved = streams_save();
    int result = log_file_redirect(&log, &error);
    stream_say(STDOUT_FILENO, "output\n");
    stream_say(STDERR_FILENO, "error\n");
    streams_restore(saved);

    assert_int_equal(result, 0);
    assert_file_holds("log", "before\noutput\nerror\n");
    log_file_close(&log);
}

static void the_streams_are_for_workers_too(void **state)
{
    (void)state;
    struct log_file log;
    struct error error;
    assert_int_equal(log_file_open(&log, "log", &error), 0);
    struct streams saved = streams_save();
    int result = log_file_redirect(&log, &error);
    int flags = fcntl(STDOUT_FILENO, F_GETFD) | fcntl(STDERR_FILENO, F_GETFD);
    streams_restore(saved);
    assert_int_equal(result, 0);
    assert_int_equal(flags, 0); /* not close-on-exec */
    log_file_close(&log);
}

static void after_a_rotation_reopening_goes_on_in_a_new_file(void **state)
{
    (void)state;
    struct log_file log;
    struct error error;
    assert_int_equal(log_file_open(&log, "log", &error), 0);
    struct streams saved = streams_save();
    int result = log_file_redirect(&log, &error);
    stream_say(STDOUT_FILENO, "one\n");
    result |= rename("log", "log.1");
    stream_say(STDOUT_FILENO, "two\n");
    result |= log_file_reopen(&log, &error);
    stream_say(STDOUT_FILENO, "three\n");
    stream_say(STDERR_FILENO, "four\n");
    streams_restore(saved);

    assert_int_equal(result, 0);
    assert_file_holds("log.1", "one\ntwo\n");
    assert_file_holds("log", "three\nfour\n");
    log_file_close(&log);
}

static void a_file_that_cannot_be_opened_anew_leaves_the_old_one_in_use(void **state)
{
    (void)state;
    struct log_file log;
    struct error error;
    assert_int_equal(mkdir("logs", 0755), 0);
    assert_int_equal(log_file_open(&log, "logs/log", &error), 0);
    struct streams saved = streams_save();
    int result = log_file_redirect(&log, &error);
    result |= rename("logs", "moved");
    int reopened = log_file_reopen(&log, &error);
    stream_say(STDOUT_FILENO, "still here\n");
    streams_restore(saved);

    assert_int_equal(result, 0);
    assert_int_equal(reopened, -1);
    assert_string_equal(error.text, "cannot open log file logs/log: No such file or directory");
    assert_file_holds("moved/log", "still here\n");
    log_file_close(&log);
}

static void what_cannot_be_opened_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *target;
        const char *reason;
    } rows[] = {
        {"no/such/log", "cannot open log file no/such/log: No such file or directory"},
        {".", "cannot open log file .: Is a directory"},
        {"|", "log file '|': expected a command after the |"},
        {" | \t", "expected a command after the |"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct log_file log;
        struct error error = {""};
        size_t descriptors = count_open_descriptors();
        assert_int_equal(log_file_open(&log, rows[i].target, &error), -1);
        assert_text_has(error.text, rows[i].reason);
        log_file_close(&log);
        assert_int_equal(count_open_descriptors(), descriptors);
    }
}

static void without_a_log_file_nothing_changes(void **state)
{
    (void)state;
    struct log_file log;
    struct error error;
    size_t descriptors = count_open_descriptors();
    assert_int_equal(log_file_open(&log, NULL, &error), 0);
    assert_int_equal(log_file_redirect(&log, &error), 0);
    assert_int_equal(log_file_start_command(&log, &error), 0);
    assert_int_equal(log_file_reopen(&log, &error), 0);
    log_file_close(&log);
    assert_int_equal(count_open_descriptors(), descriptors);
}

static void opening_a_pipe_starts_nothing(void **state)
{
    (void)state;
    struct log_file log;
    struct error error;
    size_t descriptors = count_open_descriptors();
    assert_int_equal(log_file_open(&log, " |  touch started", &error), 0);
    assert_string_equal(log.command, "touch started");
    assert_int_equal(log.command_pid, 0);
    log_file_close(&log);
    assert_missing("started");
    assert_int_equal(count_open_descriptors(), descriptors);
}

static void a_command_reads_all_that_was_written_before_the_end(void **state)
{
    (void)state;
    struct log_file log;
    struct error error;
    size_t descriptors = count_open_descriptors();
    struct streams saved = streams_save();
    int result = log_file_open(&log, "| cat >out", &error);
    result |= log_file_start_command(&log, &error);
    result |= log_file_redirect(&log, &error);
    stream_say(STDOUT_FILENO, "output\n");
    stream_say(STDERR_FILENO, "error\n");
    log_file_close(&log);
    streams_restore(saved);

    assert_int_equal(result, 0);
    assert_file_holds("out", "output\nerror\n");
    assert_int_equal(log.command_pid, 0);
    assert_int_equal(count_open_descriptors(), descriptors);
}

/* It would read its own words for ever. A command that is started again finds the streams already
   redirected. */
static void the_output_of_the_command_goes_where_ours_went(void **state)
{
    (void)state;
    struct log_file log;
    struct error error;
    struct streams saved = streams_save();
    stream_to_file(STDOUT_FILENO, "own-output");
    stream_to_file(STDERR_FILENO, "own-error");
    int result = log_file_open(&log, "| cat; echo ended >&2", &error);
    result |= log_file_redirect(&log, &error);
    result |= log_file_start_command(&log, &error);
    stream_say(STDERR_FILENO, "line\n");
    log_file_close(&log);
    streams_restore(saved);

    assert_int_equal(result, 0);
    assert_file_holds("own-output", "line\n");
    assert_file_holds("own-error", "ended\n");
}

static void the_next_command_reads_on_where_a_dead_one_stopped(void **state)
{
    (void)state;
    struct log_file log;
    struct error error;
    struct streams saved = streams_save();
    int result = log_file_open(&log, "| read -r line; echo \"$line\" >>out", &error);
    result |= log_file_start_command(&log, &error);
    result |= log_file_redirect(&log, &error);
    stream_say(STDOUT_FILENO, "first\n");
    int status = -1;
    pid_t first = waitpid(log.command_pid, &status, 0);
    stream_say(STDOUT_FILENO, "second\n"); /* nobody reads: neither SIGPIPE nor a loss */
    result |= log_file_start_command(&log, &error);
    log_file_close(&log);
    streams_restore(saved);

    assert_int_equal(result, 0);
    assert_true(first > 0);
    assert_int_equal(status, 0);
    assert_file_holds("out", "first\nsecond\n");
}

/* The supervisor blocks and ignores signals that its log command must be able to get. */
static void a_command_starts_with_default_signals(void **state)
{
    (void)state;
    struct log_file log;
    struct error error;
    sigset_t blocked;
    sigset_t before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    void (*handler)(int) = signal(SIGINT, SIG_IGN);
    struct streams saved = streams_save();
    int result =
        log_file_open(&log, "| grep -E '^Sig(Blk|Ign):' /proc/self/status >out; cat", &error);
    result |= log_file_start_command(&log, &error);
    result |= log_file_redirect(&log, &error);
    log_file_close(&log);
    streams_restore(saved);
    signal(SIGINT, handler);
    sigprocmask(SIG_SETMASK, &before, NULL);

    assert_int_equal(result, 0);
    char masks[128];
    unsigned long long is_blocked;
    unsigned long long is_ignored;
    scratch_read("out", masks, sizeof masks);
    assert_int_equal(sscanf(masks, "SigBlk: %llx SigIgn: %llx", &is_blocked, &is_ignored), 2);
    assert_int_equal(is_blocked, 0);
    assert_int_equal(is_ignored & (1ULL << (SIGINT - 1)), 0);
}

int main(void)
{
#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_enter, scratch_leave)
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(a_file_is_appended_to_and_gets_both_streams),
        IN_SCRATCH(the_streams_are_for_workers_too),
        IN_SCRATCH(after_a_rotation_reopening_goes_on_in_a_new_file),
        IN_SCRATCH(a_file_that_cannot_be_opened_anew_leaves_the_old_one_in_use),
        IN_SCRATCH(what_cannot_be_opened_is_said),
        IN_SCRATCH(without_a_log_file_nothing_changes),
        IN_SCRATCH(opening_a_pipe_starts_nothing),
        IN_SCRATCH(a_command_reads_all_that_was_written_before_the_end),
        IN_SCRATCH(the_output_of_the_command_goes_where_ours_went),
        IN_SCRATCH(the_next_command_reads_on_where_a_dead_one_stopped),
        IN_SCRATCH(a_command_starts_with_default_signals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
