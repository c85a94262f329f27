/*
 * A worker for tests/truth/figures: notes in the file named by FIGURES when it is ready ("ready N
 * NANOSECONDS", taken before it says so) and when it is told to leave ("signalled N NANOSECONDS"),
 * by the clock that all processes share, and says READY=1 where somebody listens. N is its
 * generation.
 */
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static long long now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void note(int fd, const char *what, long long when)
{
    char line[96];
    const char *generation = getenv("SERVER_STARTER_GENERATION");
    int length = snprintf(line, sizeof line, "%s %s %lld\n", what,
                          generation != NULL ? generation : "?", when);
    if (write(fd, line, (size_t)length) != length) {
        _exit(1);
    }
}

static void say_ready(void)
{
    const char *name = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (name == NULL || fd < 0 || strlen(name) >= sizeof address.sun_path) {
        return;
    }
    memcpy(address.sun_path, name, strlen(name));
    if (name[0] == '@') {
        address.sun_path[0] = '\0';
    }
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    if (sendto(fd, "READY=1", 7, 0, (struct sockaddr *)&address, size) != 7) {
        _exit(1);
    }
    close(fd);
}

int main(void)
{
    const char *path = getenv("FIGURES");
    int fd = path != NULL ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd < 0) {
        return 1;
    }
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    long long ready = now_ns();
    say_ready();
    note(fd, "ready", ready);
    int signal = 0;
    sigwait(&signals, &signal);
    note(fd, "signalled", now_ns());
    return 0;
}
