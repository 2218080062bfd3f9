#pragma once
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "jobs/options.hpp"

namespace lift {

/// The options of a job while they are checked.
///
/// What the command line overrides in a file may leave other lines of it idle, and these yet others. So the
/// checks run twice: settling, until nothing new is idle, then to refuse.
class CheckedOptions {
 public:
  enum class Purpose { settle, refuse };
  CheckedOptions(const Options& all, Purpose purpose) : options(all), purpose_(purpose) {}

  /// Throws Error(usage), unless the options are still being settled.
  void refuse(const std::string& message) const;
  /// `name` was given, but what is chosen elsewhere would ignore it: refused, or idle.
  void refuse_idle(std::string_view name, const std::string& because);
  /// Notes those of `names` that were given: one who leaves out a whole phase has not mistaken its options.
  void note_idle(std::span<const std::string_view> names, const std::string& because);
  /// Whether it stands in a file, beside a choice of the command line that may leave it without meaning.
  [[nodiscard]] bool may_be_idle(std::string_view name) const;
  /// To be left out. Settling only.
  void add_idle(std::string_view name);

  const Options& options;
  std::vector<std::string> idle = {};
  std::vector<std::string> notes = {};  ///< a line each for a reader

 private:
  Purpose purpose_;
};

/// Direction, probes, products, rounds and correctors of `lift run`.
void check_search(CheckedOptions& checked);

/// --method: what it leaves idle of the search, and of the other methods.
void check_rival(CheckedOptions& checked);
[[nodiscard]] bool trains_a_rival(const Options& options);
/// Whether it does so as a warm-up does, in --precision; the bilevel ones and radii learned once do not.
[[nodiscard]] bool trains_like_a_warmup(const Options& options);

/// The least and the largest λ of grid and random.
///
/// Without options, 1e-5 to 1e-2 of l2, and 1e-4 to 0.1 of l2-sp, whose pull balances the training loss at
/// 2e-3 to 1e-2 at W0 (the built-in example and the stand-in) [measured]. Trainings of the example below them
/// are as without a regulariser, to 5e-4 nats; the best of 180 steps are at 1e-2 and 1e-3
/// (results/README.md).
[[nodiscard]] std::pair<double, double> lambda_bounds_of_trials(const Options& options);

/// Whether any step of an optimiser is taken.
[[nodiscard]] bool trains(const Options& options);

}  // namespace lift
