#include "duration.h"

#include "ascii.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

static const struct {
    const char *name;
    int64_t milliseconds;
} units[] = {
    {"", SECOND}, {"ms", 1}, {"s", SECOND}, {"m", MINUTE}, {"min", MINUTE}, {"h", HOUR}, {"d", DAY},
};

static int64_t find_unit(const char *name)
{
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(name, units[i].name) == 0) {
            return units[i].milliseconds;
        }
    }
    return 0;
}

/* Ten digits before the point and nine after keep every product inside an int64_t. Of the digits
   beyond it only counts whether all are zero. */
static const char *parse_number(const char *text, int64_t *whole, int64_t *billionths)
{
    int digits = 0;
    for (*whole = 0; ascii_is_digit(*text); text++, digits++) {
        if (*whole > 999999999) {
            return NULL;
        }
        *whole = *whole * 10 + (*text - '0');
    }
    *billionths = 0;
    if (*text == '.') {
        text++;
        for (int64_t unit = 100000000; ascii_is_digit(*text); text++, digits++) {
            *billionths += unit * (*text - '0');
            if (unit == 0 && *text != '0' && *billionths == 0) {
                *billionths = 1;
            }
            unit /= 10;
        }
    }
    return digits > 0 ? text : NULL;
}

int duration_parse(const char *text, int64_t *milliseconds, struct error *error)
{
    int64_t whole;
    int64_t billionths;
    const char *rest = parse_number(text, &whole, &billionths);
    int64_t unit = rest != NULL ? find_unit(rest) : 0;
    if (unit == 0) {
        return error_set(error, "expected a duration such as 5, 0.2, 300ms or 2m, got '%s'", text);
    }
    int64_t fraction = (billionths * unit + 500000000) / 1000000000;
    if (whole > DURATION_MAX_MS / unit || whole * unit + fraction > DURATION_MAX_MS) {
        return error_set(error, "expected a duration of at most 366d, got '%s'", text);
    }
    *milliseconds = whole * unit + fraction;
    if (*milliseconds == 0 && billionths > 0) {
        *milliseconds = 1;
    }
    return 0;
}

const char *duration_format(int64_t milliseconds, char *buffer, size_t size)
{
    if (milliseconds < 1000) {
        snprintf(buffer, size, "%" PRId64 " ms", milliseconds);
    } else if (milliseconds % 1000 == 0) {
        snprintf(buffer, size, "%" PRId64 " s", milliseconds / 1000);
    } else {
        snprintf(buffer, size, "%" PRId64 ".%03" PRId64 " s", milliseconds / 1000,
                 milliseconds % 1000);
    }
    return buffer;
}
