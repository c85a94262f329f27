/*
 * The log keeper in a real loop: the log command that dies, and rotations.
 */
#include "log_keeper.h"

#include "scratch.h"

struct fixture {
    struct ev_loop *loop;
    struct log_file log_file;
    struct log_keeper keeper;
};

static void set_up(struct fixture *fixture, const char *target)
{
    struct error error;
    *fixture = (struct fixture){
        .loop = ev_loop_new(EVFLAG_NOENV),
        .log_file = {.fd = -1, .reader_fd = -1, .stdout_fd = -1, .stderr_fd = -1},
    };
    assert_non_null(fixture->loop);
    assert_int_equal(log_file_open(&fixture->log_file, target, &error), 0);
    assert_int_equal(log_file_start_command(&fixture->log_file, &error), 0);
    log_keeper_init(&fixture->keeper, fixture->loop, &fixture->log_file);
}

static void take_down(struct fixture *fixture)
{
    log_keeper_close(&fixture->keeper);
    log_file_close(&fixture->log_file);
    ev_loop_destroy(fixture->loop);
}

static pid_t reap_command(struct fixture *fixture)
{
    int status;
    pid_t pid = waitpid(fixture->log_file.command_pid, &status, 0);
    assert_int_equal(pid, fixture->log_file.command_pid);
    assert_true(log_keeper_reap(&fixture->keeper, pid, status));
    return pid;
}

static void test_a_command_that_dies_at_once_waits_for_its_next_start(void **state)
{
    struct fixture fixture;
    (void)state;
    set_up(&fixture, "|exit 3");
    reap_command(&fixture);
    assert_int_equal(fixture.log_file.command_pid, 0);
    ev_tstamp before = ev_time();
    ev_run(fixture.loop, EVRUN_ONCE);
    assert_true(ev_time() - before > 0.09);
    assert_true(fixture.log_file.command_pid > 0);
    reap_command(&fixture);
    before = ev_time();
    ev_run(fixture.loop, EVRUN_ONCE);
    assert_true(ev_time() - before > 0.19); /* twice as long */
    take_down(&fixture);
}

static void test_other_processes_are_not_the_command(void **state)
{
    struct fixture fixture;
    (void)state;
    set_up(&fixture, "|cat >/dev/null");
    pid_t command = fixture.log_file.command_pid;
    assert_false(log_keeper_reap(&fixture.keeper, getpid(), 0));
    assert_int_equal(fixture.log_file.command_pid, command);
    take_down(&fixture);
}

static void test_a_file_that_was_moved_is_made_again(void **state)
{
    struct fixture fixture;
    struct error error;
    (void)state;
    set_up(&fixture, "log");
    assert_int_equal(rename("log", "log.1"), 0);
    assert_int_equal(log_keeper_reopen(&fixture.keeper, &error), 0);
    assert_int_equal(access("log", F_OK), 0);
    take_down(&fixture);
}

static void test_a_file_that_cannot_be_reopened_says_why(void **state)
{
    struct fixture fixture;
    struct error error;
    (void)state;
    assert_int_equal(mkdir("directory", 0700), 0);
    set_up(&fixture, "directory/log");
    assert_int_equal(rename("directory", "away"), 0);
    assert_int_equal(log_keeper_reopen(&fixture.keeper, &error), -1);
    assert_non_null(strstr(error.text, "directory/log"));
    take_down(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_command_that_dies_at_once_waits_for_its_next_start),
        cmocka_unit_test(test_other_processes_are_not_the_command),
        cmocka_unit_test_setup_teardown(test_a_file_that_was_moved_is_made_again, scratch_enter,
                                        scratch_leave),
        cmocka_unit_test_setup_teardown(test_a_file_that_cannot_be_reopened_says_why, scratch_enter,
                                        scratch_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
