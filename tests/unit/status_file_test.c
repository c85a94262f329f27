/*
 * The status file.
 */
#include "status_file.h"

#include "scratch.h"

#include <limits.h>
#include <signal.h>
#include <sys/resource.h>

#define ONE "1:100\n"
#define TWO "1:100\n2:200\n"

static int write_text(struct status_file *status_file, const char *text, struct error *error)
{
    return status_file_write(status_file, text, strlen(text), error);
}

static void the_text_replaces_the_one_before(void **state)
{
    (void)state;
    struct status_file status_file = {.path = "status"};
    struct error error;
    static const char *const texts[] = {ONE, TWO, "2:200\n", ""};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(write_text(&status_file, texts[i], &error), 0);
        assert_file_holds("status", texts[i]);
    }
}

static void a_reader_never_sees_half_of_it(void **state)
{
    (void)state;
    struct status_file status_file = {.path = "status"};
    struct error error;
    assert_int_equal(write_text(&status_file, ONE, &error), 0);
    FILE *reader = fopen("status", "re");
    assert_non_null(reader);

    assert_int_equal(write_text(&status_file, TWO, &error), 0);

    char seen[64] = "";
    assert_int_equal(fread(seen, 1, sizeof seen - 1, reader), strlen(ONE));
    assert_string_equal(seen, ONE);
    fclose(reader);
    assert_file_holds("status", TWO);
}

static void a_full_disk_leaves_the_old_file_and_nothing_else(void **state)
{
    (void)state;
    struct status_file status_file = {.path = "status"};
    struct error error;
    assert_int_equal(write_text(&status_file, ONE, &error), 0);
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    const struct rlimit small = {.rlim_cur = 8, .rlim_max = before.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);

    int result = write_text(&status_file, TWO, &error); /* some bytes fit, the rest does not */

    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
    assert_int_equal(result, -1);
    assert_text_has(error.text, "cannot write status file status: ");
    assert_file_holds("status", ONE);
    char temporary[64];
    snprintf(temporary, sizeof temporary, "status.%d", (int)getpid());
    assert_missing(temporary);
}

static void a_file_that_cannot_be_replaced_leaves_the_old_one(void **state)
{
    (void)state;
    struct status_file status_file = {.path = "status"};
    struct error error;
    char temporary[64];
    snprintf(temporary, sizeof temporary, "status.%d", (int)getpid());
    assert_int_equal(write_text(&status_file, ONE, &error), 0);
    assert_int_equal(mkdir(temporary, 0755), 0);
    assert_int_equal(write_text(&status_file, TWO, &error), -1);
    assert_text_has(error.text, "Is a directory");
    assert_file_holds("status", ONE);
}

static void only_what_was_written_here_is_removed(void **state)
{
    (void)state;
    struct status_file status_file = {.path = "status"};
    struct error error;
    scratch_write("status", "another's\n");
    status_file_remove(&status_file);
    assert_exists("status");

    assert_int_equal(write_text(&status_file, ONE, &error), 0);
    status_file_remove(&status_file);
    assert_missing("status");
    scratch_write("status", "another's\n");
    status_file_remove(&status_file);
    assert_exists("status");
}

static void without_a_path_there_is_nothing_to_do(void **state)
{
    (void)state;
    struct status_file none = {.path = NULL};
    struct error error;
    assert_int_equal(status_file_check(&none, &error), 0);
    assert_int_equal(write_text(&none, ONE, &error), 0);
    status_file_remove(&none);
}

static void a_check_writes_nothing(void **state)
{
    (void)state;
    assert_int_equal(mkdir("directory", 0755), 0);
    static const char *const paths[] = {"status", "./status", "directory/status"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        const struct status_file status_file = {.path = paths[i]};
        struct error error;
        assert_int_equal(status_file_check(&status_file, &error), 0);
        assert_missing(paths[i]);
    }
}

static void a_place_where_no_file_can_be_is_found_by_the_check(void **state)
{
    (void)state;
    assert_int_equal(mkdir("directory", 0755), 0);
    assert_int_equal(mkfifo("fifo", 0644), 0);
    static char long_path[PATH_MAX + 1];
    memset(long_path, 'p', sizeof long_path - 1);
    const struct {
        const char *path;
        const char *reason;
    } rows[] = {
        {"no/such/status", "directory no/such: No such file or directory"},
        {"directory", "cannot write status file directory: it is a directory"},
        {long_path, "the path is longer than"},
        /* It would be replaced by a file, and that removed at the end: /dev/null, say. */
        {"fifo", "cannot write status file fifo: "},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct status_file status_file = {.path = rows[i].path};
        struct error error = {""};
        if (status_file_check(&status_file, &error) != -1) {
            fail_msg("'%s' was taken", rows[i].path);
        }
        assert_text_has(error.text, rows[i].reason);
    }
}

int main(void)
{
#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_enter, scratch_leave)
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(the_text_replaces_the_one_before),
        IN_SCRATCH(a_reader_never_sees_half_of_it),
        IN_SCRATCH(a_full_disk_leaves_the_old_file_and_nothing_else),
        IN_SCRATCH(a_file_that_cannot_be_replaced_leaves_the_old_one),
        IN_SCRATCH(only_what_was_written_here_is_removed),
        IN_SCRATCH(without_a_path_there_is_nothing_to_do),
        IN_SCRATCH(a_check_writes_nothing),
        IN_SCRATCH(a_place_where_no_file_can_be_is_found_by_the_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
