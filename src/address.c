#include "address.h"

#include "ascii.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* A span of the text that is being parsed; it is never copied. */
struct span {
    const char *start;
    const char *end;
};

static struct span trim(struct span span)
{
    while (span.start < span.end && ascii_is_space(*span.start)) {
        span.start++;
    }
    while (span.start < span.end && ascii_is_space(span.end[-1])) {
        span.end--;
    }
    return span;
}

static const char *find_last(struct span span, char wanted)
{
    for (const char *at = span.end; at > span.start; at--) {
        if (at[-1] == wanted) {
            return at - 1;
        }
    }
    return NULL;
}

/* Decimal digits and nothing else, up to `max`; -1 otherwise. */
static long parse_digits(struct span span, long max)
{
    long value = 0;
    if (span.start == span.end) {
        return -1;
    }
    for (const char *at = span.start; at < span.end; at++) {
        if (!ascii_is_digit(*at)) {
            return -1;
        }
        value = value * 10 + (*at - '0');
        if (value > max) {
            return -1;
        }
    }
    return value;
}

static int fail(struct error *error, const char *text)
{
    return error_set(error,
                     "expected PORT, HOST:PORT, [IPV6]:PORT or *:PORT, with u before the port for "
                     "UDP and =FD behind it if wanted, got '%s'",
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
    long value = parse_digits(trim((struct span){equals + 1, span->end}), 1 << 20);
    if (value < 0) {
        return error_set(error, "expected a descriptor number behind = in '%s'", text);
    }
    *fd = (int)value;
    *span = trim((struct span){span->start, equals});
    return 0;
}

static int parse_port_number(struct span span, const char *text, struct address *address,
                             struct error *error)
{
    span = trim(span);
    address->socket_type = SOCK_STREAM;
    if (span.start < span.end && *span.start == 'u') {
        address->socket_type = SOCK_DGRAM;
        span.start++;
    }
    long port = parse_digits(span, 1L << 30);
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

static int parse_host(struct span span, const char *text, struct address *address,
                      struct error *error)
{
    span = trim(span);
    bool is_bracketed = span.end - span.start >= 2 && *span.start == '[' && span.end[-1] == ']';
    if (is_bracketed) {
        span = trim((struct span){span.start + 1, span.end - 1});
    }
    size_t length = (size_t)(span.end - span.start);
    if (length == 1 && *span.start == '*' && !is_bracketed) {
        address->kind = ADDRESS_ANY;
        return 0;
    }
    if (length == 0) {
        return error_set(error, "expected a host before the colon in '%s' (*:PORT for all)", text);
    }
    if (length > ADDRESS_HOST_MAX) {
        return error_set(error, "expected a host name of at most %d bytes, got %zu",
                         ADDRESS_HOST_MAX, length);
    }
    for (const char *at = span.start; at < span.end; at++) {
        if (!is_host_character(*at)) {
            return fail(error, text);
        }
    }
    memcpy(address->host, span.start, length);
    address->host[length] = '\0';
    address->kind = strchr(address->host, ':') != NULL ? ADDRESS_IPV6 : ADDRESS_HOST;
    struct in6_addr unused;
    bool has_zone = strchr(address->host, '%') != NULL; /* fe80::1%eth0: known when it is bound */
    if (address->kind == ADDRESS_IPV6 && !has_zone &&
        inet_pton(AF_INET6, address->host, &unused) != 1) {
        return error_set(error, "expected an IPv6 address before the port, got '%s'", text);
    }
    return 0;
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

int address_parse_port(const char *text, struct address *address, struct error *error)
{
    *address = (struct address){.kind = ADDRESS_ANY_IPV4};
    struct span span = trim((struct span){text, text + strlen(text)});
    if (parse_fd(&span, text, &address->fd, error) != 0) {
        return -1;
    }
    const char *colon = find_last(span, ':');
    if (colon != NULL) {
        if (parse_host((struct span){span.start, colon}, text, address, error) != 0) {
            return -1;
        }
        span.start = colon + 1;
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
    return 0;
}

int address_parse_path(const char *text, struct address *address, struct error *error)
{
    *address =
        (struct address){.kind = ADDRESS_UNIX, .socket_type = SOCK_STREAM, .fd = -1, .path = text};
    size_t length = strlen(text);
    if (length == 0) {
        return error_set(error, "expected the path of a unix socket, got nothing");
    }
    if (length > ADDRESS_PATH_MAX) {
        return error_set(error, "the path of a unix socket has at most %zu bytes, this has %zu: %s",
                         ADDRESS_PATH_MAX, length, text);
    }
    if (strchr(text, ';') != NULL) {
        return error_set(error,
                         "expected a path without ';', which ends an entry of "
                         "SERVER_STARTER_PORT, got '%s'",
                         text);
    }
    return 0;
}
