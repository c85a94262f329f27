/*
 * The supervisor's hands: carries out what the lifecycle wants done.
 */
#include "daemon.h"
#include "event_environment.h"
#include "last_words.h"
#include "log.h"
#include "narrator.h"
#include "plan.h"
#include "signal_name.h"
#include "supervisor_internal.h"
#include "worker.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A worker that dies sooner than this has hardly started. */
#define YOUNG_SECONDS 1.0

static void report_plan_problems(const struct plan *plan)
{
    if (plan->envdir_problem.text[0] != '\0') {
        log_error("%s", plan->envdir_problem.text);
    }
    if (plan->settings_problem.text[0] != '\0') {
        log_warning("%s; the value before stays", plan->settings_problem.text);
    }
}

static void post_spawn_failure(struct supervisor *supervisor, uint64_t generation,
                               const struct lifecycle_settings *settings,
                               const struct worker_failure *failure)
{
    log_about(LOG_LEVEL_ERROR, &(struct log_facts){.generation = generation},
              "generation %" PRIu64 ": %s", generation, failure->error.text);
    console_set_last_words(supervisor->console, failure->error.text, NULL);
    if (!driver_lifecycle(supervisor->driver)->has_spawned && failure->permanent) {
        *supervisor->setup->failure = failure->error;
    }
    driver_post(supervisor->driver, &(struct lifecycle_event){
                                        .kind = EVENT_SPAWN_FAILED,
                                        .generation = generation,
                                        .permanent = failure->permanent,
                                        .status = failure->exit_status,
                                        .settings = *settings,
                                    });
}

struct family *supervisor_find_family(const struct supervisor *supervisor, uint64_t generation)
{
    struct family *family = supervisor->families;
    while (family != NULL && family->generation != generation) {
        family = family->next;
    }
    return family;
}

static pid_t spawn_family(struct supervisor *supervisor, uint64_t generation,
                          struct release *release, struct plan *plan,
                          struct worker_failure *failure)
{
    const struct options *options = release_options(release);
    struct family *family = family_new(supervisor->loop, release, &supervisor->family_listener,
                                       generation, plan, &failure->error);
    if (family == NULL) {
        failure->permanent = errno == EMFILE; /* see is_transient in worker.c */
        return -1;
    }
    struct worker_command command = {
        .argv = options->command,
        .environment = plan->environment.entries,
        .directory = options->directory,
        .listeners = &release->listeners,
    };
    family_equip(family, &command);
    struct adoption_installation adoption;
    bool is_adopted = adopter_equip(supervisor->adopter, release, &adoption);
    command.adoption = is_adopted ? &adoption : NULL;
    pid_t pid = worker_spawn(&command, failure);
    if (pid < 0) {
        if (is_adopted) {
            adopter_cancel(supervisor->adopter, release);
        }
        family_free(family);
        return -1;
    }
    family_begin(family, pid);
    if (is_adopted) {
        adopter_begin(supervisor->adopter, release, generation, &adoption);
    }
    family->next = supervisor->families;
    supervisor->families = family;
    return pid;
}

/* Makes the generation's plan and starts its worker. The answer is an event for the lifecycle. */
static void spawn(struct supervisor *supervisor, const struct lifecycle_action *action)
{
    const uint64_t generation = action->generation;
    const struct lifecycle_settings before = driver_lifecycle(supervisor->driver)->settings;
    struct release *release = supervisor_release_of_deploy(supervisor, action->deploy);
    __attribute__((cleanup(plan_free))) struct plan plan;
    struct worker_failure failure = {.exit_status = 1};
    if (plan_make(&plan, release_options(release), &release->listeners, generation, &before,
                  &failure.error) != 0) {
        failure.permanent = plan.is_refused;
        post_spawn_failure(supervisor, generation, &before, &failure);
        return;
    }
    report_plan_problems(&plan);
    pid_t pid = spawn_family(supervisor, generation, release, &plan, &failure);
    if (pid < 0) {
        post_spawn_failure(supervisor, generation, &plan.settings, &failure);
        return;
    }
    daemon_report(supervisor->setup->report_fd, EXIT_SUCCESS, "");
    driver_post(supervisor->driver, &(struct lifecycle_event){.kind = EVENT_SPAWNED,
                                                              .generation = generation,
                                                              .pid = pid,
                                                              .settings = plan.settings});
}

/* A line for each generation that has been ready, oldest first. */
static void publish(struct supervisor *supervisor)
{
    const struct lifecycle *lifecycle = driver_lifecycle(supervisor->driver);
    const size_t line_max = sizeof "18446744073709551615:2147483647\n";
    struct error error;
    if (supervisor->setup->status_file->path == NULL) {
        return;
    }
    size_t size = lifecycle->count * line_max + 1;
    size_t length = 0;
    char *text = malloc(size);
    if (text == NULL) {
        log_error("cannot write the status file: out of memory");
        return;
    }
    for (size_t i = 0; i < lifecycle->count; i++) {
        const struct generation *generation = &lifecycle->generations[i];
        if (generation->state != GENERATION_STARTING) {
            length += (size_t)snprintf(text + length, size - length, "%" PRIu64 ":%d\n",
                                       generation->number, (int)generation->pid);
        }
    }
    if (status_file_write(supervisor->setup->status_file, text, length, &error) != 0) {
        log_error("%s", error.text);
    }
    free(text);
}

/* Every newcomer's first mistake is a server that binds its port itself, while the supervisor has
   it. Where the worker's own words can be read back, they decide whether the hint is given. */
static void hint_at_address_in_use(struct supervisor *supervisor, const char *words)
{
    if (supervisor->hint_is_given || supervisor_release(supervisor)->listeners.count == 0 ||
        (words != NULL && !last_words_mention_address_in_use(words))) {
        return;
    }
    supervisor->hint_is_given = true;
    if (release_options(supervisor_release(supervisor))->adopt != ADOPT_OFF) {
        log_warning("hint: %s: a server that binds for itself must bind an address that is held, "
                    "as it is held (see tasuki-adoption(7))",
                    words != NULL ? "the address is in use"
                                  : "if the worker said that its address is in use");
        return;
    }
    log_warning("hint: %s: a server must not bind the address by itself here, it takes the socket "
                "from %s (see tasuki-servers(7))",
                words != NULL ? "the address is in use by the supervisor"
                              : "if the worker said that its address is in use",
                personality_name(supervisor->setup->options->personality));
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

/* A worker failed: keeps what it said last, for those who asked for the deploy. */
static void take_last_words(struct supervisor *supervisor, const struct lifecycle_action *report)
{
    char words[LAST_WORDS_SIZE];
    char output[LAST_WORDS_OUTPUT_SIZE];
    struct family *family = supervisor_find_family(supervisor, report->generation);
    bool can_be_read = family != NULL && family_last_words(family, words, sizeof words);
    if (can_be_read) {
        drop_own_lines(words);
    }
    last_words_describe_output(family != NULL ? &family->last_words : NULL, report->pid, output,
                               sizeof output);
    console_set_last_words(supervisor->console, can_be_read ? words : NULL, output);
    bool died_young = report->report == REPORT_START_FAILED ||
                      (report->report == REPORT_CRASHED && family != NULL &&
                       ev_time() - family->started < YOUNG_SECONDS);
    if (died_young && !(WIFEXITED(report->status) && WEXITSTATUS(report->status) == 0)) {
        hint_at_address_in_use(supervisor, can_be_read ? words : NULL);
    }
}

static void run_event_command(struct supervisor *supervisor, const struct lifecycle_action *report)
{
    const char *command = supervisor_options(supervisor)->on_event;
    if (command == NULL || !event_is_told(report)) {
        return;
    }
    __attribute__((cleanup(environment_free))) struct environment environment;
    struct error error;
    if (environment_copy(&environment, environ, &error) != 0 ||
        event_write(report, &environment, &error) != 0) {
        log_error("--on-event: %s", error.text);
        return;
    }
    hooks_run_event(&supervisor->hooks, command, &environment);
}

/* What a report means for the family of its worker. */
static void tell_family(const struct supervisor *supervisor, const struct lifecycle_action *report)
{
    struct family *family = supervisor_find_family(supervisor, report->generation);
    if (family == NULL) {
        return;
    }
    if (report->report == REPORT_READY) {
        family->ready_after = ev_time() - family->started;
    }
    if (report->report == REPORT_READY || report->report == REPORT_SIGNALLED) {
        family_stop_probing(family);
    }
}

void supervisor_tell(struct supervisor *supervisor, const struct lifecycle_action *decided)
{
    struct lifecycle_action told = *decided;
    const struct lifecycle_action *report = &told;
    if (told.report == REPORT_DEPLOY_STARTED && told.cause == CAUSE_CHANGE) {
        told.path = change_trigger_path(&supervisor->change_trigger);
    }
    narrate(report);
    supervisor_follow_report(supervisor, report);
    tell_family(supervisor, report);
    adopter_report(supervisor->adopter, report);
    if (report->report == REPORT_START_FAILED || report->report == REPORT_NOT_READY ||
        report->report == REPORT_CRASHED || report->report == REPORT_HUNG) {
        take_last_words(supervisor, report);
    }
    manager_on_report(&supervisor->manager, report); /* before the client of a reload can be gone */
    console_report(supervisor->console, report);
    run_event_command(supervisor, report);
}

static void arm_kill(const struct supervisor *supervisor, const struct lifecycle_action *action)
{
    struct family *family = supervisor_find_family(supervisor, action->generation);
    if (family != NULL) {
        family_arm_kill(family, (double)action->ms / 1000.0, action->at_least);
    }
}

/* With --kill-mode=group the last signal goes to everything that the worker has started. */
static void send_signal(const struct supervisor *supervisor, const struct lifecycle_action *action)
{
    const struct family *family = supervisor_find_family(supervisor, action->generation);
    const pid_t pid = action->pid;
    const int signal = action->signal;
    bool to_group = signal == SIGKILL && family != NULL && family->options->kill_group;
    if (kill(to_group ? -pid : pid, signal) != 0) {
        log_about(LOG_LEVEL_ERROR, &(struct log_facts){.pid = pid},
                  "cannot send %s to worker %d: %s", signal_name(signal), (int)pid,
                  strerror(errno));
    }
}

static void end(struct supervisor *supervisor, int status)
{
    supervisor->has_ended = true;
    supervisor->exit_status = status;
    ev_break(supervisor->loop, EVBREAK_ALL);
}

void supervisor_carry_out(void *context, const struct lifecycle_action *action)
{
    struct supervisor *supervisor = context;
    switch (action->kind) {
    case ACTION_CHECK:
        supervisor_check(supervisor, action);
        break;
    case ACTION_UNCHECK:
        hooks_cancel_check(&supervisor->hooks);
        break;
    case ACTION_SPAWN:
        spawn(supervisor, action);
        break;
    case ACTION_SIGNAL:
        send_signal(supervisor, action);
        break;
    case ACTION_ARM:
        arm_kill(supervisor, action);
        break;
    case ACTION_DISARM:
        break;
    case ACTION_PUBLISH:
        publish(supervisor);
        break;
    case ACTION_REPORT:
        supervisor_tell(supervisor, action);
        break;
    case ACTION_EXIT:
        end(supervisor, action->status);
        break;
    }
}
