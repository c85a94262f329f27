#include "control.h"

#include "control_client.h"
#include "control_socket.h"
#include "descriptor.h"
#include "json_field.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* How much one call of control_process does at most. */
enum { ACCEPTS_MAX = 64, EVENTS_MAX = 64 };

/* The listening socket's number among the clients'. */
#define LISTENER 0

struct control {
    struct control_handler handler;
    struct control_socket socket;
    int epoll_fd; /* owned */
    int spare_fd; /* owned; given up for a moment when no descriptor is left */
    uint64_t last_number;
    struct control_client *clients[CONTROL_CLIENTS_MAX]; /* owned, oldest first */
    size_t client_count;
};

/* --- clients -----------------------------------------------------------------------------------
 */

static struct control_client *find(const struct control *control, uint64_t number)
{
    for (size_t i = 0; i < control->client_count; i++) {
        if (control->clients[i]->number == number) {
            return control->clients[i];
        }
    }
    return NULL;
}

static void forget(struct control *control, struct control_client *client)
{
    size_t i = 0;
    while (control->clients[i] != client) {
        i++;
    }
    control->client_count--;
    /* By hand, since a child that has not executed its program yet may hold a copy. */
    epoll_ctl(control->epoll_fd, EPOLL_CTL_DEL, client->fd, NULL);
    for (; i < control->client_count; i++) {
        control->clients[i] = control->clients[i + 1];
    }
    control_client_free(client);
}

/* The handler hears of it only if it is waiting to reply. */
static void drop(struct control *control, struct control_client *client)
{
    uint64_t number = client->number;
    bool is_awaited = client->asked && !client->finished;
    forget(control, client);
    if (is_awaited && control->handler.on_gone != NULL) {
        control->handler.on_gone(control->handler.context, number);
    }
}

/* A client that has asked is not listened to any more, so that it cannot keep the loop busy; that
   it hangs up is told always. */
static void watch(const struct control *control, const struct control_client *client)
{
    struct epoll_event event = {.data.u64 = client->number};
    event.events = (client->asked ? 0 : (uint32_t)EPOLLIN) |
                   (client->queue.length > 0 ? (uint32_t)EPOLLOUT : 0);
    epoll_ctl(control->epoll_fd, EPOLL_CTL_MOD, client->fd, &event);
}

/* --- replies -----------------------------------------------------------------------------------
 */

static void send_line(struct control *control, struct control_client *client, const char *line)
{
    if (line == NULL || control_client_queue(client, line) != 0 ||
        control_client_flush(client) != 0) {
        control_client_lose(client);
    }
    watch(control, client);
}

void control_send(struct control *control, uint64_t number, const char *line)
{
    struct control_client *client = find(control, number);
    if (client != NULL && !client->finished && !client->lost) {
        send_line(control, client, line);
    }
}

void control_finish(struct control *control, uint64_t number)
{
    struct control_client *client = find(control, number);
    if (client == NULL) {
        return;
    }
    client->finished = true;
    if (client->queue.length == 0) {
        forget(control, client);
    }
}

/* To be freed; NULL without memory. */
static char *make_error(const char *message)
{
    json_t *result = json_object();
    field_set_text(result, "result", "error");
    field_set_text(result, "message", message);
    char *line = json_line(result);
    json_decref(result);
    return line;
}

static void refuse_request(struct control *control, struct control_client *client,
                           const char *message)
{
    char *line = make_error(message);
    client->asked = true;
    client->finished = true;
    send_line(control, client, line);
    free(line);
    if (client->queue.length == 0) {
        forget(control, client);
    }
}

/* A client that never becomes one: it gets the line if that goes out at once. */
static void refuse_connection(int fd, const char *message)
{
    struct control_client *client = control_client_new(LISTENER, fd);
    char *line = make_error(message);
    if (client != NULL && line != NULL && control_client_queue(client, line) == 0) {
        control_client_flush(client);
    }
    if (client != NULL) {
        control_client_free(client);
    }
    free(line);
}

/* --- connections -------------------------------------------------------------------------------
 */

static bool is_permitted(int fd)
{
    struct ucred peer;
    socklen_t length = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 &&
           (peer.uid == 0 || peer.uid == geteuid());
}

static bool make_place(struct control *control)
{
    for (size_t i = 0; i < control->client_count && control->client_count == CONTROL_CLIENTS_MAX;
         i++) {
        const struct control_client *client = control->clients[i];
        if (!client->asked || client->finished) {
            forget(control, control->clients[i]);
        }
    }
    return control->client_count < CONTROL_CLIENTS_MAX;
}

static void welcome(struct control *control, int fd)
{
    if (!is_permitted(fd)) {
        refuse_connection(fd, "permission denied: only root and the supervisor's user have access");
        return;
    }
    if (!make_place(control)) {
        refuse_connection(fd, "too many clients");
        return;
    }
    struct control_client *client = control_client_new(++control->last_number, fd);
    if (client == NULL) {
        return;
    }
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = client->number};
    if (epoll_ctl(control->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
        control_client_free(client);
        return;
    }
    control->clients[control->client_count++] = client;
}

static int open_spare(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* A connection that cannot be accepted for want of a descriptor would keep the listener readable,
   and the loop busy, for ever. */
static void turn_away(struct control *control)
{
    descriptor_close(&control->spare_fd);
    int fd = accept4(control->socket.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        refuse_connection(fd, "too many open files in the supervisor");
    }
    control->spare_fd = open_spare();
}

static void accept_clients(struct control *control)
{
    for (int i = 0; i < ACCEPTS_MAX; i++) {
        int fd = accept4(control->socket.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            welcome(control, fd);
        } else if (errno == EMFILE || errno == ENFILE) {
            turn_away(control);
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return;
        }
    }
}

/* --- what clients do ---------------------------------------------------------------------------
 */

/* The handler may finish the client, so nothing is done with it after the call. */
static void take_request(struct control *control, struct control_client *client)
{
    switch (control_client_read(client)) {
    case CONTROL_REQUEST_PARTIAL:
        break;
    case CONTROL_REQUEST_COMPLETE:
        client->asked = true;
        watch(control, client);
        control->handler.on_request(control->handler.context, client->number, client->request);
        break;
    case CONTROL_REQUEST_TOO_LONG:
        refuse_request(control, client, "the request is too long");
        break;
    case CONTROL_REQUEST_NOT_TEXT:
        refuse_request(control, client, "expected a line of text");
        break;
    case CONTROL_REQUEST_NONE:
        drop(control, client);
        break;
    }
}

/* A client that asked and hung up at once is listened to all the same. */
static void handle_events(struct control *control, uint64_t number, uint32_t events)
{
    struct control_client *client = find(control, number);
    if (client == NULL) {
        return;
    }
    if (!client->asked && !client->lost) {
        take_request(control, client);
        return;
    }
    if (client->lost || (events & (EPOLLHUP | EPOLLERR)) != 0 ||
        control_client_flush(client) != 0) {
        drop(control, client);
        return;
    }
    watch(control, client);
    if (client->finished && client->queue.length == 0) {
        forget(control, client);
    }
}

/* What a request took is given back to the system, not kept for the next one. */
static void release_memory(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

void control_process(struct control *control)
{
    struct epoll_event events[EVENTS_MAX];
    bool had_clients = control->client_count > 0;
    int count = epoll_wait(control->epoll_fd, events, EVENTS_MAX, 0);
    for (int i = 0; i < count; i++) {
        if (events[i].data.u64 == LISTENER) {
            accept_clients(control);
        } else {
            handle_events(control, events[i].data.u64, events[i].events);
        }
    }
    if (had_clients && control->client_count == 0) {
        release_memory();
    }
}

/* --- opening and closing -----------------------------------------------------------------------
 */

static int watch_listener(struct control *control, struct error *error)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = LISTENER};
    control->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (control->epoll_fd < 0 ||
        epoll_ctl(control->epoll_fd, EPOLL_CTL_ADD, control->socket.fd, &event) != 0) {
        return error_set(error, "cannot watch the control socket: %s", strerror(errno));
    }
    return 0;
}

struct control *control_open(const char *path, const struct control_handler *handler,
                             struct error *error)
{
    struct control *control = calloc(1, sizeof *control);
    if (control == NULL) {
        error_set(error, "control socket %s: out of memory", path);
        return NULL;
    }
    control->handler = *handler;
    control->epoll_fd = -1;
    control->spare_fd = open_spare();
    if (control_socket_open(&control->socket, path, error) != 0 ||
        watch_listener(control, error) != 0) {
        control_close(control);
        return NULL;
    }
    return control;
}

int control_fd(const struct control *control)
{
    return control->epoll_fd;
}

void control_close(struct control *control)
{
    if (control == NULL) {
        return;
    }
    while (control->client_count > 0) {
        struct control_client *client = control->clients[control->client_count - 1];
        control_client_flush(client);
        forget(control, client);
    }
    control_socket_close(&control->socket);
    descriptor_close(&control->epoll_fd);
    descriptor_close(&control->spare_fd);
    free(control);
}
