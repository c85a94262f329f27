#include "configuration.h"

#include "listener_section.h"
#include "nearest.h"
#include "option_value.h"
#include "words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The only key that is no option: on the command line it stands behind them. */
static const char command_key[] = "command";
static const char command_section[] = "service";
/* The file while it is turned into options. */
struct interpretation {
    struct configuration *configuration;
    struct config_errors *errors;
    unsigned seen[OPTION_COUNT]; /* the line of each key; 0: not yet */
    unsigned command_seen;
};

/* --- sections and keys ------------------------------------------------------------------------ */

static bool is_section(const char *name)
{
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (option_rows[i].section != NULL && strcmp(option_rows[i].section, name) == 0) {
            return true;
        }
    }
    return false;
}

/* NULL if there is no such key. */
static const struct option_row *find_row(const char *key)
{
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (option_rows[i].section != NULL && strcmp(option_rows[i].name, key) == 0) {
            return &option_rows[i];
        }
    }
    return NULL;
}

/* NULL if there is no such key. */
static const char *section_of(const char *key)
{
    const struct option_row *row = find_row(key);
    return row != NULL ? row->section : strcmp(key, command_key) == 0 ? command_section : NULL;
}

static void refuse_section(struct config_errors *errors, const struct config_entry *entry)
{
    struct nearest nearest = nearest_begin(entry->section);
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (option_rows[i].section != NULL) {
            nearest_offer(&nearest, option_rows[i].section);
        }
    }
    if (nearest.found != NULL) {
        config_errors_add(errors, entry->line, "unknown section [%s]; did you mean [%s]?",
                          entry->section, nearest.found);
    } else {
        config_errors_add(
            errors, entry->line,
            "unknown section [%s]; expected [service], [listen], [listen NAME], [deploy], "
            "[worker] or [log]",
            entry->section);
    }
}

static void refuse_key(struct config_errors *errors, const struct config_entry *entry)
{
    struct nearest nearest = nearest_begin(entry->key);
    nearest_offer(&nearest, command_key);
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (option_rows[i].section != NULL) {
            nearest_offer(&nearest, option_rows[i].name);
        }
    }
    if (nearest.found != NULL) {
        config_errors_add(errors, entry->line, "unknown key '%s'; did you mean '%s' in [%s]?",
                          entry->key, nearest.found, section_of(nearest.found));
    } else {
        config_errors_add(errors, entry->line, "unknown key '%s' (see tasuki.ini(5))", entry->key);
    }
}

/* True if the key belongs where it stands; if not, that is told. */
static bool is_in_place(struct config_errors *errors, const struct config_entry *entry)
{
    const char *section = section_of(entry->key);
    if (section == NULL) {
        refuse_key(errors, entry);
    } else if (entry->section[0] == '\0') {
        config_errors_add(errors, entry->line, "expected the section [%s] before the key '%s'",
                          section, entry->key);
    } else if (strcmp(section, entry->section) == 0) {
        return true;
    } else if (is_section(entry->section)) {
        config_errors_add(errors, entry->line, "'%s' belongs into [%s], not into [%s]", entry->key,
                          section, entry->section);
    }
    return false; /* an unknown section was told of at its own line */
}

/* True if it is the first; if not, that is told. */
static bool is_first(struct config_errors *errors, const struct config_entry *entry, unsigned *seen)
{
    if (*seen != 0) {
        config_errors_add(errors, entry->line, "'%s' is given twice; the first is in line %u",
                          entry->key, *seen);
        return false;
    }
    *seen = entry->line;
    return true;
}

/* --- values ----------------------------------------------------------------------------------- */

static void take_command(struct interpretation *interpretation, const struct config_entry *entry)
{
    struct configuration *configuration = interpretation->configuration;
    struct error error;
    if (!is_first(interpretation->errors, entry, &interpretation->command_seen)) {
        return;
    }
    configuration->command = words_split(entry->value, &error);
    if (configuration->command == NULL) {
        config_errors_add(interpretation->errors, entry->line, "%s: %s", command_key, error.text);
    } else if (configuration->command[0] == NULL || configuration->command[0][0] == '\0') {
        config_errors_add(interpretation->errors, entry->line,
                          "%s: expected a command, got nothing", command_key);
    } else {
        configuration->options.command = configuration->command;
    }
}

static void take_key(struct interpretation *interpretation, const struct config_entry *entry)
{
    struct config_errors *errors = interpretation->errors;
    if (!is_in_place(errors, entry)) {
        return;
    }
    const struct option_row *row = find_row(entry->key);
    if (row == NULL) {
        take_command(interpretation, entry);
        return;
    }
    struct error error;
    if (!row->repeatable && !is_first(errors, entry, &interpretation->seen[row - option_rows])) {
        return;
    }
    if (option_set_key(&interpretation->configuration->options, row, entry->value, &error) != 0) {
        config_errors_add(errors, entry->line, "%s: %s", entry->key, error.text);
    }
}

/* --- [listen NAME] ---------------------------------------------------------------------------- */

static char *keep_text(struct configuration *configuration, char *text)
{
    char **grown = realloc(configuration->texts, (configuration->text_count + 1) * sizeof *grown);
    if (grown == NULL) {
        free(text);
        return NULL;
    }
    configuration->texts = grown;
    grown[configuration->text_count++] = text;
    return text;
}

static void take_listener(struct interpretation *interpretation, struct listener_section *section)
{
    struct configuration *configuration = interpretation->configuration;
    struct config_errors *errors = interpretation->errors;
    struct error error;
    if (!listener_section_check(section, errors)) {
        return;
    }
    char *text = listener_section_compose(section, section->count);
    if (text == NULL || keep_text(configuration, text) == NULL) {
        config_errors_add(errors, section->entries[0].line, "out of memory");
        return;
    }
    const struct option_row *row = find_row(section->address->key);
    if (option_set_key(&configuration->options, row, text, &error) != 0) {
        config_errors_add(errors, listener_section_line_at_fault(section, row), "%s", error.text);
    }
}

/* --- the file --------------------------------------------------------------------------------- */

/* Takes the section that begins at this entry, if it is one of one socket. Returns how many entries
   were taken. */
static size_t take_listener_section(struct interpretation *interpretation, size_t first)
{
    const struct config_file *file = &interpretation->configuration->file;
    struct listener_section section = {.entries = &file->entries[first], .count = 1};
    while (first + section.count < file->count && section.entries[section.count].key != NULL) {
        section.count++;
    }
    for (size_t i = 0; i < first; i++) {
        if (file->entries[i].key == NULL &&
            strcmp(file->entries[i].section, section.entries[0].section) == 0) {
            config_errors_add(interpretation->errors, section.entries[0].line,
                              "[%s] is there twice; the first is in line %u",
                              section.entries[0].section, file->entries[i].line);
            return section.count;
        }
    }
    take_listener(interpretation, &section);
    return section.count;
}

static void interpret(struct configuration *configuration, struct config_errors *errors)
{
    struct interpretation interpretation = {.configuration = configuration, .errors = errors};
    const struct config_file *file = &configuration->file;
    for (size_t i = 0; i < file->count;) {
        const struct config_entry *entry = &file->entries[i];
        if (entry->key != NULL) {
            take_key(&interpretation, entry);
            i++;
        } else if (listener_section_name(entry->section) != NULL) {
            i += take_listener_section(&interpretation, i);
        } else {
            if (!is_section(entry->section)) {
                refuse_section(errors, entry);
            }
            i++;
        }
    }
}

/* Returns -1 if there was nothing to read. */
static int read_file(struct configuration *configuration, const char *path,
                     struct config_errors *errors)
{
    char *text;
    size_t size;
    struct error error;
    if (config_file_read(path, &text, &size, &error) != 0) {
        errors->path = NULL; /* the sentence has it */
        return config_errors_add(errors, 0, "%s", error.text);
    }
    config_file_parse(&configuration->file, text, size, errors);
    free(text);
    interpret(configuration, errors);
    return 0;
}

/* A service without a name of its own has its file's, so that one command can be many services. */
static void name_after_file(struct configuration *configuration)
{
    struct options *options = &configuration->options;
    const char *slash = strrchr(options->config, '/');
    const char *file = slash != NULL ? slash + 1 : options->config;
    const char *dot = strrchr(file, '.');
    int length = dot != NULL && dot > file ? (int)(dot - file) : (int)strlen(file);
    snprintf(configuration->name, sizeof configuration->name, "%.*s", length, file);
    if (options->name == NULL && control_name_is_valid(configuration->name)) {
        options->name = configuration->name;
    }
}

/* --- reading it all --------------------------------------------------------------------------- */

/* Defaults, then the file, then the command line: who comes later has the last word. */
static int read_with_file(struct configuration *configuration, int argc, char *const argv[],
                          struct config_errors *errors, struct error *error)
{
    struct options *options = &configuration->options;
    const struct options arguments = *options;
    static char *const no_command[] = {NULL};
    errors->path = arguments.config;
    options_free(options);
    if (options_begin(options, arguments.personality, error) != 0) {
        return -1;
    }
    options->command = no_command;
    read_file(configuration, arguments.config, errors);
    if (arguments.address_count > 0) {
        options->address_count = 0; /* those of the command line stand for all of the file's */
    }
    if (options_take_arguments(options, argc, argv, error) != 0) {
        return -1;
    }
    if (options->command[0] == NULL && configuration->command != NULL) {
        options->command = configuration->command;
    }
    name_after_file(configuration);
    return 0;
}

static void read_all(struct configuration *configuration, enum personality personality, int argc,
                     char *const argv[], struct config_errors *errors)
{
    struct options *options = &configuration->options;
    struct error error;
    if (options_begin(options, personality, &error) != 0 ||
        options_take_arguments(options, argc, argv, &error) != 0) {
        config_errors_add(errors, 0, "%s", error.text);
        return;
    }
    bool is_question = options->mode == MODE_HELP || options->mode == MODE_VERSION;
    if (options->config != NULL && !is_question &&
        read_with_file(configuration, argc, argv, errors, &error) != 0) {
        config_errors_add(errors, 0, "%s", error.text);
        return;
    }
    /* What is missing may be what could not be read. */
    if (errors->count == 0 && options_finish(options, &error) != 0) {
        config_errors_add(errors, 0, "%s", error.text);
    }
}

struct configuration *configuration_read(enum personality personality, int argc, char *const argv[],
                                         struct config_errors *errors)
{
    struct configuration *configuration = calloc(1, sizeof *configuration);
    *errors = (struct config_errors){.path = NULL};
    if (configuration == NULL) {
        config_errors_add(errors, 0, "out of memory");
        return NULL;
    }
    configuration->holders = 1;
    configuration->argc = argc;
    configuration->argv = argv;
    read_all(configuration, personality, argc, argv, errors);
    if (errors->count > 0) {
        config_errors_sort(errors);
        configuration_release(configuration);
        return NULL;
    }
    return configuration;
}

struct configuration *configuration_glance(const char *path, struct error *error)
{
    __attribute__((cleanup(config_errors_free))) struct config_errors errors = {.path = path};
    struct configuration *configuration = calloc(1, sizeof *configuration);
    if (configuration == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    configuration->holders = 1;
    bool is_read = options_begin(&configuration->options, PERSONALITY_TASUKI, error) == 0;
    if (is_read) {
        configuration->options.config = path;
        is_read = read_file(configuration, path, &errors) == 0;
    }
    if (!is_read) {
        config_errors_as_error(&errors, error);
        configuration_release(configuration);
        return NULL;
    }
    name_after_file(configuration);
    return configuration;
}

struct configuration *configuration_read_again(const struct configuration *configuration,
                                               struct config_errors *errors)
{
    return configuration_read(configuration->options.personality, configuration->argc,
                              configuration->argv, errors);
}

/* What the supervisor does itself, once, at its start. */
static bool is_fixed(int id)
{
    const char *section = option_rows[id].section;
    bool is_of_supervisor =
        section != NULL && (strcmp(section, "service") == 0 || strcmp(section, "log") == 0);
    return is_of_supervisor && id != OPTION_on_event && id != OPTION_exit_with_worker &&
           id != OPTION_capture;
}

static bool is_same_text(const char *one, const char *other)
{
    return one == NULL || other == NULL ? one == other : strcmp(one, other) == 0;
}

bool configuration_fixed_changes(const struct configuration *running,
                                 const struct configuration *next, char *buffer, size_t size)
{
    size_t length = 0;
    buffer[0] = '\0';
    for (int id = 0; id < OPTION_COUNT; id++) {
        if (is_fixed(id) && !is_same_text(running->options.values[id], next->options.values[id]) &&
            length + strlen(option_rows[id].name) + 3 < size) {
            length += (size_t)snprintf(buffer + length, size - length, "%s%s",
                                       length > 0 ? ", " : "", option_rows[id].name);
        }
    }
    return length > 0;
}

struct configuration *configuration_hold(struct configuration *configuration)
{
    configuration->holders++;
    return configuration;
}

void configuration_release(struct configuration *configuration)
{
    if (configuration == NULL || --configuration->holders > 0) {
        return;
    }
    options_free(&configuration->options);
    config_file_free(&configuration->file);
    free(configuration->command);
    for (size_t i = 0; i < configuration->text_count; i++) {
        free(configuration->texts[i]);
    }
    free(configuration->texts);
    free(configuration);
}
