#include "control_client.h"

#include "ascii.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What is thrown away at most when a client is closed: more than a socket's buffers usually hold.
 */
#define DRAIN_MAX ((size_t)256 * 1024)

struct control_client *control_client_new(uint64_t number, int fd)
{
    struct control_client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        close(fd);
        return NULL;
    }
    client->number = number;
    client->fd = fd;
    return client;
}

/* A connection that is closed with something unread in it gives its peer ECONNRESET in the place of
   an orderly end. */
static void drain(int fd)
{
    char rubbish[4096];
    size_t drained = 0;
    ssize_t length;
    do {
        length = recv(fd, rubbish, sizeof rubbish, MSG_DONTWAIT);
        drained += length > 0 ? (size_t)length : 0;
    } while (length > 0 && drained < DRAIN_MAX);
}

void control_client_free(struct control_client *client)
{
    drain(client->fd);
    close(client->fd);
    builder_free(&client->queue);
    free(client);
}

static bool is_text(const char *line, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (ascii_is_control(line[i])) {
            return false;
        }
    }
    return true;
}

enum control_request control_client_read(struct control_client *client)
{
    char *end = client->request + client->request_length;
    size_t room = sizeof client->request - client->request_length;
    ssize_t length = recv(client->fd, end, room, MSG_DONTWAIT);
    if (length < 0 && (errno == EAGAIN || errno == EINTR)) {
        return CONTROL_REQUEST_PARTIAL;
    }
    if (length <= 0) {
        return CONTROL_REQUEST_NONE;
    }
    client->request_length += (size_t)length;
    char *newline = memchr(end, '\n', (size_t)length);
    if (newline == NULL) {
        return client->request_length == sizeof client->request ? CONTROL_REQUEST_TOO_LONG
                                                                : CONTROL_REQUEST_PARTIAL;
    }
    *newline = '\0';
    return is_text(client->request, (size_t)(newline - client->request)) ? CONTROL_REQUEST_COMPLETE
                                                                         : CONTROL_REQUEST_NOT_TEXT;
}

int control_client_queue(struct control_client *client, const char *text)
{
    size_t length = strlen(text);
    if (client->queue.length + length + 1 > CONTROL_QUEUE_MAX) {
        return -1;
    }
    builder_add_bytes(&client->queue, text, length);
    builder_add_bytes(&client->queue, "\n", 1);
    return builder_is_whole(&client->queue) ? 0 : -1;
}

int control_client_flush(struct control_client *client)
{
    size_t sent = 0;
    while (sent < client->queue.length) {
        ssize_t length = send(client->fd, client->queue.bytes + sent, client->queue.length - sent,
                              MSG_DONTWAIT | MSG_NOSIGNAL);
        if (length >= 0) {
            sent += (size_t)length;
        } else if (errno != EINTR) {
            builder_drop_front(&client->queue, sent);
            return errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM ? 0 : -1;
        }
    }
    builder_free(&client->queue);
    return 0;
}

void control_client_lose(struct control_client *client)
{
    client->lost = true;
    builder_free(&client->queue);
    shutdown(client->fd, SHUT_RDWR);
}
