#include "completions.h"

#include <string.h>

static void print_quoted(FILE *stream, const char *text)
{
    fputc('\'', stream);
    for (; *text != '\0'; text++) {
        fprintf(stream, "%s%c", *text == '\'' || *text == '\\' ? "\\" : "", *text);
    }
    fputc('\'', stream);
}

/* What -a takes: words, and a function in brackets. */
static void print_arguments(FILE *stream, const struct value *value)
{
    static const char *const functions[] = {
        [VALUE_FREE] = "",
        [VALUE_FILE] = "",
        [VALUE_DIRECTORY] = "(__fish_complete_directories)",
        [VALUE_USER] = "(__fish_complete_users)",
        [VALUE_GROUP] = "(__fish_complete_groups)",
        [VALUE_SHELL] = "(__fish_complete_command)",
    };
    const char *function = functions[value->source];
    if (value->is_list && value->words[0] != '\0') {
        fprintf(stream, " -a '(__fish_append , %s)'", value->words);
    } else if (value->words[0] != '\0' || *function != '\0') {
        fprintf(stream, " -a '%s%s%s'", value->words,
                value->words[0] != '\0' && *function != '\0' ? " " : "", function);
    }
}

static void print_option(FILE *stream, const char *program, const struct command *command,
                         const struct option *option)
{
    char summary[160];
    struct value value;
    value_of(option, &value);
    summarize(option->help, summary, sizeof summary);
    fprintf(stream, "complete -c %s -n '__%s_in %s' -l %s", program, program,
            command != NULL ? command->name : "run", option->name);
    fprintf(stream, "%s", by_value(option, "", "", " -r"));
    if (option->value != NULL) {
        fprintf(stream, value.source == VALUE_FILE ? " -F" : " -f");
        print_arguments(stream, &value);
    }
    fprintf(stream, " -d ");
    print_quoted(stream, summary);
    fputc('\n', stream);
}

static void print_options(FILE *stream, const char *program, const struct command *command)
{
    const struct option_table table = options_of(command);
    for (const struct option *option = option_next(&table, NULL); option != NULL;
         option = option_next(&table, option)) {
        print_option(stream, program, command, option);
    }
}

static void print_command(FILE *stream, const char *program, const struct command *command)
{
    fprintf(stream, "complete -c %s -n __%s_at_command -a %s -d ", program, program, command->name);
    print_quoted(stream, command->summary);
    fputc('\n', stream);
    print_options(stream, program, command);
    if (command->takes_signal) {
        fprintf(stream, "complete -c %s -n '__%s_in %s; and test (__%s_words) -eq 0' -a '%s'\n",
                program, program, command->name, program, signal_words);
    }
    fprintf(stream,
            "complete -c %s -n '__%s_in %s; and test (__%s_words) -eq %d' -a '(__%s_names)'\n",
            program, program, command->name, program, command->takes_signal ? 1 : 0, program);
}

static void print_lists(FILE *stream, const char *program, bool has_commands)
{
    fprintf(stream, "set -g __%s_commands", program);
    for (int i = 0; has_commands && i < COMMANDS; i++) {
        fprintf(stream, " %s", command_rows[i].name);
    }
    fprintf(stream, "%s\nset -g __%s_with_value", has_commands ? " run check" : "", program);
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (options_table.rows[i].alone == NULL) {
            fprintf(stream, " --%s", options_table.rows[i].name);
        }
    }
    fputc('\n', stream);
}

void print_fish(FILE *stream, enum personality personality)
{
    const char *program = personality_name(personality);
    bool has_commands = personality == PERSONALITY_TASUKI;
    print_lists(stream, program, has_commands);
    print_options(stream, program, NULL);
    fprintf(stream, "complete -c %s -n '__%s_in run' -a '(__%s_subcommand)'\n", program, program,
            program);
    if (has_commands) {
        fprintf(stream,
                "complete -c %s -n __%s_at_command -a run -d 'start a service'\n"
                "complete -c %s -n __%s_at_command -a check -d 'show what a start with these "
                "options would do'\n",
                program, program, program, program);
        for (int i = 0; i < COMMANDS; i++) {
            print_command(stream, program, &command_rows[i]);
        }
    }
}
