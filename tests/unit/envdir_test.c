/*
 * The envdir, on real directories.
 */
#include "envdir.h"

#include "scratch.h"

#define ARGUMENT_MAX ((size_t)128 * 1024) /* MAX_ARG_STRLEN of execve(2) */
#define NOBODY 65534

/* A directory "env" in the scratch directory. */
static int enter_with_envdir(void **state)
{
    return scratch_enter(state) != 0 ? -1 : mkdir("env", 0755);
}

/* What the envdir in the scratch directory says of one name; "(none)" when it says nothing. */
static void assert_variable(const char *name, const char *value)
{
    struct environment environment = {.count = 0};
    struct error error;
    assert_int_equal(envdir_read("env", &environment, &error), 0);
    const char *found = environment_get(&environment, name);
    assert_string_equal(found != NULL ? found : "(none)", value);
    environment_free(&environment);
}

static void a_file_is_a_variable_and_its_first_line_the_value(void **state)
{
    (void)state;
    static const struct {
        const char *content;
        const char *value;
    } rows[] = {
        {"value\n", "value"},
        {"value", "value"},
        {"first\nsecond\n", "first"},
        {"\n", ""},
        {"\nsecond", ""},
        {" spaces \t\n", " spaces \t"},
        {"a=b\n", "a=b"},
        {"\r\n", "\r"},
        {"", "(none)"},
        {"\"quoted\"", "\"quoted\""},
        {"caf\xc3\xa9\n", "caf\xc3\xa9"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        scratch_write("env/NAME", rows[i].content);
        assert_variable("NAME", rows[i].value);
    }
}

static void a_value_ends_at_a_nul_byte(void **state)
{
    (void)state;
    static const char content[] = "be\0fore\nnext";
    scratch_write_bytes("env/NAME", content, sizeof content - 1);
    assert_variable("NAME", "be");
}

static void the_directory_overrides_and_adds_and_leaves_the_rest(void **state)
{
    (void)state;
    scratch_write("env/OLD", "new\n");
    scratch_write("env/ADDED", "1\n");
    scratch_write("env/EMPTY", "");
    struct environment environment = {.count = 0};
    struct error error;
    assert_int_equal(environment_set(&environment, "OLD", "old", &error), 0);
    assert_int_equal(environment_set(&environment, "EMPTY", "kept", &error), 0);
    assert_int_equal(environment_set(&environment, "OTHER", "kept", &error), 0);

    assert_int_equal(envdir_read("env", &environment, &error), 0);

    assert_string_equal(environment_get(&environment, "OLD"), "new");
    assert_string_equal(environment_get(&environment, "ADDED"), "1");
    assert_string_equal(environment_get(&environment, "EMPTY"), "kept");
    assert_string_equal(environment_get(&environment, "OTHER"), "kept");
    environment_free(&environment);
}

static void what_is_no_variable_is_passed_over(void **state)
{
    (void)state;
    scratch_write("env/.hidden", "1\n");
    scratch_write("env/A=B", "1\n");
    assert_int_equal(mkdir("env/directory", 0755), 0);
    assert_int_equal(mkfifo("env/fifo", 0644), 0);
    struct environment environment = {.count = 0};
    struct error error;
    assert_int_equal(envdir_read("env", &environment, &error), 0);
    assert_int_equal(environment.count, 0);
    environment_free(&environment);
}

static void a_directory_that_is_not_there_has_no_variables(void **state)
{
    (void)state;
    struct environment environment = {.count = 0};
    struct error error;
    assert_int_equal(envdir_read("no-such-directory", &environment, &error), 0);
    assert_int_equal(environment.count, 0);
}

static void what_is_no_directory_is_a_problem_that_is_named(void **state)
{
    (void)state;
    scratch_write("file", "text\n");
    struct environment environment = {.count = 0};
    struct error error;
    assert_int_equal(envdir_read("file", &environment, &error), 1);
    assert_text_has(error.text, "Not a directory");
}

static void a_file_that_cannot_be_read_is_counted_and_the_others_are_taken(void **state)
{
    (void)state;
    scratch_write("env/GOOD", "1\n");
    assert_int_equal(symlink("LOOP", "env/LOOP"), 0);
    assert_int_equal(symlink("/no/such/file", "env/DANGLING"), 0);
    struct environment environment = {.count = 0};
    struct error error = {""};
    assert_int_equal(envdir_read("env", &environment, &error), 2);
    assert_true(strstr(error.text, "LOOP: ") != NULL || strstr(error.text, "DANGLING: ") != NULL);
    assert_int_equal(environment.count, 1);
    assert_string_equal(environment_get(&environment, "GOOD"), "1");
    environment_free(&environment);
}

static void a_file_of_another_user_is_a_problem(void **state)
{
    (void)state;
    scratch_write("env/SECRET", "1\n");
    assert_int_equal(chmod("env/SECRET", 0), 0);
    assert_int_equal(chmod(".", 0755), 0);
    struct environment environment = {.count = 0};
    struct error error = {""};
    uid_t self = geteuid();
    if (self == 0) { /* root may read everything */
        assert_int_equal(seteuid(NOBODY), 0);
    }
    int failed = envdir_read("env", &environment, &error);
    assert_int_equal(seteuid(self), 0);
    assert_int_equal(failed, 1);
    assert_string_equal(error.text, "SECRET: Permission denied");
    assert_int_equal(environment.count, 0);
    environment_free(&environment);
}

/* A file of so many bytes without a line's end, and then `rest`. */
static void write_long(const char *path, size_t length, const char *rest)
{
    char *bytes = malloc(length + strlen(rest));
    assert_non_null(bytes);
    memset(bytes, 'v', length);
    memcpy(bytes + length, rest, strlen(rest));
    scratch_write_bytes(path, bytes, length + strlen(rest));
    free(bytes);
}

static void a_value_that_no_program_could_be_given_is_refused(void **state)
{
    (void)state;
    struct environment environment = {.count = 0};
    struct error error = {""};
    write_long("env/LONG", ARGUMENT_MAX, "\n");
    assert_int_equal(envdir_read("env", &environment, &error), 1);
    assert_text_has(error.text, "LONG: the value is longer than");

    write_long("env/LONG", ARGUMENT_MAX - 512, "\n");
    assert_int_equal(envdir_read("env", &environment, &error), 0);
    assert_int_equal(strlen(environment_get(&environment, "LONG")), ARGUMENT_MAX - 512);
    environment_free(&environment);
}

static void only_the_first_line_of_a_large_file_counts(void **state)
{
    (void)state;
    write_long("env/NAME", ARGUMENT_MAX * 4, "");
    int fd = open("env/NAME", O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "short\n", 6, 0), 6);
    close(fd);
    assert_variable("NAME", "short");
}

static void a_value_is_cut_in_the_buffer_that_it_lies_in(void **state)
{
    (void)state;
    char buffer[] = {'a', 'b', '\n', 'c', 'x'};
    assert_ptr_equal(envdir_parse_value(buffer, 4), buffer);
    assert_string_equal(buffer, "ab");
    char whole[] = {'a', 'b', 'x'};
    assert_string_equal(envdir_parse_value(whole, 2), "ab");
    assert_null(envdir_parse_value(buffer, 0));
}

int main(void)
{
#define ON_ENVDIR(test) cmocka_unit_test_setup_teardown(test, enter_with_envdir, scratch_leave)
    const struct CMUnitTest tests[] = {
        ON_ENVDIR(a_file_is_a_variable_and_its_first_line_the_value),
        ON_ENVDIR(a_value_ends_at_a_nul_byte),
        ON_ENVDIR(the_directory_overrides_and_adds_and_leaves_the_rest),
        ON_ENVDIR(what_is_no_variable_is_passed_over),
        ON_ENVDIR(a_directory_that_is_not_there_has_no_variables),
        ON_ENVDIR(what_is_no_directory_is_a_problem_that_is_named),
        ON_ENVDIR(a_file_that_cannot_be_read_is_counted_and_the_others_are_taken),
        ON_ENVDIR(a_file_of_another_user_is_a_problem),
        ON_ENVDIR(a_value_that_no_program_could_be_given_is_refused),
        ON_ENVDIR(only_the_first_line_of_a_large_file_counts),
        ON_ENVDIR(a_value_is_cut_in_the_buffer_that_it_lies_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
