#include "socket_options.h"

#include "descriptor.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

/* What the accepted connections inherit, and what changes how a datagram is received. */
static const struct {
    int level;
    int option;
} carried[] = {
    {SOL_SOCKET, SO_KEEPALIVE},
    {SOL_SOCKET, SO_LINGER},
    {SOL_SOCKET, SO_OOBINLINE},
    {SOL_SOCKET, SO_PRIORITY},
    {SOL_SOCKET, SO_RCVLOWAT},
    {SOL_SOCKET, SO_RCVTIMEO},
    {SOL_SOCKET, SO_SNDTIMEO},
    {SOL_SOCKET, SO_BROADCAST},
    {SOL_SOCKET, SO_PASSCRED},
    {SOL_SOCKET, SO_TIMESTAMP},
    {SOL_SOCKET, SO_TIMESTAMPNS},
    {SOL_SOCKET, SO_RXQ_OVFL},
    {SOL_SOCKET, SO_BUSY_POLL},
    {IPPROTO_IP, IP_TOS},
    {IPPROTO_IP, IP_TTL},
    {IPPROTO_IP, IP_PKTINFO},
    {IPPROTO_IP, IP_RECVTOS},
    {IPPROTO_IP, IP_RECVTTL},
    {IPPROTO_IP, IP_RECVERR},
    {IPPROTO_IP, IP_MTU_DISCOVER},
    {IPPROTO_IPV6, IPV6_TCLASS},
    {IPPROTO_IPV6, IPV6_RECVPKTINFO},
    {IPPROTO_IPV6, IPV6_RECVTCLASS},
    {IPPROTO_IPV6, IPV6_RECVHOPLIMIT},
    {IPPROTO_IPV6, IPV6_RECVERR},
    {IPPROTO_IPV6, IPV6_UNICAST_HOPS},
    {IPPROTO_TCP, TCP_NODELAY},
    {IPPROTO_TCP, TCP_KEEPIDLE},
    {IPPROTO_TCP, TCP_KEEPINTVL},
    {IPPROTO_TCP, TCP_KEEPCNT},
    {IPPROTO_TCP, TCP_USER_TIMEOUT},
    {IPPROTO_TCP, TCP_DEFER_ACCEPT},
    {IPPROTO_TCP, TCP_FASTOPEN},
    {IPPROTO_TCP, TCP_MAXSEG},
    {IPPROTO_TCP, TCP_NOTSENT_LOWAT},
    {IPPROTO_TCP, TCP_LINGER2},
    {IPPROTO_TCP, TCP_SYNCNT},
    {IPPROTO_TCP, TCP_WINDOW_CLAMP},
    {IPPROTO_TCP, TCP_CONGESTION},
};

/* The longest value, the name of a congestion control, has 16 bytes. */
struct value {
    socklen_t size;
    unsigned char bytes[32];
};

static bool get(int fd, int level, int option, struct value *value)
{
    *value = (struct value){.size = sizeof value->bytes};
    return getsockopt(fd, level, option, value->bytes, &value->size) == 0;
}

static bool is_equal(const struct value *one, const struct value *other)
{
    return one->size == other->size && memcmp(one->bytes, other->bytes, one->size) == 0;
}

/* The kernel doubles what it is told, for its own needs, and tells the double. */
static void carry_buffer(int from, int to, int new, int option)
{
    struct value set;
    struct value usual;
    int size;
    if (get(from, SOL_SOCKET, option, &set) && get(new, SOL_SOCKET, option, &usual) &&
        !is_equal(&set, &usual)) {
        memcpy(&size, set.bytes, sizeof size);
        size /= 2;
        setsockopt(to, SOL_SOCKET, option, &size, sizeof size);
    }
}

void socket_options_carry(int from, int to)
{
    struct value domain;
    struct value type;
    struct value set;
    struct value usual;
    if (from < 0 || !get(from, SOL_SOCKET, SO_DOMAIN, &domain) ||
        !get(from, SOL_SOCKET, SO_TYPE, &type)) {
        return;
    }
    int family;
    int kind;
    memcpy(&family, domain.bytes, sizeof family);
    memcpy(&kind, type.bytes, sizeof kind);
    AUTO_CLOSE int new = socket(family, kind | SOCK_CLOEXEC, 0);
    if (new < 0) {
        return;
    }
    for (size_t i = 0; i < sizeof carried / sizeof carried[0]; i++) {
        int level = carried[i].level;
        int option = carried[i].option;
        if (get(from, level, option, &set) && get(new, level, option, &usual) &&
            !is_equal(&set, &usual)) {
            setsockopt(to, level, option, set.bytes, set.size);
        }
    }
    carry_buffer(from, to, new, SO_RCVBUF);
    carry_buffer(from, to, new, SO_SNDBUF);
}
