/*
 * What is done aside: what comes back, and that nothing stays behind.
 */
#include "aside.h"

#include "scratch.h"

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
    assert_string_equal(error.text, "the process for it died");
    assert_int_equal(aside_run(leave, memory, &error), -1);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    aside_free(memory, sizeof *memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_aside_comes_back),
        cmocka_unit_test(signals_are_the_default_there_and_as_before_here),
        cmocka_unit_test(one_that_does_not_return_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
