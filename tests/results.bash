# write_results FILE MARK: puts standard input into FILE, between <!-- MARK --> and <!-- /MARK -->. The
# programs that measure keep their results so.
# shellcheck shell=bash
write_results() {
  local text page
  text=$(mktemp) page=$(mktemp)
  cat >"$text"
  if ! grep -qxF "<!-- $2 -->" "$1" || ! grep -qxF "<!-- /$2 -->" "$1"; then
    echo "$1 has no <!-- $2 -->" >&2
    rm "$text" "$page"
    return 1
  fi
  awk -v mark="$2" -v text="$text" '
    $0 == "<!-- /" mark " -->" { inside = 0 }
    !inside
    $0 == "<!-- " mark " -->" { while ((getline line < text) > 0) print line; inside = 1 }' "$1" >"$page"
  cat "$page" >"$1"
  rm "$text" "$page"
}
