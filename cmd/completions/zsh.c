#include "completions.h"

#include <string.h>

/* Inside a specification of _arguments in single quotes: brackets and colons end its parts. */
static void print_quoted(FILE *stream, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            fprintf(stream, "'\\''");
        } else {
            fprintf(stream, "%s%c", strchr("[]:\\", *text) != NULL ? "\\" : "", *text);
        }
    }
}

/* An action that begins with a blank is called as it is. */
static void print_action(FILE *stream, const char *program, const struct value *value)
{
    static const char *const functions[] = {
        [VALUE_FREE] = "",       [VALUE_FILE] = "_files",   [VALUE_DIRECTORY] = "_files -/",
        [VALUE_USER] = "_users", [VALUE_GROUP] = "_groups", [VALUE_SHELL] = "_cmdstring",
    };
    const char *function = functions[value->source];
    fputc(' ', stream);
    if (value->words[0] == '\0') {
        fprintf(stream, "%s%s", value->is_list && *function != '\0' ? "_sequence " : "", function);
        return;
    }
    fprintf(stream, "_%s_%s ", program,
            value->is_list                ? "list"
            : value->source != VALUE_FREE ? "words_or"
                                          : "words");
    if (value->source != VALUE_FREE) {
        fprintf(stream, "\"%s\" ", function);
    }
    print_quoted(stream, value->words);
}

static void print_option(FILE *stream, const char *program, const struct option *option)
{
    char summary[160];
    struct value value;
    summarize(option->help, summary, sizeof summary);
    value_of(option, &value);
    fprintf(stream, "    '%s--%s%s[", option->is_repeatable ? "*" : "", option->name,
            by_value(option, "", "=-", "="));
    print_quoted(stream, summary);
    fprintf(stream, "]");
    if (option->value != NULL) {
        fprintf(stream, "%s", by_value(option, "", "::", ":"));
        print_quoted(stream, option->value);
        fprintf(stream, ":");
        print_action(stream, program, &value);
    }
    fprintf(stream, "' \\\n");
}

static void print_options(FILE *stream, const char *program, const struct command *command)
{
    const struct option_table table = options_of(command);
    for (const struct option *option = option_next(&table, NULL); option != NULL;
         option = option_next(&table, option)) {
        print_option(stream, program, option);
    }
}

static void print_command(FILE *stream, const char *program, const struct command *command)
{
    fprintf(stream, "_%s_%s() {\n  _arguments -S : \\\n", program, command->name);
    print_options(stream, program, command);
    if (command->takes_signal) {
        fprintf(stream, "    ':SIGNAL:(%s)' \\\n", signal_words);
    }
    fprintf(stream, "    ':NAME:_%s_names'\n}\n\n", program);
}

/* Which function takes over at the word after the program's name. (`commands` is a name of zsh's
   own, which the completion of the service's command needs.) */
static void print_choice_of_command(FILE *stream, const char *program)
{
    fprintf(stream, "_%s() {\n  local -a subcommands=(\n", program);
    for (int i = 0; i < COMMANDS; i++) {
        fprintf(stream, "    '%s:", command_rows[i].name);
        print_quoted(stream, command_rows[i].summary);
        fprintf(stream, "'\n");
    }
    fprintf(stream,
            "    'run:start a service'\n"
            "    'check:show what a start with these options would do'\n"
            "  )\n"
            "  if ((CURRENT == 2)) && [[ $words[2] != -* ]]; then\n"
            "    _describe -t commands command subcommands && return\n"
            "  fi\n"
            "  local command=run\n"
            "  if ((CURRENT > 2 && ${subcommands[(I)${words[2]}:*]})); then\n"
            "    command=${words[2]/check/run}\n"
            "    shift words\n"
            "    ((CURRENT--))\n"
            "  fi\n"
            "  _%s_$command\n"
            "}\n\n",
            program);
}

void print_zsh(FILE *stream, enum personality personality)
{
    const char *program = personality_name(personality);
    bool has_commands = personality == PERSONALITY_TASUKI;
    fprintf(stream, "_%s%s() {\n  _arguments -S -A '-*' : \\\n", program,
            has_commands ? "_run" : "");
    print_options(stream, program, NULL);
    fprintf(stream, "    '(-)1: : _command_names -e' \\\n    '*:: : _normal'\n}\n\n");
    if (has_commands) {
        for (int i = 0; i < COMMANDS; i++) {
            print_command(stream, program, &command_rows[i]);
        }
        print_choice_of_command(stream, program);
    }
}
