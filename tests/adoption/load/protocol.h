/*
 * protocol: what is asked, and when an answer is complete: HTTP/1.1, redis and echoed datagrams.
 * Pure: it gets bytes and says how far the answer is; it knows no socket and no clock.
 */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HEAD_MAX = 8192 };

/* One request and its answer. */
struct exchange {
    uint64_t number;      /* of the request; what a datagram carries */
    bool asks_to_keep;    /* the connection */
    long expected_size;   /* of the body; -1: any */
    size_t received;      /* bytes of the answer */
    size_t head_length;   /* 0: the head has not ended yet */
    size_t body_length;   /* as the head says */
    bool has_body_length; /* otherwise the body ends with the connection */
    bool closes;          /* the server says that it will */
    char head[HEAD_MAX + 1];
};

enum progress {
    MORE,
    COMPLETE,
    COMPLETE_AT_END, /* if the connection ends here */
    NO_ANSWER,
};

struct protocol {
    const char *name;
    int type; /* of its sockets */
    /* Writes the request; returns its length. */
    size_t (*ask)(const struct exchange *exchange, char *room, size_t size);
    /* Says how far the answer is, after more of it has come. */
    enum progress (*read)(struct exchange *exchange);
};

/* NULL: there is none of this name. */
const struct protocol *protocol_by_name(const char *name);

void exchange_begin(struct exchange *exchange, uint64_t number, bool asks_to_keep,
                    long expected_size);

/* Adds bytes of the answer: the first HEAD_MAX are kept, the others counted. */
void exchange_take(struct exchange *exchange, const char *data, size_t length);

#endif
