/*
 * The floor of a deploy: the least that a program does which starts a second worker on SIGHUP and
 * then signals the first. It binds nothing, waits for no readiness and reports nothing.
 */
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    pid_t worker = 0;
    sigset_t signals;
    sigset_t none;
    posix_spawnattr_t attributes;
    if (argc < 2) {
        return 2;
    }
    sigemptyset(&none);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    sigemptyset(&signals);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);

    int received = SIGHUP;
    while (received == SIGHUP) {
        pid_t old_worker = worker;
        if (posix_spawn(&worker, argv[1], NULL, &attributes, argv + 1, environ) != 0) {
            return 1;
        }
        if (old_worker != 0) {
            kill(old_worker, SIGTERM);
            waitpid(old_worker, NULL, 0);
        }
        sigwait(&signals, &received);
    }
    kill(worker, SIGTERM);
    return waitpid(worker, NULL, 0) == worker ? 0 : 1;
}
