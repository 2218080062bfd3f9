#include "src/text/example_corpus.hpp"

#include "mpi/philox.hpp"
#include "src/files/atomic_file.hpp"
#include "src/text/dice.hpp"
#include "src/text/example_article.hpp"
#include "src/text/example_lexicon.hpp"
#include "src/text/tokenizer.hpp"

namespace lift {
namespace {

constexpr int kPretrainTopics = 6;
constexpr int kFinetuneTopics = 4;
constexpr double kHome = 0.95;  ///< share of a text's articles that are on its own topics

enum class TextKind : std::uint64_t { pretrain_train = 1, pretrain_valid, train, valid, test };

bool is_pretraining(TextKind kind) {
  return kind <= TextKind::pretrain_valid;
}

int draw_topic(TextKind kind, Dice& dice) {
  const bool pretraining_topic = dice.chance(kHome) == is_pretraining(kind);
  return pretraining_topic ? dice.below(kPretrainTopics) : kPretrainTopics + dice.below(kFinetuneTopics);
}

std::string write_text(const ExampleLexicon& lexicon, const Philox& philox, TextKind kind,
                       std::int64_t bytes) {
  constexpr unsigned kArticleBits = 32;
  std::string text;
  for (std::uint64_t article = 0; static_cast<std::int64_t>(text.size()) < bytes; ++article) {
    Dice dice(philox, (static_cast<std::uint64_t>(kind) << kArticleBits) | article);
    const int topic = draw_topic(kind, dice);
    text += write_example_article(lexicon, topic, dice);
  }
  return text;
}

}  // namespace

ExampleCorpus make_example_corpus(std::uint64_t seed, const ExampleOptions& options) {
  const Philox philox(seed, RandomStream::corpus);
  const auto lexicon = make_example_lexicon(philox, kPretrainTopics + kFinetuneTopics);
  const auto text = [&](TextKind kind, std::int64_t bytes) {
    return write_text(lexicon, philox, kind, bytes);
  };
  return {.pretrain_train = text(TextKind::pretrain_train, options.pretrain_train_bytes),
          .pretrain_valid = text(TextKind::pretrain_valid, options.pretrain_valid_bytes),
          .train = text(TextKind::train, options.train_bytes),
          .valid = text(TextKind::valid, options.valid_bytes),
          .test = text(TextKind::test, options.test_bytes)};
}

void write_example(const std::filesystem::path& folder, std::uint64_t seed, const ExampleOptions& options) {
  const auto corpus = make_example_corpus(seed, options);
  const auto tokenizer = Tokenizer::train(corpus.pretrain_train, options.vocabulary);
  for (const char* part : {"pretrain", "finetune"}) make_folder(folder / part);
  write_file(folder / "pretrain" / "train.txt", corpus.pretrain_train);
  write_file(folder / "pretrain" / "valid.txt", corpus.pretrain_valid);
  write_file(folder / "finetune" / "train.txt", corpus.train);
  write_file(folder / "finetune" / "valid.txt", corpus.valid);
  write_file(folder / "finetune" / "test.txt", corpus.test);
  tokenizer.save(folder / "tokenizer");
}

}  // namespace lift
