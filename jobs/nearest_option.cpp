#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "jobs/option_table.hpp"
#include "jobs/option_values.hpp"

namespace lift {
namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

std::string nearest_option(Job job, std::string_view name) {
  const OptionSpec* best = nullptr;
  std::size_t least = std::numeric_limits<std::size_t>::max();
  for (const OptionSpec& spec : option_table()) {
    if (!spec.belongs_to(job)) continue;
    const std::string_view last_part = spec.name.substr(spec.name.rfind('.') + 1);
    const std::size_t distance =
        !name.empty() && spec.name.starts_with(name)
            ? 1
            : std::min(edit_distance(name, spec.name), edit_distance(name, last_part) + 1);
    if (distance < least) {
      least = distance;
      best = &spec;
    }
  }
  return std::string(best->name);
}

std::string no_such_option(Job job, std::string_view name) {
  std::string others;
  for (const Job other : kJobs) {
    if (find_option(other, name) == nullptr) continue;
    others += fmt::format("{}lift {}", others.empty() ? "" : ", ", to_string(other));
  }
  const std::string hint = fmt::format("the nearest it has is '{}'", nearest_option(job, name));
  if (others.empty())
    return fmt::format("unknown option '{}' of lift {}; {}", shown(name), to_string(job), hint);
  return fmt::format("'{}' is an option of {}, not of lift {}; {}", name, others, to_string(job), hint);
}

std::string nearest(std::string_view word, const std::vector<std::string>& known) {
  return *std::ranges::min_element(known, {}, [&](const std::string& k) { return edit_distance(word, k); });
}

}  // namespace lift
