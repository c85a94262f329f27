#!/usr/bin/env bats
# The Debian packages, built with the ordinary tools, in a clean root: installed, used, upgraded under
# a running service, and removed.

# One root for all: what a test installs, its teardown purges.
export BATS_NO_PARALLELIZE_WITHIN_FILE=true

load ../helpers

setup_file() {
  [ "$(id -u)" -eq 0 ] || skip "a root directory of its own takes root"
  export DEBS=$BATS_FILE_TMPDIR/debs CLEAN=$BATS_FILE_TMPDIR/root
  "$ROOT/packaging/build-deb" "$DEBS" >"$BATS_FILE_TMPDIR/build.log" 2>&1 || {
    tail -n 50 "$BATS_FILE_TMPDIR/build.log"
    return 1
  }
  make_next_version
  mkdir "$CLEAN"
  # libserver-starter-perl brings the program whose name start_server takes.
  tar -x -C "$CLEAN" -f "$("$ROOT/tests/debian-root" package libev4 libinih1 libjansson4 \
    libserver-starter-perl)"
  install "$ROOT/build/release/bin/hello-server" "$CLEAN/usr/local/bin"
}

# The same packages under a later version: what an upgrade does depends on nothing else.
make_next_version() {
  local package tree=$BATS_FILE_TMPDIR/next
  mkdir "$DEBS/next"
  for package in "$DEBS"/{tasuki,tasuki-start-server,libtasuki-dev}_*.deb; do
    dpkg-deb --raw-extract "$package" "$tree"
    sed -i -E 's/^(Version: .*)/\1+next/' "$tree/DEBIAN/control"
    dpkg-deb --root-owner-group --build "$tree" "$DEBS/next" >/dev/null
    rm -r "$tree"
  done
}

setup() {
  # Each of these replaces the one before, so that what is started is one process.
  # shellcheck disable=SC2016 # expanded in there
  IN_ROOT=(env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin unshare --mount sh -c
    'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"' "$CLEAN")
  files >"$BATS_TEST_TMPDIR/before"
}

teardown() {
  kill_started
  purge
}

# in_root COMMAND...: in the clean root, with /proc, and nothing of this environment.
in_root() {
  "${IN_ROOT[@]}" "$@"
}

# installed FIELD PACKAGE: what dpkg in there says of it.
installed() {
  in_root dpkg-query --show --showformat="\${$1}" "$2"
}

# install_packages DIRECTORY PACKAGE...: from there, in one go.
install_packages() {
  local directory=$1 package archives=()
  shift
  rm -rf "$CLEAN/debs"
  mkdir "$CLEAN/debs"
  for package in "$@"; do
    cp "$directory/$package"_*.deb "$CLEAN/debs"
    archives+=("/debs/$(basename "$directory/$package"_*.deb)")
  done
  in_root dpkg --install "${archives[@]}"
  rm -r "$CLEAN/debs"
}

purge() {
  in_root dpkg --purge tasuki-start-server tasuki libtasuki-dev >/dev/null 2>&1
}

# files: all of the root, but what dpkg keeps its books in.
files() {
  (cd "$CLEAN" && find . -path ./proc -prune -o -path './var/lib/dpkg*' -prune -o \
    -path './var/log*' -prune -o -print | sort)
}

serves_generation() {
  [[ $(body "http://127.0.0.1:$port/") == "generation $1 "* ]]
}

# start_service: hello-server under the installed tasuki; its port is in $port.
start_service() {
  port=$(free_port)
  start "${IN_ROOT[@]}" tasuki --port "127.0.0.1:$port" --name web -- hello-server
  wait_until serves_generation 1
}

# --- what is in them ------------------------------------------------------------------------------

@test "the packages have the project's version" {
  for package in tasuki tasuki-start-server libtasuki-dev; do
    [ "$(dpkg-deb --field "$DEBS/$package"_*.deb Version)" = "$("$ROOT/build/release/bin/tasuki" --version | cut -d' ' -f2)" ]
  done
}

@test "the manuals are there, compressed" {
  install_packages "$DEBS" tasuki tasuki-start-server libtasuki-dev
  for page in "$ROOT"/packaging/man/*; do
    gunzip -c "$CLEAN/usr/share/man/man${page##*.}/$(basename "$page").gz" | cmp - "$page"
  done
}

@test "the examples and the directory of configuration files are there" {
  install_packages "$DEBS" tasuki
  diff -r "$ROOT/packaging/examples" "$CLEAN/usr/share/doc/tasuki/examples"
  [ -d "$CLEAN/etc/tasuki" ]
}

@test "no package has a script that starts or stops a service" {
  for package in "$DEBS"/*.deb; do
    dpkg-deb --control "$package" "$BATS_TEST_TMPDIR/control"
    if grep -rnE 'deb-systemd-invoke|systemctl.* ((try-)?re)?(start|stop|load)|invoke-rc' \
      "$BATS_TEST_TMPDIR/control"; then
      return 1
    fi
    rm -r "$BATS_TEST_TMPDIR/control"
  done
}

@test "each name has its completions" {
  install_packages "$DEBS" tasuki tasuki-start-server
  for name in tasuki start_server; do
    [ -s "$CLEAN/usr/share/bash-completion/completions/$name" ]
    [ -s "$CLEAN/usr/share/zsh/vendor-completions/_$name" ]
    [ -s "$CLEAN/usr/share/fish/vendor_completions.d/$name.fish" ]
  done
}

# --- installed and removed ------------------------------------------------------------------------

@test "purged packages leave no file behind" {
  install_packages "$DEBS" tasuki tasuki-start-server libtasuki-dev
  [ -x "$CLEAN/usr/bin/tasuki" ]
  purge
  diff "$BATS_TEST_TMPDIR/before" <(files)
}

@test "an operator's configuration survives a removal and a purge" {
  install_packages "$DEBS" tasuki
  echo '[service]' >"$CLEAN/etc/tasuki/mine.ini"
  purge
  [ "$(cat "$CLEAN/etc/tasuki/mine.ini")" = '[service]' ]
  rm -r "$CLEAN/etc/tasuki"
}

@test "the installed program serves, deploys and stops" {
  install_packages "$DEBS" tasuki
  start_service
  in_root tasuki restart web
  wait_until serves_generation 2
  in_root tasuki stop web
  ended "$PID"
  [ "$STATUS_CODE" -eq 0 ]
}

@test "a server builds against the installed library, and runs" {
  install_packages "$DEBS" tasuki libtasuki-dev
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
  flags=$(PKG_CONFIG_SYSROOT_DIR=$CLEAN PKG_CONFIG_PATH=$(dirname "$(find "$CLEAN/usr/lib" -name tasuki.pc)") \
    pkg-config --cflags --libs tasuki)
  # shellcheck disable=SC2086 # flags are words
  cc -Wall -Werror -o "$CLEAN/server" "$BATS_TEST_TMPDIR/server.c" $flags
  start "${IN_ROOT[@]}" tasuki -- /server
  wait_until log_has '^generation 1$'
  rm "$CLEAN/server"
}

# --- beside libserver-starter-perl ----------------------------------------------------------------

@test "tasuki alone leaves the Perl package's start_server alone" {
  install_packages "$DEBS" tasuki
  head -n 1 "$CLEAN/usr/bin/start_server" | grep -q perl
  in_root dpkg --verify libserver-starter-perl
}

@test "tasuki-start-server takes the name, and the Perl package stays, its modules and program included" {
  install_packages "$DEBS" tasuki tasuki-start-server
  [ "$(in_root start_server --version)" = "$(in_root tasuki --version)" ]
  [ "$(installed db:Status-Status libserver-starter-perl)" = installed ]
  in_root perl -MServer::Starter -e 1
  in_root start_server.libserver-starter-perl --version
}

@test "the Perl package's start_server has its name again after a removal, also after upgrades" {
  before=$(sha256sum <"$CLEAN/usr/bin/start_server")
  install_packages "$DEBS" tasuki tasuki-start-server
  install_packages "$DEBS/next" tasuki tasuki-start-server
  [ "$(readlink "$CLEAN/usr/bin/start_server")" = tasuki ]
  in_root dpkg --remove tasuki-start-server
  [ "$(sha256sum <"$CLEAN/usr/bin/start_server")" = "$before" ]
  [ ! -e "$CLEAN/usr/bin/start_server.libserver-starter-perl" ]
  [ -z "$(in_root dpkg-divert --list '*start_server*')" ]
}

# --- an upgrade under a running service -----------------------------------------------------------

@test "a service runs on through an upgrade, and the new commands deploy it" {
  install_packages "$DEBS" tasuki
  start_service
  was=$(body "http://127.0.0.1:$port/")
  install_packages "$DEBS/next" tasuki
  [ "$(installed Version tasuki)" = "$(dpkg-deb --field "$DEBS/next"/tasuki_*.deb Version)" ]
  [[ $(readlink "/proc/$PID/exe") == *' (deleted)' ]]
  [ "$(body "http://127.0.0.1:$port/")" = "$was" ]
  in_root tasuki restart web
  wait_until serves_generation 2
  in_root tasuki stop web
  ended "$PID"
  [ "$STATUS_CODE" -eq 0 ]
}

@test "a service serves on while the package is removed" {
  install_packages "$DEBS" tasuki
  start_service
  was=$(body "http://127.0.0.1:$port/")
  in_root dpkg --remove tasuki
  [ "$(body "http://127.0.0.1:$port/")" = "$was" ]
  kill -HUP "$PID"
  wait_until serves_generation 2
}
