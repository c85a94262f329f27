/*
 * Where control sockets are, by user and environment.
 */
#include "control_path.h"
#include "control_socket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { NOBODY = 65534 };

static int forget_environment(void **state)
{
    (void)state;
    unsetenv("TASUKI_RUNTIME_DIR");
    unsetenv("XDG_RUNTIME_DIR");
    return 0;
}

static void assert_directory(const char *expected)
{
    char directory[CONTROL_PATH_SIZE];
    struct error error = {.text = ""};
    assert_int_equal(control_directory(directory, sizeof directory, &error), 0);
    assert_string_equal(error.text, "");
    assert_string_equal(directory, expected);
}

static void root_has_its_sockets_in_run(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    setenv("XDG_RUNTIME_DIR", "/run/user/1000", 1);
    assert_directory("/run/tasuki");
}

static void check_as_nobody(void)
{
    char directory[CONTROL_PATH_SIZE];
    struct error error;
    assert_int_equal(setresuid(NOBODY, NOBODY, NOBODY), 0);
    assert_int_equal(control_directory(directory, sizeof directory, &error), -1);
    assert_non_null(strstr(error.text, "XDG_RUNTIME_DIR"));
    setenv("XDG_RUNTIME_DIR", "run/user", 1); /* relative: as if not set */
    assert_int_equal(control_directory(directory, sizeof directory, &error), -1);
    setenv("XDG_RUNTIME_DIR", "/run/user/65534", 1);
    assert_directory("/run/user/65534/tasuki");
}

static void others_have_them_in_their_runtime_directory(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        setenv("XDG_RUNTIME_DIR", "/run/user/65534", 1);
        assert_directory("/run/user/65534/tasuki");
        return;
    }
    pid_t child = fork();
    if (child == 0) {
        check_as_nobody();
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void a_directory_of_ones_own_goes_before_both(void **state)
{
    (void)state;
    setenv("XDG_RUNTIME_DIR", "/run/user/1000", 1);
    setenv("TASUKI_RUNTIME_DIR", "/tmp/elsewhere", 1);
    assert_directory("/tmp/elsewhere");
}

static void a_name_makes_a_path(void **state)
{
    (void)state;
    char path[CONTROL_PATH_SIZE];
    struct error error;
    setenv("TASUKI_RUNTIME_DIR", "/tmp/d", 1);
    assert_int_equal(control_path("web@blue-1.2_x+y", path, sizeof path, &error), 0);
    assert_string_equal(path, "/tmp/d/web@blue-1.2_x+y.sock");
}

static void bad_names_are_errors(void **state)
{
    (void)state;
    char long_name[CONTROL_NAME_MAX + 2];
    memset(long_name, 'a', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    const char *names[] = {"",    ".",    "..",       ".hidden", "a/b",   "../../etc/passwd",
                           "a b", "a\nb", "\xc3\xa4", "-option", "a\x1b", long_name};
    setenv("TASUKI_RUNTIME_DIR", "/tmp/d", 1);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[CONTROL_PATH_SIZE];
        struct error error;
        assert_int_equal(control_path(names[i], path, sizeof path, &error), -1);
        assert_non_null(strstr(error.text, "expected a service name"));
    }
    long_name[CONTROL_NAME_MAX] = '\0';
    assert_true(control_name_is_valid(long_name));
}

static void a_path_that_no_socket_can_have_is_an_error(void **state)
{
    (void)state;
    char directory[100] = "/tmp/";
    memset(directory + 5, 'a', 94);
    assert_int_equal(strlen(directory), 99);
    setenv("TASUKI_RUNTIME_DIR", directory, 1);
    char path[CONTROL_PATH_SIZE];
    struct error error;
    assert_int_equal(control_path("ab", path, sizeof path, &error), 0);
    assert_int_equal(control_path("abc", path, sizeof path, &error), -1);
    assert_non_null(strstr(error.text, "107"));
}

static void file_names_are_taken_apart(void **state)
{
    (void)state;
    char name[CONTROL_NAME_SIZE];
    assert_true(control_name_of_file("app.sock", name, sizeof name));
    assert_string_equal(name, "app");
    assert_true(control_name_of_file("a.sock.sock", name, sizeof name));
    assert_string_equal(name, "a.sock");
    const char *others[] = {".sock", "app", "app.sock.1", "..", "a b.sock", ".x.sock", ""};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_false(control_name_of_file(others[i], name, sizeof name));
    }
}

static void a_command_has_a_default_name(void **state)
{
    (void)state;
    static const struct {
        const char *command;
        const char *name;
    } cases[] = {
        {"./app", "app"},
        {"/usr/bin/h2o", "h2o"},
        {"plackup", "plackup"},
        {"/opt/my app/", "my_app"},
        {".hidden", "_hidden"},
        {"-x", "_x"},
        {"", "_"},
        {"/", "_"},
        {"gr\xc3\xbc\xc3\x9f", "gr____"},
        {"a.b-c@d+e_f", "a.b-c@d+e_f"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char name[CONTROL_NAME_SIZE];
        control_default_name(cases[i].command, name, sizeof name);
        assert_string_equal(name, cases[i].name);
        assert_true(control_name_is_valid(name));
    }
    char long_command[300];
    char name[CONTROL_NAME_SIZE];
    memset(long_command, 'a', sizeof long_command - 1);
    long_command[sizeof long_command - 1] = '\0';
    control_default_name(long_command, name, sizeof name);
    assert_int_equal(strlen(name), CONTROL_NAME_MAX);
}

static void the_directory_is_made_once_with_its_mode(void **state)
{
    (void)state;
    char parent[] = "/tmp/control_path_test.XXXXXX";
    assert_non_null(mkdtemp(parent));
    char directory[64];
    snprintf(directory, sizeof directory, "%s/tasuki", parent);
    setenv("TASUKI_RUNTIME_DIR", directory, 1);
    struct error error = {.text = ""};
    assert_int_equal(control_make_directory(&error), 0);
    assert_int_equal(control_make_directory(&error), 0);
    struct stat status;
    assert_int_equal(stat(directory, &status), 0);
    assert_int_equal(status.st_mode & 0777, geteuid() == 0 ? 0755 : 0700);
    if (geteuid() == 0) {
        assert_int_equal(chown(directory, NOBODY, NOBODY), 0);
        assert_int_equal(control_make_directory(&error), -1);
        assert_non_null(strstr(error.text, "belongs to user 65534 (expected root's"));
        assert_int_equal(chown(directory, 0, 0), 0);
    }
    assert_int_equal(chmod(directory, 0777), 0);
    assert_int_equal(control_make_directory(&error), -1);
    assert_non_null(strstr(error.text, "is world-writable (mode 0777)"));
    assert_int_equal(chmod(directory, 01777), 0);
    assert_int_equal(control_make_directory(&error), 0);
    assert_int_equal(rmdir(directory), 0);
    fclose(fopen(directory, "we"));
    assert_int_equal(control_make_directory(&error), -1);
    assert_non_null(strstr(error.text, directory));
    unlink(directory);
    rmdir(parent);
}

#define PATH_TEST(name) cmocka_unit_test_setup(name, forget_environment)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PATH_TEST(root_has_its_sockets_in_run),
        PATH_TEST(others_have_them_in_their_runtime_directory),
        PATH_TEST(a_directory_of_ones_own_goes_before_both),
        PATH_TEST(a_name_makes_a_path),
        PATH_TEST(bad_names_are_errors),
        PATH_TEST(a_path_that_no_socket_can_have_is_an_error),
        PATH_TEST(file_names_are_taken_apart),
        PATH_TEST(a_command_has_a_default_name),
        PATH_TEST(the_directory_is_made_once_with_its_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
