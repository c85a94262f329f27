#include "endpoint.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

/* --- looking up ------------------------------------------------------------------------------- */

void endpoint_set_ipv4(struct endpoint *endpoint, in_addr_t host, uint16_t port)
{
    endpoint->ipv4 = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = host};
    endpoint->length = sizeof endpoint->ipv4;
}

void endpoint_set_ipv6(struct endpoint *endpoint, struct in6_addr host, uint16_t port)
{
    endpoint->ipv6 =
        (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = host};
    endpoint->length = sizeof endpoint->ipv6;
}

static int look_up(const char *host, int family, int flags, uint16_t port,
                   struct endpoint *endpoint)
{
    const struct addrinfo hints = {.ai_family = family, .ai_flags = flags};
    struct addrinfo *found;
    int result = getaddrinfo(host, NULL, &hints, &found);
    if (result == 0) {
        memcpy(&endpoint->any, found->ai_addr, found->ai_addrlen);
        endpoint->length = found->ai_addrlen;
        /* The port stands at the same place in both families. */
        endpoint->ipv4.sin_port = htons(port);
        freeaddrinfo(found);
    }
    return result;
}

/* Numeric addresses and "localhost" need no resolver, so they work without one. */
static int resolve(const struct address *address, struct endpoint *endpoint, struct error *error)
{
    uint32_t ipv4;
    struct in6_addr ipv6;
    char host[ADDRESS_HOST_MAX + 1];
    snprintf(host, sizeof host, "%.*s", address->length, address->text);
    if (strcmp(host, "localhost") == 0) {
        endpoint_set_ipv4(endpoint, htonl(INADDR_LOOPBACK), address->port);
        return 0;
    }
    if (address_read_ipv4(host, &ipv4) == 0) {
        endpoint_set_ipv4(endpoint, htonl(ipv4), address->port);
        return 0;
    }
    if (inet_pton(AF_INET6, host, &ipv6) == 1) {
        endpoint_set_ipv6(endpoint, ipv6, address->port);
        return 0;
    }
    if (address->kind == ADDRESS_IPV6) { /* may carry a zone: fe80::1%eth0 */
        int result = look_up(host, AF_INET6, AI_NUMERICHOST, address->port, endpoint);
        return result == 0 ? 0
                           : error_set(error, "'%s' is not an IPv6 address: %s", host,
                                       gai_strerror(result));
    }
    int result = look_up(host, AF_INET, 0, address->port, endpoint);
    if (result != 0 && look_up(host, AF_INET6, 0, address->port, endpoint) == 0) {
        result = 0;
    }
    return result == 0
               ? 0
               : error_set(error, "cannot resolve host '%s': %s", host, gai_strerror(result));
}

/* An abstract name begins with a NUL, and its end is the length alone (unix(7)). */
static void set_unix(const struct address *address, struct endpoint *endpoint)
{
    bool is_abstract = address->kind == ADDRESS_ABSTRACT;
    endpoint->local.sun_family = AF_UNIX;
    memcpy(endpoint->local.sun_path + is_abstract, address->text, address->length);
    endpoint->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + address->length + 1U);
}

int endpoint_find(const struct address *address, struct endpoint *endpoint, struct error *error)
{
    *endpoint = (struct endpoint){.length = 0};
    switch (address->kind) {
    case ADDRESS_ANY_IPV4:
    case ADDRESS_ANY:
        endpoint_set_ipv4(endpoint, htonl(INADDR_ANY), address->port);
        return 0;
    case ADDRESS_UNIX:
    case ADDRESS_ABSTRACT:
        set_unix(address, endpoint);
        return 0;
    case ADDRESS_IPV6:
    case ADDRESS_HOST:
        return resolve(address, endpoint, error);
    }
    return -1;
}

/* --- names ------------------------------------------------------------------------------------ */

static void describe_ipv6(const struct sockaddr_in6 *ipv6, char *buffer, size_t size)
{
    char host[INET6_ADDRSTRLEN];
    char zone[IF_NAMESIZE];
    inet_ntop(AF_INET6, &ipv6->sin6_addr, host, sizeof host);
    bool has_zone = ipv6->sin6_scope_id != 0 && if_indextoname(ipv6->sin6_scope_id, zone) != NULL;
    snprintf(buffer, size, "[%s%s%s]:%u", host, has_zone ? "%" : "", has_zone ? zone : "",
             ntohs(ipv6->sin6_port));
}

const char *endpoint_describe(const struct endpoint *endpoint, char *buffer, size_t size)
{
    char host[INET_ADDRSTRLEN];
    const char *path = endpoint->local.sun_path;
    if (endpoint->any.sa_family == AF_UNIX) {
        /* A name is not ended where it has all of the 108 bytes. */
        bool is_abstract = *path == '\0';
        int length = (int)(endpoint->length - offsetof(struct sockaddr_un, sun_path)) - 1;
        snprintf(buffer, size, "%s%.*s", is_abstract ? "@" : "", length, path + is_abstract);
    } else if (endpoint->any.sa_family == AF_INET6) {
        describe_ipv6(&endpoint->ipv6, buffer, size);
    } else {
        inet_ntop(AF_INET, &endpoint->ipv4.sin_addr, host, sizeof host);
        snprintf(buffer, size, "%s:%u", host, ntohs(endpoint->ipv4.sin_port));
    }
    return buffer;
}

uint16_t endpoint_bound_port(int fd)
{
    struct endpoint endpoint = {.length = sizeof endpoint.local};
    if (getsockname(fd, &endpoint.any, &endpoint.length) != 0) {
        return 0;
    }
    return ntohs(endpoint.ipv4.sin_port);
}
