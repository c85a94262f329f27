#include "signal_name.h"

#include "ascii.h"

#include <signal.h>
#include <stddef.h>

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
    if (*offset != sign) {
        return 0;
    }
    const char *end;
    long distance = ascii_parse_number(offset + 1, SIGRTMAX - SIGRTMIN, &end);
    if (distance < 0 || *end != '\0') {
        return 0;
    }
    return sign == '+' ? base + (int)distance : base - (int)distance;
}

static int parse_number(const char *text)
{
    const char *end;
    long number = ascii_parse_number(text, SIGRTMAX, &end);
    return *end == '\0' && number > 0 ? (int)number : 0;
}

static int parse_name(const char *text)
{
    if (ascii_is_digit(*text)) {
        return parse_number(text);
    }
    const char *name = ascii_begins_with(text, "SIG") ? text + 3 : text;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (ascii_is_word(name, names[i].name)) {
            return names[i].number;
        }
    }
    if (ascii_begins_with(name, "RTMIN")) {
        return parse_realtime(SIGRTMIN, '+', name + 5);
    }
    if (ascii_begins_with(name, "RTMAX")) {
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

/* Not a buffer: a message may name two signals. */
static const char *realtime_name(int signal)
{
    static const char *const realtime[] = {
        "RTMIN",    "RTMIN+1",  "RTMIN+2",  "RTMIN+3",  "RTMIN+4",  "RTMIN+5",  "RTMIN+6",
        "RTMIN+7",  "RTMIN+8",  "RTMIN+9",  "RTMIN+10", "RTMIN+11", "RTMIN+12", "RTMIN+13",
        "RTMIN+14", "RTMIN+15", "RTMIN+16", "RTMIN+17", "RTMIN+18", "RTMIN+19", "RTMIN+20",
        "RTMIN+21", "RTMIN+22", "RTMIN+23", "RTMIN+24", "RTMIN+25", "RTMIN+26", "RTMIN+27",
        "RTMIN+28", "RTMIN+29", "RTMIN+30"};
    int index = signal - SIGRTMIN;
    return index >= 0 && index < (int)(sizeof realtime / sizeof realtime[0]) && signal <= SIGRTMAX
               ? realtime[index]
               : "signal";
}

const char *signal_name(int signal)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].number == signal) {
            return names[i].name;
        }
    }
    return realtime_name(signal);
}
