/*
 * The floor of a start: the least that a program does which starts a worker and waits for it. It
 * binds nothing, handles no signal and knows no generation; nobody can start a worker for less.
 */
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    pid_t worker = 0;
    if (argc < 2 || posix_spawn(&worker, argv[1], NULL, NULL, argv + 1, environ) != 0) {
        return 2;
    }
    return waitpid(worker, NULL, 0) == worker ? 0 : 1;
}
