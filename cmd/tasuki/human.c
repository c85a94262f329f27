#include "human.h"

#include <inttypes.h>
#include <stdio.h>

const char *human_seconds(double seconds, char buffer[HUMAN_SIZE])
{
    if (seconds < 0.0995) {
        snprintf(buffer, HUMAN_SIZE, "%.0f ms", seconds > 0 ? seconds * 1000 : 0);
    } else if (seconds < 9.95) {
        snprintf(buffer, HUMAN_SIZE, "%.1f s", seconds);
    } else if (seconds < 119.5) {
        snprintf(buffer, HUMAN_SIZE, "%.0f s", seconds);
    } else {
        human_age(seconds, buffer);
    }
    return buffer;
}

/* A clock that was set back makes no negative age. */
const char *human_age(double seconds, char buffer[HUMAN_SIZE])
{
    int64_t age = seconds > 0 && seconds < 1e12 ? (int64_t)seconds : 0;
    if (age < 60) {
        snprintf(buffer, HUMAN_SIZE, "%" PRId64 " s", age);
    } else if (age < (int64_t)3600) {
        snprintf(buffer, HUMAN_SIZE, "%" PRId64 " min", age / 60);
    } else if (age < (int64_t)48 * 3600) {
        snprintf(buffer, HUMAN_SIZE, "%" PRId64 " h", age / 3600);
    } else {
        snprintf(buffer, HUMAN_SIZE, "%" PRId64 " days", age / 86400);
    }
    return buffer;
}

const char *human_bytes(int64_t bytes, char buffer[HUMAN_SIZE])
{
    double kilobytes = (double)bytes / 1024;
    if (kilobytes < 1000) {
        snprintf(buffer, HUMAN_SIZE, "%.0f kB", kilobytes);
    } else if (kilobytes < 9.95 * 1024) {
        snprintf(buffer, HUMAN_SIZE, "%.1f MB", kilobytes / 1024);
    } else if (kilobytes < 1000.0 * 1024) {
        snprintf(buffer, HUMAN_SIZE, "%.0f MB", kilobytes / 1024);
    } else {
        snprintf(buffer, HUMAN_SIZE, "%.1f GB", kilobytes / 1024 / 1024);
    }
    return buffer;
}
