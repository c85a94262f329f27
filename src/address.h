/*
 * An address is what --port or --path asks for, taken apart but not yet looked up or bound: the
 * parser is pure. The forms are Server::Starter's (PORT, HOST:PORT, [IPV6]:PORT, a "u" before the
 * port for UDP, =FD behind it), and *:PORT for both families at once.
 */
#ifndef ADDRESS_H
#define ADDRESS_H

#include "error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/un.h>

/* The longest path of a unix socket, without its final NUL (unix(7)). */
#define ADDRESS_PATH_MAX (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)
/* The longest host name that is taken, without its final NUL. */
#define ADDRESS_HOST_MAX 253

enum address_kind {
    ADDRESS_ANY_IPV4, /* PORT: the IPv4 wildcard */
    ADDRESS_ANY,      /* *:PORT: the wildcards of both families, a socket each */
    ADDRESS_IPV6,     /* [HOST]:PORT, HOST being numeric */
    ADDRESS_HOST,     /* HOST:PORT, a name or a numeric IPv4 address */
    ADDRESS_UNIX,     /* a path in the file system */
};

struct address {
    enum address_kind kind;
    int socket_type; /* SOCK_STREAM or SOCK_DGRAM */
    uint16_t port;
    int fd;                          /* the descriptor that was asked for; -1: the next free one */
    char host[ADDRESS_HOST_MAX + 1]; /* IPV6, HOST */
    const char *path;                /* UNIX: the caller's string */
};

/* Parses the value of --port. Returns 0, or -1 with what was expected in `error`. */
int address_parse_port(const char *text, struct address *address, struct error *error);

/* Parses the value of --path; `address` keeps pointing to `text`. */
int address_parse_path(const char *text, struct address *address, struct error *error);

/* Reads a numeric IPv4 address of four parts (0 to 255 each, no leading zero, as inet_pton(3) has
   it) into a number of the host's byte order. Returns 0, or -1 if `host` is none. */
int address_read_ipv4(const char *host, uint32_t *ipv4);

#endif
