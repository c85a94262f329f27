/*
 * hello-server: a small HTTP/1.1 server that takes its sockets from a supervisor, the example to
 * copy. This file is the part that a supervised server has and another has not:
 *
 *   - it finds its listeners and its generation (take_listeners),
 *   - says when it serves (serve),
 *   - and at SIGTERM or SIGQUIT finishes what it has begun (stop).
 *
 * connection.c and request.c speak HTTP. inspect.c and the three options named "for tests" are
 * there for the project's tests, and a server of your own needs none of them.
 */
#include "connection.h"
#include "inspect.h"
#include "options.h"
#include "tasuki.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* So that a flood of new clients does not keep the others waiting. */
enum { ACCEPTS_AT_ONCE = 64 };

/* How long to leave the queue alone when there are no descriptors or no memory left. */
static const double ACCEPT_PAUSE_S = 0.5;

struct server {
    struct options options;
    struct service service;
    int generation;

    struct tasuki_listener *listeners; /* one block; this server's to free */
    int listener_count;
    ev_io *accept_watchers; /* one for each listener; those of non-streams are never started */

    ev_timer ready_delay;
    ev_timer exit_after;
    ev_timer accept_pause;
    ev_tstamp warned_at; /* a pause is logged once a second at most */
    ev_signal on_term;
    ev_signal on_quit;
};

/* One for the process: page() has no other way to it. */
static struct server server;
static char hello[64];
static size_t hello_length;

static struct text page(struct text target)
{
    struct text inspected = inspect_page(target);
    return inspected.data != NULL ? inspected : (struct text){hello, hello_length};
}

/* --- The listeners ---------------------------------------------------------------------------- */

/* What the supervisor holds for this server. */
static void take_listeners(void)
{
    server.listener_count = tasuki_listeners(&server.listeners);
    if (server.listener_count < 0) {
        errx(1, "SERVER_STARTER_PORT is not usable: %s", strerror(-server.listener_count));
    }
    if (server.listener_count == 0 && server.generation == 0) {
        warnx("no listeners: start me under tasuki, or give me a --port");
        exit(EXIT_USAGE);
    }
    /* A program that this one executes has no business with them. */
    tasuki_listeners_close_on_exec();
}

/* Without a supervisor, or to try what a server does that does not know of one. */
static void bind_own_listener(int port)
{
    static char text[sizeof "127.0.0.1:65535"];
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, (struct sockaddr *)&address, length) != 0 || listen(fd, SOMAXCONN) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        err(1, "cannot listen on 127.0.0.1:%d", port);
    }
    snprintf(text, sizeof text, "127.0.0.1:%d", ntohs(address.sin_port));
    server.listeners = malloc(sizeof *server.listeners);
    if (server.listeners == NULL) {
        err(1, "cannot keep the listener");
    }
    server.listeners[0] = (struct tasuki_listener){text, fd, SOCK_STREAM, AF_INET};
    server.listener_count = 1;
}

/*
 * Both settings belong to the socket that all generations share, not to this process's descriptor:
 * the others see them too, and as these are the same program, they want the same.
 */
static void prepare_listener(const struct tasuki_listener *listener)
{
    /* Another generation may take the connection between our wake-up and our accept. */
    int flags = fcntl(listener->fd, F_GETFL);
    if (flags < 0 || fcntl(listener->fd, F_SETFL, flags | O_NONBLOCK) != 0) {
        err(1, "cannot prepare %s", listener->address);
    }
    if (listener->family == AF_INET || listener->family == AF_INET6) {
        /* Accepted connections inherit it: each answer goes out at once. */
        int on = 1;
        setsockopt(listener->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
}

/* --- Accepting -------------------------------------------------------------------------------- */

static void accept_start(void)
{
    for (int i = 0; i < server.listener_count; i++) {
        if (server.listeners[i].type == SOCK_STREAM) {
            ev_io_start(server.service.loop, &server.accept_watchers[i]);
        }
    }
    ev_timer_stop(server.service.loop, &server.accept_pause);
}

static void accept_stop(void)
{
    for (int i = 0; i < server.listener_count; i++) {
        ev_io_stop(server.service.loop, &server.accept_watchers[i]);
    }
}

/* New clients wait in the queue, where none is lost, until a connection closes or time is up. */
static void accept_pause(const char *why)
{
    ev_tstamp now = ev_now(server.service.loop);
    if (now - server.warned_at >= 1) {
        warnx("no new connections for a moment: %s", why);
        server.warned_at = now;
    }
    accept_stop();
    ev_timer_again(server.service.loop, &server.accept_pause);
}

static void on_accept_pause_over(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)timer;
    (void)events;
    accept_start();
}

static void on_accept(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop;
    (void)events;
    for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
        int fd = accept4(io->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0 && connection_open(&server.service, fd)) {
            continue;
        }
        if (errno == EAGAIN) {
            return;
        }
        /* At ECONNABORTED one client has gone while it waited: on to the next. All else, such as
         * EMFILE, would come back at once and for ever. */
        if (errno != ECONNABORTED && errno != EINTR) {
            accept_pause(strerror(errno));
            return;
        }
    }
}

/* --- The life of the server ------------------------------------------------------------------- */

static void warn_if_failed(const char *what, int status)
{
    if (status < 0) {
        warnx("%s: %s", what, strerror(-status));
    }
}

static void serve(void)
{
    accept_start();
    warn_if_failed("cannot say that I am ready", tasuki_notify_ready());
    warn_if_failed("cannot tell my status",
                   tasuki_notify_status("generation %d serves", server.generation));
    for (int i = 0; i < server.listener_count; i++) {
        bool is_stream = server.listeners[i].type == SOCK_STREAM;
        warnx("generation %d pid %d %s %s", server.generation, (int)getpid(),
              is_stream ? "serves" : "does not serve datagrams on", server.listeners[i].address);
    }
}

static void on_ready_delay_over(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)timer;
    (void)events;
    serve();
}

static void finish_if_idle(void)
{
    if (server.service.is_stopping && server.service.connection_count == 0) {
        ev_break(server.service.loop, EVBREAK_ALL);
    }
}

static void on_connection_closed(struct service *service)
{
    (void)service;
    if (ev_is_active(&server.accept_pause)) {
        accept_start();
    }
    finish_if_idle();
}

/*
 * What waits in the listeners' queues is left there: the next generation accepts from the same
 * ones. Closing our descriptors does not close the sockets, which the supervisor holds, and so
 * does not take them out of our epoll set either: libev does that at their next event, but a loop
 * of your own must do it before the close.
 */
static void stop(struct ev_loop *loop, ev_signal *signal, int events)
{
    (void)signal;
    (void)events;
    if (server.service.is_stopping) {
        return;
    }
    ev_timer_stop(loop, &server.ready_delay);
    ev_timer_stop(loop, &server.accept_pause);
    accept_stop();
    for (int i = 0; i < server.listener_count; i++) {
        close(server.listeners[i].fd);
    }
    warn_if_failed("cannot say that I am stopping", tasuki_notify_stopping());
    connections_stop(&server.service);
    finish_if_idle();
}

static void on_exit_after(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)timer;
    (void)events;
    warnx("generation %d pid %d exits as it was told to", server.generation, (int)getpid());
    _exit(1);
}

/* libev catches them, but leaves them blocked if this process was started with them blocked. */
static void unblock_stop_signals(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGQUIT);
    sigprocmask(SIG_UNBLOCK, &signals, NULL);
}

static void set_up_watchers(void)
{
    struct ev_loop *loop = server.service.loop;
    const struct options *options = &server.options;

    server.accept_watchers = calloc((size_t)server.listener_count, sizeof *server.accept_watchers);
    if (server.accept_watchers == NULL && server.listener_count > 0) {
        err(1, "cannot watch the listeners");
    }
    for (int i = 0; i < server.listener_count; i++) {
        prepare_listener(&server.listeners[i]);
        ev_io_init(&server.accept_watchers[i], on_accept, server.listeners[i].fd, EV_READ);
    }
    ev_timer_init(&server.accept_pause, on_accept_pause_over, 0, ACCEPT_PAUSE_S);
    ev_timer_init(&server.ready_delay, on_ready_delay_over, options->ready_delay_s, 0);
    ev_timer_init(&server.exit_after, on_exit_after, options->exit_after_s, 0);
    ev_signal_init(&server.on_term, stop, SIGTERM);
    ev_signal_init(&server.on_quit, stop, SIGQUIT);
    ev_signal_start(loop, &server.on_term);
    ev_signal_start(loop, &server.on_quit);
    unblock_stop_signals();
    if (options->exit_after_s >= 0) {
        ev_timer_start(loop, &server.exit_after);
    }
}

static void run(void)
{
    struct options *options = &server.options;
    server.generation = tasuki_generation();
    if (server.generation < 0) {
        errx(1, "SERVER_STARTER_GENERATION is not usable: %s", strerror(-server.generation));
    }
    hello_length = (size_t)snprintf(hello, sizeof hello, "generation %d pid %d\n",
                                    server.generation, (int)getpid());
    server.service = (struct service){
        .loop = ev_default_loop(0),
        .idle_timeout_s = options->idle_timeout_s,
        .drain_s = options->drain_s,
        .response_delay_s = options->response_delay_s,
        .page = page,
        .on_closed = on_connection_closed,
    };
    if (server.service.loop == NULL) {
        errx(1, "cannot start libev's loop");
    }
    if (options->port == NO_PORT) {
        take_listeners();
    } else {
        bind_own_listener(options->port);
    }
    set_up_watchers();
    if (options->ready_delay_s > 0) {
        ev_timer_start(server.service.loop, &server.ready_delay);
    } else {
        serve();
    }
    ev_run(server.service.loop, 0);

    warnx("generation %d pid %d served %llu requests", server.generation, (int)getpid(),
          (unsigned long long)server.service.request_count);
    ev_loop_destroy(server.service.loop);
    free(server.accept_watchers);
    free(server.listeners);
}

int main(int argc, char **argv)
{
    inspect_take();
    /* Whole lines, as other generations may write to the same log. */
    setvbuf(stderr, NULL, _IOLBF, BUFSIZ);
    server.options = options_parse(argc, argv);
    run();
    inspect_free();
    return 0;
}
