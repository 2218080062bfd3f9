#include "src/report/configurations.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <sstream>
#include <utility>

namespace lift {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
/// Where a run writes to, when it may be stopped and what it keeps to go on: nothing that its results depend
/// on.
const std::set<std::string> kWithoutEffect = {"out",
                                              "json",
                                              "cache",
                                              "search.keep",
                                              "max-hours",
                                              "stop-signals",
                                              "checkpoint.minutes",
                                              "checkpoint.keep",
                                              "checkpoint.memo"};

/// The values of `averaged` in `options`.
RunOptions averaged_part(const RunOptions& options, const std::set<std::string>& averaged) {
  RunOptions part;
  for (const auto& [name, value] : options)
    if (averaged.contains(name)) part[name] = value;
  return part;
}

/// A sweep's name for a point, "lift,seed=0,warmup.epochs=5", without what was averaged over.
std::string without_averaged(const std::string& name, const std::set<std::string>& averaged) {
  std::string kept;
  std::istringstream parts(name);
  for (std::string part; std::getline(parts, part, ',');) {
    const auto equals = part.find('=');
    if (equals != std::string::npos && averaged.contains(part.substr(0, equals))) continue;
    kept += (kept.empty() ? "" : ",") + part;
  }
  return kept.empty() ? name : kept;
}

/// As Configuration::name says; what is averaged over stays in names that would else be the same.
void name_configurations(std::vector<Configuration>& all, const std::set<std::string>& averaged) {
  std::map<std::string, int> met;
  const auto short_name = [&](const Configuration& one) {
    return one.runs.size() > 1 ? without_averaged(one.name, averaged) : one.name;
  };
  for (const Configuration& one : all) ++met[short_name(one)];
  for (Configuration& one : all) {
    if (one.runs.size() == 1) continue;
    const std::string kept = short_name(one);
    const bool shorter = kept != one.name && met[kept] == 1;
    one.name = shorter ? kept : fmt::format("{} (+{})", one.name, one.runs.size() - 1);
  }
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

RunOptions settings_of(const RunOptions& options, const std::set<std::string>& averaged) {
  RunOptions settings;
  for (const auto& [name, value] : options)
    if (!kWithoutEffect.contains(name) && !averaged.contains(name)) settings[name] = value;
  return settings;
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
    const std::pair parts(settings_of(*run.options, averaged), averaged_part(*run.options, averaged));
    const std::size_t repeats = met[parts]++;
    const auto [found, fresh] = place.emplace(std::pair(parts.first, repeats), all.size());
    if (fresh) all.push_back({run.name, {}});
    all[found->second].runs.push_back(std::move(run));
  }
  name_configurations(all, averaged);
  return all;
}

std::vector<std::string> differing_options(const std::vector<Configuration>& configurations,
                                           const std::set<std::string>& averaged) {
  std::vector<RunOptions> settings;
  std::set<std::string> names;
  for (const Configuration& one : configurations) {
    if (!one.first().options) continue;
    settings.push_back(settings_of(*one.first().options, averaged));
    for (const auto& [name, value] : settings.back()) names.insert(name);
  }
  std::vector<std::string> differing;
  for (const std::string& name : names) {
    std::set<std::string> values;
    for (const RunOptions& one : settings) {
      const auto found = one.find(name);
      values.insert(found == one.end() ? "" : found->second);
    }
    if (values.size() > 1) differing.push_back(name);
  }
  return differing;
}

}  // namespace lift
