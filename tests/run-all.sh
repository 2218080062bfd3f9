#!/usr/bin/env bash
# Every test there is: those of tests/run.sh, those against Python packages (label `wheels`), the long ones
# (label `long`), and all but those again under AddressSanitizer and UndefinedBehaviorSanitizer.
set -euo pipefail
cd "$(dirname "$0")/.."

./setup.sh --wheels
./setup.sh --slurm
env -u LIFT_PRESET ./tests/run.sh
echo "tests: labels wheels and long"
ctest --test-dir "$(./setup.sh --folder)" --output-on-failure -L '^(wheels|long)$'
LIFT_PRESET=asan ./tests/run.sh
