#include "socket_diag.h"

#include "array.h"
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
    uint32_t *inodes = array_grow(list->inodes, list->count, sizeof *inodes);
    if (inodes == NULL) {
        return -1;
    }
    list->inodes = inodes;
    inodes[list->count++] = inode;
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

/* --- listeners
 * ------------------------------------------------------------------------------------
 */

/* A cookie as the requests and the answers have it. */
static uint64_t join_cookie(const uint32_t halves[2])
{
    return (uint64_t)halves[1] << 32 | halves[0];
}

/* Pointers to the listeners that a question is about, in an order that lets bsearch find the first
   of several. */
struct index {
    struct diag_listener **items; /* owned */
    size_t count;
};

typedef int (*comparison)(const void *left, const void *right);

static int make_index(struct index *index, struct diag_listener *listeners, size_t count,
                      bool (*belongs)(const struct diag_listener *listener, int family), int family,
                      comparison compare)
{
    *index = (struct index){.items = calloc(count + 1, sizeof(struct diag_listener *))};
    for (size_t i = 0; index->items != NULL && i < count; i++) {
        if (belongs(&listeners[i], family)) {
            index->items[index->count++] = &listeners[i];
        }
    }
    if (index->items == NULL) {
        return -1;
    }
    qsort(index->items, index->count, sizeof(struct diag_listener *), compare);
    return 0;
}

/* The place of the first that is not below `key`. */
static size_t find_first(const struct index *index, const struct diag_listener *key,
                         comparison compare)
{
    size_t low = 0;
    size_t high = index->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(&index->items[middle], &key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* --- TCP -----------------------------------------------------------------------------------------
 */

struct internet_request {
    struct nlmsghdr header;
    struct inet_diag_req_v2 body;
    struct rtattr filter_header;
    struct inet_diag_bc_op filter[4];
};

/* Of these local ports alone, picked by the kernel: what is left mostly fits one piece of its
   answer, so that nothing is missed where other sockets come and go between two pieces. */
static struct internet_request make_internet_request(int family, int protocol, uint32_t states,
                                                     uint16_t first_port, uint16_t last_port)
{
    const size_t step = 2 * sizeof(struct inet_diag_bc_op);
    struct internet_request request = {
        .header = {.nlmsg_len = sizeof(struct internet_request),
                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .body = {.sdiag_family = (uint8_t)family,
                 .sdiag_protocol = (uint8_t)protocol,
                 .idiag_states = states},
        .filter_header = {.rta_type = INET_DIAG_REQ_BYTECODE,
                          .rta_len = RTA_LENGTH(sizeof request.filter)},
        /* An operation and its number; a jump beyond the end means no. */
        .filter = {{.code = INET_DIAG_BC_S_GE,
                    .yes = (unsigned char)step,
                    .no = (unsigned short)(2 * step + 4)},
                   {.no = first_port},
                   {.code = INET_DIAG_BC_S_LE,
                    .yes = (unsigned char)step,
                    .no = (unsigned short)(step + 4)},
                   {.no = last_port}},
    };
    if (first_port == last_port) {
        request.body.id.idiag_sport = htons(first_port);
    }
    return request;
}

static in_port_t port_of(const struct diag_listener *listener)
{
    return listener->address.any.sa_family == AF_INET6 ? listener->address.ipv6.sin6_port
                                                       : listener->address.ipv4.sin_port;
}

static bool is_of_family(const struct diag_listener *listener, int family)
{
    return listener->is_listening && listener->address.any.sa_family == family;
}

static int compare_ports(const void *left, const void *right)
{
    uint16_t a = ntohs(port_of(*(struct diag_listener *const *)left));
    uint16_t b = ntohs(port_of(*(struct diag_listener *const *)right));
    return (a > b) - (a < b);
}

struct tcp_search {
    struct index listeners; /* by port */
    struct socket_list *list;
};

/* A connection has its listener's port and family (IPv4 over a dual-stack listener is an IPv6
   socket), and its address unless that is the wildcard. */
static bool accepts(const struct diag_listener *listener, const struct inet_diag_msg *found)
{
    const struct in6_addr *ipv6 = &listener->address.ipv6.sin6_addr;
    if (listener->address.any.sa_family == AF_INET6) {
        return IN6_IS_ADDR_UNSPECIFIED(ipv6) ||
               memcmp(found->id.idiag_src, ipv6, sizeof *ipv6) == 0;
    }
    in_addr_t ipv4 = listener->address.ipv4.sin_addr.s_addr;
    return ipv4 == htonl(INADDR_ANY) || found->id.idiag_src[0] == ipv4;
}

static int visit_tcp(void *context, const struct nlmsghdr *message)
{
    const struct tcp_search *search = context;
    const struct index *index = &search->listeners;
    struct inet_diag_msg found;
    if (message->nlmsg_len < NLMSG_LENGTH(sizeof found)) {
        return -1;
    }
    memcpy(&found, NLMSG_DATA(message), sizeof found);
    if (found.idiag_inode == 0) { /* not accepted yet, or its process has closed it */
        return 0;
    }
    const struct diag_listener key = {.address.ipv4 = {.sin_port = found.id.idiag_sport}};
    bool is_ours = false;
    for (size_t i = find_first(index, &key, compare_ports);
         i < index->count && port_of(index->items[i]) == found.id.idiag_sport; i++) {
        if (accepts(index->items[i], &found)) {
            index->items[i]->connections++;
            is_ours = true;
        }
    }
    return is_ours ? append(search->list, found.idiag_inode) : 0;
}

static void set_connections(const struct index *index, int64_t number)
{
    for (size_t i = 0; i < index->count; i++) {
        index->items[i]->connections = number;
    }
}

/* One question for all of them. */
static int list_tcp(struct diag_listener *listeners, size_t count, int family,
                    struct socket_list *list)
{
    struct tcp_search search = {.list = list};
    int result =
        make_index(&search.listeners, listeners, count, is_of_family, family, compare_ports);
    size_t found = search.listeners.count;
    if (result == 0 && found > 0) {
        uint16_t first_port = ntohs(port_of(search.listeners.items[0]));
        uint16_t last_port = ntohs(port_of(search.listeners.items[found - 1]));
        const struct internet_request request =
            make_internet_request(family, IPPROTO_TCP, OPEN_STATES, first_port, last_port);
        set_connections(&search.listeners, 0);
        result = ask(&request, sizeof request, visit_tcp, &search);
    }
    if (result != 0) {
        set_connections(&search.listeners, -1);
    }
    free(search.listeners.items);
    return result;
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

struct unix_request {
    struct nlmsghdr header;
    struct unix_diag_req body;
};

static struct unix_request make_unix_dump(uint32_t states, uint32_t more)
{
    return (struct unix_request){
        .header = {.nlmsg_len = sizeof(struct unix_request),
                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .body = {.sdiag_family = AF_UNIX,
                 .udiag_states = states,
                 .udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | more},
    };
}

static int compare_cookies(const void *left, const void *right)
{
    uint64_t a = (*(struct diag_listener *const *)left)->cookie;
    uint64_t b = (*(struct diag_listener *const *)right)->cookie;
    return (a > b) - (a < b);
}

/* A listener, and what it is called. */
struct unix_listener {
    struct diag_listener *listener;
    struct unix_socket socket;
};

struct unix_search {
    struct index listeners;      /* by cookie */
    struct unix_listener *named; /* by name; owned */
    size_t count;
    struct socket_list *list;
};

static int visit_unix_listener(void *context, const struct nlmsghdr *message)
{
    struct unix_search *search = context;
    const struct index *index = &search->listeners;
    struct unix_socket found;
    if (read_unix_socket(message, &found) != 0) {
        return -1;
    }
    const struct diag_listener key = {.cookie = join_cookie(found.message.udiag_cookie)};
    size_t at = find_first(index, &key, compare_cookies);
    if (at == index->count || index->items[at]->cookie != key.cookie ||
        search->count == index->count) {
        return 0;
    }
    index->items[at]->waiting = found.queue.udiag_rqueue;
    index->items[at]->backlog = found.queue.udiag_wqueue;
    search->named[search->count++] =
        (struct unix_listener){.listener = index->items[at], .socket = found};
    return 0;
}

static int compare_names(const void *left, const void *right)
{
    const struct unix_socket *a = &((const struct unix_listener *)left)->socket;
    const struct unix_socket *b = &((const struct unix_listener *)right)->socket;
    if (a->name_size != b->name_size) {
        return a->name_size < b->name_size ? -1 : 1;
    }
    return memcmp(a->name, b->name, a->name_size);
}

static bool is_accepted_from(const struct unix_socket *found, const struct unix_socket *listener)
{
    return found->message.udiag_type == listener->message.udiag_type &&
           found->file.udiag_vfs_ino == listener->file.udiag_vfs_ino &&
           found->file.udiag_vfs_dev == listener->file.udiag_vfs_dev;
}

/* Those that wait to be accepted have no inode yet; the kernel leaves them out. */
static int visit_unix(void *context, const struct nlmsghdr *message)
{
    struct unix_search *search = context;
    struct unix_listener key = {.listener = NULL};
    bool is_ours = false;
    if (read_unix_socket(message, &key.socket) != 0) {
        return -1;
    }
    const struct unix_listener *any =
        bsearch(&key, search->named, search->count, sizeof key, compare_names);
    const struct unix_listener *end = search->named + search->count;
    while (any != NULL && any > search->named && compare_names(any - 1, &key) == 0) {
        any--;
    }
    for (; any != NULL && any < end && compare_names(any, &key) == 0; any++) {
        if (is_accepted_from(&key.socket, &any->socket)) {
            any->listener->connections++;
            is_ours = true;
        }
    }
    return is_ours ? append(search->list, key.socket.message.udiag_ino) : 0;
}

/* Two questions for all of them: what the listeners are called, and who has such a name. */
static int search_unix(struct unix_search *search)
{
    const struct unix_request listening = make_unix_dump(1U << TCP_LISTEN, UDIAG_SHOW_RQLEN);
    const struct unix_request accepted = make_unix_dump(1U << TCP_ESTABLISHED, 0);
    search->named = calloc(search->listeners.count, sizeof *search->named);
    if (search->named == NULL ||
        ask(&listening, sizeof listening, visit_unix_listener, search) != 0) {
        return -1;
    }
    qsort(search->named, search->count, sizeof *search->named, compare_names);
    for (size_t i = 0; i < search->count; i++) {
        search->named[i].listener->connections = 0;
    }
    /* One of another network namespace is not told of. */
    search->list->is_partial = search->list->is_partial || search->count < search->listeners.count;
    return ask(&accepted, sizeof accepted, visit_unix, search);
}

static int list_unix(struct diag_listener *listeners, size_t count, struct socket_list *list)
{
    struct unix_search search = {.list = list};
    int result =
        make_index(&search.listeners, listeners, count, is_of_family, AF_UNIX, compare_cookies);
    if (result == 0 && search.listeners.count > 0) {
        result = search_unix(&search);
    }
    if (result != 0) {
        set_connections(&search.listeners, -1);
    }
    free(search.named);
    free(search.listeners.items);
    return result;
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
    const struct stat *file;  /* of a path, NULL for another address */
    struct diag_socket found; /* all zero: nothing yet */
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
    if (sought->found.inode == 0 && is_in_the_way(&found, sought->address)) {
        sought->found = (struct diag_socket){.inode = found.idiag_inode,
                                             .cookie = join_cookie(found.id.idiag_cookie)};
    }
    return 0;
}

static int find_internet(struct sought_address *sought)
{
    int own = sought->address->sa_family;
    uint16_t port = ntohs(((const struct sockaddr_in *)(const void *)sought->address)->sin_port);
    const int families[] = {own, own == AF_INET ? AF_INET6 : AF_INET};
    bool is_udp = sought->socket_type == SOCK_DGRAM;
    int result = 0;
    for (int i = 0; i < 2 && result == 0 && sought->found.inode == 0; i++) {
        const struct internet_request request =
            make_internet_request(families[i], is_udp ? IPPROTO_UDP : IPPROTO_TCP,
                                  is_udp ? UINT32_MAX : BOUND_STATES, port, port);
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
    if (sought->found.inode == 0 && is_it && !is_accepted) {
        sought->found = (struct diag_socket){.inode = found.message.udiag_ino,
                                             .cookie = join_cookie(found.message.udiag_cookie)};
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
    const struct unix_request request = make_unix_dump(UINT32_MAX, 0);
    int result = ask(&request, sizeof request, visit_unix_address, sought);
    sought->file = NULL;
    return result;
}

int socket_diag_find(const struct sockaddr *address, socklen_t length, int socket_type,
                     struct diag_socket *found)
{
    struct sought_address sought = {
        .address = address, .length = length, .socket_type = socket_type};
    int result = address->sa_family == AF_UNIX ? find_unix(&sought) : find_internet(&sought);
    *found = sought.found;
    return result == 0 && found->inode != 0 ? 0 : -1;
}

/* --- outside -------------------------------------------------------------------------------------
 */

int socket_diag_list_accepted(struct diag_listener *listeners, size_t count,
                              struct socket_list *list)
{
    int ipv4 = list_tcp(listeners, count, AF_INET, list);
    int ipv6 = list_tcp(listeners, count, AF_INET6, list);
    int local = list_unix(listeners, count, list);
    if (ipv4 != 0 || ipv6 != 0 || local != 0) {
        list->is_partial = true;
        return -1;
    }
    return 0;
}
