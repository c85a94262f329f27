/*
 * The options of a single socket, which stand behind its address: "8080,backlog=4096,nodelay". One
 * table has for each the values that it takes, the sockets that it applies to, and what sets it, so
 * that the parser, --help, `tasuki check` and the errors agree. Pure: it reads text and sets
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

/* What stands behind the equals sign. */
enum listener_option_kind {
    LISTENER_VALUE_YES_NO, /* may stand alone: yes */
    LISTENER_VALUE_NUMBER, /* from `least` to `most`; stands alone where the table says for what */
    LISTENER_VALUE_BYTES,  /* the same, with K or M behind it if wanted */
    LISTENER_VALUE_MODE,   /* octal */
    LISTENER_VALUE_TYPE,   /* stream, datagram, seqpacket: a SOCK_ number */
    LISTENER_VALUE_LABEL,  /* a name for LISTEN_FDNAMES */
    LISTENER_VALUE_TEXT,
};

struct listener_option_row {
    const char *name;
    const char *value; /* what --help calls it */
    enum listener_option_kind kind;
    unsigned classes;       /* those it applies to */
    const char *applies_to; /* the same in words */
    int64_t least, most;    /* of a number; `most` is the longest length of a text */
    int64_t alone;          /* the value of one that stands alone; -1: none does */
    int level, number;      /* of setsockopt(2); level -1: it is set in another way */
    const char *help;
};

extern const struct listener_option_row listener_option_rows[LISTENER_OPTION_COUNT];

/* One option with its value. */
struct listener_option {
    const struct listener_option_row *row;
    int64_t number;   /* of every kind but TEXT */
    const char *text; /* as it was written, which nothing ends; empty where it stands alone */
    size_t length;
};

/* Where the options behind a path begin: at a comma which a known option follows, or a word and an
   equals sign. A comma that is followed by anything else belongs to the path. NULL: there is none.
 */
const char *listener_options_begin(const char *text);

/* Checks the options from `text` to its end: each known, once, with a value that it takes. Returns
   0, or -1 with what was expected in `error`. */
int listener_options_check(const char *text, struct error *error);

/* Checks that each applies to this socket. */
int listener_options_check_class(const char *text, enum socket_class class, struct error *error);

/* Walks over options that were checked: takes the next one off `rest`. Returns false at the end. */
bool listener_option_next(const char **rest, struct listener_option *option);

/* Finds one among options that were checked; `text` may be NULL. */
bool listener_option_find(const char *text, enum listener_option_id id,
                          struct listener_option *option);

#endif
