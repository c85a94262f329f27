/*
 * The status file.
 */
#include "status_file.h"

#include "scratch.h"

#include <dirent.h>
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

static size_t count_files(void)
{
    size_t count = 0;
    DIR *directory = opendir(".");
    assert_non_null(directory);
    while (readdir(directory) != NULL) {
        count++;
    }
    closedir(directory);
    return count - 2; /* "." and ".." */
}

static void what_cannot_be_written_does_not_leave_the_old_text_either(void **state)
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
    bool was_behind = status_file.is_behind;

    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
    assert_int_equal(result, -1);
    assert_true(was_behind);
    assert_text_has(error.text, "cannot write status file status: ");
    assert_int_equal(count_files(), 0);

    assert_int_equal(write_text(&status_file, TWO, &error), 0);
    assert_false(status_file.is_behind);
    assert_file_holds("status", TWO);
    assert_int_equal(count_files(), 1);
}

/* What somebody else has made under a name that they could know: a FIFO there stopped the loop. */
static void a_name_beside_it_is_in_nobodys_way(void **state)
{
    (void)state;
    struct status_file status_file = {.path = "status"};
    char temporary[64];
    snprintf(temporary, sizeof temporary, "status.%d", (int)getpid());
    assert_int_equal(mkfifo(temporary, 0666), 0);
    alarm(20);
    assert_int_equal(write_text(&status_file, ONE, NULL), 0);
    alarm(0);
    assert_file_holds("status", ONE);
    assert_exists(temporary);
}

static void a_link_in_its_place_is_replaced_and_not_followed(void **state)
{
    (void)state;
    struct status_file status_file = {.path = "status"};
    scratch_write("other", "text\n");
    assert_int_equal(symlink("other", "status"), 0);
    assert_int_equal(write_text(&status_file, ONE, NULL), 0);
    assert_file_holds("status", ONE);
    assert_file_holds("other", "text\n");
}

static void the_longest_name_is_no_reason_to_fail(void **state)
{
    (void)state;
    char name[NAME_MAX + 1];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    struct status_file status_file = {.path = name};
    assert_int_equal(write_text(&status_file, ONE, NULL), 0);
    assert_file_holds(name, ONE);
}

static void a_reader_counts_generations_and_waits_for_nothing(void **state)
{
    (void)state;
    struct status_generations generations;
    struct error error;
    scratch_write("status", "7:100\nno line\n12:200\n");
    assert_int_equal(status_file_read("status", &generations, &error), 0);
    assert_int_equal(generations.count, 2);
    assert_int_equal(generations.newest, 12);
    assert_int_equal(mkfifo("fifo", 0666), 0);
    alarm(20);
    assert_int_equal(status_file_read("fifo", &generations, &error), 0);
    alarm(0);
    assert_int_equal(generations.count, 0);
    assert_int_equal(status_file_read("missing", &generations, &error), -1);
    assert_string_equal(error.text, "cannot open status file missing: No such file or directory");
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
        {"no/such/status", "its directory: No such file or directory"},
        {"directory", "cannot write status file directory: it is a directory"},
        {long_path, "File name too long"},
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
        IN_SCRATCH(what_cannot_be_written_does_not_leave_the_old_text_either),
        IN_SCRATCH(a_name_beside_it_is_in_nobodys_way),
        IN_SCRATCH(a_link_in_its_place_is_replaced_and_not_followed),
        IN_SCRATCH(the_longest_name_is_no_reason_to_fail),
        IN_SCRATCH(a_reader_counts_generations_and_waits_for_nothing),
        IN_SCRATCH(only_what_was_written_here_is_removed),
        IN_SCRATCH(without_a_path_there_is_nothing_to_do),
        IN_SCRATCH(a_check_writes_nothing),
        IN_SCRATCH(a_place_where_no_file_can_be_is_found_by_the_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
