/*
 * A server that binds for itself, in every odd way: PROGRAM SCENARIO ADDRESS... does what the
 * scenario says, prints "as expected", or "unexpected: " and what was, and then serves: whoever
 * connects is told "pid N". An address is PORT (of 127.0.0.1), a path, or @NAME for an abstract
 * one.
 */
#ifndef BINDER_H
#define BINDER_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

struct target {
    struct sockaddr_storage address;
    socklen_t length;
    int family;
};

static char **arguments; /* the addresses of the command line */

static inline void expect(bool condition, const char *what)
{
    if (!condition) {
        printf("unexpected: not so: %s (errno %d, %s)\n", what, errno, strerror(errno));
        fflush(stdout);
        _exit(1);
    }
}

#define EXPECT(condition) expect((condition), #condition)

/* --- sockets -----------------------------------------------------------------------------------
 */

static inline struct target parse(const char *text)
{
    struct target target = {.family = AF_INET};
    if (text[0] == '/' || text[0] == '@' || text[0] == '.') {
        struct sockaddr_un local = {.sun_family = AF_UNIX};
        target.family = AF_UNIX;
        size_t length = strlen(text);
        memcpy(local.sun_path, text, length);
        if (text[0] == '@') {
            local.sun_path[0] = '\0';
        }
        target.length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
        memcpy(&target.address, &local, sizeof local);
        return target;
    }
    struct sockaddr_in ipv4 = {.sin_family = AF_INET,
                               .sin_port = htons((in_port_t)strtol(text, NULL, 10)),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    target.length = sizeof ipv4;
    memcpy(&target.address, &ipv4, sizeof ipv4);
    return target;
}

static inline int bind_to(int fd, const char *text)
{
    struct target target = parse(text);
    return bind(fd, (const struct sockaddr *)&target.address, target.length);
}

/* The address is the one that was asked for. */
static inline bool is_named(int fd, const char *text)
{
    struct target target = parse(text);
    struct sockaddr_storage got;
    socklen_t length = sizeof got;
    memset(&got, 0, sizeof got);
    return getsockname(fd, (struct sockaddr *)&got, &length) == 0 &&
           memcmp(&got, &target.address, target.length) == 0;
}

static inline int make(const char *text, int type)
{
    int fd = socket(parse(text).family, type, 0);
    EXPECT(fd >= 0);
    return fd;
}

static inline int make_bound(const char *text, int type)
{
    int fd = make(text, type);
    EXPECT(bind_to(fd, text) == 0);
    return fd;
}

static inline _Noreturn void serve(int fd)
{
    printf("as expected\n");
    fflush(stdout);
    for (;;) {
        struct pollfd waiting = {.fd = fd, .events = POLLIN};
        poll(&waiting, 1, -1);
        int client = accept(fd, NULL, NULL);
        if (client >= 0) {
            dprintf(client, "pid %d\n", (int)getpid());
            close(client);
        }
    }
}

static inline void wait_for_orphaning(void)
{
    pid_t parent = getppid();
    printf("waits\n");
    fflush(stdout);
    while (getppid() == parent) {
        usleep(20000);
    }
}

static inline _Noreturn void listen_and_serve(int fd)
{
    EXPECT(listen(fd, 1) == 0);
    serve(fd);
}

static inline bool holds_flag(int fd, int command, int flag)
{
    return (fcntl(fd, command) & flag) != 0;
}

struct scenario {
    const char *name;
    void (*run)(void);
};

/* main() of a program with these scenarios, of which the last has no name. */
static inline int run_scenario(const struct scenario *scenarios, int argc, char *argv[])
{
    if (argc < 3) {
        fprintf(stderr, "usage: %s SCENARIO ADDRESS...\n", argv[0]);
        return 2;
    }
    arguments = argv + 2;
    for (; scenarios->name != NULL; scenarios++) {
        if (strcmp(scenarios->name, argv[1]) == 0) {
            scenarios->run();
        }
    }
    fprintf(stderr, "no such scenario: %s\n", argv[1]);
    return 2;
}

#endif
