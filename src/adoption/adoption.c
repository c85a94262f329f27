#include "adoption.h"

#include "adoption_match.h"
#include "adoption_paths.h"
#include "caller.h"
#include "socket_options.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

/* What a program asked of a held socket's description, which all generations share. */
enum blocking { BLOCKING_UNASKED, BLOCKING, NONBLOCKING };

/* What there is to know of a listener besides its address. */
struct held {
    ino_t inode; /* of the socket, not of its file */
    enum blocking asked;
};

struct adoption {
    const struct listener_set *listeners;
    struct adoption_address *addresses; /* one for each listener, and so the next; owned */
    struct held *held;
    struct adoption_filter filter;
};

/* A call that waits, and what is found out about it. */
struct call {
    struct adoption *adoption;
    struct adoptee *adoptee;
    const struct seccomp_notif *notice;
    struct caller caller;
    struct adoption_event *event;
};

/* How a call is answered. */
enum answer {
    GOES_ON, /* the kernel does it */
    DONE,    /* it is told that it has been done */
    GONE,    /* nobody waits any more */
};

/* --- what is held ------------------------------------------------------------------------------
 */

static int get_option(int fd, int option)
{
    int value = 0;
    socklen_t size = sizeof value;
    return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

/* The name of an abstract socket outlives the buffer that it was read into. */
static int keep_name(struct adoption_address *address)
{
    if (address->name_length == 0) {
        return 0;
    }
    char *copy = malloc(address->name_length);
    if (copy == NULL) {
        return -1;
    }
    memcpy(copy, address->name, address->name_length);
    address->name = copy;
    return 0;
}

static void read_listener(struct adoption *adoption, size_t index)
{
    const struct listener *listener = &adoption->listeners->items[index];
    struct adoption_address *address = &adoption->addresses[index];
    struct sockaddr_storage raw;
    socklen_t length = sizeof raw;
    struct stat status = {.st_ino = 0};
    fstat(listener->fd, &status);
    adoption->held[index] = (struct held){.inode = status.st_ino};
    *address = (struct adoption_address){.family = get_option(listener->fd, SO_DOMAIN),
                                         .type = get_option(listener->fd, SO_TYPE),
                                         .protocol = get_option(listener->fd, SO_PROTOCOL)};
    if (getsockname(listener->fd, (struct sockaddr *)&raw, &length) != 0 ||
        !adoption_address_read(address, &raw, length) || keep_name(address) != 0) {
        *address = (struct adoption_address){.family = AF_UNSPEC}; /* matches nothing */
    }
    if (listener->path != NULL) {
        address->device = listener->file.device;
        address->inode = listener->file.inode;
    }
}

struct adoption *adoption_new(const struct listener_set *listeners)
{
    struct adoption *adoption = calloc(1, sizeof *adoption);
    if (adoption != NULL) {
        adoption->listeners = listeners;
        adoption->addresses = calloc(listeners->count, sizeof *adoption->addresses);
        adoption->held = calloc(listeners->count, sizeof *adoption->held);
    }
    if (adoption == NULL || adoption->addresses == NULL || adoption->held == NULL) {
        adoption_free(adoption);
        return NULL;
    }
    bool has_paths = false;
    for (size_t i = 0; i < listeners->count; i++) {
        read_listener(adoption, i);
        has_paths = has_paths || listeners->items[i].path != NULL;
    }
    adoption_filter_build(&adoption->filter, has_paths);
    return adoption;
}

void adoption_free(struct adoption *adoption)
{
    if (adoption == NULL) {
        return;
    }
    for (size_t i = 0; adoption->addresses != NULL && i < adoption->listeners->count; i++) {
        if (adoption->addresses[i].name_length > 0) {
            free((char *)adoption->addresses[i].name);
        }
    }
    free(adoption->addresses);
    free(adoption->held);
    free(adoption);
}

void adoption_follow(struct adoption *adoption, const struct adoption *before)
{
    for (size_t i = 0; i < adoption->listeners->count; i++) {
        for (size_t j = 0; j < before->listeners->count; j++) {
            if (adoption->held[i].inode == before->held[j].inode) {
                adoption->held[i].asked = before->held[j].asked;
            }
        }
    }
}

const struct adoption_filter *adoption_get_filter(const struct adoption *adoption)
{
    return &adoption->filter;
}

int adoptee_init(struct adoptee *adoptee, const struct adoption *adoption, int notify_fd)
{
    *adoptee = (struct adoptee){.fd = notify_fd, .marks = calloc(adoption->listeners->count, 1)};
    return adoptee->marks != NULL ? 0 : -1;
}

void adoptee_stop_noting(struct adoptee *adoptee)
{
    free(adoptee->marks);
    adoptee->marks = NULL;
}

void adoptee_close(struct adoptee *adoptee)
{
    close(adoptee->fd);
    free(adoptee->marks);
    *adoptee = (struct adoptee){.fd = -1};
}

/* --- answering ---------------------------------------------------------------------------------
 */

/* What was read of the caller is the caller's only if the call still waits. */
static bool still_waits(const struct call *call)
{
    uint64_t id = call->notice->id;
    return ioctl(call->adoptee->fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

static void answer(const struct call *call, enum answer answer)
{
    /* Room for a kernel that has a longer structure; it wants the rest to be zeros. */
    union {
        struct seccomp_notif_resp response;
        char space[256];
    } buffer = {.space = {0}};
    if (answer == GONE) {
        return;
    }
    buffer.response.id = call->notice->id;
    buffer.response.flags = answer == GOES_ON ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0;
    ioctl(call->adoptee->fd, SECCOMP_IOCTL_NOTIF_SEND, &buffer); /* fails if the caller is gone */
}

static void tell(const struct call *call, enum adoption_event_kind kind, size_t listener)
{
    *call->event =
        (struct adoption_event){.kind = kind, .listener = listener, .thread = call->caller.thread};
}

/* The same, and notes it. */
static void mark(const struct call *call, enum adoption_event_kind kind, size_t listener,
                 unsigned char marks)
{
    unsigned char *present = call->adoptee->marks;
    tell(call, kind, listener);
    if (present != NULL) {
        call->event->is_first = (present[listener] & marks) != marks;
        present[listener] |= marks;
    }
}

static int descriptor_argument(const struct call *call, size_t index)
{
    return (int)(uint32_t)call->notice->data.args[index];
}

/* --- sockets -----------------------------------------------------------------------------------
 */

/* Returns the number of listeners if the socket is none of them. */
static size_t find_held(const struct adoption *adoption, const struct caller_socket *socket)
{
    size_t index = 0;
    while (index < adoption->listeners->count && adoption->held[index].inode != socket->inode) {
        index++;
    }
    return index;
}

/* O_NONBLOCK belongs to the description, which is one for all generations. Many servers set it
   only after bind: a new generation that asks at bind for what the one before asked there is left
   with what that one made of it since, or the older one, whose loop relies on it, would hang in
   accept(2) until the next connection. */
static void apply_blocking(struct adoption *adoption, size_t index, bool is_nonblocking)
{
    struct held *held = &adoption->held[index];
    enum blocking asked = is_nonblocking ? NONBLOCKING : BLOCKING;
    int fd = adoption->listeners->items[index].fd;
    if (held->asked == asked) {
        return;
    }
    held->asked = asked;
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0) {
        fcntl(fd, F_SETFL, is_nonblocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
    }
}

/* Puts the held socket where the caller has its own. */
static enum answer hand_over(const struct call *call, const struct caller_socket *socket,
                             size_t index)
{
    struct adoption *adoption = call->adoption;
    const struct listener *listener = &adoption->listeners->items[index];
    struct seccomp_notif_addfd addition = {
        .id = call->notice->id,
        .flags = SECCOMP_ADDFD_FLAG_SETFD,
        .srcfd = (uint32_t)listener->fd,
        .newfd = (uint32_t)descriptor_argument(call, 0),
        .newfd_flags = socket->is_close_on_exec ? O_CLOEXEC : 0,
    };
    if (!still_waits(call)) {
        return GONE;
    }
    socket_options_carry(socket->fd, listener->fd);
    apply_blocking(adoption, index, socket->is_nonblocking);
    if (ioctl(call->adoptee->fd, SECCOMP_IOCTL_NOTIF_ADDFD, &addition) < 0) {
        return errno == ENOENT ? GONE : GOES_ON;
    }
    bool has_queue = listener->socket_type != SOCK_DGRAM;
    mark(call, ADOPTION_TOOK, index,
         has_queue ? ADOPTION_TAKEN : ADOPTION_TAKEN | ADOPTION_LISTENING);
    return DONE;
}

/* Reads the address that the caller wants to bind. What the kernel will find fault with is left to
   it. */
static bool read_address(const struct call *call, struct sockaddr_storage *raw, size_t *length)
{
    int64_t size = (int32_t)call->notice->data.args[2];
    if (size < (int64_t)sizeof raw->ss_family || size > (int64_t)sizeof *raw) {
        return false;
    }
    *length = (size_t)size;
    ssize_t got = caller_read(&call->caller, call->notice->data.args[1], raw, *length);
    if (got < 0 && errno == EPERM) {
        tell(call, ADOPTION_BLIND, 0);
    }
    return got == (ssize_t)*length;
}

static bool is_bound(int fd)
{
    struct adoption_address address = {.family = get_option(fd, SO_DOMAIN)};
    struct sockaddr_storage raw;
    socklen_t length = sizeof raw;
    return getsockname(fd, (struct sockaddr *)&raw, &length) == 0 &&
           adoption_address_read(&address, &raw, length);
}

/* Where a worker has a network of its own, its addresses are others. Before Linux 5.14 there is no
   telling. */
static bool is_same_network(int fd, int held_fd)
{
#ifdef SO_NETNS_COOKIE
    uint64_t one;
    uint64_t other;
    socklen_t size = sizeof one;
    if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &one, &size) == 0 &&
        getsockopt(held_fd, SOL_SOCKET, SO_NETNS_COOKIE, &other, &size) == 0) {
        return one == other;
    }
#endif
    (void)fd;
    (void)held_fd;
    return true;
}

static enum answer answer_for_address(const struct call *call, const struct caller_socket *socket,
                                      const struct adoption_address *wanted)
{
    struct adoption *adoption = call->adoption;
    size_t own = find_held(adoption, socket);
    size_t index = 0;
    enum adoption_match match =
        adoption_match(wanted, adoption->addresses, adoption->listeners->count, &index);
    if (own < adoption->listeners->count) {
        /* A call that a signal has torn off comes again. Any other address is an error. */
        return match == MATCH_FOUND && index == own ? DONE : GOES_ON;
    }
    if (match == MATCH_NONE ||
        (socket->fd >= 0 && (is_bound(socket->fd) ||
                             !is_same_network(socket->fd, adoption->listeners->items[index].fd)))) {
        return GOES_ON;
    }
    if (match == MATCH_OTHER_ADDRESS) {
        tell(call, ADOPTION_MISSED, index);
        return GOES_ON;
    }
    return hand_over(call, socket, index);
}

/* The file that a unix socket would be bound to is held if it is there, and the held one's. */
static void find_file(const struct call *call, const struct sockaddr_storage *raw, size_t length,
                      struct adoption_address *wanted)
{
    const struct listener_set *listeners = call->adoption->listeners;
    char path[sizeof(struct sockaddr_un)] = {0};
    size_t start = offsetof(struct sockaddr_un, sun_path);
    memcpy(path, (const char *)raw + start, length - start);
    size_t index = adoption_path_find(listeners, &call->caller, AT_FDCWD, path);
    if (index < listeners->count) {
        wanted->device = listeners->items[index].file.device;
        wanted->inode = listeners->items[index].file.inode;
    }
}

static enum answer answer_for_socket(const struct call *call, const struct caller_socket *socket)
{
    struct sockaddr_storage raw;
    size_t length;
    struct adoption_address wanted = {.family = socket->domain,
                                      .type = socket->type,
                                      .protocol = socket->protocol,
                                      .is_v6_only = socket->is_v6_only};
    if (!read_address(call, &raw, &length) || !adoption_address_read(&wanted, &raw, length)) {
        return GOES_ON;
    }
    if (wanted.family == AF_UNIX && wanted.name_length == 0) {
        find_file(call, &raw, length, &wanted);
    }
    return answer_for_address(call, socket, &wanted);
}

static enum answer on_bind(const struct call *call)
{
    struct caller_socket socket;
    if (caller_socket_open(&call->caller, descriptor_argument(call, 0), &socket) != 0) {
        return GOES_ON;
    }
    enum answer result = answer_for_socket(call, &socket);
    caller_socket_close(&socket);
    return result;
}

/* Which listener the first argument is, or their number. */
static size_t find_argument(const struct call *call)
{
    struct caller_socket socket;
    if (caller_socket_open(&call->caller, descriptor_argument(call, 0), &socket) != 0) {
        return call->adoption->listeners->count;
    }
    size_t index = find_held(call->adoption, &socket);
    caller_socket_close(&socket);
    return index;
}

/* Let through, it would change the queue's length for all. A worker that found the socket by its
   number, as servers do that know of supervisors, may do that, as ever. */
static enum answer on_listen(const struct call *call)
{
    size_t index = find_argument(call);
    const unsigned char *marks = call->adoptee->marks;
    if (index == call->adoption->listeners->count || marks == NULL ||
        (marks[index] & ADOPTION_TAKEN) == 0 ||
        call->adoption->addresses[index].type == SOCK_DGRAM) {
        return GOES_ON;
    }
    if (!still_waits(call)) {
        return GONE;
    }
    mark(call, ADOPTION_LISTENS, index, ADOPTION_LISTENING);
    return DONE;
}

/* Let through, it would end the socket for every generation. */
static enum answer on_shutdown(const struct call *call)
{
    size_t index = find_argument(call);
    return index < call->adoption->listeners->count && still_waits(call) ? DONE : GOES_ON;
}

/* --- paths -------------------------------------------------------------------------------------
 */

/* A server that binds elsewhere and renames its socket to the held path replaces the held one, for
   good, and without a gap: that is its own way to deploy. */
static enum answer on_path(const struct call *call)
{
    size_t index = 0;
    switch (adoption_path_effect(call->adoption->listeners, &call->caller, &call->notice->data,
                                 &index)) {
    case PATH_HARMED:
        return still_waits(call) ? DONE : GONE;
    case PATH_SUCCEEDED:
        tell(call, ADOPTION_MOVED, index);
        return GOES_ON;
    case PATH_UNTOUCHED:
        break;
    }
    return GOES_ON;
}

/* --- serving -----------------------------------------------------------------------------------
 */

static enum answer dispatch(const struct call *call)
{
    switch (call->notice->data.nr) {
    case SYS_bind:
        return on_bind(call);
    case SYS_listen:
        return on_listen(call);
    case SYS_shutdown:
        return on_shutdown(call);
    default:
        return on_path(call);
    }
}

enum adoption_result adoption_serve(struct adoption *adoption, struct adoptee *adoptee,
                                    struct adoption_event *event)
{
    union {
        struct seccomp_notif notice;
        char space[256];
    } buffer = {.space = {0}};
    struct pollfd waiting = {.fd = adoptee->fd, .events = POLLIN};
    *event = (struct adoption_event){.kind = ADOPTION_NOTHING};
    /* To receive where nothing waits would wait. */
    if (poll(&waiting, 1, 0) <= 0 || (waiting.revents & (POLLIN | POLLHUP | POLLERR)) == 0) {
        return ADOPTION_IDLE;
    }
    if ((waiting.revents & POLLIN) == 0) {
        return ADOPTION_OVER;
    }
    if (ioctl(adoptee->fd, SECCOMP_IOCTL_NOTIF_RECV, &buffer) != 0) {
        return ADOPTION_SERVED; /* the caller has died meanwhile */
    }
    struct call call = {
        .adoption = adoption, .adoptee = adoptee, .notice = &buffer.notice, .event = event};
    caller_open(&call.caller, (pid_t)buffer.notice.pid);
    answer(&call, adoption != NULL ? dispatch(&call) : GOES_ON);
    caller_close(&call.caller);
    return ADOPTION_SERVED;
}
