/*
 * threads: an HTTP server of four threads, each with a socket of its own on the same port
 * (SO_REUSEPORT). At TERM each thread finishes its answer and leaves.
 *
 *   threads HOST PORT
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { THREADS = 4, MOMENT_US = 5000 };

static int stop_pipe[2]; /* readable: TERM has come */

static void stop(int number)
{
    (void)number;
    close(stop_pipe[1]);
}

static int open_listener(const struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &(int){1}, sizeof(int));
    if (bind(fd, (const struct sockaddr *)address, sizeof *address) < 0) {
        err(1, "bind");
    }
    if (listen(fd, 128) < 0) {
        err(1, "listen");
    }
    return fd;
}

static void answer(int client)
{
    static const char reply[] = "HTTP/1.0 200 OK\r\nContent-Length: 15\r\n\r\na right answer\n";
    char request[4096];
    if (recv(client, request, sizeof request, 0) > 0) {
        usleep(MOMENT_US);
        send(client, reply, strlen(reply), MSG_NOSIGNAL);
    }
    close(client);
}

static void *serve(void *address)
{
    int listener = open_listener(address);
    struct pollfd watched[] = {{listener, POLLIN, 0}, {stop_pipe[0], POLLIN, 0}};
    while ((watched[1].revents & (POLLIN | POLLHUP)) == 0) {
        if (poll(watched, 2, -1) <= 0 || (watched[0].revents & POLLIN) == 0) {
            continue;
        }
        int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (client >= 0) {
            answer(client);
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    if (argc != 3 || inet_pton(AF_INET, argv[1], &address.sin_addr) != 1) {
        errx(2, "expected HOST PORT");
    }
    address.sin_port = htons((uint16_t)atoi(argv[2]));
    if (pipe2(stop_pipe, O_CLOEXEC) < 0) {
        err(1, "pipe");
    }
    signal(SIGTERM, stop);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        if ((errno = pthread_create(&threads[i], NULL, serve, &address)) != 0) {
            err(1, "pthread_create");
        }
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    return 0;
}
