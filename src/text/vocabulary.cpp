#include "src/text/vocabulary.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "mpi/error.hpp"
#include "src/files/atomic_file.hpp"
#include "src/text/byte_symbols.hpp"
#include "src/text/content_hash.hpp"

namespace lift {
namespace {

using TokenIds = std::unordered_map<std::string, Token>;  ///< by the bytes of the token

[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& what) {
  throw Error(ExitCode::input, fmt::format("{}: {}", file.string(), what));
}

/// A piece of a file as it stands in messages: between quotes, printable, at most some 60 bytes of it.
std::string in_quotes(std::string_view text) {
  constexpr std::size_t kMost = 60;
  const nlohmann::json piece(std::string(text.substr(0, kMost)) + (text.size() > kMost ? "..." : ""));
  return piece.dump(-1, ' ', /*ensure_ascii=*/false, nlohmann::json::error_handler_t::replace);
}

/// Takes vocab.json as it is parsed: one flat object of token ids, each key once. (A parsed object would
/// already have lost a key that is there twice.)
class VocabularyReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit VocabularyReader(const std::filesystem::path& file) : file_(file) {}
  TokenIds take() { return std::move(ids_); }

  bool null() override { return wrong_value("null"); }
  bool boolean(bool) override { return wrong_value("a boolean"); }
  bool number_integer(number_integer_t value) override { return wrong_value(fmt::format("{}", value)); }
  bool number_unsigned(number_unsigned_t value) override {
    if (depth_ == 0) return wrong_value(fmt::format("{}", value));
    if (value > INT32_MAX) return wrong_value(fmt::format("{}", value));
    auto bytes = from_symbols(key_);
    if (!bytes || bytes->empty())
      refuse(file_, fmt::format("key {} is not written in byte symbols", in_quotes(key_)));
    if (!ids_.emplace(std::move(*bytes), static_cast<Token>(value)).second) {
      refuse(file_, fmt::format("key {} is there twice", in_quotes(key_)));
    }
    return true;
  }
  bool number_float(number_float_t value, const string_t&) override {
    return wrong_value(fmt::format("{}", value));
  }
  bool string(string_t& text) override { return wrong_value(in_quotes(text)); }
  bool binary(binary_t&) override { return wrong_value("binary data"); }
  bool start_object(std::size_t) override { return depth_++ == 0 || wrong_value("an object"); }
  bool key(string_t& key) override {
    key_ = key;
    return true;
  }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return wrong_value("an array"); }
  bool end_array() override { return true; }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) override {
    refuse(file_, fmt::format("is not valid JSON at byte {}", position));
  }

 private:
  [[noreturn]] bool wrong_value(const std::string& value) const {
    if (depth_ == 0) refuse(file_, fmt::format("holds {}, expected an object of token ids", value));
    refuse(file_, fmt::format("key {} has the value {}, expected a token id", in_quotes(key_), value));
  }

  const std::filesystem::path& file_;
  TokenIds ids_;
  std::string key_;
  int depth_ = 0;
};

TokenIds read_token_ids(const std::filesystem::path& file) {
  const std::string text = read_file(file);
  VocabularyReader reader(file);
  nlohmann::json::sax_parse(text, &reader);
  return reader.take();
}

std::vector<std::string> tokens_by_id(const TokenIds& ids, const std::filesystem::path& file) {
  std::vector<std::string> tokens(ids.size());
  for (const auto& [bytes, id] : ids) {
    if (static_cast<std::size_t>(id) >= ids.size()) {
      refuse(file, fmt::format("key {} has the id {}, expected the ids 0 to {} of its {} keys",
                               in_quotes(to_symbols(bytes)), id, ids.size() - 1, ids.size()));
    }
    if (!tokens[id].empty()) {
      refuse(file, fmt::format("keys {} and {} both have the id {}, expected each id once",
                               in_quotes(std::min(to_symbols(tokens[id]), to_symbols(bytes))),
                               in_quotes(std::max(to_symbols(tokens[id]), to_symbols(bytes))), id));
    }
    tokens[id] = bytes;
  }
  return tokens;
}

Token required_token(const TokenIds& ids, const std::string& bytes, const std::filesystem::path& file) {
  const auto found = ids.find(bytes);
  if (found == ids.end()) refuse(file, fmt::format("has no key {}", in_quotes(to_symbols(bytes))));
  return found->second;
}

/// A line of merges.txt as the two token ids it joins, and the joined one.
class MergeReader {
 public:
  MergeReader(const TokenIds& ids, const std::filesystem::path& file) : ids_(ids), file_(file) {}

  Merge read(std::string_view line, std::int64_t number) {
    const auto space = line.find(' ');
    if (space == std::string_view::npos || line.find(' ', space + 1) != std::string_view::npos) {
      refuse_line(number, fmt::format("is {}, expected two tokens with one space between", in_quotes(line)));
    }
    const auto left = bytes_of(line.substr(0, space), number);
    const auto right = bytes_of(line.substr(space + 1), number);
    const Merge merge{id_of(left, number), id_of(right, number), id_of(left + right, number)};
    if (!seen_
             .insert((std::uint64_t{static_cast<std::uint32_t>(merge.left)} << 32U) |
                     static_cast<std::uint32_t>(merge.right))
             .second) {
      refuse_line(number, fmt::format("has the merge {} a second time", in_quotes(line)));
    }
    return merge;
  }

 private:
  [[noreturn]] void refuse_line(std::int64_t number, const std::string& what) const {
    refuse(file_, fmt::format("line {} {}", number, what));
  }
  [[nodiscard]] std::string bytes_of(std::string_view symbols, std::int64_t number) const {
    auto bytes = from_symbols(symbols);
    if (!bytes || bytes->empty()) {
      refuse_line(number, fmt::format("has {}, which is not written in byte symbols", in_quotes(symbols)));
    }
    return std::move(*bytes);
  }
  [[nodiscard]] Token id_of(const std::string& bytes, std::int64_t number) const {
    const auto found = ids_.find(bytes);
    if (found == ids_.end()) {
      refuse_line(number, fmt::format("needs the token {}, which vocab.json does not have",
                                      in_quotes(to_symbols(bytes))));
    }
    return found->second;
  }

  const TokenIds& ids_;
  const std::filesystem::path& file_;
  std::unordered_set<std::uint64_t> seen_;
};

std::vector<Merge> read_merges(const TokenIds& ids, const std::filesystem::path& file) {
  const std::string text = read_file(file);
  MergeReader reader(ids, file);
  std::vector<Merge> merges;
  std::int64_t number = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const auto newline = rest.find('\n');
    auto line = rest.substr(0, newline);
    rest.remove_prefix(newline == std::string_view::npos ? rest.size() : newline + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    ++number;
    if (line.starts_with("#version") || (line.empty() && rest.empty())) continue;
    merges.push_back(reader.read(line, number));
  }
  return merges;
}

}  // namespace

Vocabulary load_vocabulary(const std::filesystem::path& folder) {
  const auto vocabulary_file = folder / "vocab.json";
  const TokenIds ids = read_token_ids(vocabulary_file);
  Vocabulary vocabulary;
  vocabulary.end_of_text = required_token(ids, std::string(kEndOfText), vocabulary_file);
  for (const char byte : bytes_in_id_order()) required_token(ids, std::string(1, byte), vocabulary_file);
  vocabulary.tokens = tokens_by_id(ids, vocabulary_file);
  vocabulary.merges = read_merges(ids, folder / "merges.txt");
  return vocabulary;
}

void save_vocabulary(const Vocabulary& vocabulary, const std::filesystem::path& folder) {
  std::string vocab_json;
  for (Token id = 0; id < vocabulary.size(); ++id) {
    vocab_json += fmt::format("{}{}: {}", id == 0 ? "{" : ", ",
                              nlohmann::json(to_symbols(vocabulary.tokens[id])).dump(), id);
  }
  std::string merges_txt = "#version: 0.2\n";
  for (const auto& merge : vocabulary.merges) {
    merges_txt += fmt::format("{} {}\n", to_symbols(vocabulary.tokens[merge.left]),
                              to_symbols(vocabulary.tokens[merge.right]));
  }
  make_folder(folder);
  write_file(folder / "vocab.json", vocab_json + "}");
  write_file(folder / "merges.txt", merges_txt);
}

std::string fingerprint(const Vocabulary& vocabulary) {
  ContentHash hash;
  for (const auto& token : vocabulary.tokens) hash.add_text(token);
  for (const auto& merge : vocabulary.merges) {
    hash.add_number(merge.left);
    hash.add_number(merge.right);
  }
  return hash.hex();
}

}  // namespace lift
