#include "jobs/sweep_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <set>
#include <sstream>
#include <utility>

#include "jobs/option_values.hpp"
#include "mpi/error.hpp"
#include "src/text/content_hash.hpp"

namespace lift {
namespace {

constexpr std::string_view kPoint = "point ";
constexpr std::size_t kMostPoints = 10'000;
constexpr std::size_t kLongestName = 150;

/// What is of a sweep as a whole, or would be one file for all of its runs.
constexpr std::array<std::string_view, 6> kNotOfAPoint = {"out",          "json",  "max-hours",
                                                          "stop-signals", "petsc", "search.keep"};

[[noreturn]] void refuse(const std::string& message) {
  throw Error(ExitCode::usage, message);
}

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(" \t\r") - first + 1));
}

/// An option with what it is to be in turn.
struct Axis {
  std::string name;
  std::vector<std::string> values;
};

/// Lines of one section [point NAME], or of none.
struct Part {
  std::string name;
  std::vector<Axis> fixed;  ///< of one value each; of the common part they stay in the config
  std::vector<Axis> axes;
};

std::vector<std::string> alternatives(const Setting& setting) {
  std::vector<std::string> values;
  std::istringstream parts(setting.value + "|");
  for (std::string part; std::getline(parts, part, '|');) values.push_back(trimmed(part));
  std::set<std::string> met;
  for (const std::string& value : values) {
    if (!met.insert(value).second)
      refuse(fmt::format("{}: the alternative '{}' stands twice", setting.place, shown(value)));
  }
  return values;
}

std::string header_of(const std::string& line) {
  const std::string text = trimmed(std::string_view(line).substr(0, line.find('#')));
  return text.starts_with('[') && text.ends_with(']')
             ? trimmed(std::string_view(text).substr(1, text.size() - 2))
             : "";
}

std::string point_name(const std::string& header, const std::string& place) {
  const std::string name = trimmed(std::string_view(header).substr(kPoint.size() - 1));
  const auto fits = [](unsigned char letter) {
    return std::isalnum(letter) != 0 || letter == '_' || letter == '-';
  };
  if (name.empty() || !std::ranges::all_of(name, fits))
    refuse(fmt::format("{}: [{}]: expected [point NAME], NAME of letters, digits, - and _", place,
                       shown(header)));
  return name;
}

/// A sweep's file taken apart.
class SweepText {
 public:
  SweepText(const std::filesystem::path& path, const std::string& content) : path_(path) {
    std::istringstream stream(content);
    for (std::string line; std::getline(stream, line);) lines_.push_back(line);
    find_points();
    for (const Setting& setting : config_settings(path, content)) take(setting);
  }

  [[nodiscard]] const Part& common() const { return common_; }
  /// The points by their sections; one without a name where there are none.
  [[nodiscard]] std::vector<Part> points() const {
    return points_.empty() ? std::vector<Part>{Part{}} : points_;
  }
  /// What stands in one line for all points, each in its line, but for what `point` sets itself.
  [[nodiscard]] std::string config(const Part& point) const {
    std::vector<std::string> lines = lines_;
    for (const auto* axes : {&point.fixed, &point.axes}) {
      for (const Axis& axis : *axes) {
        if (const auto line = lines_of_.find(axis.name); line != lines_of_.end())
          lines.at(line->second).clear();
      }
    }
    std::string text;
    for (const std::string& line : lines) text += line + "\n";
    return text;
  }

 private:
  /// Sections of points, empty ones too; their lines are taken out of what is common.
  void find_points() {
    bool in_point = false;
    for (std::size_t k = 0; k < lines_.size(); ++k) {
      const std::string header = header_of(lines_[k]);
      const std::string place = fmt::format("{}:{}", shown(path_.string()), k + 1);
      if (!header.empty()) {
        in_point = header == "point" || header.starts_with(kPoint);
        if (in_point) add_point(header, place);
        if (!in_point && !points_.empty())
          refuse(fmt::format("{}: [{}]: what all points share stands before the first [point {}]", place,
                             shown(header), points_.front().name));
      }
      if (in_point) lines_[k].clear();
    }
  }
  void add_point(const std::string& header, const std::string& place) {
    const std::string name = point_name(header, place);
    if (std::ranges::find(points_, name, &Part::name) != points_.end())
      refuse(fmt::format("{}: [point {}] stands twice", place, name));
    points_.push_back({.name = name, .fixed = {}, .axes = {}});
  }

  void take(const Setting& setting) {
    std::string key = trimmed(setting.key);
    Part* part = &common_;
    const auto dot = key.find('.');
    if (key.starts_with(kPoint) && dot != std::string::npos) {
      const std::string name = trimmed(std::string_view(key).substr(kPoint.size(), dot - kPoint.size()));
      const auto found = std::ranges::find(points_, name, &Part::name);
      if (found == points_.end())
        refuse(fmt::format("{}: expected a section [point {}]", setting.place, shown(name)));
      part = &*found;
      key = key.substr(dot + 1);
    }
    if (std::ranges::count(kNotOfAPoint, key) > 0)
      refuse(fmt::format("{}: '{}' {}", setting.place, key,
                         key == "search.keep" ? "would be one file for all runs of a sweep"
                                              : "belongs to the command line of lift sweep"));
    if (!met_.insert({part->name, key}).second) refuse(fmt::format("{}: given twice", setting.place));
    Axis axis{.name = key, .values = alternatives(setting)};
    const bool several = axis.values.size() > 1;
    if (several && part == &common_) lines_.at(line_of(setting) - 1).clear();
    if (!several && part == &common_) lines_of_.emplace(key, line_of(setting) - 1);
    (several ? part->axes : part->fixed).push_back(std::move(axis));
  }
  [[nodiscard]] static std::size_t line_of(const Setting& setting) {
    return std::stoul(setting.origin.substr(setting.origin.rfind(':') + 1));
  }

  const std::filesystem::path& path_;
  std::vector<std::string> lines_;
  std::map<std::string, std::size_t> lines_of_;  ///< of what stands in one line for all points
  Part common_;
  std::vector<Part> points_;
  std::set<std::pair<std::string, std::string>> met_;
};

/// An option as one word of a command line; a flag that is off is no word.
std::string word_of(const std::string& name, const std::string& value) {
  const OptionSpec* spec = find_option(Job::run, name);
  if (spec == nullptr || spec->kind != Kind::flag) return fmt::format("--{}={}", name, value);
  if (value == "false") return "";
  return value == "true" ? fmt::format("--{}", name) : fmt::format("--{}={}", name, value);
}

/// A name that is a folder's: whatever a path cannot hold, or a shell would read, is an underscore.
std::string folder_name(const std::string& name) {
  std::string safe;
  for (const char letter : name) {
    const bool kept = std::isalnum(static_cast<unsigned char>(letter)) != 0 ||
                      std::string_view("._=,+:@%-").find(letter) != std::string_view::npos;
    safe += kept ? letter : '_';
  }
  if (safe.starts_with('.') || safe.starts_with('-')) safe.front() = '_';  // hidden, or an option to a shell
  if (safe == name && safe.size() <= kLongestName) return safe;
  ContentHash hash;
  hash.add_text(name);
  return fmt::format("{}-{}", safe.substr(0, kLongestName), hash.hex().substr(0, 8));
}

bool sets(const Part& part, const std::string& name) {
  const auto is_it = [&](const Axis& axis) { return axis.name == name; };
  return std::ranges::any_of(part.fixed, is_it) || std::ranges::any_of(part.axes, is_it);
}

/// All points of one section.
class Combinations {
 public:
  Combinations(const SweepText& text, const Part& point) : point_(point), config_(text.config(point)) {
    for (const Axis& axis : text.common().axes) {
      if (!sets(point, axis.name)) axes_.push_back(axis);
    }
    axes_.insert(axes_.end(), point.axes.begin(), point.axes.end());
  }

  [[nodiscard]] std::size_t count() const {
    std::size_t count = 1;
    for (const Axis& axis : axes_) {
      count *= axis.values.size();
      if (count > kMostPoints) return count;
    }
    return count;
  }
  /// The last axis changes first.
  [[nodiscard]] SweepEntry entry(std::size_t number) const {
    std::vector<std::string> values(axes_.size());
    for (std::size_t k = axes_.size(); k-- > 0; number /= axes_[k].values.size())
      values[k] = axes_[k].values[number % axes_[k].values.size()];
    SweepEntry entry{.name = point_.name, .words = {}, .config = config_};
    const auto add = [&](const std::string& name, const std::string& value) {
      if (const std::string word = word_of(name, value); !word.empty()) entry.words.push_back(word);
    };
    for (const Axis& axis : point_.fixed) add(axis.name, axis.values.front());
    for (std::size_t k = 0; k < axes_.size(); ++k) {
      add(axes_[k].name, values[k]);
      entry.name += fmt::format("{}{}={}", entry.name.empty() ? "" : ",", axes_[k].name, values[k]);
    }
    entry.name = folder_name(entry.name.empty() ? "point" : entry.name);
    return entry;
  }

 private:
  const Part& point_;
  std::string config_;
  std::vector<Axis> axes_;
};

}  // namespace

std::vector<SweepEntry> read_sweep(const std::filesystem::path& path, const std::string& content) {
  const SweepText text(path, content);
  std::vector<SweepEntry> entries;
  std::set<std::string> names;
  for (const Part& point : text.points()) {
    const Combinations combinations(text, point);
    if (entries.size() + combinations.count() > kMostPoints)
      refuse(fmt::format("{}: more than {} points", shown(path.string()), kMostPoints));
    for (std::size_t k = 0; k < combinations.count(); ++k) {
      entries.push_back(combinations.entry(k));
      if (!names.insert(entries.back().name).second)
        refuse(fmt::format("{}: two points are named {}", shown(path.string()), entries.back().name));
    }
  }
  return entries;
}

Options options_of(const SweepEntry& entry, const std::filesystem::path& path,
                   const std::filesystem::path& out) {
  std::vector<std::string> words = {"--out", out.string(), "--config", path.string(), "--resume"};
  words.insert(words.end(), entry.words.begin(), entry.words.end());
  return Options::parse(Job::run, words, [&](const std::filesystem::path&) { return entry.config; });
}

}  // namespace lift
