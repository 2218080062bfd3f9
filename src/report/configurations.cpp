#include "src/report/configurations.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

namespace lift {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
const std::set<std::string> kPlaces = {"out", "json", "cache", "search.keep"};

/// Options that make a configuration, and those that only tell its runs apart.
std::pair<RunOptions, RunOptions> parted(const RunOptions& options, const std::set<std::string>& averaged) {
  std::pair<RunOptions, RunOptions> parts;
  for (const auto& [name, value] : options) {
    if (!kPlaces.contains(name)) (averaged.contains(name) ? parts.second : parts.first)[name] = value;
  }
  return parts;
}

}  // namespace

Spread spread_of(const std::vector<double>& values) {
  Spread spread{.mean = kNaN, .deviation = kNaN, .count = 0};
  double sum = 0;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    sum += value;
    ++spread.count;
  }
  if (spread.count == 0) return spread;
  spread.mean = sum / spread.count;
  if (spread.count < 2) return spread;
  double squares = 0;
  for (const double value : values) {
    if (std::isfinite(value)) squares += (value - spread.mean) * (value - spread.mean);
  }
  spread.deviation = std::sqrt(squares / (spread.count - 1));
  return spread;
}

std::vector<Configuration> configurations_of(std::vector<KeptRun> runs,
                                             const std::set<std::string>& averaged) {
  std::vector<Configuration> all;
  std::map<std::pair<RunOptions, std::size_t>, std::size_t> place;  // options, how often repeated → which
  std::map<std::pair<RunOptions, RunOptions>, std::size_t> met;
  for (KeptRun& run : runs) {
    if (!run.options) {
      all.push_back({run.name, {}});
      all.back().runs.push_back(std::move(run));
      continue;
    }
    const auto parts = parted(*run.options, averaged);
    const std::size_t repeats = met[parts]++;
    const auto [found, fresh] = place.emplace(std::pair(parts.first, repeats), all.size());
    if (fresh) all.push_back({run.name, {}});
    all[found->second].runs.push_back(std::move(run));
  }
  for (Configuration& one : all) {
    if (one.runs.size() > 1) one.name += fmt::format(" (+{})", one.runs.size() - 1);
  }
  return all;
}

std::vector<std::string> differing_options(const std::vector<Configuration>& configurations,
                                           const std::set<std::string>& averaged) {
  std::map<std::string, std::set<std::string>> values;
  std::set<std::string> names;
  for (const Configuration& one : configurations) {
    if (one.first().options)
      for (const auto& [name, value] : parted(*one.first().options, averaged).first) names.insert(name);
  }
  for (const Configuration& one : configurations) {
    if (!one.first().options) continue;
    for (const std::string& name : names) {
      const auto found = one.first().options->find(name);
      values[name].insert(found == one.first().options->end() ? "" : found->second);
    }
  }
  std::vector<std::string> differing;
  for (const auto& [name, seen] : values)
    if (seen.size() > 1) differing.push_back(name);
  return differing;
}

}  // namespace lift
