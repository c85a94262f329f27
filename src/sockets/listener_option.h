/*
 * The options of a single socket, as in "8080,backlog=4096,nodelay" or the keys of [listen NAME].
 * One table has for each the values that it takes, the sockets that it applies to, and what sets
 * it, so that the parser, --help, `tasuki check` and the errors agree. Pure: it reads text and sets
 * nothing; listener.c does that.
 */
#ifndef LISTENER_OPTION_H
#define LISTENER_OPTION_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum listener_option_id {
    LISTENER_OPTION_TYPE,
    LISTENER_OPTION_NAME,
    LISTENER_OPTION_BACKLOG,
    LISTENER_OPTION_MODE,
    LISTENER_OPTION_USER,
    LISTENER_OPTION_GROUP,
    LISTENER_OPTION_V6ONLY,
    LISTENER_OPTION_REUSEPORT,
    LISTENER_OPTION_FREEBIND,
    LISTENER_OPTION_DEVICE,
    LISTENER_OPTION_DEFER_ACCEPT,
    LISTENER_OPTION_FASTOPEN,
    LISTENER_OPTION_NODELAY,
    LISTENER_OPTION_RCVBUF,
    LISTENER_OPTION_SNDBUF,
    LISTENER_OPTION_MARK,
    LISTENER_OPTION_COUNT
};

/* What a socket is, as far as options care: one bit. */
enum socket_class {
    SOCKET_TCP = 1 << 0,
    SOCKET_TCP_IPV6 = 1 << 1,
    SOCKET_TCP_PAIR = 1 << 2, /* *:PORT */
    SOCKET_UDP = 1 << 3,
    SOCKET_UDP_IPV6 = 1 << 4,
    SOCKET_UDP_PAIR = 1 << 5,
    SOCKET_PATH_STREAM = 1 << 6,
    SOCKET_PATH_SEQPACKET = 1 << 7,
    SOCKET_PATH_DATAGRAM = 1 << 8,
    SOCKET_ABSTRACT_STREAM = 1 << 9,
    SOCKET_ABSTRACT_SEQPACKET = 1 << 10,
    SOCKET_ABSTRACT_DATAGRAM = 1 << 11,
};

/* What follows the equals sign. */
enum listener_option_kind {
    LISTENER_VALUE_YES_NO,
    LISTENER_VALUE_NUMBER, /* from `least` to `most` */
    LISTENER_VALUE_BYTES,  /* the same; may end in K or M */
    LISTENER_VALUE_MODE,   /* octal */
    LISTENER_VALUE_TYPE,   /* stream, datagram, seqpacket: a SOCK_ number */
    LISTENER_VALUE_LABEL,  /* a name for LISTEN_FDNAMES */
    LISTENER_VALUE_TEXT,
};

struct listener_option_row {
    const char *name;
    const char *value; /* what --help calls it */
    enum listener_option_kind kind;
    unsigned classes;       /* the sockets that it applies to */
    const char *applies_to; /* the same in words */
    int64_t least, most;    /* of a number; `most` is the longest length of a text */
    int64_t alone;          /* its value where none is given; -1: it needs one */
    int level, number;      /* of setsockopt(2); level -1: it is set in another way */
    const char *help;
};

extern const struct listener_option_row listener_option_rows[LISTENER_OPTION_COUNT];

/* The value of an option that was given. */
struct listener_value {
    const char *text; /* as it was written, unterminated; the caller's */
    uint16_t length;  /* of it; 0: none was given */
    uint32_t number;  /* of every kind but LABEL and TEXT */
};

/* All zero: none. */
struct listener_options {
    uint32_t given; /* a bit for each */
    struct listener_value values[LISTENER_OPTION_COUNT];
};

/* NULL: it was not given. */
const struct listener_value *listener_option_get(const struct listener_options *options,
                                                 enum listener_option_id id);

/* Where the options after a path begin: at a comma followed by a known option, or by a word and an
   equals sign. Every other comma belongs to the path. NULL: there are none. */
const char *listener_options_begin(const char *text);

/* Adds the options of "KEY=VALUE,KEY,...", or one. They keep pointing to the text. Returns 0, or -1
   with what was expected in `error`. */
int listener_options_parse(struct listener_options *options, const char *text, struct error *error);
int listener_options_add(struct listener_options *options, const char *key, const char *value,
                         struct error *error);

/* The number of an option; -1: there is no such option. */
int listener_option_find(const char *key);

/* Returns 0, or -1 if the option does not apply to this kind of socket. */
int listener_option_check(enum listener_option_id id, enum socket_class class, struct error *error);

#endif
