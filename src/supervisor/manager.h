/*
 * What tasuki tells the service manager (systemd), and when: the state of the service in the order
 * that sd_notify(3) expects, the watchdog messages, and the listeners for the file descriptor
 * store. service_manager.c sends it.
 */
#ifndef MANAGER_H
#define MANAGER_H

#include "lifecycle.h"
#include "release.h"
#include "service_manager.h"

#include <ev.h>

enum manager_phase { MANAGER_STARTING, MANAGER_SERVING, MANAGER_RELOADING, MANAGER_STOPPING };

/* Room for a sentence about the state of the service. */
#define MANAGER_STATUS_SIZE 256

/* All of it outlives the manager. */
struct manager_setup {
    struct ev_loop *loop;
    struct service_manager *service_manager;
    const struct lifecycle *lifecycle;
    struct release *const *release; /* what is in force */
    bool is_daemon;                 /* the process that systemd started is not this one */
};

struct manager {
    struct manager_setup setup;
    ev_timer retry;           /* until what its queue had no room for is told again */
    ev_timer watchdog;        /* until the next sign of life */
    enum manager_phase phase; /* what it was told last */
    char status[MANAGER_STATUS_SIZE];
    size_t stored;          /* so many of the listeners in force have been sent to the store */
    bool owes_store;        /* the rest is still to be sent */
    bool owes_reloading;    /* a deploy began that it has not been told of */
    bool is_missed;         /* nobody took the last message */
    uint64_t failed_deploy; /* the last one, if it did; 0: it did not */
    enum deploy_failure failure;
};

void manager_init(struct manager *manager, const struct manager_setup *setup);
void manager_close(struct manager *manager);

/* Handles a report (`context` is the manager): sends the new state of the service. */
void manager_on_report(void *context, const struct lifecycle_action *report);

/* Sends the listeners in force to the store. */
void manager_store(struct manager *manager);

/* Removes from the store the listeners of `before` that are not in force any more. Call it before
   manager_store: two sockets may share one name, and this removes both. */
void manager_unstore(const struct manager *manager, const struct listener_set *before);

#endif
