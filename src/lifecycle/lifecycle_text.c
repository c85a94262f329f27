/*
 * The model written down, and read back: a line for each field, in the order of the tables below,
 * its name and a number. There is one text for each model, and one model for each text that is
 * taken.
 */
#include "lifecycle.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FIRST_LINE "tasuki-lifecycle 1\n"
#define LAST_LINE "end\n"
/* Longer than any line. */
#define LINE_MAX_SIZE 64

enum field_kind { FIELD_FLAG, FIELD_WORD, FIELD_INT, FIELD_TIME, FIELD_NUMBER };

struct field {
    const char *name;
    size_t offset;
    enum field_kind kind;
    uint64_t max;
};

/* Enumerations are as large as unsigned, and none of their values is negative. */
_Static_assert(sizeof(enum service_phase) == sizeof(unsigned), "an enumeration is not a word");

#define TIME_MAX ((uint64_t)LIFECYCLE_NEVER / 2)
#define FLAG(type, member)                                                                         \
    {                                                                                              \
#member, offsetof(struct type, member), FIELD_FLAG, 1                                      \
    }
#define WORD(type, member, max)                                                                    \
    {                                                                                              \
#member, offsetof(struct type, member), FIELD_WORD, (max)                                  \
    }
#define ENUM(type, member, count) WORD(type, member, (count)-1)
#define INT(type, member)                                                                          \
    {                                                                                              \
#member, offsetof(struct type, member), FIELD_INT, INT32_MAX                               \
    }
#define TIME(type, member)                                                                         \
    {                                                                                              \
#member, offsetof(struct type, member), FIELD_TIME, TIME_MAX                               \
    }
#define NUMBER(type, member)                                                                       \
    {                                                                                              \
#member, offsetof(struct type, member), FIELD_NUMBER, UINT64_MAX - 1                       \
    }
#define COUNT(fields) (sizeof(fields) / sizeof(fields)[0])

static const struct field settings_fields[] = {
    TIME(lifecycle_settings, interval_ms),
    TIME(lifecycle_settings, kill_old_delay_ms),
    TIME(lifecycle_settings, auto_restart_ms),
    WORD(lifecycle_settings, deploy_attempts, UINT32_MAX),
    TIME(lifecycle_settings, ready_timeout_ms),
    TIME(lifecycle_settings, watchdog_ms),
    TIME(lifecycle_settings, kill_timeout_ms),
    TIME(lifecycle_settings, stop_timeout_ms),
    TIME(lifecycle_settings, start_limit_ms),
    WORD(lifecycle_settings, start_limit, UINT32_MAX),
    WORD(lifecycle_settings, max_old, UINT32_MAX),
    ENUM(lifecycle_settings, ready_mode, READY_MODES),
    FLAG(lifecycle_settings, backoff),
    FLAG(lifecycle_settings, exit_with_worker),
    FLAG(lifecycle_settings, has_check),
    FLAG(lifecycle_settings, is_read),
    INT(lifecycle_settings, retire_signal),
};

static const struct field service_fields[] = {
    ENUM(lifecycle, phase, SERVICE_PHASES),
    INT(lifecycle, stop_asked),
    INT(lifecycle, stop_signal),
    INT(lifecycle, exit_status),
    TIME(lifecycle, stop_due),
    NUMBER(lifecycle, deploy.number),
    ENUM(lifecycle, deploy.phase, DEPLOY_PHASES),
    WORD(lifecycle, deploy.attempt, UINT32_MAX),
    ENUM(lifecycle, deploy.failure, DEPLOY_FAILURES),
    TIME(lifecycle, deploy.probation_due),
    FLAG(lifecycle, is_asked),
    ENUM(lifecycle, asked_cause, DEPLOY_CAUSES),
    FLAG(lifecycle, is_queued),
    ENUM(lifecycle, queued_cause, DEPLOY_CAUSES),
    ENUM(lifecycle, answer, ANSWERS),
    ENUM(lifecycle, refusal, DEPLOY_FAILURES),
    ENUM(lifecycle, death, DEATHS),
    INT(lifecycle, death_status),
    WORD(lifecycle, deaths, UINT32_MAX),
    TIME(lifecycle, deaths_due),
    TIME(lifecycle, restart_due),
    FLAG(lifecycle, restart_waits),
    FLAG(lifecycle, is_stale),
    FLAG(lifecycle, must_report),
    FLAG(lifecycle, has_spawned),
    FLAG(lifecycle, has_served),
    NUMBER(lifecycle, last_number),
    NUMBER(lifecycle, last_deploy),
    WORD(lifecycle, capacity, LIFECYCLE_GENERATIONS_MAX),
    WORD(lifecycle, count, LIFECYCLE_GENERATIONS_MAX),
};

static const struct field pacing_fields[] = {
    WORD(pacing, crashes, UINT16_MAX),
    TIME(pacing, interval_due),
    TIME(pacing, pause_due),
    TIME(pacing, settle_due),
};

static const struct field generation_fields[] = {
    NUMBER(generation, number),
    ENUM(generation, state, GENERATION_STATES),
    WORD(generation, share, LIFECYCLE_WHOLE_SHARE),
    NUMBER(generation, deploy),
    WORD(generation, worker_count, LIFECYCLE_WORKERS),
};

static const struct field worker_fields[] = {
    ENUM(lifecycle_worker, state, WORKER_STATES),
    INT(lifecycle_worker, pid),
    INT(lifecycle_worker, status),
    FLAG(lifecycle_worker, is_permanent),
    INT(lifecycle_worker, signal),
    FLAG(lifecycle_worker, has_reported),
    FLAG(lifecycle_worker, is_silent),
    FLAG(lifecycle_worker, is_hung),
    TIME(lifecycle_worker, age_due),
    TIME(lifecycle_worker, ready_due),
    TIME(lifecycle_worker, watchdog_due),
    TIME(lifecycle_worker, kill_due),
};

/* --- one field -------------------------------------------------------------------------------- */

static uint64_t get(const void *record, const struct field *field)
{
    const char *at = (const char *)record + field->offset;
    uint64_t number = 0;
    unsigned word = 0;
    bool flag = false;
    switch (field->kind) {
    case FIELD_FLAG:
        memcpy(&flag, at, sizeof flag);
        return flag;
    case FIELD_WORD:
    case FIELD_INT:
        memcpy(&word, at, sizeof word);
        return word;
    case FIELD_TIME:
    case FIELD_NUMBER:
        memcpy(&number, at, sizeof number);
        break;
    }
    return number;
}

static void set(void *record, const struct field *field, uint64_t number)
{
    char *at = (char *)record + field->offset;
    const unsigned word = (unsigned)number;
    const bool flag = number != 0;
    switch (field->kind) {
    case FIELD_FLAG:
        memcpy(at, &flag, sizeof flag);
        break;
    case FIELD_WORD:
    case FIELD_INT:
        memcpy(at, &word, sizeof word);
        break;
    case FIELD_TIME:
    case FIELD_NUMBER:
        memcpy(at, &number, sizeof number);
        break;
    }
}

/* --- writing ---------------------------------------------------------------------------------- */

struct writer {
    char *text;
    size_t size;
    size_t length; /* which may be more than there is room for */
};

static void write_line(struct writer *writer, const char *line)
{
    size_t length = strlen(line);
    if (writer->length + length < writer->size) {
        memcpy(writer->text + writer->length, line, length + 1);
    }
    writer->length += length;
}

static void write_fields(struct writer *writer, const void *record, const struct field *fields,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char line[LINE_MAX_SIZE];
        snprintf(line, sizeof line, "%s %" PRIu64 "\n", fields[i].name, get(record, &fields[i]));
        write_line(writer, line);
    }
}

#define WRITE(writer, record, fields) write_fields((writer), (record), (fields), COUNT(fields))

size_t lifecycle_save(const struct lifecycle *lifecycle, char *text, size_t size)
{
    struct writer writer = {.text = text, .size = size};
    write_line(&writer, FIRST_LINE);
    WRITE(&writer, lifecycle, service_fields);
    WRITE(&writer, &lifecycle->settings, settings_fields);
    WRITE(&writer, &lifecycle->in_force, settings_fields);
    for (unsigned slot = 0; slot < LIFECYCLE_WORKERS; slot++) {
        WRITE(&writer, &lifecycle->pacing[slot], pacing_fields);
    }
    for (unsigned i = 0; i < lifecycle->count; i++) {
        const struct generation *generation = &lifecycle->generations[i];
        WRITE(&writer, generation, generation_fields);
        WRITE(&writer, &generation->settings, settings_fields);
        for (unsigned slot = 0; slot < generation->worker_count; slot++) {
            WRITE(&writer, &generation->workers[slot], worker_fields);
        }
    }
    write_line(&writer, LAST_LINE);
    return writer.length;
}

/* --- reading ---------------------------------------------------------------------------------- */

struct reader {
    const char *at;
    unsigned line;
    struct error *error;
};

static int read_line(struct reader *reader, const char *expected)
{
    size_t length = strlen(expected);
    reader->line++;
    if (strncmp(reader->at, expected, length) != 0) {
        return error_set(reader->error, "line %u: expected \"%.*s\"", reader->line, (int)length - 1,
                         expected);
    }
    reader->at += length;
    return 0;
}

/* Digits and a newline, without zeros in front. */
static bool parse_number(const char **at, uint64_t max, uint64_t *number)
{
    const char *digits = *at;
    uint64_t value = 0;
    const char *end = digits;
    for (; *end >= '0' && *end <= '9'; end++) {
        uint64_t digit = (uint64_t)(*end - '0');
        if (value > (max - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    if (end == digits || (*digits == '0' && end != digits + 1) || *end != '\n' || value > max) {
        return false;
    }
    *at = end + 1;
    *number = value;
    return true;
}

static int read_fields(struct reader *reader, void *record, const struct field *fields,
                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct field *field = &fields[i];
        size_t length = strlen(field->name);
        uint64_t number = 0;
        reader->line++;
        bool is_it = strncmp(reader->at, field->name, length) == 0 && reader->at[length] == ' ';
        reader->at += is_it ? length + 1 : 0;
        if (!is_it || !parse_number(&reader->at, field->max, &number)) {
            return error_set(reader->error, "line %u: expected \"%s\" and a number up to %" PRIu64,
                             reader->line, field->name, field->max);
        }
        set(record, field, number);
    }
    return 0;
}

#define READ(reader, record, fields) read_fields((reader), (record), (fields), COUNT(fields))

static int read_generation(struct reader *reader, struct generation *generation)
{
    memset(generation, 0, sizeof *generation);
    if (READ(reader, generation, generation_fields) != 0 ||
        READ(reader, &generation->settings, settings_fields) != 0) {
        return -1;
    }
    for (unsigned slot = 0; slot < generation->worker_count; slot++) {
        if (READ(reader, &generation->workers[slot], worker_fields) != 0) {
            return -1;
        }
    }
    return 0;
}

static int read_model(struct reader *reader, struct lifecycle *lifecycle)
{
    if (read_line(reader, FIRST_LINE) != 0 || READ(reader, lifecycle, service_fields) != 0 ||
        READ(reader, &lifecycle->settings, settings_fields) != 0 ||
        READ(reader, &lifecycle->in_force, settings_fields) != 0) {
        return -1;
    }
    for (unsigned slot = 0; slot < LIFECYCLE_WORKERS; slot++) {
        if (READ(reader, &lifecycle->pacing[slot], pacing_fields) != 0) {
            return -1;
        }
    }
    for (unsigned i = 0; i < lifecycle->count; i++) {
        if (read_generation(reader, &lifecycle->generations[i]) != 0) {
            return -1;
        }
    }
    return read_line(reader, LAST_LINE);
}

int lifecycle_load(struct lifecycle *lifecycle, const char *text, struct error *error)
{
    struct reader reader = {.at = text, .error = error};
    lifecycle_init(lifecycle, 0, &(struct lifecycle_settings){.interval_ms = 0});
    if (read_model(&reader, lifecycle) == 0) {
        if (*reader.at != '\0') {
            error_set(error, "line %u: something follows the end", reader.line + 1);
        } else if (lifecycle_check(lifecycle, error) == 0) {
            return 0;
        }
    }
    lifecycle_init(lifecycle, 0, &(struct lifecycle_settings){.interval_ms = 0});
    return -1;
}
