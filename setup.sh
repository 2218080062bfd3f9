#!/usr/bin/env bash
# Installs what LiFT builds with, on Debian or Ubuntu: system packages, LibTorch, and the peers its tests compare with.
# Does nothing where everything is there. On a cluster, use its own modules instead: see README, "On a cluster".
#
# usage: ./setup.sh            what the build and the tests need
#        ./setup.sh --wheels   also PyTorch with Python, HF transformers, tokenizers, safetensors and PEFT, which the tests
#                              labelled `wheels` and the benchmarks compare with
#        ./setup.sh --slurm    also Slurm, of which the test labelled `slurm` brings up one of its own
#        ./setup.sh --build [PRESET]   and then configures and builds it (presets: release, debug, asan, cuda)
#        ./setup.sh --folder           only prints the folder that --build builds in
#
# Without a preset `release` is built, or `cuda` where a GPU is visible or LIFT_CUDA=ON.
# LIFT_DEPS names the folder for what does not come from the system's packages (default ~/.cache/lift).
set -euo pipefail

deps="${LIFT_DEPS:-$HOME/.cache/lift}"
packages=(g++ cmake ninja-build ccache git pkg-config python3 python3-venv
          openmpi-bin libopenmpi-dev libpetsc64-real-dev libslepc64-real-dev libboost-program-options-dev
          libfmt-dev libspdlog-dev nlohmann-json3-dev libicu-dev libxxhash-dev libgtest-dev libgmock-dev gnuplot-nox)
if [ "${1:-}" = --slurm ]; then packages+=(slurmctld slurmd slurm-client munge); fi
torch=(torch==2.11.0)
# The only CUDA libraries that LibTorch's CPU part needs by itself.
torch_cpu=(nvidia-cuda-runtime==13.0.96 nvidia-cuda-cupti==13.0.85)
# What LibTorch's CUDA part needs beside a CUDA 13 toolkit.
torch_cuda=(nvidia-cudnn-cu13==9.19.0.56 nvidia-cusparselt-cu13==0.8.0 nvidia-nvshmem-cu13==3.4.5 nvidia-nccl-cu13==2.28.9 nvidia-cufile==1.15.1.6)
torch_python=(numpy filelock typing-extensions sympy networkx jinja2 fsspec)
peers=(highsbox==1.15.1)
wheels=(transformers==5.8.0 tokenizers safetensors)
# PEFT and what it needs beside these: it would draw in all that torch asks for.
peft=(peft==0.21.2 accelerate==1.15.0 psutil==7.2.2)

cuda=no
command -v nvcc >/dev/null && nvcc --version | grep -q 'release 13' && cuda=yes
preset=release
if [ "$cuda" = yes ] && { [ "${LIFT_CUDA:-}" = ON ] || nvidia-smi -L >/dev/null 2>&1; }; then preset=cuda; fi
if [ "${1:-}" = --build ] && [ -n "${2:-}" ]; then preset="$2"; fi
if [ "${1:-}" = --folder ]; then
  if [ "$preset" = release ]; then echo build; else echo "build-$preset"; fi
  exit
fi

say() { printf 'setup: %s\n' "$*"; }

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo "$@"; else
    say "needs root, or sudo, to install: $*" >&2
    exit 1
  fi
}

install_packages() {
  command -v dpkg-query >/dev/null || { say "not a Debian system: install MPI, PETSc and SLEPc (64-bit indices), Boost, fmt, spdlog, nlohmann-json, ICU, xxHash and GoogleTest yourself"; return; }
  local missing=()
  for package in "${packages[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  say "installing system packages: ${missing[*]}"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# install_wheels STAMP pip-arguments...: once for each list.
install_wheels() {
  local stamp="$deps/venv/.lift-$1"
  shift
  [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$*" ] && return
  say "installing wheels into $deps/venv: $*"
  [ -x "$deps/venv/bin/pip" ] || python3 -m venv "$deps/venv"
  "$deps/venv/bin/pip" install --quiet --disable-pip-version-check "$@"
  echo "$*" >"$stamp"
}

# needs NAME OLDEST VERSION: says so and ends where VERSION is older.
needs() {
  printf '%s\n%s\n' "$2" "$3" | sort -VC && return
  say "needs $1 $2 or newer, this system has $3 (Debian 12 and Ubuntu 24.04 have it)" >&2
  exit 1
}

install_packages
needs CMake 3.25 "$(cmake --version | sed -n '1s/.* //p')"
needs GCC 12 "$(g++ -dumpfullversion)"
mkdir -p "$deps"
install_wheels torch --no-deps "${torch[@]}" "${torch_cpu[@]}"
install_wheels peers "${peers[@]}"
[ "$cuda" = yes ] && install_wheels cuda --no-deps "${torch_cuda[@]}"
if [ "${1:-}" = --wheels ]; then
  if [ "$cuda" = yes ]; then install_wheels python "${torch_python[@]}"; else install_wheels python "${torch[@]}" numpy; fi
  install_wheels hf "${wheels[@]}"
  install_wheels peft --no-deps "${peft[@]}"
fi
say "LibTorch and peers are in $deps/venv"

if [ "${1:-}" = --build ]; then
  say "building preset $preset (about 11 minutes the first time on two cores, seconds when nothing changed)"
  cmake --preset "$preset" >"$deps/configure.log" || { cat "$deps/configure.log" >&2; exit 1; }
  cmake --build --preset "$preset"
fi
