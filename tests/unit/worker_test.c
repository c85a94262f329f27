/*
 * Starting workers: what a worker finds when its main() begins. The worker is this very program
 * again, which then writes what it finds into a file.
 */
#include "spawn.h"

#include "scratch.h"

#include "descriptor.h"

#include <inttypes.h>
#include <signal.h>
#include <sys/mman.h>

#define REPORT "report"
#define DESCRIPTORS_MAX 1024
#define LISTENERS_MAX 8

/* --- in the worker ---------------------------------------------------------------------------- */

static int write_report(void)
{
    ino_t inodes[DESCRIPTORS_MAX];
    struct stat status;
    for (int fd = 0; fd < DESCRIPTORS_MAX; fd++) {
        inodes[fd] = fstat(fd, &status) == 0 ? status.st_ino : 0;
    }
    FILE *report = fopen(REPORT ".new", "we");
    FILE *process = fopen("/proc/self/status", "re");
    if (report == NULL || process == NULL) {
        return 1;
    }
    for (int fd = 0; fd < DESCRIPTORS_MAX; fd++) {
        if (inodes[fd] != 0) {
            fprintf(report, "fd %d %ju\n", fd, (uintmax_t)inodes[fd]);
        }
    }
    char line[256];
    while (fgets(line, sizeof line, process) != NULL) {
        if (strncmp(line, "SigBlk:", 7) == 0 || strncmp(line, "SigIgn:", 7) == 0) {
            fputs(line, report);
        }
    }
    fclose(process);
    return fclose(report) == 0 ? rename(REPORT ".new", REPORT) : 1;
}

/* --- in the test ------------------------------------------------------------------------------ */

struct report {
    ino_t inodes[DESCRIPTORS_MAX]; /* 0: closed */
    unsigned long long blocked;
    unsigned long long ignored;
};

static struct report read_report(void)
{
    struct report report = {.blocked = ~0ULL, .ignored = ~0ULL};
    FILE *file = fopen(REPORT, "re");
    assert_non_null(file);
    char line[256];
    while (fgets(line, sizeof line, file) != NULL) {
        int fd;
        uintmax_t inode;
        if (sscanf(line, "fd %d %ju", &fd, &inode) == 2) {
            report.inodes[fd] = (ino_t)inode;
        }
        (void)sscanf(line, "SigBlk: %llx", &report.blocked);
        (void)sscanf(line, "SigIgn: %llx", &report.ignored);
    }
    fclose(file);
    unlink(REPORT);
    return report;
}

static char program[4096];

/* Starts this program as a worker with these listeners, and reads what it reports. */
static struct report run_reporter(const struct listener_set *listeners)
{
    char word[] = "report";
    char *argv[] = {program, word, NULL};
    const struct worker_command command = {
        .argv = argv, .environment = environ, .listeners = listeners};
    struct worker_failure failure;
    pid_t pid = worker_spawn(&command, &failure);
    if (pid < 0) {
        fail_msg("%s", failure.error.text);
    }
    assert_int_equal(wait_for(pid), 0);
    return read_report();
}

/* A descriptor with an inode that nobody else has, at this number. */
static ino_t open_at(int number)
{
    struct stat status;
    int fd = memfd_create("listener", MFD_CLOEXEC);
    assert_true(fd >= 0);
    if (fd != number) {
        assert_int_equal(dup3(fd, number, O_CLOEXEC), number);
        close(fd);
    }
    assert_int_equal(fstat(number, &status), 0);
    return status.st_ino;
}

struct move {
    int from;
    int to;
};

/* Opens what is to be moved, starts a worker, and looks whether all of it, and nothing else, is
   where it should be. A row ends with {0, 0}. */
static void assert_moved(const struct move *moves)
{
    struct listener items[LISTENERS_MAX];
    ino_t expected[DESCRIPTORS_MAX] = {0};
    struct stat status;
    size_t count = 0;
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        assert_int_equal(fstat(fd, &status), 0);
        expected[fd] = status.st_ino;
    }
    for (; moves[count].from != 0; count++) {
        items[count] = (struct listener){.fd = moves[count].from, .worker_fd = moves[count].to};
        expected[moves[count].to] = open_at(moves[count].from);
    }
    const struct listener_set set = {.items = items, .count = count};

    const struct report report = run_reporter(&set);

    for (int fd = 0; fd < DESCRIPTORS_MAX; fd++) {
        if (report.inodes[fd] != expected[fd]) {
            fail_msg("the row that begins with %d->%d: descriptor %d is %s", moves[0].from,
                     moves[0].to, fd,
                     report.inodes[fd] == 0 ? "closed"
                     : expected[fd] == 0    ? "open"
                                            : "another one");
        }
    }
    for (size_t i = 0; i < count; i++) {
        int flags = fcntl(moves[i].from, F_GETFD);
        assert_true((flags & FD_CLOEXEC) != 0); /* nothing has changed here */
        close(moves[i].from);
    }
}

static void sockets_arrive_at_their_numbers_wherever_they_were(void **state)
{
    (void)state;
    static const struct move rows[][LISTENERS_MAX] = {
        {{0, 0}},                                         /* no sockets at all */
        {{3, 3}, {4, 4}},                                 /* nothing to move */
        {{10, 3}, {11, 4}},                               /* away from the others */
        {{3, 4}, {4, 3}},                                 /* a swap */
        {{4, 3}, {3, 4}},                                 /* the same, the other way round */
        {{3, 4}, {4, 5}, {5, 3}},                         /* a ring */
        {{3, 5}, {4, 3}, {5, 4}},                         /* the ring backwards */
        {{3, 4}, {4, 5}, {5, 6}, {6, 7}},                 /* each in the next one's place */
        {{4, 3}, {5, 4}, {6, 5}, {7, 6}},                 /* each in the last one's place */
        {{3, 6}, {4, 5}, {5, 4}, {6, 3}},                 /* two swaps */
        {{3, 3}, {4, 5}, {5, 4}, {6, 6}},                 /* a swap between two that stay */
        {{3, 6}, {4, 5}},                                 /* crosswise into free numbers */
        {{3, 900}, {900, 3}},                             /* far apart */
        {{5, 100}, {6, 700}, {7, 3}},                     /* high numbers */
        {{700, 3}, {3, 4}},                               /* from a high number */
        {{3, 0}},                                         /* standard input */
        {{3, 0}, {4, 3}, {5, 4}},                         /* and others behind it */
        {{3, 1}, {4, 2}},                                 /* the other standard streams */
        {{8, 3}, {7, 8}, {6, 7}, {5, 6}, {4, 5}, {3, 4}}, /* a longer ring */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_moved(rows[i]);
    }
}

static void every_order_of_four_sockets_works(void **state)
{
    (void)state;
    for (int order = 0; order < 256; order++) {
        struct move moves[LISTENERS_MAX] = {{0, 0}};
        unsigned used = 0;
        for (int i = 0; i < 4; i++) {
            int to = 3 + (order >> (2 * i) & 3);
            moves[i] = (struct move){.from = 3 + i, .to = to};
            used |= 1U << to;
        }
        if (used == 0x78) { /* 3, 4, 5 and 6, each once */
            assert_moved(moves);
        }
    }
}

static void ignore(int signal)
{
    (void)signal;
}

static void signals_are_as_after_a_boot_and_ours_stay_as_they_are(void **state)
{
    (void)state;
    const struct listener_set none = {.count = 0};
    const int blocked[] = {SIGHUP, SIGTERM, SIGCHLD, SIGRTMIN};
    sigset_t mask;
    sigset_t before;
    sigset_t after;
    sigemptyset(&mask);
    for (size_t i = 0; i < sizeof blocked / sizeof blocked[0]; i++) {
        sigaddset(&mask, blocked[i]);
    }
    sigprocmask(SIG_SETMASK, &mask, &before);
    void (*pipe_before)(int) = signal(SIGPIPE, SIG_IGN);
    void (*interrupt_before)(int) = signal(SIGINT, SIG_IGN);
    void (*user_before)(int) = signal(SIGUSR1, ignore);

    const struct report report = run_reporter(&none);

    void (*pipe_after)(int) = signal(SIGPIPE, pipe_before);
    void (*interrupt_after)(int) = signal(SIGINT, interrupt_before);
    void (*user_after)(int) = signal(SIGUSR1, user_before);
    sigprocmask(SIG_SETMASK, &before, &after);
    assert_int_equal(report.blocked, 0);
    /* libc keeps 32 and 33 for itself and lets nobody set them. */
    assert_int_equal(report.ignored & ~(3ULL << 31), 0);
    assert_true(pipe_after == SIG_IGN);
    assert_true(interrupt_after == SIG_IGN);
    assert_true(user_after == ignore);
    for (int number = 1; number <= SIGRTMAX; number++) {
        if (sigismember(&after, number) != sigismember(&mask, number)) {
            fail_msg("signal %d: the mask has changed", number);
        }
    }
}

/* Starts a script in the scratch directory and waits for its end. */
static int run_script(const char *text, const struct worker_command *command)
{
    struct worker_command filled = *command;
    const struct listener_set none = {.count = 0};
    struct worker_failure failure;
    scratch_write("script", text);
    assert_int_equal(chmod("script", 0755), 0);
    filled.listeners = &none;
    pid_t pid = worker_spawn(&filled, &failure);
    if (pid < 0) {
        fail_msg("%s", failure.error.text);
    }
    return wait_for(pid);
}

static char script[] = "./script";
static char first_argument[] = "one";
static char second_argument[] = "two words";
static char *const script_argv[] = {script, first_argument, second_argument, NULL};

static void arguments_and_environment_arrive_as_they_are(void **state)
{
    (void)state;
    char variable[] = "COLOUR=dark red";
    char *const environment[] = {variable, NULL};
    const struct worker_command command = {.argv = script_argv, .environment = environment};
    int status =
        run_script("#!/bin/sh\nprintf '%s\\n' \"$0\" \"$@\" \"$COLOUR\" >out\nexit 3\n", &command);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 3);
    assert_file_holds("out", "./script\none\ntwo words\ndark red\n");
}

/* The pid that the child was told is the one that the parent sees, by a PATH search, too. */
static void a_worker_is_told_its_own_pid(void **state)
{
    (void)state;
    char open_entry[] = "LISTEN_PID=";
    char path[] = "PATH=/usr/bin:/bin";
    char shell[] = "sh";
    char option[] = "-c";
    char text[] = "echo \"$LISTEN_PID $$\" >out";
    char *const argv[] = {shell, option, text, NULL};
    char *const environment[] = {path, open_entry, NULL};
    const struct listener_set none = {.count = 0};
    const struct worker_command command = {
        .argv = argv, .environment = environment, .listeners = &none};
    for (int round = 0; round < 2; round++) {
        struct worker_failure failure;
        char expected[64];
        pid_t pid = worker_spawn(&command, &failure);
        assert_true(pid > 0);
        assert_int_equal(wait_for(pid), 0);
        snprintf(expected, sizeof expected, "%d %d\n", pid, pid);
        assert_file_holds("out", expected);
        assert_string_equal(open_entry, "LISTEN_PID="); /* nothing has changed here */
    }
}

static void a_pid_that_somebody_has_set_stays(void **state)
{
    (void)state;
    char set_entry[] = "LISTEN_PID=7";
    char *const environment[] = {set_entry, NULL};
    const struct worker_command command = {.argv = script_argv, .environment = environment};
    assert_int_equal(run_script("#!/bin/sh\necho \"$LISTEN_PID\" >out\n", &command), 0);
    assert_file_holds("out", "7\n");
}

static void a_script_without_its_interpreter_is_given_to_the_shell(void **state)
{
    (void)state;
    const struct worker_command command = {.argv = script_argv, .environment = environ};
    assert_int_equal(run_script("printf '%s\\n' \"$0\" \"$@\" >out\n", &command), 0);
    assert_file_holds("out", "./script\none\ntwo words\n");
}

static void a_worker_starts_in_its_directory_and_so_does_its_path(void **state)
{
    (void)state;
    char path[] = "../script";
    char *const argv[] = {path, NULL};
    const struct worker_command command = {
        .argv = argv, .environment = environ, .directory = "inner"};
    assert_int_equal(mkdir("inner", 0755), 0);
    assert_int_equal(run_script("#!/bin/sh\n: >here\n", &command), 0);
    assert_exists("inner/here");
}

static void an_end_is_told_in_words(void **state)
{
    (void)state;
    /* Wait statuses as wait(2) has them on Linux. */
    static const struct {
        int status;
        const char *text;
    } rows[] = {
        {0, "exited with status 0"},
        {3 << 8, "exited with status 3"},
        {255 << 8, "exited with status 255"},
        {SIGKILL, "was killed by KILL (9)"},
        {SIGTERM, "was killed by TERM (15)"},
        {SIGSEGV | 0x80, "was killed by SEGV (11), core dumped"},
        {40, "was killed by RTMIN+6 (40)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char buffer[64];
        assert_string_equal(worker_describe_exit(rows[i].status, buffer, sizeof buffer),
                            rows[i].text);
    }
}

int main(int argc, char *argv[])
{
    if (argc == 2 && strcmp(argv[1], "report") == 0) {
        return write_report();
    }
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length <= 0) {
        return 1;
    }
    program[length] = '\0';
    descriptors_sanitize(); /* as the supervisor does */
#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_enter, scratch_leave)
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(sockets_arrive_at_their_numbers_wherever_they_were),
        IN_SCRATCH(every_order_of_four_sockets_works),
        IN_SCRATCH(signals_are_as_after_a_boot_and_ours_stay_as_they_are),
        IN_SCRATCH(arguments_and_environment_arrive_as_they_are),
        IN_SCRATCH(a_worker_is_told_its_own_pid),
        IN_SCRATCH(a_pid_that_somebody_has_set_stays),
        IN_SCRATCH(a_script_without_its_interpreter_is_given_to_the_shell),
        IN_SCRATCH(a_worker_starts_in_its_directory_and_so_does_its_path),
        IN_SCRATCH(an_end_is_told_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
