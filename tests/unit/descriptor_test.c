/*
 * Descriptors: closing, moving, and a clean start.
 */
#include "descriptor.h"

#include "scratch.h"

#include <sys/resource.h>

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static int open_null(void)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    assert_true(fd > STDERR_FILENO);
    return fd;
}

static void closing_keeps_errno_and_passes_over_what_is_not_open(void **state)
{
    (void)state;
    int fd = open_null();
    int none = -1;
    errno = ENOSPC;
    descriptor_close(&fd);
    descriptor_close(&none);
    assert_int_equal(errno, ENOSPC);
    assert_false(is_open(fd));
}

static void a_scope_that_ends_closes_its_descriptor(void **state)
{
    (void)state;
    int seen;
    {
        AUTO_CLOSE int fd = open_null();
        seen = fd;
        assert_true(is_open(seen));
    }
    assert_false(is_open(seen));
}

static void raising_moves_what_is_below_the_floor(void **state)
{
    (void)state;
    int low = open_null();
    int raised = descriptor_raise(low, 90);
    assert_true(raised >= 90);
    assert_false(is_open(low));
    assert_true((fcntl(raised, F_GETFD) & FD_CLOEXEC) != 0);

    assert_int_equal(descriptor_raise(raised, 90), raised);
    assert_int_equal(descriptor_raise(raised, raised), raised);
    assert_true(is_open(raised));
    close(raised);
    assert_int_equal(descriptor_raise(-1, 90), -1);
}

static void without_room_a_descriptor_stays_where_it_is(void **state)
{
    (void)state;
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    int low = open_null();
    assert_int_equal(descriptor_raise(low, (int)limit.rlim_cur), low);
    assert_true(is_open(low));
    close(low);
}

/* In a child, since it gives up its standard streams. Exits with the number of the first check
   that failed. */
static _Noreturn void start_with_closed_streams(void)
{
    struct stat null;
    struct stat stream;
    int inherited = dup(STDERR_FILENO); /* NOLINT(android-cloexec-dup): that is the point */
    if (inherited < 0 || stat("/dev/null", &null) != 0) {
        _exit(1);
    }
    close(STDIN_FILENO);
    close(STDERR_FILENO);
    descriptors_sanitize();
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) != 0) { /* open, and not close-on-exec */
            _exit(2);
        }
    }
    if (fstat(STDIN_FILENO, &stream) != 0 || stream.st_rdev != null.st_rdev) {
        _exit(3);
    }
    if (fstat(STDERR_FILENO, &stream) != 0 || stream.st_rdev != null.st_rdev) {
        _exit(4);
    }
    _exit((fcntl(inherited, F_GETFD) & FD_CLOEXEC) != 0 ? 0 : 5);
}

static void a_start_opens_the_missing_streams_and_hands_nothing_else_on(void **state)
{
    (void)state;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        start_with_closed_streams();
    }
    int status = wait_for(pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closing_keeps_errno_and_passes_over_what_is_not_open),
        cmocka_unit_test(a_scope_that_ends_closes_its_descriptor),
        cmocka_unit_test(raising_moves_what_is_below_the_floor),
        cmocka_unit_test(without_room_a_descriptor_stays_where_it_is),
        cmocka_unit_test(a_start_opens_the_missing_streams_and_hands_nothing_else_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
