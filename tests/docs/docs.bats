#!/usr/bin/env bats
# The documents say what the program says: options, defaults, variables, signals, exit statuses,
# functions and files.

load helper

# Options of other programs that the documents' examples show.
FOREIGN='--bind --build --cflags --install --libs --max-workers --prefix --preset --signal --workers'

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

@test "the README has each option of --help with its argument, in that order, and no other" {
  same README "$(names_of_options)" "$(readme_table Options | cell 1 | tr -d '`')"
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
      expected="$expected As start_server: $theirs."
    fi
    text=$(manual_options | awk -F'\t' -v option="$option" '$1 == option { print $2 }')
    stated=$(grep -oE 'Default: [^.]*\.( As start_server: [^.]*\.)?' <<<"$text" || true)
    same "tasuki(1), $option" "$expected" "$stated"
  done
}

# defaults: for each option a line with OPTION, the default of tasuki, that of start_server.
defaults() {
  paste <(help_options "$TASUKI" | cut -f1,2) <(help_options "$START_SERVER" | cut -f2)
}

@test "the README has each default, of both names" {
  expected=$(defaults | awk -F'\t' '{
    text = $2 == "" ? "" : "`" $2 "`"
    if ($2 != $3) text = text "; `start_server`: `" $3 "`"
    print $1 ": " text
  }')
  rows=$(readme_table Options)
  stated=$(paste -d: <(cell 1 <<<"$rows" | tr -d '`') <(cell 2 <<<"$rows" | sed 's/^/ /'))
  same README "$expected" "$stated"
}

@test "start_server(1) has the defaults that differ, and no other" {
  expected=$(defaults | awk -F'\t' '$2 != $3 { sub(/=.*/, "", $1); print $1, $3, $2 }')
  stated=$(manual_section start_server.1 DESCRIPTION | awk '$1 ~ /^--/ && NF == 3 { print $1, $2, $3 }')
  [ -n "$expected" ]
  same "start_server(1)" "$expected" "$stated"
}

@test "no document names an option that the program does not have" {
  known=$(names_of_options | sed -E 's/\[?=.*//')
  for document in "$README" "$ROOT/CHANGELOG.md" "$ROOT/src/README.md" "$MANUALS"/*; do
    text=$(cat "$document")
    case $document in
      *.[13]) text=$(manual "$(basename "$document")") ;;
    esac
    unknown=$(grep -oE '(^|[^a-z-])--[a-z][a-z-]+' <<<"$text" | grep -oE -- '--[a-z-]+' | sort -u |
      grep -vxF -e "$known" | grep -vxF -e "${FOREIGN// /$'\n'}" || true)
    same "$document" "" "$unknown"
  done
}

# --- variables, signals, exit statuses --------------------------------------------------------------

@test "the documents have each variable that --help names" {
  variables=$(help_options "$TASUKI" | cut -f3 | grep .)
  [ "$(wc -l <<<"$variables")" -eq 4 ]
  for variable in $variables SERVER_STARTER_PORT SERVER_STARTER_GENERATION; do
    manual_section tasuki.1 ENVIRONMENT | grep -qE "^     $variable( |\$)"
    readme_table Variables | cell 1 | grep -qxF "\`$variable\`"
  done
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

@test "the README has each signal of --help, and no other" {
  same README "$(signals_of_help)" \
    "$(readme_table Signals | cell 1 | tr -d '` ' | tr , '\n' | sort)"
}

statuses_of_help() {
  help_section "$TASUKI" 'Exit status' | awk '/^  [0-9]/ { print $1 }'
}

@test "tasuki(1) has each exit status of --help, and no other" {
  [ -n "$(statuses_of_help)" ]
  same "tasuki(1)" "$(statuses_of_help)" \
    "$(manual_section tasuki.1 'EXIT STATUS' | awk '/^     [0-9]/ { print $1 }')"
}

@test "the README has each exit status of --help, and no other" {
  same README "$(statuses_of_help)" "$(readme_table 'Exit status' | cell 1)"
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

@test "the section that the hint about an address in use names is there" {
  grep -q 'see SERVERS in tasuki(1)' "$ROOT/src/supervisor.c"
  manual_section tasuki.1 SERVERS | grep -qi 'address already in use'
}

@test "the map of the code has each file of src, and no file that is gone" {
  expected=$(cd "$ROOT/src" && printf '%s\n' *.c *.h | sed 's/\.[ch]$//' | sort -u)
  stated=$(awk -F'|' '/^\| `[a-z_]+` \|/ { gsub(/[ `]/, "", $2); print $2 }' "$ROOT/src/README.md" |
    sort -u)
  same src/README.md "$expected" "$stated"
}

@test "the links between the documents lead somewhere" {
  for document in "$README" "$ROOT/src/README.md"; do
    links=$(grep -oE '\]\([^):#]+\)' "$document" | tr -d '])(' | sort -u)
    [ -n "$links" ]
    for link in $links; do
      if [ ! -e "$(dirname "$document")/$link" ]; then
        echo "$document: nothing at $link"
        return 1
      fi
    done
  done
}
