# What the documents say, in a form that can be compared with what the program says.

load ../helpers
load program

README=$ROOT/README.md
MANUALS=$ROOT/packaging/man

# block KIND NAME: the fenced block of the README that follows the comment <!-- KIND: NAME -->.
block() {
  awk -v marker="<!-- $1: $2 -->" '
    $0 == marker { found = 1; next }
    found && /^```/ { if (inside) exit; inside = 1; next }
    found && inside' "$README"
}

# readme_rows MARK: the rows of the table of the README that follows <!-- MARK -->, without its head.
readme_rows() {
  awk -v mark="<!-- $1 -->" '
    $0 == mark { inside = 1; next }
    inside && /^\|/ && ++lines > 2
    inside && lines > 0 && !/^\|/ { exit }' "$README"
}

# cell N: that cell of each row that is read, without its blanks; \| is a bar in a cell.
cell() {
  awk -v n="$1" '{
    gsub(/\\\|/, "\001")
    split($0, cells, "|")
    text = cells[n + 1]
    gsub(/^ +| +$/, "", text)
    gsub(/\001/, "|", text)
    print text
  }'
}

# manual PAGE: its text, on lines as long as mandoc makes them.
manual() {
  mandoc -Tascii -Owidth=900 "$MANUALS/$1" | sed 's/.\x08//g'
}

# manual_section PAGE TITLE
manual_section() {
  manual "$1" | awk -v title="$2" '
    /^[^ ]/ { inside = ($0 == title); next }
    inside'
}

# manual_subsections PAGE TITLE: the titles of that section's subsections.
manual_subsections() {
  manual_section "$1" "$2" | sed -nE 's/^   ([^ ].*)$/\1/p'
}

# manual_subsection PAGE TITLE SUBTITLE
manual_subsection() {
  manual_section "$1" "$2" | awk -v title="   $3" '
    /^   [^ ]/ { inside = ($0 == title); next }
    inside'
}

# manual_options: a line for each option of tasuki(1): the option, a tab, and its text.
manual_options() {
  manual_section tasuki.1 OPTIONS | awk '
    /^     --/ { if (option != "") print option "\t" text
                 option = $1; text = ""; $1 = "" }
    option != "" { text = text " " $0; gsub(/ +/, " ", text) }
    END { print option "\t" text }'
}

# same WHAT EXPECTED ACTUAL: fails and shows the difference.
same() {
  diff <(printf '%s\n' "$2") <(printf '%s\n' "$3") && return 0
  echo "$1: < is what the program says, > what the document says"
  return 1
}
