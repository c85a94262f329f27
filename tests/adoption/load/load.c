/*
 * load: asks a server again and again, on new and on kept connections at the same time, until it
 * gets TERM; then it waits for the answers that are under way and says what became of every
 * request.
 *
 *   load [--protocol http|redis|udp] [--new N] [--kept N] [--size BYTES] [--pause MS]
 *        [--timeout MS] HOST:PORT|PATH
 *
 * A client that is not answered is not always told the same. Where the difference matters, most
 * load generators count one number; this one keeps them apart:
 *
 *   refused     nobody listens (a unix socket: or its path is gone)
 *   unanswered  the connection was made, and ended before a byte of the answer
 *   cut         it ended in the middle of the answer
 *   wrong       the answer was none: another status, another size
 *   late        no end of it within --timeout
 *
 * A kept connection that the server closes while nothing is asked is no loss: the next request goes
 * out on another one. It owns its sockets, prints one line for each kind of connection, and never
 * asks twice for the same answer.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "protocol.h"

enum {
    CONNECTIONS_MAX = 256,
    TOLD_MAX = 20, /* so many losses are described; the rest is only counted */
};

enum outcome { OUTCOME_OK, REFUSED, UNANSWERED, CUT, WRONG, LATE, OUTCOMES };
static const char *const outcome_names[OUTCOMES] = {"ok",  "refused", "unanswered",
                                                    "cut", "wrong",   "late"};

enum state { PAUSED, CONNECTING, ASKED, FINISHED };

struct connection {
    int fd; /* -1: none at the moment */
    bool is_kept;
    enum state state;
    int64_t deadline_ms; /* when the pause, or the patience, ends */
    int64_t asked_ms;
    struct exchange exchange;
};

static struct {
    const struct protocol *protocol;
    struct sockaddr_storage address;
    socklen_t address_length;
    long body_size;
    int64_t pause_ms;
    int64_t timeout_ms;
} settings = {.body_size = -1, .pause_ms = 5, .timeout_ms = 10000};

static struct connection connections[CONNECTIONS_MAX];
static size_t connection_count;
static uint64_t counts[2][OUTCOMES];
static int64_t slowest_ms[2];
static uint64_t last_number;
static unsigned told;
static int poll_fd;
static volatile sig_atomic_t is_stopping;

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- one connection ----------------------------------------------------------------------------
 */

static void hang_up(struct connection *connection)
{
    if (connection->fd >= 0) {
        close(connection->fd);
    }
    connection->fd = -1;
}

static void tell(const struct connection *connection, enum outcome outcome, int error)
{
    if (outcome == OUTCOME_OK || told++ >= TOLD_MAX) {
        return;
    }
    fprintf(stderr, "load: %s connection: %s after %zu bytes and %lld ms%s%s\n",
            connection->is_kept ? "kept" : "new", outcome_names[outcome],
            connection->exchange.received, (long long)(now_ms() - connection->asked_ms),
            error != 0 ? ": " : "", error != 0 ? strerror(error) : "");
}

static void finish(struct connection *connection, enum outcome outcome, int error)
{
    int64_t now = now_ms();
    tell(connection, outcome, error);
    counts[connection->is_kept][outcome]++;
    if (outcome == OUTCOME_OK && now - connection->asked_ms > slowest_ms[connection->is_kept]) {
        slowest_ms[connection->is_kept] = now - connection->asked_ms;
    }
    if (outcome != OUTCOME_OK || !connection->is_kept || connection->exchange.closes) {
        hang_up(connection);
    }
    connection->state = PAUSED;
    connection->deadline_ms = now + settings.pause_ms;
}

/* The connection ended, by itself or with an error, and the answer was not complete before. */
static void finish_early(struct connection *connection, int error)
{
    finish(connection, connection->exchange.received > 0 ? CUT : UNANSWERED, error);
}

static void send_request(struct connection *connection)
{
    char request[256];
    size_t length = settings.protocol->ask(&connection->exchange, request, sizeof request);
    connection->state = ASKED;
    if (send(connection->fd, request, length, MSG_NOSIGNAL) == (ssize_t)length) {
        return;
    }
    if (errno == ECONNREFUSED) { /* a datagram socket learns of it so */
        finish(connection, REFUSED, errno);
    } else {
        finish_early(connection, errno);
    }
}

static void watch(struct connection *connection, uint32_t events, int operation)
{
    struct epoll_event event = {.events = events, .data.ptr = connection};
    if (epoll_ctl(poll_fd, operation, connection->fd, &event) < 0) {
        err(2, "epoll_ctl");
    }
}

static void finish_connect(struct connection *connection, int error)
{
    if (error == 0) {
        watch(connection, EPOLLIN, EPOLL_CTL_MOD);
        send_request(connection);
    } else if (error == ECONNREFUSED || error == ENOENT) {
        finish(connection, REFUSED, error);
    } else if (error == EAGAIN) { /* the queue of a unix socket is full */
        finish(connection, LATE, error);
    } else {
        finish_early(connection, error);
    }
}

static void open_connection(struct connection *connection)
{
    connection->fd = socket(settings.address.ss_family,
                            settings.protocol->type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connection->fd < 0) {
        err(2, "socket");
    }
    if (settings.address.ss_family == AF_INET && settings.protocol->type == SOCK_STREAM) {
        setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    }
    connection->state = CONNECTING;
    watch(connection, EPOLLOUT, EPOLL_CTL_ADD);
    int result = connect(connection->fd, (const struct sockaddr *)&settings.address,
                         settings.address_length);
    if (result == 0 || errno != EINPROGRESS) {
        finish_connect(connection, result == 0 ? 0 : errno);
    }
}

/* A kept connection is of use as long as the server has neither closed it nor said anything. */
static bool is_usable(const struct connection *connection)
{
    char byte;
    return connection->fd >= 0 && recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           errno == EAGAIN;
}

static void ask(struct connection *connection)
{
    exchange_begin(&connection->exchange, ++last_number, connection->is_kept, settings.body_size);
    connection->asked_ms = now_ms();
    connection->deadline_ms = connection->asked_ms + settings.timeout_ms;
    if (is_usable(connection)) {
        send_request(connection);
        return;
    }
    hang_up(connection);
    open_connection(connection);
}

/* Reads what is there. Returns false when this request is done with. */
static bool receive(struct connection *connection)
{
    static char data[65536];
    ssize_t length = recv(connection->fd, data, sizeof data, 0);
    if (length < 0) {
        if (errno == EAGAIN) {
            return false;
        }
        if (errno == ECONNREFUSED) {
            finish(connection, REFUSED, errno);
        } else {
            finish_early(connection, errno);
        }
        return false;
    }
    if (length == 0) {
        enum progress progress = connection->exchange.received > 0
                                     ? settings.protocol->read(&connection->exchange)
                                     : MORE;
        if (progress == COMPLETE_AT_END) {
            connection->exchange.closes = true;
            finish(connection, OUTCOME_OK, 0);
        } else {
            finish_early(connection, 0);
        }
        return false;
    }
    exchange_take(&connection->exchange, data, (size_t)length);
    switch (settings.protocol->read(&connection->exchange)) {
    case COMPLETE:
        finish(connection, OUTCOME_OK, 0);
        return false;
    case NO_ANSWER:
        finish(connection, WRONG, 0);
        return false;
    case MORE:
    case COMPLETE_AT_END:
        break;
    }
    return true;
}

static void handle(struct connection *connection)
{
    switch (connection->state) {
    case CONNECTING: {
        int error = 0;
        getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &(socklen_t){sizeof error});
        finish_connect(connection, error);
        break;
    }
    case ASKED:
        while (receive(connection)) {
        }
        break;
    case PAUSED: /* the server closed a kept connection */
    case FINISHED:
        hang_up(connection);
        break;
    }
}

/* --- all of them -------------------------------------------------------------------------------
 */

static void handle_deadline(struct connection *connection)
{
    if (connection->state == PAUSED && is_stopping) {
        hang_up(connection);
        connection->state = FINISHED;
    } else if (connection->deadline_ms > now_ms()) {
        return;
    } else if (connection->state == PAUSED) {
        ask(connection);
    } else if (settings.protocol->type == SOCK_DGRAM) { /* nobody tells that a datagram is lost */
        finish(connection, UNANSWERED, 0);
    } else {
        finish(connection, LATE, 0);
    }
}

/* Handles what is due; returns the milliseconds until more is, -1 when all are done with. */
static int handle_deadlines(void)
{
    int64_t next = -1;
    for (size_t i = 0; i < connection_count; i++) {
        struct connection *connection = &connections[i];
        if (connection->state != FINISHED) {
            handle_deadline(connection);
        }
        if (connection->state != FINISHED && (next < 0 || connection->deadline_ms < next)) {
            next = connection->deadline_ms;
        }
    }
    if (next < 0) {
        return -1;
    }
    int64_t wait = next - now_ms();
    return wait > 0 ? (int)wait : 0;
}

static void run(void)
{
    struct epoll_event events[CONNECTIONS_MAX];
    sigset_t none;
    sigemptyset(&none);
    for (int wait_ms = handle_deadlines(); wait_ms >= 0; wait_ms = handle_deadlines()) {
        /* TERM is taken only here, so that it always ends the wait. */
        int count = epoll_pwait(poll_fd, events, CONNECTIONS_MAX, wait_ms, &none);
        for (int i = 0; i < count; i++) {
            handle(events[i].data.ptr);
        }
    }
}

static void report(void)
{
    static const char *const kinds[2] = {"new", "kept"};
    for (int kind = 0; kind < 2; kind++) {
        uint64_t asked = 0;
        for (int outcome = 0; outcome < OUTCOMES; outcome++) {
            asked += counts[kind][outcome];
        }
        printf("RESULT %s asked=%llu", kinds[kind], (unsigned long long)asked);
        for (int outcome = 0; outcome < OUTCOMES; outcome++) {
            printf(" %s=%llu", outcome_names[outcome], (unsigned long long)counts[kind][outcome]);
        }
        printf(" slowest_ms=%lld\n", (long long)slowest_ms[kind]);
    }
}

/* --- the command line --------------------------------------------------------------------------
 */

static void parse_address(const char *text)
{
    if (text[0] == '/') {
        struct sockaddr_un *address = (struct sockaddr_un *)&settings.address;
        address->sun_family = AF_UNIX;
        if (snprintf(address->sun_path, sizeof address->sun_path, "%s", text) >=
            (int)sizeof address->sun_path) {
            errx(2, "%s: too long for a unix socket", text);
        }
        settings.address_length = sizeof *address;
        return;
    }
    struct sockaddr_in *address = (struct sockaddr_in *)&settings.address;
    const char *colon = strchr(text, ':');
    char host[INET_ADDRSTRLEN] = "";
    if (colon == NULL || (size_t)(colon - text) >= sizeof host) {
        errx(2, "%s: expected HOST:PORT or /PATH", text);
    }
    memcpy(host, text, (size_t)(colon - text));
    address->sin_family = AF_INET;
    address->sin_port = htons((uint16_t)atoi(colon + 1));
    if (inet_pton(AF_INET, host, &address->sin_addr) != 1) {
        errx(2, "%s: not an IPv4 address", host);
    }
    settings.address_length = sizeof *address;
}

static void add_connections(int count, bool are_kept)
{
    for (int i = 0; i < count && connection_count < CONNECTIONS_MAX; i++) {
        /* Not all at once: each begins a little later. */
        connections[connection_count] = (struct connection){
            .fd = -1,
            .is_kept = are_kept,
            .deadline_ms = now_ms() + (int64_t)connection_count % (settings.pause_ms + 1),
        };
        connection_count++;
    }
}

static void stop(int number)
{
    (void)number;
    is_stopping = 1;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"protocol", required_argument, NULL, 'P'},
        {"new", required_argument, NULL, 'n'},
        {"kept", required_argument, NULL, 'k'},
        {"size", required_argument, NULL, 's'},
        {"pause", required_argument, NULL, 'p'},
        {"timeout", required_argument, NULL, 't'},
        {NULL, 0, NULL, 0},
    };
    int fresh = 4;
    int kept = 4;
    settings.protocol = protocol_by_name("http");
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'P':
            settings.protocol = protocol_by_name(optarg);
            break;
        case 'n':
            fresh = atoi(optarg);
            break;
        case 'k':
            kept = atoi(optarg);
            break;
        case 's':
            settings.body_size = atol(optarg);
            break;
        case 'p':
            settings.pause_ms = atoi(optarg);
            break;
        case 't':
            settings.timeout_ms = atoi(optarg);
            break;
        default:
            return 2;
        }
    }
    if (argc - optind != 1 || settings.protocol == NULL) {
        errx(2, "expected one address, and http, redis or udp");
    }
    parse_address(argv[optind]);
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGINT);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    signal(SIGTERM, stop);
    signal(SIGINT, stop);
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    add_connections(fresh, false);
    add_connections(kept, true);
    run();
    report();
    return 0;
}
