#include "socket_owner.h"

#include "descriptor.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

/* --- from the address to the socket's inode (proc_pid_net(5)) --------------------------------- */

/* The tables of /proc/net give addresses as words of the machine's byte order, in hex. */
static bool is_wildcard(const char *address)
{
    return address[strspn(address, "0")] == '\0';
}

static void format_table_address(const struct sockaddr *address, char *buffer, size_t size)
{
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)address;
        snprintf(buffer, size, "%08X", ipv4->sin_addr.s_addr);
    } else {
        const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)address;
        const uint32_t *words = ipv6->sin6_addr.s6_addr32;
        snprintf(buffer, size, "%08X%08X%08X%08X", words[0], words[1], words[2], words[3]);
    }
}

/* A line is: slot, local address:port, remote address:port, state, queues, timers, uid, …, inode.
 */
static unsigned long find_internet_inode(const char *table, const struct sockaddr *address,
                                         bool is_stream)
{
    const unsigned listening = 10; /* TCP_LISTEN */
    char wanted[40];
    format_table_address(address, wanted, sizeof wanted);
    unsigned wanted_port = ntohs(((const struct sockaddr_in *)address)->sin_port);
    AUTO_FCLOSE FILE *file = fopen(table, "re");
    char line[512];
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        char local[40];
        unsigned port;
        unsigned state;
        unsigned long inode;
        if (sscanf(line, " %*u: %39[0-9A-F]:%X %*[0-9A-F]:%*X %X %*s %*s %*s %*u %*u %lu", local,
                   &port, &state, &inode) == 4 &&
            port == wanted_port && (!is_stream || state == listening) &&
            (strcmp(local, wanted) == 0 || is_wildcard(local) || is_wildcard(wanted))) {
            return inode;
        }
    }
    return 0;
}

/* A line is: number, references, protocol, flags, type, state, inode, path. */
static unsigned long find_unix_inode(const char *path)
{
    AUTO_FCLOSE FILE *file = fopen("/proc/net/unix", "re");
    char line[512];
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        unsigned long inode;
        char found[256];
        /* A connection that waits to be accepted has the path too, but no inode yet. */
        if (sscanf(line, "%*s %*s %*s %*s %*s %*s %lu %255[^\n]", &inode, found) == 2 &&
            inode != 0 && strcmp(found, path) == 0) {
            return inode;
        }
    }
    return 0;
}

static unsigned long find_inode(const struct sockaddr *address, int socket_type)
{
    if (address->sa_family == AF_UNIX) {
        return find_unix_inode(((const struct sockaddr_un *)address)->sun_path);
    }
    bool is_stream = socket_type == SOCK_STREAM;
    bool is_ipv6 = address->sa_family == AF_INET6;
    const char *own = is_stream ? (is_ipv6 ? "/proc/net/tcp6" : "/proc/net/tcp")
                                : (is_ipv6 ? "/proc/net/udp6" : "/proc/net/udp");
    unsigned long inode = find_internet_inode(own, address, is_stream);
    if (inode != 0 || is_ipv6) {
        return inode;
    }
    /* A dual-stack wildcard stands in the way of IPv4, too, and so does the mapped address; an
       address of IPv6 alone does not. */
    const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 mapped = {
        .sin6_family = AF_INET6,
        .sin6_port = ipv4->sin_port,
        .sin6_addr.s6_addr32 = {0, 0, htonl(0xffff), ipv4->sin_addr.s_addr}};
    return find_internet_inode(is_stream ? "/proc/net/tcp6" : "/proc/net/udp6",
                               (const struct sockaddr *)&mapped, is_stream);
}

/* --- from the inode to a process ---------------------------------------------------------------
 */

static bool holds_socket(const char *pid, const char *wanted)
{
    char path[300];
    snprintf(path, sizeof path, "/proc/%s/fd", pid);
    AUTO_CLOSEDIR DIR *directory = opendir(path);
    if (directory == NULL) {
        return false;
    }
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        char target[64];
        ssize_t length = readlinkat(dirfd(directory), entry->d_name, target, sizeof target - 1);
        if (length > 0) {
            target[length] = '\0';
            if (strcmp(target, wanted) == 0) {
                return true;
            }
        }
    }
    return false;
}

static void read_command_name(const char *pid, char *buffer, size_t size)
{
    char path[300];
    snprintf(path, sizeof path, "/proc/%s/comm", pid);
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, buffer, size - 1) : 0;
    buffer[length > 0 ? length : 0] = '\0';
    buffer[strcspn(buffer, "\n")] = '\0';
}

bool socket_owner_describe(const struct sockaddr *address, int socket_type, char *buffer,
                           size_t size)
{
    unsigned long inode = find_inode(address, socket_type);
    if (inode == 0) {
        return false;
    }
    char wanted[64];
    snprintf(wanted, sizeof wanted, "socket:[%lu]", inode);
    AUTO_CLOSEDIR DIR *processes = opendir("/proc");
    if (processes == NULL) {
        return false;
    }
    const struct dirent *entry;
    while ((entry = readdir(processes)) != NULL) {
        if (isdigit((unsigned char)entry->d_name[0]) && holds_socket(entry->d_name, wanted)) {
            char name[64];
            read_command_name(entry->d_name, name, sizeof name);
            snprintf(buffer, size, "process %s (%s)", entry->d_name, name);
            return true;
        }
    }
    return false;
}
