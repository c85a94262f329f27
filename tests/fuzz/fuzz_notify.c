/*
 * What workers say on their notification socket: any bytes. What is understood are whole lines and
 * no others; a status is one line of UTF-8 without control characters, and left alone if it was
 * that already; numbers are within the longest duration.
 */
#include "duration.h"
#include "notify.h"

#include "fuzz.h"

#include <jansson.h>

/* A reader of UTF-8 that somebody else wrote. */
static bool is_utf8(const char *text, size_t size)
{
    json_t *string = json_stringn(text, size);
    bool is_valid = string != NULL;
    json_decref(string);
    return is_valid;
}

static bool has_control(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)text[i];
        unsigned char next = i + 1 < size ? (unsigned char)text[i + 1] : 0;
        if (byte < 0x20 || byte == 0x7F || (byte == 0xC2 && next >= 0x80 && next < 0xA0)) {
            return true;
        }
    }
    return false;
}

/* The lines, each between two newlines; nothing where a NUL is in the middle. */
static char *frame(const uint8_t *data, size_t size)
{
    if (size > 0 && data[size - 1] == '\0') {
        size--;
    }
    if (memchr(data, '\0', size) != NULL) {
        size = 0;
    }
    char *lines = malloc(size + 3);
    CLAIM(lines != NULL);
    lines[0] = '\n';
    memcpy(lines + 1, data, size);
    memcpy(lines + 1 + size, "\n", 2);
    return lines;
}

/* What follows "NAME=" in the first such line, up to its end. */
static const char *find_first(const char *lines, const char *name, size_t *size)
{
    const char *found = strstr(lines, name);
    if (found != NULL) {
        found += strlen(name);
        *size = strcspn(found, "\n");
    }
    return found;
}

static void claim_status(const char *lines, const struct notify_message *message)
{
    size_t size = 0;
    const char *said = find_first(lines, "\nSTATUS=", &size);
    CLAIM(message->has_status == (said != NULL));
    CLAIM(memchr(message->status, '\0', sizeof message->status) != NULL);
    size_t kept = strlen(message->status);
    CLAIM(is_utf8(message->status, kept));
    CLAIM(!has_control(message->status, kept));
    if (said == NULL) {
        CLAIM(kept == 0);
    } else if (is_utf8(said, size) && !has_control(said, size)) {
        CLAIM(memcmp(message->status, said, kept) == 0);
        CLAIM(size < NOTIFY_STATUS_SIZE ? kept == size : kept > NOTIFY_STATUS_SIZE - 1 - 4);
    }
}

/* The first line with a number above zero counts. */
static void claim_number(const char *lines, const char *name, int64_t milliseconds)
{
    long double expected = 0;
    size_t size = 0;
    for (const char *at = find_first(lines, name, &size); at != NULL && expected == 0;
         at = find_first(at, name, &size)) {
        long double value = size > 0 && strspn(at, "0123456789") == size ? strtold(at, NULL) : 0;
        expected = value < 18446744073709551616.0L ? value : 0;
    }
    CLAIM(milliseconds >= 0 && milliseconds <= DURATION_MAX_MS);
    CLAIM((milliseconds == 0) == (expected == 0));
    if (milliseconds > 0 && milliseconds < DURATION_MAX_MS) {
        CLAIM((long double)milliseconds * 1000 >= expected);
        CLAIM((long double)(milliseconds - 1) * 1000 < expected);
    } else if (milliseconds > 0) {
        CLAIM(expected > (long double)(DURATION_MAX_MS - 1) * 1000);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct notify_message message;
    char *exact = malloc(size > 0 ? size : 1); /* no NUL behind it */
    CLAIM(exact != NULL);
    memcpy(exact, data, size);
    memset(&message, 0xAA, sizeof message);
    notify_parse(exact, size, &message);
    free(exact);

    char *lines = frame(data, size);
    CLAIM(message.sender == 0);
    CLAIM(message.ready == (strstr(lines, "\nREADY=1\n") != NULL));
    CLAIM(message.stopping == (strstr(lines, "\nSTOPPING=1\n") != NULL));
    CLAIM(message.watchdog == (strstr(lines, "\nWATCHDOG=1\n") != NULL));
    CLAIM(message.watchdog_trigger == (strstr(lines, "\nWATCHDOG=trigger\n") != NULL));
    claim_status(lines, &message);
    claim_number(lines, "\nEXTEND_TIMEOUT_USEC=", message.extend_ms);
    claim_number(lines, "\nWATCHDOG_USEC=", message.watchdog_ms);
    free(lines);
    return 0;
}
