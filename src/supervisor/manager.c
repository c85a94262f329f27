#include "manager.h"

#include "builder.h"
#include "log.h"
#include "store_name.h"

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

static bool tell(struct manager *manager, const char *lines)
{
    struct error error;
    bool is_told = service_manager_tell(manager->setup.service_manager, lines, &error) == 0;
    if (!is_told && errno == EAGAIN) {
        ev_timer_again(manager->setup.loop, &manager->retry);
        return false;
    }
    /* One that has gone away is told on, in case it comes back, but not complained of again. */
    if (!is_told && !manager->is_missed) {
        log_warning("%s; continuing without it", error.text);
    }
    manager->is_missed = !is_told;
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
static bool take_result(struct manager *manager, int result, const struct error *error)
{
    if (result != 0 && errno == EAGAIN) {
        ev_timer_again(manager->setup.loop, &manager->retry);
        return false;
    }
    if (result != 0 && !manager->is_missed) {
        log_warning("%s; continuing without it", error->text);
        manager->is_missed = true;
    }
    return true;
}

/* Goes on where the queue was full. */
static void store_rest(struct manager *manager)
{
    const struct listener_set *listeners = &(*manager->setup.release)->listeners;
    char name[STORE_NAME_SIZE];
    struct error error;
    for (; manager->stored < listeners->count; manager->stored++) {
        const struct listener *listener = &listeners->items[manager->stored];
        if (is_to_be_stored(listener) &&
            !take_result(manager,
                         service_manager_store(manager->setup.service_manager, listener->fd,
                                               make_store_name(listener, name), &error),
                         &error)) {
            return;
        }
    }
    manager->owes_store = !take_result(
        manager, service_manager_store_marker(manager->setup.service_manager, &error), &error);
}

void manager_store(struct manager *manager)
{
    manager->stored = 0;
    manager->owes_store = true;
    store_rest(manager);
}

/* One that it could not be told to forget is forgotten at the next start, which does not ask for
 * it.
 */
void manager_unstore(const struct manager *manager, const struct listener_set *before)
{
    const struct listener_set *now = &(*manager->setup.release)->listeners;
    char name[STORE_NAME_SIZE];
    struct error error;
    for (size_t i = 0; i < before->count; i++) {
        const struct listener *listener = &before->items[i];
        if (is_to_be_stored(listener) && !listener_set_has(now, listener->fd) &&
            service_manager_unstore(manager->setup.service_manager, make_store_name(listener, name),
                                    &error) != 0 &&
            errno == EAGAIN) {
            log_warning("%s", error.text);
        }
    }
}

/* --- what is said ----------------------------------------------------------------------------- */

static size_t count_leaving(const struct lifecycle *lifecycle)
{
    size_t count = 0;
    for (size_t i = 0; i < lifecycle->count; i++) {
        enum generation_state state = lifecycle->generations[i].state;
        count += state == GENERATION_STANDBY || state == GENERATION_STOPPING;
    }
    return count;
}

static void describe_generations(const struct lifecycle *lifecycle, struct builder *text)
{
    size_t leaving = count_leaving(lifecycle);
    if (lifecycle_current(lifecycle) == 0) {
        builder_add(text, "no generation is serving%s",
                    lifecycle_starting(lifecycle) != 0 ? ", one is starting" : "");
    } else if (leaving == 0) {
        builder_add(text, "generation %" PRIu64 " is serving", lifecycle_current(lifecycle));
    } else {
        builder_add(text, "generation %" PRIu64 " is serving, %zu older %s leaving",
                    lifecycle_current(lifecycle), leaving, leaving == 1 ? "one is" : "ones are");
    }
}

static void describe(const struct manager *manager, struct builder *text)
{
    const struct lifecycle *lifecycle = manager->setup.lifecycle;
    if (lifecycle_is_stopping(lifecycle)) {
        builder_add(text, "stopping");
        return;
    }
    describe_generations(lifecycle, text);
    if (lifecycle->deploy.number != 0) {
        builder_add(text, "; deploy %" PRIu64 " is under way", lifecycle->deploy.number);
    } else if (manager->failed_deploy != 0) {
        builder_add(text, "; deploy %" PRIu64 " failed: %s", manager->failed_deploy,
                    deploy_failure_text(manager->failure));
    }
}

static bool announce(struct manager *manager, enum manager_phase phase)
{
    char status[MANAGER_STATUS_SIZE];
    char lines[MANAGER_STATUS_SIZE + 128];
    struct builder text = builder_in(status, sizeof status);
    struct builder message = builder_in(lines, sizeof lines);
    describe(manager, &text);
    if (phase == manager->phase && strcmp(status, manager->status) == 0) {
        return true;
    }
    if (phase != manager->phase && phase == MANAGER_SERVING) {
        builder_add(&message, "READY=1\n");
        /* The process that systemd started is not the one that serves. */
        if (manager->setup.is_daemon) {
            builder_add(&message, "MAINPID=%d\n", (int)getpid());
        }
    } else if (phase != manager->phase && phase == MANAGER_RELOADING) {
        builder_add(&message, "RELOADING=1\nMONOTONIC_USEC=%" PRId64 "\n",
                    service_manager_now_us());
    } else if (phase != manager->phase && phase == MANAGER_STOPPING) {
        builder_add(&message, "STOPPING=1\n");
    }
    builder_add(&message, "STATUS=%s", status);
    if (!tell(manager, lines)) {
        return false;
    }
    manager->phase = phase;
    memcpy(manager->status, status, sizeof manager->status);
    return true;
}

/* systemd wants the beginning of a reload before its end, and neither before the service is ready:
   what was missed while its queue was full is said first. A deploy is under way until the older
   generations have been told to leave: how long they take then keeps nobody from the next one. */
static void update(struct manager *manager)
{
    const struct lifecycle *lifecycle = manager->setup.lifecycle;
    if (manager->setup.service_manager->fd < 0) {
        return;
    }
    if (lifecycle_is_stopping(lifecycle)) {
        announce(manager, MANAGER_STOPPING);
        return;
    }
    if (!lifecycle->has_served) {
        announce(manager, MANAGER_STARTING);
        return;
    }
    if (manager->phase == MANAGER_STARTING && !announce(manager, MANAGER_SERVING)) {
        return;
    }
    if (manager->owes_reloading) {
        manager->phase =
            MANAGER_SERVING; /* one that follows another is told with a time of its own */
        if (!announce(manager, MANAGER_RELOADING)) {
            return;
        }
        manager->owes_reloading = false;
    }
    announce(manager, lifecycle->deploy.number != 0 ? MANAGER_RELOADING : MANAGER_SERVING);
}

/* What the supervisor allows for the next step, so that the manager's patience is not shorter. 0:
   it allows any time, and then the manager's word counts. */
static int64_t allowed_ms(const struct manager *manager, const struct lifecycle_action *report)
{
    const struct lifecycle *lifecycle = manager->setup.lifecycle;
    bool is_serving =
        lifecycle->has_served && lifecycle->deploy.number == 0 && !lifecycle_is_stopping(lifecycle);
    if (is_serving) {
        return 0;
    }
    switch (report->report) {
    case REPORT_CHECK_STARTED:
        return release_options(*manager->setup.release)->check_timeout_ms;
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

void manager_on_report(void *context, const struct lifecycle_action *report)
{
    struct manager *manager = context;
    if (report->report == REPORT_DEPLOY_STARTED) {
        manager->owes_reloading = true;
        manager->failed_deploy = 0;
    } else if (report->report == REPORT_DEPLOY_FAILED) {
        manager->failed_deploy = report->deploy;
        manager->failure = report->reason;
    }
    update(manager);
    int64_t ms = allowed_ms(manager, report);
    if (ms > 0) {
        char line[64];
        snprintf(line, sizeof line, "EXTEND_TIMEOUT_USEC=%" PRId64, (ms + MARGIN_MS) * 1000);
        tell(manager, line);
    }
}

/* --- in the loop -------------------------------------------------------------------------------
 */

static void on_retry(struct ev_loop *loop, ev_timer *watcher, int revents)
{
    (void)revents;
    struct manager *manager = watcher->data;
    ev_timer_stop(loop, watcher);
    update(manager); /* what it waits for goes first */
    if (manager->owes_store) {
        store_rest(manager);
    }
}

static void on_watchdog(struct ev_loop *loop, ev_timer *watcher, int revents)
{
    (void)loop;
    (void)revents;
    tell(watcher->data, "WATCHDOG=1");
}

void manager_init(struct manager *manager, const struct manager_setup *setup)
{
    double half = (double)setup->service_manager->watchdog_us / 2e6;
    *manager = (struct manager){.setup = *setup};
    ev_timer_init(&manager->retry, on_retry, 0.0, RETRY_SECONDS);
    ev_timer_init(&manager->watchdog, on_watchdog, half, half);
    manager->retry.data = manager;
    manager->watchdog.data = manager;
    if (half > 0) {
        ev_timer_start(setup->loop, &manager->watchdog);
    }
}

void manager_close(struct manager *manager)
{
    ev_timer_stop(manager->setup.loop, &manager->retry);
    ev_timer_stop(manager->setup.loop, &manager->watchdog);
}
