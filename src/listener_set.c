#include "listener_set.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>

/* The first number that a worker's socket gets, as systemd and nginx have it too. */
#define FIRST_WORKER_FD 3
/* Descriptors that the supervisor needs besides the listeners, generously. */
#define SPARE_DESCRIPTORS 64

size_t listener_count(const struct address *addresses, size_t count)
{
    size_t sockets = count;
    for (size_t i = 0; i < count; i++) {
        sockets += addresses[i].kind == ADDRESS_ANY;
    }
    return sockets;
}

static bool is_asked_for(const struct address *addresses, size_t count, int fd)
{
    for (size_t i = 0; i < count; i++) {
        if (addresses[i].fd == fd) {
            return true;
        }
    }
    return false;
}

static int next_free_number(const struct address *addresses, size_t count, int fd)
{
    while (is_asked_for(addresses, count, fd)) {
        fd++;
    }
    return fd;
}

static int highest_number(const struct address *addresses, size_t count)
{
    int highest = FIRST_WORKER_FD + (int)listener_count(addresses, count) + (int)count;
    for (size_t i = 0; i < count; i++) {
        if (addresses[i].fd > highest) {
            highest = addresses[i].fd;
        }
    }
    return highest;
}

/* Thousands of listeners need more descriptors than the usual soft limit. The workers inherit the
   higher limit: with the lower one they could not open another file. */
static void make_room(int highest)
{
    struct rlimit limit;
    rlim_t needed = (rlim_t)highest + SPARE_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < needed) {
        limit.rlim_cur = needed < limit.rlim_max ? needed : limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int check_numbers(const struct address *addresses, size_t count, struct error *error)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        int fd = addresses[i].fd;
        if (fd >= 0 && (rlim_t)fd >= limit.rlim_cur) {
            return error_set(error, "descriptor %d is beyond the limit of open files, %llu", fd,
                             (unsigned long long)limit.rlim_cur);
        }
        if (fd >= 0 && is_asked_for(addresses + i + 1, count - i - 1, fd)) {
            return error_set(error, "descriptor %d is asked for by two sockets", fd);
        }
    }
    return 0;
}

int listener_set_open(struct listener_set *set, const struct address *addresses, size_t count,
                      int backlog, struct activation *activation, struct error *error)
{
    *set = (struct listener_set){.count = 0};
    const int beyond = highest_number(addresses, count) + (int)activation_count(activation) + 1;
    make_room(beyond);
    if (check_numbers(addresses, count, error) != 0) {
        return -1;
    }
    size_t sockets = listener_count(addresses, count) + activation_count(activation);
    set->items = calloc(sockets > 0 ? sockets : 1, sizeof *set->items);
    if (set->items == NULL) {
        return error_set(error, "out of memory");
    }
    int next = FIRST_WORKER_FD;
    for (size_t i = 0; i < count; i++) {
        struct listener *listeners = &set->items[set->count];
        int wanted = (int)listener_count(&addresses[i], 1);
        for (int part = 0; part < wanted; part++) {
            int fd = addresses[i].fd;
            if (fd < 0) {
                fd = next_free_number(addresses, count, next);
                next = fd + 1;
            }
            listeners[part] = (struct listener){.fd = -1, .worker_fd = fd};
        }
        int opened = listener_open(&addresses[i], backlog, beyond, activation, listeners, error);
        if (opened < 0) {
            listener_set_close(set);
            return -1;
        }
        set->count += (size_t)opened;
        next -= wanted - opened;
    }
    for (size_t i = 0; activation != NULL && i < activation->count; i++) {
        struct listener *listener = &set->items[set->count];
        if (activation->items[i].fd < 0) {
            continue;
        }
        next = next_free_number(addresses, count, next);
        *listener = (struct listener){.fd = -1, .worker_fd = next++};
        if (listener_take(&activation->items[i], beyond, listener, error) != 0) {
            listener_set_close(set);
            return -1;
        }
        set->count++;
    }
    return 0;
}

void listener_set_close(struct listener_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        listener_close(&set->items[i]);
    }
    free(set->items);
    *set = (struct listener_set){.count = 0};
}
