/*
 * A client that measures: knock ADDRESS SECONDS [COMMAND...] asks the server at the address over
 * and over, as each answer comes, and runs the command ten times a second meanwhile. It prints
 * "requests N lost N longest-ms N" and "commands N failed N longest-ms N". A request that has no
 * answer after LOST_MS is lost, a command that has not ended after COMMAND_MS is killed, and has
 * failed.
 */
#include "binder.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#define LOST_MS 10000
#define COMMAND_MS 20000
#define COMMAND_INTERVAL_MS 100

struct tally {
    unsigned count;
    unsigned lost;
    double longest;
};

static double now_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static void note(struct tally *tally, double begun, bool is_lost)
{
    double taken = now_ms() - begun;
    tally->count++;
    tally->lost += is_lost;
    tally->longest = taken > tally->longest ? taken : tally->longest;
}

static void print(const char *what, const char *bad, const struct tally *tally)
{
    printf("%s %u %s %u longest-ms %.1f\n", what, tally->count, bad, tally->lost, tally->longest);
    fflush(stdout);
}

static bool ask(const char *address)
{
    const struct timeval limit = {.tv_sec = LOST_MS / 1000};
    struct target target = parse(address);
    char answer[64];
    size_t length = 0;
    ssize_t size = 0;
    int fd = socket(target.family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (connect(fd, (struct sockaddr *)&target.address, target.length) == 0) {
        while ((size = read(fd, answer + length, sizeof answer - length)) > 0) {
            length += (size_t)size;
        }
    }
    close(fd);
    return size == 0 && length > 4 && memcmp(answer, "pid ", 4) == 0;
}

static void ask_until(const char *address, double end)
{
    struct tally tally = {.count = 0};
    while (now_ms() < end) {
        double begun = now_ms();
        note(&tally, begun, !ask(address));
        usleep(1000);
    }
    print("requests", "lost", &tally);
}

static bool run(char *const *command)
{
    double end = now_ms() + COMMAND_MS;
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
        execvp(command[0], command);
        _exit(127);
    }
    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (now_ms() > end) {
            kill(pid, SIGKILL);
            waitpid(pid, &status, 0);
            return false;
        }
        usleep(500);
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void run_until(char *const *command, double end)
{
    struct tally tally = {.count = 0};
    while (now_ms() < end) {
        double begun = now_ms();
        note(&tally, begun, !run(command));
        usleep(COMMAND_INTERVAL_MS * 1000);
    }
    print("commands", "failed", &tally);
}

int main(int argc, char *argv[])
{
    if (argc < 3) {
        fprintf(stderr, "usage: %s ADDRESS SECONDS [COMMAND...]\n", argv[0]);
        return 2;
    }
    double end = now_ms() + strtod(argv[2], NULL) * 1e3;
    signal(SIGPIPE, SIG_IGN);
    pid_t pid = argc > 3 ? fork() : -1;
    if (pid == 0) {
        run_until(argv + 3, end);
        return 0;
    }
    ask_until(argv[1], end);
    if (pid > 0) {
        waitpid(pid, NULL, 0);
    }
    return 0;
}
