# Shared by the tests in real containers: podman with a storage of its own under build/, the images,
# and containers that end with their test.

# shellcheck source=SCRIPTDIR/../helpers.bash
source "$(dirname "${BASH_SOURCE[0]}")/../helpers.bash"

WORK=$ROOT/build/container
STATIC=$ROOT/build/static/bin
EXAMPLES=$ROOT/packaging/container
# Debian's tini, for podman run --init.
# shellcheck disable=SC2034 # the tests read it
INIT_PROGRAM=/usr/bin/tini-static

podman() {
  command podman --root "$WORK/storage" --runroot "$WORK/run" --tmpdir "$WORK/tmp" \
    --storage-driver "$(cat "$WORK/driver")" --runtime crun --cgroup-manager=cgroupfs --events-backend=file "$@" 3>&-
}

# Overlay where the kernel can put one on this directory; otherwise each layer is a copy.
choose_driver() {
  local trial=$WORK/trial driver=vfs
  mkdir -p "$trial"/{lower,upper,work,merged}
  if mount -t overlay overlay -o "lowerdir=$trial/lower,upperdir=$trial/upper,workdir=$trial/work" \
    "$trial/merged" 2>/dev/null; then
    umount "$trial/merged"
    driver=overlay
  fi
  rm -rf "$trial"
  echo "$driver" >"$WORK/driver"
}

build_image() {
  podman build --quiet --isolation=chroot --layers=false --network=host --build-arg BASE=localhost/base "$@"
}

# A container in earnest, as the tests run them; its failure is the reason why they are skipped.
try_container() {
  build_image --tag tasuki --file "$EXAMPLES/Containerfile" "$STATIC" &&
    podman run --rm "${LIMITS[@]}" tasuki --version
}

# No cgroup is needed, and limits above what the caller has would be refused.
LIMITS=(--network=host --cgroups=disabled --ulimit nofile=1024:1024 --ulimit nproc=4096:4096)

# run_container NAME IMAGE-AND-ARGUMENT...: in the background; options of podman run in $OPTIONS.
run_container() {
  CONTAINER=$1
  shift
  podman run --detach --name "$CONTAINER" "${LIMITS[@]}" "${OPTIONS[@]}" "$@" >/dev/null
}

remove_containers() {
  [ -z "${CONTAINER:-}" ] || podman rm --force --time 0 "$CONTAINER" >/dev/null 2>&1 || true
}

container_says() {
  podman logs "$CONTAINER" 2>&1 | grep -Eq -- "$1"
}

# The pid, out here, of the container's first process.
first_process() {
  podman inspect --format '{{.State.Pid}}' "$CONTAINER"
}

exit_status() {
  podman inspect --format '{{.State.ExitCode}}' "$CONTAINER"
}

# stops_with STATUS: podman stop, as people call it, and what becomes of it. Podman itself waits at
# most 10 seconds and then kills, which would be status 137.
stops_with() {
  podman stop "$CONTAINER" >/dev/null
  [ "$(exit_status)" = "$1" ] || {
    echo "status $(exit_status) instead of $1"
    podman logs "$CONTAINER"
    return 1
  }
}
