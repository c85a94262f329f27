/*
 * Commands that cannot be executed, and where a command is looked for.
 */
#include "spawn.h"

#include "scratch.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define NOT_FOUND 127
#define NOT_EXECUTABLE 126

static const struct listener_set no_listeners = {.count = 0};

static pid_t spawn(const char *name, const char *directory, const char *search_path,
                   struct worker_failure *failure)
{
    char word[256];
    char variable[512];
    snprintf(word, sizeof word, "%s", name);
    snprintf(variable, sizeof variable, "PATH=%s", search_path != NULL ? search_path : "");
    char *const argv[] = {word, NULL};
    char *const environment[] = {search_path != NULL ? variable : NULL, NULL};
    const struct worker_command command = {.argv = argv,
                                           .environment = environment,
                                           .directory = directory,
                                           .listeners = &no_listeners};
    return worker_spawn(&command, failure);
}

static void write_program(const char *path, const char *text)
{
    scratch_write(path, text);
    assert_int_equal(chmod(path, 0755), 0);
}

static void a_command_that_cannot_be_executed_is_told_at_once(void **state)
{
    (void)state;
    static const char program_of_another_machine[] = "\177ELF\2\1\1\0 and so on";
    scratch_write("plain", "#!/bin/sh\n");
    assert_int_equal(chmod("plain", 0644), 0);
    write_program("orphan", "#!/no/such/interpreter\n");
    write_program("empty", "");
    scratch_write_bytes("alien", program_of_another_machine, sizeof program_of_another_machine);
    assert_int_equal(chmod("alien", 0755), 0);
    assert_int_equal(mkdir("directory", 0755), 0);
    assert_int_equal(symlink("loop", "loop"), 0);
    static const struct {
        const char *name;
        const char *directory;
        const char *search_path;
        int exit_status;
        const char *reason;
    } rows[] = {
        {"./missing", NULL, "/bin", NOT_FOUND, "cannot execute ./missing: not found"},
        {"/no/such/program", NULL, "/bin", NOT_FOUND, "cannot execute /no/such/program: not found"},
        {"plain/program", NULL, "/bin", NOT_FOUND, "cannot execute plain/program: not found"},
        {"no-such-program", NULL, "/no/a:/no/b", NOT_FOUND,
         "cannot execute no-such-program: not found in PATH (/no/a:/no/b)"},
        {"./plain", NULL, "/bin", NOT_EXECUTABLE, "cannot execute ./plain: permission denied"},
        {"plain", NULL, ".", NOT_EXECUTABLE,
         "cannot execute plain: the file found in PATH is not executable"},
        {"./directory", NULL, "/bin", NOT_EXECUTABLE,
         "cannot execute ./directory: permission denied"},
        {"./orphan", NULL, "/bin", NOT_EXECUTABLE,
         "cannot execute ./orphan: its interpreter (the first line's, or the loader) is not there"},
        {"orphan", NULL, "/no:.", NOT_EXECUTABLE, "cannot execute ./orphan: its interpreter"},
        {"./alien", NULL, "/bin", NOT_EXECUTABLE, "cannot execute ./alien: wrong format"},
        {"./empty", NULL, "/bin", NOT_EXECUTABLE, "cannot execute ./empty: wrong format"},
        {"./loop", NULL, "/bin", NOT_EXECUTABLE, "cannot execute ./loop: Too many levels"},
        {"/bin/true", "no-such-directory", "/bin", NOT_EXECUTABLE,
         "cannot change to directory no-such-directory: No such file or directory"},
        {"/bin/true", "plain", "/bin", NOT_EXECUTABLE,
         "cannot change to directory plain: Not a directory"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct worker_failure failure;
        size_t descriptors = count_open_descriptors();
        if (spawn(rows[i].name, rows[i].directory, rows[i].search_path, &failure) != -1) {
            fail_msg("%s was started", rows[i].name);
        }
        assert_text_has(failure.error.text, rows[i].reason);
        if (failure.exit_status != rows[i].exit_status || !failure.permanent) {
            fail_msg("%s: exit status %d, %s", rows[i].name, failure.exit_status,
                     failure.permanent ? "permanent" : "to be tried again");
        }
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no process is left */
        assert_int_equal(errno, ECHILD);
        assert_int_equal(count_open_descriptors(), descriptors);
    }
}

/* Each program writes its own name, so that it is seen which one was found. */
static void make_programs(void)
{
    assert_int_equal(mkdir("a", 0755), 0);
    assert_int_equal(mkdir("b", 0755), 0);
    assert_int_equal(mkdir("b/directory", 0755), 0);
    write_program("a/server", "#!/bin/sh\necho a >out\n");
    write_program("b/server", "#!/bin/sh\necho b >out\n");
    write_program("server", "#!/bin/sh\necho here >out\n");
    write_program("b/only", "echo only >out\n");
    scratch_write("a/denied", "#!/bin/sh\n");
    write_program("b/denied", "#!/bin/sh\necho denied >out\n");
    assert_int_equal(mkdir("a/directory.d", 0755), 0);
}

static void a_bare_name_is_looked_for_in_the_path_of_the_workers_environment(void **state)
{
    (void)state;
    make_programs();
    static const struct {
        const char *name;
        const char *search_path;
        const char *found;
    } rows[] = {
        {"server", "a:b", "a\n"},          {"server", "b:a", "b\n"},
        {"server", "/no/such:b", "b\n"},   {"only", "a:b", "only\n"},
        {"server", "", "here\n"},          {"server", ":a", "here\n"},
        {"server", "/no/such:", "here\n"}, {"server", "/no/such::a", "here\n"},
        {"server", "a:", "a\n"},           {"denied", "a:b", "denied\n"},
        {"server", "server:b", "b\n"}, /* not a directory */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct worker_failure failure;
        pid_t pid = spawn(rows[i].name, NULL, rows[i].search_path, &failure);
        if (pid < 0) {
            fail_msg("PATH=%s: %s", rows[i].search_path, failure.error.text);
        }
        assert_int_equal(wait_for(pid), 0);
        char found[64];
        if (strcmp(scratch_read("out", found, sizeof found), rows[i].found) != 0) {
            fail_msg("PATH=%s: %s was found in '%s'", rows[i].search_path, rows[i].name, found);
        }
    }
}

static void a_name_with_a_slash_is_not_looked_for(void **state)
{
    (void)state;
    make_programs();
    struct worker_failure failure;
    assert_int_equal(spawn("./only", NULL, "b", &failure), -1);
    assert_int_equal(failure.exit_status, NOT_FOUND);
}

static void without_a_path_the_systems_is_used(void **state)
{
    (void)state;
    struct worker_failure failure;
    pid_t pid = spawn("true", NULL, NULL, &failure);
    assert_true(pid > 0);
    assert_int_equal(wait_for(pid), 0);
}

static void an_element_that_is_too_long_is_passed_over(void **state)
{
    (void)state;
    static char variable[8192];
    char name[] = "true";
    char *const argv[] = {name, NULL};
    char *const environment[] = {variable, NULL};
    const struct worker_command command = {
        .argv = argv, .environment = environment, .listeners = &no_listeners};
    struct worker_failure failure;
    memset(variable, 'x', sizeof variable);
    memcpy(variable, "PATH=/", 6);
    memcpy(variable + 6000, ":/bin", sizeof ":/bin");
    pid_t pid = worker_spawn(&command, &failure);
    assert_true(pid > 0);
    assert_int_equal(wait_for(pid), 0);
}

static void a_socket_that_cannot_be_placed_is_told(void **state)
{
    (void)state;
    char name[] = "/bin/true";
    char *const argv[] = {name, NULL};
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    struct listener item = {.fd = STDIN_FILENO, .worker_fd = (int)limit.rlim_cur};
    const struct listener_set set = {.items = &item, .count = 1};
    const struct worker_command command = {.argv = argv, .environment = environ, .listeners = &set};
    struct worker_failure failure;
    char expected[64];
    snprintf(expected, sizeof expected, "cannot put a socket at descriptor %d: ", item.worker_fd);
    assert_int_equal(worker_spawn(&command, &failure), -1);
    assert_text_has(failure.error.text, expected);
    assert_int_equal(failure.exit_status, NOT_EXECUTABLE);
}

static void signals_are_as_before_after_a_failure(void **state)
{
    (void)state;
    sigset_t before;
    sigset_t after;
    struct worker_failure failure;
    sigprocmask(SIG_BLOCK, NULL, &before);
    assert_int_equal(spawn("./missing", NULL, "", &failure), -1);
    sigprocmask(SIG_BLOCK, NULL, &after);
    for (int number = 1; number <= SIGRTMAX; number++) {
        assert_int_equal(sigismember(&after, number), sigismember(&before, number));
    }
}

static bool is_killed_at_birth;

static void after_fork(void)
{
    if (is_killed_at_birth) {
        raise(SIGKILL);
    }
}

/* Whoever reaps may have taken it for somebody else's: nobody knew of it. */
static void one_that_is_killed_before_it_runs_is_no_worker(void **state)
{
    (void)state;
    char word[] = "/bin/true";
    char *const argv[] = {word, NULL};
    char *const environment[] = {NULL};
    const struct worker_command command = {
        .argv = argv, .environment = environment, .listeners = &no_listeners, .is_apart = true};
    struct worker_failure failure;
    assert_int_equal(pthread_atfork(NULL, NULL, after_fork), 0);
    is_killed_at_birth = true;
    assert_int_equal(worker_spawn(&command, &failure), -1);
    is_killed_at_birth = false;
    assert_string_equal(failure.error.text, "cannot start a process: it was killed before it ran");
    assert_false(failure.permanent);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

int main(void)
{
#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_enter, scratch_leave)
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(a_command_that_cannot_be_executed_is_told_at_once),
        IN_SCRATCH(a_bare_name_is_looked_for_in_the_path_of_the_workers_environment),
        IN_SCRATCH(a_name_with_a_slash_is_not_looked_for),
        IN_SCRATCH(without_a_path_the_systems_is_used),
        IN_SCRATCH(an_element_that_is_too_long_is_passed_over),
        IN_SCRATCH(a_socket_that_cannot_be_placed_is_told),
        IN_SCRATCH(signals_are_as_before_after_a_failure),
        cmocka_unit_test(one_that_is_killed_before_it_runs_is_no_worker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
