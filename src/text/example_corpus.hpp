#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

namespace lift {

/// Sizes of the built-in example; each text ends with the article that reaches its size.
struct ExampleOptions {
  std::int64_t pretrain_train_bytes = 1'500'000;
  std::int64_t pretrain_valid_bytes = 60'000;
  std::int64_t train_bytes = 120'000;
  std::int64_t valid_bytes = 60'000;
  std::int64_t test_bytes = 60'000;
  int vocabulary = 768;  ///< entries, ≥ 257
};

/// The texts of the built-in example.
struct ExampleCorpus {
  std::string pretrain_train;
  std::string pretrain_valid;
  std::string train;  ///< to fine-tune on
  std::string valid;
  std::string test;
};

/// A generated English-like corpus, so that the repository needs no fetched text.
///
/// All texts share grammar, names and everyday words. Pretraining is mostly on six topics, fine-tuning mostly
/// on four others, which pretraining hardly saw: a pretrained model gains from fine-tuning, and overfits if
/// it goes on for long, because `train` is small.
///
/// Method      each article is a pure function of (seed, text, number), so another size of one text leaves
///             the common part of it and all other texts as they are.
/// Cost        0.1 s for the default sizes.
/// Test        tests/src/text/test_example_corpus.cpp
ExampleCorpus make_example_corpus(std::uint64_t seed, const ExampleOptions& options);

/// Writes the corpus to `folder`: pretrain/{train,valid}.txt, finetune/{train,valid,test}.txt, and a
/// vocabulary learned from the pretraining text as tokenizer/{vocab.json,merges.txt}.
///
/// Throws      Error(write); Error(usage) if options.vocabulary < 257; Error(input) if the pretraining
///             text is too small for that vocabulary.
/// Cost        0.3 s for the default sizes, most of it the vocabulary.
void write_example(const std::filesystem::path& folder, std::uint64_t seed, const ExampleOptions& options);

}  // namespace lift
