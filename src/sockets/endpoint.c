#include "endpoint.h"

#include "account.h"
#include "ascii.h"

#include <arpa/inet.h>
#include <net/if.h>
#ifndef TASUKI_STATIC
#include <netdb.h>
#endif
#include <stdio.h>
#include <string.h>

/* --- looking up ------------------------------------------------------------------------------- */

/* Numeric addresses and "localhost" need no resolver, so they work without one. */
static bool is_known(const char *host, uint32_t *ipv4)
{
    *ipv4 = INADDR_LOOPBACK;
    return strcmp(host, "localhost") == 0 || address_read_ipv4(host, ipv4) == 0;
}

static void copy_host(const struct address *address, char host[ADDRESS_HOST_MAX + 1])
{
    snprintf(host, ADDRESS_HOST_MAX + 1, "%.*s", address->length, address->text);
}

/* What the resolver knows is behind modules that the C library loads from the machine: a static
   program must neither need them nor load those of another version. */
#ifdef TASUKI_STATIC

static int look_up_host(const char *host, struct address_lookup *lookup, struct error *error)
{
    (void)lookup;
    return error_set(
        error,
        "cannot resolve host '%s': this static build takes only numeric addresses and localhost",
        host);
}

#else

static int look_up_family(const char *host, int family, struct address_lookup *lookup)
{
    const struct addrinfo hints = {.ai_family = family};
    struct addrinfo *found;
    int result = getaddrinfo(host, NULL, &hints, &found);
    if (result == 0) {
        struct endpoint endpoint;
        memset(&endpoint, 0, sizeof endpoint);
        memcpy(&endpoint.any, found->ai_addr, found->ai_addrlen);
        lookup->family = family;
        if (family == AF_INET) {
            memcpy(lookup->host, &endpoint.ipv4.sin_addr, sizeof endpoint.ipv4.sin_addr);
        } else {
            memcpy(lookup->host, &endpoint.ipv6.sin6_addr, sizeof endpoint.ipv6.sin6_addr);
            lookup->scope = endpoint.ipv6.sin6_scope_id;
        }
        freeaddrinfo(found);
    }
    return result;
}

static int look_up_host(const char *host, struct address_lookup *lookup, struct error *error)
{
    int result = look_up_family(host, AF_INET, lookup);
    if (result == 0 || look_up_family(host, AF_INET6, lookup) == 0) {
        return 0;
    }
    return error_set(error, "cannot resolve host '%s': %s", host, gai_strerror(result));
}

#endif

static int look_up_owner(const struct address *address, enum listener_option_id id,
                         uint32_t *number, struct error *error)
{
    const struct listener_value *name = listener_option_get(&address->options, id);
    char text[256];
    struct error reason;
    *number = UINT32_MAX;
    if (name == NULL) {
        return 0;
    }
    snprintf(text, sizeof text, "%.*s", (int)name->length, name->text);
    int result = id == LISTENER_OPTION_USER ? account_find_user(text, number, &reason)
                                            : account_find_group(text, number, &reason);
    return result == 0 ? 0
                       : error_set(error, "cannot listen on %.*s: %.300s", address->length,
                                   address->text, reason.text);
}

static bool is_name(const struct address *address)
{
    char host[ADDRESS_HOST_MAX + 1];
    uint32_t ipv4;
    copy_host(address, host);
    return address->kind == ADDRESS_HOST && !is_known(host, &ipv4);
}

bool endpoint_needs_lookup(const struct address *address)
{
    return is_name(address) ||
           listener_option_get(&address->options, LISTENER_OPTION_USER) != NULL ||
           listener_option_get(&address->options, LISTENER_OPTION_GROUP) != NULL;
}

int endpoint_look_up(const struct address *address, struct address_lookup *lookup,
                     struct error *error)
{
    char host[ADDRESS_HOST_MAX + 1];
    *lookup = (struct address_lookup){.is_done = true};
    copy_host(address, host);
    if (is_name(address) && look_up_host(host, lookup, error) != 0) {
        return -1;
    }
    return look_up_owner(address, LISTENER_OPTION_USER, &lookup->user, error) != 0
               ? -1
               : look_up_owner(address, LISTENER_OPTION_GROUP, &lookup->group, error);
}

/* --- making -----------------------------------------------------------------------------------
 */

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

/* fe80::1%eth0, as the resolver reads it: the name of an interface, or its number. */
static int set_zone(const char *zone, struct endpoint *endpoint, struct error *error)
{
    const char *end;
    int64_t number = ascii_parse_number(zone, UINT32_MAX, &end);
    bool is_number = number >= 0 && *end == '\0';
    endpoint->ipv6.sin6_scope_id = is_number ? (uint32_t)number : if_nametoindex(zone);
    return endpoint->ipv6.sin6_scope_id != 0 ? 0
                                             : error_set(error, "no network interface '%s'", zone);
}

static int read_ipv6(const char *host, uint16_t port, struct endpoint *endpoint,
                     struct error *error)
{
    struct in6_addr ipv6;
    char number[INET6_ADDRSTRLEN];
    size_t length = strcspn(host, "%");
    snprintf(number, sizeof number, "%.*s", (int)length, host);
    if (length >= sizeof number || inet_pton(AF_INET6, number, &ipv6) != 1) {
        return error_set(error, "'%s' is not an IPv6 address", host);
    }
    endpoint_set_ipv6(endpoint, ipv6, port);
    return host[length] == '%' ? set_zone(host + length + 1, endpoint, error) : 0;
}

static int set_found(const struct address *address, const char *host, struct endpoint *endpoint,
                     struct error *error)
{
    const struct address_lookup *lookup = &address->lookup;
    struct in_addr ipv4;
    struct in6_addr ipv6;
    if (lookup->family == AF_INET) {
        memcpy(&ipv4, lookup->host, sizeof ipv4);
        endpoint_set_ipv4(endpoint, ipv4.s_addr, address->port);
    } else if (lookup->family == AF_INET6) {
        memcpy(&ipv6, lookup->host, sizeof ipv6);
        endpoint_set_ipv6(endpoint, ipv6, address->port);
        endpoint->ipv6.sin6_scope_id = lookup->scope;
    } else {
        return error_set(error, "host '%s' was not looked up", host);
    }
    return 0;
}

static int set_host(const struct address *address, struct endpoint *endpoint, struct error *error)
{
    uint32_t ipv4;
    char host[ADDRESS_HOST_MAX + 1];
    copy_host(address, host);
    if (address->kind == ADDRESS_IPV6) {
        return read_ipv6(host, address->port, endpoint, error);
    }
    if (!is_known(host, &ipv4)) {
        return set_found(address, host, endpoint, error);
    }
    endpoint_set_ipv4(endpoint, htonl(ipv4), address->port);
    return 0;
}

/* An abstract name begins with a NUL, and its end is the length alone (unix(7)). */
static void set_unix(const struct address *address, struct endpoint *endpoint)
{
    bool is_abstract = address->kind == ADDRESS_ABSTRACT;
    endpoint->local.sun_family = AF_UNIX;
    memcpy(endpoint->local.sun_path + is_abstract, address->text, address->length);
    endpoint->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + address->length + 1U);
}

int endpoint_make(const struct address *address, struct endpoint *endpoint, struct error *error)
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
        return set_host(address, endpoint, error);
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
