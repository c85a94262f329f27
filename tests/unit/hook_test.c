/*
 * Hooks: what is left of one that has ended.
 */
#include "scratch.h"

#include "hook.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_SECONDS 30

static struct hooks hooks;

/* A check that leaves a process behind, which holds `fd` open. Returns its pid when it has ended.
 */
static pid_t run_check(struct ev_loop *loop, int fd)
{
    char text[64];
    struct error error;
    siginfo_t ended;
    snprintf(text, sizeof text, "sleep 60 <&%d & exit 0", fd);
    hooks_init(&hooks, loop, NULL);
    const struct helper_command command = {.text = text, .environment = environ, .capture = true};
    assert_int_equal(hooks_start_check(&hooks, &command, 0, &error), 0);
    pid_t pid = hooks.check.helper.pid;
    assert_int_equal(waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOWAIT), 0);
    return pid;
}

/* Its group has no other owner then, and its number no other process. */
static void what_a_hook_leaves_behind_is_killed_before_it_is_reaped(void **state)
{
    (void)state;
    struct ev_loop *loop = ev_loop_new(EVFLAG_NOENV);
    char words[64];
    char byte;
    int ends[2];
    int status;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = run_check(loop, ends[1]);
    close(ends[1]);
    hooks_on_ended(&hooks, pid);
    alarm(PATIENCE_SECONDS);
    assert_int_equal(read(ends[0], &byte, 1), 0);
    alarm(0);
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(hooks_reap(&hooks, pid, words, sizeof words), HOOK_CHECK);
    ev_loop_destroy(loop);
}

/* A group with the number of a hook that has been reaped stands for somebody else's. */
static void a_hook_that_has_been_reaped_is_signalled_no_more(void **state)
{
    (void)state;
    struct ev_loop *loop = ev_loop_new(EVFLAG_NOENV);
    char words[64];
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        pause();
        _exit(0);
    }
    setpgid(pid, pid);
    hooks_init(&hooks, loop, NULL);
    hooks.check.helper.pid = pid;
    assert_int_equal(hooks_reap(&hooks, pid, words, sizeof words), HOOK_CHECK);
    assert_int_equal(kill(pid, SIGTERM), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WTERMSIG(status), SIGTERM);
    ev_loop_destroy(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_hook_leaves_behind_is_killed_before_it_is_reaped),
        cmocka_unit_test(a_hook_that_has_been_reaped_is_signalled_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
