/*
 * --restart and --stop, against a child that behaves as a supervisor does towards its files.
 */
#include "file_client.h"

#include "scratch.h"

#include <poll.h>
#include <signal.h>
#include <sys/file.h>

#define PID_FILE "pid"
#define STATUS_FILE "status"

/* What the child does when it gets HUP. */
enum manner {
    DEPLOYS,         /* lists both generations, then the new one alone, and goes on */
    DEPLOYS_SLOWLY,  /* the same, but an older generation is long in leaving */
    ENDS,            /* ends without having deployed */
    CHANGES_NOTHING, /* lists the same generation anew, and then ends */
};

static void publish(const char *text)
{
    FILE *file = fopen(STATUS_FILE ".new", "we");
    if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0 ||
        rename(STATUS_FILE ".new", STATUS_FILE) != 0) {
        _exit(1);
    }
}

static void touch(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    close(fd);
}

static void obey_hangup(enum manner manner)
{
    switch (manner) {
    case DEPLOYS:
        publish("7:100\n8:200\n");
        touch("retired");
        publish("8:200\n");
        break;
    case DEPLOYS_SLOWLY:
        publish("7:100\n8:200\n");
        publish("8:200\n7:100\n");
        /* Not a time to be met: a client that does not wait would be gone by then. */
        (void)poll(NULL, 0, 200);
        touch("retired");
        publish("8:200\n");
        break;
    case CHANGES_NOTHING:
        publish("7:300\n");
        (void)poll(NULL, 0, 50);
        _exit(0);
    case ENDS:
        _exit(0);
    }
}

/* Locks and writes the files, says so, and then lives by its signals. */
static _Noreturn void be_supervisor(enum manner manner, int ready)
{
    sigset_t wanted;
    int signal;
    int fd = open(PID_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGHUP);
    sigaddset(&wanted, SIGTERM);
    sigprocmask(SIG_SETMASK, &wanted, NULL);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0 || dprintf(fd, "%d\n", (int)getpid()) < 0) {
        _exit(1);
    }
    publish("7:100\n");
    if (write(ready, "", 1) != 1) {
        _exit(1);
    }
    while (sigwait(&wanted, &signal) == 0 && signal == SIGHUP) {
        obey_hangup(manner);
    }
    touch("stopped");
    _exit(0);
}

static pid_t start_supervisor(enum manner manner)
{
    int ready[2];
    char byte;
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        be_supervisor(manner, ready[1]);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return pid;
}

static void stop_supervisor(pid_t pid)
{
    kill(pid, SIGTERM);
    wait_for(pid);
}

static void a_restart_returns_when_only_a_newer_generation_is_left(void **state)
{
    (void)state;
    static const enum manner manners[] = {DEPLOYS, DEPLOYS_SLOWLY};
    for (size_t i = 0; i < sizeof manners / sizeof manners[0]; i++) {
        struct error error;
        unlink("retired");
        pid_t pid = start_supervisor(manners[i]);
        int result = file_client_restart(PID_FILE, STATUS_FILE, &error);
        bool was_retired = access("retired", F_OK) == 0;
        stop_supervisor(pid);
        assert_int_equal(result, 0);
        assert_true(was_retired);
        unlink(PID_FILE);
    }
}

static void a_restart_fails_when_the_supervisor_ends(void **state)
{
    (void)state;
    static const enum manner manners[] = {ENDS, CHANGES_NOTHING};
    for (size_t i = 0; i < sizeof manners / sizeof manners[0]; i++) {
        struct error error;
        char expected[64];
        pid_t pid = start_supervisor(manners[i]);
        snprintf(expected, sizeof expected, "the supervisor (pid %d) exited before", (int)pid);
        assert_int_equal(file_client_restart(PID_FILE, STATUS_FILE, &error), -1);
        assert_text_has(error.text, expected);
        wait_for(pid);
        unlink(PID_FILE);
    }
}

static void a_restart_without_a_status_file_sends_nothing(void **state)
{
    (void)state;
    struct error error;
    pid_t pid = start_supervisor(ENDS);
    assert_int_equal(file_client_restart(PID_FILE, "no-such-file", &error), -1);
    assert_string_equal(error.text,
                        "cannot open status file no-such-file: No such file or directory");
    scratch_write("empty", "");
    assert_int_equal(file_client_restart(PID_FILE, "empty", &error), -1);
    assert_string_equal(error.text, "status file empty lists no generation");
    stop_supervisor(pid); /* a HUP would have ended it before this */
    assert_exists("stopped");
}

static void a_stop_returns_when_the_supervisor_has_ended(void **state)
{
    (void)state;
    struct error error;
    pid_t pid = start_supervisor(DEPLOYS);
    assert_int_equal(file_client_stop(PID_FILE, &error), 0);
    assert_exists("stopped");
    assert_int_equal(wait_for(pid), 0);
}

static void where_nobody_runs_nothing_is_signalled(void **state)
{
    (void)state;
    char text[32];
    snprintf(text, sizeof text, "%d\n", (int)getpid()); /* a pid that was taken by another: ours */
    scratch_write("stale", text);
    scratch_write(STATUS_FILE, "1:1\n");
    static const struct {
        const char *path;
        const char *reason;
    } rows[] = {
        {"missing", "cannot open pid file missing: No such file or directory"},
        {"stale", "no supervisor is running: pid file stale is not locked"},
        {".", "pid file .: expected a regular file"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct error error = {""};
        assert_int_equal(file_client_stop(rows[i].path, &error), -1);
        assert_string_equal(error.text, rows[i].reason);
        assert_int_equal(file_client_restart(rows[i].path, STATUS_FILE, &error), -1);
        assert_string_equal(error.text, rows[i].reason);
    }
    assert_file_holds("stale", text);
}

static void a_locked_file_without_a_pid_is_refused(void **state)
{
    (void)state;
    struct error error;
    scratch_write(PID_FILE, "soon\n");
    int fd = open(PID_FILE, O_RDWR | O_CLOEXEC);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_int_equal(file_client_stop(PID_FILE, &error), -1);
    assert_string_equal(error.text, "pid file pid: expected a pid");
    close(fd);
}

/* Nothing but the name of another process: it would have been killed. */
static void a_process_that_does_not_hold_the_lock_is_not_signalled(void **state)
{
    (void)state;
    pid_t bystander = fork();
    assert_true(bystander >= 0);
    if (bystander == 0) {
        pause();
        _exit(0);
    }
    char text[32];
    char expected[128];
    struct error error = {""};
    snprintf(text, sizeof text, "%d\n", (int)bystander);
    snprintf(
        expected, sizeof expected,
        "pid file pid names process %d, which does not hold its lock (expected the supervisor)",
        (int)bystander);
    scratch_write(PID_FILE, text);
    scratch_write(STATUS_FILE, "7:100\n");
    int fd = open(PID_FILE, O_RDWR | O_CLOEXEC);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    int stopped = file_client_stop(PID_FILE, &error);
    int restarted = file_client_restart(PID_FILE, STATUS_FILE, NULL);
    close(fd);
    assert_int_equal(kill(bystander, SIGKILL), 0);
    assert_int_equal(WTERMSIG(wait_for(bystander)), SIGKILL);
    assert_int_equal(stopped, -1);
    assert_string_equal(error.text, expected);
    assert_int_equal(restarted, -1);
}

/* As long as this process has the file locked, the lock would never be free. */
static void a_stop_does_not_wait_for_a_readers_lock(void **state)
{
    (void)state;
    pid_t pid = start_supervisor(DEPLOYS);
    int reader = open(PID_FILE, O_RDONLY | O_CLOEXEC);
    pid_t client = fork();
    assert_true(client >= 0);
    if (client == 0) {
        close(reader);
        alarm(20);
        _exit(file_client_stop(PID_FILE, NULL) == 0 ? 0 : 1);
    }
    assert_int_equal(flock(reader, LOCK_EX), 0); /* when the supervisor has ended */
    assert_int_equal(wait_for(client), 0);
    close(reader);
    wait_for(pid);
}

int main(void)
{
#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_enter, scratch_leave)
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(a_restart_returns_when_only_a_newer_generation_is_left),
        IN_SCRATCH(a_restart_fails_when_the_supervisor_ends),
        IN_SCRATCH(a_restart_without_a_status_file_sends_nothing),
        IN_SCRATCH(a_stop_returns_when_the_supervisor_has_ended),
        IN_SCRATCH(where_nobody_runs_nothing_is_signalled),
        IN_SCRATCH(a_process_that_does_not_hold_the_lock_is_not_signalled),
        IN_SCRATCH(a_stop_does_not_wait_for_a_readers_lock),
        IN_SCRATCH(a_locked_file_without_a_pid_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
