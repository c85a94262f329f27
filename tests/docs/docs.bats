#!/usr/bin/env bats
# The documents say what the program says: options, defaults, variables, signals, exit statuses,
# functions and files.

load helper

# Options of other programs that the documents' examples show.
FOREIGN='--bind --build --cflags --check-config --dry-run --fd --from --init --install --libs --max-workers --no-block --now --prefix --preset --rules
--signal --title --workers'

names_of_options() {
  help_options "$TASUKI" | cut -f1
}

# --- options --------------------------------------------------------------------------------------

@test "the two names have the same options" {
  same "start_server --help" "$(names_of_options)" "$(help_options "$START_SERVER" | cut -f1)"
}

@test "tasuki(1) has each option of --help with its argument, in that order, and no other" {
  [ "$(names_of_options | wc -l)" -gt 15 ]
  same "tasuki(1)" "$(names_of_options)" "$(manual_options | cut -f1)"
}

@test "the README's options have the argument, the default and the sentence of --help" {
  rows=$(readme_rows options)
  mapfile -t options < <(cell 1 <<<"$rows" | tr -d '`' | sed -E 's/\[?=.*//')
  [ "${#options[@]}" -ge 12 ]
  # Write what the program says with tests/docs/refresh.
  same README "$(option_rows "${options[@]}")" "$rows"
}

# keys_of_table: each key of a configuration file as "[SECTION] KEY", from the option table itself,
# and the one that is no option.
keys_of_table() {
  {
    echo '[service] command'
    printf '%s\n' '#define OPTION(id, name, section, ...) KEY section name' '#include "option_table.h"' |
      cc -E -P -I "$ROOT/src/config" -include stddef.h - | sed -n 's/.*KEY "\([a-z]*\)" "\([a-z-]*\)".*/[\1] \2/p'
  } | sort
}

@test "tasuki.ini(5) has each key of the option table in its section, and no other" {
  expected=$(keys_of_table)
  [ "$(wc -l <<<"$expected")" -gt 25 ]
  same "tasuki.ini(5)" "$expected" "$(manual_section tasuki.ini.5 SECTIONS | awk '
    /^   \[/ { section = $0; sub(/^ +/, "", section); next }
    section !~ / / && /^     [a-z-]+$/ { print section " " $1 }' | sort)"
}

@test "the sections of tasuki.ini(5) are those that the program expects" {
  printf '[nowhere]\n' >"$BATS_TEST_TMPDIR/file.ini"
  run "$TASUKI" check --config "$BATS_TEST_TMPDIR/file.ini"
  [ "$status" -eq 2 ]
  same "tasuki.ini(5)" "$(grep -oE 'expected \[.*' <<<"$output" | grep -oE '\[[^]]+\]' | sort)" \
    "$(manual_subsections tasuki.ini.5 SECTIONS | sort)"
}

# default_of PROGRAM OPTION
default_of() {
  help_options "$1" | awk -F'\t' -v option="$2" '$1 == option { print $2 }'
}

@test "tasuki(1) has each default, of both names" {
  for option in $(names_of_options); do
    ours=$(default_of "$TASUKI" "$option")
    theirs=$(default_of "$START_SERVER" "$option")
    expected=${ours:+Default: $ours.}
    if [ "$ours" != "$theirs" ]; then
      expected="${expected:+$expected }As start_server: $theirs."
    fi
    text=$(manual_options | awk -F'\t' -v option="$option" '$1 == option { print $2 }')
    stated=$(grep -oE 'Default: [^.]*\.( As start_server: [^.]*\.)?|As start_server: [^.]*\.' <<<"$text" ||
      true)
    same "tasuki(1), $option" "$expected" "$stated"
  done
}

# defaults: for each option a line with OPTION, the default of tasuki, that of start_server.
defaults() {
  paste <(help_options "$TASUKI" | cut -f1,2) <(help_options "$START_SERVER" | cut -f2)
}

@test "start_server(1) has the defaults that differ, and no other" {
  expected=$(defaults | awk -F'\t' '$2 != $3 { sub(/=.*/, "", $1); print $1, $3, ($2 == "" ? "none" : $2) }')
  stated=$(manual_section start_server.1 DESCRIPTION | awk '$1 ~ /^--/ && NF == 3 { print $1, $2, $3 }')
  [ -n "$expected" ]
  same "start_server(1)" "$expected" "$stated"
}

@test "no document names an option that the program does not have" {
  known=$({
    names_of_options
    for command in $(commands_of_help); do
      command_options "$command"
    done
  } | sed -E 's/\[?=.*//' | sort -u)
  for document in "$ROOT"/{README,CHANGELOG,src/README}.md "$ROOT"/packaging/*/README.md "$MANUALS"/*; do
    text=$(cat "$document")
    case $document in
      *.[1-9]) text=$(manual "$(basename "$document")") ;;
    esac
    unknown=$(grep -oE '(^|[^a-z-])--[a-z][a-z-]+' <<<"$text" | grep -oE -- '--[a-z-]+' | sort -u |
      grep -vxF -e "$known" | grep -vxF -e "$(tr ' ' '\n' <<<"$FOREIGN")" || true)
    same "$document" "" "$unknown"
  done
}

# --- socket options ---------------------------------------------------------------------------------

# socket_options: for each a line of --help, the option as it is written and what it applies to.
socket_options() {
  help_section "$TASUKI" 'Socket options' | awk '
    /^  [a-z]/ { option = $1; next }
    option != "" { sub(/^ +/, ""); text = $0; sub(/:.*/, "", text); sub(/:[^:]*$/, "", $0)
                   print option "\t" ($0 ~ /^\[IPV6\]/ ? "[IPV6]:PORT" : text); option = "" }'
}

@test "tasuki(1) has each socket option of --help and what it applies to, in that order, and no other" {
  stated=$(manual_section tasuki.1 'SOCKET OPTIONS' | awk '
    /^     [a-z0-9-]+\[?=/ { option = $1 }
    option != "" { text = text " " $0 }
    option != "" && match(text, /For [^.]*\.$/) {
      print option "\t" substr(text, RSTART + 4, RLENGTH - 5); option = ""; text = "" }')
  same "tasuki(1)" "$(socket_options)" "$stated"
}

# --- commands ---------------------------------------------------------------------------------------

# Those that speak to a supervisor, which have a help of their own.
commands_of_help() {
  help_section "$TASUKI" Commands | awk '$1 != "check" && $1 != "run" { print $1 }'
}

# command_options COMMAND, command_statuses COMMAND: what its --help has.
command_options() {
  command_help "$1" Options | awk '$1 ~ /^--/ { print $1 }'
}

command_statuses() {
  command_help "$1" 'Exit status' | awk '/^  ([0-9]+|N) / { print $1 }'
}

@test "tasuki(1) has each command of --help, and no other" {
  [ "$(commands_of_help | wc -l)" -ge 6 ]
  same "tasuki(1)" "$(commands_of_help; printf '%s\n' check run)" "$(manual_subsections tasuki.1 COMMANDS)"
}

@test "tasuki(1) has each command's options and exit statuses, and no other" {
  for command in $(commands_of_help); do
    text=$(manual_subsection tasuki.1 COMMANDS "$command")
    same "tasuki(1), $command" "$(command_options "$command" | sed 's/=.*//')" \
      "$(sed -n 's/^ *Options: //p' <<<"$text" | grep -oE -- '--[a-z]+')"
    same "tasuki(1), $command" "$(command_statuses "$command")" \
      "$(awk '/^ +[0-9]+  / { print $1 }' <<<"$text")"
  done
}

@test "the README names each command" {
  for command in $(commands_of_help; echo check; echo run); do
    grep -qE "tasuki $command\b" "$README"
  done
}

@test "tasuki(1) has the command options with their arguments" {
  expected=$(for command in $(commands_of_help); do command_options "$command"; done | sort -u)
  same "tasuki(1)" "$expected" \
    "$(manual_section tasuki.1 COMMANDS | awk '$1 ~ /^--/ { print $1 }' | sort -u)"
}

# events_of_manual: each event of tasuki-control(7) with its description, a tab between them.
events_of_manual() {
  manual_section tasuki-control.7 EVENTS | awk '
    /^     [a-z]/ { if (event != "") print event "\t" text
                    event = $1; text = ""; $1 = "" }
    event != "" { text = text " " $0; gsub(/ +/, " ", text) }
    END { print event "\t" text }'
}

@test "tasuki-control(7) has each event of the control socket, and no other" {
  expected=$("$TOOLS/report_table" | cut -f1 | sort)
  [ "$(wc -l <<<"$expected")" -gt 15 ]
  same "tasuki-control(7)" "$expected" "$(events_of_manual | cut -f1 | sort)"
}

@test "tasuki-control(7) names each field of each event" {
  while IFS=$'\t' read -r event fields; do
    text=$(events_of_manual | awk -F'\t' -v event="$event" '$1 == event { print $2 }')
    for field in ${fields//,/}; do
      grep -qwF "$field" <<<"$text" || {
        echo "# $event: no $field in: $text"
        return 1
      }
    done
  done < <("$TOOLS/report_table")
}

@test "the requests of tasuki-control(7) are those that the supervisor expects" {
  expected=$(grep -oE '"expected restart[^"]*"' "$ROOT/src/supervisor/console.c" |
    sed 's/"//g; s/^expected //; s/ or /, /; s/ NAME//' | tr -d ' ' | tr , '\n')
  [ -n "$expected" ]
  same "tasuki-control(7)" "$expected" "$(manual_section tasuki-control.7 REQUESTS |
    awk '/^     [a-z]+( NAME)?  / { print $1 } /^     [a-z]+$/ { print $1 }')"
}

# keys_of FILTER: the keys that the object has which jq finds in $reply, sorted.
keys_of() {
  jq -r "$1 | keys[]" <<<"$reply" | sort
}

# stated_keys [TAG]: the keys in tasuki-control(7), STATUS, below this tag; without one, the tags.
stated_keys() {
  manual_section tasuki-control.7 STATUS | awk -v tag="${1:-}" '
    /^     [a-z]/ { tags = $0; sub(/^ +/, "", tags); sub(/  .*/, "", tags)
                    if (tag == "") print tags; inside = tags == tag }
    inside' | sed -E "s/.*For each: |.*under way, or null: |.*newest first: //; s/\([^)]*\)//g; s/ and /, /g; s/\.\$//" |
    tr ',' '\n' | tr -d ' ' | grep . | sort
}

@test "tasuki-control(7) has each key of the status, and no other" {
  start "$TASUKI" --name docs --port "127.0.0.1:$(free_port)" --ready notify -- "$HELLO"
  wait_until log_has 'is ready'
  "$TASUKI" restart docs
  reply=$("$TASUKI" status --json docs)
  kill_started
  same "tasuki-control(7)" "$(keys_of .)" "$(stated_keys)"
  same "tasuki-control(7), generations" "$(keys_of '.generations[0]')" "$(stated_keys generations)"
  same "tasuki-control(7), listeners" "$(keys_of '.listeners[0]')" "$(stated_keys listeners)"
  same "tasuki-control(7), deploys" "$(keys_of '.deploys[0]')" "$(stated_keys deploys)"
}

# --- variables, signals, exit statuses --------------------------------------------------------------

# stated_variables PAGE: the variables that its ENVIRONMENT describes, a line each.
stated_variables() {
  sed -n '/^\.Sh ENVIRONMENT/,/^\.Sh SEE/p' "$MANUALS/$1" | grep '^\.It Ev ' | grep -oE '[A-Z][A-Z0-9_]+'
}

@test "the documents have each variable that --help names" {
  variables=$(help_options "$TASUKI" | cut -f3 | grep .)
  [ "$(wc -l <<<"$variables")" -eq 4 ]
  for variable in $variables; do
    stated_variables tasuki.1 | grep -qxF "$variable"
  done
}

@test "tasuki-servers(7) has each variable that a worker gets, and no other" {
  start "$TASUKI" --control=off --clear-environment --port "127.0.0.1:$(free_port),name=web" --watchdog 60 \
    --inherit server-starter,systemd,nginx,einhorn,unicorn,php-fpm --ready notify -- env
  wait_until log_has '^WATCHDOG_USEC='
  kill_started
  same "tasuki-servers(7)" "$(sed -nE 's/^([A-Z][A-Z0-9_]*)=.*/\1/p' "$BATS_TEST_TMPDIR/log" | grep -vx PATH | sort -u)" \
    "$(stated_variables tasuki-servers.7 | grep -v '^TASUKI_' | sort -u)"
}

@test "the documents have each variable of probes and events, and no other of tasuki's" {
  expected=$(grep -ohE '"TASUKI_[A-Z_]+"' "$ROOT"/src/*/{family,report,control_path}.c |
    tr -d '"' | sort -u)
  [ "$(wc -l <<<"$expected")" -ge 7 ]
  same "tasuki-servers(7), tasuki-control(7)" "$expected" \
    "$({ stated_variables tasuki-servers.7; stated_variables tasuki-control.7; } | grep TASUKI_ | sort -u)"
}

@test "tasuki(1) names the variable of each option that has one" {
  while IFS=$'\t' read -r option variable; do
    text=$(manual_options | awk -F'\t' -v option="$option" '$1 == option { print $2 }')
    same "tasuki(1), $option" "Variable: $variable." "$(grep -oE 'Variable: [A-Z_]+\.' <<<"$text")"
  done < <(help_options "$TASUKI" | cut -f1,3 | grep -P '\t.')
}

signals_of_help() {
  help_section "$TASUKI" Signals | grep -oE '^  [A-Z0-9, ]+  ' | tr -d ' ' | tr , '\n' | sort
}

@test "tasuki(1) has each signal of --help, and no other" {
  stated=$(manual_section tasuki.1 SIGNALS | grep -oE '^     [A-Z0-9]+(, [A-Z0-9]+)*  ' |
    tr -d ' ' | tr , '\n' | sort)
  [ -n "$stated" ]
  same "tasuki(1)" "$(signals_of_help)" "$stated"
}

statuses_of_help() {
  help_section "$TASUKI" 'Exit status' | awk '/^  ([0-9]+|N) / { print $1 }'
}

@test "tasuki(1) has each exit status of --help, and no other" {
  [ -n "$(statuses_of_help)" ]
  same "tasuki(1)" "$(statuses_of_help)" \
    "$(manual_section tasuki.1 'EXIT STATUS' | awk '/^     ([0-9]+|N) / { print $1 }')"
}

@test "the README has each exit status of tasuki restart and its meaning" {
  [ "$(status_rows | wc -l)" -ge 7 ]
  same README "$(status_rows)" "$(readme_rows 'exit statuses')"
}

# --- what else must not drift apart -----------------------------------------------------------------

@test "tasuki(3) has each function of tasuki.h, and no other" {
  expected=$(grep -oE '^int tasuki_[a-z_]+' "$ROOT/include/tasuki.h" | cut -d' ' -f2 | sort)
  [ -n "$expected" ]
  same "tasuki(3), NAME" "$expected" \
    "$(manual_section tasuki.3 NAME | grep -oE 'tasuki_[a-z_]+' | sort -u)"
  same "tasuki(3), SYNOPSIS" "$expected" \
    "$(manual_section tasuki.3 SYNOPSIS | grep -oE 'tasuki_[a-z_]+\(' | tr -d '(' | sort -u)"
}

@test "the pages that the hint about an address in use names are there" {
  mapfile -t pages < <(grep -ohE 'see tasuki[a-z-]*\([1-9]\)' "$ROOT"/src/supervisor/*.c | sed -E 's/see (.*)\((.)\)/\1.\2/')
  [ "${#pages[@]}" -eq 2 ]
  for page in "${pages[@]}"; do
    manual "$page" | grep -qi 'address already in use'
  done
}

@test "what the manuals refer to is there" {
  for page in "$MANUALS"/*; do
    sed -nE 's/^\.Xr (tasuki[a-z.-]*|start_server) ([1-9]).*/\1.\2/p' "$page" | sort -u | while read -r other; do
      [ -e "$MANUALS/$other" ] || { echo "$page: no $other"; return 1; }
    done
    sed -nE 's/^\.Sx ([^.,]*[^ .,]).*/\1/p' "$page" | sort -u | while read -r title; do
      grep -qE "^\.S[hs] $title\$" "$page" || { echo "$page: no section $title"; return 1; }
    done
  done
}

@test "the output of check in tasuki(1) is what the program prints" {
  text=$(sed -nE '/^\$ tasuki check/,/^\.Ed/p' "$MANUALS/tasuki.1" | sed '$d')
  expected=$(PATH=$BIN:$PATH && unset TASUKI_RUNTIME_DIR && eval "$(head -n 1 <<<"$text" | cut -c 3-)")
  same "tasuki(1)" "$(grep -v '^control ' <<<"$expected")" "$(tail -n +2 <<<"$text" | grep -v '^control ')"
}

@test "the map of the code has each file of src, and no file that is gone" {
  expected=$(cd "$ROOT/src" && printf '%s\n' */*.c */*.h | sed 's/.*\///; s/\.[ch]$//' | sort -u)
  stated=$(awk -F'|' '/^\| `[a-z0-9_]+` \|/ { gsub(/[ `]/, "", $2); print $2 }' "$ROOT/src/README.md" |
    sort -u)
  same src/README.md "$expected" "$stated"
}

@test "the map of the code has each file of cmd/tasuki, and no file that is gone" {
  expected=$(cd "$ROOT/cmd/tasuki" && printf '%s\n' *.c | sort)
  stated=$(sed -n '/cmd.tasuki. is the program/,/^## /p' "$ROOT/src/README.md" | grep '^|' | cut -d'|' -f2 |
    grep -oE '[a-z_]+\.c' | sort)
  same src/README.md "$expected" "$stated"
}

# needs FILE...: "A B" for each of these whose NAME is A and that includes B.h.
needs() {
  local file name
  for file in "$@"; do
    name=$(basename "${file%.*}")
    sed -nE 's/^#include "(.*)\.h"$/\1/p' "$file" | grep -vxF "$name" | sed "s/^/$name /" || true
  done
}

@test "no two files of the code need each other" {
  [ "$(needs "$ROOT"/src/*/*.[ch] | wc -l)" -gt 300 ]
  needs "$ROOT"/src/*/*.[ch] | tsort >/dev/null # names those of a circle
  for folder in "$ROOT"/cmd/*/; do
    needs "$folder"*.[ch] | tsort >/dev/null
  done
}

# documents: every page of Markdown.
documents() {
  (cd "$ROOT" && find . -name '*.md' -not -path './build/*' -not -path './.*/*' | sed 's/^\.\///')
}

# anchors FILE: the anchors of its headings, as GitHub makes them.
anchors() {
  grep -E '^#+ ' "$1" | sed -E 's/^#+ //; s/[^A-Za-z0-9 _-]//g; s/ /-/g' | tr '[:upper:]' '[:lower:]'
}

@test "the links between the documents lead somewhere" {
  cd "$ROOT"
  for document in $(documents); do
    # shellcheck disable=SC2016 # code is no link
    for link in $(sed -E 's/`[^`]*`//g' "$document" | grep -oE '\]\([^):]+\)' | tr -d '])(' | sort -u); do
      file=$(dirname "$document")/${link%%#*}
      [ -n "${link%%#*}" ] || file=$document
      [ -e "$file" ] || { echo "$document: nothing at $link"; return 1; }
      [ "$link" = "${link%%#*}" ] || anchors "$file" | grep -qxF "${link#*#}" || { echo "$document: no heading for $link"; return 1; }
      links=$((${links:-0} + 1))
    done
  done
  [ "$links" -gt 30 ]
}

@test "the README has at most 250 lines, and the two commands of a fresh machine" {
  [ "$(wc -l <"$README")" -le 250 ]
  for command in packaging/demo tests/run; do
    grep -qF "\`$command\`" "$README"
    [ -x "$ROOT/$command" ]
  done
}

@test "the README's table of servers says the signal that the example gives" {
  rows=$(awk '/^## Your server/ { inside = 1 } /^## When/ { inside = 0 } inside' "$README" | grep -E '^\| [a-zA-Z]')
  [ "$(wc -l <<<"$rows")" -ge 14 ]
  while IFS= read -r row; do
    name=$(cell 1 <<<"$row" | tr '[:upper:]' '[:lower:]' | sed -E 's/,.*| httpd//')
    [ "$name" != server ] || continue
    signal=$(cell 2 <<<"$row" | grep -oE '[A-Z]+[0-9]*')
    given=$(grep -oE -- '--signal-on-hup [A-Z]+[0-9]*' "$ROOT/packaging/examples/$name/run" | cut -d' ' -f2 || true)
    same "README, $name" "${given:-TERM}" "$signal"
    same "tasuki-servers(7), $name" "$signal" "$(sed -nE "s/^\.It ($name) Ta ([A-Z0-9]+) Ta.*/\2/pI" "$MANUALS/tasuki-servers.7")"
  done <<<"$rows"
}

@test "each part of the results names the program that writes it" {
  for page in "$ROOT"/tests/*/RESULTS.md; do
    mapfile -t programs < <(sed -nE 's/^<!-- (tests.*) -->$/\1/p' "$page")
    for program in "${programs[@]}"; do
      grep -q -- --write "$ROOT/$program"
      grep -qF write_results "$ROOT/$program"
      grep -qxF "<!-- /$program -->" "$page"
      count=$((${count:-0} + 1))
    done
  done
  [ "$count" -eq 5 ]
}

@test "a program's results take the place of the ones before, and nothing else changes" {
  load ../results
  cd "$BATS_TEST_TMPDIR"
  printf '%s\n' one '<!-- a -->' old older '<!-- /a -->' two '<!-- b -->' kept '<!-- /b -->' >page
  printf '%s\n' new | write_results page a
  same page "$(printf '%s\n' one '<!-- a -->' new '<!-- /a -->' two '<!-- b -->' kept '<!-- /b -->')" "$(cat page)"
  run write_results page c </dev/null
  [ "$status" -ne 0 ]
}
