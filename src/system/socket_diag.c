#include "socket_diag.h"

#include "descriptor.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

/* As much as the kernel writes at once. */
#define CHUNK_SIZE 32768

/* The states in which a process may still read or write: one side may have said that it is done. */
#define OPEN_STATES                                                                                \
    (1U << TCP_ESTABLISHED | 1U << TCP_FIN_WAIT1 | 1U << TCP_FIN_WAIT2 | 1U << TCP_CLOSE_WAIT)

/* --- the list ------------------------------------------------------------------------------------
 */

static int append(struct socket_list *list, uint32_t inode)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity > 0 ? list->capacity * 2 : 64;
        uint32_t *inodes = realloc(list->inodes, capacity * sizeof *inodes);
        if (inodes == NULL) {
            return -1;
        }
        list->inodes = inodes;
        list->capacity = capacity;
    }
    list->inodes[list->count++] = inode;
    return 0;
}

void socket_list_free(struct socket_list *list)
{
    free(list->inodes);
    *list = (struct socket_list){.count = 0};
}

/* --- asking --------------------------------------------------------------------------------------
 */

/* Takes one socket that the kernel tells of. Returns 0, or -1 to stop. */
typedef int (*socket_visitor)(void *context, const struct nlmsghdr *message);

/* NLMSG_DONE and NLMSG_ERROR begin with a negative errno, or 0. */
static int32_t read_code(const struct nlmsghdr *message)
{
    int32_t code = 0;
    if (message->nlmsg_len >= NLMSG_LENGTH(sizeof code)) {
        memcpy(&code, NLMSG_DATA(message), sizeof code);
    }
    return code;
}

/* Returns 1 when more follows, 0 after the last message, -1 on an error. */
static int visit_chunk(const char *chunk, size_t size, socket_visitor visit, void *context)
{
    const struct nlmsghdr *message;
    for (size_t at = 0; at + sizeof *message <= size; at += NLMSG_ALIGN(message->nlmsg_len)) {
        message = (const struct nlmsghdr *)(const void *)(chunk + at);
        if (message->nlmsg_len < sizeof *message || message->nlmsg_len > size - at) {
            return -1;
        }
        if (message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR) {
            return read_code(message) < 0 ? -1 : 0;
        }
        if (message->nlmsg_type == SOCK_DIAG_BY_FAMILY && visit(context, message) != 0) {
            return -1;
        }
    }
    return 1;
}

/* Sends a request that is answered by messages and a last one, and visits them all. */
static int ask(const void *request, size_t request_size, socket_visitor visit, void *context)
{
    _Alignas(struct nlmsghdr) char chunk[CHUNK_SIZE];
    const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    AUTO_CLOSE int fd =
        socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG);
    /* Connected to the kernel, so that nobody else's messages are taken for its own. */
    if (fd < 0 || connect(fd, (const struct sockaddr *)&kernel, sizeof kernel) != 0 ||
        send(fd, request, request_size, 0) != (ssize_t)request_size) {
        return -1;
    }
    int result = 1;
    while (result > 0) {
        ssize_t size = recv(fd, chunk, sizeof chunk, MSG_TRUNC);
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size <= 0 || (size_t)size > sizeof chunk) {
            return -1;
        }
        result = visit_chunk(chunk, (size_t)size, visit, context);
    }
    return result;
}

/* --- TCP -----------------------------------------------------------------------------------------
 */

struct internet_request {
    struct nlmsghdr header;
    struct inet_diag_req_v2 body;
};

/* Of this local port alone, picked by the kernel: what is left fits one piece of its answer, so
   that nothing is missed where other sockets come and go between two pieces. */
static struct internet_request make_internet_request(int family, int protocol, uint32_t states,
                                                     in_port_t port)
{
    return (struct internet_request){
        .header = {.nlmsg_len = sizeof(struct internet_request),
                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .body = {.sdiag_family = (uint8_t)family,
                 .sdiag_protocol = (uint8_t)protocol,
                 .idiag_states = states,
                 .id.idiag_sport = port},
    };
}

struct tcp_listener {
    struct socket_list *list;
    const void *address; /* NULL: any */
    size_t address_size;
};

static int visit_tcp(void *context, const struct nlmsghdr *message)
{
    const struct tcp_listener *listener = context;
    struct inet_diag_msg found;
    if (message->nlmsg_len < NLMSG_LENGTH(sizeof found)) {
        return -1;
    }
    memcpy(&found, NLMSG_DATA(message), sizeof found);
    /* No inode: it is not accepted yet, or its process has closed it. */
    if (found.idiag_inode == 0 ||
        (listener->address != NULL &&
         memcmp(found.id.idiag_src, listener->address, listener->address_size) != 0)) {
        return 0;
    }
    return append(listener->list, found.idiag_inode);
}

static int dump_tcp(int family, in_port_t port, struct tcp_listener *listener)
{
    const struct internet_request request =
        make_internet_request(family, IPPROTO_TCP, OPEN_STATES, port);
    return ask(&request, sizeof request, visit_tcp, listener);
}

/* A connection has its listener's port and family (IPv4 over a dual-stack listener is an IPv6
   socket), and its address unless that is the wildcard. */
static int list_tcp(int listener_fd, struct socket_list *list)
{
    union {
        struct sockaddr any;
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;
    } local = {.any.sa_family = AF_UNSPEC};
    socklen_t size = sizeof local;
    if (getsockname(listener_fd, &local.any, &size) != 0) {
        return -1;
    }
    struct tcp_listener listener = {.list = list};
    if (local.any.sa_family == AF_INET6) {
        if (!IN6_IS_ADDR_UNSPECIFIED(&local.ipv6.sin6_addr)) {
            listener.address = &local.ipv6.sin6_addr;
            listener.address_size = sizeof local.ipv6.sin6_addr;
        }
        return dump_tcp(AF_INET6, local.ipv6.sin6_port, &listener);
    }
    if (local.ipv4.sin_addr.s_addr != htonl(INADDR_ANY)) {
        listener.address = &local.ipv4.sin_addr;
        listener.address_size = sizeof local.ipv4.sin_addr;
    }
    return dump_tcp(AF_INET, local.ipv4.sin_port, &listener);
}

/* --- unix ----------------------------------------------------------------------------------------
 */

/* A unix socket. An accepted one has its listener's name, and its file, which tells apart two that
   have the same relative path. */
struct unix_socket {
    struct unix_diag_msg message;
    char name[sizeof(struct sockaddr_un)];
    size_t name_size;
    struct unix_diag_vfs file;
    struct unix_diag_rqlen queue;
};

static void read_attribute(const struct rtattr *attribute, struct unix_socket *found)
{
    size_t size = RTA_PAYLOAD(attribute);
    if (attribute->rta_type == UNIX_DIAG_NAME && size <= sizeof found->name) {
        memcpy(found->name, RTA_DATA(attribute), size);
        found->name_size = size;
    } else if (attribute->rta_type == UNIX_DIAG_VFS && size == sizeof found->file) {
        memcpy(&found->file, RTA_DATA(attribute), size);
    } else if (attribute->rta_type == UNIX_DIAG_RQLEN && size == sizeof found->queue) {
        memcpy(&found->queue, RTA_DATA(attribute), size);
    }
}

static int read_unix_socket(const struct nlmsghdr *message, struct unix_socket *found)
{
    *found = (struct unix_socket){.name_size = 0};
    if (message->nlmsg_len < NLMSG_LENGTH(sizeof found->message)) {
        return -1;
    }
    memcpy(&found->message, NLMSG_DATA(message), sizeof found->message);
    const char *bytes = (const char *)message;
    const struct rtattr *attribute;
    for (size_t at = NLMSG_SPACE(sizeof found->message);
         at + sizeof *attribute <= message->nlmsg_len; at += RTA_ALIGN(attribute->rta_len)) {
        attribute = (const struct rtattr *)(const void *)(bytes + at);
        if (attribute->rta_len < sizeof *attribute ||
            attribute->rta_len > message->nlmsg_len - at) {
            return -1;
        }
        read_attribute(attribute, found);
    }
    return 0;
}

static int visit_listener(void *context, const struct nlmsghdr *message)
{
    return read_unix_socket(message, context);
}

struct unix_request {
    struct nlmsghdr header;
    struct unix_diag_req body;
};

static struct unix_request make_unix_dump(uint32_t states)
{
    return (struct unix_request){
        .header = {.nlmsg_len = sizeof(struct unix_request),
                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .body = {.sdiag_family = AF_UNIX,
                 .udiag_states = states,
                 .udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_VFS},
    };
}

/* Asks for this one socket; the acknowledgement makes an end of the answer. */
static int find_listener(int listener_fd, struct unix_socket *listener)
{
    struct stat status;
    *listener = (struct unix_socket){.name_size = 0};
    if (fstat(listener_fd, &status) != 0) {
        return -1;
    }
    const struct unix_request request = {
        .header = {.nlmsg_len = sizeof request,
                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
        .body = {.sdiag_family = AF_UNIX,
                 .udiag_states = UINT32_MAX,
                 .udiag_ino = (uint32_t)status.st_ino,
                 .udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | UDIAG_SHOW_RQLEN,
                 .udiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}},
    };
    return ask(&request, sizeof request, visit_listener, listener) == 0 &&
                   listener->message.udiag_state == TCP_LISTEN
               ? 0
               : -1;
}

struct unix_listener {
    struct socket_list *list;
    struct unix_socket socket;
};

static int visit_unix(void *context, const struct nlmsghdr *message)
{
    const struct unix_listener *listener = context;
    const struct unix_socket *wanted = &listener->socket;
    struct unix_socket found;
    if (read_unix_socket(message, &found) != 0) {
        return -1;
    }
    /* Those that wait to be accepted have no inode yet; the kernel leaves them out. */
    bool is_accepted = found.message.udiag_type == wanted->message.udiag_type &&
                       found.name_size == wanted->name_size &&
                       memcmp(found.name, wanted->name, found.name_size) == 0 &&
                       found.file.udiag_vfs_ino == wanted->file.udiag_vfs_ino &&
                       found.file.udiag_vfs_dev == wanted->file.udiag_vfs_dev;
    return is_accepted ? append(listener->list, found.message.udiag_ino) : 0;
}

static int list_unix(int listener_fd, struct socket_list *list)
{
    struct unix_listener listener = {.list = list};
    if (find_listener(listener_fd, &listener.socket) != 0) {
        return -1;
    }
    const struct unix_request request = make_unix_dump(1U << TCP_ESTABLISHED);
    return ask(&request, sizeof request, visit_unix, &listener);
}

/* --- by address ----------------------------------------------------------------------------------
 */

/* Those that stand in the way of bind. An accepted connection has its listener's address, too, but
   it does not. 13 is TCP_BOUND_INACTIVE, newer than the header (Linux 6.8); an older kernel ignores
   it. */
#define BOUND_STATES (1U << TCP_LISTEN | 1U << TCP_CLOSE | 1U << 13)

struct sought_address {
    const struct sockaddr *address;
    socklen_t length;
    int socket_type;
    const struct stat *file; /* of a path, NULL for another address */
    uint32_t inode;          /* what is found; 0: nothing yet */
};

static bool has_ipv4(const struct inet_diag_msg *found, in_addr_t host)
{
    const uint32_t *words = found->id.idiag_src;
    bool is_ipv6 = found->idiag_family == AF_INET6;
    in_addr_t own = is_ipv6 ? words[3] : words[0];
    if (is_ipv6 && (words[0] != 0 || words[1] != 0 || words[2] != htonl(0xffff))) {
        return false;
    }
    return own == host || own == htonl(INADDR_ANY) || host == htonl(INADDR_ANY);
}

/* A dual-stack wildcard stands in the way of IPv4, and so does a mapped address; another address of
   IPv6 does not. */
static bool is_in_the_way(const struct inet_diag_msg *found, const struct sockaddr *address)
{
    const void *source = found->id.idiag_src;
    bool is_ipv6 = found->idiag_family == AF_INET6;
    bool is_any = is_ipv6 && memcmp(source, &in6addr_any, sizeof in6addr_any) == 0;
    if (address->sa_family == AF_INET) {
        return is_any ||
               has_ipv4(found,
                        ((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr);
    }
    const struct in6_addr *host = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    bool wants_any = IN6_IS_ADDR_UNSPECIFIED(host);
    if (is_ipv6) {
        return is_any || wants_any || memcmp(source, host, sizeof *host) == 0;
    }
    return wants_any || (IN6_IS_ADDR_V4MAPPED(host) && has_ipv4(found, host->s6_addr32[3]));
}

static int visit_internet(void *context, const struct nlmsghdr *message)
{
    struct sought_address *sought = context;
    struct inet_diag_msg found;
    if (message->nlmsg_len < NLMSG_LENGTH(sizeof found)) {
        return -1;
    }
    memcpy(&found, NLMSG_DATA(message), sizeof found);
    if (sought->inode == 0 && is_in_the_way(&found, sought->address)) {
        sought->inode = found.idiag_inode;
    }
    return 0;
}

static int find_internet(struct sought_address *sought)
{
    int own = sought->address->sa_family;
    const int families[] = {own, own == AF_INET ? AF_INET6 : AF_INET};
    bool is_udp = sought->socket_type == SOCK_DGRAM;
    int result = 0;
    for (int i = 0; i < 2 && result == 0 && sought->inode == 0; i++) {
        const struct internet_request request = make_internet_request(
            families[i], is_udp ? IPPROTO_UDP : IPPROTO_TCP, is_udp ? UINT32_MAX : BOUND_STATES,
            ((const struct sockaddr_in *)(const void *)sought->address)->sin_port);
        result = ask(&request, sizeof request, visit_internet, sought);
    }
    return result;
}

static bool has_name(const struct unix_socket *found, const struct sought_address *sought)
{
    const size_t before = offsetof(struct sockaddr_un, sun_path);
    const struct sockaddr_un *wanted = (const struct sockaddr_un *)(const void *)sought->address;
    return found->name_size == sought->length - before &&
           memcmp(found->name, wanted->sun_path, found->name_size) == 0;
}

/* By its file, since a path has many spellings. The kernel tells of the file system's device, which
   is not on every one (Btrfs, overlays) what stat(2) tells: then the name decides. */
static bool has_file(const struct unix_socket *found, const struct sought_address *sought)
{
    const struct stat *file = sought->file;
    uint32_t device = (uint32_t)(major(file->st_dev) << 20 | minor(file->st_dev));
    return found->file.udiag_vfs_ino == (uint32_t)file->st_ino &&
           (found->file.udiag_vfs_dev == device || has_name(found, sought));
}

static int visit_unix_address(void *context, const struct nlmsghdr *message)
{
    struct sought_address *sought = context;
    struct unix_socket found;
    if (read_unix_socket(message, &found) != 0) {
        return -1;
    }
    bool is_accepted =
        found.message.udiag_type != SOCK_DGRAM && found.message.udiag_state == TCP_ESTABLISHED;
    /* Abstract names are apart for each type; a file is one. */
    bool is_it = sought->file != NULL
                     ? has_file(&found, sought)
                     : found.message.udiag_type == sought->socket_type && has_name(&found, sought);
    if (sought->inode == 0 && is_it && !is_accepted) {
        sought->inode = found.message.udiag_ino;
    }
    return 0;
}

static int find_unix(struct sought_address *sought)
{
    const char *path = ((const struct sockaddr_un *)(const void *)sought->address)->sun_path;
    struct stat status;
    if (*path != '\0') {
        if (stat(path, &status) != 0) {
            return -1;
        }
        sought->file = &status;
    }
    const struct unix_request request = make_unix_dump(UINT32_MAX);
    int result = ask(&request, sizeof request, visit_unix_address, sought);
    sought->file = NULL;
    return result;
}

uint32_t socket_diag_find(const struct sockaddr *address, socklen_t length, int socket_type)
{
    struct sought_address sought = {
        .address = address, .length = length, .socket_type = socket_type};
    int result = address->sa_family == AF_UNIX ? find_unix(&sought) : find_internet(&sought);
    return result == 0 ? sought.inode : 0;
}

/* --- outside -------------------------------------------------------------------------------------
 */

int64_t socket_diag_list_accepted(int listener_fd, struct socket_list *list)
{
    int family = AF_UNSPEC;
    socklen_t size = sizeof family;
    size_t before = list->count;
    int result = -1;
    if (getsockopt(listener_fd, SOL_SOCKET, SO_DOMAIN, &family, &size) == 0) {
        result = family == AF_UNIX ? list_unix(listener_fd, list) : list_tcp(listener_fd, list);
    }
    if (result != 0) {
        list->is_partial = true;
        return -1;
    }
    return (int64_t)(list->count - before);
}

int socket_diag_unix_queue(int listener_fd, int64_t *waiting, int64_t *backlog)
{
    struct unix_socket listener;
    if (find_listener(listener_fd, &listener) != 0) {
        return -1;
    }
    *waiting = listener.queue.udiag_rqueue;
    *backlog = listener.queue.udiag_wqueue;
    return 0;
}
