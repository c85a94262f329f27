#include "adoption_match.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

/* The sizes of addresses before fields were added at the end, which Linux takes to this day. */
#define IPV6_ADDRESS_MIN 24

/* --- reading -----------------------------------------------------------------------------------
 */

/* bind(2) on an IPv4 socket takes AF_UNSPEC with the wildcard for AF_INET. */
static bool read_ipv4(struct adoption_address *address, const struct sockaddr_storage *raw,
                      size_t length)
{
    struct sockaddr_in ipv4;
    if (length < sizeof ipv4) {
        return false;
    }
    memcpy(&ipv4, raw, sizeof ipv4);
    bool is_any = ipv4.sin_addr.s_addr == htonl(INADDR_ANY);
    if (ipv4.sin_family != AF_INET && !(ipv4.sin_family == AF_UNSPEC && is_any)) {
        return false;
    }
    memcpy(address->host, &ipv4.sin_addr, sizeof ipv4.sin_addr);
    address->port = ntohs(ipv4.sin_port);
    return address->port != 0;
}

static bool read_ipv6(struct adoption_address *address, const struct sockaddr_storage *raw,
                      size_t length)
{
    struct sockaddr_in6 ipv6 = {.sin6_scope_id = 0};
    if (length < IPV6_ADDRESS_MIN) {
        return false;
    }
    memcpy(&ipv6, raw, length < sizeof ipv6 ? length : sizeof ipv6);
    if (ipv6.sin6_family != AF_INET6) {
        return false;
    }
    address->port = ntohs(ipv6.sin6_port);
    if (IN6_IS_ADDR_V4MAPPED(&ipv6.sin6_addr)) {
        address->family = AF_INET;
        memcpy(address->host, &ipv6.sin6_addr.s6_addr[12], 4);
    } else {
        memcpy(address->host, &ipv6.sin6_addr, sizeof ipv6.sin6_addr);
        address->scope = IN6_IS_ADDR_LINKLOCAL(&ipv6.sin6_addr) ? ipv6.sin6_scope_id : 0;
    }
    return address->port != 0;
}

/* A path, or a NUL and a name of which every byte counts. */
static bool read_unix(struct adoption_address *address, const struct sockaddr_storage *raw,
                      size_t length)
{
    struct sockaddr_un local;
    size_t start = offsetof(struct sockaddr_un, sun_path);
    if (length <= start || length > sizeof local) {
        return false;
    }
    memcpy(&local, raw, length);
    if (local.sun_family != AF_UNIX) {
        return false;
    }
    if (local.sun_path[0] == '\0') {
        address->name = (const char *)raw + start + 1;
        address->name_length = length - start - 1;
        return address->name_length > 0;
    }
    return true;
}

bool adoption_address_read(struct adoption_address *address, const struct sockaddr_storage *raw,
                           size_t length)
{
    if (address->protocol == IPPROTO_MPTCP) {
        address->protocol = IPPROTO_TCP; /* what its listeners fall back to */
    }
    switch (address->family) {
    case AF_INET:
        return read_ipv4(address, raw, length);
    case AF_INET6:
        return read_ipv6(address, raw, length);
    case AF_UNIX:
        address->protocol = 0;
        return read_unix(address, raw, length);
    default:
        return false;
    }
}

/* --- matching ----------------------------------------------------------------------------------
 */

enum nearness {
    APART,
    OTHER_ADDRESS,
    NARROWER_OF_OTHER_FAMILY,
    NARROWER,
    OTHER_WILDCARD,
    SAME,
};

static bool is_wildcard(const struct adoption_address *address)
{
    static const unsigned char zeros[sizeof address->host];
    return memcmp(address->host, zeros, sizeof zeros) == 0;
}

static enum nearness compare_unix(const struct adoption_address *wanted,
                                  const struct adoption_address *own)
{
    if (wanted->name_length > 0 || own->name_length > 0) {
        return wanted->name_length == own->name_length &&
                       memcmp(wanted->name, own->name, own->name_length) == 0
                   ? SAME
                   : APART;
    }
    bool is_same_file = wanted->inode == own->inode && wanted->device == own->device;
    return wanted->inode != 0 && is_same_file ? SAME : APART;
}

static enum nearness compare_internet(const struct adoption_address *wanted,
                                      const struct adoption_address *own)
{
    bool is_same_family = wanted->family == own->family;
    if (wanted->port != own->port) {
        return APART;
    }
    if (is_same_family && memcmp(wanted->host, own->host, sizeof wanted->host) == 0 &&
        wanted->scope == own->scope) {
        return SAME;
    }
    if (!is_wildcard(wanted)) {
        return OTHER_ADDRESS;
    }
    if (is_wildcard(own)) {
        return OTHER_WILDCARD;
    }
    bool reaches_both = wanted->family == AF_INET6 && !wanted->is_v6_only;
    return is_same_family ? NARROWER : reaches_both ? NARROWER_OF_OTHER_FAMILY : OTHER_ADDRESS;
}

static enum nearness compare(const struct adoption_address *wanted,
                             const struct adoption_address *own)
{
    bool is_unix = own->family == AF_UNIX;
    if ((wanted->type != own->type && wanted->type != 0) || wanted->protocol != own->protocol ||
        (wanted->family == AF_UNIX) != is_unix) {
        return APART;
    }
    return is_unix ? compare_unix(wanted, own) : compare_internet(wanted, own);
}

enum adoption_match adoption_match(const struct adoption_address *wanted,
                                   const struct adoption_address *own, size_t count, size_t *index)
{
    enum nearness nearest = APART;
    for (size_t i = 0; i < count; i++) {
        enum nearness nearness = compare(wanted, &own[i]);
        if (nearness > nearest) {
            nearest = nearness;
            *index = i;
        }
    }
    return nearest == APART           ? MATCH_NONE
           : nearest == OTHER_ADDRESS ? MATCH_OTHER_ADDRESS
                                      : MATCH_FOUND;
}
