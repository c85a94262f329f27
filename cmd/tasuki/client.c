#include "client.h"

#include "descriptor.h"
#include "interrupt.h"
#include "trusted_path.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* A reply that is longer than this is none. */
#define REPLY_MAX ((size_t)64 * 1024 * 1024)

int64_t client_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- the connection ----------------------------------------------------------------------------
 */

/* Besides root and this user, whoever owns the directory that was asked for may answer in it. */
static bool owns_directory(uid_t user, const char *path)
{
    AUTO_PLACE struct trusted_place place = {.directory = -1};
    struct stat directory;
    return trusted_find_entry(path, &place, NULL) == 0 && !place.is_strangers &&
           fstat(place.directory, &directory) == 0 && directory.st_uid == user;
}

/* The kernel tells who listens. In another pid namespace it has no number here: 0. */
static int find_process(struct client *client, const char *path, struct error *error)
{
    struct ucred peer;
    socklen_t length = sizeof peer;
    if (getsockopt(client->fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) {
        int reason = errno;
        error_set(error, "control socket %s: %s", path, strerror(reason));
        return reason;
    }
    if (!trusted_user(peer.uid) && !owns_directory(peer.uid, path)) {
        error_set(error,
                  "control socket %s: a process of user %u answers (expected root's or user %u's)",
                  path, (unsigned)peer.uid, (unsigned)geteuid());
        return EPERM;
    }
    if (peer.pid > 0) {
        client->pid = peer.pid;
        client->process_fd = (int)syscall(SYS_pidfd_open, peer.pid, 0);
    }
    return 0;
}

int client_connect(struct client *client, const char *path, struct error *error)
{
    *client = CLIENT_NONE;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        error_set(error, "control socket %s: the path is longer than %zu bytes", path,
                  sizeof address.sun_path - 1);
        return ENAMETOOLONG;
    }
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (client->fd < 0 ||
        connect(client->fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        int reason = errno;
        error_set(error, "control socket %s: %s", path,
                  reason == EAGAIN ? "the supervisor does not answer" : strerror(reason));
        client_close(client);
        return reason;
    }
    int reason = find_process(client, path, error);
    if (reason != 0) {
        client_close(client);
    }
    return reason;
}

void client_close(struct client *client)
{
    descriptor_close(&client->fd);
    descriptor_close(&client->process_fd);
    free(client->buffer);
    json_decref(client->object);
    *client = CLIENT_NONE;
}

/* A request is far shorter than a socket's buffer, so that it goes out at once. */
void client_ask(struct client *client, const char *line)
{
    char request[2048];
    int length = snprintf(request, sizeof request, "%s\n", line);
    (void)send(client->fd, request, (size_t)length, MSG_NOSIGNAL);
}

/* --- waiting -----------------------------------------------------------------------------------
 */

static enum client_outcome wait_for(int fd, int64_t deadline)
{
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    for (;;) {
        int64_t left = deadline == CLIENT_FOREVER ? 0 : deadline - client_now();
        left = left > 0 ? left : 0;
        const struct timespec timeout = {.tv_sec = left / 1000,
                                         .tv_nsec = (long)(left % 1000) * 1000000};
        int ready =
            ppoll(&readable, 1, deadline == CLIENT_FOREVER ? NULL : &timeout, interrupt_mask());
        if (interrupt_came()) {
            return CLIENT_INTERRUPTED;
        }
        if (ready > 0) {
            return CLIENT_REPLY;
        }
        if (ready == 0) {
            return CLIENT_TIMEOUT;
        }
    }
}

enum client_outcome client_wait_for_end(struct client *client, int64_t deadline)
{
    if (client->process_fd < 0) {
        return CLIENT_ENDED;
    }
    enum client_outcome outcome = wait_for(client->process_fd, deadline);
    return outcome == CLIENT_REPLY ? CLIENT_ENDED : outcome;
}

/* --- replies -----------------------------------------------------------------------------------
 */

static bool take_line(struct client *client)
{
    if (client->taken > 0) {
        client->length -= client->taken;
        memmove(client->buffer, client->buffer + client->taken, client->length);
        client->taken = 0;
    }
    char *newline = client->length > 0 ? memchr(client->buffer, '\n', client->length) : NULL;
    if (newline == NULL) {
        return false;
    }
    *newline = '\0';
    client->taken = (size_t)(newline - client->buffer) + 1;
    return true;
}

static int make_room(struct client *client)
{
    if (client->length < client->capacity) {
        return 0;
    }
    size_t capacity = client->capacity > 0 ? client->capacity * 2 : 4096;
    char *grown = capacity <= REPLY_MAX ? realloc(client->buffer, capacity) : NULL;
    if (grown == NULL) {
        return -1;
    }
    client->buffer = grown;
    client->capacity = capacity;
    return 0;
}

/* Returns CLIENT_REPLY when something has been read, perhaps not a whole line. */
static enum client_outcome read_more(struct client *client)
{
    if (make_room(client) != 0) {
        return CLIENT_GARBLED;
    }
    ssize_t length = recv(client->fd, client->buffer + client->length,
                          client->capacity - client->length, MSG_DONTWAIT);
    if (length > 0) {
        client->length += (size_t)length;
        return CLIENT_REPLY;
    }
    return length < 0 && (errno == EAGAIN || errno == EINTR) ? CLIENT_REPLY : CLIENT_ENDED;
}

enum client_outcome client_next(struct client *client, int64_t deadline)
{
    while (!take_line(client)) {
        enum client_outcome outcome = wait_for(client->fd, deadline);
        if (outcome == CLIENT_REPLY) {
            outcome = read_more(client);
        }
        if (outcome != CLIENT_REPLY) {
            return outcome;
        }
    }
    json_decref(client->object);
    client->object = json_loads(client->buffer, 0, NULL);
    return json_is_object(client->object) ? CLIENT_REPLY : CLIENT_GARBLED;
}

const char *client_line(const struct client *client)
{
    return client->buffer;
}
