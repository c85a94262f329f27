#include "measures.h"

#include "clock.h"
#include "process.h"
#include "samples.h"

#include <signal.h>
#include <stdlib.h>

enum {
    PAUSE_MS = 2,     /* between two measures, for what the kernel still has to clear away */
    SETTLE_MS = 1000, /* from the last deploy until a program counts as being at rest */
};

/* What a run takes part in, and what came of it. */
struct entrant {
    struct run run;
    struct samples to_first_instruction;
    struct samples to_main;
    struct samples to_signal;
    struct samples resident;
    struct samples private;
};

struct field {
    struct entrant entrants[MAX_PROGRAMS];
    size_t count;
};

static double ms_between(int64_t begun_ns, int64_t ended_ns)
{
    return (double)(ended_ns - begun_ns) / 1e6;
}

/* --- the field: all that are compared in one measure -------------------------------------------
 */

static void enter(struct field *field, const struct contest *contest, const struct program *program,
                  int listeners, size_t rounds)
{
    struct entrant *entrant = &field->entrants[field->count++];
    entrant->run = run_make(program, listeners, contest->worker);
    samples_init(&entrant->to_first_instruction, rounds);
    samples_init(&entrant->to_main, rounds);
    samples_init(&entrant->to_signal, rounds);
    samples_init(&entrant->resident, rounds);
    samples_init(&entrant->private, rounds);
}

/* Enters the supervisors with so many listeners, and the programs without listeners that they are
   compared with; these have nothing to show beside many listeners. */
static void field_init(struct field *field, const struct contest *contest, int listeners,
                       size_t rounds, enum program_kind compared_with)
{
    field->count = 0;
    for (size_t i = 0; i < contest->count; i++) {
        const struct program *program = &contest->programs[i];
        if (program->kind == SUPERVISOR) {
            enter(field, contest, program, listeners, rounds);
        } else if (program->kind == compared_with && listeners == 1) {
            enter(field, contest, program, 0, rounds);
        }
    }
}

static void field_free(struct field *field)
{
    for (size_t i = 0; i < field->count; i++) {
        struct entrant *entrant = &field->entrants[i];
        run_free(&entrant->run);
        samples_free(&entrant->to_first_instruction);
        samples_free(&entrant->to_main);
        samples_free(&entrant->to_signal);
        samples_free(&entrant->resident);
        samples_free(&entrant->private);
    }
}

static void field_start(struct field *field)
{
    for (size_t i = 0; i < field->count; i++) {
        run_start(&field->entrants[i].run);
        run_await_worker(&field->entrants[i].run);
    }
}

static void field_end(struct field *field)
{
    for (size_t i = 0; i < field->count; i++) {
        run_end(&field->entrants[i].run);
    }
}

static void print(const struct entrant *entrant, const char *measure, struct samples *samples)
{
    samples_print(samples, measure, entrant->run.listeners, entrant->run.program->name);
}

/* --- in turns ----------------------------------------------------------------------------------
 */

/* A new order for each round, so that no program always follows the same other one. */
static void shuffle(size_t *order, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        order[i] = i;
    }
    for (size_t i = count; i > 1; i--) {
        size_t j = (size_t)random() % i;
        size_t kept = order[i - 1];
        order[i - 1] = order[j];
        order[j] = kept;
    }
}

static void in_turns(struct field *field, size_t rounds, void (*measure)(struct entrant *))
{
    size_t order[MAX_PROGRAMS];
    for (size_t round = 0; round < rounds; round++) {
        shuffle(order, field->count);
        for (size_t i = 0; i < field->count; i++) {
            bench_sleep_ms(PAUSE_MS);
            measure(&field->entrants[order[i]]);
        }
    }
}

static void note_start(struct entrant *entrant, int64_t begun_ns, const struct bench_report *report)
{
    if (report->entered_ns != 0) {
        samples_add(&entrant->to_first_instruction, ms_between(begun_ns, report->entered_ns));
    }
    samples_add(&entrant->to_main, ms_between(begun_ns, report->at_ns));
}

static void start_once(struct entrant *entrant)
{
    int64_t begun_ns = bench_now_ns();
    run_start(&entrant->run);
    const struct bench_report report = run_await_worker(&entrant->run);
    note_start(entrant, begun_ns, &report);
    run_end(&entrant->run);
}

/* The new worker's start and the old one's signal: either may be reported first. */
static void deploy_once(struct entrant *entrant)
{
    struct run *run = &entrant->run;
    pid_t old_worker = run->worker;
    bool is_started = false;
    bool is_signalled = false;
    int64_t begun_ns = bench_now_ns();
    kill(run->pid, SIGHUP);
    while (!is_started || !is_signalled) {
        const struct bench_report report = run_next_report(run);
        if (report.event == BENCH_STARTED) {
            is_started = true;
            run->worker = report.worker;
            note_start(entrant, begun_ns, &report);
        } else if (report.worker == old_worker) {
            is_signalled = true;
            samples_add(&entrant->to_signal, ms_between(begun_ns, report.at_ns));
        }
    }
    run_await_rest(run, old_worker);
}

/* --- the measures ------------------------------------------------------------------------------
 */

void measure_starts(const struct contest *contest, int listeners, size_t rounds)
{
    struct field field;
    field_init(&field, contest, listeners, rounds, WRAPPER);
    in_turns(&field, rounds, start_once);
    for (size_t i = 0; i < field.count; i++) {
        struct entrant *entrant = &field.entrants[i];
        print(entrant, "start_to_entry_ms", &entrant->to_first_instruction);
        print(entrant, "start_to_main_ms", &entrant->to_main);
    }
    field_free(&field);
}

void measure_hups(const struct contest *contest, int listeners, size_t rounds)
{
    struct field field;
    field_init(&field, contest, listeners, rounds, HUP_FLOOR);
    field_start(&field);
    in_turns(&field, rounds, deploy_once);
    field_end(&field);
    for (size_t i = 0; i < field.count; i++) {
        struct entrant *entrant = &field.entrants[i];
        print(entrant, "hup_to_entry_ms", &entrant->to_first_instruction);
        print(entrant, "hup_to_main_ms", &entrant->to_main);
        print(entrant, "hup_to_signal_ms", &entrant->to_signal);
    }
    field_free(&field);
}

/* One program at a time: two of one program would share its file's pages, and neither call them
   private. */
static void look_at_memory(struct entrant *entrant)
{
    struct run *run = &entrant->run;
    run_start(run);
    run_await_worker(run);
    run_await_sleep(run);
    if (run->program->kind == SUPERVISOR) {
        deploy_once(entrant);
    }
    samples_add(&entrant->resident, (double)process_number(run->pid, "smaps_rollup", "Rss"));
    samples_add(&entrant->private,
                (double)(process_number(run->pid, "smaps_rollup", "Private_Clean") +
                         process_number(run->pid, "smaps_rollup", "Private_Dirty")));
    run_end(run);
}

/* Many times, since it differs from start to start: the kernel maps the pages of a file in blocks,
   and where a library lies in them is random. */
void measure_memory(const struct contest *contest, int listeners, size_t rounds)
{
    struct field field;
    field_init(&field, contest, listeners, rounds, WRAPPER);
    in_turns(&field, rounds, look_at_memory);
    for (size_t i = 0; i < field.count; i++) {
        struct entrant *entrant = &field.entrants[i];
        print(entrant, "resident_kb", &entrant->resident);
        print(entrant, "private_kb", &entrant->private);
    }
    field_free(&field);
}

static void print_wakeups(const struct entrant *entrant, long count, int rest_ms)
{
    struct samples samples;
    samples_init(&samples, 1);
    samples_add(&samples, (double)count * 1000 / rest_ms);
    print(entrant, "wakeups_per_s", &samples);
    samples_free(&samples);
}

static long count_switches(const struct entrant *entrant)
{
    return process_number(entrant->run.pid, "status", "voluntary_ctxt_switches");
}

void measure_wakeups(const struct contest *contest, int listeners, int rest_ms)
{
    struct field field;
    long switches[MAX_PROGRAMS];
    field_init(&field, contest, listeners, 1, WRAPPER);
    field_start(&field);
    for (size_t i = 0; i < field.count; i++) {
        if (field.entrants[i].run.program->kind == SUPERVISOR) {
            deploy_once(&field.entrants[i]);
        }
    }
    bench_sleep_ms(SETTLE_MS);
    for (size_t i = 0; i < field.count; i++) {
        switches[i] = count_switches(&field.entrants[i]);
    }
    bench_sleep_ms(rest_ms);
    for (size_t i = 0; i < field.count; i++) {
        struct entrant *entrant = &field.entrants[i];
        print_wakeups(entrant, count_switches(entrant) - switches[i], rest_ms);
    }
    field_end(&field);
    field_free(&field);
}
