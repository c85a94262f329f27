#include "adoption.h"

#include "adoption_match.h"
#include "adoption_paths.h"
#include "process_tree.h"
#include "socket_options.h"
#include "target.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

/* What the worker's family has done with a listener. */
enum { TAKEN = 1, LISTENING = 2, MISSED = 4, MOVED = 8, BLIND = 16 };

/* What there is to know of a listener besides its address and its file. */
struct own_socket {
    int fd; /* -1: closed */
    uint64_t cookie;
    ino_t inode; /* for where the cookie of a target's socket cannot be had */
    int type;
    enum adoption_blocking asked;
    unsigned marks;
};

/* One of each for every listener. */
struct adoption {
    size_t count;
    struct own_socket *sockets;
    struct adoption_address *addresses;
    struct adoption_path *files;
    struct adoption_path_list paths; /* `files` */
    bool has_proc;                   /* as in struct target */
};

/* A call that waits, and what is found out about it. */
struct call {
    struct adoption *adoption;
    int filter_fd;
    const struct seccomp_notif *notice;
    struct target *target;
    struct adoption_event *event;
};

/* How a call is answered. */
enum answer {
    GOES_ON, /* the kernel does it */
    DONE,    /* it is told that it has been done */
    GONE,    /* nobody waits any more */
};

/* --- its memory --------------------------------------------------------------------------------
 */

/* The names of the longest file and the longest abstract socket. */
#define NAMES_SIZE (2 * sizeof(struct sockaddr_un))

/* Cuts pieces off a block that is large enough. */
struct block {
    char *at;
};

static void *cut(struct block *block, size_t size)
{
    void *piece = block->at;
    block->at += (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    return piece;
}

static const char *cut_copy(struct block *block, const char *text, size_t size)
{
    return memcpy(cut(block, size), text, size);
}

/* --- the listeners -----------------------------------------------------------------------------
 */

static int get_option(int fd, int option)
{
    int value = 0;
    socklen_t size = sizeof value;
    return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

uint64_t adoption_cookie(int fd)
{
    uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) == 0 ? cookie : 0;
}

static void read_address(struct adoption_address *address, struct block *block, int fd)
{
    struct sockaddr_storage raw;
    socklen_t length = sizeof raw;
    *address = (struct adoption_address){.family = get_option(fd, SO_DOMAIN),
                                         .type = get_option(fd, SO_TYPE),
                                         .protocol = get_option(fd, SO_PROTOCOL)};
    if (getsockname(fd, (struct sockaddr *)&raw, &length) != 0 ||
        !adoption_address_read(address, &raw, length)) {
        *address = (struct adoption_address){.family = AF_UNSPEC}; /* matches nothing */
    }
    if (address->name_length > 0) {
        address->name = cut_copy(block, address->name, address->name_length);
    }
}

static void read_file(struct adoption *adoption, size_t index, struct block *block,
                      const struct listener *listener)
{
    if (listener->path == NULL) {
        return;
    }
    const char *slash = strrchr(listener->path, '/');
    const char *name = slash != NULL ? slash + 1 : listener->path;
    adoption->addresses[index].device = listener->file.device;
    adoption->addresses[index].inode = listener->file.inode;
    adoption->files[index] = (struct adoption_path){.name = cut_copy(block, name, strlen(name) + 1),
                                                    .device = listener->file.device,
                                                    .inode = listener->file.inode};
}

static void read_socket(struct own_socket *socket, const struct listener *listener,
                        enum adoption_blocking asked)
{
    struct stat status = {.st_ino = 0};
    fstat(listener->fd, &status);
    *socket = (struct own_socket){.fd = listener->fd,
                                  .cookie = adoption_cookie(listener->fd),
                                  .inode = status.st_ino,
                                  .type = listener->socket_type,
                                  .asked = asked};
}

struct adoption *adoption_new(const struct listener_set *listeners,
                              const enum adoption_blocking *asked)
{
    size_t count = listeners->count;
    size_t each = sizeof(struct own_socket) + sizeof(struct adoption_address) +
                  sizeof(struct adoption_path) + NAMES_SIZE + 5 * sizeof(max_align_t);
    /* Pages that nobody touches cost nothing. */
    void *memory = mmap(NULL, sizeof(struct adoption) + (count + 1) * each, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        return NULL;
    }
    struct block block = {.at = memory};
    struct adoption *adoption = cut(&block, sizeof *adoption);
    adoption->count = count;
    adoption->sockets = cut(&block, count * sizeof *adoption->sockets);
    adoption->addresses = cut(&block, count * sizeof *adoption->addresses);
    adoption->files = cut(&block, count * sizeof *adoption->files);
    adoption->paths = (struct adoption_path_list){.items = adoption->files, .count = count};
    adoption->has_proc = process_proc_is_ours();
    for (size_t i = 0; i < count; i++) {
        read_socket(&adoption->sockets[i], &listeners->items[i], asked[i]);
        read_address(&adoption->addresses[i], &block, listeners->items[i].fd);
        read_file(adoption, i, &block, &listeners->items[i]);
    }
    return adoption;
}

int adoption_descriptor(const struct adoption *adoption, size_t listener)
{
    return adoption->sockets[listener].fd;
}

void adoption_close_listeners(struct adoption *adoption)
{
    for (size_t i = 0; i < adoption->count; i++) {
        if (adoption->sockets[i].fd >= 0) {
            close(adoption->sockets[i].fd);
            adoption->sockets[i].fd = -1;
        }
    }
}

/* --- answering ---------------------------------------------------------------------------------
 */

/* What was read of the target is the target's only if the call still waits. */
static bool still_waits(const struct call *call)
{
    uint64_t id = call->notice->id;
    return ioctl(call->filter_fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
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
    ioctl(call->filter_fd, SECCOMP_IOCTL_NOTIF_SEND, &buffer); /* fails if the target is gone */
}

static void tell(const struct call *call, enum adoption_event_kind kind, size_t listener)
{
    *call->event = (struct adoption_event){
        .kind = kind, .listener = listener, .process = target_process(call->target)};
}

/* The same, if nobody below that worker has done it before. */
static void tell_once(const struct call *call, enum adoption_event_kind kind, size_t listener,
                      unsigned marks)
{
    unsigned *present = &call->adoption->sockets[listener].marks;
    if ((*present & marks) != marks) {
        *present |= marks;
        tell(call, kind, listener);
    }
}

static int descriptor_argument(const struct call *call, size_t index)
{
    return (int)(uint32_t)call->notice->data.args[index];
}

/* --- sockets -----------------------------------------------------------------------------------
 */

/* Returns the number of listeners if the socket is none of them. */
static size_t find_own(const struct adoption *adoption, const struct target_socket *socket)
{
    size_t index = 0;
    while (index < adoption->count &&
           (socket->cookie != 0 ? adoption->sockets[index].cookie != socket->cookie
                                : adoption->sockets[index].inode != socket->inode)) {
        index++;
    }
    return index;
}

/* O_NONBLOCK belongs to the description, which is one for all generations. Many servers set it
   only after bind: a new generation that asks at bind for what the one before asked there is left
   with what that one made of it since, or the older one, whose loop relies on it, would hang in
   accept(2) until the next connection. */
static bool apply_blocking(struct own_socket *own, bool is_nonblocking)
{
    enum adoption_blocking asked = is_nonblocking ? NONBLOCKING : BLOCKING;
    if (own->asked == asked) {
        return false;
    }
    own->asked = asked;
    int flags = fcntl(own->fd, F_GETFL);
    if (flags >= 0) {
        fcntl(own->fd, F_SETFL, is_nonblocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
    }
    return true;
}

/* Puts the listener where the target has its own socket. */
static enum answer hand_over(const struct call *call, const struct target_socket *socket,
                             size_t index)
{
    struct own_socket *own = &call->adoption->sockets[index];
    struct seccomp_notif_addfd addition = {
        .id = call->notice->id,
        .flags = SECCOMP_ADDFD_FLAG_SETFD,
        .srcfd = (uint32_t)own->fd,
        .newfd = (uint32_t)descriptor_argument(call, 0),
        .newfd_flags = socket->is_close_on_exec ? O_CLOEXEC : 0,
    };
    if (own->fd < 0) {
        return GOES_ON;
    }
    if (!still_waits(call)) {
        return GONE;
    }
    socket_options_carry(socket->fd, own->fd);
    bool is_changed = apply_blocking(own, socket->is_nonblocking);
    if (ioctl(call->filter_fd, SECCOMP_IOCTL_NOTIF_ADDFD, &addition) < 0) {
        return errno == ENOENT ? GONE : GOES_ON;
    }
    bool listens = own->type == SOCK_DGRAM;
    unsigned marks = listens ? TAKEN | LISTENING : TAKEN;
    if (is_changed || (own->marks & marks) != marks) {
        own->marks |= marks;
        tell(call, ADOPTION_TOOK, index);
        call->event->asked = own->asked;
        call->event->listens = listens;
    }
    return DONE;
}

/* Reads the address that the target wants to bind. What the kernel will find fault with is left to
   it. */
static bool read_argument(const struct call *call, struct sockaddr_storage *raw, size_t *length)
{
    int64_t size = (int32_t)call->notice->data.args[2];
    if (size < (int64_t)sizeof raw->ss_family || size > (int64_t)sizeof *raw) {
        return false;
    }
    *length = (size_t)size;
    ssize_t got = target_read(call->target, call->notice->data.args[1], raw, *length);
    if (got < 0 && errno == EPERM) {
        tell_once(call, ADOPTION_BLIND, 0, BLIND);
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
static bool is_same_network(int fd, int own_fd)
{
#ifdef SO_NETNS_COOKIE
    uint64_t one;
    uint64_t other;
    socklen_t size = sizeof one;
    if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &one, &size) == 0 &&
        getsockopt(own_fd, SOL_SOCKET, SO_NETNS_COOKIE, &other, &size) == 0) {
        return one == other;
    }
#endif
    (void)fd;
    (void)own_fd;
    return true;
}

static enum answer answer_for_address(const struct call *call, const struct target_socket *socket,
                                      const struct adoption_address *wanted)
{
    struct adoption *adoption = call->adoption;
    size_t own = find_own(adoption, socket);
    size_t index = 0;
    enum adoption_match match =
        adoption_match(wanted, adoption->addresses, adoption->count, &index);
    if (own < adoption->count) {
        /* A call that a signal has torn off comes again. Any other address is an error. */
        return match == MATCH_FOUND && index == own ? DONE : GOES_ON;
    }
    if (match == MATCH_NONE ||
        (socket->fd >= 0 &&
         (is_bound(socket->fd) || !is_same_network(socket->fd, adoption->sockets[index].fd)))) {
        return GOES_ON;
    }
    if (match == MATCH_OTHER_ADDRESS) {
        tell_once(call, ADOPTION_MISSED, index, MISSED);
        return GOES_ON;
    }
    return hand_over(call, socket, index);
}

/* The file that a unix socket would be bound to, if it is a listener's. */
static void find_file(const struct call *call, const struct sockaddr_storage *raw, size_t length,
                      struct adoption_address *wanted)
{
    const struct adoption_path_list *paths = &call->adoption->paths;
    char path[sizeof(struct sockaddr_un)] = {0};
    size_t start = offsetof(struct sockaddr_un, sun_path);
    memcpy(path, (const char *)raw + start, length - start);
    size_t index = adoption_path_find(paths, call->target, AT_FDCWD, path);
    if (index < paths->count) {
        wanted->device = paths->items[index].device;
        wanted->inode = paths->items[index].inode;
    }
}

static enum answer answer_for_socket(const struct call *call, const struct target_socket *socket)
{
    struct sockaddr_storage raw;
    size_t length;
    struct adoption_address wanted = {.family = socket->domain,
                                      .type = socket->type,
                                      .protocol = socket->protocol,
                                      .is_v6_only = socket->is_v6_only};
    if (!read_argument(call, &raw, &length) || !adoption_address_read(&wanted, &raw, length)) {
        return GOES_ON;
    }
    if (wanted.family == AF_UNIX && wanted.name_length == 0) {
        find_file(call, &raw, length, &wanted);
    }
    return answer_for_address(call, socket, &wanted);
}

static enum answer on_bind(const struct call *call)
{
    struct target_socket socket;
    if (target_socket_open(call->target, descriptor_argument(call, 0), &socket) != 0) {
        return GOES_ON;
    }
    enum answer result = answer_for_socket(call, &socket);
    target_socket_close(&socket);
    return result;
}

/* Whether any listener has this inode: every connection that is shut down comes here, and the name
   of its descriptor is all that is read of it. */
static bool may_be_own(const struct adoption *adoption, ino_t inode)
{
    size_t index = 0;
    while (index < adoption->count && adoption->sockets[index].inode != inode) {
        index++;
    }
    return index < adoption->count;
}

/* Which listener the first argument is, or their number. */
static size_t find_argument(const struct call *call)
{
    struct target_socket socket;
    int fd = descriptor_argument(call, 0);
    ino_t inode = target_socket_inode(call->target, fd);
    if ((inode != 0 && !may_be_own(call->adoption, inode)) ||
        target_socket_open(call->target, fd, &socket) != 0) {
        return call->adoption->count;
    }
    size_t index = find_own(call->adoption, &socket);
    target_socket_close(&socket);
    return index;
}

/* Let through, it would change the queue's length for all. A worker that found the socket by its
   number, as servers do that know of supervisors, may do that. */
static enum answer on_listen(const struct call *call)
{
    size_t index = find_argument(call);
    const struct own_socket *own = &call->adoption->sockets[index];
    if (index == call->adoption->count || (own->marks & TAKEN) == 0 || own->type == SOCK_DGRAM) {
        return GOES_ON;
    }
    if (!still_waits(call)) {
        return GONE;
    }
    tell_once(call, ADOPTION_LISTENS, index, LISTENING);
    return DONE;
}

/* Let through, it would end the socket for every generation. */
static enum answer on_shutdown(const struct call *call)
{
    size_t index = find_argument(call);
    return index < call->adoption->count && still_waits(call) ? DONE : GOES_ON;
}

/* --- paths -------------------------------------------------------------------------------------
 */

/* A server that binds elsewhere and renames its socket to a listener's path replaces the listener,
   for good, and without a gap: that is its own way to deploy. */
static enum answer on_path(const struct call *call)
{
    size_t index = 0;
    switch (
        adoption_path_effect(&call->adoption->paths, call->target, &call->notice->data, &index)) {
    case PATH_HARMED:
        return still_waits(call) ? DONE : GONE;
    case PATH_SUCCEEDED:
        tell_once(call, ADOPTION_MOVED, index, MOVED);
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

enum adoption_result adoption_serve(struct adoption *adoption, int filter_fd,
                                    struct adoption_event *event)
{
    union {
        struct seccomp_notif notice;
        char space[256];
    } buffer = {.space = {0}};
    struct pollfd waiting = {.fd = filter_fd, .events = POLLIN};
    *event = (struct adoption_event){.kind = ADOPTION_NOTHING};
    /* To receive where nothing waits would wait. */
    if (poll(&waiting, 1, 0) <= 0 || (waiting.revents & (POLLIN | POLLHUP | POLLERR)) == 0) {
        return ADOPTION_IDLE;
    }
    if ((waiting.revents & POLLIN) == 0) {
        return ADOPTION_OVER;
    }
    if (ioctl(filter_fd, SECCOMP_IOCTL_NOTIF_RECV, &buffer) != 0) {
        return ADOPTION_SERVED; /* the target has died meanwhile */
    }
    struct target target;
    const struct call call = {.adoption = adoption,
                              .filter_fd = filter_fd,
                              .notice = &buffer.notice,
                              .target = &target,
                              .event = event};
    target_open(&target, (pid_t)buffer.notice.pid, adoption->has_proc);
    answer(&call, dispatch(&call));
    target_close(&target);
    return ADOPTION_SERVED;
}
