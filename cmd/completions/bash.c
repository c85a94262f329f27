#include "completions.h"

static void print_options(FILE *stream, const struct command *command)
{
    const struct option_table table = options_of(command);
    fprintf(stream, "    %s) printf '%%s\\n'", command != NULL ? command->name : "run | check");
    for (const struct option *option = option_next(&table, NULL); option != NULL;
         option = option_next(&table, option)) {
        fprintf(stream, " '--%s%s'", option->name, by_value(option, "", "[=]", "="));
    }
    fprintf(stream, " ;;\n");
}

static void print_values(FILE *stream)
{
    static const char *const sources[] = {
        [VALUE_FREE] = "",     [VALUE_FILE] = "file",   [VALUE_DIRECTORY] = "directory",
        [VALUE_USER] = "user", [VALUE_GROUP] = "group", [VALUE_SHELL] = "shell"};
    for (int i = 0; i < OPTION_COUNT; i++) {
        const struct option *option = &options_table.rows[i];
        struct value value;
        value_of(option, &value);
        if (value.source != VALUE_FREE || value.words[0] != '\0') {
            fprintf(stream, "    --%s) words='%s' kind=%s source=%s ;;\n", option->name,
                    value.words, value.is_list ? "list" : "one", sources[value.source]);
        }
    }
}

void print_bash(FILE *stream, enum personality personality)
{
    const char *program = personality_name(personality);
    bool has_commands = personality == PERSONALITY_TASUKI;
    fprintf(stream, "__%s_options() {\n  case $1 in\n", program);
    print_options(stream, NULL);
    for (int i = 0; has_commands && i < COMMANDS; i++) {
        print_options(stream, &command_rows[i]);
    }
    fprintf(stream, "  esac\n}\n\n__%s_value() {\n  words='' kind=one source=''\n  case $1 in\n",
            program);
    print_values(stream);
    fprintf(stream, "  esac\n}\n\n__%s_commands='", program);
    for (int i = 0; has_commands && i < COMMANDS; i++) {
        fprintf(stream, "%s ", command_rows[i].name);
    }
    fprintf(stream, "%s'\n__%s_signals='%s'\n__%s_repeatable='", has_commands ? "run check" : "",
            program, signal_words, program);
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (options_table.rows[i].is_repeatable) {
            fprintf(stream, "--%s ", options_table.rows[i].name);
        }
    }
    fprintf(stream, "'\n");
}
