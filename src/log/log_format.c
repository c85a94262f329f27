#include "log_format.h"

#include "builder.h"
#include "utf8.h"

#include <stdio.h>
#include <string.h>
#include <syslog.h>

/* Of an ISO 8601 time such as 2026-03-01T12:00:00.000+00:00. */
#define TIME_LENGTH 24

#define JSON_ESCAPED_MAX 6

#define DIM "\033[2m"
#define RED "\033[31m"
#define YELLOW "\033[33m"
#define PLAIN "\033[0m"

static void add_text(struct builder *line, const char *text)
{
    builder_add_bytes(line, text, strlen(text));
}

/* --- pieces ------------------------------------------------------------------------------------
 */

const char *log_level_name(enum log_level level)
{
    static const char *const names[LOG_LEVELS] = {"error", "warning", "info", "debug"};
    return names[level];
}

static int priority(enum log_level level)
{
    static const int priorities[LOG_LEVELS] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};
    return priorities[level];
}

/* In UTC, which can be sorted and compared across hosts; its length is always TIME_LENGTH. Not by
   gmtime(3), which reads the file of the time zone all the same: that keeps 50 kB of the C library
   in memory. The year begins in March here, so that the leap day is its last. */
static void add_time(struct builder *line, const struct timespec *time)
{
    const long days_of_400_years = 146097;
    const long days_before_1970 = 719468; /* since 1 March of the year 0 */
    long seconds = time->tv_sec % 86400;
    long days = time->tv_sec / 86400 + days_before_1970;
    long era = days / days_of_400_years;
    long day = days % days_of_400_years;
    long year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    long day_of_year = day - (365 * year + year / 4 - year / 100);
    long month = (5 * day_of_year + 2) / 153;
    builder_add(line, "%04ld-%02ld-%02ldT%02ld:%02ld:%02ld.%03ldZ",
                era * 400 + year + (month >= 10), month < 10 ? month + 3 : month - 9,
                day_of_year - (153 * month + 2) / 5 + 1, seconds / 3600, seconds / 60 % 60,
                seconds % 60, time->tv_nsec / 1000000);
}

/* The names of the months are RFC 3164's, whatever the locale. */
static void add_syslog_head(struct builder *line, const struct log_layout *layout,
                            const struct log_record *record)
{
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tm local;
    localtime_r(&record->time.tv_sec, &local);
    builder_add(line,
                "<%d>%s %2d %02d:%02d:%02d %s[%d]: ", layout->facility | priority(record->level),
                months[local.tm_mon], local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec,
                layout->tag, (int)layout->supervisor);
}

static bool is_control(char byte)
{
    return ((unsigned char)byte < 0x20 && byte != '\t') || byte == 0x7F;
}

/* What a terminal would obey is shown instead. Other bytes stay: a path is what it is. */
static void add_message(struct builder *line, const struct log_record *record)
{
    for (size_t i = 0; i < record->length; i++) {
        if (is_control(record->message[i])) {
            builder_add(line, "\\x%02x", (unsigned)(unsigned char)record->message[i]);
        } else {
            builder_add_bytes(line, &record->message[i], 1);
        }
    }
}

/* --- text --------------------------------------------------------------------------------------
 */

static const char *level_word(enum log_level level)
{
    static const char *const words[LOG_LEVELS] = {"error: ", "warning: ", "", "debug: "};
    return words[level];
}

static void add_name(struct builder *line, const struct log_layout *layout)
{
    builder_add(line, " %s[%d]: ", layout->program, (int)layout->supervisor);
}

static void add_plain_text(struct builder *line, const struct log_layout *layout,
                           const struct log_record *record)
{
    if (layout->sink == LOG_SINK_STREAM) {
        add_time(line, &record->time);
        add_name(line, layout);
    }
    add_text(line, level_word(record->level));
    add_message(line, record);
}

static void add_coloured_text(struct builder *line, const struct log_layout *layout,
                              const struct log_record *record)
{
    static const char *const colours[LOG_LEVELS] = {RED, YELLOW, "", DIM};
    const char *colour = colours[record->level];
    add_text(line, DIM);
    add_time(line, &record->time);
    add_name(line, layout);
    add_text(line, PLAIN);
    add_text(line, colour);
    add_text(line, level_word(record->level));
    add_message(line, record);
}

/* --- JSON --------------------------------------------------------------------------------------
 */

/* One character of a string: what stands for that which `text` begins with is put into `escaped`.
   Returns how much that is, and in `taken` how much of the text it is. */
static size_t json_escape(const char *text, size_t size, size_t *taken,
                          char escaped[JSON_ESCAPED_MAX])
{
    static const char digits[] = "0123456789abcdef";
    uint32_t code_point;
    size_t length = utf8_decode(text, size, &code_point);
    *taken = length > 0 ? length : 1;
    if (length == 0) {
        memcpy(escaped, UTF8_REPLACEMENT, sizeof UTF8_REPLACEMENT - 1);
        return sizeof UTF8_REPLACEMENT - 1;
    }
    if (code_point == '"' || code_point == '\\') {
        escaped[0] = '\\';
        escaped[1] = *text;
        return 2;
    }
    if (code_point < 0x20) {
        const char unicode[] = {
            '\\', 'u', '0', '0', digits[code_point >> 4], digits[code_point & 0xF]};
        memcpy(escaped, unicode, sizeof unicode);
        return sizeof unicode;
    }
    memcpy(escaped, text, length);
    return length;
}

static void add_json_string(struct builder *line, const char *text, size_t size)
{
    while (size > 0) {
        char escaped[JSON_ESCAPED_MAX];
        size_t taken;
        builder_add_bytes(line, escaped, json_escape(text, size, &taken, escaped));
        text += taken;
        size -= taken;
    }
}

/* The message is the last, so that the closing quote and brace are all that a cut has to spare. */
static void add_json(struct builder *line, const struct log_layout *layout,
                     const struct log_record *record)
{
    static const char end[] = "\"}";
    const struct log_facts *facts = &record->facts;
    builder_keep_back(line, sizeof end - 1);
    add_text(line, "{\"time\":\"");
    add_time(line, &record->time);
    builder_add(line, "\",\"supervisor\":%d,\"level\":\"%s\",", (int)layout->supervisor,
                log_level_name(record->level));
    if (facts->event != NULL) {
        builder_add(line, "\"event\":\"%s\",", facts->event);
    }
    if (facts->generation > 0) {
        builder_add(line, "\"generation\":%ju,", (uintmax_t)facts->generation);
    }
    if (facts->pid > 0) {
        builder_add(line, "\"pid\":%d,", (int)facts->pid);
    }
    add_text(line, "\"message\":\"");
    add_json_string(line, record->message, record->length);
    builder_give_back(line, sizeof end - 1);
    add_text(line, end);
}

/* --- a line ------------------------------------------------------------------------------------
 */

/* Cuts half a character off that the end of a line left of a whole one. */
static void drop_half_character(struct builder *line, size_t start)
{
    size_t back = line->length;
    uint32_t unused;
    while (back > start && line->length - back < 4 && (line->bytes[back - 1] & 0xC0) == 0x80) {
        back--;
    }
    if (back > start && (line->bytes[back - 1] & 0xC0) == 0xC0 &&
        utf8_decode(line->bytes + back - 1, line->length - back + 1, &unused) == 0) {
        line->length = back - 1;
    }
}

size_t log_format_line(const struct log_layout *layout, const struct log_record *record,
                       char bytes[LOG_LINE_SIZE])
{
    /* What comes after every message: the end of a colour, a newline. */
    const size_t end = sizeof PLAIN - 1 + 1;
    struct builder line = builder_in(bytes, LOG_LINE_SIZE);
    builder_keep_back(&line, end);
    if (layout->sink == LOG_SINK_JOURNAL) {
        builder_add(&line, "<%d>", priority(record->level));
    } else if (layout->sink == LOG_SINK_SYSLOG) {
        add_syslog_head(&line, layout, record);
    }
    bool is_coloured = false;
    if (layout->format == LOG_FORMAT_JSON) {
        add_json(&line, layout, record);
    } else {
        size_t start = line.length;
        is_coloured = layout->sink == LOG_SINK_TERMINAL;
        (is_coloured ? add_coloured_text : add_plain_text)(&line, layout, record);
        if (!builder_is_whole(&line)) {
            drop_half_character(&line, start);
        }
    }
    builder_give_back(&line, end);
    if (is_coloured) {
        add_text(&line, PLAIN);
    }
    if (layout->sink != LOG_SINK_SYSLOG) {
        add_text(&line, "\n");
    }
    return line.length;
}

bool log_format_is_own(const struct log_layout *layout, const char *line)
{
    static const char json[] = "{\"time\":\"";
    bool is_json = layout->format == LOG_FORMAT_JSON;
    size_t time_at = is_json ? sizeof json - 1 : 0;
    char expected[64];
    int length = is_json ? snprintf(expected, sizeof expected, "\",\"supervisor\":%d,",
                                    (int)layout->supervisor)
                         : snprintf(expected, sizeof expected, " %s[%d]: ", layout->program,
                                    (int)layout->supervisor);
    return strnlen(line, time_at + TIME_LENGTH) == time_at + TIME_LENGTH &&
           (!is_json || memcmp(line, json, time_at) == 0) &&
           strncmp(line + time_at + TIME_LENGTH, expected, (size_t)length) == 0;
}
