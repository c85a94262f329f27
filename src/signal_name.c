#include "signal_name.h"

#include <ctype.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The other names of some signals stand last, so that messages use the usual ones. */
static const struct {
    const char *name;
    int number;
} names[] = {
#define SIGNAL(name) {#name, SIG##name},
#include "signal_table.h"
#undef SIGNAL
    {"CLD", SIGCHLD},
    {"IOT", SIGABRT},
    {"POLL", SIGIO},
};

/* "", "+3" or "-3" after RTMIN or RTMAX; out of range is 0. */
static int parse_realtime(int base, char sign, const char *offset)
{
    if (*offset == '\0') {
        return base;
    }
    if (*offset != sign || !isdigit((unsigned char)offset[1])) {
        return 0;
    }
    char *end;
    long distance = strtol(offset + 1, &end, 10);
    if (*end != '\0' || distance > SIGRTMAX - SIGRTMIN) {
        return 0;
    }
    return sign == '+' ? base + (int)distance : base - (int)distance;
}

static int parse_number(const char *text)
{
    char *end;
    long number = strtol(text, &end, 10);
    return *end == '\0' && number > 0 && number <= SIGRTMAX ? (int)number : 0;
}

static int parse_name(const char *text)
{
    if (isdigit((unsigned char)*text)) {
        return parse_number(text);
    }
    const char *name = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcasecmp(name, names[i].name) == 0) {
            return names[i].number;
        }
    }
    if (strncasecmp(name, "RTMIN", 5) == 0) {
        return parse_realtime(SIGRTMIN, '+', name + 5);
    }
    if (strncasecmp(name, "RTMAX", 5) == 0) {
        return parse_realtime(SIGRTMAX, '-', name + 5);
    }
    return 0;
}

int signal_parse(const char *text, struct error *error)
{
    int number = parse_name(text);
    if (number == 0) {
        return error_set(error, "expected a signal such as TERM, SIGUSR1 or 15, got '%s'", text);
    }
    return number;
}

const char *signal_name(int signal)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].number == signal) {
            return names[i].name;
        }
    }
    return "signal";
}
