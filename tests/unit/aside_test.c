/*
 * What is done aside: what comes back, and that nothing stays behind.
 */
#include "aside.h"

#include "scratch.h"

#include <fcntl.h>
#include <signal.h>

struct memory {
    pid_t pid;
    bool default_action;
    bool nothing_blocked;
    int number;
};

static void write_down(void *shared)
{
    struct memory *memory = shared;
    struct sigaction action;
    sigset_t blocked;
    sigaction(SIGTERM, NULL, &action);
    sigprocmask(SIG_BLOCK, NULL, &blocked);
    memory->pid = getpid();
    memory->default_action = action.sa_handler == SIG_DFL;
    memory->nothing_blocked = sigismember(&blocked, SIGTERM) == 0;
    memory->number++;
}

static void on_signal(int number)
{
    (void)number;
}

static void what_is_written_aside_comes_back(void **state)
{
    (void)state;
    struct error error;
    struct memory *memory = aside_memory(sizeof *memory);
    assert_non_null(memory);
    assert_int_equal(memory->number, 0);
    memory->number = 41;
    assert_int_equal(aside_run(write_down, memory, &error), 0);
    assert_int_equal(memory->number, 42);
    assert_int_not_equal(memory->pid, getpid());
    assert_int_equal(kill(memory->pid, 0), -1); /* reaped */
    aside_free(memory, sizeof *memory);
}

static void signals_are_the_default_there_and_as_before_here(void **state)
{
    (void)state;
    struct error error;
    struct sigaction before = {.sa_handler = on_signal};
    struct sigaction after;
    sigset_t blocked;
    sigset_t now;
    struct memory *memory = aside_memory(sizeof *memory);
    sigaction(SIGTERM, &before, NULL);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigprocmask(SIG_SETMASK, &blocked, NULL);
    assert_int_equal(aside_run(write_down, memory, &error), 0);
    assert_true(memory->default_action);
    assert_true(memory->nothing_blocked);
    sigaction(SIGTERM, NULL, &after);
    assert_ptr_equal(after.sa_handler, on_signal);
    sigprocmask(SIG_SETMASK, NULL, &now);
    assert_int_equal(sigismember(&now, SIGTERM), 1);
    assert_int_equal(sigismember(&now, SIGINT), 0);
    sigemptyset(&blocked);
    sigprocmask(SIG_SETMASK, &blocked, NULL);
    aside_free(memory, sizeof *memory);
}

static void die(void *shared)
{
    (void)shared;
    raise(SIGKILL);
}

static void leave(void *shared)
{
    (void)shared;
    _exit(3);
}

static void one_that_does_not_return_is_an_error(void **state)
{
    (void)state;
    struct error error;
    struct memory *memory = aside_memory(sizeof *memory);
    assert_int_equal(aside_run(die, memory, &error), -1);
    assert_string_equal(error.text, "the helper process died");
    assert_int_equal(aside_run(leave, memory, &error), -1);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    aside_free(memory, sizeof *memory);
}

/* --- in a loop -------------------------------------------------------------------------------- */

struct ending {
    struct ev_loop *loop;
    int count;
    enum aside_outcome outcome;
};

static void on_end(void *context, enum aside_outcome outcome)
{
    struct ending *ending = context;
    ending->count++;
    ending->outcome = outcome;
    ev_break(ending->loop, EVBREAK_ALL);
}

/* Runs it until it ends, and reaps it. */
static struct ending run_in_loop(void (*function)(void *), void *memory, double seconds)
{
    struct ending ending = {.loop = ev_loop_new(EVFLAG_AUTO)};
    struct aside aside;
    struct error error;
    assert_int_equal(
        aside_start(&aside, ending.loop, function, memory, seconds, on_end, &ending, &error), 0);
    assert_true(aside_is_running(&aside));
    pid_t pid = aside.pid;
    ev_run(ending.loop, 0);
    assert_false(aside_is_running(&aside));
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    ev_loop_destroy(ending.loop);
    return ending;
}

static void the_loop_is_told_when_the_function_has_returned(void **state)
{
    (void)state;
    struct memory *memory = aside_memory(sizeof *memory);
    struct ending ending = run_in_loop(write_down, memory, 10.0);
    assert_int_equal(ending.count, 1);
    assert_int_equal(ending.outcome, ASIDE_DONE);
    assert_int_equal(memory->number, 1);
    aside_free(memory, sizeof *memory);
}

static void the_loop_is_told_when_the_process_died(void **state)
{
    (void)state;
    struct ending ending = run_in_loop(leave, NULL, 10.0);
    assert_int_equal(ending.count, 1);
    assert_int_equal(ending.outcome, ASIDE_DIED);
}

static void hang(void *shared)
{
    (void)shared;
    for (;;) {
        pause();
    }
}

static void one_that_hangs_is_killed_after_its_time(void **state)
{
    (void)state;
    struct ending ending = run_in_loop(hang, NULL, 0.05);
    assert_int_equal(ending.count, 1);
    assert_int_equal(ending.outcome, ASIDE_TOO_SLOW);
}

static void a_cancelled_one_is_killed_and_not_told_of(void **state)
{
    (void)state;
    struct ending ending = {.loop = ev_loop_new(EVFLAG_AUTO)};
    struct aside aside;
    struct error error;
    assert_int_equal(aside_start(&aside, ending.loop, hang, NULL, 10.0, on_end, &ending, &error),
                     0);
    pid_t pid = aside.pid;
    aside_cancel(&aside);
    aside_cancel(&aside);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    ev_run(ending.loop, 0); /* nothing is left in it */
    assert_int_equal(ending.count, 0);
    ev_loop_destroy(ending.loop);
}

static void count_descriptors(void *shared)
{
    int *count = shared;
    for (int fd = 0; fd < 1024; fd++) {
        *count += fcntl(fd, F_GETFD) >= 0;
    }
}

static void the_process_has_no_descriptor_of_the_supervisors(void **state)
{
    (void)state;
    struct error error;
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int *count = aside_memory(sizeof *count);
    assert_int_equal(aside_run(count_descriptors, count, &error), 0);
    assert_int_equal(*count, 4); /* the standard streams, and the pipe for its answer */
    aside_free(count, sizeof *count);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_aside_comes_back),
        cmocka_unit_test(signals_are_the_default_there_and_as_before_here),
        cmocka_unit_test(one_that_does_not_return_is_an_error),
        cmocka_unit_test(the_loop_is_told_when_the_function_has_returned),
        cmocka_unit_test(the_loop_is_told_when_the_process_died),
        cmocka_unit_test(one_that_hangs_is_killed_after_its_time),
        cmocka_unit_test(a_cancelled_one_is_killed_and_not_told_of),
        cmocka_unit_test(the_process_has_no_descriptor_of_the_supervisors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
