/*
 * Whether an address that a server binds is a listener's: a pure function of the
 * two. Type and port must be the same; then the nearest address wins, as told at `adoption_match`.
 */
#ifndef ADOPTION_MATCH_H
#define ADOPTION_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

/* An address with the kind of socket that it is for: a listener's, or one to be bound. */
struct adoption_address {
    int family;   /* AF_INET, AF_INET6 or AF_UNIX */
    int type;     /* SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET; 0: not known, any will do */
    int protocol; /* 0 for unix sockets */
    uint16_t port;
    bool is_v6_only;
    uint32_t scope;         /* the interface of a link-local IPv6 address; 0: none */
    unsigned char host[16]; /* of IPv4 the first four */
    dev_t device;           /* the file of a unix socket; an inode of 0: it has none */
    ino_t inode;
    const char *name;   /* of an abstract unix socket, without its first NUL; the caller's */
    size_t name_length; /* 0: it is not abstract */
};

/* Reads the address that a socket of this kind would be bound to. `raw` has `length` bytes. An
   IPv4-mapped IPv6 address becomes IPv4. Returns false for an invalid address, one without a port,
   and one without a name; the caller finds the file of a unix socket. `raw` must outlive `address`.
   */
bool adoption_address_read(struct adoption_address *address, const struct sockaddr_storage *raw,
                           size_t length);

enum adoption_match {
    MATCH_NONE,
    MATCH_OTHER_ADDRESS, /* the type and the port are a listener's, on another address
                          */
    MATCH_FOUND,
};

/* Looks `wanted` up among the listeners; `index` says where it was found, or what is near. In this
   order: the same address; any wildcard for a wildcard, of the other family too, since many servers
   bind [::] for both; for a wildcard, a single address of the operator's choice, which is narrower.
   Never something wider than the server asked for. */
enum adoption_match adoption_match(const struct adoption_address *wanted,
                                   const struct adoption_address *own, size_t count, size_t *index);

#endif
