#!/usr/bin/env bash
# Another domain than WikiText-2: a novel of Jane Austen (Persuasion, 1818, in the public domain), a paragraph a line, as the test split of
# runs/novels. It comes from Debian's package r-cran-janeaustenr; read by rdata, from PyPI.
#
# usage: ./results/comparison/novels.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
[ -f runs/novels/test.txt ] && exit
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check rdata==1.1.0
(cd "$work" && apt-get download -qq r-cran-janeaustenr && dpkg -x r-cran-janeaustenr*.deb package)
mkdir -p runs/novels
"$work/venv/bin/python" results/comparison/novels.py "$work/package/usr/lib/R/site-library/janeaustenr/data" >"$work/test.txt"
mv "$work/test.txt" runs/novels/test.txt
echo "novels: $(wc -w <runs/novels/test.txt) words in runs/novels/test.txt"
