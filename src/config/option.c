#include "option.h"

#include "array.h"
#include "ascii.h"
#include "builder.h"
#include "duration.h"
#include "nearest.h"
#include "signal_name.h"
#include "span.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- values ----------------------------------------------------------------------------------- */

static int refuse_nothing(const struct option *option, struct error *error)
{
    return error_set(error, "expected %s, got nothing", option->value);
}

static int check_text(const struct option *option, const char *value, struct error *error)
{
    if (option->check != NULL) {
        return option->check(value, error);
    }
    return *value != '\0' ? 0 : refuse_nothing(option, error);
}

static int add_text(struct text_list *list, const char *value, struct error *error)
{
    const char **grown = array_grow(list->items, list->count, sizeof *grown);
    if (grown == NULL) {
        return error_set(error, "out of memory");
    }
    list->items = grown;
    grown[list->count++] = value;
    return 0;
}

static int parse_answer(const char *value, bool *yes, struct error *error)
{
    int answer = span_parse_answer(span_of(value));
    *yes = answer == 1;
    return answer >= 0 ? 0 : error_set(error, "expected yes or no, got '%s'", value);
}

int option_parse_number(const char *value, int least, int most, int *number, struct error *error)
{
    const char *end;
    bool is_negative = *value == '-' && least < 0;
    bool has_sign = is_negative || (*value == '+' && least < 0);
    long digits = ascii_parse_number(value + has_sign, is_negative ? -(long)least : most, &end);
    if (digits < 0 || *end != '\0') {
        return error_set(error, "expected a number from %d to %d, got '%s'", least, most, value);
    }
    *number = (int)(is_negative ? -digits : digits);
    return 0;
}

static int parse_signal(const char *value, int *signal, struct error *error)
{
    *signal = signal_parse(value, error);
    return *signal > 0 ? 0 : -1;
}

/* "expected text or json", "expected on, off or auto". */
static int refuse_choice(const char *words, const char *value, struct error *error)
{
    char list[128];
    struct builder builder = builder_in(list, sizeof list);
    while (*words != '\0') {
        size_t word = strcspn(words, "|");
        bool is_last = words[word] == '\0';
        const char *before = builder.length == 0 ? "" : is_last ? " or " : ", ";
        builder_add(&builder, "%s%.*s", before, (int)word, words);
        words += is_last ? word : word + 1;
    }
    return error_set(error, "expected %s, got '%s'", list, value);
}

static int parse_choice(const char *words, const char *value, unsigned *choice, struct error *error)
{
    const char *at = words;
    for (*choice = 0;; ++*choice) {
        size_t length = strcspn(at, "|");
        if (span_is((struct span){at, length}, value)) {
            return 0;
        }
        if (at[length] == '\0') {
            return refuse_choice(words, value, error);
        }
        at += length + 1;
    }
}

int option_set(const struct option *option, void *fields, const char *value, struct error *error)
{
    void *field = (char *)fields + option->offset;
    switch (option->kind) {
    case OPTION_TEXT:
        *(const char **)field = value;
        return check_text(option, value, error);
    case OPTION_LIST:
        return check_text(option, value, error) == 0 ? add_text(field, value, error) : -1;
    case OPTION_ANSWER:
        return parse_answer(value, field, error);
    case OPTION_NUMBER:
        return option_parse_number(value, option->least, option->most, field, error);
    case OPTION_DURATION:
        return duration_parse(value, field, error);
    case OPTION_SIGNAL:
        return parse_signal(value, field, error);
    case OPTION_CHOICE:
        return parse_choice(option->value, value, field, error);
    case OPTION_SPECIAL:
        return option->set(field, value, error);
    }
    return -1;
}

/* --- names ------------------------------------------------------------------------------------ */

const struct option *option_next(const struct option_table *table, const struct option *option)
{
    const struct option *end = table->rows + table->count;
    option = option != NULL ? option + 1 : table->rows;
    while (option < end && option->needs & ~table->has) {
        option++;
    }
    return option < end ? option : NULL;
}

const struct option *option_find(const struct option_table *table, const char *name)
{
    const struct option *option = option_next(table, NULL);
    while (option != NULL && strcmp(option->name, name) != 0) {
        option = option_next(table, option);
    }
    return option;
}

static bool begins_with(const struct option *option, struct span name)
{
    return name.length > 0 && strncmp(option->name, name.start, name.length) == 0;
}

static int refuse_unknown(const struct option_table *table, struct span name, const char *argument,
                          struct error *error)
{
    char word[NEAREST_WORD_MAX + 2];
    snprintf(word, sizeof word, "%.*s", (int)name.length, name.start);
    struct nearest nearest = nearest_begin(word);
    for (const struct option *option = option_next(table, NULL); option != NULL;
         option = option_next(table, option)) {
        nearest_offer(&nearest, option->name);
    }
    return nearest.found != NULL
               ? error_set(error, "%.300s: unknown option; did you mean --%s?", argument,
                           nearest.found)
               : error_set(error, "%.300s: unknown option (see --help)", argument);
}

static int refuse_ambiguous(const struct option_table *table, struct span name, struct error *error)
{
    char list[400];
    struct builder builder = builder_in(list, sizeof list);
    for (const struct option *option = option_next(table, NULL); option != NULL;
         option = option_next(table, option)) {
        if (begins_with(option, name)) {
            builder_add(&builder, "%s--%s", builder.length > 0 ? ", " : "", option->name);
        }
    }
    return error_set(error, "--%.*s is ambiguous: %s", (int)name.length, name.start, list);
}

/* Returns NULL with the reason in `error`. */
static const struct option *find_beginning(const struct option_table *table, struct span name,
                                           const char *argument, struct error *error)
{
    const struct option *found = NULL;
    int count = 0;
    for (const struct option *option = option_next(table, NULL); option != NULL;
         option = option_next(table, option)) {
        if (begins_with(option, name)) {
            if (option->name[name.length] == '\0') {
                return option;
            }
            found = option;
            count++;
        }
    }
    if (count == 0) {
        refuse_unknown(table, name, argument, error);
    } else if (count > 1) {
        refuse_ambiguous(table, name, error);
    }
    return count == 1 ? found : NULL;
}

/* --- the command line ------------------------------------------------------------------------- */

bool option_is_word(const char *word)
{
    return word[0] == '-' && word[1] != '\0';
}

/* The option's value: after the equals sign, or the next word, or what it means alone. Returns NULL
   with the reason in `error`. */
static const char *take_value(const struct option *option, const char *after_name,
                              char *const **rest, struct error *error)
{
    if (*after_name == '=') {
        if (option->value == NULL) {
            error_set(error, "expected no value, got '%s'", after_name + 1);
            return NULL;
        }
        return after_name + 1;
    }
    if (option->alone != NULL) {
        return option->alone;
    }
    if (**rest == NULL) {
        refuse_nothing(option, error);
        return NULL;
    }
    return *(*rest)++;
}

/* Read by hand: getopt tells that something is wrong, not what, and its part of the C library would
   stay in memory. */
int option_take(const struct option_table *table, void *fields, const char **given,
                char *const **rest, struct error *error)
{
    const char *argument = *(*rest)++;
    const char *start = argument + (argument[1] == '-' ? 2 : 1);
    const struct span name = {start, strcspn(start, "=")};
    const struct option *option = find_beginning(table, name, argument, error);
    if (option == NULL) {
        return -1;
    }
    struct error reason;
    const char **place = &given[option - table->rows];
    const char *value = take_value(option, start + name.length, rest, &reason);
    if (value != NULL && *place != NULL && !option->is_repeatable) {
        error_set(&reason, "given twice");
        value = NULL;
    }
    if (value == NULL || option_set(option, fields, value, &reason) != 0) {
        return error_set(error, "--%s: %s", option->name, reason.text);
    }
    *place = value;
    return 0;
}
