#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace lift {

enum class Split { train, valid, test };
[[nodiscard]] const char* to_string(Split split) noexcept;
/// Throws Error(usage) unless `name` is train, valid or test.
Split split_from(const std::string& name);

/// What a split's files hold: lines of text, JSON documents one a line, or tokens.
enum class SplitForm { lines, documents, tokens };

/// The files of one split; several only where tokens come in shards.
struct SplitFiles {
  SplitForm form = SplitForm::lines;
  std::vector<std::filesystem::path> files;  ///< in the order in which they are joined, at least one
};

/// Looks a split up in `folder`.
///
/// Method      the first of these that is there: wiki.{split}.raw; {split}.txt; {split}.jsonl; {split}.bin
///             (nanoGPT, or llm.c under a plain name); NAME_{split}.bin (llm.c: tiny_shakespeare_train.bin);
///             all of NAME_{split}_N.bin in the order of their numbers (llm.c: fineweb_train_000001.bin, …).
///             The valid split may be called `val` in all but the first, where none is called `valid`.
/// Throws      Error(input): no such folder; none of these, naming them; shards of more than one NAME, which
///             would be several data sets in one.
/// Cost        reads no file; lists the folder only where no plain name is there.
/// Test        tests/src/text/test_split_files.cpp
SplitFiles split_files(const std::filesystem::path& folder, Split split);

/// The first of split_files(folder, split).
std::filesystem::path split_file(const std::filesystem::path& folder, Split split);

}  // namespace lift
