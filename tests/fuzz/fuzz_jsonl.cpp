#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "src/text/json_documents.hpp"
#include "tests/fuzz/fuzz_target.hpp"

/// A .jsonl file; each document must be what a parser of whole values finds in its line.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lift;
  const std::string_view jsonl = text_of(data, size);
  std::vector<std::string> documents;
  const bool parsed = is_parsed(
      [&] { for_each_document(jsonl, "f", [&](std::string_view text) { documents.emplace_back(text); }); });
  if (!parsed) return 0;
  std::size_t found = 0;
  for (std::string_view rest = jsonl; !rest.empty();) {
    const auto line = rest.substr(0, std::min(rest.find('\n'), rest.size() - 1) + 1);
    rest.remove_prefix(line.size());
    const auto json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (json.is_discarded()) continue;  // a blank line, or it would have been refused
    require(found < documents.size() && json.at("text") == documents[found], "another text");
    ++found;
  }
  require(found == documents.size(), "another number of documents");
  return 0;
}
