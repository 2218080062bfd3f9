#include "jobs/option_values.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "mpi/error.hpp"

namespace lift {
namespace {

/// What std::from_chars makes of the whole of a text.
template <typename Number>
struct Parsed {
  std::optional<Number> value;
  std::string fault;
};

template <typename Number>
Parsed<Number> parse(std::string_view text, const char* what) {
  Number value{};
  const char* end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, value);
  if (code == std::errc::result_out_of_range && stop == end) {
    return {{}, fmt::format("'{}' is beyond the range of numbers", shown(text))};
  }
  if (code != std::errc() || stop != end) return {{}, fmt::format("'{}' is not {}", shown(text), what)};
  return {value, ""};
}

Parsed<double> parse_real(std::string_view text) {
  Parsed<double> parsed = parse<double>(text, "a number");
  if (parsed.value && !std::isfinite(*parsed.value))
    return {{}, fmt::format("'{}' is not finite", shown(text))};
  return parsed;
}

Parsed<std::int64_t> parse_whole(std::string_view text) {
  return parse<std::int64_t>(text, "a whole number");
}

template <typename Number>
std::string number_fault(const Parsed<Number>& parsed, std::string_view text, const Range& range) {
  if (!parsed.value) return parsed.fault;
  const auto value = static_cast<double>(*parsed.value);
  if (range.contains(value)) return "";
  if (value > range.high)
    return fmt::format("'{}' is too large, at most {} is allowed", shown(text), range.high);
  return fmt::format("'{}' is out of range", shown(text));
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
    if (text.empty()) parts.push_back(text);
  }
  return parts;
}

std::string list_fault(std::string_view text, const Range& range) {
  for (const std::string_view part : split(text, ',')) {
    if (std::string fault = number_fault(parse_whole(part), part, range); !fault.empty()) return fault;
  }
  return "";
}

std::string map_fault(std::string_view text, const Range& range) {
  std::map<std::int64_t, bool> seen;
  for (const std::string_view pair : split(text, ',')) {
    const std::vector<std::string_view> sides = split(pair, ':');
    if (sides.size() != 2) return fmt::format("'{}' is not a pair KEY:VALUE", shown(pair));
    for (const std::string_view side : sides) {
      if (std::string fault = number_fault(parse_whole(side), side, range); !fault.empty()) return fault;
    }
    if (!seen.emplace(*parse_whole(sides[0]).value, true).second) {
      return fmt::format("'{}' stands twice", shown(sides[0]));
    }
  }
  return "";
}

/// A value must survive config.cfg, where # begins a comment and blanks around a value are dropped.
std::string text_fault(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  if (text.find_first_of("#\n") != std::string_view::npos) {
    return fmt::format("'{}'", shown(text)) + " contains a # or a line break, which config.cfg cannot hold";
  }
  if (!text.empty() && (kBlank.find(text.front()) != std::string_view::npos ||
                        kBlank.find(text.back()) != std::string_view::npos)) {
    return fmt::format("'{}'", shown(text)) + " begins or ends with a blank, which config.cfg cannot hold";
  }
  return "";
}

std::string choice_fault(std::string_view text, const std::vector<std::string_view>& choices) {
  for (const std::string_view choice : choices) {
    if (choice == text) return "";
  }
  return fmt::format("'{}' is not one of them", shown(text));
}

std::string fault_of_kind(const OptionSpec& spec, std::string_view text) {
  switch (spec.kind) {
    case Kind::flag:
      return choice_fault(text, {"true", "false"});
    case Kind::count:
      return number_fault(parse_whole(text), text, spec.range);
    case Kind::count_or_word:
      return text == spec.choices.front() ? "" : number_fault(parse_whole(text), text, spec.range);
    case Kind::real:
      return number_fault(parse_real(text), text, spec.range);
    case Kind::text:
      return text_fault(text);
    case Kind::path:
      return text.empty() ? "the path is empty" : text_fault(text);
    case Kind::choice:
      return choice_fault(text, spec.choices);
    case Kind::integer_list:
      return list_fault(text, spec.range);
    case Kind::integer_map:
      return map_fault(text, spec.range);
  }
  return "unknown kind";
}

}  // namespace

std::string shown(std::string_view typed) {
  constexpr std::size_t kMost = 200;
  std::size_t kept = std::min(kMost, typed.size());
  std::string quoted = fmt::format("{:?}", typed.substr(0, kept));
  for (; quoted.size() > kMost + 2; quoted = fmt::format("{:?}", typed.substr(0, kept))) kept /= 2;
  return quoted.substr(1, quoted.size() - 2) + (kept < typed.size() ? "…" : "");
}

std::string violation(const OptionSpec& spec, std::string_view text) {
  const std::string fault = fault_of_kind(spec, text);
  return fault.empty() ? "" : fmt::format("{}; expected {}", fault, expected(spec));
}

std::string expected(const OptionSpec& spec) {
  const std::string limits = spec.range.text();
  const std::string range = limits.empty() ? "" : fmt::format(" {}", limits);
  switch (spec.kind) {
    case Kind::flag:
      return "true or false";
    case Kind::count:
      return "a whole number" + range;
    case Kind::count_or_word:
      return fmt::format("a whole number{} or the word {}", range, spec.choices.front());
    case Kind::real:
      return "a number" + range;
    case Kind::text:
      return "a text";
    case Kind::path:
      return "a path";
    case Kind::choice:
      return fmt::format("one of {}", fmt::join(spec.choices, ", "));
    case Kind::integer_list:
      return "whole numbers" + range + " separated by commas";
    case Kind::integer_map:
      return "pairs KEY:VALUE of whole numbers" + range + " separated by commas";
  }
  return "";
}

std::int64_t count_of(std::string_view text) {
  return parse_whole(text).value.value();
}

double real_of(std::string_view text) {
  return parse_real(text).value.value();
}

std::vector<int> integers_of(std::string_view text) {
  std::vector<int> values;
  for (const std::string_view part : split(text, ',')) {
    values.push_back(static_cast<int>(parse_whole(part).value.value()));
  }
  return values;
}

std::map<int, int> integer_map_of(std::string_view text) {
  std::map<int, int> values;
  for (const std::string_view pair : split(text, ',')) {
    const std::vector<std::string_view> sides = split(pair, ':');
    values.emplace(static_cast<int>(parse_whole(sides[0]).value.value()),
                   static_cast<int>(parse_whole(sides[1]).value.value()));
  }
  return values;
}

}  // namespace lift
