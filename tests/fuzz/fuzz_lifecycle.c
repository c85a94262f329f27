/*
 * A lifecycle written down: what is taken is a model that can be, is written as the same text, and
 * goes on from there, whatever happens to it; what is refused says why.
 */
#include "lifecycle.h"

#include "fuzz.h"

#include <signal.h>

static void claim_sound(const struct lifecycle *lifecycle)
{
    struct error error = {""};
    if (lifecycle_check(lifecycle, &error) != 0) {
        fprintf(stderr, "%s\n", error.text);
        abort();
    }
}

/* Everything that is due comes, and then the end. */
static void go_on(struct lifecycle *lifecycle)
{
    static struct lifecycle_actions actions;
    struct lifecycle_event event = {.kind = EVENT_WAKE};
    int64_t now = 1;
    for (int i = 0; i < 64; i++) {
        event.kind = i == 32 ? EVENT_STOP : EVENT_WAKE;
        event.signal = SIGTERM;
        int64_t wake = lifecycle_step(lifecycle, &event, now, &actions);
        CLAIM(!actions.is_overfull);
        CLAIM(actions.is_unfinished || wake > now);
        now = wake < LIFECYCLE_NEVER ? wake : now;
        if (!actions.is_unfinished) {
            claim_sound(lifecycle);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct lifecycle lifecycle;
    char *text = to_string(data, size);
    struct error error = {""};
    if (lifecycle_load(&lifecycle, text, &error) != 0) {
        claim_said(&error);
    } else {
        char *again = malloc(size + 1);
        CLAIM(again != NULL);
        CLAIM(lifecycle_save(&lifecycle, again, size + 1) == strlen(text));
        CLAIM(strcmp(again, text) == 0);
        free(again);
        claim_sound(&lifecycle);
        go_on(&lifecycle);
    }
    free(text);
    return 0;
}
