"""Compares lift's tokenizer with the `tokenizers` wheel (HF's GPT-2 configuration, no special tokens).

usage: wheel_comparison.py COMPARE_PROGRAM TOKENIZER_FOLDER [WIKITEXT_FOLDER]

Writes the wheel's answers to a temporary file and has COMPARE_PROGRAM (wheel_comparison.cpp) check them:
the class of every code point in the pre-tokenizer's pattern, 100,000 random strings, and every line and every
whole file of WikiText-2 where it is given. Exit code 77 (skipped) where the wheel or the vocabulary is absent.
"""
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import unicodedata

STRINGS = 100_000
SKIPPED = 77
SURROGATES = range(0xD800, 0xE000)
WHITE = [chr(c) for c in (*range(9, 14), *range(0x1C, 0x21), 0x85, 0xA0, 0x1680, 0x180E, *range(0x2000, 0x2010),
                          0x2028, 0x2029, 0x202F, 0x205F, 0x2060, 0x3000, 0xFEFF)]
EDGES = [chr(c) for c in (0, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFD, 0xFFFE, 0xFFFF, 0x10000, 0x1FFFF,
                          0xE0001, 0xF0000, 0x10FFFF)]
CONTRACTIONS = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'RE", "'l", "'v", "\u2019s", "\u02BCt", "''s"]
EMOJI = ["\U0001F600", "\U0001F468\u200D\U0001F469\u200D\U0001F467", "\u2764\uFE0F", "\U0001F44D\U0001F3FD",
         "\U0001F1E9\U0001F1EA", "1\uFE0F\u20E3"]
WORDS = ["the", "don", "Hello", "lift", "I", "na\u00EFve", "\u00C5ngstr\u00F6m", "<|endoftext|>", "@-@", "...", "!!",
         "1999", "3.14", "x=1;", "\u6F22\u5B57", "\u0e44\u0e17\u0e22", "\u0928\u092e\u0938\u094d\u0924\u0947",
         "\u05D0\u05B8", "\u0645\u0631\u062D\u0628\u0627", "e\u0301", "\u1E9B\u0323", "\uFB01", "\u01C5"]


def by_category(prefix):
    return [chr(c) for c in range(0x110000) if c not in SURROGATES and unicodedata.category(chr(c)).startswith(prefix)]


class Strings:
    """Random strings that lean towards what byte-level BPEs get wrong."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.pools = [WHITE, WHITE, [" "], ["\n", " ", "  ", "\t"], CONTRACTIONS, EMOJI, WORDS, WORDS, EDGES,
                      by_category("N"), by_category("M"), by_category("L"), by_category("P"), by_category("S"),
                      [chr(c) for c in range(128)], [chr(c) for c in range(256)]]

    def piece(self):
        kind = self.random.randrange(len(self.pools) + 2)
        if kind < len(self.pools):
            return self.random.choice(self.pools[kind])
        code_point = self.random.randrange(0x10000 if kind == len(self.pools) else 0x110000)
        return chr(code_point) if code_point not in SURROGATES else "\uD7FF"

    def next(self):
        pieces = [self.piece() * self.random.choice((1, 1, 1, 1, 2, 5)) for _ in range(self.random.randrange(25))]
        return "".join(pieces)


def classes(pre_tokenizer):
    """'L', 'N', 'S' or 'O' for each code point, from what the wheel lets it share a word with; '-' for surrogates."""
    def joins(left, character):
        return len(pre_tokenizer.pre_tokenize_str(left + character)) == 1

    def kind(code_point):
        if code_point in SURROGATES:
            return "-"
        character = chr(code_point)
        return next((name for name, left in (("O", "!"), ("L", "a"), ("N", "1")) if joins(left, character)), "S")

    return "".join(kind(code_point) for code_point in range(0x110000))


def wikitext_cases(folder):
    for file in sorted(folder.glob("wiki.*.raw")):
        text = file.read_bytes().decode("utf-8")
        yield text
        yield from text.splitlines(keepends=True)


def write_cases(file, tokenizer, strings):
    file.write(struct.pack("<q", len(strings)))
    for string, encoding in zip(strings, tokenizer.encode_batch(strings)):
        text = string.encode("utf-8")
        file.write(struct.pack("<q", len(text)) + text)
        file.write(struct.pack(f"<q{len(encoding.ids)}i", len(encoding.ids), *encoding.ids))


def main():
    program, vocabulary = sys.argv[1], pathlib.Path(sys.argv[2])
    try:
        import tokenizers
    except ImportError:
        print("skipped: no `tokenizers` wheel (./setup.sh --wheels)")
        return SKIPPED
    if not (vocabulary / "vocab.json").exists():
        print(f"skipped: no vocabulary in {vocabulary}")
        return SKIPPED
    tokenizer = tokenizers.ByteLevelBPETokenizer(str(vocabulary / "vocab.json"), str(vocabulary / "merges.txt"))
    strings = Strings(seed=20240229)
    cases = [strings.next() for _ in range(STRINGS)]
    if len(sys.argv) > 3:
        cases.extend(wikitext_cases(pathlib.Path(sys.argv[3])))
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "cases.bin")
        with open(path, "wb") as file:
            file.write(classes(tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)).encode("ascii"))
            write_cases(file, tokenizer, cases)
        print(f"{len(cases)} strings by tokenizers {tokenizers.__version__}", flush=True)
        return subprocess.run([program, str(vocabulary), path], check=False).returncode


sys.exit(main())
