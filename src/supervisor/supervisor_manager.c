/*
 * The supervisor as a service of systemd: what the lifecycle reports becomes the state that the
 * service manager is told, in the order in which it expects it (sd_notify(3)), and a watchdog that
 * it asked for gets its signs of life. Its store keeps the listeners that are in force, for a
 * supervisor that follows this one.
 */
#include "log.h"
#include "store_name.h"
#include "supervisor_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* How soon a message that found the manager's queue full is sent again. */
#define RETRY_SECONDS 0.2
/* What a start or a stop may take beyond the time that the supervisor itself allows for it. */
#define MARGIN_MS 2000

/* --- sending ---------------------------------------------------------------------------------- */

static bool tell(struct supervisor *supervisor, const char *lines)
{
    struct supervisor_manager *own = &supervisor->manager;
    struct error error;
    bool is_told = service_manager_tell(supervisor->setup->manager, lines, &error) == 0;
    if (!is_told && errno == EAGAIN) {
        ev_timer_again(supervisor->loop, &own->retry);
        return false;
    }
    /* One that has gone away is told on, in case it comes back, but not complained of again. */
    if (!is_told && !own->is_missed) {
        log_warning("%s; the service goes on without it", error.text);
    }
    own->is_missed = !is_told;
    return true;
}

/* --- its store -------------------------------------------------------------------------------- */

/* The socket unit of one that was given keeps it in any case. */
static bool is_to_be_stored(const struct listener *listener)
{
    return listener->origin != LISTENER_GIVEN;
}

static const char *make_store_name(const struct listener *listener, char name[STORE_NAME_SIZE])
{
    return store_name_make(name, listener_type_name(listener), listener->name,
                           listener->file.inode != 0 ? &listener->file : NULL);
}

/* What has come of a message to the store. Returns false if it is to be sent again. */
static bool take_result(struct supervisor *supervisor, int result, const struct error *error)
{
    if (result != 0 && errno == EAGAIN) {
        ev_timer_again(supervisor->loop, &supervisor->manager.retry);
        return false;
    }
    if (result != 0 && !supervisor->manager.is_missed) {
        log_warning("%s; the service goes on without it", error->text);
        supervisor->manager.is_missed = true;
    }
    return true;
}

/* Goes on where the queue was full. */
static void store_rest(struct supervisor *supervisor)
{
    struct supervisor_manager *own = &supervisor->manager;
    const struct listener_set *listeners = &supervisor_release(supervisor)->listeners;
    char name[STORE_NAME_SIZE];
    struct error error;
    for (; own->stored < listeners->count; own->stored++) {
        const struct listener *listener = &listeners->items[own->stored];
        if (is_to_be_stored(listener) &&
            !take_result(supervisor,
                         service_manager_store(supervisor->setup->manager, listener->fd,
                                               make_store_name(listener, name), &error),
                         &error)) {
            return;
        }
    }
    own->owes_store = !take_result(
        supervisor, service_manager_store_witness(supervisor->setup->manager, &error), &error);
}

void supervisor_store_listeners(struct supervisor *supervisor)
{
    supervisor->manager.stored = 0;
    supervisor->manager.owes_store = true;
    store_rest(supervisor);
}

/* Before those that stay are stored: two sockets may have one name, and it forgets both. One that
   it could not be told to forget is forgotten at the next start, which does not ask for it. */
void supervisor_unstore_listeners(struct supervisor *supervisor, const struct listener_set *before)
{
    const struct listener_set *now = &supervisor_release(supervisor)->listeners;
    char name[STORE_NAME_SIZE];
    struct error error;
    for (size_t i = 0; i < before->count; i++) {
        const struct listener *listener = &before->items[i];
        if (is_to_be_stored(listener) && !listener_set_has(now, listener->fd) &&
            service_manager_unstore(supervisor->setup->manager, make_store_name(listener, name),
                                    &error) != 0 &&
            errno == EAGAIN) {
            log_warning("%s", error.text);
        }
    }
}

static void on_retry(struct ev_loop *loop, ev_timer *watcher, int revents)
{
    (void)revents;
    struct supervisor *supervisor = ev_userdata(loop);
    ev_timer_stop(loop, watcher);
    supervisor_update_manager(supervisor); /* what it waits for goes first */
    if (supervisor->manager.owes_store) {
        store_rest(supervisor);
    }
}

static void on_watchdog(struct ev_loop *loop, ev_timer *watcher, int revents)
{
    (void)watcher;
    (void)revents;
    tell(ev_userdata(loop), "WATCHDOG=1");
}

void supervisor_watch_manager(struct supervisor *supervisor)
{
    struct supervisor_manager *own = &supervisor->manager;
    double half = (double)supervisor->setup->manager->watchdog_us / 2e6;
    ev_timer_init(&own->retry, on_retry, 0.0, RETRY_SECONDS);
    ev_timer_init(&own->watchdog, on_watchdog, half, half);
    if (half > 0) {
        ev_timer_start(supervisor->loop, &own->watchdog);
    }
}

/* --- what is said ----------------------------------------------------------------------------- */

static size_t count_leaving(const struct lifecycle *lifecycle)
{
    size_t count = 0;
    for (size_t i = 0; i < lifecycle->count; i++) {
        enum generation_state state = lifecycle->generations[i].state;
        count += state == GENERATION_RETIRING || state == GENERATION_STOPPING;
    }
    return count;
}

static void describe_generations(const struct lifecycle *lifecycle, char *text, size_t size)
{
    size_t leaving = count_leaving(lifecycle);
    if (lifecycle->current == 0) {
        snprintf(text, size, "no generation serves%s",
                 lifecycle->starting != 0 ? ", one is starting" : "");
    } else if (leaving == 0) {
        snprintf(text, size, "generation %" PRIu64 " serves", lifecycle->current);
    } else {
        snprintf(text, size, "generation %" PRIu64 " serves, %zu older %s leaving",
                 lifecycle->current, leaving, leaving == 1 ? "one is" : "ones are");
    }
}

static void describe(const struct supervisor *supervisor, char *text, size_t size)
{
    const struct lifecycle *lifecycle = &supervisor->lifecycle;
    const struct supervisor_manager *own = &supervisor->manager;
    if (lifecycle->stopping) {
        snprintf(text, size, "stopping");
        return;
    }
    describe_generations(lifecycle, text, size);
    size_t length = strlen(text);
    if (lifecycle->deploy != 0) {
        snprintf(text + length, size - length, "; deploy %" PRIu64 " is under way",
                 lifecycle->deploy);
    } else if (own->failed_deploy != 0) {
        snprintf(text + length, size - length, "; deploy %" PRIu64 " failed: %s",
                 own->failed_deploy, deploy_failure_text(own->failure));
    }
}

static bool announce(struct supervisor *supervisor, enum manager_phase phase)
{
    struct supervisor_manager *own = &supervisor->manager;
    char status[MANAGER_STATUS_SIZE];
    char lines[MANAGER_STATUS_SIZE + 128];
    size_t length = 0;
    describe(supervisor, status, sizeof status);
    if (phase == own->phase && strcmp(status, own->status) == 0) {
        return true;
    }
    if (phase != own->phase && phase == MANAGER_SERVING) {
        length = (size_t)snprintf(lines, sizeof lines, "READY=1\n");
        /* The process that systemd started is not the one that serves. */
        if (supervisor->setup->options->daemonize) {
            length += (size_t)snprintf(lines + length, sizeof lines - length, "MAINPID=%d\n",
                                       (int)getpid());
        }
    } else if (phase != own->phase && phase == MANAGER_RELOADING) {
        length = (size_t)snprintf(lines, sizeof lines, "RELOADING=1\nMONOTONIC_USEC=%" PRId64 "\n",
                                  service_manager_now_us());
    } else if (phase != own->phase && phase == MANAGER_STOPPING) {
        length = (size_t)snprintf(lines, sizeof lines, "STOPPING=1\n");
    }
    snprintf(lines + length, sizeof lines - length, "STATUS=%s", status);
    if (!tell(supervisor, lines)) {
        return false;
    }
    own->phase = phase;
    memcpy(own->status, status, sizeof own->status);
    return true;
}

/* systemd wants the beginning of a reload before its end, and neither before the service is ready:
   what was missed while its queue was full is said first. A deploy is under way until the older
   generations have been told to leave: how long they take then keeps nobody from the next one. */
void supervisor_update_manager(struct supervisor *supervisor)
{
    struct supervisor_manager *own = &supervisor->manager;
    const struct lifecycle *lifecycle = &supervisor->lifecycle;
    if (supervisor->setup->manager->fd < 0) {
        return;
    }
    if (lifecycle->stopping) {
        announce(supervisor, MANAGER_STOPPING);
        return;
    }
    if (!lifecycle->has_served) {
        announce(supervisor, MANAGER_STARTING);
        return;
    }
    if (own->phase == MANAGER_STARTING && !announce(supervisor, MANAGER_SERVING)) {
        return;
    }
    if (own->owes_reloading) {
        own->phase = MANAGER_SERVING; /* one that follows another is told with a time of its own */
        if (!announce(supervisor, MANAGER_RELOADING)) {
            return;
        }
        own->owes_reloading = false;
    }
    announce(supervisor, lifecycle->deploy != 0 ? MANAGER_RELOADING : MANAGER_SERVING);
}

/* What the supervisor allows for the next step, so that the manager's patience is not shorter. 0:
   it allows any time, and then the manager's word counts. */
static int64_t allowed_ms(const struct supervisor *supervisor,
                          const struct lifecycle_action *report)
{
    const struct lifecycle *lifecycle = &supervisor->lifecycle;
    bool is_serving = lifecycle->has_served && lifecycle->deploy == 0 && !lifecycle->stopping;
    if (is_serving) {
        return 0;
    }
    switch (report->report) {
    case REPORT_CHECK_STARTED:
        return supervisor_options(supervisor)->check_timeout_ms;
    case REPORT_SPAWNED:
        return lifecycle->settings.ready_timeout_ms;
    case REPORT_RETIRING:
        return report->ms;
    case REPORT_STOPPING:
        return lifecycle->settings.stop_timeout_ms;
    default:
        return 0;
    }
}

void supervisor_tell_manager(struct supervisor *supervisor, const struct lifecycle_action *report)
{
    struct supervisor_manager *own = &supervisor->manager;
    if (report->report == REPORT_DEPLOY_STARTED) {
        own->owes_reloading = true;
        own->failed_deploy = 0;
    } else if (report->report == REPORT_DEPLOY_FAILED) {
        own->failed_deploy = report->deploy;
        own->failure = report->reason;
    }
    supervisor_update_manager(supervisor);
    int64_t ms = allowed_ms(supervisor, report);
    if (ms > 0) {
        char line[64];
        snprintf(line, sizeof line, "EXTEND_TIMEOUT_USEC=%" PRId64, (ms + MARGIN_MS) * 1000);
        tell(supervisor, line);
    }
}
