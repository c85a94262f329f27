/*
 * bind_storm: what `bind` and `listen` take, and what it takes to come to listen at all.
 *
 *   bind_storm storm HOST PORT COUNT   binds and listens COUNT times; prints the medians of both in
 *                                      microseconds, and the nanoseconds of a system call that is
 *                                      none of these
 *   bind_storm start HOST PORT         listens once; prints CLOCK_MONOTONIC in milliseconds, and
 * leaves
 *
 * Below a supervisor it ends that (its parent) with TERM when it has printed, and waits to be ended
 * itself, so that a round is one run.
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { COUNT_MAX = 100000, OTHER_CALLS = 200000 };

static double bind_us[COUNT_MAX];
static double listen_us[COUNT_MAX];

static double now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int open_socket(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        err(1, "socket");
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    return fd;
}

/* Binds and listens once, and says how long each took. */
static void listen_once(const struct sockaddr_in *address, double *bind_took, double *listen_took)
{
    int fd = open_socket();
    double begin = now_us();
    if (bind(fd, (const struct sockaddr *)address, sizeof *address) < 0) {
        err(1, "bind");
    }
    double middle = now_us();
    if (listen(fd, 128) < 0) {
        err(1, "listen");
    }
    *bind_took = middle - begin;
    *listen_took = now_us() - middle;
    close(fd);
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, compare);
    return values[count / 2];
}

static double other_call_ns(void)
{
    double begin = now_us();
    for (int i = 0; i < OTHER_CALLS; i++) {
        syscall(SYS_getppid);
    }
    return (now_us() - begin) * 1e3 / OTHER_CALLS;
}

static void storm(const struct sockaddr_in *address, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        listen_once(address, &bind_us[i], &listen_us[i]);
    }
    double other_ns = other_call_ns();
    printf("storm\t%.2f\t%.2f\t%.1f\n", median(bind_us, count), median(listen_us, count), other_ns);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    if (argc > 2 && strcmp(argv[1], "time") == 0) {
        printf("begins\t%.3f\n", now_us() / 1e3);
        fflush(stdout);
        execvp(argv[2], argv + 2);
        err(127, "%s", argv[2]);
    }
    if (argc < 4 || inet_pton(AF_INET, argv[2], &address.sin_addr) != 1) {
        errx(2, "expected storm|start HOST PORT, or time COMMAND");
    }
    address.sin_port = htons((uint16_t)atoi(argv[3]));
    if (strcmp(argv[1], "start") == 0) {
        listen_once(&address, &bind_us[0], &listen_us[0]);
        printf("listens\t%.3f\n", now_us() / 1e3);
    } else {
        long count = argc > 4 ? atol(argv[4]) : 1000;
        storm(&address, count > 0 && count <= COUNT_MAX ? (size_t)count : COUNT_MAX);
    }
    fflush(stdout);
    if (getenv("SERVER_STARTER_GENERATION") != NULL) {
        kill(getppid(), SIGTERM);
        pause();
    }
    return 0;
}
