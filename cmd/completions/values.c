#include "completions.h"

#include <ctype.h>
#include <string.h>

const char signal_words[] = ""
#define SIGNAL(name) #name " "
#include "signal_table.h"
#undef SIGNAL
    ;

/* --- the tables --------------------------------------------------------------------------------
 */

struct option_table options_of(const struct command *command)
{
    return command != NULL ? command_options(command) : options_table;
}

const char *by_value(const struct option *option, const char *none, const char *optional,
                     const char *required)
{
    return option->value == NULL ? none : option->alone != NULL ? optional : required;
}

void summarize(const char *help, char *buffer, size_t size)
{
    static const char *const ends[] = {"; ", " (", ": ", NULL};
    size_t length = strlen(help);
    for (int i = 0; ends[i] != NULL; i++) {
        const char *end = strstr(help, ends[i]);
        if (end != NULL && (size_t)(end - help) < length) {
            length = (size_t)(end - help);
        }
    }
    snprintf(buffer, size, "%.*s", (int)length, help);
}

/* --- values ------------------------------------------------------------------------------------
 */

/* Whose words --help does not say in one breath. tests/completions has the program take each. */
static const struct {
    const char *name;
    struct value value;
} particular[] = {
    {"ready", {VALUE_FREE, "auto delay notify listen fd: exec:", false}},
    {"inherit", {VALUE_FREE, "server-starter systemd nginx einhorn unicorn php-fpm none", true}},
    {"supplementary-groups", {VALUE_GROUP, "", true}},
    {"syslog",
     {VALUE_FREE,
      "daemon user auth authpriv cron ftp lpr mail news syslog uucp local0 local1 local2 local3 "
      "local4 local5 local6 local7",
      false}},
    {"name", {VALUE_FREE, "", false}},
};

/* What the words in capitals of option_table.h are. */
static const struct {
    const char *word;
    enum value_source source;
} sources[] = {
    {"FILE", VALUE_FILE}, {"PATH", VALUE_FILE},   {"DIRECTORY", VALUE_DIRECTORY},
    {"USER", VALUE_USER}, {"GROUP", VALUE_GROUP}, {"COMMAND", VALUE_SHELL},
};

static void add_word(struct value *value, const char *word)
{
    size_t length = strlen(value->words);
    snprintf(value->words + length, sizeof value->words - length, "%s%s", length > 0 ? " " : "",
             word);
}

/* "yes|no", "null|inherit|FILE", "SIGNAL,...": small letters stand for themselves. */
static void add_alternative(struct value *value, const char *word)
{
    if (islower((unsigned char)*word)) {
        add_word(value, word);
    } else if (strcmp(word, "SIGNAL") == 0) {
        add_word(value, signal_words);
    }
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        if (strcmp(word, sources[i].word) == 0) {
            value->source = sources[i].source;
        }
    }
}

void value_of(const struct option *option, struct value *value)
{
    *value = (struct value){.source = VALUE_FREE};
    for (size_t i = 0; i < sizeof particular / sizeof particular[0]; i++) {
        if (strcmp(option->name, particular[i].name) == 0) {
            *value = particular[i].value;
            return;
        }
    }
    if (option->value == NULL) {
        return;
    }
    char text[128];
    char *rest = text;
    const char *word;
    snprintf(text, sizeof text, "%s", option->value);
    char *more = strstr(text, ",...");
    if (more != NULL) {
        *more = '\0';
        value->is_list = true;
    }
    while ((word = strsep(&rest, "|")) != NULL) {
        add_alternative(value, word);
    }
}
