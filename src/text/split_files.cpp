#include "src/text/split_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string_view>
#include <system_error>
#include <tuple>

#include "mpi/error.hpp"

namespace lift {
namespace {

constexpr std::array kSplits{Split::train, Split::valid, Split::test};

struct PlainName {
  const char* pattern;
  SplitForm form;
  bool may_be_val;
};
constexpr std::array<PlainName, 4> kPlainNames{{{"wiki.{}.raw", SplitForm::lines, false},
                                                {"{}.txt", SplitForm::lines, true},
                                                {"{}.jsonl", SplitForm::documents, true},
                                                {"{}.bin", SplitForm::tokens, true}}};

std::vector<std::string> names_of(Split split) {
  if (split == Split::valid) return {"valid", "val"};
  return {to_string(split)};
}

std::optional<SplitFiles> plain_file(const std::filesystem::path& folder, Split split) {
  const auto names = names_of(split);
  std::error_code ignored;
  for (const auto& plain : kPlainNames) {
    for (const auto& name : names) {
      if (&name != &names.front() && !plain.may_be_val) continue;
      const auto file = folder / fmt::format(fmt::runtime(plain.pattern), name);
      if (std::filesystem::exists(file, ignored)) return SplitFiles{plain.form, {file}};
    }
  }
  return {};
}

/// A file name NAME_SPLIT.bin or NAME_SPLIT_NUMBER.bin, taken apart.
struct ShardName {
  std::string_view set;     ///< NAME
  std::string_view number;  ///< its digits, empty if there are none
};

std::optional<ShardName> shard_name(std::string_view file, std::string_view split) {
  constexpr std::string_view kEnding = ".bin";
  if (file.starts_with('.') || !file.ends_with(kEnding)) return {};  // "._x.bin" is no data but macOS's
  file.remove_suffix(kEnding.size());
  const auto digits = file.find_last_not_of("0123456789") + 1;
  std::string_view number;
  if (digits < file.size() && digits > 1 && file[digits - 1] == '_') {
    number = file.substr(digits);
    file = file.substr(0, digits - 1);
  }
  if (!file.ends_with(split)) return {};
  file.remove_suffix(split.size());
  if (file.size() < 2 || !file.ends_with('_')) return {};
  return ShardName{file.substr(0, file.size() - 1), number};
}

std::vector<std::string> listed(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    names.push_back(at->path().filename().string());
  }
  if (error) {
    throw Error(ExitCode::input, fmt::format("{}: cannot be listed: {}", folder.string(), error.message()));
  }
  return names;
}

/// Whether shard `a` comes before `b`: by number, however many zeros stand before it; none comes first.
bool comes_before(std::string_view a, std::string_view b) {
  const auto value = [](std::string_view number) {
    const auto digits = number.substr(std::min(number.find_first_not_of('0'), number.size()));
    return std::tuple(!number.empty(), digits.size(), digits);
  };
  return std::tuple(value(a), a) < std::tuple(value(b), b);
}

/// The one file without a number, else all numbered ones.
std::optional<SplitFiles> shards(const std::filesystem::path& folder, const std::vector<std::string>& listed,
                                 std::string_view split) {
  std::map<std::string_view, std::vector<std::pair<std::string_view, std::string_view>>> sets;
  for (const auto& file : listed) {
    if (const auto name = shard_name(file, split)) sets[name->set].emplace_back(name->number, file);
  }
  if (sets.empty()) return {};
  if (sets.size() > 1) {
    throw Error(ExitCode::input,
                fmt::format("{}: holds both {} and {}, expected the {} split of one data set",
                            folder.string(), sets.begin()->second.front().second,
                            std::next(sets.begin())->second.front().second, split));
  }
  auto& found = sets.begin()->second;
  std::ranges::sort(found, [](const auto& a, const auto& b) { return comes_before(a.first, b.first); });
  if (found.front().first.empty()) found.resize(1);
  SplitFiles files{SplitForm::tokens, {}};
  for (const auto& [number, file] : found) files.files.push_back(folder / file);
  return files;
}

std::optional<SplitFiles> find_split(const std::filesystem::path& folder, Split split) {
  if (auto plain = plain_file(folder, split)) return plain;
  const auto files = listed(folder);
  for (const auto& name : names_of(split)) {
    if (auto found = shards(folder, files, name)) return found;
  }
  return {};
}

[[noreturn]] void refuse_missing(const std::filesystem::path& folder, Split split) {
  std::string expected;
  for (const auto& plain : kPlainNames)
    expected += fmt::format(fmt::runtime(plain.pattern), to_string(split)) + ", ";
  std::string hint;
  if (split == Split::valid) hint = "; val for valid is understood but in the first";
  if (split == Split::test) {
    const auto valid = find_split(folder, Split::valid);
    if (valid && valid->form == SplitForm::tokens) {
      hint = "; nanoGPT and llm.c write train and val only: put a test.bin of your own beside them";
    }
  }
  throw Error(ExitCode::input,
              fmt::format("{}: no {} split, expected {}NAME_{}.bin or NAME_{}_N.bin{}", folder.string(),
                          to_string(split), expected, to_string(split), to_string(split), hint));
}

}  // namespace

const char* to_string(Split split) noexcept {
  switch (split) {
    case Split::train:
      return "train";
    case Split::valid:
      return "valid";
    case Split::test:
      break;
  }
  return "test";
}

Split split_from(const std::string& name) {
  for (const auto split : kSplits) {
    if (name == to_string(split)) return split;
  }
  throw Error(ExitCode::usage, fmt::format("no split is called \"{}\": expected train, valid or test", name));
}

SplitFiles split_files(const std::filesystem::path& folder, Split split) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder, ignored)) {
    throw Error(ExitCode::input,
                fmt::format("{}: no such folder, expected the data's folder", folder.string()));
  }
  auto found = find_split(folder, split);
  if (!found) refuse_missing(folder, split);
  return std::move(*found);
}

std::filesystem::path split_file(const std::filesystem::path& folder, Split split) {
  return split_files(folder, split).files.front();
}

}  // namespace lift
