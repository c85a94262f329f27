/*
 * Executes COMMAND in the position of an init: it adopts orphans (PR_SET_CHILD_SUBREAPER), and it
 * already has a dead child that nobody has waited for and no SIGCHLD will announce.
 *
 *   e2e_parent COMMAND [ARGUMENT...]
 */
#include <err.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void leave_dead_child(void)
{
    siginfo_t info;
    pid_t pid = fork();
    if (pid < 0) {
        err(1, "fork");
    }
    if (pid == 0) {
        _exit(0);
    }
    if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) != 0) {
        err(1, "waitid");
    }
}

int main(int argc, char *argv[])
{
    if (argc < 2) {
        errx(2, "expected a command");
    }
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) {
        err(1, "prctl");
    }
    leave_dead_child();
    execvp(argv[1], argv + 1);
    err(127, "%s", argv[1]);
}
