#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <tasuki.h>
#include <unistd.h>

static volatile sig_atomic_t is_stopping;

static void stop(int signal)
{
    (void)signal;
    is_stopping = 1;
}

static void answer(int client)
{
    char request[4096];
    if (read(client, request, sizeof request) > 0) {
        dprintf(client, "HTTP/1.0 200 OK\r\n\r\ngeneration %d\n", tasuki_generation());
    }
    close(client);
}

int main(void)
{
    /* TERM arrives only while the server waits, never in the middle of an answer. */
    sigset_t term, none;
    sigemptyset(&none);
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, NULL);
    signal(SIGTERM, stop);

    int fd = tasuki_listener_find("8080", SOCK_STREAM);
    if (fd < 0) {
        errx(1, "no listener on 8080: %s", strerror(-fd));
    }
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    tasuki_notify_ready();
    struct pollfd listener = {.fd = fd, .events = POLLIN};
    while (!is_stopping) {
        if (ppoll(&listener, 1, NULL, &none) > 0) {
            int client = accept(fd, NULL, NULL);
            if (client >= 0) { /* otherwise another generation was faster */
                answer(client);
            }
        }
    }
    return 0;
}
