#!/usr/bin/env bats
# What cmake --install puts in place, and that it is enough to build and run a server.

load ../helpers

setup_file() {
  export PREFIX=$BATS_FILE_TMPDIR/usr
  cmake --install "$ROOT/build/release" --prefix "$PREFIX" >/dev/null
}

@test "the program is installed, and start_server is a link to it" {
  [ -x "$PREFIX/bin/tasuki" ]
  [ "$(readlink "$PREFIX/bin/start_server")" = tasuki ]
  "$PREFIX/bin/start_server" --version
}

@test "DESTDIR is respected, the link included" {
  DESTDIR=$BATS_TEST_TMPDIR/root cmake --install "$ROOT/build/release" --prefix /usr
  [ -x "$BATS_TEST_TMPDIR/root/usr/bin/tasuki" ]
  [ "$(readlink "$BATS_TEST_TMPDIR/root/usr/bin/start_server")" = tasuki ]
}

@test "the manual pages are installed" {
  for page in "$ROOT"/packaging/man/*; do
    cmp "$page" "$PREFIX/share/man/man${page##*.}/$(basename "$page")"
  done
}

@test "the systemd template is installed, and what is to know of it and of containers" {
  [ -s "$PREFIX/lib/systemd/system/tasuki@.service" ]
  cmp "$ROOT/packaging/systemd/README.md" "$PREFIX/share/doc/tasuki/systemd.md"
  cmp "$ROOT/packaging/container/README.md" "$PREFIX/share/doc/tasuki/container.md"
}

@test "the examples are installed, and completions for three shells" {
  diff -r "$ROOT/packaging/examples" "$PREFIX/share/doc/tasuki/examples"
  [ -x "$PREFIX/share/doc/tasuki/examples/nginx/run" ]
  for name in tasuki start_server; do
    [ -s "$PREFIX/share/bash-completion/completions/$name" ]
    [ -s "$PREFIX/share/zsh/site-functions/_$name" ]
    [ -s "$PREFIX/share/fish/vendor_completions.d/$name.fish" ]
  done
}

@test "a server builds with pkg-config against the installed library, and runs" {
  cat >"$BATS_TEST_TMPDIR/server.c" <<'C'
#include <stdio.h>
#include <tasuki.h>
#include <unistd.h>

int main(void)
{
    printf("generation %d\n", tasuki_generation());
    fflush(stdout);
    pause();
    return 0;
}
C
  pc=$(dirname "$(find "$PREFIX" -name tasuki.pc)")
  flags=$(PKG_CONFIG_PATH=$pc pkg-config --cflags --libs --define-prefix tasuki)
  # shellcheck disable=SC2086 # flags are words
  cc -Wall -Werror -o "$BATS_TEST_TMPDIR/server" "$BATS_TEST_TMPDIR/server.c" $flags
  start "$PREFIX/bin/tasuki" -- "$BATS_TEST_TMPDIR/server"
  wait_until log_has '^generation 1$'
}

@test "the release program is hardened" {
  readelf -W -l -d "$PREFIX/bin/tasuki" >"$BATS_TEST_TMPDIR/elf"
  grep -q 'GNU_RELRO' "$BATS_TEST_TMPDIR/elf"
  grep -q 'BIND_NOW' "$BATS_TEST_TMPDIR/elf"
  grep -qE 'GNU_STACK .* RW ' "$BATS_TEST_TMPDIR/elf"
  grep -q 'PIE' "$BATS_TEST_TMPDIR/elf"
}
