#include "listener_option.h"

#include "ascii.h"
#include "nearest.h"

#include <limits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
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
                              0, 0, -1, NO_NUMBER, "what kind of unix socket; stream unless given"},
    [LISTENER_OPTION_NAME] = {"name", "NAME", LISTENER_VALUE_LABEL, EVERY_SOCKET, 1, 255, -1,
                              NO_NUMBER, "the socket's name in LISTEN_FDNAMES"},
    [LISTENER_OPTION_BACKLOG] = {"backlog", "N", LISTENER_VALUE_NUMBER, WITH_QUEUE, 1, INT_MAX, -1,
                                 NO_NUMBER,
                                 "length of this socket's queue, instead of --backlog's"},
    [LISTENER_OPTION_MODE] = {"mode", "OCTAL", LISTENER_VALUE_MODE, WITH_PATH, 0, 0777, -1,
                              NO_NUMBER, "the path's permissions; 0777 unless given"},
    [LISTENER_OPTION_USER] = {"user", "USER", LISTENER_VALUE_TEXT, WITH_PATH, 1, 255, -1, NO_NUMBER,
                              "whom the path belongs to, by name or number"},
    [LISTENER_OPTION_GROUP] = {"group", "GROUP", LISTENER_VALUE_TEXT, WITH_PATH, 1, 255, -1,
                               NO_NUMBER, "which group the path belongs to, by name or number"},
    [LISTENER_OPTION_V6ONLY] = {"v6only", "yes|no", LISTENER_VALUE_YES_NO, ONLY_IPV6, 0, 1, 1,
                                IPPROTO_IPV6, IPV6_V6ONLY,
                                "leave IPv4 to other sockets; yes unless given"},
    [LISTENER_OPTION_REUSEPORT] = {"reuseport", "yes|no", LISTENER_VALUE_YES_NO, INTERNET, 0, 1, 1,
                                   SOL_SOCKET, SO_REUSEPORT,
                                   "share the port with other sockets that say so"},
    [LISTENER_OPTION_FREEBIND] = {"freebind", "yes|no", LISTENER_VALUE_YES_NO, INTERNET, 0, 1, 1,
                                  IPPROTO_IP, IP_FREEBIND,
                                  "bind an address that no interface has yet"},
    [LISTENER_OPTION_DEVICE] = {"device", "INTERFACE", LISTENER_VALUE_TEXT, INTERNET, 1,
                                IFNAMSIZ - 1, -1, NO_NUMBER,
                                "take only what comes in by this interface"},
    [LISTENER_OPTION_DEFER_ACCEPT] =
        {"defer-accept", "SECONDS", LISTENER_VALUE_NUMBER, ONLY_TCP, 0, 3600, 1, IPPROTO_TCP,
         TCP_DEFER_ACCEPT, "wake the server when data has come, not before; for so long"},
    [LISTENER_OPTION_FASTOPEN] = {"fastopen", "N", LISTENER_VALUE_NUMBER, ONLY_TCP, 0, INT_MAX, -1,
                                  IPPROTO_TCP, TCP_FASTOPEN,
                                  "take data with the first packet, from N clients at once"},
    [LISTENER_OPTION_NODELAY] = {"nodelay", "yes|no", LISTENER_VALUE_YES_NO, ONLY_TCP, 0, 1, 1,
                                 IPPROTO_TCP, TCP_NODELAY,
                                 "send small packets at once, on accepted connections, too"},
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
    case SOCKET_PATH_SEQPACKET:
        return class == SOCKET_PATH_STREAM ? "unix stream sockets" : "unix seqpacket sockets";
    case SOCKET_PATH_DATAGRAM:
        return "unix datagram sockets";
    case SOCKET_ABSTRACT_STREAM:
    case SOCKET_ABSTRACT_SEQPACKET:
    case SOCKET_ABSTRACT_DATAGRAM:
        return "abstract unix sockets";
    }
    return "?";
}

/* --- words ------------------------------------------------------------------------------------ */

/* Part of the text, which nothing ends. */
struct span {
    const char *start;
    size_t length;
};

static struct span trim(const char *start, const char *end)
{
    while (start < end && ascii_is_space(*start)) {
        start++;
    }
    while (start < end && ascii_is_space(end[-1])) {
        end--;
    }
    return (struct span){start, (size_t)(end - start)};
}

static bool is_text(struct span span, const char *text)
{
    return strlen(text) == span.length && memcmp(span.start, text, span.length) == 0;
}

static const struct listener_option_row *find_row(struct span name)
{
    for (int i = 0; i < LISTENER_OPTION_COUNT; i++) {
        if (is_text(name, listener_option_rows[i].name)) {
            return &listener_option_rows[i];
        }
    }
    return NULL;
}

/* KEY=VALUE or KEY, and the rest behind its comma. */
struct item {
    struct span whole;
    struct span key;
    struct span value;
    bool has_value;
};

static struct item take_item(const char **rest)
{
    const char *start = *rest;
    const char *end = start + strcspn(start, ",");
    const char *equals = memchr(start, '=', (size_t)(end - start));
    *rest = *end == ',' ? end + 1 : NULL;
    return (struct item){
        .whole = trim(start, end),
        .key = trim(start, equals != NULL ? equals : end),
        .value = equals != NULL ? trim(equals + 1, end) : (struct span){end, 0},
        .has_value = equals != NULL,
    };
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
        if (word.length > 0 && (*end == '=' || (is_whole && find_row(word) != NULL))) {
            return comma + 1;
        }
    }
    return NULL;
}

/* --- values ----------------------------------------------------------------------------------- */

/* Digits of this base, up to `most`; -1 otherwise. */
static int64_t parse_digits(struct span span, int base, int64_t most)
{
    int64_t value = 0;
    for (size_t i = 0; i < span.length; i++) {
        char character = span.start[i];
        int digit = ascii_is_digit(character)    ? character - '0'
                    : ascii_is_letter(character) ? (character | 0x20) - 'a' + 10
                                                 : base;
        if (digit >= base) {
            return -1;
        }
        value = value * base + digit;
        if (value > most) {
            return -1;
        }
    }
    return span.length > 0 ? value : -1;
}

static int64_t parse_number(struct span span, int64_t most)
{
    if (span.length > 2 && span.start[0] == '0' && (span.start[1] | 0x20) == 'x') {
        return parse_digits((struct span){span.start + 2, span.length - 2}, 16, most);
    }
    return parse_digits(span, 10, most);
}

static int64_t parse_bytes(struct span span, int64_t most)
{
    int unit = span.length > 0 ? span.start[span.length - 1] | 0x20 : 0;
    int64_t factor = unit == 'k' ? 1024 : unit == 'm' ? INT64_C(1024) * 1024 : 1;
    span.length -= factor > 1;
    int64_t number = parse_digits(span, 10, most / factor);
    return number < 0 ? -1 : number * factor;
}

/* The place of the word in the list, which a NULL ends; -1 if it is not there. */
static int64_t find_word(struct span span, const char *const *words)
{
    for (int i = 0; words[i] != NULL; i++) {
        if (is_text(span, words[i])) {
            return i;
        }
    }
    return -1;
}

static int64_t parse_yes_or_no(struct span span)
{
    static const char *const words[] = {"no", "yes", "0", "1", "false", "true", "off", "on", NULL};
    int64_t place = find_word(span, words);
    return place < 0 ? -1 : place % 2;
}

static int64_t parse_type(struct span span)
{
    static const char *const words[] = {"stream", "datagram", "seqpacket", NULL};
    static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
    int64_t place = find_word(span, words);
    return place < 0 ? -1 : types[place];
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
        return parse_yes_or_no(value);
    case LISTENER_VALUE_NUMBER:
        number = parse_number(value, row->most);
        break;
    case LISTENER_VALUE_BYTES:
        number = parse_bytes(value, row->most);
        break;
    case LISTENER_VALUE_MODE:
        number = parse_digits(value, 8, row->most);
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

static struct listener_option read_item(const struct listener_option_row *row,
                                        const struct item *item)
{
    return (struct listener_option){
        .row = row,
        .number = item->has_value ? parse_value(row, item->value) : row->alone,
        .text = item->value.start,
        .length = item->value.length,
    };
}

/* --- checking --------------------------------------------------------------------------------- */

static int refuse_key(const struct item *item, struct error *error)
{
    char key[NEAREST_WORD_MAX + 1];
    size_t length = item->key.length < sizeof key ? item->key.length : sizeof key - 1;
    memcpy(key, item->key.start, length);
    key[length] = '\0';
    struct nearest nearest = nearest_begin(key);
    for (int i = 0; i < LISTENER_OPTION_COUNT; i++) {
        nearest_offer(&nearest, listener_option_rows[i].name);
    }
    return nearest.found != NULL
               ? error_set(error, "expected an option of a socket, got '%s' (did you mean %s?)",
                           key, nearest.found)
               : error_set(error, "expected an option of a socket, got '%s' (see --help)", key);
}

static int refuse_value(const struct listener_option_row *row, const struct item *item,
                        struct error *error)
{
    const char *name = row->name;
    int length = item->whole.length < 300 ? (int)item->whole.length : 300;
    const char *got = item->whole.start;
    switch (row->kind) {
    case LISTENER_VALUE_MODE:
        return error_set(error, "expected an octal number from 0 to 0777 behind %s=, got '%.*s'",
                         name, length, got);
    case LISTENER_VALUE_NUMBER:
    case LISTENER_VALUE_BYTES:
        return error_set(error, "expected a number from %lld to %lld behind %s=, got '%.*s'",
                         (long long)row->least, (long long)row->most, name, length, got);
    case LISTENER_VALUE_YES_NO:
        return error_set(error, "expected %s, %s=yes or %s=no, got '%.*s'", name, name, name,
                         length, got);
    case LISTENER_VALUE_TYPE:
        return error_set(error, "expected stream, datagram or seqpacket behind %s=, got '%.*s'",
                         name, length, got);
    case LISTENER_VALUE_LABEL:
        return error_set(error,
                         "expected 1 to %lld printable ASCII characters, no colon among them, "
                         "behind %s=, got '%.*s'",
                         (long long)row->most, name, length, got);
    case LISTENER_VALUE_TEXT:
        return error_set(error, "expected 1 to %lld characters behind %s=, got '%.*s'",
                         (long long)row->most, name, length, got);
    }
    return -1;
}

int listener_options_check(const char *text, struct error *error)
{
    bool seen[LISTENER_OPTION_COUNT] = {false};
    while (text != NULL) {
        const struct item item = take_item(&text);
        const struct listener_option_row *row = find_row(item.key);
        if (item.whole.length == 0) {
            return error_set(error, "expected an option of the socket behind each comma, got "
                                    "nothing");
        }
        if (row == NULL) {
            return refuse_key(&item, error);
        }
        if (read_item(row, &item).number < 0) {
            return refuse_value(row, &item, error);
        }
        if (seen[row - listener_option_rows]) {
            return error_set(error, "expected %s once, got it twice", row->name);
        }
        seen[row - listener_option_rows] = true;
    }
    return 0;
}

int listener_options_check_class(const char *text, enum socket_class class, struct error *error)
{
    struct listener_option option;
    while (listener_option_next(&text, &option)) {
        if ((option.row->classes & class) == 0) {
            return error_set(error, "%s applies to %s, not to %s", option.row->name,
                             option.row->applies_to, class_name(class));
        }
    }
    return 0;
}

/* --- walking ---------------------------------------------------------------------------------- */

bool listener_option_next(const char **rest, struct listener_option *option)
{
    if (*rest == NULL) {
        return false;
    }
    const struct item item = take_item(rest);
    const struct listener_option_row *row = find_row(item.key);
    if (row == NULL) {
        return false; /* not checked before */
    }
    *option = read_item(row, &item);
    return true;
}

bool listener_option_find(const char *text, enum listener_option_id id,
                          struct listener_option *option)
{
    while (listener_option_next(&text, option)) {
        if (option->row == &listener_option_rows[id]) {
            return true;
        }
    }
    return false;
}
