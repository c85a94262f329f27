# What the program says, in the form in which README.md says it: tests/docs/refresh writes it there, and
# the tests compare. They expect BIN, the directory of the programs.

# help_section PROGRAM TITLE: the lines under "TITLE:".
help_section() {
  "$1" --help | section_of_help "$2"
}

# command_help COMMAND TITLE: the lines under "TITLE:" in the help of a client command.
command_help() {
  "$BIN/tasuki" "$1" --help | section_of_help "$2"
}

section_of_help() {
  awk -v title="$1:" '
    /^[^ ]/ { inside = ($0 == title); next }
    inside && NF'
}

# help_options PROGRAM: a line for each option: the option, its default, its variable and its sentence,
# with tabs between them.
help_options() {
  help_section "$1" Options | awk '
    function value_of(name) {
      if (!match(text, " \\(" name ": [^)]*\\)")) return ""
      value = substr(text, RSTART + length(name) + 4, RLENGTH - length(name) - 5)
      text = substr(text, 1, RSTART - 1) substr(text, RSTART + RLENGTH)
      return value
    }
    function finish() {
      if (option == "") return
      default_value = value_of("default")
      variable = value_of("variable")
      sub(/^ +/, "", text)
      print option "\t" default_value "\t" variable "\t" text
    }
    /^  --/ { finish(); option = $1; text = ""; next }
    { sub(/^ +/, ""); text = text " " $0 }
    END { finish() }'
}

# option_rows OPTION...: their rows of the README.
option_rows() {
  local option
  for option in "$@"; do
    help_options "$BIN/tasuki" | awk -F'\t' -v name="$option" '
      { given = $1; sub(/\[?=.*/, "", given) }
      given == name {
        gsub(/\|/, "\\|")
        print "| `" $1 "` | " ($2 == "" ? "" : "`" $2 "` ") "| " $4 " |"
      }'
  done
}

# status_rows: the exit statuses of `tasuki restart`, as rows.
status_rows() {
  command_help restart 'Exit status' | sed -E 's/^  ([0-9]+) +(.*)/| \1 | \2 |/'
}

# capture DIRECTORY PORT: runs each line of standard input that begins with "$ " there, with PORT for 8080,
# and prints the lines and what they printed. The supervisor that they start is stopped again.
capture() {
  local line lines
  mapfile -t lines < <(grep '^\$ ')
  (
    set +e # a command that fails is a part of it
    cd "$1" || exit
    trap 'tasuki stop app >/dev/null' EXIT
    export PATH=$BIN:$PATH TASUKI_RUNTIME_DIR=$1
    for line in "${lines[@]//8080/$2}"; do
      printf '%s\n' "$line"
      eval "${line:2}" </dev/null 2>&1 3>&-
      [ "${line%&}" = "$line" ] || until grep -q 'is ready' app.log; do sleep 0.05; done
    done
  ) | sed "s/$2/8080/g"
}
