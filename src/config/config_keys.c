#include "config_keys.h"

#include "nearest.h"
#include "words.h"

#include <string.h>

/* The only key that is no option: on the command line it follows them. */
static const struct option command_key = {.name = "command", .section = "service"};

static const char given_twice[] = "duplicate key '%s'; the first is on line %u";

/* The file while it is turned into options. */
struct interpretation {
    struct options *options;
    char ***command;
    struct config_errors *errors;
    unsigned seen[OPTION_COUNT]; /* the line of each key; 0: not yet */
    unsigned command_seen;
};

/* --- sections and keys ------------------------------------------------------------------------ */

static bool is_section(const char *name)
{
    for (int i = 0; i < OPTION_COUNT; i++) {
        const char *section = options_table.rows[i].section;
        if (section != NULL && strcmp(section, name) == 0) {
            return true;
        }
    }
    return false;
}

/* NULL: there is no such key. */
static const struct option *find_key(const char *name)
{
    if (strcmp(name, command_key.name) == 0) {
        return &command_key;
    }
    const struct option *option = option_find(&options_table, name);
    return option != NULL && option->section != NULL ? option : NULL;
}

static void refuse_section(struct config_errors *errors, const struct config_entry *entry)
{
    struct nearest nearest = nearest_begin(entry->section);
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (options_table.rows[i].section != NULL) {
            nearest_offer(&nearest, options_table.rows[i].section);
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
    nearest_offer(&nearest, command_key.name);
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (options_table.rows[i].section != NULL) {
            nearest_offer(&nearest, options_table.rows[i].name);
        }
    }
    if (nearest.found != NULL) {
        config_errors_add(errors, entry->line, "unknown key '%s'; did you mean '%s' in [%s]?",
                          entry->key, nearest.found, find_key(nearest.found)->section);
    } else {
        config_errors_add(errors, entry->line, "unknown key '%s' (see tasuki.ini(5))", entry->key);
    }
}

/* NULL if the entry is not a key of its section: an error then, at its line or at the section's. */
static const struct option *find_in_place(struct config_errors *errors,
                                          const struct config_entry *entry)
{
    const struct option *key = find_key(entry->key);
    if (key == NULL) {
        refuse_key(errors, entry);
    } else if (entry->section[0] == '\0') {
        config_errors_add(errors, entry->line, "expected the section [%s] before the key '%s'",
                          key->section, entry->key);
    } else if (strcmp(key->section, entry->section) == 0) {
        return key;
    } else if (is_section(entry->section)) {
        config_errors_add(errors, entry->line, "'%s' belongs in [%s], not in [%s]", entry->key,
                          key->section, entry->section);
    }
    return NULL;
}

/* --- values ----------------------------------------------------------------------------------- */

static int set_command(struct interpretation *interpretation, const char *value,
                       struct error *error)
{
    char **words = words_split(value, error);
    *interpretation->command = words;
    if (words == NULL) {
        return -1;
    }
    return words[0] != NULL && words[0][0] != '\0'
               ? 0
               : error_set(error, "expected a command, got nothing");
}

static void take_key(struct interpretation *interpretation, const struct config_entry *entry)
{
    struct config_errors *errors = interpretation->errors;
    const struct option *key = find_in_place(errors, entry);
    if (key == NULL) {
        return;
    }
    bool is_command = key == &command_key;
    unsigned *first = is_command ? &interpretation->command_seen
                                 : &interpretation->seen[key - options_table.rows];
    if (*first != 0 && !key->is_repeatable) {
        config_errors_add(errors, entry->line, given_twice, entry->key, *first);
        return;
    }
    struct error error;
    *first = entry->line;
    if ((is_command ? set_command(interpretation, entry->value, &error)
                    : options_set(interpretation->options, key, entry->value, &error)) != 0) {
        config_errors_add(errors, entry->line, "%s: %s", entry->key, error.text);
    }
}

/* --- [listen NAME] ---------------------------------------------------------------------------- */

static const char listen_prefix[] = "listen ";

static bool is_listener_section(const char *name)
{
    return strncmp(name, listen_prefix, sizeof listen_prefix - 1) == 0;
}

/* A section of one socket: entries[0] is its own line. */
struct listener_section {
    const struct config_entry *entries;
    size_t count;
};

static bool is_address(const struct config_entry *entry)
{
    return strcmp(entry->key, "port") == 0 || strcmp(entry->key, "path") == 0;
}

/* Tells what is there twice. */
static void check_repetition(const struct listener_section *section, struct config_errors *errors)
{
    for (size_t i = 1; i < section->count; i++) {
        for (size_t j = 1; j < i; j++) {
            const struct config_entry *entry = &section->entries[i];
            const struct config_entry *first = &section->entries[j];
            if (strcmp(first->key, entry->key) == 0) {
                config_errors_add(errors, entry->line, given_twice, entry->key, first->line);
                break;
            }
            if (is_address(first) && is_address(entry)) {
                config_errors_add(errors, entry->line, "expected a port or a path, got both");
                break;
            }
        }
    }
}

/* The options come one by one, since each has a line of its own. */
static int parse_address(const struct config_entry *entry, struct address *address,
                         struct error *error)
{
    if (strchr(entry->value, ',') != NULL) {
        return error_set(error, "expected a value without a comma, got '%s'", entry->value);
    }
    return strcmp(entry->key, "port") == 0 ? address_parse_port(entry->value, address, error)
                                           : address_parse_path(entry->value, address, error);
}

static void take_address(const struct listener_section *section, struct address *address,
                         struct config_errors *errors)
{
    struct error error;
    for (size_t i = 1; i < section->count; i++) {
        const struct config_entry *entry = &section->entries[i];
        if (is_address(entry)) {
            if (parse_address(entry, address, &error) != 0) {
                config_errors_add(errors, entry->line, "%s: %s", entry->key, error.text);
            }
            return;
        }
    }
    config_errors_add(errors, section->entries[0].line, "expected a port or a path in [%s]",
                      section->entries[0].section);
}

static void take_listener_options(const struct listener_section *section, struct address *address,
                                  struct config_errors *errors)
{
    struct error error;
    const char *name = section->entries[0].section + sizeof listen_prefix - 1;
    if (address_add_option(address, "name", name, &error) != 0) {
        config_errors_add(errors, section->entries[0].line, "%s", error.text);
    }
    for (size_t i = 1; i < section->count; i++) {
        const struct config_entry *entry = &section->entries[i];
        if (strcmp(entry->key, "name") == 0) {
            config_errors_add(errors, entry->line,
                              "unknown key 'name': the section's line has the name");
        } else if (!is_address(entry) &&
                   address_add_option(address, entry->key, entry->value, &error) != 0) {
            config_errors_add(errors, entry->line, "%s", error.text);
        }
    }
}

/* Only once the type is known. */
static void check_listener_options(const struct listener_section *section,
                                   const struct address *address, struct config_errors *errors)
{
    struct error error;
    for (size_t i = 1; i < section->count; i++) {
        const struct config_entry *entry = &section->entries[i];
        int id = listener_option_find(entry->key);
        if (id >= 0 && address_check_option(address, (enum listener_option_id)id, &error) != 0) {
            config_errors_add(errors, entry->line, "%s", error.text);
        }
    }
}

static void take_listener(struct interpretation *interpretation,
                          const struct listener_section *section)
{
    struct config_errors *errors = interpretation->errors;
    struct address address = {.text = ""};
    struct error error;
    size_t before = errors->count;
    check_repetition(section, errors);
    if (errors->count == before) {
        take_address(section, &address, errors);
        take_listener_options(section, &address, errors);
    }
    if (errors->count == before) {
        check_listener_options(section, &address, errors);
    }
    if (errors->count == before &&
        options_add_address(interpretation->options, &address, &error) != 0) {
        config_errors_add(errors, section->entries[0].line, "%s", error.text);
    }
}

/* --- the file --------------------------------------------------------------------------------- */

/* Takes the section of one socket that begins at this entry. Returns how many entries it has. */
static size_t take_listener_section(struct interpretation *interpretation,
                                    const struct config_file *file, size_t first)
{
    struct listener_section section = {.entries = &file->entries[first], .count = 1};
    while (first + section.count < file->count && section.entries[section.count].key != NULL) {
        section.count++;
    }
    for (size_t i = 0; i < first; i++) {
        if (file->entries[i].key == NULL &&
            strcmp(file->entries[i].section, section.entries[0].section) == 0) {
            config_errors_add(interpretation->errors, section.entries[0].line,
                              "duplicate section [%s]; the first is on line %u",
                              section.entries[0].section, file->entries[i].line);
            return section.count;
        }
    }
    take_listener(interpretation, &section);
    return section.count;
}

void config_keys_take(const struct config_file *file, struct options *options, char ***command,
                      struct config_errors *errors)
{
    struct interpretation interpretation = {
        .options = options, .command = command, .errors = errors};
    *command = NULL;
    for (size_t i = 0; i < file->count;) {
        const struct config_entry *entry = &file->entries[i];
        if (entry->key != NULL) {
            take_key(&interpretation, entry);
            i++;
        } else if (is_listener_section(entry->section)) {
            i += take_listener_section(&interpretation, file, i);
        } else {
            if (!is_section(entry->section)) {
                refuse_section(errors, entry);
            }
            i++;
        }
    }
}
