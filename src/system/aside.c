#include "aside.h"

#include "child_signals.h"
#include "descriptor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Far longer than any directory service needs that works. */
#define PATIENCE_MS 10000

/* The supervisor's handlers must not run here: they write into what it shares with its children.
   Ended by a signal, this process only fails its hook. */
static _Noreturn void run_in_child(void (*function)(void *), void *memory)
{
    child_signals_reset();
    function(memory);
    _exit(0);
}

static pid_t start(void (*function)(void *), void *memory)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    if (pid == 0) {
        run_in_child(function, memory);
    }
    int reason = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    errno = reason;
    return pid;
}

/* Returns false when it had to be killed. Without pidfd_open(2), Linux 5.3, the wait has no bound.
 */
static bool wait_bounded(pid_t pid)
{
    AUTO_CLOSE int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd ended = {.fd = pidfd, .events = POLLIN};
    int result = 1;
    while (pidfd >= 0 && (result = poll(&ended, 1, PATIENCE_MS)) < 0 && errno == EINTR) {
    }
    if (result == 0) {
        kill(pid, SIGKILL);
    }
    return result != 0;
}

static int finish(pid_t pid, struct error *error)
{
    bool was_in_time = wait_bounded(pid);
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (!was_in_time) {
        return error_set(error, "it took longer than %d s", PATIENCE_MS / 1000);
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0
               ? 0
               : error_set(error, "the process for it died");
}

void *aside_memory(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return memory != MAP_FAILED ? memory : NULL;
}

void aside_free(void *memory, size_t size)
{
    munmap(memory, size);
}

int aside_run(void (*function)(void *memory), void *memory, struct error *error)
{
    pid_t pid = start(function, memory);
    return pid < 0 ? error_set(error, "cannot start a process: %s", strerror(errno))
                   : finish(pid, error);
}
