#include "lifecycle.h"

#include <string.h>

void lifecycle_init(struct lifecycle *lifecycle, unsigned capacity,
                    const struct lifecycle_settings *settings)
{
    /* The table keeps what it has: what is beyond `count` is never looked at, nor touched. */
    memset(lifecycle, 0, offsetof(struct lifecycle, generations));
    lifecycle->capacity =
        capacity < LIFECYCLE_GENERATIONS_MAX ? capacity : LIFECYCLE_GENERATIONS_MAX;
    lifecycle->settings = *settings;
}

/* --- questions -------------------------------------------------------------------------------- */

static uint64_t number_in_state(const struct lifecycle *lifecycle, enum generation_state state)
{
    for (unsigned i = lifecycle->count; i > 0; i--) {
        if (lifecycle->generations[i - 1].state == state) {
            return lifecycle->generations[i - 1].number;
        }
    }
    return 0;
}

uint64_t lifecycle_current(const struct lifecycle *lifecycle)
{
    return number_in_state(lifecycle, GENERATION_SERVING);
}

uint64_t lifecycle_starting(const struct lifecycle *lifecycle)
{
    return number_in_state(lifecycle, GENERATION_STARTING);
}

bool lifecycle_is_stopping(const struct lifecycle *lifecycle)
{
    return lifecycle->phase >= SERVICE_STOPPING;
}

const struct generation *lifecycle_find(const struct lifecycle *lifecycle, uint64_t number)
{
    for (unsigned i = 0; i < lifecycle->count; i++) {
        if (lifecycle->generations[i].number == number) {
            return &lifecycle->generations[i];
        }
    }
    return NULL;
}

pid_t generation_pid(const struct generation *generation)
{
    return generation->workers[0].pid;
}

bool generation_has_reported(const struct generation *generation)
{
    for (unsigned i = 0; i < generation->worker_count; i++) {
        if (!generation->workers[i].has_reported) {
            return false;
        }
    }
    return true;
}
