#include "config_file.h"

#include "array.h"
#include "ascii.h"
#include "descriptor.h"
#include "trusted_path.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* inih keeps so much of a section's name, its NUL included (ini.c, MAX_SECTION). */
#define SECTION_SIZE 50

/* --- reading ---------------------------------------------------------------------------------- */

/* Returns its size, or -1. */
static off_t check_file(int fd, const char *path, struct error *error)
{
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return error_set(error, "cannot read %s: %s", path, strerror(errno));
    }
    if (!S_ISREG(status.st_mode)) {
        return error_set(error, "cannot read %s: it is %s, not a file", path,
                         S_ISDIR(status.st_mode) ? "a directory" : "a device or a pipe");
    }
    if (status.st_size > (off_t)CONFIG_FILE_SIZE_MAX) {
        return error_set(error, "%s is too large for a configuration: %lld bytes, at most %zu",
                         path, (long long)status.st_size, CONFIG_FILE_SIZE_MAX);
    }
    return status.st_size;
}

static ssize_t read_all(int fd, char *text, size_t size)
{
    size_t length = 0;
    while (length < size) {
        ssize_t got = read(fd, text + length, size - length);
        if (got < 0 && errno != EINTR) {
            return -1;
        }
        if (got == 0) {
            break;
        }
        length += got > 0 ? (size_t)got : 0;
    }
    return (ssize_t)length;
}

int config_file_read(const char *path, char **text, size_t *size, struct error *error)
{
    struct error reason;
    AUTO_CLOSE int fd = trusted_open(path, O_RDONLY, 0, &reason);
    if (fd < 0) {
        return error_set(error, "cannot open %.200s: %.280s", path, reason.text);
    }
    off_t expected = check_file(fd, path, error);
    if (expected < 0) {
        return -1;
    }
    size_t room = (size_t)expected + 1; /* one more shows that somebody is writing to it */
    char *buffer = malloc(room);
    if (buffer == NULL) {
        return error_set(error, "cannot read %s: out of memory", path);
    }
    ssize_t length = read_all(fd, buffer, room);
    if (length < 0 || (size_t)length == room) {
        error_set(error, "cannot read %s: %s", path,
                  length < 0 ? strerror(errno) : "the file is being written");
        free(buffer);
        return -1;
    }
    *text = buffer;
    *size = (size_t)length;
    return 0;
}

/* --- lines ------------------------------------------------------------------------------------ */

/* What inih is fed with and what came of it, line by line. */
struct reading {
    struct config_file *file;
    struct config_errors *errors;
    const char *at;
    const char *end;
    const char *line; /* the current one, in the text */
    size_t length;    /* of it, without its end */
    unsigned number;
    bool is_taken; /* a key came of it */
    bool is_void;  /* it is an error already, and inih got an empty line for it */
};

static void free_entry(struct config_entry *entry)
{
    free(entry->section);
    free(entry->key);
    free(entry->value);
}

static int add_entry(struct reading *reading, const char *section, const char *key,
                     const char *value)
{
    struct config_file *file = reading->file;
    struct config_entry *grown = array_grow(file->entries, file->count, sizeof *grown);
    if (grown == NULL) {
        return -1;
    }
    file->entries = grown;
    struct config_entry *entry = &grown[file->count];
    *entry = (struct config_entry){.line = reading->number,
                                   .section = strdup(section),
                                   .key = key != NULL ? strdup(key) : NULL,
                                   .value = value != NULL ? strdup(value) : NULL};
    bool has_all = entry->section != NULL && (key == NULL) == (entry->key == NULL) &&
                   (value == NULL) == (entry->value == NULL);
    if (!has_all) {
        free_entry(entry);
        return -1;
    }
    file->count++;
    return 0;
}

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && ascii_is_space(*at)) {
        at++;
    }
    return at;
}

/* The text of the line, from its first character that is no blank; it may be empty. */
static const char *first_word(const struct reading *reading)
{
    return skip_blanks(reading->line, reading->line + reading->length);
}

static void take_section(struct reading *reading, const char *start)
{
    const char *end = reading->line + reading->length;
    const char *close = memchr(start, ']', (size_t)(end - start));
    if (close == NULL) {
        config_errors_add(reading->errors, reading->number,
                          "expected a ] after the section's name");
        return;
    }
    size_t length = (size_t)(close - start) - 1;
    if (length >= SECTION_SIZE) {
        config_errors_add(reading->errors, reading->number,
                          "expected a section's name of at most %d bytes, got %zu",
                          SECTION_SIZE - 1, length);
        return;
    }
    const char *rest = skip_blanks(close + 1, end);
    if (rest < end && *rest != ';' && *rest != '#') {
        config_errors_add(reading->errors, reading->number,
                          "expected nothing after the section's name, got '%.*s'",
                          (int)(end - rest), rest);
    }
    char name[SECTION_SIZE];
    snprintf(name, sizeof name, "%.*s", (int)length, start + 1);
    if (add_entry(reading, name, NULL, NULL) != 0) {
        config_errors_add(reading->errors, reading->number, "out of memory");
    }
}

/* What inih made of the line before: it tells only of the first bad line. */
static void finish_line(struct reading *reading)
{
    const char *start = first_word(reading);
    const char *end = reading->line + reading->length;
    if (reading->is_void || reading->is_taken || start == end || *start == ';' || *start == '#') {
        return;
    }
    if (*start == '[' && start == reading->line) {
        take_section(reading, start);
        return;
    }
    config_errors_add(reading->errors, reading->number, "expected KEY = VALUE, got '%.*s'",
                      (int)(end - start > 60 ? 60 : end - start), start);
}

/* True, with an error added, if inih would read the line as something else. */
static bool is_hopeless(struct reading *reading, size_t room)
{
    if (reading->length + 2 >= room) {
        config_errors_add(reading->errors, reading->number,
                          "expected a line of at most %zu bytes, got %zu (a value may continue on "
                          "lines that start with a space)",
                          room - 3, reading->length);
        return true;
    }
    for (size_t i = 0; i < reading->length; i++) {
        char character = reading->line[i];
        if ((unsigned char)character < ' ' && !ascii_is_space(character)) {
            config_errors_add(reading->errors, reading->number,
                              "expected text, got the control character 0x%02x",
                              (unsigned)(unsigned char)character);
            return true;
        }
    }
    return false;
}

static void cut_line(struct reading *reading)
{
    const char *newline = memchr(reading->at, '\n', (size_t)(reading->end - reading->at));
    const char *end = newline != NULL ? newline : reading->end;
    reading->line = reading->at;
    reading->length = (size_t)(end - reading->at);
    reading->at = newline != NULL ? newline + 1 : reading->end;
    if (reading->length > 0 && reading->line[reading->length - 1] == '\r') {
        reading->length--;
    }
    reading->number++;
    reading->is_taken = false;
    reading->is_void = false;
}

/* inih's reader, as fgets(3). */
static char *next_line(char *buffer, int size, void *context)
{
    struct reading *reading = context;
    finish_line(reading);
    if (reading->at == reading->end) {
        return NULL;
    }
    cut_line(reading);
    reading->is_void = is_hopeless(reading, (size_t)size);
    snprintf(buffer, (size_t)size, "%.*s\n", reading->is_void ? 0 : (int)reading->length,
             reading->line);
    return buffer;
}

/* --- keys ------------------------------------------------------------------------------------- */

static bool has_inline_semicolon(const struct reading *reading)
{
    for (size_t i = 1; i < reading->length; i++) {
        if (reading->line[i] == ';' && ascii_is_space(reading->line[i - 1])) {
            return true;
        }
    }
    return false;
}

/* A value that continues: inih repeats the key of the line before. */
static int continue_value(struct reading *reading, const char *value)
{
    struct config_entry *entry = &reading->file->entries[reading->file->count - 1];
    char *joined;
    if (entry->value == NULL || asprintf(&joined, "%s %s", entry->value, value) < 0) {
        return -1;
    }
    free(entry->value);
    entry->value = joined;
    return 0;
}

static int on_key(void *context, const char *section, const char *key, const char *value)
{
    struct reading *reading = context;
    const struct config_file *file = reading->file;
    reading->is_taken = true;
    if (has_inline_semicolon(reading)) {
        config_errors_add(reading->errors, reading->number,
                          "a ; after a blank begins a comment, even in quotes: give comments a "
                          "line of their own");
    }
    bool is_indented = reading->length > 0 && ascii_is_space(reading->line[0]);
    bool goes_on = is_indented && file->count > 0 && file->entries[file->count - 1].key != NULL &&
                   strcmp(file->entries[file->count - 1].key, key) == 0;
    int result = goes_on ? continue_value(reading, value) : add_entry(reading, section, key, value);
    if (result != 0) {
        config_errors_add(reading->errors, reading->number, "out of memory");
    }
    return 1;
}

int config_file_parse(struct config_file *file, const char *text, size_t size,
                      struct config_errors *errors)
{
    size_t before = errors->count;
    *file = (struct config_file){.count = 0};
    const char *nul = memchr(text, '\0', size);
    if (nul != NULL) {
        unsigned line = 1;
        for (const char *at = text; at < nul; at++) {
            line += *at == '\n';
        }
        return config_errors_add(errors, line, "expected text, got a NUL byte");
    }
    bool has_mark =
        size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0; /* of UTF-8, by some editors */
    struct reading reading = {.file = file,
                              .errors = errors,
                              .at = text + (has_mark ? 3 : 0),
                              .end = text + size,
                              .line = text};
    if (ini_parse_stream(next_line, &reading, on_key, &reading) < 0) {
        return config_errors_add(errors, 0, "out of memory");
    }
    return errors->count == before ? 0 : -1;
}

void config_file_free(struct config_file *file)
{
    for (size_t i = 0; i < file->count; i++) {
        free_entry(&file->entries[i]);
    }
    free(file->entries);
    *file = (struct config_file){.count = 0};
}
