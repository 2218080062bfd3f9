#!/usr/bin/env bash
# A prefix that `cmake --install` fills is whole: the program runs from it, its page and completions are there, CMake finds it,
# and a module file leads to it.
#
# usage: test_install.sh BUILD-FOLDER
set -euo pipefail
build="$1"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
prefix="$work/prefix"
fail() { printf 'test_install: %s\n' "$*" >&2; exit 1; }

cmake --install "$build" --prefix "$prefix" >"$work/log" || { cat "$work/log"; fail "cmake --install"; }
"$prefix/bin/lift" --version >"$work/version"
grep -qi petsc "$work/version" || fail "the installed program does not run"
grep -q 'SH "EXIT CODES"' "$prefix/share/man/man1/lift.1" || fail "no manual page"
[ "$(bash -c ". '$prefix/share/bash-completion/completions/lift'; complete -p lift")" = "complete -F _lift lift" ] || fail "no completion"
grep -q '^#compdef lift' "$prefix/share/zsh/site-functions/_lift" || fail "no completion for zsh"

mkdir "$work/user"
cat >"$work/user/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.25)
project(user LANGUAGES NONE)
find_package(LiFT 0.1 REQUIRED)
get_target_property(program LiFT::lift LOCATION)
message(STATUS "found ${program}")
CMAKE
cmake -S "$work/user" -B "$work/user/build" -DCMAKE_PREFIX_PATH="$prefix" >"$work/found" 2>&1 || cat "$work/found"
grep -q "found $prefix/bin/lift" "$work/found" || fail "find_package(LiFT) does not name the program"

if [ -r /usr/share/modules/init/bash ]; then
  # shellcheck disable=SC1091
  loaded="$(bash -c ". /usr/share/modules/init/bash; module use '$prefix/share/modulefiles'; module load lift; command -v lift")"
  [ "$loaded" -ef "$prefix/bin/lift" ] || fail "the module leads to '$loaded'"
else
  echo "test_install: Environment Modules are not installed: the module file was not loaded"
fi
python3 -m py_compile "$(dirname "$0")/../../jobs/package/spack/packages/lift/package.py" || fail "the Spack recipe is no Python"
echo "test_install: passed"
