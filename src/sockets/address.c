#include "address.h"

#include "ascii.h"
#include "span.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

static const char *find_last(struct span span, char wanted)
{
    return span.length > 0 ? memrchr(span.start, wanted, span.length) : NULL;
}

static const char *end_of(struct span span)
{
    return span.start + span.length;
}

static int fail(struct error *error, const char *text)
{
    return error_set(error,
                     "expected PORT, HOST:PORT, [IPV6]:PORT or *:PORT (uPORT: UDP; PORT=FD: the "
                     "worker's descriptor), got '%s'",
                     text);
}

/* "=7" at the end asks for a descriptor; takes it off `span`. */
static int parse_fd(struct span *span, const char *text, int *fd, struct error *error)
{
    *fd = -1;
    const char *equals = find_last(*span, '=');
    if (equals == NULL) {
        return 0;
    }
    int64_t value = span_parse_number(span_trim(equals + 1, end_of(*span)), 10, 1 << 20);
    if (value < 0) {
        return error_set(error, "expected a descriptor number after the = in '%s'", text);
    }
    *fd = (int)value;
    *span = span_trim(span->start, equals);
    return 0;
}

static int parse_port_number(struct span span, const char *text, struct address *address,
                             struct error *error)
{
    bool is_udp = span.length > 0 && *span.start == 'u';
    address->socket_type = is_udp ? SOCK_DGRAM : SOCK_STREAM;
    span.start += is_udp;
    span.length -= is_udp;
    int64_t port = span_parse_number(span, 10, 1 << 30);
    if (port < 0) {
        return fail(error, text);
    }
    if (port > UINT16_MAX) {
        return error_set(error, "expected a port from 0 to 65535, got '%s'", text);
    }
    address->port = (uint16_t)port;
    return 0;
}

static bool is_host_character(char character)
{
    return ascii_is_letter(character) || ascii_is_digit(character) ||
           strchr(".-_:%", character) != NULL;
}

static int check_ipv6(const struct address *address, const char *text, struct error *error)
{
    char host[ADDRESS_HOST_MAX + 1];
    struct in6_addr unused;
    memcpy(host, address->text, address->length);
    host[address->length] = '\0';
    bool has_zone = strchr(host, '%') != NULL; /* fe80::1%eth0: known when it is bound */
    return has_zone || inet_pton(AF_INET6, host, &unused) == 1
               ? 0
               : error_set(error, "expected an IPv6 address before the port, got '%s'", text);
}

static int parse_host(struct span span, const char *text, struct address *address,
                      struct error *error)
{
    if (span_is(span, "*")) {
        address->kind = ADDRESS_ANY;
        return 0;
    }
    if (span.length >= 2 && *span.start == '[' && end_of(span)[-1] == ']') {
        span = span_trim(span.start + 1, end_of(span) - 1);
    }
    if (span.length == 0) {
        return error_set(error, "expected a host before the colon in '%s' (*:PORT for all)", text);
    }
    if (span.length > ADDRESS_HOST_MAX) {
        return error_set(error, "expected a host name of at most %d bytes, got %zu",
                         ADDRESS_HOST_MAX, span.length);
    }
    for (size_t i = 0; i < span.length; i++) {
        if (!is_host_character(span.start[i])) {
            return fail(error, text);
        }
    }
    address->text = span.start;
    address->length = (uint16_t)span.length;
    bool is_ipv6 = memchr(span.start, ':', span.length) != NULL;
    address->kind = is_ipv6 ? ADDRESS_IPV6 : ADDRESS_HOST;
    return is_ipv6 ? check_ipv6(address, text, error) : 0;
}

int address_read_ipv4(const char *host, uint32_t *ipv4)
{
    *ipv4 = 0;
    for (int part = 0; part < 4; part++) {
        const char *end;
        long value = ascii_parse_number(host, UINT8_MAX, &end);
        bool is_octal = *host == '0' && end > host + 1;
        if (value < 0 || is_octal || *end != (part < 3 ? '.' : '\0')) {
            return -1;
        }
        *ipv4 = *ipv4 << 8 | (uint32_t)value;
        host = end + 1;
    }
    return 0;
}

/* --- options ---------------------------------------------------------------------------------- */

static enum socket_class class_of(const struct address *address)
{
    bool is_stream = address->socket_type == SOCK_STREAM;
    bool is_datagram = address->socket_type == SOCK_DGRAM;
    switch (address->kind) {
    case ADDRESS_ANY_IPV4:
    case ADDRESS_HOST:
        return is_stream ? SOCKET_TCP : SOCKET_UDP;
    case ADDRESS_ANY:
        return is_stream ? SOCKET_TCP_PAIR : SOCKET_UDP_PAIR;
    case ADDRESS_IPV6:
        return is_stream ? SOCKET_TCP_IPV6 : SOCKET_UDP_IPV6;
    case ADDRESS_UNIX:
        return is_stream     ? SOCKET_PATH_STREAM
               : is_datagram ? SOCKET_PATH_DATAGRAM
                             : SOCKET_PATH_SEQPACKET;
    case ADDRESS_ABSTRACT:
        return is_stream     ? SOCKET_ABSTRACT_STREAM
               : is_datagram ? SOCKET_ABSTRACT_DATAGRAM
                             : SOCKET_ABSTRACT_SEQPACKET;
    }
    return SOCKET_TCP;
}

int address_check_option(const struct address *address, enum listener_option_id id,
                         struct error *error)
{
    return listener_option_get(&address->options, id) != NULL
               ? listener_option_check(id, class_of(address), error)
               : 0;
}

/* A unix socket has the type that its option says. */
static void take_type(struct address *address)
{
    const struct listener_value *type =
        listener_option_get(&address->options, LISTENER_OPTION_TYPE);
    if (address_is_unix(address) && type != NULL) {
        address->socket_type = (int)type->number;
    }
}

int address_add_option(struct address *address, const char *key, const char *value,
                       struct error *error)
{
    int result = listener_options_add(&address->options, key, value, error);
    take_type(address);
    return result;
}

/* Takes the options after the address; NULL: there are none. */
static int parse_options(const char *options, const char *text, struct address *address,
                         struct error *error)
{
    struct error reason;
    int result = options != NULL ? listener_options_parse(&address->options, options, &reason) : 0;
    take_type(address);
    for (int id = 0; id < LISTENER_OPTION_COUNT && result == 0; id++) {
        result = address_check_option(address, (enum listener_option_id)id, &reason);
    }
    return result == 0 ? 0 : error_set(error, "%.300s, in '%.300s'", reason.text, text);
}

/* --- outside ---------------------------------------------------------------------------------- */

int address_parse_port(const char *text, struct address *address, struct error *error)
{
    *address = (struct address){.kind = ADDRESS_ANY_IPV4, .text = ""};
    const char *comma = strchr(text, ',');
    struct span span = span_trim(text, comma != NULL ? comma : text + strlen(text));
    if (parse_fd(&span, text, &address->fd, error) != 0) {
        return -1;
    }
    const char *colon = find_last(span, ':');
    if (colon != NULL) {
        if (parse_host(span_trim(span.start, colon), text, address, error) != 0) {
            return -1;
        }
        span = span_trim(colon + 1, end_of(span));
    }
    if (parse_port_number(span, text, address, error) != 0) {
        return -1;
    }
    if (address->kind == ADDRESS_ANY && address->fd >= 0) {
        return error_set(error,
                         "expected no =FD in '%s': *:PORT is two sockets; give 0.0.0.0:PORT=FD and "
                         "[::]:PORT=FD",
                         text);
    }
    return parse_options(comma != NULL ? comma + 1 : NULL, text, address, error);
}

int address_parse_path(const char *text, struct address *address, struct error *error)
{
    const char *options = listener_options_begin(text);
    size_t length = options != NULL ? (size_t)(options - text) - 1 : strlen(text);
    bool is_abstract = length > 0 && *text == '@';
    *address = (struct address){.kind = is_abstract ? ADDRESS_ABSTRACT : ADDRESS_UNIX,
                                .socket_type = SOCK_STREAM,
                                .fd = -1,
                                .text = text + is_abstract};
    length -= is_abstract;
    if (length == 0) {
        return is_abstract ? error_set(error, "expected a name after the @ of a unix socket")
                           : error_set(error, "expected the path of a unix socket, got nothing");
    }
    if (length > ADDRESS_PATH_MAX) {
        return error_set(error, "expected a path of at most %zu bytes, got %zu: %s",
                         ADDRESS_PATH_MAX, length, text);
    }
    if (memchr(address->text, ';', length) != NULL) {
        return error_set(error,
                         "expected a path without ';', which ends an entry of "
                         "SERVER_STARTER_PORT, got '%s'",
                         text);
    }
    address->length = (uint16_t)length;
    return parse_options(options, text, address, error);
}

bool address_is_unix(const struct address *address)
{
    return address->kind == ADDRESS_UNIX || address->kind == ADDRESS_ABSTRACT;
}

bool address_is_same(const struct address *one, const struct address *other)
{
    return one->kind == other->kind && one->socket_type == other->socket_type &&
           one->port == other->port && one->length == other->length &&
           memcmp(one->text, other->text, one->length) == 0;
}

bool address_has_same_option(const struct address *one, const struct address *other,
                             enum listener_option_id id)
{
    const struct listener_value *a = listener_option_get(&one->options, id);
    const struct listener_value *b = listener_option_get(&other->options, id);
    if (a == NULL || b == NULL) {
        return a == b;
    }
    return listener_option_rows[id].kind == LISTENER_VALUE_TEXT
               ? a->length == b->length && memcmp(a->text, b->text, a->length) == 0
               : a->number == b->number;
}
