#include "status_keeper.h"

#include "builder.h"
#include "log.h"

#include <inttypes.h>

/* Nothing tells of room on a disk; it can only be asked for, at first so soon, then less often. */
#define RETRY_FIRST_SECONDS 0.5
#define RETRY_LONGEST_SECONDS 30.0

/* A line for each generation that has been ready, oldest first. */
static void describe(const struct lifecycle *lifecycle, struct builder *text)
{
    for (size_t i = 0; i < lifecycle->count; i++) {
        const struct generation *generation = &lifecycle->generations[i];
        if (generation->state != GENERATION_STARTING) {
            builder_add(text, "%" PRIu64 ":%d\n", generation->number,
                        (int)generation_pid(generation));
        }
    }
}

static void arm_retry(struct status_keeper *keeper)
{
    double pause = keeper->retry_seconds * 2;
    pause = pause < RETRY_FIRST_SECONDS ? RETRY_FIRST_SECONDS : pause;
    keeper->retry_seconds = pause < RETRY_LONGEST_SECONDS ? pause : RETRY_LONGEST_SECONDS;
    ev_timer_stop(keeper->setup.loop, &keeper->retry);
    ev_timer_set(&keeper->retry, keeper->retry_seconds, 0.0);
    ev_timer_start(keeper->setup.loop, &keeper->retry);
}

static void settle(struct status_keeper *keeper)
{
    ev_timer_stop(keeper->setup.loop, &keeper->retry);
    keeper->retry_seconds = 0.0;
}

void status_keeper_publish(struct status_keeper *keeper)
{
    struct status_file *file = keeper->setup.file;
    struct error error;
    if (file->path == NULL) {
        return;
    }
    bool was_behind = file->is_behind;
    AUTO_BUILDER struct builder text = {.length = 0};
    describe(keeper->setup.lifecycle, &text);
    if (!builder_is_whole(&text)) {
        log_error("cannot write the status file: out of memory");
    } else if (status_file_write(file, builder_text(&text), text.length, &error) != 0) {
        if (!was_behind || !file->is_behind) {
            log_error("%s", error.text);
        }
    } else if (was_behind) {
        log_info("status file %s is up to date again", file->path);
    }
    if (!builder_is_whole(&text) || file->is_behind) {
        arm_retry(keeper);
    } else {
        settle(keeper);
    }
}

static void on_retry(struct ev_loop *loop, ev_timer *watcher, int revents)
{
    (void)loop;
    (void)revents;
    status_keeper_publish(watcher->data);
}

void status_keeper_init(struct status_keeper *keeper, const struct status_keeper_setup *setup)
{
    *keeper = (struct status_keeper){.setup = *setup};
    ev_timer_init(&keeper->retry, on_retry, 0.0, 0.0);
    keeper->retry.data = keeper;
}

void status_keeper_close(struct status_keeper *keeper)
{
    settle(keeper);
}
