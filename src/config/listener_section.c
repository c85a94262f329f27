#include "listener_section.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char prefix[] = "listen ";

const char *listener_section_name(const char *section)
{
    size_t length = sizeof prefix - 1;
    return strncmp(section, prefix, length) == 0 ? section + length : NULL;
}

static bool is_address(const struct config_entry *entry)
{
    return entry->key != NULL &&
           (strcmp(entry->key, "port") == 0 || strcmp(entry->key, "path") == 0);
}

static const struct config_entry *find_first(const struct listener_section *section,
                                             const char *key)
{
    const struct config_entry *entry = &section->entries[1];
    while (strcmp(entry->key, key) != 0) {
        entry++;
    }
    return entry;
}

bool listener_section_check(struct listener_section *section, struct config_errors *errors)
{
    size_t before = errors->count;
    for (size_t i = 1; i < section->count; i++) {
        const struct config_entry *entry = &section->entries[i];
        if (strchr(entry->value, ',') != NULL) {
            config_errors_add(errors, entry->line, "%s: expected a value without a comma, got '%s'",
                              entry->key, entry->value);
        }
        if (strcmp(entry->key, "name") == 0) {
            config_errors_add(errors, entry->line, "the section's own line has the name");
        }
        const struct config_entry *first = find_first(section, entry->key);
        if (first != entry) {
            config_errors_add(errors, entry->line, "'%s' is given twice; the first is in line %u",
                              entry->key, first->line);
        }
        if (is_address(entry) && section->address != NULL &&
            strcmp(section->address->key, entry->key) != 0) {
            config_errors_add(errors, entry->line, "expected a port or a path, got both");
        } else if (is_address(entry)) {
            section->address = entry;
        }
    }
    if (section->address == NULL) {
        config_errors_add(errors, section->entries[0].line, "expected a port or a path in [%s]",
                          section->entries[0].section);
    }
    return section->address != NULL && errors->count == before;
}

/* "TEXT,KEY=VALUE", to be freed; takes over `text`. NULL: no memory. */
static char *append_option(char *text, const char *key, const char *value)
{
    char *longer = NULL;
    if (text != NULL && asprintf(&longer, "%s,%s=%s", text, key, value) < 0) {
        longer = NULL;
    }
    free(text);
    return longer;
}

char *listener_section_compose(const struct listener_section *section, size_t count)
{
    char *text = strdup(section->address->value);
    if (count > 0) {
        text = append_option(text, "name", listener_section_name(section->entries[0].section));
    }
    for (size_t i = 1; i < count; i++) {
        const struct config_entry *entry = &section->entries[i];
        if (!is_address(entry)) {
            text = append_option(text, entry->key, entry->value);
        }
    }
    return text;
}

unsigned listener_section_line_at_fault(const struct listener_section *section,
                                        const struct option_row *row)
{
    for (size_t count = 0; count <= section->count; count++) {
        struct options scratch = {.address_count = 0};
        char *text = listener_section_compose(section, count);
        bool is_wrong = text == NULL || option_set_key(&scratch, row, text, NULL) != 0;
        options_free(&scratch);
        free(text);
        if (is_wrong) {
            return count == 0 ? section->address->line : section->entries[count - 1].line;
        }
    }
    return section->entries[0].line;
}
