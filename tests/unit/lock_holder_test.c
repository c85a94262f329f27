/*
 * Whose lock a file has, with other processes that lock it.
 */
#include "lock_holder.h"

#include "locker.h"
#include "scratch.h"

static int open_file(void)
{
    scratch_write("file", "");
    int fd = open("file", O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static void the_process_that_has_it_locked_holds_it_and_no_other(void **state)
{
    (void)state;
    int fd = open_file();
    pid_t reader = locker_start("file", 0, 0);
    pid_t holder = locker_start("file", 0, LOCK_EX);
    assert_int_equal(lock_holder_is(fd, holder), LOCK_HOLDER_YES);
    assert_int_equal(lock_holder_is(fd, reader), LOCK_HOLDER_NO);
    assert_int_equal(lock_holder_is(fd, getpid()), LOCK_HOLDER_NO);
    locker_stop(holder);
    assert_int_equal(lock_holder_is(fd, holder), LOCK_HOLDER_NO);
    locker_stop(reader);
    close(fd);
}

static void one_who_locked_it_for_a_child_holds_it_by_the_child(void **state)
{
    (void)state;
    int fd = open_file();
    assert_int_equal(flock(fd, LOCK_EX), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(60);
        pause();
        _exit(0);
    }
    assert_int_equal(lock_holder_is(fd, child), LOCK_HOLDER_YES);
    locker_stop(child);
    close(fd);
}

static void a_lock_counts_if_its_holder_may_run_the_supervisor(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    int fd = open_file();
    pid_t own = locker_start("file", 0, LOCK_SH);
    assert_int_equal(lock_holder_is_trusted(fd), LOCK_HOLDER_YES);
    pid_t strangers = locker_start("file", STRANGER, LOCK_SH);
    assert_int_equal(lock_holder_is_trusted(fd), LOCK_HOLDER_YES);
    locker_stop(own);
    assert_int_equal(lock_holder_is_trusted(fd), LOCK_HOLDER_NO);
    assert_int_equal(fchown(fd, STRANGER, STRANGER), 0); /* their own file */
    assert_int_equal(lock_holder_is_trusted(fd), LOCK_HOLDER_YES);
    locker_stop(strangers);
    close(fd);
}

/* The supervisor of a container, say, on a file that is mounted into both. */
static int look_without_proc(void *context)
{
    int fd = *(int *)context;
    if (!hide_proc()) {
        return CHILD_SKIPPED;
    }
    return lock_holder_is(fd, getpid()) == LOCK_HOLDER_UNKNOWN &&
                   lock_holder_is_trusted(fd) == LOCK_HOLDER_UNKNOWN
               ? CHILD_PASSED
               : CHILD_FAILED;
}

static void without_proc_nobody_knows(void **state)
{
    (void)state;
    int fd = open_file();
    int result = run_in_child(look_without_proc, &fd);
    close(fd);
    if (result == CHILD_SKIPPED) {
        skip();
    }
    assert_int_equal(result, CHILD_PASSED);
}

int main(void)
{
#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_enter, scratch_leave)
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(the_process_that_has_it_locked_holds_it_and_no_other),
        IN_SCRATCH(one_who_locked_it_for_a_child_holds_it_by_the_child),
        IN_SCRATCH(a_lock_counts_if_its_holder_may_run_the_supervisor),
        IN_SCRATCH(without_proc_nobody_knows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
