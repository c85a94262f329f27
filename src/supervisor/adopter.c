#include "adopter.h"

#include "array.h"
#include "builder.h"
#include "log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The least time from ready to the question which listeners are left over. */
#define SETTLE_SECONDS 1.0

/* What a family does with a listener (family->adopted). */
enum { TAKEN = 1, LISTENING = 2, MISSED = 4, MOVED = 8, BLIND = 16 };

/* A listener that some generation has taken. */
struct known_listener {
    uint64_t cookie;
    enum adoption_blocking asked;
    bool is_expected; /* the generation that was ready last took it */
};

struct adopter {
    struct adopter_setup setup;
    struct adoption_filter filter; /* of the worker that is about to be started */
    uint64_t last_ready;           /* the generation that was ready last */
    uint64_t last_said;            /* the one that said so itself last */
    bool last_ready_said;          /* that the one that was ready last said so itself */
    struct known_listener *known;  /* owned */
    size_t known_count;
    ev_timer settle;
    bool has_told_reason; /* why there is no filter */
    bool has_told_privileges;
};

/* --- listeners ---------------------------------------------------------------------------------
 */

static struct known_listener *find_known(const struct adopter *adopter,
                                         const struct listener *listener)
{
    uint64_t cookie = adoption_cookie(listener->fd);
    for (size_t i = 0; i < adopter->known_count; i++) {
        if (adopter->known[i].cookie == cookie) {
            return &adopter->known[i];
        }
    }
    return NULL;
}

/* Those of a release that nobody has any more are forgotten with the next that comes. */
static bool is_there(const struct adopter *adopter, uint64_t cookie)
{
    for (const struct family *one = *adopter->setup.families; one != NULL; one = one->next) {
        for (size_t i = 0; one->release != NULL && i < one->release->listeners.count; i++) {
            if (adoption_cookie(one->release->listeners.items[i].fd) == cookie) {
                return true;
            }
        }
    }
    return false;
}

static void forget_closed(struct adopter *adopter)
{
    size_t kept = 0;
    for (size_t i = 0; i < adopter->known_count; i++) {
        if (is_there(adopter, adopter->known[i].cookie)) {
            adopter->known[kept++] = adopter->known[i];
        }
    }
    adopter->known_count = kept;
}

/* Without memory less is known: a generation may count as ready too soon. */
static struct known_listener *note(struct adopter *adopter, const struct listener *listener)
{
    struct known_listener *known = find_known(adopter, listener);
    if (known != NULL) {
        return known;
    }
    forget_closed(adopter);
    known = array_grow(adopter->known, adopter->known_count, sizeof *known);
    if (known == NULL) {
        return NULL;
    }
    adopter->known = known;
    known += adopter->known_count++;
    *known = (struct known_listener){.cookie = adoption_cookie(listener->fd)};
    return known;
}

enum adoption_blocking *adopter_asked(const struct adopter *adopter, const struct release *release)
{
    const struct listener_set *listeners = &release->listeners;
    enum adoption_blocking *asked = calloc(listeners->count, sizeof *asked);
    for (size_t i = 0; asked != NULL && i < listeners->count; i++) {
        const struct known_listener *known = find_known(adopter, &listeners->items[i]);
        asked[i] = known != NULL ? known->asked : BLOCKING_UNASKED;
    }
    return asked;
}

/* --- who has what ------------------------------------------------------------------------------
 */

/* NULL for a generation that has no filter, or whose worker has ended. */
static const struct family *find_family(const struct adopter *adopter, uint64_t generation)
{
    const struct family *family = *adopter->setup.families;
    while (family != NULL && family->generation != generation) {
        family = family->next;
    }
    return family != NULL && family->release != NULL && family->adopted != NULL ? family : NULL;
}

static const struct listener_set *listeners_of(const struct family *family)
{
    return &family->release->listeners;
}

static bool has_taken(const struct family *family, size_t listener)
{
    return (family->adopted[listener] & TAKEN) != 0;
}

static bool has_taken_any(const struct family *family)
{
    for (size_t i = 0; i < listeners_of(family)->count; i++) {
        if (has_taken(family, i)) {
            return true;
        }
    }
    return false;
}

static void expect_from(struct adopter *adopter, const struct family *family)
{
    for (size_t i = 0; i < adopter->known_count; i++) {
        adopter->known[i].is_expected = false;
    }
    for (size_t i = 0; family != NULL && i < listeners_of(family)->count; i++) {
        struct known_listener *known =
            has_taken(family, i) ? note(adopter, &listeners_of(family)->items[i]) : NULL;
        if (known != NULL) {
            known->is_expected = true;
        }
    }
}

/* --- readiness ---------------------------------------------------------------------------------
 */

/* It listens where the last one was found, or anywhere where there was none. A socket that only the
   last one was given is not waited for. */
static bool listens_enough(const struct adopter *adopter, const struct family *family)
{
    bool is_anything_expected = false;
    bool listens_anywhere = false;
    for (size_t i = 0; i < listeners_of(family)->count; i++) {
        const struct known_listener *known = find_known(adopter, &listeners_of(family)->items[i]);
        bool listens = (family->adopted[i] & LISTENING) != 0;
        bool is_expected = known != NULL && known->is_expected;
        if (is_expected && !listens) {
            return false;
        }
        is_anything_expected = is_anything_expected || is_expected;
        listens_anywhere = listens_anywhere || listens;
    }
    return is_anything_expected || listens_anywhere;
}

/* A server that says READY=1 listens long before, perhaps: its word is better. */
static bool counts_as_ready(const struct adopter *adopter, const struct family *family)
{
    enum ready_source source = family->options->ready;
    return source == READY_LISTEN || (source == READY_SOURCE_AUTO && !adopter->last_ready_said);
}

static void consider_readiness(const struct adopter *adopter, const struct family *family)
{
    const struct adopter_setup *setup = &adopter->setup;
    const struct generation *starting = lifecycle_find(setup->lifecycle, family->generation);
    if (starting != NULL && !generation_has_reported(starting) &&
        counts_as_ready(adopter, family) && listens_enough(adopter, family)) {
        const struct lifecycle_event event = {.kind = EVENT_READY,
                                              .generation = family->generation};
        setup->on_event(setup->context, &event);
    }
}

/* --- facts -------------------------------------------------------------------------------------
 */

/* What has been said is not said again. */
static bool is_new(struct family *family, const struct fact *fact, unsigned mark)
{
    bool is_old = (family->adopted[fact->listener] & mark) != 0;
    family->adopted[fact->listener] |= mark;
    return !is_old;
}

#define DOER_SIZE 64

/* "worker 12", or "process 15 of worker 12" for one below it. */
static const char *describe_doer(const struct family *family, const struct fact *fact, char *text)
{
    int worker = (int)family->pid;
    if (fact->process == worker) {
        snprintf(text, DOER_SIZE, "worker %d", worker);
    } else {
        snprintf(text, DOER_SIZE, "process %d of worker %d", (int)fact->process, worker);
    }
    return text;
}

static void on_took(struct adopter *adopter, struct family *family, const struct fact *fact)
{
    const struct listener *listener = &listeners_of(family)->items[fact->listener];
    struct known_listener *known = note(adopter, listener);
    char doer[DOER_SIZE];
    if (is_new(family, fact, TAKEN)) {
        log_info("generation %" PRIu64 ": %s bound %s (using tasuki's socket)", family->generation,
                 describe_doer(family, fact, doer), listener->name);
    }
    if (known != NULL) {
        known->asked = (enum adoption_blocking)fact->asked;
        known->is_expected = known->is_expected || family->generation == adopter->last_ready;
    }
}

static void complain(struct family *family, const struct fact *fact)
{
    const char *name = listeners_of(family)->items[fact->listener].name;
    char doer[DOER_SIZE];
    if (fact->kind == FACT_MISSED && is_new(family, fact, MISSED)) {
        log_info("generation %" PRIu64
                 ": %s bound the port of %s on an address that tasuki does not listen on",
                 family->generation, describe_doer(family, fact, doer), name);
    } else if (fact->kind == FACT_MOVED && is_new(family, fact, MOVED)) {
        log_error("generation %" PRIu64
                  ": %s replaced %s with its own socket; clients no longer reach tasuki's",
                  family->generation, describe_doer(family, fact, doer), name);
    } else if (fact->kind == FACT_BLIND && is_new(family, fact, BLIND)) {
        log_error("generation %" PRIu64 ": cannot adopt the sockets of %s: permission denied (it "
                  "runs as another user or must not be traced)",
                  family->generation, describe_doer(family, fact, doer));
    }
}

void adopter_take(struct adopter *adopter, struct family *family, const struct fact *fact)
{
    if (family->adopted == NULL) {
        return;
    }
    switch (fact->kind) {
    case FACT_TOOK:
        on_took(adopter, family, fact);
        break;
    case FACT_LISTENS:
        family->adopted[fact->listener] |= LISTENING;
        consider_readiness(adopter, family);
        break;
    default:
        complain(family, fact);
        break;
    }
}

/* --- its time ----------------------------------------------------------------------------------
 */

static void describe_left_over(const struct adopter *adopter, const struct listener_set *listeners,
                               char *buffer, size_t size)
{
    struct builder names = builder_in(buffer, size);
    for (size_t i = 0; i < listeners->count; i++) {
        if (adopter_is_left_over(adopter, &listeners->items[i])) {
            builder_add(&names, "%s%s", names.length > 0 ? ", " : "", listeners->items[i].name);
        }
    }
}

static void on_settle(struct ev_loop *loop, ev_timer *timer, int revents)
{
    (void)loop;
    (void)revents;
    char names[512] = "";
    const struct adopter *adopter = timer->data;
    const struct family *family = find_family(adopter, lifecycle_current(adopter->setup.lifecycle));
    if (family != NULL) {
        describe_left_over(adopter, listeners_of(family), names, sizeof names);
    }
    if (names[0] != '\0') {
        log_error("generation %" PRIu64 ": no worker accepts on %s; connections wait",
                  family->generation, names);
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
    ev_timer_stop(adopter->setup.loop, &adopter->settle);
    free(adopter->known);
    free(adopter);
}

bool adopter_equip(struct adopter *adopter, const struct release *release,
                   struct adoption_installation *installation)
{
    const struct options *options = release_options(release);
    bool has_paths = false;
    if (options->adopt == ADOPT_OFF || release->listeners.count == 0) {
        return false;
    }
    for (size_t i = 0; i < release->listeners.count; i++) {
        has_paths = has_paths || release->listeners.items[i].path != NULL;
    }
    adoption_filter_build(&adopter->filter, has_paths);
    *installation = (struct adoption_installation){
        .filter = &adopter->filter,
        .is_required = options->adopt == ADOPT_ON || options->ready == READY_LISTEN,
        .notify_fd = -1,
    };
    return true;
}

void adopter_tell_installation(struct adopter *adopter,
                               const struct adoption_installation *installation)
{
    if (installation->notify_fd < 0 && !adopter->has_told_reason) {
        adopter->has_told_reason = true;
        log_info("adoption is off: %s", adoption_failure_text(installation->reason));
    }
    if (installation->no_new_privs && !adopter->has_told_privileges) {
        adopter->has_told_privileges = true;
        log_info("adoption without CAP_SYS_ADMIN sets no_new_privs: sudo and other setuid programs "
                 "do not work in workers (--adopt=off avoids this)");
    }
}

void adopter_said_ready(struct adopter *adopter, uint64_t generation)
{
    adopter->last_said = generation;
    adopter->last_ready_said = adopter->last_ready_said || generation == adopter->last_ready;
}

/* Servers that listen on several addresses get there one by one: what is left over is asked later.
 */
static void begin_to_settle(struct adopter *adopter, const struct family *family)
{
    double interval = (double)family->options->interval_ms / 1000.0;
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
    const struct family *family = find_family(adopter, report->generation);
    adopter->last_ready = report->generation;
    adopter->last_ready_said = adopter->last_said == report->generation;
    expect_from(adopter, family);
    if (family != NULL) {
        begin_to_settle(adopter, family);
    }
}

/* A generation that took nothing knows how to use the sockets that it was given, most likely. */
bool adopter_is_left_over(const struct adopter *adopter, const struct listener *listener)
{
    const struct family *family = find_family(adopter, lifecycle_current(adopter->setup.lifecycle));
    if (family == NULL || !has_taken_any(family)) {
        return false;
    }
    for (size_t i = 0; i < listeners_of(family)->count; i++) {
        if (listeners_of(family)->items[i].fd == listener->fd) {
            return !has_taken(family, i);
        }
    }
    return false;
}
