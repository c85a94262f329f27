// The benchmark: starts programs that supervise a worker, in turns, and measures them side by side.
// It owns every process that it starts and ends each by its pid; should it die itself, the kernel
// ends them. It judges nothing: it prints one line of tab-separated values a measure, and
// tests/bench/run makes a table of them.
//
// A wrapper (bench_floor, tini) is run as PROGRAM WORKER: it has no listeners and knows no HUP.
// A HUP floor (bench_hup_floor) is run the same way and knows HUP: it is in that measure only.
// A supervisor is run as PROGRAM --interval=0 --port=... -- WORKER.
#include "bench_report.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    MAX_PROGRAMS = 8,
    MAX_LISTENERS = 4000,
    PATIENCE_MS = 20000, // a bound against hanging; nothing is judged by it
    PAUSE_MS = 2,        // between two measures, for what the kernel still has to clear away
    SETTLE_MS = 1000,    // from the last deploy until a supervisor counts as being at rest
    // Below the range from which the kernel picks the ports of outgoing connections.
    FIRST_PORT = 10000,
    LAST_PORT = 32000,
};

enum kind {
    WRAPPER,
    HUP_FLOOR,
    SUPERVISOR,
};

struct program {
    const char *name;
    const char *path;
    enum kind kind;
};

// A program with a number of listeners: what one line of the result is about.
struct run {
    const struct program *program;
    int listeners; // 0 for all but a supervisor
    char **argv;
    pid_t pid;    // while it runs
    pid_t worker; // the newest
    double *values[2];
    size_t count;
};

struct settings {
    const char *worker;
    const char *directory; // for the socket and the log
    size_t rounds;
    size_t rounds_many; // with many listeners, which takes longer
    int many;
    int rest_ms;
};

static struct settings settings = {
    .rounds = 200,
    .rounds_many = 40,
    .many = 1000,
    .rest_ms = 5000,
};
static struct program programs[MAX_PROGRAMS];
static size_t program_count;
static int report_socket = -1;
static int log_fd = -1;

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (memory == NULL) {
        err(1, "no memory");
    }
    return memory;
}

static void sleep_ms(int duration_ms)
{
    struct timespec duration = {.tv_sec = duration_ms / 1000,
                                .tv_nsec = (long)(duration_ms % 1000) * 1000000};
    nanosleep(&duration, NULL);
}

static double to_ms(int64_t duration_ns)
{
    return (double)duration_ns / 1e6;
}

// ---- Ports

static bool port_is_free(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    bool is_free = bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
    close(fd);
    return is_free;
}

// The next free port; no two runs get the same one, since several of them live at a time.
static int take_port(void)
{
    static int next = 0;
    if (next == 0) {
        next = FIRST_PORT + (int)(random() % (LAST_PORT - FIRST_PORT));
    }
    for (int tried = FIRST_PORT; tried < LAST_PORT; tried++) {
        int port = next;
        next = next + 1 < LAST_PORT ? next + 1 : FIRST_PORT;
        if (port_is_free(port)) {
            return port;
        }
    }
    errx(1, "no free port on 127.0.0.1 between %d and %d", FIRST_PORT, LAST_PORT);
}

// ---- Runs: one program, started and ended

static char **make_argv(const struct program *program, int listeners)
{
    char **argv = allocate((size_t)listeners + 5, sizeof *argv);
    size_t count = 0;
    argv[count++] = strdup(program->path);
    if (program->kind == SUPERVISOR) {
        argv[count++] = strdup("--interval=0");
        for (int i = 0; i < listeners; i++) {
            if (asprintf(&argv[count++], "--port=127.0.0.1:%d", take_port()) < 0) {
                err(1, "no memory");
            }
        }
        argv[count++] = strdup("--");
    }
    argv[count++] = strdup(settings.worker);
    return argv;
}

static struct run make_run(const struct program *program, int listeners, size_t rounds)
{
    struct run run = {.program = program, .listeners = listeners};
    run.argv = make_argv(program, listeners);
    run.values[0] = allocate(rounds, sizeof(double));
    run.values[1] = allocate(rounds, sizeof(double));
    return run;
}

static void free_run(struct run *run)
{
    for (char **argument = run->argv; *argument != NULL; argument++) {
        free(*argument);
    }
    free(run->argv);
    free(run->values[0]);
    free(run->values[1]);
}

static void start(struct run *run)
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

// Whether the program has ended, without reaping it.
static bool has_ended(pid_t pid)
{
    siginfo_t child = {.si_pid = 0};
    return waitid(P_PID, (id_t)pid, &child, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           child.si_pid == pid;
}

// Reads the next report of this run's worker; reports of runs that have ended are passed over.
static struct bench_report next_report(const struct run *run)
{
    struct pollfd readable = {.fd = report_socket, .events = POLLIN};
    int64_t deadline_ns = bench_now_ns() + (int64_t)PATIENCE_MS * 1000000;
    struct bench_report report;
    while (bench_now_ns() < deadline_ns) {
        if (poll(&readable, 1, 100) != 1) {
            if (has_ended(run->pid)) {
                errx(1, "%s with %d listeners ended too early", run->program->name, run->listeners);
            }
        } else if (recv(report_socket, &report, sizeof report, 0) == (ssize_t)sizeof report &&
                   report.supervisor == run->pid) {
            return report;
        }
    }
    errx(1, "%s with %d listeners: no word from its worker in %d s", run->program->name,
         run->listeners, PATIENCE_MS / 1000);
}

static void await_worker(struct run *run, int64_t *started_ns)
{
    struct bench_report report = next_report(run);
    if (report.event != BENCH_STARTED) {
        errx(1, "%s: its worker was signalled before it started", run->program->name);
    }
    run->worker = report.worker;
    *started_ns = report.at_ns;
}

static void end(struct run *run)
{
    // A wrapper ends with its worker, so that nothing is left running into the next measure.
    kill(run->program->kind == WRAPPER ? run->worker : run->pid, SIGTERM);
    for (int waited_ms = 0; waited_ms < PATIENCE_MS; waited_ms++) {
        if (waitpid(run->pid, NULL, WNOHANG) == run->pid) {
            run->pid = 0;
            return;
        }
        sleep_ms(1);
    }
    kill(run->pid, SIGKILL);
    errx(1, "%s with %d listeners did not stop on SIGTERM in %d s", run->program->name,
         run->listeners, PATIENCE_MS / 1000);
}

// ---- /proc

// The number after "KEY:" in /proc/PID/FILE.
static long read_proc(pid_t pid, const char *file, const char *key)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    FILE *stream = fopen(path, "re");
    if (stream == NULL) {
        err(1, "cannot read %s", path);
    }
    char line[256];
    long value = -1;
    size_t length = strlen(key);
    while (value < 0 && fgets(line, sizeof line, stream) != NULL) {
        if (strncmp(line, key, length) == 0 && line[length] == ':') {
            value = strtol(line + length + 1, NULL, 10);
        }
    }
    fclose(stream);
    return value;
}

static bool is_asleep(pid_t pid)
{
    char path[64];
    char line[256] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *stream = fopen(path, "re");
    if (stream == NULL) {
        err(1, "cannot read %s", path);
    }
    const char *name_end = fgets(line, sizeof line, stream) != NULL ? strrchr(line, ')') : NULL;
    fclose(stream);
    return name_end != NULL && strncmp(name_end, ") S", 3) == 0;
}

// Waits until the old worker has been reaped and the supervisor sleeps: only then does the next
// HUP find the program as an idle service would.
static void await_rest(const struct run *run, pid_t old_worker)
{
    for (int waited_ms = 0; waited_ms < PATIENCE_MS; waited_ms++) {
        if (kill(old_worker, 0) < 0 && errno == ESRCH && is_asleep(run->pid)) {
            return;
        }
        sleep_ms(1);
    }
    errx(1, "%s with %d listeners: the old worker is still there %d s after its signal",
         run->program->name, run->listeners, PATIENCE_MS / 1000);
}

// ---- Results

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

static void print_result(const struct run *run, const char *measure, double *values, size_t count)
{
    qsort(values, count, sizeof *values, compare_doubles);
    printf("%s\t%d\t%s\t%.6g\t%.6g\t%.6g\t%zu\n", measure, run->listeners, run->program->name,
           values[count / 2], values[count / 10], values[count - 1 - count / 10], count);
    fflush(stdout);
}

static void print_one(const struct run *run, const char *measure, double value)
{
    print_result(run, measure, &value, 1);
}

// ---- Measures

// A new order for each round, so that no program always follows the same other one.
static void shuffle(size_t *order, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        order[i] = i;
    }
    for (size_t i = count; i > 1; i--) {
        size_t j = (size_t)random() % i;
        size_t kept = order[i - 1];
        order[i - 1] = order[j];
        order[j] = kept;
    }
}

// From before the fork of the supervisor to the worker's main.
static void measure_start(struct run *run)
{
    int64_t started_ns = 0;
    int64_t begun_ns = bench_now_ns();
    start(run);
    await_worker(run, &started_ns);
    run->values[0][run->count++] = to_ms(started_ns - begun_ns);
    end(run);
}

// From HUP to the new worker's main, and to the old worker's SIGTERM. Either may come first.
static void measure_hup(struct run *run)
{
    pid_t old_worker = run->worker;
    bool is_started = false;
    bool is_signalled = false;
    int64_t begun_ns = bench_now_ns();
    kill(run->pid, SIGHUP);
    while (!is_started || !is_signalled) {
        struct bench_report report = next_report(run);
        if (report.event == BENCH_STARTED) {
            is_started = true;
            run->worker = report.worker;
            run->values[0][run->count] = to_ms(report.at_ns - begun_ns);
        } else if (report.worker == old_worker) {
            is_signalled = true;
            run->values[1][run->count] = to_ms(report.at_ns - begun_ns);
        }
    }
    run->count++;
    await_rest(run, old_worker);
}

static void in_turns(struct run *runs, size_t count, size_t rounds, void (*measure)(struct run *))
{
    size_t order[MAX_PROGRAMS];
    for (size_t round = 0; round < rounds; round++) {
        shuffle(order, count);
        for (size_t i = 0; i < count; i++) {
            sleep_ms(PAUSE_MS);
            measure(&runs[order[i]]);
        }
    }
}

// Makes the runs of the supervisors with so many listeners, and of the programs without listeners
// that they are compared with; these have nothing to show beside many listeners.
static size_t make_runs(struct run *runs, int listeners, size_t rounds, enum kind compared_with)
{
    size_t count = 0;
    for (size_t i = 0; i < program_count; i++) {
        if (programs[i].kind == SUPERVISOR) {
            runs[count++] = make_run(&programs[i], listeners, rounds);
        } else if (programs[i].kind == compared_with && listeners == 1) {
            runs[count++] = make_run(&programs[i], 0, rounds);
        }
    }
    return count;
}

static void free_runs(struct run *runs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free_run(&runs[i]);
    }
}

static void start_all(struct run *runs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t started_ns = 0;
        start(&runs[i]);
        await_worker(&runs[i], &started_ns);
    }
}

static void end_all(struct run *runs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        end(&runs[i]);
    }
}

static void measure_starts(int listeners, size_t rounds)
{
    struct run runs[MAX_PROGRAMS];
    size_t count = make_runs(runs, listeners, rounds, WRAPPER);
    in_turns(runs, count, rounds, measure_start);
    for (size_t i = 0; i < count; i++) {
        print_result(&runs[i], "start_ms", runs[i].values[0], runs[i].count);
    }
    free_runs(runs, count);
}

static void measure_hups(int listeners, size_t rounds)
{
    struct run runs[MAX_PROGRAMS];
    size_t count = make_runs(runs, listeners, rounds, HUP_FLOOR);
    start_all(runs, count);
    in_turns(runs, count, rounds, measure_hup);
    end_all(runs, count);
    for (size_t i = 0; i < count; i++) {
        print_result(&runs[i], "hup_to_main_ms", runs[i].values[0], runs[i].count);
        print_result(&runs[i], "hup_to_signal_ms", runs[i].values[1], runs[i].count);
    }
    free_runs(runs, count);
}

// Memory and wake-ups, of all programs in the same seconds, after a first deploy. Each program runs
// once only at a time: two of one program would share its file's pages, and neither call them
// private.
static void measure_rest(int listeners)
{
    struct run runs[MAX_PROGRAMS];
    long switches[MAX_PROGRAMS];
    size_t count = make_runs(runs, listeners, 1, WRAPPER);
    start_all(runs, count);
    for (size_t i = 0; i < count; i++) {
        if (runs[i].program->kind == SUPERVISOR) {
            measure_hup(&runs[i]);
        }
    }
    sleep_ms(SETTLE_MS);
    for (size_t i = 0; i < count; i++) {
        switches[i] = read_proc(runs[i].pid, "status", "voluntary_ctxt_switches");
    }
    sleep_ms(settings.rest_ms);
    for (size_t i = 0; i < count; i++) {
        pid_t pid = runs[i].pid;
        long more = read_proc(pid, "status", "voluntary_ctxt_switches") - switches[i];
        long private_kb = read_proc(pid, "smaps_rollup", "Private_Clean") +
                          read_proc(pid, "smaps_rollup", "Private_Dirty");
        print_one(&runs[i], "resident_kb", (double)read_proc(pid, "smaps_rollup", "Rss"));
        print_one(&runs[i], "private_kb", (double)private_kb);
        print_one(&runs[i], "wakeups_per_s", (double)more * 1000 / settings.rest_ms);
    }
    end_all(runs, count);
    free_runs(runs, count);
}

// ---- Set-up

static void open_directory(void)
{
    char path[sizeof((struct sockaddr_un *)NULL)->sun_path];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (snprintf(path, sizeof path, "%s/reports", settings.directory) >= (int)sizeof path) {
        errx(1, "the path of the directory is too long: %s", settings.directory);
    }
    memcpy(address.sun_path, path, sizeof path);
    report_socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (report_socket < 0 || bind(report_socket, (struct sockaddr *)&address, sizeof address) < 0) {
        err(1, "cannot bind %s", path);
    }
    setenv(BENCH_SOCKET, path, 1);

    snprintf(path, sizeof path, "%s/log", settings.directory);
    log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log_fd < 0) {
        err(1, "cannot open %s", path);
    }
}

// Room for many listeners and what else a supervisor opens, the same for every program.
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = (rlim_t)settings.many + 64 > 1024 ? (rlim_t)settings.many + 64 : 1024;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0) {
        err(1, "cannot have %ju open files", (uintmax_t)limit.rlim_cur);
    }
}

static void add_program(char *name_and_path, enum kind kind)
{
    char *path = strchr(name_and_path, '=');
    if (path == NULL || program_count == MAX_PROGRAMS) {
        errx(2, "expected NAME=PATH, at most %d times: %s", MAX_PROGRAMS, name_and_path);
    }
    *path++ = '\0';
    programs[program_count++] = (struct program){.name = name_and_path, .path = path, .kind = kind};
}

static long parse_number(const char *text, long least, long most)
{
    char *rest = NULL;
    long number = strtol(text, &rest, 10);
    if (*text == '\0' || *rest != '\0' || number < least || number > most) {
        errx(2, "expected a number from %ld to %ld: %s", least, most, text);
    }
    return number;
}

static void parse_options(int argc, char **argv)
{
    static const struct option options[] = {
        {"worker", required_argument, NULL, 'w'},      {"directory", required_argument, NULL, 'd'},
        {"wrapper", required_argument, NULL, 'W'},     {"hup-floor", required_argument, NULL, 'H'},
        {"supervisor", required_argument, NULL, 'S'},  {"rounds", required_argument, NULL, 'n'},
        {"rounds-many", required_argument, NULL, 'N'}, {"many", required_argument, NULL, 'm'},
        {"rest-ms", required_argument, NULL, 'r'},     {NULL, 0, NULL, 0},
    };
    int option = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'w':
            settings.worker = optarg;
            break;
        case 'd':
            settings.directory = optarg;
            break;
        case 'W':
            add_program(optarg, WRAPPER);
            break;
        case 'S':
            add_program(optarg, SUPERVISOR);
            break;
        case 'H':
            add_program(optarg, HUP_FLOOR);
            break;
        case 'n':
            settings.rounds = (size_t)parse_number(optarg, 1, 100000);
            break;
        case 'N':
            settings.rounds_many = (size_t)parse_number(optarg, 1, 100000);
            break;
        case 'm':
            settings.many = (int)parse_number(optarg, 2, MAX_LISTENERS);
            break;
        case 'r':
            settings.rest_ms = (int)parse_number(optarg, 1, 3600000);
            break;
        default:
            exit(2);
        }
    }
}

int main(int argc, char **argv)
{
    parse_options(argc, argv);
    if (settings.worker == NULL || settings.directory == NULL || program_count == 0) {
        errx(2, "--worker, --directory, and a --wrapper or --supervisor are needed");
    }
    srandom((unsigned)bench_now_ns());
    open_directory();
    raise_descriptor_limit();
    setenv("TINI_SUBREAPER", "1", 1); // without it tini complains that it is not PID 1

    measure_starts(1, settings.rounds);
    measure_hups(1, settings.rounds);
    measure_rest(1);
    measure_starts(settings.many, settings.rounds_many);
    measure_hups(settings.many, settings.rounds_many);
    measure_rest(settings.many);
    return 0;
}
