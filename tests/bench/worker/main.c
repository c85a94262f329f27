/*
 * The worker of the benchmark: says when its first instruction ran, when its main began, and when
 * SIGTERM reached it, then exits. It takes each time first and reports it afterwards, so that the
 * report costs the measure nothing. It serves nobody, and it never outlives its supervisor.
 */
#include "clock.h"
#include "entry.h"
#include "report.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* How long a signalled worker stays before it reports and exits: without this, its end would take
   processor time from its successor, whose start is being measured. */
#define LINGER_MS 5

static int connect_to_benchmark(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = getenv(BENCH_SOCKET);
    if (path == NULL || strlen(path) >= sizeof address.sun_path) {
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        return -1;
    }
    return fd;
}

int main(void)
{
    struct bench_report report = {
        .event = BENCH_STARTED,
        .at_ns = bench_now_ns(),
        .entered_ns = bench_to_ns(&bench_entered),
    };

    sigset_t terminate;
    sigemptyset(&terminate);
    sigaddset(&terminate, SIGTERM);
    sigprocmask(SIG_BLOCK, &terminate, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);

    report.worker = getpid();
    report.supervisor = getppid();
    int benchmark = connect_to_benchmark();
    if (benchmark < 0 || send(benchmark, &report, sizeof report, 0) < 0) {
        return 1;
    }

    int signal_number = 0;
    sigwait(&terminate, &signal_number);
    report.at_ns = bench_now_ns();
    report.event = BENCH_SIGNALLED;
    bench_sleep_ms(LINGER_MS);
    return send(benchmark, &report, sizeof report, 0) < 0 ? 1 : 0;
}
