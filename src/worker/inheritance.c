#include "inheritance.h"

#include "builder.h"
#include "endpoint.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* The first descriptor of systemd's convention (SD_LISTEN_FDS_START). */
#define FIRST_FD 3
/* What sd_listen_fds_with_names(3) calls a socket without a name. */
#define NO_NAME "unknown"

static int set_text(struct environment *environment, const char *name, const struct builder *text,
                    struct error *error)
{
    return builder_is_whole(text) ? environment_set(environment, name, builder_text(text), error)
                                  : error_set(error, "out of memory for %s", name);
}

/* A list of the workers' descriptors, as several conventions have it. */
static int set_descriptors(struct environment *environment, const char *name,
                           const struct listener_set *listeners, const char *separator,
                           const char *end, struct error *error)
{
    AUTO_BUILDER struct builder text = {.length = 0};
    for (size_t i = 0; i < listeners->count; i++) {
        builder_add(&text, "%s%d", i > 0 ? separator : "", listeners->items[i].worker_fd);
    }
    builder_add(&text, "%s", end);
    return set_text(environment, name, &text, error);
}

/* --- the conventions -------------------------------------------------------------------------- */

/* Server::Starter: NAME=FD;NAME=FD;… */
static int write_server_starter(const struct listener_set *listeners,
                                struct environment *environment, struct error *error)
{
    AUTO_BUILDER struct builder ports = {.length = 0};
    for (size_t i = 0; i < listeners->count; i++) {
        builder_add(&ports, "%s%s=%d", i > 0 ? ";" : "", listeners->items[i].name,
                    listeners->items[i].worker_fd);
    }
    return set_text(environment, "SERVER_STARTER_PORT", &ports, error);
}

/* The convention has no numbers, only a count from 3 up; in what order is of no importance. */
static bool is_contiguous(const struct listener_set *listeners)
{
    for (size_t i = 0; i < listeners->count; i++) {
        int fd = listeners->items[i].worker_fd;
        if (fd < FIRST_FD || (size_t)fd - FIRST_FD >= listeners->count) {
            return false;
        }
    }
    return true;
}

static const struct listener *find_number(const struct listener_set *listeners, int worker_fd)
{
    for (size_t i = 0; i < listeners->count; i++) {
        if (listeners->items[i].worker_fd == worker_fd) {
            return &listeners->items[i];
        }
    }
    return NULL;
}

/* Names in the order of the descriptors, when there is one at all. */
static int write_names(const struct listener_set *listeners, struct environment *environment,
                       struct error *error)
{
    bool has_label = false;
    for (size_t i = 0; i < listeners->count; i++) {
        has_label = has_label || listeners->items[i].label != NULL;
    }
    if (!has_label) {
        return 0;
    }
    AUTO_BUILDER struct builder names = {.length = 0};
    for (size_t i = 0; i < listeners->count; i++) {
        const struct listener *listener = find_number(listeners, FIRST_FD + (int)i);
        bool is_named = listener != NULL && listener->label != NULL;
        builder_add(&names, "%s%s", i > 0 ? ":" : "", is_named ? listener->label : NO_NAME);
    }
    return set_text(environment, "LISTEN_FDNAMES", &names, error);
}

/* systemd, sd_listen_fds(3). A part of the sockets would be worse than none: nobody would notice
   that one is missing. */
static int write_systemd(const struct listener_set *listeners, struct environment *environment,
                         struct error *error)
{
    if (!is_contiguous(listeners)) {
        return 0;
    }
    /* Empty means: the worker's own pid, which worker.c fills in. */
    if (environment_set(environment, "LISTEN_PID", "", error) != 0 ||
        environment_set_number(environment, "LISTEN_FDS", listeners->count, error) != 0) {
        return -1;
    }
    return write_names(listeners, environment, error);
}

/* nginx, what an old master tells the new binary of: FD;FD;… */
static int write_nginx(const struct listener_set *listeners, struct environment *environment,
                       struct error *error)
{
    return set_descriptors(environment, "NGINX", listeners, ";", ";", error);
}

static int family_of(const struct listener *listener)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t length = sizeof address;
    return getsockname(listener->fd, (struct sockaddr *)&address, &length) == 0 ? address.ss_family
                                                                                : AF_UNSPEC;
}

static const char *family_name(int family)
{
    return family == AF_UNIX ? "AF_UNIX" : family == AF_INET6 ? "AF_INET6" : "AF_INET";
}

/* einhorn, README and lib/einhorn/command.rb. Its workers look at EINHORN_MASTER_PID, to see that
   they are its own, before they look for a socket; there is no command socket to acknowledge to. */
static int write_einhorn(const struct listener_set *listeners, struct environment *environment,
                         struct error *error)
{
    if (environment_set_number(environment, "EINHORN_MASTER_PID", (uint64_t)getpid(), error) != 0 ||
        environment_set_number(environment, "EINHORN_FD_COUNT", listeners->count, error) != 0 ||
        set_descriptors(environment, "EINHORN_FDS", listeners, " ", "", error) != 0) {
        return -1;
    }
    for (size_t i = 0; i < listeners->count; i++) {
        char name[64];
        snprintf(name, sizeof name, "EINHORN_FD_%zu", i);
        if (environment_set_number(environment, name, (uint64_t)listeners->items[i].worker_fd,
                                   error) != 0) {
            return -1;
        }
        snprintf(name, sizeof name, "EINHORN_FD_FAMILY_%zu", i);
        if (environment_set(environment, name, family_name(family_of(&listeners->items[i])),
                            error) != 0) {
            return -1;
        }
    }
    return 0;
}

/* unicorn, lib/unicorn/http_server.rb: FD,FD,… */
static int write_unicorn(const struct listener_set *listeners, struct environment *environment,
                         struct error *error)
{
    return set_descriptors(environment, "UNICORN_FD", listeners, ",", "", error);
}

/* Of `address`: HOST:PORT in numbers without brackets, or the path. Empty: php-fpm has no word for
   it, or would read it wrongly. */
static void describe_for_php_fpm(const struct listener *listener, char *buffer, size_t size)
{
    struct endpoint address = {.any.sa_family = AF_UNSPEC};
    socklen_t length = sizeof address.local;
    char host[INET6_ADDRSTRLEN];
    buffer[0] = '\0';
    if (listener->socket_type != SOCK_STREAM ||
        getsockname(listener->fd, &address.any, &length) != 0) {
        return;
    }
    if (address.any.sa_family == AF_INET) {
        inet_ntop(AF_INET, &address.ipv4.sin_addr, host, sizeof host);
        snprintf(buffer, size, "%s:%u", host, ntohs(address.ipv4.sin_port));
    } else if (address.any.sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &address.ipv6.sin6_addr, host, sizeof host);
        snprintf(buffer, size, "%s:%u", host, ntohs(address.ipv6.sin6_port));
    } else if (address.any.sa_family == AF_UNIX && address.local.sun_path[0] == '/' &&
               strpbrk(listener->name, "=,") == NULL) {
        snprintf(buffer, size, "%s", listener->name);
    }
}

/* php-fpm, sapi/fpm/fpm/fpm_sockets.c: ADDRESS=FD,ADDRESS=FD,… It looks for the address of each
   pool in it, letter by letter. */
static int write_php_fpm(const struct listener_set *listeners, struct environment *environment,
                         struct error *error)
{
    AUTO_BUILDER struct builder sockets = {.length = 0};
    for (size_t i = 0; i < listeners->count; i++) {
        char address[sizeof(struct sockaddr_un)];
        describe_for_php_fpm(&listeners->items[i], address, sizeof address);
        if (address[0] != '\0') {
            builder_add(&sockets, "%s%s=%d", sockets.length > 0 ? "," : "", address,
                        listeners->items[i].worker_fd);
        }
    }
    return sockets.length > 0 || !builder_is_whole(&sockets)
               ? set_text(environment, "FPM_SOCKETS", &sockets, error)
               : 0;
}

/* --- the table -------------------------------------------------------------------------------- */

#define VARIABLES_MAX 4

static const struct inheritance {
    const char *name;
    int (*write)(const struct listener_set *listeners, struct environment *environment,
                 struct error *error);
    const char *variables[VARIABLES_MAX]; /* a "_" at the end: all that begin so */
} conventions[] = {
    {"server-starter", write_server_starter, {"SERVER_STARTER_PORT", "SERVER_STARTER_GENERATION"}},
    {"systemd", write_systemd, {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID"}},
    {"nginx", write_nginx, {"NGINX"}},
    {"einhorn", write_einhorn, {"EINHORN_"}},
    {"unicorn", write_unicorn, {"UNICORN_FD"}},
    {"php-fpm", write_php_fpm, {"FPM_SOCKETS", "FPM_SOCKETS_"}},
};

enum {
    SERVER_STARTER, /* the first rows */
    SYSTEMD,
    CONVENTIONS = (int)(sizeof conventions / sizeof conventions[0])
};

static int find_convention(const char *name, size_t length)
{
    for (int i = 0; i < CONVENTIONS; i++) {
        if (strlen(conventions[i].name) == length &&
            memcmp(conventions[i].name, name, length) == 0) {
            return i;
        }
    }
    return -1;
}

int inheritance_parse(const char *list, inheritance_set *set, struct error *error)
{
    *set = 0;
    if (strcmp(list, "none") == 0) {
        return 0;
    }
    for (const char *at = list;; at++) {
        size_t length = strcspn(at, ",");
        int found = find_convention(at, length);
        if (found < 0) {
            return error_set(error,
                             "expected a list of server-starter, systemd, nginx, einhorn, unicorn "
                             "and php-fpm separated by commas, or none, got '%.*s'",
                             (int)length, at);
        }
        *set |= (inheritance_set)1 << found;
        at += length;
        if (*at == '\0') {
            return 0;
        }
    }
}

void inheritance_clear(struct environment *environment)
{
    for (int i = 0; i < CONVENTIONS; i++) {
        for (int j = 0; j < VARIABLES_MAX && conventions[i].variables[j] != NULL; j++) {
            const char *name = conventions[i].variables[j];
            if (name[strlen(name) - 1] == '_') {
                environment_unset_all(environment, name);
            } else {
                environment_unset(environment, name);
            }
        }
    }
}

int inheritance_write(inheritance_set set, const struct listener_set *listeners,
                      uint64_t generation, struct environment *environment, struct error *error)
{
    for (int i = 0; i < CONVENTIONS; i++) {
        /* Where there are no sockets only Server::Starter says so. */
        bool has_word = listeners->count > 0 || i == SERVER_STARTER;
        if ((set & (inheritance_set)1 << i) != 0 && has_word &&
            conventions[i].write(listeners, environment, error) != 0) {
            return -1;
        }
    }
    return environment_set_number(environment, "SERVER_STARTER_GENERATION", generation, error);
}

bool inheritance_has_gap(inheritance_set set, const struct listener_set *listeners,
                         struct error *problem)
{
    if ((set & (inheritance_set)1 << SYSTEMD) == 0 || is_contiguous(listeners)) {
        return false;
    }
    int missing = FIRST_FD;
    while (find_number(listeners, missing) != NULL) {
        missing++;
    }
    error_set(problem,
              "not setting LISTEN_FDS: it needs sockets from 3 upwards without a gap, but "
              "descriptor %d is not a socket",
              missing);
    return true;
}
