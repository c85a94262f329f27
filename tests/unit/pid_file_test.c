/*
 * The pid file, with a second process as the other supervisor.
 */
#include "pid_file.h"

#include "locker.h"
#include "scratch.h"

#include <signal.h>
#include <sys/file.h>

/* A child that holds the pid file until `end` is closed. */
struct supervisor {
    pid_t pid;
    int end;
};

static void hold_pid_file(int ready, int end)
{
    struct pid_file pid_file;
    char byte;
    bool is_held =
        pid_file_acquire(&pid_file, "pid", NULL) == 0 && pid_file_write(&pid_file, NULL) == 0;
    if (is_held && write(ready, "", 1) == 1 && read(end, &byte, 1) == 0) {
        pid_file_release(&pid_file);
        _exit(0);
    }
    _exit(1);
}

static struct supervisor start_supervisor(void)
{
    int ready[2];
    int end[2];
    char byte;
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    assert_int_equal(pipe2(end, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(end[1]);
        hold_pid_file(ready[1], end[0]);
    }
    close(ready[1]);
    close(end[0]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return (struct supervisor){.pid = pid, .end = end[1]};
}

static void a_supervisor_leaves_its_pid_and_takes_the_file_with_it(void **state)
{
    (void)state;
    struct pid_file pid_file;
    struct error error;
    char expected[32];
    snprintf(expected, sizeof expected, "%d\n", (int)getpid());

    assert_int_equal(pid_file_acquire(&pid_file, "pid", &error), 0);
    assert_int_equal(pid_file_write(&pid_file, &error), 0);
    assert_file_holds("pid", expected);
    assert_int_equal(pid_file_read(pid_file.fd), getpid());
    assert_true((fcntl(pid_file.fd, F_GETFD) & FD_CLOEXEC) != 0);

    pid_file_release(&pid_file);
    assert_missing("pid");
    assert_int_equal(pid_file.fd, -1);
    pid_file_release(&pid_file);
}

static void a_file_that_a_living_supervisor_has_locked_is_refused_with_its_pid(void **state)
{
    (void)state;
    struct supervisor other = start_supervisor();
    struct pid_file pid_file;
    struct error error;
    char expected[64];
    snprintf(expected, sizeof expected, "locked by a running supervisor, pid %d", (int)other.pid);

    assert_int_equal(pid_file_acquire(&pid_file, "pid", &error), -1);
    assert_text_has(error.text, expected);
    assert_int_equal(pid_file.fd, -1);
    pid_file_release(&pid_file);
    assert_exists("pid");

    close(other.end);
    assert_int_equal(wait_for(other.pid), 0);
    assert_missing("pid");
    assert_int_equal(pid_file_acquire(&pid_file, "pid", &error), 0);
    pid_file_release(&pid_file);
}

/* A supervisor that is still starting has locked it and not written it. */
static void a_file_that_is_locked_but_names_nobody_is_refused_too(void **state)
{
    (void)state;
    scratch_write("pid", "");
    int fd = open("pid", O_RDWR | O_CLOEXEC);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    struct pid_file pid_file;
    struct error error;
    assert_int_equal(pid_file_acquire(&pid_file, "pid", &error), -1);
    assert_string_equal(error.text, "pid file pid is locked by a running supervisor");
    close(fd);
}

static void a_strangers_lock_does_not_keep_a_supervisor_from_starting(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    struct pid_file pid_file;
    struct error error = {""};
    scratch_write("pid", "");
    pid_t stranger = locker_start("pid", STRANGER, LOCK_SH);
    int result = pid_file_acquire(&pid_file, "pid", &error);
    locker_stop(stranger);
    assert_string_equal(result == 0 ? "" : error.text, "");
    pid_file_release(&pid_file);
    assert_missing("pid");
}

static void a_file_that_another_user_made_is_replaced(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    struct pid_file pid_file;
    struct stat status;
    scratch_write("pid", "1\n");
    assert_int_equal(chown("pid", 65534, 65534), 0);
    int theirs = open("pid", O_RDWR | O_CLOEXEC);
    assert_int_equal(pid_file_acquire(&pid_file, "pid", NULL), 0);
    assert_int_equal(pid_file_write(&pid_file, NULL), 0);
    assert_int_equal(write(theirs, "1\n", 2), 2); /* into nothing */
    close(theirs);
    assert_int_equal(pid_file_read(pid_file.fd), getpid());
    assert_int_equal(stat("pid", &status), 0);
    assert_int_equal(status.st_uid, 0);
    pid_file_release(&pid_file);
    assert_missing("pid");
}

static void the_file_of_a_supervisor_that_was_killed_is_taken_over(void **state)
{
    (void)state;
    struct supervisor other = start_supervisor();
    assert_int_equal(kill(other.pid, SIGKILL), 0);
    wait_for(other.pid);
    close(other.end);
    assert_exists("pid");

    struct pid_file pid_file;
    struct error error;
    char expected[32];
    snprintf(expected, sizeof expected, "%d\n", (int)getpid());
    assert_int_equal(pid_file_acquire(&pid_file, "pid", &error), 0);
    assert_int_equal(pid_file_write(&pid_file, &error), 0);
    assert_file_holds("pid", expected);
    pid_file_release(&pid_file);
}

static void a_longer_text_is_replaced_as_a_whole(void **state)
{
    (void)state;
    scratch_write("pid", "2147483647 and more\n");
    struct pid_file pid_file;
    char expected[32];
    snprintf(expected, sizeof expected, "%d\n", (int)getpid());
    assert_int_equal(pid_file_acquire(&pid_file, "pid", NULL), 0);
    assert_int_equal(pid_file_write(&pid_file, NULL), 0);
    assert_file_holds("pid", expected);
    pid_file_release(&pid_file);
}

static void a_file_that_was_taken_over_says_nothing_until_it_is_written_and_is_removed(void **state)
{
    (void)state;
    struct pid_file pid_file;
    scratch_write("pid", "1234\n");
    assert_int_equal(pid_file_acquire(&pid_file, "pid", NULL), 0);
    assert_file_holds("pid", "");
    pid_file_release(&pid_file);
    assert_missing("pid");
}

static void a_file_that_somebody_put_in_its_place_is_left_alone(void **state)
{
    (void)state;
    struct pid_file pid_file;
    assert_int_equal(pid_file_acquire(&pid_file, "pid", NULL), 0);
    assert_int_equal(pid_file_write(&pid_file, NULL), 0);
    assert_int_equal(unlink("pid"), 0);
    scratch_write("pid", "somebody else's\n");
    pid_file_release(&pid_file);
    assert_file_holds("pid", "somebody else's\n");
}

/* A device or a FIFO would be locked, and removed at the end: /dev/null, say. */
static void what_is_no_regular_file_is_refused_and_stays(void **state)
{
    (void)state;
    struct pid_file pid_file;
    struct error error = {""};
    assert_int_equal(mkfifo("pid", 0644), 0);
    int acquired = pid_file_acquire(&pid_file, "pid", &error);
    if (acquired == 0) {
        (void)pid_file_write(&pid_file, &error);
    }
    pid_file_release(&pid_file);
    assert_exists("pid");
    assert_int_equal(acquired, -1);
    assert_text_has(error.text, "pid file pid");
}

static void a_file_that_cannot_be_made_is_said(void **state)
{
    (void)state;
    struct pid_file pid_file;
    struct error error;
    assert_int_equal(pid_file_acquire(&pid_file, "no/such/pid", &error), -1);
    assert_string_equal(error.text, "cannot open pid file no/such/pid: No such file or directory");
    assert_int_equal(mkdir("directory", 0755), 0);
    assert_int_equal(pid_file_acquire(&pid_file, "directory", &error), -1);
    assert_string_equal(error.text, "cannot open pid file directory: Is a directory");
}

static void without_a_pid_file_there_is_nothing_to_write(void **state)
{
    (void)state;
    struct pid_file none = {.fd = -1};
    struct error error;
    assert_int_equal(pid_file_write(&none, &error), 0);
    pid_file_release(&none);
}

static void a_pid_is_read_only_from_what_looks_like_one(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int pid;
    } rows[] = {
        {"1\n", 1},
        {"4194304\n", 4194304},
        {"123", 123},
        {"123\nmore\n", 123},
        {"", -1},
        {"\n", -1},
        {"0\n", -1},
        {"-1\n", -1},
        {"12x\n", -1},
        {"x\n", -1},
        {"12 \n", -1},
        {"2147483648\n", -1},
        {"99999999999999999999\n", -1},
        {"000000000000000000000000000000000000001\n", -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        scratch_write("pid", rows[i].text);
        int fd = open("pid", O_RDONLY | O_CLOEXEC);
        pid_t pid = pid_file_read(fd);
        close(fd);
        if (pid != rows[i].pid) {
            fail_msg("'%s' is pid %d, expected %d", rows[i].text, (int)pid, rows[i].pid);
        }
    }
}

int main(void)
{
#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_enter, scratch_leave)
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(a_supervisor_leaves_its_pid_and_takes_the_file_with_it),
        IN_SCRATCH(a_file_that_a_living_supervisor_has_locked_is_refused_with_its_pid),
        IN_SCRATCH(a_file_that_is_locked_but_names_nobody_is_refused_too),
        IN_SCRATCH(a_strangers_lock_does_not_keep_a_supervisor_from_starting),
        IN_SCRATCH(a_file_that_another_user_made_is_replaced),
        IN_SCRATCH(the_file_of_a_supervisor_that_was_killed_is_taken_over),
        IN_SCRATCH(a_longer_text_is_replaced_as_a_whole),
        IN_SCRATCH(a_file_that_was_taken_over_says_nothing_until_it_is_written_and_is_removed),
        IN_SCRATCH(a_file_that_somebody_put_in_its_place_is_left_alone),
        IN_SCRATCH(what_is_no_regular_file_is_refused_and_stays),
        IN_SCRATCH(a_file_that_cannot_be_made_is_said),
        IN_SCRATCH(without_a_pid_file_there_is_nothing_to_write),
        IN_SCRATCH(a_pid_is_read_only_from_what_looks_like_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
