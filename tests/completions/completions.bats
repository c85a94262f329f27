#!/usr/bin/env bats
# The completions of bash, zsh and fish, as cmake --install puts them in place, in the real shells.

load ../helpers

setup_file() {
  export PREFIX=$BATS_FILE_TMPDIR/usr
  cmake --install "$ROOT/build/release" --prefix "$PREFIX" >/dev/null
}

setup() {
  export PATH=$BIN:$PATH
  SHARE=$PREFIX/share
}

# completed SHELL LINE: the words that the last word of LINE may become, sorted, a line each.
completed() {
  local line=$2 program=${2%% *} words
  case $1 in
    bash) words=$("$ROOT/tests/completions/press_tab" bash "$SHARE/bash-completion/completions/$program" "$line") ;;
    zsh) words=$("$ROOT/tests/completions/press_tab" zsh "$SHARE/zsh/site-functions" "$line") ;;
    fish)
      HOME=$BATS_TEST_TMPDIR fish -c "source $SHARE/fish/vendor_completions.d/$program.fish; complete -C '$line'" |
        cut -f1 | sed -E 's/^(--[a-z-]+)=$/\1/; s/^--[a-z-]+=//; s/^[^ ]*,//' | sort -u
      return
      ;;
  esac
  words=${words#"${line% *}" }
  # What stood there already: an option and its =, or the list before its last comma.
  tr ' ' '\n' <<<"$words" | sed -E 's/^--[a-z-]+=(.)/\1/; s/,$//; s/^[^ ]*,//; s/=$//' | grep . | sort
}

# all_complete LINE WORD...: in each shell these, and no others.
all_complete() {
  local line=$1 shell
  shift
  for shell in bash zsh fish; do
    diff <(printf '%s\n' "$@" | sort) <(completed "$shell" "$line") || {
      echo "$shell, '$line': < is expected, > is what it completes"
      return 1
    }
  done
}

# one_completes SHELL LINE WORD: this one among others.
one_completes() {
  completed "$1" "$2" | grep -qxF -- "$3"
}

options_of_help() {
  "$@" --help | sed -nE 's/^  (--[a-z-]+).*/\1/p'
}

@test "every option of a start is completed" {
  mapfile -t options < <(options_of_help "$TASUKI")
  [ "${#options[@]}" -gt 50 ]
  all_complete 'tasuki --' "${options[@]}"
}

@test "start_server has the same options, and no commands" {
  mapfile -t options < <(options_of_help "$START_SERVER")
  all_complete 'start_server --' "${options[@]}"
  for shell in bash zsh fish; do
    [ "$(completed "$shell" 'start_server resta' | grep -cx restart)" -eq 0 ]
  done
}

@test "the commands are completed, and the options of each" {
  mapfile -t commands < <("$TASUKI" --help | sed -n '/^Commands:/,$p' | awk 'NR > 1 { print $1 }')
  [ "${#commands[@]}" -eq 7 ]
  all_complete 'tasuki ' "${commands[@]}" run
  for command in "${commands[@]}"; do
    if [ "$command" != check ]; then
      mapfile -t options < <(options_of_help "$TASUKI" "$command")
      all_complete "tasuki $command --" "${options[@]}"
    fi
  done
}

@test "values that are words are completed, behind = and as the next word" {
  all_complete 'tasuki --ready=' auto delay notify listen fd: exec:
  all_complete 'tasuki check --log-level ' error warning info debug
  all_complete 'tasuki --kill-mode=' process group
  all_complete 'tasuki --adopt=' on off auto
  all_complete 'tasuki --signal-on-hup=USR' USR1 USR2
}

@test "a list is completed word by word" {
  all_complete 'tasuki --inherit=systemd,n' nginx none
  all_complete 'tasuki --forward=USR1,WIN' WINCH
}

@test "the program takes every word that is offered for a value" {
  port=$(free_port)
  for option in ready inherit syslog log-level log-format capture adopt kill-mode signal-on-hup \
    parent-death-signal backoff; do
    words=$(completed fish "tasuki --$option=")
    [ -n "$words" ]
    for word in $words; do
      case $word in
        fd:) word=fd:5 ;;
        exec:) word=exec:true ;;
      esac
      # Whether it goes with the other options is another question.
      run "$TASUKI" check --port "127.0.0.1:$port" "--$option=$word" -- sleep 1
      if [[ $output == *"--$option: expected"* ]]; then
        echo "$output"
        return 1
      fi
    done
  done
}

@test "files, directories and users are completed where they are meant" {
  mkdir -p "$BATS_TEST_TMPDIR/place/inside"
  touch "$BATS_TEST_TMPDIR/place/file"
  cd "$BATS_TEST_TMPDIR/place"
  for shell in bash zsh fish; do
    [ "$(completed "$shell" 'tasuki --config fi')" = file ]
    [ "$(completed "$shell" 'tasuki restart --config=fi')" = file ]
    [[ $(completed "$shell" 'tasuki --dir ') =~ ^inside/?$ ]]
    one_completes "$shell" 'tasuki --user=daem' daemon
  done
}

@test "the names of running supervisors are completed" {
  for name in one-app one-more other; do
    start_logged "$BATS_TEST_TMPDIR/$name" "$TASUKI" --name "$name" -- sleep 600
    wait_until test -S "$TASUKI_RUNTIME_DIR/$name.sock"
  done
  all_complete 'tasuki restart on' one-app one-more
  all_complete 'tasuki status --json ot' other
  all_complete 'tasuki signal HUP ' one-app one-more other
  all_complete 'tasuki signal WIN' WINCH
}

@test "the service's command is completed as if it stood alone" {
  mkdir "$BATS_TEST_TMPDIR/bin"
  install -m 755 /bin/true "$BATS_TEST_TMPDIR/bin/an-unlikely-server"
  export PATH=$PATH:$BATS_TEST_TMPDIR/bin
  all_complete 'tasuki --port 8080 -- an-unlik' an-unlikely-server
  all_complete 'tasuki run --port=8080 an-unlik' an-unlikely-server
  all_complete 'start_server an-unlik' an-unlikely-server
  # Its options are its own, from bash-completion where that is installed.
  export BASH_COMPLETION=/usr/share/bash-completion/bash_completion
  for shell in bash zsh fish; do
    one_completes "$shell" 'tasuki --port 8080 -- ls --no-gr' --no-group
  done
}

@test "an option that stands there is not offered again, but one that may be repeated is" {
  for shell in bash zsh; do
    [ "$(completed "$shell" 'tasuki --port=1 --por')" = --port ]
    ! one_completes "$shell" 'tasuki --name=x --na' --name || return 1
  done
}

@test "the scripts are clean" {
  for name in tasuki start_server; do
    shellcheck --shell=bash --severity=style "$SHARE/bash-completion/completions/$name"
    zsh -n "$SHARE/zsh/site-functions/_$name"
    fish --no-execute "$SHARE/fish/vendor_completions.d/$name.fish"
  done
}
