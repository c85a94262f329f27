#include "crew.h"

#include "last_words.h"
#include "log.h"
#include "signal_name.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* A worker that dies sooner than this has hardly started. */
#define YOUNG_SECONDS 1.0

/* How long a start is waited for on the spot, and when it has failed. */
#define USUAL_START_MS 20
#define START_SECONDS 10.0
/* How long it may take until the outcome of one that has ended is known: it is, or in a moment. */
#define KNOWN_MS 100

/* --- who is there ------------------------------------------------------------------------------
 */

struct family *crew_find(const struct crew *crew, uint64_t generation)
{
    struct family *family = crew->families;
    while (family != NULL && family->generation != generation) {
        family = family->next;
    }
    return family;
}

static struct family *find_by_pid(const struct crew *crew, pid_t pid)
{
    struct family *family = crew->families;
    while (family != NULL && family->pid != pid) {
        family = family->next;
    }
    return family;
}

bool crew_is_left_over(const struct crew *crew, const struct listener *listener)
{
    return adopter_is_left_over(crew->adopter, listener);
}

/* --- starting ----------------------------------------------------------------------------------
 */

static void log_plan_problems(const struct plan *plan)
{
    if (plan->envdir_problem.text[0] != '\0') {
        log_error("%s", plan->envdir_problem.text);
    }
    if (plan->settings_problem.text[0] != '\0') {
        log_warning("%s; keeping the previous value", plan->settings_problem.text);
    }
}

/* Returns 0; or -1, and the worker is not there any more. */
static int begin(const struct crew *crew, struct family *family, pid_t pid,
                 const struct adoption_installation *adoption, struct error *error)
{
    int filter_fd = adoption != NULL ? adoption->notify_fd : -1;
    enum adoption_blocking *asked =
        filter_fd >= 0 ? adopter_asked(crew->adopter, family->release) : NULL;
    int result = family_begin(family, pid, filter_fd, asked, error);
    free(asked);
    if (result == 0 && adoption != NULL) {
        adopter_tell_installation(crew->adopter, adoption);
    }
    return result;
}

/* --- starts under way -------------------------------------------------------------------------
 */

/* A worker whose command is not executed yet, and what that needs. */
struct launch {
    struct launch *next;
    struct crew *crew;
    struct family *family;
    struct worker_start *start;
    struct environment environment;
    bool is_adopted;
    struct adoption_installation adoption;
    struct lifecycle_settings settings;
    ev_io outcome;
    ev_timer patience;
};

static void free_launch(struct launch *launch)
{
    struct ev_loop *loop = launch->crew->setup.loop;
    ev_io_stop(loop, &launch->outcome);
    ev_timer_stop(loop, &launch->patience);
    environment_free(&launch->environment);
    free(launch);
}

static void unlink_launch(struct launch *launch)
{
    struct launch **link = &launch->crew->launches;
    while (*link != NULL && *link != launch) {
        link = &(*link)->next;
    }
    if (*link != NULL) {
        *link = launch->next;
    }
}

/* `pid` is -1 where there is no worker. */
static void end_launch(struct launch *launch, pid_t pid, const struct worker_failure *failure)
{
    struct crew *crew = launch->crew;
    struct family *family = launch->family;
    uint64_t generation = family->generation;
    const struct lifecycle_settings settings = launch->settings;
    unlink_launch(launch);
    free_launch(launch);
    if (pid < 0) {
        family_free(family);
    } else {
        family->next = crew->families;
        crew->families = family;
    }
    crew->setup.on_started(crew->setup.context, generation, pid, &settings, failure);
}

/* The outcome is known. */
static void settle(struct launch *launch)
{
    struct worker_failure failure;
    pid_t pid = worker_finish(launch->start, &failure);
    if (pid >= 0 && begin(launch->crew, launch->family, pid,
                          launch->is_adopted ? &launch->adoption : NULL, &failure.error) != 0) {
        pid = -1;
    }
    end_launch(launch, pid, &failure);
}

/* What is not executed in the end is killed, which does not end it in every state. */
static void give_up(struct launch *launch, const char *reason)
{
    struct worker_failure failure = {.exit_status = 126};
    error_set(&failure.error, "%s", reason);
    worker_abandon(launch->start);
    end_launch(launch, -1, &failure);
}

static void on_outcome(struct ev_loop *loop, ev_io *watcher, int revents)
{
    (void)loop;
    (void)revents;
    settle(watcher->data);
}

static void on_patience(struct ev_loop *loop, ev_timer *watcher, int revents)
{
    (void)loop;
    (void)revents;
    give_up(watcher->data, "cannot start a process: its command was not executed within 10 s (it "
                           "was stopped, or its file system does not answer)");
}

/* What it takes to execute the command may hang: then the loop goes on. */
static void watch(struct launch *launch)
{
    struct crew *crew = launch->crew;
    launch->next = crew->launches;
    crew->launches = launch;
    ev_io_init(&launch->outcome, on_outcome, worker_start_fd(launch->start), EV_READ);
    ev_timer_init(&launch->patience, on_patience, 0.0, 0.0);
    launch->outcome.data = launch;
    launch->patience.data = launch;
    ev_now_update(crew->setup.loop);
    ev_timer_set(&launch->patience, START_SECONDS, 0.0);
    ev_io_start(crew->setup.loop, &launch->outcome);
    ev_timer_start(crew->setup.loop, &launch->patience);
}

/* Without a family there is no launch. Returns -1 with the reason in `failure`. */
static int begin_launch(struct launch *launch, struct release *release, struct plan *plan,
                        uint64_t generation, struct worker_failure *failure)
{
    struct crew *crew = launch->crew;
    const struct options *options = release_options(release);
    launch->family = family_new(crew->setup.loop, release, &crew->family_listener, generation, plan,
                                &failure->error);
    if (launch->family == NULL) {
        failure->permanent = errno == EMFILE; /* see is_transient in worker.c */
        return -1;
    }
    launch->environment = plan->environment;
    plan->environment = (struct environment){.entries = NULL};
    launch->is_adopted = adopter_equip(crew->adopter, release, &launch->adoption);
    struct worker_command command = {
        .argv = options->command,
        .environment = launch->environment.entries,
        .directory = options->directory,
        .listeners = &release->listeners,
        .adoption = launch->is_adopted ? &launch->adoption : NULL,
    };
    family_equip(launch->family, &command);
    launch->start = worker_begin(&command, failure);
    if (launch->start == NULL) {
        family_free(launch->family);
        return -1;
    }
    return 0;
}

static int start_worker(struct crew *crew, struct release *release, uint64_t generation,
                        struct lifecycle_settings *settings, struct worker_failure *failure)
{
    __attribute__((cleanup(plan_free))) struct plan plan;
    if (plan_make(&plan, release_options(release), &release->listeners, generation, settings,
                  &failure->error) != 0) {
        return -1;
    }
    log_plan_problems(&plan);
    *settings = plan.settings;
    struct launch *launch = calloc(1, sizeof *launch);
    if (launch == NULL) {
        return error_set(&failure->error, "out of memory");
    }
    launch->crew = crew;
    launch->settings = plan.settings;
    if (begin_launch(launch, release, &plan, generation, failure) != 0) {
        free_launch(launch);
        return -1;
    }
    if (worker_await(launch->start, USUAL_START_MS)) {
        settle(launch);
    } else {
        watch(launch);
    }
    return 0;
}

void crew_start(struct crew *crew, struct release *release, uint64_t generation,
                const struct lifecycle_settings *settings_before)
{
    struct worker_failure failure = {.exit_status = 1};
    struct lifecycle_settings settings = *settings_before;
    if (start_worker(crew, release, generation, &settings, &failure) != 0) {
        crew->setup.on_started(crew->setup.context, generation, -1, &settings, &failure);
    }
}

/* A stop waits for nobody. */
static void give_up_all(struct crew *crew)
{
    struct launch *next;
    for (struct launch *launch = crew->launches; launch != NULL; launch = next) {
        next = launch->next;
        give_up(launch, "its start is given up: the service is stopping");
    }
}

/* --- signals -----------------------------------------------------------------------------------
 */

void crew_signal(const struct crew *crew, uint64_t generation, pid_t pid, int signal)
{
    const struct family *family = crew_find(crew, generation);
    bool to_group = signal == SIGKILL && family != NULL && family->options->kill_group;
    if (kill(to_group ? -pid : pid, signal) != 0) {
        log_about(LOG_LEVEL_ERROR, &(struct log_facts){.generation = generation, .pid = pid},
                  "cannot send %s to worker %d: %s", signal_name(signal), (int)pid,
                  strerror(errno));
    }
}

void crew_forward(const struct crew *crew, int signal)
{
    const uint64_t current = lifecycle_current(crew->setup.lifecycle);
    for (const struct family *one = crew->families; one != NULL; one = one->next) {
        if (current != 0 && one->generation != current) {
            continue;
        }
        if (kill(one->pid, signal) != 0) {
            log_error("cannot send %s to worker %d: %s", signal_name(signal), (int)one->pid,
                      strerror(errno));
        } else {
            log_info("forwarded %s to worker %d", signal_name(signal), (int)one->pid);
        }
    }
}

/* --- ends --------------------------------------------------------------------------------------
 */

/* A worker that has ended already: its start is told first. */
static void settle_ended(struct crew *crew, pid_t pid)
{
    struct launch *launch = crew->launches;
    while (launch != NULL && worker_start_pid(launch->start) != pid) {
        launch = launch->next;
    }
    if (launch == NULL) {
        return;
    }
    if (worker_await(launch->start, KNOWN_MS)) {
        settle(launch);
    } else {
        give_up(launch, "cannot start a process: it ended before its command was executed");
    }
}

/* While the number of its group is still its own: once the worker is reaped and the group is empty,
   it may be anybody's. */
void crew_on_ended(struct crew *crew, pid_t pid)
{
    settle_ended(crew, pid);
    for (const struct family *one = crew->families; one != NULL; one = one->next) {
        family_on_ended(one, pid);
    }
    const struct family *family = find_by_pid(crew, pid);
    if (family != NULL && family->options->kill_group) {
        kill(-pid, SIGKILL);
    }
}

bool crew_reap_probe(struct crew *crew, pid_t pid, int status)
{
    for (struct family *one = crew->families; one != NULL; one = one->next) {
        if (family_reap(one, pid, status)) {
            return true;
        }
    }
    return false;
}

/* It may be an event of its own that led here: it is freed before the loop waits again. */
static void depart(struct crew *crew, struct family *family)
{
    struct family **link = &crew->families;
    while (*link != family) {
        link = &(*link)->next;
    }
    *link = family->next;
    family_end(family);
    family->next = crew->departed;
    crew->departed = family;
}

/* A socket that only this worker had is closed before anybody is told that a deploy is over. */
void crew_on_reaped(struct crew *crew, pid_t pid, int status)
{
    struct family *family = find_by_pid(crew, pid);
    if (family == NULL) {
        return;
    }
    family_drop_release(family);
    crew->setup.on_event(
        crew->setup.context,
        &(struct lifecycle_event){.kind = EVENT_EXITED, .pid = pid, .status = status});
    depart(crew, family);
}

static void free_families(struct family **list)
{
    while (*list != NULL) {
        struct family *family = *list;
        *list = family->next;
        family_free(family);
    }
}

static void before_wait(struct ev_loop *loop, ev_prepare *watcher, int revents)
{
    (void)loop;
    (void)revents;
    struct crew *crew = watcher->data;
    free_families(&crew->departed);
}

/* --- last words --------------------------------------------------------------------------------
 */

/* Every newcomer's first mistake is a server that binds its port itself, while the supervisor has
   it. Where the worker's own words can be read back, they decide whether the hint is given; where
   not, a worker that a signal killed gets none. */
static void hint_at_address_in_use(struct crew *crew, const char *words)
{
    const struct release *release = *crew->setup.release;
    if (crew->hint_is_given || release->listeners.count == 0 ||
        (words != NULL && !last_words_mention_address_in_use(words))) {
        return;
    }
    crew->hint_is_given = true;
    if (release_options(release)->adopt != ADOPT_OFF) {
        log_warning("hint: %s: a server that binds for itself must bind an address that tasuki "
                    "has a socket for (see tasuki-adoption(7))",
                    words != NULL ? "the address is in use"
                                  : "if the worker's address is already in use");
        return;
    }
    log_warning("hint: %s: the server must take the socket from %s instead of binding the address "
                "itself (see tasuki-servers(7))",
                words != NULL ? "tasuki uses the address"
                              : "if the worker's address is already in use",
                personality_name(crew->setup.personality));
}

/* Takes the supervisor's own lines out of what was read back from a log that both write to. */
static void drop_own_lines(char *words)
{
    char *kept = words;
    while (*words != '\0') {
        size_t length = strcspn(words, "\n");
        length += words[length] == '\n';
        if (!log_is_own_line(words)) {
            memmove(kept, words, length);
            kept += length;
        }
        words += length;
    }
    *kept = '\0';
}

static void tell_last_words(struct crew *crew, struct family *family,
                            const struct lifecycle_action *report)
{
    char words[LAST_WORDS_SIZE];
    char output[LAST_WORDS_OUTPUT_SIZE];
    bool can_be_read = family != NULL && family_last_words(family, words, sizeof words);
    if (can_be_read) {
        drop_own_lines(words);
    }
    last_words_describe_output(family != NULL ? &family->last_words : NULL, report->pid, output,
                               sizeof output);
    crew->setup.on_last_words(crew->setup.context, can_be_read ? words : NULL, output);
    bool died_young = report->report == REPORT_START_FAILED ||
                      (report->report == REPORT_CRASHED && family != NULL &&
                       ev_time() - family->started < YOUNG_SECONDS);
    bool was_killed = WIFSIGNALED(report->status);
    bool has_failed = was_killed ? can_be_read : WEXITSTATUS(report->status) != 0;
    if (died_young && has_failed) {
        hint_at_address_in_use(crew, can_be_read ? words : NULL);
    }
}

void crew_on_report(void *context, const struct lifecycle_action *report)
{
    struct crew *crew = context;
    struct family *family = crew_find(crew, report->generation);
    adopter_report(crew->adopter, report);
    switch (report->report) {
    case REPORT_STOPPING:
        give_up_all(crew);
        break;
    case REPORT_READY:
        if (family != NULL) {
            family->ready_after = ev_time() - family->started;
            family_stop_probing(family);
        }
        break;
    case REPORT_SIGNALLED:
        if (family != NULL) {
            family_stop_probing(family);
        }
        break;
    case REPORT_START_FAILED:
    case REPORT_NOT_READY:
    case REPORT_CRASHED:
    case REPORT_HUNG:
        tell_last_words(crew, family, report);
        break;
    default:
        break;
    }
}

/* --- in the loop -------------------------------------------------------------------------------
 */

/* A death that is not yet reaped comes before the worker's last message: the dead are not ready. */
static void on_family_event(void *context, const struct lifecycle_event *event)
{
    const struct crew *crew = context;
    crew->setup.reap(crew->setup.context);
    if (event->kind == EVENT_READY) {
        adopter_said_ready(crew->adopter, event->generation);
    }
    crew->setup.on_event(crew->setup.context, event);
}

static void on_family_status(void *context, uint64_t generation, const char *text)
{
    const struct crew *crew = context;
    crew->setup.on_status(crew->setup.context, generation, text);
}

static void on_family_fact(void *context, struct family *family, const struct fact *fact)
{
    const struct crew *crew = context;
    adopter_take(crew->adopter, family, fact);
}

int crew_open(struct crew *crew, const struct crew_setup *setup, struct error *error)
{
    *crew = (struct crew){.setup = *setup};
    crew->family_listener = (struct family_listener){.on_event = on_family_event,
                                                     .on_status = on_family_status,
                                                     .on_fact = on_family_fact,
                                                     .context = crew,
                                                     .captures = setup->captures};
    ev_prepare_init(&crew->before_wait, before_wait);
    crew->before_wait.data = crew;
    ev_prepare_start(setup->loop, &crew->before_wait);
    crew->adopter = adopter_new(&(struct adopter_setup){.loop = setup->loop,
                                                        .lifecycle = setup->lifecycle,
                                                        .families = &crew->families,
                                                        .on_event = setup->on_event,
                                                        .context = setup->context});
    return crew->adopter != NULL ? 0 : error_set(error, "cannot set up adoption: out of memory");
}

void crew_close(struct crew *crew)
{
    struct launch *next;
    for (struct launch *launch = crew->launches; launch != NULL; launch = next) {
        next = launch->next;
        worker_abandon(launch->start); /* nobody waits for the answer any more */
        family_free(launch->family);
        free_launch(launch);
    }
    free_families(&crew->families);
    free_families(&crew->departed);
    adopter_free(crew->adopter);
    ev_prepare_stop(crew->setup.loop, &crew->before_wait);
}
