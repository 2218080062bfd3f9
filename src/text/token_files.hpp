#pragma once
#include <cstdint>
#include <filesystem>
#include <vector>

#include "src/text/vocabulary.hpp"

namespace lift {

/// The uint16 tokens of .bin files, one after the other, as llm.c and nanoGPT write them.
///
/// Method      llm.c (dev/data/data_common.py): 256 int32, of which the first three are the magic number
///             20240520, the version 1 and the number of tokens, then the tokens. nanoGPT
///             (data/*/prepare.py): nothing but tokens. All little-endian. A file is llm.c's if it begins
///             with one of llm.c's magic numbers; only a file under a plain name ({split}.bin) may be
///             nanoGPT's.
/// Throws      the constructor Error(input), naming the file, what is wrong and what was expected: missing or
///             unreadable, another magic number or version, a header that disagrees with the file's size, an
///             odd number of bytes.
/// Limits      the vocabulary is the caller's to know: the files do not say which one they were made with.
/// Cost        the constructor reads the headers alone.
/// Test        tests/src/text/test_token_files.cpp; fuzzed by tests/fuzz/fuzz_bin.cpp
class TokenFiles {
 public:
  explicit TokenFiles(const std::vector<std::filesystem::path>& files);
  [[nodiscard]] std::int64_t size() const noexcept { return size_; }  ///< tokens in all files
  /// The first `count` ≤ size() tokens.
  ///
  /// Throws    Error(input) naming file, position and token if one is not below `vocabulary`, or the file can
  ///           not be read on.
  /// Cost      4 bytes a token wanted, and a small buffer; the rest of the files is not read.
  [[nodiscard]] std::vector<Token> first(std::int64_t count, int vocabulary) const;

 private:
  struct File {
    std::filesystem::path path;
    std::int64_t begin = 0;   ///< byte of the first token
    std::int64_t tokens = 0;  ///< how many there are
  };
  static File inspect(const std::filesystem::path& path);
  static void append(const File& file, std::int64_t count, int vocabulary, std::vector<Token>& tokens);

  std::vector<File> files_;
  std::int64_t size_ = 0;
};

}  // namespace lift
