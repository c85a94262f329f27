#include "adopter.h"

#include "adoption.h"
#include "log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How many calls of one worker are answered before others get their turn. */
#define CALLS_A_TURN 64
/* The least time from ready to the question which listeners are left over. */
#define SETTLE_SECONDS 1.0

/* What is answered to the workers of one release. */
struct table {
    struct table *next;
    struct release *release; /* held */
    struct adoption *adoption;
    unsigned users; /* workers, and one that is being started */
};

/* The filter of one worker and everything below it. */
struct watch {
    struct watch *next;
    struct adopter *adopter;
    struct table *table; /* NULL: the worker has ended, and left something behind */
    uint64_t generation;
    struct adoptee adoptee;
    ev_io io;
    bool has_missed; /* told once, as is the next */
    bool is_blind;
};

struct adopter {
    struct adopter_setup setup;
    struct table *tables;  /* the newest first; owned */
    struct watch *watches; /* owned */
    uint64_t last_ready;   /* the generation that was ready last */
    uint64_t last_said;    /* the one that said so itself last */
    bool last_ready_said;  /* that the one that was ready last said so itself */
    int *expected;         /* the sockets that it took, as the supervisor's descriptors; owned */
    size_t expected_count;
    ev_timer settle;
    bool has_told_reason; /* why there is no filter */
    bool has_told_privileges;
};

/* --- tables ------------------------------------------------------------------------------------
 */

static struct table *find_table(const struct adopter *adopter, const struct release *release)
{
    struct table *table = adopter->tables;
    while (table != NULL && table->release != release) {
        table = table->next;
    }
    return table;
}

static struct table *add_table(struct adopter *adopter, struct release *release)
{
    struct table *table = calloc(1, sizeof *table);
    struct adoption *adoption = adoption_new(&release->listeners);
    if (table == NULL || adoption == NULL) {
        free(table);
        adoption_free(adoption);
        return NULL;
    }
    if (adopter->tables != NULL) {
        adoption_follow(adoption, adopter->tables->adoption);
    }
    *table = (struct table){
        .next = adopter->tables, .release = release_hold(release), .adoption = adoption};
    return adopter->tables = table;
}

static void release_table(struct adopter *adopter, struct table *table)
{
    if (--table->users > 0) {
        return;
    }
    struct table **link = &adopter->tables;
    while (*link != table) {
        link = &(*link)->next;
    }
    *link = table->next;
    adoption_free(table->adoption);
    release_drop(table->release);
    free(table);
}

/* --- who has what ------------------------------------------------------------------------------
 */

static const struct watch *find_watch(const struct adopter *adopter, uint64_t generation)
{
    const struct watch *watch = adopter->watches;
    while (watch != NULL && (watch->generation != generation || watch->table == NULL)) {
        watch = watch->next;
    }
    return watch;
}

static const struct listener_set *listeners_of(const struct watch *watch)
{
    return &watch->table->release->listeners;
}

static const char *name_of(const struct watch *watch, size_t listener)
{
    return listeners_of(watch)->items[listener].name;
}

static bool has_taken(const struct watch *watch, size_t listener)
{
    return (watch->adoptee.marks[listener] & ADOPTION_TAKEN) != 0;
}

static bool has_taken_any(const struct watch *watch)
{
    for (size_t i = 0; i < listeners_of(watch)->count; i++) {
        if (has_taken(watch, i)) {
            return true;
        }
    }
    return false;
}

static bool is_expected(const struct adopter *adopter, int fd)
{
    for (size_t i = 0; i < adopter->expected_count; i++) {
        if (adopter->expected[i] == fd) {
            return true;
        }
    }
    return false;
}

/* Without memory less is expected, and a generation may count as ready too soon. */
static void expect(struct adopter *adopter, int fd)
{
    if (is_expected(adopter, fd)) {
        return;
    }
    int *grown = realloc(adopter->expected, (adopter->expected_count + 1) * sizeof *grown);
    if (grown != NULL) {
        adopter->expected = grown;
        adopter->expected[adopter->expected_count++] = fd;
    }
}

static void expect_from(struct adopter *adopter, uint64_t generation)
{
    const struct watch *watch = find_watch(adopter, generation);
    adopter->expected_count = 0;
    for (size_t i = 0; watch != NULL && i < listeners_of(watch)->count; i++) {
        if (has_taken(watch, i)) {
            expect(adopter, listeners_of(watch)->items[i].fd);
        }
    }
}

/* --- readiness ---------------------------------------------------------------------------------
 */

/* It listens where the last one was found, or anywhere where there was none. A socket that only the
   last one was given is not waited for. */
static bool listens_enough(const struct watch *watch)
{
    bool is_anything_expected = false;
    bool listens_anywhere = false;
    for (size_t i = 0; i < listeners_of(watch)->count; i++) {
        bool listens = (watch->adoptee.marks[i] & ADOPTION_LISTENING) != 0;
        bool is_awaited = is_expected(watch->adopter, listeners_of(watch)->items[i].fd);
        if (is_awaited && !listens) {
            return false;
        }
        is_anything_expected = is_anything_expected || is_awaited;
        listens_anywhere = listens_anywhere || listens;
    }
    return is_anything_expected || listens_anywhere;
}

/* A server that says READY=1 listens long before, perhaps: its word is better. */
static bool counts_as_ready(const struct watch *watch)
{
    enum ready_source source = release_options(watch->table->release)->ready;
    return source == READY_LISTEN ||
           (source == READY_SOURCE_AUTO && !watch->adopter->last_ready_said);
}

static void consider_readiness(const struct watch *watch)
{
    const struct adopter_setup *setup = &watch->adopter->setup;
    const struct generation *starting = lifecycle_find(setup->lifecycle, watch->generation);
    if (starting != NULL && !starting->has_reported && counts_as_ready(watch) &&
        listens_enough(watch)) {
        const struct lifecycle_event event = {.kind = EVENT_READY, .generation = watch->generation};
        setup->on_event(setup->context, &event);
    }
}

/* --- events ------------------------------------------------------------------------------------
 */

static void on_took(const struct watch *watch, const struct adoption_event *event)
{
    struct adopter *adopter = watch->adopter;
    if (event->is_first) {
        log_info("generation %" PRIu64 ": process %d binds %s, and gets the socket that is held",
                 watch->generation, (int)event->thread, name_of(watch, event->listener));
    }
    if (watch->generation == adopter->last_ready) {
        expect(adopter, listeners_of(watch)->items[event->listener].fd);
    }
}

static void on_missed(struct watch *watch, const struct adoption_event *event)
{
    if (!watch->has_missed) {
        watch->has_missed = true;
        log_info("generation %" PRIu64
                 ": process %d binds the port of %s on another address, which is not held",
                 watch->generation, (int)event->thread, name_of(watch, event->listener));
    }
}

static void on_moved(const struct watch *watch, const struct adoption_event *event)
{
    log_error(
        "generation %" PRIu64
        ": process %d puts a socket of its own at %s; the one that is held is not reached any "
        "more",
        watch->generation, (int)event->thread, name_of(watch, event->listener));
}

static void on_blind(struct watch *watch, const struct adoption_event *event)
{
    if (!watch->is_blind) {
        watch->is_blind = true;
        log_error("generation %" PRIu64
                  ": cannot look at what process %d binds: not permitted (it runs as another user, "
                  "or may not be traced); it gets no socket that is held",
                  watch->generation, (int)event->thread);
    }
}

static void close_watch(struct watch *watch)
{
    if (watch->table != NULL) {
        release_table(watch->adopter, watch->table);
    }
    ev_io_stop(watch->adopter->setup.loop, &watch->io);
    adoptee_close(&watch->adoptee);
    free(watch);
}

/* Nobody is left below that worker. */
static void forget(struct watch *watch)
{
    struct watch **link = &watch->adopter->watches;
    while (*link != watch) {
        link = &(*link)->next;
    }
    *link = watch->next;
    close_watch(watch);
}

static void take_event(struct watch *watch, const struct adoption_event *event)
{
    switch (event->kind) {
    case ADOPTION_TOOK:
        on_took(watch, event);
        break;
    case ADOPTION_MISSED:
        on_missed(watch, event);
        break;
    case ADOPTION_BLIND:
        on_blind(watch, event);
        break;
    case ADOPTION_MOVED:
        on_moved(watch, event);
        break;
    case ADOPTION_LISTENS:
    case ADOPTION_NOTHING:
        break;
    }
    /* Only what is new can make a difference; a storm of binds must not cost more than its answers.
     */
    if (event->is_first) {
        consider_readiness(watch);
    }
}

/* What a worker that has ended left behind, such as children that still serve, must not harm the
   newer ones. */
static struct adoption *choose_adoption(const struct watch *watch)
{
    const struct table *table = watch->table != NULL ? watch->table : watch->adopter->tables;
    return table != NULL ? table->adoption : NULL;
}

static void on_calls(struct ev_loop *loop, ev_io *io, int revents)
{
    (void)loop;
    (void)revents;
    struct watch *watch = io->data;
    for (int i = 0; i < CALLS_A_TURN; i++) {
        struct adoption_event event;
        /* Each time anew: an event may end the worker's time. */
        switch (adoption_serve(choose_adoption(watch), &watch->adoptee, &event)) {
        case ADOPTION_SERVED:
            if (watch->table != NULL) {
                take_event(watch, &event);
            }
            break;
        case ADOPTION_IDLE:
            return;
        case ADOPTION_OVER:
            forget(watch);
            return;
        }
    }
}

/* --- its time ----------------------------------------------------------------------------------
 */

static void describe_left_over(const struct adopter *adopter, const struct listener_set *listeners,
                               char *buffer, size_t size)
{
    size_t length = 0;
    buffer[0] = '\0';
    for (size_t i = 0; i < listeners->count && length < size; i++) {
        if (adopter_is_left_over(adopter, &listeners->items[i])) {
            length += (size_t)snprintf(buffer + length, size - length, "%s%s",
                                       length > 0 ? ", " : "", listeners->items[i].name);
        }
    }
}

static void on_settle(struct ev_loop *loop, ev_timer *timer, int revents)
{
    (void)loop;
    (void)revents;
    char names[512] = "";
    const struct adopter *adopter = timer->data;
    const struct watch *watch = find_watch(adopter, adopter->setup.lifecycle->current);
    if (watch != NULL) {
        describe_left_over(adopter, listeners_of(watch), names, sizeof names);
    }
    if (names[0] != '\0') {
        log_error("generation %" PRIu64 ": has not taken %s: connections to it only wait",
                  watch->generation, names);
    }
}

struct adopter *adopter_new(const struct adopter_setup *setup)
{
    struct adopter *adopter = calloc(1, sizeof *adopter);
    if (adopter != NULL) {
        adopter->setup = *setup;
        ev_timer_init(&adopter->settle, on_settle, 0.0, 0.0);
        adopter->settle.data = adopter;
    }
    return adopter;
}

void adopter_free(struct adopter *adopter)
{
    if (adopter == NULL) {
        return;
    }
    while (adopter->watches != NULL) {
        struct watch *watch = adopter->watches;
        adopter->watches = watch->next;
        close_watch(watch);
    }
    ev_timer_stop(adopter->setup.loop, &adopter->settle);
    free(adopter->expected);
    free(adopter);
}

bool adopter_equip(struct adopter *adopter, struct release *release,
                   struct adoption_installation *installation)
{
    const struct options *options = release_options(release);
    if (options->adopt == ADOPT_OFF || release->listeners.count == 0) {
        return false;
    }
    struct table *table = find_table(adopter, release);
    if (table == NULL) {
        table = add_table(adopter, release);
    }
    if (table == NULL) {
        log_error("cannot adopt servers that bind for themselves: out of memory");
        return false;
    }
    table->users++;
    *installation = (struct adoption_installation){
        .filter = adoption_get_filter(table->adoption),
        .is_required = options->adopt == ADOPT_ON || options->ready == READY_LISTEN,
    };
    return true;
}

static void tell_installation(struct adopter *adopter,
                              const struct adoption_installation *installation)
{
    if (installation->notify_fd < 0 && !adopter->has_told_reason) {
        adopter->has_told_reason = true;
        log_info("servers that bind for themselves are not adopted: %s",
                 adoption_failure_text(installation->reason));
    }
    if (installation->no_new_privs && !adopter->has_told_privileges) {
        adopter->has_told_privileges = true;
        log_info("adoption without CAP_SYS_ADMIN needs no_new_privs: setuid programs and file "
                 "capabilities, such as those of sudo, have no effect below the workers "
                 "(--adopt=off does without)");
    }
}

static struct watch *add_watch(struct adopter *adopter, struct table *table, uint64_t generation,
                               int notify_fd)
{
    struct watch *watch = calloc(1, sizeof *watch);
    if (watch == NULL || adoptee_init(&watch->adoptee, table->adoption, notify_fd) != 0) {
        free(watch);
        return NULL;
    }
    watch->adopter = adopter;
    watch->table = table;
    watch->generation = generation;
    watch->next = adopter->watches;
    ev_io_init(&watch->io, on_calls, notify_fd, EV_READ);
    watch->io.data = watch;
    ev_io_start(adopter->setup.loop, &watch->io);
    return adopter->watches = watch;
}

void adopter_begin(struct adopter *adopter, const struct release *release, uint64_t generation,
                   const struct adoption_installation *installation)
{
    struct table *table = find_table(adopter, release);
    int notify_fd = installation->notify_fd;
    tell_installation(adopter, installation);
    if (notify_fd < 0) {
        release_table(adopter, table);
    } else if (add_watch(adopter, table, generation, notify_fd) == NULL) {
        log_error("generation %" PRIu64 ": cannot adopt: out of memory", generation);
        close(notify_fd);
        release_table(adopter, table);
    }
}

void adopter_cancel(struct adopter *adopter, const struct release *release)
{
    release_table(adopter, find_table(adopter, release));
}

void adopter_end(struct adopter *adopter, uint64_t generation)
{
    for (struct watch *watch = adopter->watches; watch != NULL; watch = watch->next) {
        if (watch->generation == generation && watch->table != NULL) {
            release_table(adopter, watch->table);
            watch->table = NULL;
            adoptee_stop_noting(&watch->adoptee);
        }
    }
}

void adopter_hear(struct adopter *adopter, uint64_t generation)
{
    adopter->last_said = generation;
    adopter->last_ready_said = adopter->last_ready_said || generation == adopter->last_ready;
}

/* Servers that listen on several addresses get there one by one: what is left over is asked later.
 */
static void begin_to_settle(struct adopter *adopter, const struct watch *watch)
{
    double interval = (double)release_options(watch->table->release)->interval_ms / 1000.0;
    ev_timer_stop(adopter->setup.loop, &adopter->settle);
    ev_now_update(adopter->setup.loop);
    ev_timer_set(&adopter->settle, interval > SETTLE_SECONDS ? interval : SETTLE_SECONDS, 0.0);
    ev_timer_start(adopter->setup.loop, &adopter->settle);
}

void adopter_report(struct adopter *adopter, const struct lifecycle_action *report)
{
    if (report->report != REPORT_READY && report->report != REPORT_ROLLED_BACK) {
        return;
    }
    const struct watch *watch = find_watch(adopter, report->generation);
    adopter->last_ready = report->generation;
    adopter->last_ready_said = adopter->last_said == report->generation;
    expect_from(adopter, report->generation);
    if (watch != NULL) {
        begin_to_settle(adopter, watch);
    }
}

/* A generation that took nothing knows how to use the sockets that it was given, most likely. */
bool adopter_is_left_over(const struct adopter *adopter, const struct listener *listener)
{
    const struct watch *watch = find_watch(adopter, adopter->setup.lifecycle->current);
    if (watch == NULL || !has_taken_any(watch)) {
        return false;
    }
    for (size_t i = 0; i < listeners_of(watch)->count; i++) {
        if (listeners_of(watch)->items[i].fd == listener->fd) {
            return !has_taken(watch, i);
        }
    }
    return false;
}
