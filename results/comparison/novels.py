#!/usr/bin/env python3
"""Prints a novel of R's package janeaustenr, a paragraph a line.

usage: novels.py DATA [NOVEL]      DATA: the package's data folder"""
import gzip
import itertools
import pathlib
import sys
import warnings
import zlib

import rdata

warnings.filterwarnings("ignore", message="Unknown file type")


def decoded(serialised):
    return rdata.conversion.convert(rdata.parser.parse_data(serialised))


def main():
    data, novel = pathlib.Path(sys.argv[1]), (sys.argv[2:] or ["persuasion"])[0]
    offset, size = decoded(gzip.decompress((data / "Rdata.rdx").read_bytes()))["variables"][novel]
    stored = (data / "Rdata.rdb").read_bytes()[int(offset) : int(offset) + int(size)]
    lines = decoded(zlib.decompress(stored[4:]))  # after four bytes of its length
    for blank, paragraph in itertools.groupby((line.strip() for line in lines), lambda line: line == ""):
        if not blank:
            print(" ".join(paragraph))


main()
