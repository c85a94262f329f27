#include "run.h"

#include "clock.h"
#include "port.h"
#include "process.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int report_socket = -1;
static int log_fd = -1;

void runs_set_up(const char *directory)
{
    char path[sizeof((struct sockaddr_un *)NULL)->sun_path];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (snprintf(path, sizeof path, "%s/reports", directory) >= (int)sizeof path) {
        errx(1, "the path of the directory is too long: %s", directory);
    }
    memcpy(address.sun_path, path, sizeof path);
    report_socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (report_socket < 0 || bind(report_socket, (struct sockaddr *)&address, sizeof address) < 0) {
        err(1, "cannot bind %s", path);
    }
    setenv(BENCH_SOCKET, path, 1);

    snprintf(path, sizeof path, "%s/log", directory);
    log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log_fd < 0) {
        err(1, "cannot open %s", path);
    }
}

/* Made once for all starts of a run, so that the making is not measured. */
struct run run_make(const struct program *program, int listeners, const char *worker)
{
    struct run run = {.program = program, .listeners = listeners};
    size_t count = 0;
    run.argv = calloc((size_t)listeners + 5, sizeof *run.argv);
    if (run.argv == NULL) {
        err(1, "no memory");
    }
    run.argv[count++] = strdup(program->path);
    if (program->kind == SUPERVISOR) {
        run.argv[count++] = strdup("--interval=0");
        for (int i = 0; i < listeners; i++) {
            if (asprintf(&run.argv[count++], "--port=127.0.0.1:%d", port_take()) < 0) {
                err(1, "no memory");
            }
        }
        run.argv[count++] = strdup("--");
    }
    run.argv[count++] = strdup(worker);
    return run;
}

void run_free(struct run *run)
{
    for (char **argument = run->argv; *argument != NULL; argument++) {
        free(*argument);
    }
    free(run->argv);
}

void run_start(struct run *run)
{
    pid_t benchmark = getpid();
    run->pid = fork();
    if (run->pid < 0) {
        err(1, "cannot fork");
    }
    if (run->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != benchmark) {
            _exit(1);
        }
        dup2(log_fd, STDOUT_FILENO);
        dup2(log_fd, STDERR_FILENO);
        execv(run->argv[0], run->argv);
        _exit(127);
    }
}

void run_end(struct run *run)
{
    /* A wrapper ends with its worker, so that nothing is left running into the next measure. */
    kill(run->program->kind == WRAPPER ? run->worker : run->pid, SIGTERM);
    for (int waited_ms = 0; waited_ms < RUN_PATIENCE_MS; waited_ms++) {
        if (waitpid(run->pid, NULL, WNOHANG) == run->pid) {
            run->pid = 0;
            return;
        }
        bench_sleep_ms(1);
    }
    kill(run->pid, SIGKILL);
    errx(1, "%s with %d listeners did not stop on SIGTERM in %d s", run->program->name,
         run->listeners, RUN_PATIENCE_MS / 1000);
}

struct bench_report run_next_report(const struct run *run)
{
    struct pollfd readable = {.fd = report_socket, .events = POLLIN};
    int64_t deadline_ns = bench_now_ns() + (int64_t)RUN_PATIENCE_MS * 1000000;
    struct bench_report report;
    while (bench_now_ns() < deadline_ns) {
        if (poll(&readable, 1, 100) != 1) {
            if (process_has_ended(run->pid)) {
                errx(1, "%s with %d listeners ended too early", run->program->name, run->listeners);
            }
        } else if (recv(report_socket, &report, sizeof report, 0) == (ssize_t)sizeof report &&
                   report.supervisor == run->pid) {
            return report;
        }
    }
    errx(1, "%s with %d listeners: no word from its worker in %d s", run->program->name,
         run->listeners, RUN_PATIENCE_MS / 1000);
}

struct bench_report run_await_worker(struct run *run)
{
    struct bench_report report = run_next_report(run);
    if (report.event != BENCH_STARTED) {
        errx(1, "%s: its worker was signalled before it started", run->program->name);
    }
    run->worker = report.worker;
    return report;
}

void run_await_sleep(const struct run *run)
{
    for (int waited_ms = 0; waited_ms < RUN_PATIENCE_MS; waited_ms++) {
        if (process_is_asleep(run->pid)) {
            return;
        }
        bench_sleep_ms(1);
    }
    errx(1, "%s with %d listeners found no rest in %d s", run->program->name, run->listeners,
         RUN_PATIENCE_MS / 1000);
}

void run_await_rest(const struct run *run, pid_t old_worker)
{
    for (int waited_ms = 0; waited_ms < RUN_PATIENCE_MS; waited_ms++) {
        if (kill(old_worker, 0) < 0 && errno == ESRCH) {
            run_await_sleep(run);
            return;
        }
        bench_sleep_ms(1);
    }
    errx(1, "%s with %d listeners: the old worker is still there %d s after its signal",
         run->program->name, run->listeners, RUN_PATIENCE_MS / 1000);
}
