/*
 * Helpers: what they get, what is kept of their output, and that nothing of them stays behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "descriptor.h"
#include "helper.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char path_variable[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
static char *const plain_environment[] = {path_variable, NULL};

/* Orphans of a helper become children of the test, which can then tell how each ended. */
static int set_up_group(void **state)
{
    (void)state;
    descriptors_sanitize();
    return prctl(PR_SET_CHILD_SUBREAPER, 1);
}

static struct helper start(const char *command)
{
    struct helper helper;
    struct error error = {.text = ""};
    if (helper_start(&helper,
                     &(struct helper_command){
                         .text = command, .environment = plain_environment, .capture = true},
                     &error) != 0) {
        fail_msg("%s", error.text);
    }
    return helper;
}

static int wait_for(pid_t pid)
{
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

/* Runs a command to its end, and compares what it wrote. */
static void assert_prints(const char *command, const char *expected)
{
    char output[4096];
    struct helper helper = start(command);
    assert_int_equal(wait_for(helper.pid), 0);
    assert_int_equal(helper_output(&helper, output, sizeof output), strlen(expected));
    assert_string_equal(output, expected);
    helper_finish(&helper);
}

/* Waits until its output has this line. */
static void wait_for_output(const struct helper *helper, const char *expected)
{
    char output[4096] = "";
    for (int i = 0; strstr(output, expected) == NULL; i++) {
        assert_true(i < 3000);
        (void)poll(NULL, 0, 10);
        helper_output(helper, output, sizeof output);
    }
}

static int count_descriptors(void)
{
    int count = 0;
    DIR *directory = opendir("/proc/self/fd");
    assert_non_null(directory);
    while (readdir(directory) != NULL) {
        count++;
    }
    closedir(directory);
    return count;
}

/* --- what it gets --------------------------------------------------------------------------------
 */

static void test_its_exit_status_is_its_own(void **state)
{
    (void)state;
    struct helper helper = start("exit 3");
    int status = wait_for(helper.pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 3);
    helper_finish(&helper);

    helper = start("no-such-command-anywhere");
    assert_int_equal(WEXITSTATUS(wait_for(helper.pid)), 127);
    helper_finish(&helper);

    helper = start("kill -TERM $$");
    status = wait_for(helper.pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGTERM);
    helper_finish(&helper);
}

static void test_output_and_errors_are_kept_in_their_order(void **state)
{
    (void)state;
    assert_prints("echo one; echo two >&2; echo three", "one\ntwo\nthree\n");
}

static void test_a_silent_one_has_no_output(void **state)
{
    (void)state;
    assert_prints(":", "");
}

static void test_standard_input_is_empty(void **state)
{
    (void)state;
    assert_prints("cat; readlink /proc/self/fd/0", "/dev/null\n");
}

static void test_it_gets_no_other_descriptor(void **state)
{
    (void)state;
    int mine = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_prints("ls /proc/$$/fd; :", "0\n1\n2\n");
    close(mine);
}

static void test_it_gets_default_signals_and_an_empty_mask(void **state)
{
    (void)state;
    sigset_t blocked;
    sigset_t before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGCHLD);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    signal(SIGPIPE, SIG_IGN);

    /* The last seven digits: 1 to 28. The C library's own, 32 and 33, are its affair. */
    assert_prints("sed -En 's/^(Sig(Blk|Ign):).*(.{7})$/\\1 \\3/p' /proc/self/status",
                  "SigBlk: 0000000\nSigIgn: 0000000\n");

    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &before, NULL);
}

static void test_it_leads_a_group_of_its_own(void **state)
{
    (void)state;
    struct helper helper = start("read x");
    assert_int_equal(getpgid(helper.pid), helper.pid);
    assert_int_equal(WEXITSTATUS(wait_for(helper.pid)), 1);
    helper_finish(&helper);
}

static void test_it_gets_its_directory_and_exactly_its_environment(void **state)
{
    (void)state;
    char generation[] = "TASUKI_GENERATION=7";
    char *const environment[] = {generation, path_variable, NULL};
    struct helper helper;
    char output[256];
    setenv("LEFT_BEHIND", "1", 1);
    assert_int_equal(
        helper_start(&helper,
                     &(struct helper_command){.text = "pwd; echo $TASUKI_GENERATION$LEFT_BEHIND",
                                              .directory = "/usr",
                                              .environment = environment,
                                              .capture = true},
                     NULL),
        0);
    assert_int_equal(wait_for(helper.pid), 0);
    helper_output(&helper, output, sizeof output);
    assert_string_equal(output, "/usr\n7\n");
    helper_finish(&helper);
    unsetenv("LEFT_BEHIND");
}

static void test_output_that_is_not_kept_goes_to_standard_error(void **state)
{
    (void)state;
    int ends[2];
    struct helper helper;
    char output[64] = "";
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    int stderr_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    int result = helper_start(&helper,
                              &(struct helper_command){.text = "echo one; echo two >&2",
                                                       .environment = plain_environment},
                              NULL);
    dup2(stderr_fd, STDERR_FILENO);
    close(stderr_fd);

    assert_int_equal(result, 0);
    assert_int_equal(helper.output_fd, -1);
    assert_int_equal(wait_for(helper.pid), 0);
    assert_int_equal(read(ends[0], output, sizeof output - 1), strlen("one\ntwo\n"));
    assert_string_equal(output, "one\ntwo\n");
    assert_int_equal(helper_output(&helper, output, sizeof output), 0);
    assert_string_equal(output, "");
    helper_finish(&helper);
    close(ends[0]);
}

/* --- its output ----------------------------------------------------------------------------------
 */

static void test_of_a_long_output_the_end_is_told(void **state)
{
    (void)state;
    char output[15];
    struct helper helper = start("seq 200000");
    assert_int_equal(wait_for(helper.pid), 0);
    assert_int_equal(helper_output(&helper, output, sizeof output), 14);
    assert_string_equal(output, "199999\n200000\n");
    helper_finish(&helper);
}

static void test_a_buffer_of_one_byte_holds_the_nul(void **state)
{
    (void)state;
    char output[1] = "x";
    struct helper helper = start("echo one");
    assert_int_equal(wait_for(helper.pid), 0);
    assert_int_equal(helper_output(&helper, output, sizeof output), 0);
    assert_string_equal(output, "");
    helper_finish(&helper);
}

static void test_nuls_in_the_output_become_spaces(void **state)
{
    (void)state;
    assert_prints("printf 'a\\0b\\377\\n'", "a b\xFF\n");
}

static void test_what_is_opened_anew_does_not_overwrite(void **state)
{
    (void)state;
    assert_prints("echo one; echo two >>/dev/stderr; echo three", "one\ntwo\nthree\n");
}

static void test_trimming_gives_memory_back_and_keeps_the_end(void **state)
{
    (void)state;
    char output[64];
    struct stat status;
    struct helper helper = start("head -c 8000000 /dev/zero; echo; echo the end");
    assert_int_equal(wait_for(helper.pid), 0);
    assert_int_equal(fstat(helper.output_fd, &status), 0);
    assert_true(status.st_blocks * 512 >= 8000000);

    helper_trim(&helper);

    assert_int_equal(fstat(helper.output_fd, &status), 0);
    assert_true(status.st_blocks * 512 <= 2 * HELPER_OUTPUT_KEPT);
    helper_output(&helper, output, sizeof output);
    assert_non_null(strstr(output, " \nthe end\n"));
    helper_finish(&helper);
}

static void test_trimming_a_short_output_changes_nothing(void **state)
{
    (void)state;
    char output[64];
    struct helper helper = start("echo one");
    assert_int_equal(wait_for(helper.pid), 0);
    helper_trim(&helper);
    helper_output(&helper, output, sizeof output);
    assert_string_equal(output, "one\n");
    helper_finish(&helper);
    helper_trim(&helper);
}

/* --- its end -------------------------------------------------------------------------------------
 */

static void assert_killed(int count)
{
    for (int i = 0; i < count; i++) {
        int status;
        assert_true(waitpid(-1, &status, 0) > 0);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGKILL);
    }
    assert_int_equal(waitpid(-1, NULL, 0), -1);
    assert_int_equal(errno, ECHILD);
}

static void test_one_that_hangs_is_killed_with_all_it_started(void **state)
{
    (void)state;
    char output[64];
    struct helper helper =
        start("trap '' TERM; sleep 1000 & (sleep 1000 & wait) & echo hanging; sleep 1000; :");
    wait_for_output(&helper, "hanging");
    /* The processes may still be on their way into the group's sleeps; the group holds them all. */
    helper_kill(&helper);
    assert_int_equal(WTERMSIG(wait_for(helper.pid)), SIGKILL);
    int status;
    while (waitpid(-1, &status, 0) > 0) {
        assert_int_equal(WTERMSIG(status), SIGKILL);
    }
    assert_int_equal(helper_output(&helper, output, sizeof output), strlen("hanging\n"));
    assert_string_equal(output, "hanging\n");
    helper_finish(&helper);
}

static void test_what_it_left_running_is_killed_at_its_end(void **state)
{
    (void)state;
    struct helper helper = start("sleep 1000 & echo gone");
    assert_int_equal(wait_for(helper.pid), 0);
    helper_finish(&helper);
    assert_int_equal(helper.pid, 0);
    assert_int_equal(helper.output_fd, -1);
    assert_killed(1);
}

static void test_killing_one_that_is_not_running_does_nothing(void **state)
{
    (void)state;
    struct helper helper = {.pid = 0, .output_fd = -1};
    helper_kill(&helper); /* not our own group, or nobody would be here to tell */
    helper_finish(&helper);
    helper_finish(&helper);
}

static void test_nothing_is_left_open(void **state)
{
    (void)state;
    int before = count_descriptors();
    for (int i = 0; i < 20; i++) {
        assert_prints("echo one", "one\n");
    }
    assert_int_equal(count_descriptors(), before);
}

/* --- when it cannot be started -------------------------------------------------------------------
 */

static void assert_not_started(const struct helper *helper, const struct error *error,
                               const char *expected)
{
    assert_string_equal(error->text, expected);
    assert_int_equal(helper->pid, 0);
    assert_int_equal(helper->output_fd, -1);
    assert_int_equal(waitpid(-1, NULL, 0), -1);
}

static void test_a_directory_that_is_not_there_is_an_error(void **state)
{
    (void)state;
    struct helper helper;
    struct error error;
    int before = count_descriptors();
    assert_int_equal(helper_start(&helper,
                                  &(struct helper_command){.text = "true",
                                                           .directory = "/no/such/place",
                                                           .environment = plain_environment,
                                                           .capture = true},
                                  &error),
                     -1);
    assert_not_started(&helper, &error,
                       "cannot start 'true': cannot change to directory /no/such/place: No such "
                       "file or directory");
    assert_int_equal(count_descriptors(), before);
}

static void test_too_large_an_environment_is_an_error(void **state)
{
    (void)state;
    struct helper helper;
    struct error error;
    size_t size = (size_t)4 * 1024 * 1024;
    char *huge = malloc(size);
    assert_non_null(huge);
    memset(huge, 'x', size - 1);
    huge[size - 1] = '\0';
    char *const environment[] = {huge, NULL};
    assert_int_equal(helper_start(&helper,
                                  &(struct helper_command){
                                      .text = "true", .environment = environment, .capture = true},
                                  &error),
                     -1);
    assert_not_started(&helper, &error,
                       "cannot start 'true': cannot execute /bin/sh: Argument list too long");
    free(huge);
}

/* With room for so many more descriptors, it can or cannot be started. */
static int start_with_room_for(int descriptors, struct helper *helper, struct error *error)
{
    struct rlimit before;
    struct rlimit limit;
    int next = dup(STDERR_FILENO);
    close(next);
    getrlimit(RLIMIT_NOFILE, &before);
    limit = before;
    limit.rlim_cur = (rlim_t)(next + descriptors);
    setrlimit(RLIMIT_NOFILE, &limit);
    int result = helper_start(
        helper,
        &(struct helper_command){.text = "true", .environment = plain_environment, .capture = true},
        error);
    setrlimit(RLIMIT_NOFILE, &before);
    return result;
}

static void test_too_many_open_files_is_an_error(void **state)
{
    (void)state;
    struct helper helper;
    struct error error;
    int before = count_descriptors();
    assert_int_equal(start_with_room_for(0, &helper, &error), -1);
    assert_not_started(
        &helper, &error,
        "cannot start 'true': cannot make a memory file for its output: Too many open files");
    assert_int_equal(start_with_room_for(1, &helper, &error), -1);
    assert_not_started(&helper, &error,
                       "cannot start 'true': cannot open /dev/null: Too many open files");
    assert_int_equal(start_with_room_for(3, &helper, &error), -1);
    assert_non_null(strstr(error.text, "cannot start a process: too many open files"));
    assert_int_equal(count_descriptors(), before);
    assert_int_equal(start_with_room_for(5, &helper, &error), 0);
    assert_int_equal(wait_for(helper.pid), 0);
    helper_finish(&helper);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_its_exit_status_is_its_own),
        cmocka_unit_test(test_output_and_errors_are_kept_in_their_order),
        cmocka_unit_test(test_a_silent_one_has_no_output),
        cmocka_unit_test(test_standard_input_is_empty),
        cmocka_unit_test(test_it_gets_no_other_descriptor),
        cmocka_unit_test(test_it_gets_default_signals_and_an_empty_mask),
        cmocka_unit_test(test_it_leads_a_group_of_its_own),
        cmocka_unit_test(test_it_gets_its_directory_and_exactly_its_environment),
        cmocka_unit_test(test_output_that_is_not_kept_goes_to_standard_error),
        cmocka_unit_test(test_of_a_long_output_the_end_is_told),
        cmocka_unit_test(test_a_buffer_of_one_byte_holds_the_nul),
        cmocka_unit_test(test_nuls_in_the_output_become_spaces),
        cmocka_unit_test(test_what_is_opened_anew_does_not_overwrite),
        cmocka_unit_test(test_trimming_gives_memory_back_and_keeps_the_end),
        cmocka_unit_test(test_trimming_a_short_output_changes_nothing),
        cmocka_unit_test(test_one_that_hangs_is_killed_with_all_it_started),
        cmocka_unit_test(test_what_it_left_running_is_killed_at_its_end),
        cmocka_unit_test(test_killing_one_that_is_not_running_does_nothing),
        cmocka_unit_test(test_nothing_is_left_open),
        cmocka_unit_test(test_a_directory_that_is_not_there_is_an_error),
        cmocka_unit_test(test_too_large_an_environment_is_an_error),
        cmocka_unit_test(test_too_many_open_files_is_an_error),
    };
    return cmocka_run_group_tests(tests, set_up_group, NULL);
}
