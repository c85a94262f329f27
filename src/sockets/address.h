/*
 * An address is what --port, --path or a [listen NAME] section asks for, parsed but not yet looked
 * up or bound: the parser is pure. The forms are Server::Starter's (PORT, HOST:PORT, [IPV6]:PORT,
 * "u" before the port for UDP, "=FD" after it), *:PORT for both families, a path, and @NAME for an
 * abstract unix socket. The socket's own options (listener_option.h) follow after commas, or are
 * given one by one.
 */
#ifndef ADDRESS_H
#define ADDRESS_H

#include "error.h"
#include "listener_option.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/un.h>

/* The longest path of a unix socket, without its final NUL (unix(7)); an abstract name, which has a
   NUL before it, may be as long. */
#define ADDRESS_PATH_MAX (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)
/* The longest host name that is taken, without its final NUL. */
#define ADDRESS_HOST_MAX 253

enum address_kind {
    ADDRESS_ANY_IPV4, /* PORT: the IPv4 wildcard */
    ADDRESS_ANY,      /* *:PORT: the wildcards of both families, a socket each */
    ADDRESS_IPV6,     /* [HOST]:PORT, HOST being numeric */
    ADDRESS_HOST,     /* HOST:PORT, a name or a numeric IPv4 address */
    ADDRESS_UNIX,     /* a path in the file system */
    ADDRESS_ABSTRACT, /* @NAME: a unix socket without a file */
};

/* The looked-up parts of an address: plain numbers, so that a helper process can fill them in
   (endpoint_look_up). */
struct address_lookup {
    bool is_done;
    int family;       /* of a host that is a name: AF_INET or AF_INET6; 0: it is none */
    uint8_t host[16]; /* in network byte order */
    uint32_t scope;
    uint32_t user; /* of its file; UINT32_MAX: none was given */
    uint32_t group;
};

struct address {
    enum address_kind kind;
    int socket_type; /* SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET */
    int fd;          /* the descriptor that was asked for; -1: the next free one */
    uint16_t port;
    uint16_t length;  /* of `text`, which nothing ends */
    const char *text; /* IPV6, HOST: the host; UNIX: the path; ABSTRACT: the name; the caller's */
    struct listener_options options;
    struct address_lookup lookup;
};

/* Parses the value of --port or --path, its options included; `address` keeps pointing to `text`.
   Returns 0, or -1 with what was expected in `error`. */
int address_parse_port(const char *text, struct address *address, struct error *error);
int address_parse_path(const char *text, struct address *address, struct error *error);

/* Adds an option that is given separately, as in a [listen NAME] section. Returns 0, or -1 with
   what was expected in `error`. After the last one, call address_check_option for each option. */
int address_add_option(struct address *address, const char *key, const char *value,
                       struct error *error);
int address_check_option(const struct address *address, enum listener_option_id id,
                         struct error *error);

bool address_is_unix(const struct address *address);

/* Whether both ask for the same socket address; then whether they ask for the same value of one
   option. */
bool address_is_same(const struct address *one, const struct address *other);
bool address_has_same_option(const struct address *one, const struct address *other,
                             enum listener_option_id id);

/* Reads a numeric IPv4 address of four parts (0 to 255 each, no leading zero, as inet_pton(3) has
   it) into a number of the host's byte order. Returns 0, or -1 if `host` is none. */
int address_read_ipv4(const char *host, uint32_t *ipv4);

#endif
