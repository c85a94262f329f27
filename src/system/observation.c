#include "observation.h"

#include "ascii.h"
#include "descriptor.h"
#include "proc_file.h"
#include "process_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* To find out what a process shares, the kernel looks at each of its pages: about a millisecond for
   100 MB. Above this sum it is not asked. */
#define SHARED_MEMORY_MAX (INT64_C(512) * 1024 * 1024)

/* --- listeners -----------------------------------------------------------------------------------
 */

static int read_option(int fd, int option)
{
    int value = -1;
    socklen_t size = sizeof value;
    return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

/* In a listener's TCP_INFO these two fields are the accept queue and its limit. */
static void observe_tcp_queue(int fd, struct diag_listener *listener)
{
    struct tcp_info info = {.tcpi_state = TCP_CLOSE};
    socklen_t size = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 && info.tcpi_state == TCP_LISTEN) {
        listener->waiting = info.tcpi_unacked;
        listener->backlog = info.tcpi_sacked;
    }
}

struct diag_listener observe_listener(int fd)
{
    struct diag_listener listener = {.fd = fd, .waiting = -1, .backlog = -1, .connections = -1};
    socklen_t address_size = sizeof listener.address;
    socklen_t cookie_size = sizeof listener.cookie;
    listener.is_listening =
        read_option(fd, SO_ACCEPTCONN) == 1 &&
        getsockname(fd, &listener.address.any, &address_size) == 0 &&
        getsockopt(fd, SOL_SOCKET, SO_COOKIE, &listener.cookie, &cookie_size) == 0;
    if (listener.is_listening && listener.address.any.sa_family != AF_UNIX) {
        observe_tcp_queue(fd, &listener);
    }
    return listener;
}

/* --- connections ---------------------------------------------------------------------------------
 */

struct sought_socket {
    uint32_t inode;
    bool is_found;
};

struct search {
    struct sought_socket *items; /* by inode */
    size_t count;
    size_t found;
};

static int compare_inodes(const void *left, const void *right)
{
    const struct sought_socket *a = left;
    const struct sought_socket *b = right;
    return (a->inode > b->inode) - (a->inode < b->inode);
}

static int begin_search(struct search *search, const struct socket_list *sockets)
{
    search->items = calloc(sockets->count, sizeof *search->items);
    if (search->items == NULL) {
        return -1;
    }
    for (size_t i = 0; i < sockets->count; i++) {
        search->items[i].inode = sockets->inodes[i];
    }
    search->count = sockets->count;
    qsort(search->items, search->count, sizeof *search->items, compare_inodes);
    return 0;
}

/* `link` is what a descriptor's link in /proc says: "socket:[INODE]" for a socket. */
static void mark_socket(struct search *search, const char *link)
{
    const char *end;
    long inode =
        strncmp(link, "socket:[", 8) == 0 ? ascii_parse_number(link + 8, LONG_MAX, &end) : -1;
    if (inode < 0) {
        return;
    }
    struct sought_socket key = {.inode = (uint32_t)inode};
    struct sought_socket *socket =
        bsearch(&key, search->items, search->count, sizeof key, compare_inodes);
    if (socket != NULL && !socket->is_found) {
        socket->is_found = true;
        search->found++;
    }
}

/* Returns -1 if there is no telling what the process holds. One that has ended holds nothing,
   though it may be in the process table still, for root's eyes only. */
static int search_process(struct search *search, pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    AUTO_CLOSEDIR DIR *directory = opendir(path);
    if (directory == NULL) {
        return process_has_ended(pid) ? 0 : -1;
    }
    const struct dirent *entry;
    while (search->found < search->count && (entry = readdir(directory)) != NULL) {
        char link[64];
        ssize_t length = readlinkat(dirfd(directory), entry->d_name, link, sizeof link - 1);
        if (length < 0 && errno == EACCES) { /* another user's, and no CAP_SYS_PTRACE */
            return process_has_ended(pid) ? 0 : -1;
        }
        link[length > 0 ? length : 0] = '\0';
        mark_socket(search, link);
    }
    return 0;
}

int64_t observe_connections(pid_t pid, const struct socket_list *accepted)
{
    struct process_list processes;
    struct search search = {.count = 0};
    int result = accepted->is_partial ? -1 : 0;
    if (process_list_below(pid, &processes) != 0 ||
        (accepted->count > 0 && begin_search(&search, accepted) != 0)) {
        result = -1;
    }
    for (size_t i = 0; result == 0 && i < processes.count && search.found < search.count; i++) {
        result = search_process(&search, processes.items[i]);
    }
    free(search.items);
    process_list_free(&processes);
    return result == 0 ? (int64_t)search.found : -1;
}

/* --- memory --------------------------------------------------------------------------------------
 */

/* Returns -1 for a process that is gone. */
static int64_t read_rss(pid_t pid)
{
    char text[128];
    const char *second =
        proc_file_read(pid, "statm", text, sizeof text) > 0 ? strchr(text, ' ') : NULL;
    int64_t pages = second != NULL ? proc_file_number(second) : -1;
    return pages >= 0 ? pages * getpagesize() : -1;
}

/* Returns -1 where it cannot be read. */
static int64_t read_pss(pid_t pid)
{
    char text[512];
    const char *pss =
        proc_file_read(pid, "smaps_rollup", text, sizeof text) > 0 ? strstr(text, "\nPss:") : NULL;
    int64_t kilobytes = pss != NULL ? proc_file_number(pss + sizeof "\nPss:" - 1) : -1;
    return kilobytes >= 0 ? kilobytes * 1024 : -1;
}

static int64_t sum_rss(const struct process_list *processes)
{
    int64_t sum = 0;
    for (size_t i = 0; i < processes->count; i++) {
        int64_t rss = read_rss(processes->items[i]);
        sum += rss > 0 ? rss : 0;
    }
    return sum;
}

static int64_t sum_pss(const struct process_list *processes)
{
    int64_t sum = 0;
    for (size_t i = 0; i < processes->count; i++) {
        int64_t rss = read_rss(processes->items[i]);
        int64_t pss = rss > 0 ? read_pss(processes->items[i]) : 0;
        sum += pss >= 0 ? pss : rss;
    }
    return sum;
}

int64_t observe_memory(pid_t pid)
{
    struct process_list processes;
    int64_t result = -1;
    if (process_list_below(pid, &processes) == 0) {
        result = sum_rss(&processes);
        if (result <= SHARED_MEMORY_MAX) {
            result = sum_pss(&processes);
        }
    }
    process_list_free(&processes);
    return result;
}
