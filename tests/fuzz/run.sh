#!/usr/bin/env bash
# Fuzzes every target with libFuzzer, one after the other, at low priority. Needs Clang (apt-get install clang).
#
# usage: ./tests/fuzz/run.sh [SECONDS [TARGET…]]     default 60 s each, all targets
#
# Starts from corpus/TARGET and what was found before, which lies in build-fuzz/fuzz/TARGET. An input that breaks a target
# is left as build-fuzz/fuzz/TARGET-crash-…: mend the code, then keep the input in corpus/TARGET.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds="${1:-60}"
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(ls tests/fuzz/corpus)

command -v clang++ >/dev/null || { echo "fuzz: needs clang++ with libFuzzer (apt-get install clang)" >&2; exit 1; }
cmake --preset fuzz >/dev/null
cmake --build --preset fuzz -j "$(nproc)"
export UBSAN_OPTIONS=print_stacktrace=1
failed=()
for target in "${targets[@]}"; do
  found="build-fuzz/fuzz/$target"
  mkdir -p "$found"
  echo "fuzz: $target for $seconds s"
  nice -n 10 "build-fuzz/tests/fuzz_$target" -max_total_time="$seconds" -max_len=8192 -timeout=10 -rss_limit_mb=1024 \
    -malloc_limit_mb=256 -print_final_stats=1 -artifact_prefix="$found-" "$found" "tests/fuzz/corpus/$target" \
    >"$found.log" 2>&1 || failed+=("$target")
  grep -E '^(stat::number_of_executed_units|stat::peak_rss_mb|SUMMARY|fuzz: )' "$found.log" || true
done
[ ${#failed[@]} -eq 0 ] || { echo "fuzz: failed: ${failed[*]}; see build-fuzz/fuzz/*.log" >&2; exit 1; }
