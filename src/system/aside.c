#include "aside.h"

#include "child_signals.h"
#include "descriptor.h"
#include "process_limit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the process has besides the standard streams. */
#define ANSWER_FD 3

/* --- the process -------------------------------------------------------------------------------
 */

/* A process that is left behind must keep no socket of the service open, nor a lock. */
static void keep_only(int fd)
{
    if (fd != ANSWER_FD) {
        dup2(fd, ANSWER_FD);
    }
    if (close_range(ANSWER_FD + 1, ~0U, 0) != 0) {
        for (int other = ANSWER_FD + 1; other < 4096; other++) {
            close(other);
        }
    }
}

/* The supervisor's handlers must not run here: they write into what it shares with its children. */
static _Noreturn void run_in_child(void (*function)(void *), void *memory, int fd)
{
    child_signals_reset();
    keep_only(fd);
    function(memory);
    _exit(write(ANSWER_FD, "", 1) == 1 ? 0 : 1);
}

/* Returns the pid, and in `answer_fd` the pipe that has a byte when the function has returned. */
static pid_t start(void (*function)(void *), void *memory, int *answer_fd)
{
    int ends[2];
    sigset_t all;
    sigset_t before;
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        return -1;
    }
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    if (pid == 0) {
        run_in_child(function, memory, ends[1]);
    }
    int reason = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
    }
    *answer_fd = ends[0];
    errno = reason;
    return pid;
}

static enum aside_outcome read_answer(int fd)
{
    char byte;
    return read(fd, &byte, 1) == 1 ? ASIDE_DONE : ASIDE_DIED;
}

int aside_explain(enum aside_outcome outcome, double seconds, struct error *error)
{
    return outcome == ASIDE_TOO_SLOW ? error_set(error, "timed out after %g s", seconds)
                                     : error_set(error, "the helper process died");
}

/* --- memory ------------------------------------------------------------------------------------
 */

void *aside_memory(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return memory != MAP_FAILED ? memory : NULL;
}

void aside_free(void *memory, size_t size)
{
    munmap(memory, size);
}

/* --- in the loop -------------------------------------------------------------------------------
 */

static void forget(struct aside *aside)
{
    ev_io_stop(aside->loop, &aside->answer);
    ev_timer_stop(aside->loop, &aside->patience);
    close(aside->answer_fd);
    descriptor_close(&aside->pidfd);
    aside->pid = 0;
}

/* By its pidfd: it may have been reaped, and its number be somebody else's. */
static void end(struct aside *aside)
{
    if (aside->pidfd >= 0) {
        syscall(SYS_pidfd_send_signal, aside->pidfd, SIGKILL, NULL, 0);
    }
    forget(aside);
}

static void on_answer(struct ev_loop *loop, ev_io *watcher, int revents)
{
    (void)loop;
    (void)revents;
    struct aside *aside = watcher->data;
    enum aside_outcome outcome = read_answer(aside->answer_fd);
    forget(aside);
    aside->on_end(aside->context, outcome);
}

static void on_patience(struct ev_loop *loop, ev_timer *watcher, int revents)
{
    (void)loop;
    (void)revents;
    struct aside *aside = watcher->data;
    end(aside);
    aside->on_end(aside->context, ASIDE_TOO_SLOW);
}

int aside_start(struct aside *aside, struct ev_loop *loop, void (*function)(void *memory),
                void *memory, double seconds,
                void (*on_end)(void *context, enum aside_outcome outcome), void *context,
                struct error *error)
{
    int fd;
    pid_t pid = start(function, memory, &fd);
    if (pid < 0) {
        return error_set(error, "cannot start a process: %s", process_limit_reason(errno));
    }
    *aside = (struct aside){.loop = loop,
                            .pid = pid,
                            .answer_fd = fd,
                            .pidfd = (int)syscall(SYS_pidfd_open, pid, 0),
                            .on_end = on_end,
                            .context = context};
    ev_io_init(&aside->answer, on_answer, fd, EV_READ);
    ev_timer_init(&aside->patience, on_patience, 0.0, 0.0);
    aside->answer.data = aside;
    aside->patience.data = aside;
    ev_now_update(loop);
    ev_timer_set(&aside->patience, seconds, 0.0);
    ev_io_start(loop, &aside->answer);
    ev_timer_start(loop, &aside->patience);
    return 0;
}

void aside_cancel(struct aside *aside)
{
    if (aside_is_running(aside)) {
        end(aside);
    }
}

bool aside_is_running(const struct aside *aside)
{
    return aside->pid > 0;
}

/* --- without a loop ----------------------------------------------------------------------------
 */

int aside_run(void (*function)(void *memory), void *memory, struct error *error)
{
    int fd;
    int result;
    pid_t pid = start(function, memory, &fd);
    if (pid < 0) {
        return error_set(error, "cannot start a process: %s", process_limit_reason(errno));
    }
    struct pollfd answer = {.fd = fd, .events = POLLIN};
    while ((result = poll(&answer, 1, (int)(ASIDE_SECONDS * 1000))) < 0 && errno == EINTR) {
    }
    enum aside_outcome outcome = result == 0 ? ASIDE_TOO_SLOW : read_answer(fd);
    close(fd);
    if (outcome == ASIDE_TOO_SLOW) { /* not waited for: killing does not end it in every state */
        kill(pid, SIGKILL);
        return aside_explain(outcome, ASIDE_SECONDS, error);
    }
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
    return outcome == ASIDE_DONE ? 0 : aside_explain(outcome, ASIDE_SECONDS, error);
}
