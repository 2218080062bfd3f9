#include "src/text/json_documents.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <utility>

#include "mpi/error.hpp"
#include "src/text/pretokenizer.hpp"

namespace lift {
namespace {

/// Takes one line as it is parsed and keeps the `text` of its outermost object.
class DocumentReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  DocumentReader(const std::string& where, std::int64_t line) : where_(where), line_(line) {}
  std::string take() {
    if (!found_) refuse("has no key \"text\"");
    return std::move(text_);
  }

  bool null() override { return other("null"); }
  bool boolean(bool) override { return other("a boolean"); }
  bool number_integer(number_integer_t) override { return other("a number"); }
  bool number_unsigned(number_unsigned_t) override { return other("a number"); }
  bool number_float(number_float_t, const string_t&) override { return other("a number"); }
  bool string(string_t& value) override {
    if (depth_ == 0) return other("a string");
    if (is_text_) text_ = std::move(value);
    is_text_ = false;
    return true;
  }
  bool binary(binary_t&) override { return other("binary data"); }
  bool start_object(std::size_t) override { return (depth_ == 0 || other("an object")) && ++depth_ > 0; }
  bool key(string_t& name) override {
    is_text_ = depth_ == 1 && name == "text";
    if (is_text_ && std::exchange(found_, true)) refuse("has the key \"text\" twice");
    return true;
  }
  bool end_object() override { return --depth_ >= 0; }
  bool start_array(std::size_t) override { return other("an array") && ++depth_ > 0; }
  bool end_array() override { return --depth_ >= 0; }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) override {
    refuse(fmt::format("is not valid JSON at its byte {}", position));
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw Error(
        ExitCode::input,
        fmt::format("{}: line {} {}, expected one JSON object with a string \"text\"", where_, line_, what));
  }
  /// A value that is no string; only where it is ignored is that right.
  bool other(const char* value) const {
    if (depth_ == 0) refuse(fmt::format("is {}", value));
    if (is_text_) refuse(fmt::format("has {} as its \"text\"", value));
    return true;
  }

  const std::string& where_;
  std::int64_t line_;
  std::string text_;
  std::int64_t depth_ = 0;
  bool is_text_ = false;  ///< the value that comes next is the document's
  bool found_ = false;
};

}  // namespace

void for_each_document(std::string_view jsonl, const std::string& where,
                       const std::function<void(std::string_view)>& take) {
  std::int64_t number = 0;
  while (!jsonl.empty()) {
    const auto newline = jsonl.find('\n');
    const auto line = jsonl.substr(0, newline);
    jsonl.remove_prefix(newline == std::string_view::npos ? jsonl.size() : newline + 1);
    ++number;
    if (is_blank(line)) continue;
    DocumentReader reader(where, number);
    nlohmann::json::sax_parse(line.begin(), line.end(), &reader);
    take(reader.take());
  }
}

}  // namespace lift
