#include "src/text/tokenizer.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <span>
#include <unordered_map>
#include <utility>

#include "mpi/error.hpp"
#include "src/text/merger.hpp"
#include "src/text/pretokenizer.hpp"
#include "src/text/trainer.hpp"

namespace lift {
namespace {

/// Tokens of words met before. It stops growing at kWords entries: the frequent words come early.
class WordCache {
 public:
  /// Tokens of `word`, or nothing.
  [[nodiscard]] const std::vector<Token>* find(std::string_view word) const {
    const auto found = tokens_.find(word);
    return found == tokens_.end() ? nullptr : &found->second;
  }
  void keep(std::string_view word, std::span<const Token> tokens) {
    if (word.size() > kWordBytes || tokens_.size() >= kWords) return;
    tokens_.emplace(word, std::vector<Token>(tokens.begin(), tokens.end()));
  }

 private:
  static constexpr std::size_t kWordBytes = 64;
  static constexpr std::size_t kWords = std::size_t{1} << 18U;
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view word) const noexcept {
      return XXH3_64bits(word.data(), word.size());
    }
  };
  std::unordered_map<std::string, std::vector<Token>, Hash, std::equal_to<>> tokens_;
};

}  // namespace

struct Tokenizer::Impl {
  explicit Impl(Vocabulary&& from)
      : vocabulary(std::move(from)), fingerprint(lift::fingerprint(vocabulary)), merger(vocabulary) {}

  Vocabulary vocabulary;
  std::string fingerprint;
  CharacterClasses classes;
  WordMerger merger;
  WordCache cache;
  std::int64_t bytes_seen = 0;
  std::int64_t first_invalid_byte = -1;
};

Tokenizer::Tokenizer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Tokenizer Tokenizer::load(const std::filesystem::path& folder) {
  return Tokenizer(std::make_unique<Impl>(load_vocabulary(folder)));
}

Tokenizer Tokenizer::train(std::string_view text, int vocabulary_size) {
  return Tokenizer(std::make_unique<Impl>(train_vocabulary(text, vocabulary_size)));
}

void Tokenizer::encode(std::string_view text, std::vector<Token>& out) {
  WordScanner scanner(text, impl_->classes);
  for (auto word = scanner.next(); !word.empty(); word = scanner.next()) {
    if (const auto* const known = impl_->cache.find(word)) {
      out.insert(out.end(), known->begin(), known->end());
      continue;
    }
    const auto begin = out.size();
    impl_->merger.encode(word, out);
    impl_->cache.keep(word, std::span(out).subspan(begin));
  }
  if (impl_->first_invalid_byte < 0 && scanner.first_invalid_byte() >= 0) {
    impl_->first_invalid_byte = impl_->bytes_seen + scanner.first_invalid_byte();
  }
  impl_->bytes_seen += static_cast<std::int64_t>(text.size());
}

std::string Tokenizer::decode(const std::vector<Token>& tokens) const {
  std::string text;
  for (const Token token : tokens) {
    if (token < 0 || token >= size()) {
      throw Error(ExitCode::internal,
                  fmt::format("token {} cannot be decoded: expected 0 to {}", token, size() - 1));
    }
    text += impl_->vocabulary.tokens[token];
  }
  return text;
}

int Tokenizer::size() const noexcept {
  return impl_->vocabulary.size();
}
Token Tokenizer::end_of_text() const noexcept {
  return impl_->vocabulary.end_of_text;
}
std::int64_t Tokenizer::first_invalid_byte() const noexcept {
  return impl_->first_invalid_byte;
}
const std::string& Tokenizer::fingerprint() const noexcept {
  return impl_->fingerprint;
}
void Tokenizer::save(const std::filesystem::path& folder) const {
  save_vocabulary(impl_->vocabulary, folder);
}

}  // namespace lift
