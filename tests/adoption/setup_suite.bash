# Builds, once for the suite, what Debian has no package of: the load, and the servers in C and Go.
# They are kept beside the builds under test and built again when their sources change.

setup_suite() {
  # shellcheck source=SCRIPTDIR/build.bash
  source "$BATS_TEST_DIRNAME/build.bash"
  build_programs
}
