/*
 * One client's connection: it reads requests, answers them in order, and closes in such a way that
 * no answer is lost. It owns the connected socket and its watchers. It does not know where
 * connections come from nor what the answers mean: the service, which its owner fills in, says so.
 */
#ifndef HELLO_CONNECTION_H
#define HELLO_CONNECTION_H

#include "text.h"

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct connection;

/* What all connections have in common. The first part is the owner's to fill in. */
struct service {
    struct ev_loop *loop;
    double idle_timeout_s;   /* how long a client may keep a connection without a request */
    double drain_s;          /* the same once the service is stopping */
    double response_delay_s; /* how long every answer takes */
    /* The body of the answer to a request for TARGET. It must stay valid. */
    struct text (*page)(struct text target);
    /* Called after a connection has gone. */
    void (*on_closed)(struct service *service);

    struct connection *connections; /* a list, owned by the connections themselves */
    size_t connection_count;
    uint64_t request_count;
    bool is_stopping;
    ev_tstamp drained_at; /* when is_stopping: the end of drain_s */

    time_t date_second; /* the second that date shows */
    char date[32];      /* the Date header's value, kept for a second */
};

/*
 * Takes over FD, a connected stream socket, in every case. Returns false, with FD closed and errno
 * set, if there is no memory for it.
 */
bool connection_open(struct service *service, int fd);

/*
 * Begins to finish all connections: requests in progress are answered, and the next answer on each
 * connection says that it is the last. A connection without a request is closed after drain_s.
 */
void connections_stop(struct service *service);

#endif
