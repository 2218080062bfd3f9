#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "jobs/sweep_plan.hpp"
#include "src/report/format.hpp"
#include "src/report/table.hpp"

namespace lift {
namespace {

constexpr double kGib = 1024.0 * 1024.0 * 1024.0;

std::int64_t steps_of(const SweepPoint& point) {
  return count_run(*point.plan, point.size).steps;
}

/// Where the warm-up of a point begins: after the last epoch that another of its warm-up ends with; 0 for
/// none.
int begins_after(const SweepPlan& plan, std::size_t k) {
  int after = 0;
  if (plan.points[k].warmup.empty()) return after;
  for (const std::size_t other : plan.members(plan.points[k].warmup)) {
    if (other == k) break;
    after = plan.points[other].epochs();
  }
  return after;
}

Table schedule(const SweepPlan& plan, const std::vector<PointSeconds>& seconds, int ranks_each,
               at::DeviceType device) {
  Table table{.columns = {{"point", {"point"}, true},
                          {"warm-up", {"warmup"}, true},
                          {"epochs", {"epochs"}},
                          {"steps", {"steps"}},
                          {"time", {"seconds"}},
                          {"alone", {"seconds_alone"}},
                          {"memory of a rank", {"memory"}}},
              .rows = {}};
  std::map<std::string, std::size_t> numbers;  // of shared warm-ups
  for (const std::size_t k : plan.order) {
    const SweepPoint& point = plan.points[k];
    if (!point.valid()) continue;
    const int after = begins_after(plan, k);
    const double memory = estimate_memory(*point.plan, point.size, ranks_each, device).total();
    std::string whose = "its own";
    if (!point.warmup.empty())
      whose = fmt::format("shared {}", numbers.emplace(point.warmup, numbers.size() + 1).first->second);
    table.rows.push_back({Cell::label(point.name), Cell::label(whose),
                          Cell::label(after > 0 ? fmt::format("{}, from {} on", point.epochs(), after)
                                                : fmt::format("{}", point.epochs())),
                          Cell::label(format_count(seconds[k].steps_shared)),
                          Cell::label(format_duration(seconds[k].shared)),
                          Cell::label(format_duration(seconds[k].alone)),
                          Cell::label(fmt::format("{:.2f} GiB", memory / kGib))});
  }
  return table;
}

std::string trouble(const SweepPlan& plan) {
  std::string text;
  for (const SweepPoint& point : plan.points) {
    if (!point.valid()) text += fmt::format("  {}: {}\n", point.name, point.trouble);
  }
  return text;
}

/// What of a point's options has no effect.
std::string notes(const SweepPlan& plan) {
  std::string text;
  for (const SweepPoint& point : plan.points) {
    if (!point.valid()) continue;
    for (const auto* lines : {&point.options->notes(), &point.plan->notes}) {
      for (const std::string& line : *lines) text += fmt::format("  {}: {}\n", point.name, line);
    }
  }
  return text;
}

/// What lies there of warm-ups that points share until the last of them is done.
double branch_bytes(const SweepPlan& plan) {
  double bytes = 0;
  for (const std::size_t k : plan.order) {
    const SweepPoint& point = plan.points[k];
    if (!point.valid() || point.warmup.empty() || begins_after(plan, k) == point.epochs()) continue;
    bytes +=
        5.0 * static_cast<double>(point.plan->layout.n()) * (point.plan->precision == at::kDouble ? 8 : 4);
  }
  return bytes;
}

/// Group by group the next point goes to whoever is free first; that a warm-up must wait for the epochs that
/// another takes of it bounds it from below.
double wall_seconds(const SweepPlan& plan, const std::vector<PointSeconds>& seconds, int groups) {
  std::vector<double> busy(static_cast<std::size_t>(groups), 0.0);
  for (const std::size_t k : plan.order) *std::ranges::min_element(busy) += seconds[k].shared;
  double longest = *std::ranges::max_element(busy);
  for (const PointSeconds& point : seconds) longest = std::max(longest, point.alone);
  return longest;
}

}  // namespace

std::vector<PointSeconds> estimate_points(const SweepPlan& plan, int ranks_each, const ComputeRates& rates) {
  std::vector<PointSeconds> all(plan.points.size());
  for (const std::size_t k : plan.order) {
    const SweepPoint& point = plan.points[k];
    if (!point.valid()) continue;
    const RunSeconds alone = estimate_seconds(*point.plan, point.size, ranks_each, rates);
    const int epochs = point.epochs();
    const double left = epochs == 0 ? 1.0 : 1.0 - begins_after(plan, k) / static_cast<double>(epochs);
    const std::int64_t steps = steps_of(point);
    all[k] = {.alone = alone.total(),
              .shared = alone.total() - (1.0 - left) * alone.warmup,
              .steps_alone = steps,
              .steps_shared = epochs == 0 ? 0 : steps / epochs * (epochs - begins_after(plan, k))};
  }
  return all;
}

std::string describe(const SweepPlan& plan, int groups, int ranks_each, at::Device device) {
  const std::int64_t invalid = plan.invalid(), valid = std::ssize(plan.points) - invalid;
  std::string text = fmt::format("{} points{}\n", plan.points.size(),
                                 invalid > 0 ? fmt::format(", {} of them invalid:", invalid) : "");
  text += trouble(plan) + notes(plan);
  if (valid == 0) return text;
  const ComputeRates rates = measure_rates(*plan.points[plan.order.front()].plan, device);
  const std::vector<PointSeconds> seconds = estimate_points(plan, ranks_each, rates);
  PointSeconds sum;
  for (const PointSeconds& point : seconds) {
    sum.alone += point.alone;
    sum.shared += point.shared;
    sum.steps_alone += point.steps_alone;
    sum.steps_shared += point.steps_shared;
  }
  text += fmt::format("\n{}\n", to_text(schedule(plan, seconds, ranks_each, rates.device)));
  const auto line = [&text](const std::string& name, const std::string& what) {
    text += fmt::format("  {:<22}{}\n", name, what);
  };
  line("warm-up", fmt::format("{} steps, of {} that all points would take alone",
                              format_count(sum.steps_shared), format_count(sum.steps_alone)));
  line("work",
       fmt::format("{} of {} rank{} each, of {} that all would take alone", format_duration(sum.shared),
                   ranks_each, ranks_each == 1 ? "" : "s", format_duration(sum.alone)));
  line("walltime",
       fmt::format("about {} on {} group{} like this one ({:.0f} GFLOP/s in a matrix product just now)",
                   format_duration(wall_seconds(plan, seconds, groups)), groups, groups == 1 ? "" : "s",
                   rates.model / 1e9));
  line("disk meanwhile",
       fmt::format("{:.2f} GiB of shared warm-ups, beside what each run has (lift run --dry-run)",
                   branch_bytes(plan) / kGib));
  return text;
}

}  // namespace lift
