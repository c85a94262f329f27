/*
 * A connection is always in one of five steps:
 *
 *     READING ──head──▶ SKIPPING ──body──▶ DELAYING ──▶ WRITING ──▶ READING, for the next request
 *                                                          └── after the last answer ──▶ LINGERING
 *
 * advance() goes from step to step for as long as there is something to do, and otherwise leaves a
 * watcher and a timer behind. Every step has its timer, so no client can hold a connection for
 * nothing. A function that may close the connection says so in its return value, and its caller
 * does not touch the connection after that.
 *
 * No request is lost in a stop, because the server does not close a connection that a client may be
 * about to use: it answers with "Connection: close", and then the client knows. Only a connection
 * that has been silent for drain_s is closed unasked.
 */
#include "connection.h"

#include "request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    INPUT_SIZE = 8192, /* the longest head of a request */
    HEAD_SIZE = 256,   /* the longest head of an answer; its parts are all ours */
};

/* How long a client may take to send a whole head, or to take or send the next part of a body. */
static const double TRANSFER_TIMEOUT_S = 30;
/* How long a client that was told of the close may take to close its side. */
static const double LINGER_S = 2;
/* A timer of 0 would be none at all. */
static const double SHORTEST_TIMEOUT_S = 0.001;

enum step { READING, SKIPPING, DELAYING, WRITING, LINGERING };

struct connection {
    struct service *service;
    struct connection *previous;
    struct connection *next;
    ev_io io;
    ev_timer timer;
    int watched; /* what io waits for: EV_READ, EV_WRITE, or 0 */
    enum step step;
    enum step after_writing;
    bool is_head_begun; /* READING: the first bytes of a head are here, and its time runs */

    int status;           /* of the answer to come */
    struct text body;     /* of the answer to come */
    bool is_body_omitted; /* the answer to a HEAD */
    bool is_last;         /* the connection ends with this answer */
    bool is_http_1_0;
    uint64_t skip_left; /* how much of the request's body is still to be read */

    char head[HEAD_SIZE];
    struct iovec output[2]; /* head and body, as far as they are still to be sent */
    size_t input_start;
    size_t input_end;
    char input[INPUT_SIZE];
};

enum received { RECEIVED, NOTHING, CLOSED };

static void close_connection(struct connection *connection)
{
    struct service *service = connection->service;
    ev_io_stop(service->loop, &connection->io);
    ev_timer_stop(service->loop, &connection->timer);
    close(connection->io.fd);
    if (connection->previous == NULL) {
        service->connections = connection->next;
    } else {
        connection->previous->next = connection->next;
    }
    if (connection->next != NULL) {
        connection->next->previous = connection->previous;
    }
    free(connection);
    service->connection_count--;
    service->on_closed(service);
}

/* Waits for EVENTS (EV_READ, EV_WRITE, or 0 for none) or for the timeout. */
static void wait_for(struct connection *connection, int events, double timeout_s)
{
    struct ev_loop *loop = connection->service->loop;
    if (connection->watched != events) {
        ev_io_stop(loop, &connection->io);
        ev_io_set(&connection->io, connection->io.fd, events);
        if (events != 0) {
            ev_io_start(loop, &connection->io);
        }
        connection->watched = events;
    }
    connection->timer.repeat = timeout_s > SHORTEST_TIMEOUT_S ? timeout_s : SHORTEST_TIMEOUT_S;
    ev_timer_again(loop, &connection->timer);
}

static void consume(struct connection *connection, size_t length)
{
    connection->input_start += length;
    if (connection->input_start == connection->input_end) {
        connection->input_start = 0;
        connection->input_end = 0;
    }
}

static size_t input_length(const struct connection *connection)
{
    return connection->input_end - connection->input_start;
}

/* Reads what the client has sent, as far as there is room. */
static enum received receive(struct connection *connection)
{
    if (connection->input_start > 0) {
        size_t length = input_length(connection);
        memmove(connection->input, connection->input + connection->input_start, length);
        connection->input_start = 0;
        connection->input_end = length;
    }
    ssize_t length = recv(connection->io.fd, connection->input + connection->input_end,
                          INPUT_SIZE - connection->input_end, MSG_DONTWAIT);
    if (length > 0) {
        connection->input_end += (size_t)length;
        return RECEIVED;
    }
    if (length < 0 && (errno == EAGAIN || errno == EINTR)) {
        return NOTHING;
    }
    close_connection(connection);
    return CLOSED;
}

static const char *reason(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 405:
        return "Method Not Allowed";
    case 408:
        return "Request Timeout";
    case 411:
        return "Length Required";
    case 431:
        return "Request Header Fields Too Large";
    case 505:
        return "HTTP Version Not Supported";
    default:
        return "Bad Request";
    }
}

static const char *date(struct service *service)
{
    time_t now = (time_t)ev_now(service->loop);
    if (now != service->date_second) {
        struct tm utc;
        gmtime_r(&now, &utc);
        strftime(service->date, sizeof service->date, "%a, %d %b %Y %H:%M:%S GMT", &utc);
        service->date_second = now;
    }
    return service->date;
}

/*
 * Is this the answer to say "Connection: close" with? In a stop it is, but requests that a
 * pipelining client has sent already are answered first, for as long as drain_s lasts.
 */
static bool is_last_answer(const struct connection *connection)
{
    const struct service *service = connection->service;
    if (connection->is_last || !service->is_stopping) {
        return connection->is_last;
    }
    return input_length(connection) == 0 || ev_now(service->loop) >= service->drained_at;
}

/* Puts the answer together. This comes late, so that a stop in the meantime is still told. */
static void begin_answer(struct connection *connection)
{
    connection->is_last = is_last_answer(connection);
    const char *persistence = "";
    if (connection->is_last) {
        persistence = "Connection: close\r\n";
    } else if (connection->is_http_1_0) {
        persistence = "Connection: keep-alive\r\n";
    }
    int length =
        snprintf(connection->head, HEAD_SIZE,
                 "HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Type: text/plain\r\n"
                 "Content-Length: %zu\r\n%s%s\r\n",
                 connection->status, reason(connection->status), date(connection->service),
                 connection->body.length,
                 connection->status == 405 ? "Allow: GET, HEAD, POST\r\n" : "", persistence);
    connection->output[0] = (struct iovec){connection->head, (size_t)length};
    /* sendmsg() only reads it, but struct iovec serves both directions. */
    connection->output[1].iov_base = (void *)connection->body.data;
    connection->output[1].iov_len = connection->is_body_omitted ? 0 : connection->body.length;
    connection->after_writing = connection->is_last ? LINGERING : READING;
    connection->step = WRITING;
}

/* Answers with an error, the last thing that this client hears: what follows cannot be trusted. */
static void refuse(struct connection *connection, int status)
{
    connection->status = status;
    connection->body = (struct text){reason(status), strlen(reason(status))};
    connection->is_body_omitted = false;
    connection->is_last = true;
    begin_answer(connection);
}

/* For clients that want to hear first that their body is welcome. */
static void begin_continue(struct connection *connection)
{
    static char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";
    connection->output[0] = (struct iovec){interim, sizeof interim - 1};
    connection->output[1] = (struct iovec){NULL, 0};
    connection->after_writing = SKIPPING;
    connection->step = WRITING;
}

static void accept_request(struct connection *connection, const struct request *request)
{
    struct service *service = connection->service;
    service->request_count++;
    bool is_allowed = request->method != METHOD_OTHER;
    connection->status = is_allowed ? 200 : 405;
    connection->body = is_allowed ? service->page(request->target)
                                  : (struct text){reason(405), strlen(reason(405))};
    connection->is_body_omitted = request->method == METHOD_HEAD;
    connection->is_last = !request->keep_alive;
    connection->is_http_1_0 = request->minor_version == 0;
    connection->skip_left = request->content_length;
}

/* Some clients send an empty line after a body. */
static void skip_empty_lines(struct connection *connection)
{
    for (;;) {
        const char *input = connection->input + connection->input_start;
        size_t length = input_length(connection);
        if (length >= 1 && input[0] == '\n') {
            consume(connection, 1);
        } else if (length >= 2 && input[0] == '\r' && input[1] == '\n') {
            consume(connection, 2);
        } else {
            return;
        }
    }
}

static void wait_for_request(struct connection *connection)
{
    const struct service *service = connection->service;
    if (input_length(connection) == 0) {
        wait_for(connection, EV_READ,
                 service->is_stopping ? service->drain_s : service->idle_timeout_s);
    } else if (!connection->is_head_begun) {
        /* From the first byte to the last: a byte now and then does not buy more time. */
        connection->is_head_begun = true;
        wait_for(connection, EV_READ, TRANSFER_TIMEOUT_S);
    }
}

/* The functions for the steps return true when they moved on, and false when they must wait. */
static bool read_request(struct connection *connection)
{
    skip_empty_lines(connection);
    struct request request;
    int length = request_parse(&request, connection->input + connection->input_start,
                               input_length(connection));
    if (length < 0) {
        refuse(connection, -length);
        return true;
    }
    if (length == 0 && input_length(connection) == INPUT_SIZE) {
        refuse(connection, 431);
        return true;
    }
    if (length == 0) {
        wait_for_request(connection);
        return false;
    }
    accept_request(connection, &request);
    consume(connection, (size_t)length);
    connection->is_head_begun = false;
    connection->step = SKIPPING;
    if (request.expects_continue && request.content_length > input_length(connection)) {
        begin_continue(connection);
    }
    return true;
}

static bool skip_body(struct connection *connection)
{
    size_t length = input_length(connection);
    if (length > connection->skip_left) {
        length = (size_t)connection->skip_left;
    }
    consume(connection, length);
    connection->skip_left -= length;
    if (connection->skip_left > 0) {
        wait_for(connection, EV_READ, TRANSFER_TIMEOUT_S);
        return false;
    }
    if (connection->service->response_delay_s > 0) {
        connection->step = DELAYING;
        wait_for(connection, 0, connection->service->response_delay_s);
        return false;
    }
    begin_answer(connection);
    return true;
}

/* Tells the client that nothing more comes, and waits for its close: closing with unread input
 * would reset the connection, and the client could lose the answer that is still under way. */
static void linger(struct connection *connection)
{
    shutdown(connection->io.fd, SHUT_WR);
    connection->step = LINGERING;
    wait_for(connection, EV_READ, LINGER_S);
}

static bool write_output(struct connection *connection)
{
    struct iovec *output = connection->output;
    struct msghdr message = {.msg_iov = output, .msg_iovlen = 2};
    ssize_t sent = sendmsg(connection->io.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        close_connection(connection);
        return false;
    }
    size_t left = sent < 0 ? 0 : (size_t)sent;
    for (int i = 0; i < 2; i++) {
        size_t done = left < output[i].iov_len ? left : output[i].iov_len;
        output[i].iov_base = (char *)output[i].iov_base + done;
        output[i].iov_len -= done;
        left -= done;
    }
    if (output[0].iov_len + output[1].iov_len > 0) {
        wait_for(connection, EV_WRITE, TRANSFER_TIMEOUT_S);
        return false;
    }
    if (connection->after_writing == LINGERING) {
        linger(connection);
        return false;
    }
    connection->step = connection->after_writing;
    return true;
}

static void advance(struct connection *connection)
{
    bool has_moved = true;
    while (has_moved) {
        switch (connection->step) {
        case READING:
            has_moved = read_request(connection);
            break;
        case SKIPPING:
            has_moved = skip_body(connection);
            break;
        case WRITING:
            has_moved = write_output(connection);
            break;
        case DELAYING:
        case LINGERING:
            has_moved = false;
            break;
        }
    }
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop;
    (void)events;
    struct connection *connection = io->data;
    if (connection->step == LINGERING) {
        connection->input_start = 0;
        connection->input_end = 0;
        receive(connection);
        return;
    }
    if (connection->step == WRITING || receive(connection) == RECEIVED) {
        advance(connection);
    }
}

/* No head in time. But look once more: it may have come in the same moment as the timer. */
static void on_request_timeout(struct connection *connection)
{
    switch (receive(connection)) {
    case RECEIVED:
        advance(connection);
        break;
    case NOTHING:
        if (input_length(connection) == 0) {
            linger(connection);
        } else {
            refuse(connection, 408);
            advance(connection);
        }
        break;
    case CLOSED:
        break;
    }
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    struct connection *connection = timer->data;
    switch (connection->step) {
    case READING:
        on_request_timeout(connection);
        break;
    case SKIPPING:
        refuse(connection, 408);
        advance(connection);
        break;
    case DELAYING:
        begin_answer(connection);
        advance(connection);
        break;
    case WRITING:
    case LINGERING:
        close_connection(connection);
        break;
    }
}

bool connection_open(struct service *service, int fd)
{
    struct connection *connection = malloc(sizeof *connection);
    if (connection == NULL) {
        close(fd);
        errno = ENOMEM;
        return false;
    }
    /* All but the input, which is most of it. */
    memset(connection, 0, offsetof(struct connection, input));
    connection->service = service;
    connection->step = READING;
    connection->next = service->connections;
    if (connection->next != NULL) {
        connection->next->previous = connection;
    }
    service->connections = connection;
    service->connection_count++;
    ev_io_init(&connection->io, on_io, fd, 0);
    connection->io.data = connection;
    ev_init(&connection->timer, on_timer);
    connection->timer.data = connection;
    wait_for_request(connection);
    return true;
}

void connections_stop(struct service *service)
{
    service->is_stopping = true;
    service->drained_at = ev_now(service->loop) + service->drain_s;
    for (struct connection *connection = service->connections; connection != NULL;
         connection = connection->next) {
        if (connection->step == READING && input_length(connection) == 0) {
            wait_for_request(connection);
        }
    }
}
