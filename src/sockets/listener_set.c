#include "listener_set.h"

#include "open_files.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* The first number that a worker's socket gets, as systemd and nginx have it too. */
#define FIRST_WORKER_FD 3

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

/* The highest number that a worker's socket can get: those that an address asks for are passed
 * over.
 */
static int highest_number(const struct address *addresses, size_t count, size_t more)
{
    int highest = FIRST_WORKER_FD - 1 + (int)(listener_count(addresses, count) + more);
    for (size_t i = 0; i < count; i++) {
        highest += addresses[i].fd >= 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (addresses[i].fd > highest) {
            highest = addresses[i].fd;
        }
    }
    return highest;
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
            return error_set(error, "descriptor %d is above the limit of open files (%llu)", fd,
                             (unsigned long long)limit.rlim_cur);
        }
        if (fd >= 0 && is_asked_for(addresses + i + 1, count - i - 1, fd)) {
            return error_set(error, "two sockets ask for descriptor %d", fd);
        }
    }
    return 0;
}

/* A change from one set to the next, under way. */
struct change {
    const struct listener_set *const *before; /* the first one is in force */
    size_t before_count;
    struct activation *activation; /* NULL: none */
    int backlog;
    int beyond; /* above every number that a worker gets */
    int next;   /* the number that the next one gets, unless an address asks for it */
};

/* The listeners of one set on sockets of one address: those of a pair follow each other. */
struct run {
    struct listener *first;
    size_t count; /* 0: there are none */
};

/* Those of this address that the new set has not taken over yet. */
static struct run find_same_in(const struct listener_set *before, const struct listener_set *set,
                               const struct address *address)
{
    struct run run = {.count = 0};
    for (size_t i = 0; i < before->count; i++) {
        struct listener *listener = &before->items[i];
        bool goes_on = run.count > 0 && listener->address == run.first->address;
        if (goes_on) {
            run.count++;
        } else if (run.count > 0) {
            break;
        } else if (listener->address != NULL && address_is_same(listener->address, address) &&
                   !listener_set_has(set, listener->fd)) {
            run = (struct run){.first = listener, .count = 1};
        }
    }
    return run;
}

static struct run find_same(const struct change *change, const struct listener_set *set,
                            const struct address *address)
{
    struct run run = {.count = 0};
    for (size_t i = 0; i < change->before_count && run.count == 0; i++) {
        run = find_same_in(change->before[i], set, address);
    }
    return run;
}

/* What is asked for now and was not when the socket was opened waits for another start, but for the
   backlog, which can be given anew. */
static int warn_of_options(struct listener *listener, const struct address *before,
                           struct error *error)
{
    for (int id = 0; id < LISTENER_OPTION_COUNT; id++) {
        bool can_change = id == LISTENER_OPTION_BACKLOG || id == LISTENER_OPTION_NAME;
        if (!can_change &&
            !address_has_same_option(before, listener->address, (enum listener_option_id)id)) {
            listener->warning = strdup("its changed options take effect after a stop and start");
            return listener->warning != NULL ? 0 : error_set(error, "out of memory");
        }
    }
    return 0;
}

/* Makes `listener` one on the same socket as one of a set before, for this address. */
static int share(struct listener *same, const struct address *address, struct listener *listener,
                 struct error *error)
{
    listener->address = address;
    if (listener_share(same, listener, error) != 0) {
        return -1;
    }
    if (address != NULL && warn_of_options(listener, same->address, error) != 0) {
        listener_close(listener);
        return -1;
    }
    return 0;
}

/* Returns how many sockets were taken over, or -1 with none taken. */
static int take_over(const struct run *run, const struct address *address,
                     struct listener *listeners, int wanted, struct error *error)
{
    int taken = 0;
    for (; taken < wanted && (size_t)taken < run->count; taken++) {
        if (share(&run->first[taken], address, &listeners[taken], error) != 0) {
            while (taken > 0) {
                listener_close(&listeners[--taken]);
            }
            return -1;
        }
    }
    return taken;
}

static int open_or_take_over(const struct listener_set *set, const struct change *change,
                             const struct address *address, struct listener *listeners, int wanted,
                             struct error *error)
{
    const struct run same = find_same(change, set, address);
    if (same.count > 0) {
        return take_over(&same, address, listeners, wanted, error);
    }
    int count = listener_open(address, change->backlog, change->beyond, change->activation,
                              listeners, error);
    for (int i = 0; i < count; i++) {
        listeners[i].address = address;
    }
    return count;
}

static int add_addresses(struct listener_set *set, struct change *change,
                         const struct address *addresses, size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        struct listener *listeners = &set->items[set->count];
        int wanted = (int)listener_count(&addresses[i], 1);
        for (int part = 0; part < wanted; part++) {
            int fd = addresses[i].fd;
            if (fd < 0) {
                fd = next_free_number(addresses, count, change->next);
                change->next = fd + 1;
            }
            listeners[part] = (struct listener){.fd = -1, .worker_fd = fd};
        }
        int opened = open_or_take_over(set, change, &addresses[i], listeners, wanted, error);
        if (opened < 0) {
            return -1;
        }
        set->count += (size_t)opened;
        change->next -= wanted - opened;
    }
    return 0;
}

/* Room for one more, at the next number that no address asks for. */
static struct listener *add_unnamed(struct listener_set *set, struct change *change,
                                    const struct address *addresses, size_t count)
{
    struct listener *listener = &set->items[set->count];
    change->next = next_free_number(addresses, count, change->next);
    *listener = (struct listener){.fd = -1, .worker_fd = change->next++};
    return listener;
}

/* Sockets from above that no address names: those of this start, and those of the set before. */
static int add_from_above(struct listener_set *set, struct change *change,
                          const struct address *addresses, size_t count, struct error *error)
{
    for (size_t i = 0; change->activation != NULL && i < change->activation->count; i++) {
        struct activated_socket *given = &change->activation->items[i];
        if (given->fd < 0 || given->stored_name != NULL) {
            continue;
        }
        if (listener_take(given, change->beyond, add_unnamed(set, change, addresses, count),
                          error) != 0) {
            return -1;
        }
        set->count++;
    }
    for (size_t i = 0; change->before_count > 0 && i < change->before[0]->count; i++) {
        struct listener *same = &change->before[0]->items[i];
        if (same->address != NULL) {
            continue;
        }
        if (share(same, NULL, add_unnamed(set, change, addresses, count), error) != 0) {
            return -1;
        }
        set->count++;
    }
    return 0;
}

static int make_set(struct listener_set *set, struct change *change,
                    const struct address *addresses, size_t count, struct error *error)
{
    size_t before = change->before_count > 0 ? change->before[0]->count : 0;
    size_t more = activation_count(change->activation) + before;
    *set = (struct listener_set){.count = 0};
    change->next = FIRST_WORKER_FD;
    change->beyond = highest_number(addresses, count, more) + 1;
    if (check_numbers(addresses, count, error) != 0 ||
        open_files_check(listener_count(addresses, count), error) != 0) {
        return -1;
    }
    set->items = calloc(listener_count(addresses, count) + more + 1, sizeof *set->items);
    bool is_made = false;
    if (set->items == NULL) {
        error_set(error, "out of memory");
    } else {
        is_made = add_addresses(set, change, addresses, count, error) == 0 &&
                  add_from_above(set, change, addresses, count, error) == 0;
    }
    if (!is_made) {
        listener_set_close(set);
    }
    return is_made ? 0 : -1;
}

int listener_set_open(struct listener_set *set, const struct address *addresses, size_t count,
                      int backlog, struct activation *activation, struct error *error)
{
    struct change change = {.activation = activation, .backlog = backlog};
    return make_set(set, &change, addresses, count, error);
}

int listener_set_change(struct listener_set *set, const struct listener_set *const *before,
                        size_t before_count, const struct address *addresses, size_t count,
                        int backlog, struct error *error)
{
    struct change change = {.before = before, .before_count = before_count, .backlog = backlog};
    return make_set(set, &change, addresses, count, error);
}

void listener_set_settle(const struct listener_set *set, int backlog)
{
    for (size_t i = 0; i < set->count; i++) {
        if (set->items[i].holders != NULL) {
            listener_set_backlog(&set->items[i], backlog);
        }
    }
}

bool listener_set_has(const struct listener_set *set, int fd)
{
    for (size_t i = 0; i < set->count; i++) {
        if (set->items[i].fd == fd) {
            return true;
        }
    }
    return false;
}

void listener_set_own_files(struct listener_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        listener_own_file(&set->items[i]);
    }
}

void listener_set_leave_files(struct listener_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        listener_leave_file(&set->items[i]);
    }
}

void listener_set_close(struct listener_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        listener_close(&set->items[i]);
    }
    free(set->items);
    *set = (struct listener_set){.count = 0};
}
