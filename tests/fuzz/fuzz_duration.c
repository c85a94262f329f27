/*
 * Durations. What is taken is within the limits, agrees with a reckoning in floating point to the
 * millisecond, and survives being written for people and parsed again.
 */
#include "duration.h"

#include "fuzz.h"

#include <math.h>

static long double unit_of(const char *text)
{
    static const struct {
        const char *name;
        long double milliseconds;
    } units[] = {
        {"", 1e3L},    {"ms", 1},     {"s", 1e3L},    {"m", 6e4L},
        {"min", 6e4L}, {"h", 3.6e6L}, {"d", 8.64e7L},
    };
    const char *name = text + strspn(text, "0123456789.");
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(name, units[i].name) == 0) {
            return units[i].milliseconds;
        }
    }
    return NAN;
}

/* Rounded to the nearest, but for the digits beyond those that the parser keeps. */
static void claim_nearest(const char *text, int64_t milliseconds)
{
    long double exact = strtold(text, NULL) * unit_of(text);
    CLAIM(!isnan(exact));
    CLAIM(exact == 0 ? milliseconds == 0 : milliseconds > 0);
    CLAIM(fabsl(exact - (long double)milliseconds) <= 0.6L || milliseconds == 1);
    CLAIM(exact < 1.6L || milliseconds > 1);
}

/* "5.250 s" is for people; without the space it is a duration again. */
static void claim_reads_back(int64_t milliseconds)
{
    char text[64];
    int64_t again = -1;
    struct error error;
    duration_format(milliseconds, text, sizeof text);
    char *space = strchr(text, ' ');
    CLAIM(space != NULL);
    memmove(space, space + 1, strlen(space));
    CLAIM(duration_parse(text, &again, &error) == 0);
    CLAIM(again == milliseconds);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = to_string(data, size);
    int64_t milliseconds = -1;
    struct error error = {""};
    if (duration_parse(text, &milliseconds, &error) == 0) {
        CLAIM(milliseconds >= 0 && milliseconds <= DURATION_MAX_MS);
        claim_nearest(text, milliseconds);
        claim_reads_back(milliseconds);
    } else {
        claim_said(&error);
    }
    free(text);
    return 0;
}
