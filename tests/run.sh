#!/usr/bin/env bash
# Sets LiFT up, builds it and passes its tests: preset release, or cuda where a GPU and nvcc 13 are. Quick where everything is there.
#
# usage: ./tests/run.sh [ctest arguments]     e.g.  ./tests/run.sh -R solvers
#        LIFT_PRESET=asan ./tests/run.sh      another preset
# Tests labelled `wheels` (against Python packages) and `long` have a script of their own: tests/run-all.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
folder="$(./setup.sh --folder)"
preset="${folder#build}"
preset="${preset#-}"
preset="${LIFT_PRESET:-${preset:-release}}"

./setup.sh --build "$preset"
echo "tests: running ctest on preset $preset"
ctest --preset "$preset" -j "$(nproc)" "$@"
