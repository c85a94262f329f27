#include "listener_option.h"

#include "ascii.h"
#include "nearest.h"
#include "span.h"

#include <limits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* --- the table -------------------------------------------------------------------------------- */

#define TCP (SOCKET_TCP | SOCKET_TCP_IPV6 | SOCKET_TCP_PAIR)
#define UDP (SOCKET_UDP | SOCKET_UDP_IPV6 | SOCKET_UDP_PAIR)
#define PATH (SOCKET_PATH_STREAM | SOCKET_PATH_SEQPACKET | SOCKET_PATH_DATAGRAM)
#define ABSTRACT (SOCKET_ABSTRACT_STREAM | SOCKET_ABSTRACT_SEQPACKET | SOCKET_ABSTRACT_DATAGRAM)
#define ACCEPTING                                                                                  \
    (TCP | SOCKET_PATH_STREAM | SOCKET_PATH_SEQPACKET | SOCKET_ABSTRACT_STREAM |                   \
     SOCKET_ABSTRACT_SEQPACKET)

#define EVERY_SOCKET TCP | UDP | PATH | ABSTRACT, "every socket"
#define ONLY_TCP TCP, "TCP"
#define INTERNET TCP | UDP, "TCP and UDP"
#define ONLY_IPV6 SOCKET_TCP_IPV6 | SOCKET_UDP_IPV6, "[IPV6]:PORT"
#define ONLY_UNIX PATH | ABSTRACT, "unix sockets"
#define WITH_PATH PATH, "unix sockets with a path"
#define WITH_QUEUE ACCEPTING, "sockets that accept connections"

#define NO_NUMBER -1, -1

const struct listener_option_row listener_option_rows[LISTENER_OPTION_COUNT] = {
    [LISTENER_OPTION_TYPE] = {"type", "stream|datagram|seqpacket", LISTENER_VALUE_TYPE, ONLY_UNIX,
                              0, 0, -1, NO_NUMBER, "type of the unix socket; default: stream"},
    [LISTENER_OPTION_NAME] = {"name", "NAME", LISTENER_VALUE_LABEL, EVERY_SOCKET, 1, 255, -1,
                              NO_NUMBER, "the socket's name in LISTEN_FDNAMES"},
    [LISTENER_OPTION_BACKLOG] = {"backlog", "N", LISTENER_VALUE_NUMBER, WITH_QUEUE, 1, INT_MAX, -1,
                                 NO_NUMBER, "queue length of this socket; overrides --backlog"},
    [LISTENER_OPTION_MODE] = {"mode", "OCTAL", LISTENER_VALUE_MODE, WITH_PATH, 0, 0777, -1,
                              NO_NUMBER, "the path's permissions; default: 0777"},
    [LISTENER_OPTION_USER] = {"user", "USER", LISTENER_VALUE_TEXT, WITH_PATH, 1, 255, -1, NO_NUMBER,
                              "owner of the path, by name or number"},
    [LISTENER_OPTION_GROUP] = {"group", "GROUP", LISTENER_VALUE_TEXT, WITH_PATH, 1, 255, -1,
                               NO_NUMBER, "group of the path, by name or number"},
    [LISTENER_OPTION_V6ONLY] = {"v6only", "yes|no", LISTENER_VALUE_YES_NO, ONLY_IPV6, 0, 1, 1,
                                IPPROTO_IPV6, IPV6_V6ONLY, "no IPv4 on this socket; default: yes"},
    [LISTENER_OPTION_REUSEPORT] = {"reuseport", "yes|no", LISTENER_VALUE_YES_NO, INTERNET, 0, 1, 1,
                                   SOL_SOCKET, SO_REUSEPORT,
                                   "share the port with other sockets that have this option"},
    [LISTENER_OPTION_FREEBIND] = {"freebind", "yes|no", LISTENER_VALUE_YES_NO, INTERNET, 0, 1, 1,
                                  IPPROTO_IP, IP_FREEBIND,
                                  "bind an address that no interface has yet"},
    [LISTENER_OPTION_DEVICE] = {"device", "INTERFACE", LISTENER_VALUE_TEXT, INTERNET, 1,
                                IFNAMSIZ - 1, -1, NO_NUMBER, "receive from this interface alone"},
    [LISTENER_OPTION_DEFER_ACCEPT] =
        {"defer-accept", "SECONDS", LISTENER_VALUE_NUMBER, ONLY_TCP, 0, 3600, 1, IPPROTO_TCP,
         TCP_DEFER_ACCEPT, "wake the server only when data has arrived, or after SECONDS"},
    [LISTENER_OPTION_FASTOPEN] =
        {"fastopen", "N", LISTENER_VALUE_NUMBER, ONLY_TCP, 0, INT_MAX, -1, IPPROTO_TCP,
         TCP_FASTOPEN, "accept data in the first packet, for at most N clients at a time"},
    [LISTENER_OPTION_NODELAY] = {"nodelay", "yes|no", LISTENER_VALUE_YES_NO, ONLY_TCP, 0, 1, 1,
                                 IPPROTO_TCP, TCP_NODELAY,
                                 "send small packets at once, also on accepted connections"},
    [LISTENER_OPTION_RCVBUF] = {"rcvbuf", "BYTES", LISTENER_VALUE_BYTES, EVERY_SOCKET, 1,
                                INT_MAX / 2, -1, SOL_SOCKET, SO_RCVBUF,
                                "size of the receive buffer"},
    [LISTENER_OPTION_SNDBUF] = {"sndbuf", "BYTES", LISTENER_VALUE_BYTES, EVERY_SOCKET, 1,
                                INT_MAX / 2, -1, SOL_SOCKET, SO_SNDBUF, "size of the send buffer"},
    [LISTENER_OPTION_MARK] = {"mark", "N", LISTENER_VALUE_NUMBER, INTERNET, 0, UINT32_MAX, -1,
                              SOL_SOCKET, SO_MARK, "mark its packets for routing and filters"},
};

static const char *class_name(enum socket_class class)
{
    switch (class) {
    case SOCKET_TCP:
        return "TCP on IPv4";
    case SOCKET_TCP_IPV6:
        return "TCP on IPv6";
    case SOCKET_TCP_PAIR:
        return "TCP on *:PORT";
    case SOCKET_UDP:
        return "UDP on IPv4";
    case SOCKET_UDP_IPV6:
        return "UDP on IPv6";
    case SOCKET_UDP_PAIR:
        return "UDP on *:PORT";
    case SOCKET_PATH_STREAM:
        return "unix stream sockets";
    case SOCKET_PATH_SEQPACKET:
        return "unix seqpacket sockets";
    case SOCKET_PATH_DATAGRAM:
        return "unix datagram sockets";
    case SOCKET_ABSTRACT_STREAM:
    case SOCKET_ABSTRACT_SEQPACKET:
    case SOCKET_ABSTRACT_DATAGRAM:
        return "abstract unix sockets";
    }
    return "?";
}

static int find(struct span key)
{
    for (int id = 0; id < LISTENER_OPTION_COUNT; id++) {
        if (span_is(key, listener_option_rows[id].name)) {
            return id;
        }
    }
    return -1;
}

int listener_option_find(const char *key)
{
    return find(span_of(key));
}

/* --- values ----------------------------------------------------------------------------------- */

static int64_t parse_number(struct span span, int64_t most)
{
    bool is_hexadecimal = span.length > 2 && span.start[0] == '0' && (span.start[1] | 0x20) == 'x';
    return is_hexadecimal
               ? span_parse_number((struct span){span.start + 2, span.length - 2}, 16, most)
               : span_parse_number(span, 10, most);
}

static int64_t parse_bytes(struct span span, int64_t most)
{
    int unit = span.length > 0 ? span.start[span.length - 1] | 0x20 : 0;
    int64_t factor = unit == 'k' ? 1024 : unit == 'm' ? INT64_C(1024) * 1024 : 1;
    span.length -= factor > 1;
    int64_t number = span_parse_number(span, 10, most / factor);
    return number < 0 ? -1 : number * factor;
}

static int64_t parse_type(struct span span)
{
    return span_is(span, "stream")      ? SOCK_STREAM
           : span_is(span, "datagram")  ? SOCK_DGRAM
           : span_is(span, "seqpacket") ? SOCK_SEQPACKET
                                        : -1;
}

/* What sd_listen_fds_with_names(3) allows: the names are joined with colons. */
static bool is_label(struct span span)
{
    for (size_t i = 0; i < span.length; i++) {
        if (span.start[i] < ' ' || span.start[i] > '~' || span.start[i] == ':') {
            return false;
        }
    }
    return true;
}

/* The number that a value says, 0 for a text; -1 where it says nothing that the option takes. */
static int64_t parse_value(const struct listener_option_row *row, struct span value)
{
    int64_t number = -1;
    switch (row->kind) {
    case LISTENER_VALUE_YES_NO:
        return span_parse_answer(value);
    case LISTENER_VALUE_NUMBER:
        number = parse_number(value, row->most);
        break;
    case LISTENER_VALUE_BYTES:
        number = parse_bytes(value, row->most);
        break;
    case LISTENER_VALUE_MODE:
        number = span_parse_number(value, 8, row->most);
        break;
    case LISTENER_VALUE_TYPE:
        return parse_type(value);
    case LISTENER_VALUE_LABEL:
    case LISTENER_VALUE_TEXT:
        return (int64_t)value.length >= row->least && (int64_t)value.length <= row->most &&
                       (row->kind == LISTENER_VALUE_TEXT || is_label(value))
                   ? 0
                   : -1;
    }
    return number >= row->least ? number : -1;
}

static int refuse_value(const struct listener_option_row *row, struct span value,
                        struct error *error)
{
    char expected[64];
    long long least = row->least;
    long long most = row->most;
    switch (row->kind) {
    case LISTENER_VALUE_YES_NO:
        snprintf(expected, sizeof expected, "yes or no");
        break;
    case LISTENER_VALUE_NUMBER:
    case LISTENER_VALUE_BYTES:
        snprintf(expected, sizeof expected, "a number from %lld to %lld", least, most);
        break;
    case LISTENER_VALUE_MODE:
        snprintf(expected, sizeof expected, "an octal number from 0 to 0777");
        break;
    case LISTENER_VALUE_TYPE:
        snprintf(expected, sizeof expected, "stream, datagram or seqpacket");
        break;
    case LISTENER_VALUE_LABEL:
        snprintf(expected, sizeof expected, "1 to %lld ASCII characters without a colon", most);
        break;
    case LISTENER_VALUE_TEXT:
        snprintf(expected, sizeof expected, "1 to %lld characters", most);
        break;
    }
    return value.length > 0 ? error_set(error, "%s: expected %s, got '%.*s'", row->name, expected,
                                        value.length < 300 ? (int)value.length : 300, value.start)
                            : error_set(error, "%s: expected %s, got nothing", row->name, expected);
}

/* --- options ---------------------------------------------------------------------------------- */

static int refuse_key(struct span span, struct error *error)
{
    char key[NEAREST_WORD_MAX + 1];
    snprintf(key, sizeof key, "%.*s", (int)(span.length < sizeof key ? span.length : sizeof key),
             span.start);
    struct nearest nearest = nearest_begin(key);
    for (int i = 0; i < LISTENER_OPTION_COUNT; i++) {
        nearest_offer(&nearest, listener_option_rows[i].name);
    }
    return nearest.found != NULL ? error_set(error, "unknown socket option '%s'; did you mean %s?",
                                             key, nearest.found)
                                 : error_set(error, "unknown socket option '%s' (see --help)", key);
}

/* A value without a start was not given. */
static int add(struct listener_options *options, struct span key, struct span value,
               struct error *error)
{
    int id = find(key);
    if (id < 0) {
        return refuse_key(key, error);
    }
    const struct listener_option_row *row = &listener_option_rows[id];
    int64_t number = value.start == NULL ? row->alone : parse_value(row, value);
    if (number < 0) {
        return refuse_value(row, value, error);
    }
    if (options->given & UINT32_C(1) << id) {
        return error_set(error, "%s: given twice", row->name);
    }
    options->given |= UINT32_C(1) << id;
    options->values[id] = (struct listener_value){
        .text = value.start, .length = (uint16_t)value.length, .number = (uint32_t)number};
    return 0;
}

int listener_options_add(struct listener_options *options, const char *key, const char *value,
                         struct error *error)
{
    return add(options, span_of(key), span_of(value), error);
}

int listener_options_parse(struct listener_options *options, const char *text, struct error *error)
{
    for (;;) {
        const char *end = text + strcspn(text, ",");
        const char *equals = memchr(text, '=', (size_t)(end - text));
        struct span value = {NULL, 0};
        struct span key = span_trim(text, equals != NULL ? equals : end);
        if (equals != NULL) {
            value = span_trim(equals + 1, end);
        }
        if (key.length == 0) {
            return error_set(error, "expected a socket option after the comma, got nothing");
        }
        if (add(options, key, value, error) != 0) {
            return -1;
        }
        if (*end == '\0') {
            return 0;
        }
        text = end + 1;
    }
}

const char *listener_options_begin(const char *text)
{
    for (const char *comma = strchr(text, ','); comma != NULL; comma = strchr(comma + 1, ',')) {
        const char *end = comma + 1;
        while (ascii_is_letter(*end) || ascii_is_digit(*end) || *end == '-' || *end == '_') {
            end++;
        }
        const struct span word = {comma + 1, (size_t)(end - comma - 1)};
        bool is_whole = *end == ',' || *end == '\0';
        if (word.length > 0 && (*end == '=' || (is_whole && find(word) >= 0))) {
            return comma + 1;
        }
    }
    return NULL;
}

const struct listener_value *listener_option_get(const struct listener_options *options,
                                                 enum listener_option_id id)
{
    return options->given & UINT32_C(1) << id ? &options->values[id] : NULL;
}

int listener_option_check(enum listener_option_id id, enum socket_class class, struct error *error)
{
    const struct listener_option_row *row = &listener_option_rows[id];
    return row->classes & class ? 0
                                : error_set(error, "%s applies to %s, not to %s", row->name,
                                            row->applies_to, class_name(class));
}
