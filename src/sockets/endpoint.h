/*
 * An endpoint is a looked-up address: what bind(2) needs. This file asks the resolver and the user
 * database, in a helper process because they may hang, and writes a socket address as text. It
 * makes no socket.
 */
#ifndef ENDPOINT_H
#define ENDPOINT_H

#include "address.h"
#include "error.h"

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct endpoint {
    union {
        struct sockaddr any;
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;
        struct sockaddr_un local;
    };
    socklen_t length;
};

/* Enough for what endpoint_describe writes: "[HOST%INTERFACE]:PORT", or a path. */
#define ENDPOINT_TEXT_SIZE 128

/* Whether the address names a host, a user or a group. */
bool endpoint_needs_lookup(const struct address *address);

/* In a helper process: looks up the host, user and group of the address, for `address->lookup`.
   Returns 0, or -1 with the reason in `error`. */
int endpoint_look_up(const struct address *address, struct address_lookup *lookup,
                     struct error *error);

/* Makes the endpoint of an address that was looked up, if it needs that. ADDRESS_ANY is the IPv4
   half of the pair. Returns 0, or -1 with the reason in `error`. */
int endpoint_make(const struct address *address, struct endpoint *endpoint, struct error *error);

/* The wildcards, and numeric addresses; `host` in network byte order. */
void endpoint_set_ipv4(struct endpoint *endpoint, in_addr_t host, uint16_t port);
void endpoint_set_ipv6(struct endpoint *endpoint, struct in6_addr host, uint16_t port);

/* The endpoint as text, for messages. Returns `buffer`. */
const char *endpoint_describe(const struct endpoint *endpoint, char *buffer, size_t size);

/* The port that a socket is bound to; 0 if none. */
uint16_t endpoint_bound_port(int fd);

#endif
