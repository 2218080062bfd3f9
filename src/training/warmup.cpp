#include "src/training/warmup.hpp"

#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "mpi/error.hpp"

namespace lift {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// Wall seconds since it was made.
class Stopwatch {
 public:
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// Mean wall time of what happens again and again.
struct Pace {
  double seconds = 0;
  std::int64_t times = 0;
  void add(double more) {
    seconds += more;
    ++times;
  }
  [[nodiscard]] double mean() const { return times > 0 ? seconds / static_cast<double>(times) : 0.0; }
};

/// The state of one warm-up; its members are the steps of the story told by run().
class Warmup {
 public:
  Warmup(const Objective& objective, const Regularizer& regularizer, std::span<const double> lambda,
         const SequenceSet& train, const SequenceSet& valid, const SequenceSet& test,
         const WarmupOptions& options, const WarmupObserver& observer, const Communicator& comm)
      : objective_(objective),
        train_(train),
        valid_(valid),
        test_(test),
        options_(options),
        observer_(observer),
        comm_(comm),
        order_(options.seed, train.size(), options.batch),
        steps_(options.epochs * order_.batches_per_epoch()),
        w_(objective.tuned().flat()),
        trainer_(objective, regularizer, lambda, train, options.clip, options.precision, comm) {}

  WarmupSummary run(Checkpoints* checkpoints) {
    checkpoints_ = checkpoints;
    std::optional<Checkpoints::Part> part;
    if (checkpoints != nullptr) {
      if (const auto left = checkpoints->take("warm-up")) resume(*left);
      part.emplace(*checkpoints, "warm-up", [this](Section& section) { save(section); });
    }
    if (summary_.epochs.empty()) evaluate(0, kNaN);
    while (std::ssize(summary_.epochs) <= options_.epochs) {
      const int epoch = static_cast<int>(std::ssize(summary_.epochs));
      evaluate(epoch, train_epoch(epoch));
    }
    summary_.steps = trainer_.steps();
    if (checkpoints != nullptr)
      checkpoints->branch([this] { return fmt::format("warm-up, epoch {}", options_.epochs); });
    return std::move(summary_);
  }

 private:
  /// Validation and test loss after `epoch`; keeps W if it is the best so far.
  void evaluate(int epoch, double train_loss) {
    const Stopwatch watch;
    // Ranks of different thread counts or processors may round apart within an epoch.
    broadcast(w_, 0, comm_);
    WarmupEpoch record{.epoch = epoch, .train = train_loss, .test = kNaN};
    at_epoch(epoch, [&] { evaluate_splits(record); });
    record.best = summary_.epochs.empty() || record.valid < best_loss_;
    if (record.best) keep_best(record);
    summary_.epochs.push_back(record);
    evaluation_pace_.add(watch.seconds());
    if (observer_.on_epoch) observer_.on_epoch(record);
  }

  /// W goes back to the last good one if a loss is not finite.
  void evaluate_splits(WarmupEpoch& record) {
    try {
      record.valid = mean_of(valid_, "valid");
      if (test_.size() > 0) record.test = mean_of(test_, "test");
    } catch (const AgreedError& error) {
      if (error.code() == ExitCode::numerical) trainer_.restore_last_good();
      throw;
    }
  }

  double mean_of(const SequenceSet& set, const char* split) {
    const auto progress = [&](std::int64_t done, std::int64_t total) {
      if (observer_.on_evaluation) observer_.on_evaluation(split, done, total);
    };
    return mean_loss(objective_, set, first_sequences(set.size()), comm_, progress);
  }

  void keep_best(const WarmupEpoch& record) {
    best_loss_ = record.valid;
    summary_.best_epoch = record.epoch;
    summary_.best_weights = w_.to(at::kCPU, w_.scalar_type(), /*non_blocking=*/false, /*copy=*/true);
  }

  /// The rest of a pass over the training sequences; returns the mean loss of all its sequences as they were
  /// met.
  double train_epoch(int epoch) {
    const std::int64_t first = (epoch - 1) * order_.batches_per_epoch();
    while (trainer_.steps() < first + order_.batches_per_epoch()) {
      const auto sequences = order_.batch(epoch - 1, trainer_.steps() - first);
      epoch_total_ += train_step(epoch, sequences) * static_cast<double>(sequences.size());
      if (checkpoints_ != nullptr)
        checkpoints_->boundary(
            [this] { return fmt::format("warm-up, step {} of {}", trainer_.steps(), steps_); });
    }
    return std::exchange(epoch_total_, 0.0) / static_cast<double>(train_.size());
  }

  void save(Section& section) const {
    trainer_.save(section);
    section.put("best_weights", summary_.best_weights);
    section.put("best_loss", best_loss_);
    section.put("best_epoch", summary_.best_epoch);
    section.put("epoch_total", epoch_total_);
    std::vector<double> train, valid, test;
    for (const WarmupEpoch& epoch : summary_.epochs) {
      train.push_back(epoch.train);
      valid.push_back(epoch.valid);
      test.push_back(epoch.test);
    }
    section.put("train", train);
    section.put("valid", valid);
    section.put("test", test);
  }

  void resume(const Section& section) {
    trainer_.resume(section);
    best_loss_ = section.number("best_loss");
    summary_.best_epoch = static_cast<int>(section.count("best_epoch"));
    summary_.best_weights = at::empty(w_.sizes(), w_.options().device(at::kCPU));
    section.load("best_weights", summary_.best_weights);
    epoch_total_ = section.number("epoch_total");
    const auto train = section.numbers("train"), valid = section.numbers("valid"),
               test = section.numbers("test");
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t k = 0; k < valid.size(); ++k) {
      const bool best = k == 0 || valid[k] < least;
      if (best) least = valid[k];
      summary_.epochs.push_back({static_cast<int>(k), train.at(k), valid[k], test.at(k), best});
    }
  }

  /// One Adam step on F over a global batch; returns L_t of the batch before it.
  double train_step(int epoch, const std::vector<std::int64_t>& sequences) {
    const Stopwatch watch;
    WarmupStep record{.step = trainer_.steps() + 1, .steps = steps_};
    record.rate = scheduled_rate(options_.schedule, options_.rate, trainer_.steps(), steps_);
    at_epoch(epoch, [&] {
      const Trainer::Step step = trainer_.step(sequences, record.rate);
      record.loss = step.loss;
      record.gradient_norm = step.gradient_norm;
    });
    report(record, sequences.size(), watch.seconds());
    return record.loss;
  }

  void report(WarmupStep& record, std::size_t sequences, double seconds) {
    step_pace_.add(seconds);
    if (!observer_.on_step) return;
    record.epoch = static_cast<double>(record.step) / static_cast<double>(order_.batches_per_epoch());
    record.tokens_per_second = static_cast<double>(sequences) * train_.length() / seconds;
    const auto evaluations_left = static_cast<double>(options_.epochs + 1 - std::ssize(summary_.epochs));
    record.seconds_left = step_pace_.mean() * static_cast<double>(steps_ - record.step) +
                          evaluation_pace_.mean() * evaluations_left;
    observer_.on_step(record);
  }

  /// Runs a collective step of `epoch`; what it throws says how far the warm-up had come.
  template <typename Evaluation>
  void at_epoch(int epoch, Evaluation&& evaluation) {
    try {
      evaluation();
    } catch (const AgreedError& error) {
      throw AgreedError(error.code(), diagnosis(epoch, error.what()));
    }
  }

  [[nodiscard]] std::string diagnosis(int epoch, const std::string& cause) const {
    return fmt::format("warm-up stopped after step {} of {} (epoch {} of {}): {}", trainer_.steps(), steps_,
                       epoch, options_.epochs, cause);
  }

  const Objective& objective_;
  const SequenceSet& train_;
  const SequenceSet& valid_;
  const SequenceSet& test_;
  const WarmupOptions& options_;
  const WarmupObserver& observer_;
  const Communicator& comm_;
  BatchOrder order_;
  std::int64_t steps_;
  at::Tensor w_;  ///< shares the storage of tuned().flat()
  Trainer trainer_;
  Pace step_pace_;
  Pace evaluation_pace_;
  Checkpoints* checkpoints_ = nullptr;
  double epoch_total_ = 0;  ///< Σ of the losses of this epoch's sequences so far
  double best_loss_ = std::numeric_limits<double>::infinity();
  WarmupSummary summary_;
};

}  // namespace

std::string WarmupOptions::violation() const {
  if (epochs < 0) return fmt::format("epochs = {} violates epochs ≥ 0", epochs);
  if (!(rate > 0) || !std::isfinite(rate)) return fmt::format("rate = {} violates 0 < rate < ∞", rate);
  if (!(clip >= 0) || !std::isfinite(clip)) return fmt::format("clip = {} violates 0 ≤ clip < ∞", clip);
  if (batch < 1) return fmt::format("batch = {} violates batch ≥ 1", batch);
  return "";
}

WarmupSummary warm_up(const Objective& objective, const Regularizer& regularizer,
                      std::span<const double> lambda, const SequenceSet& train, const SequenceSet& valid,
                      const SequenceSet& test, const WarmupOptions& options, const WarmupObserver& observer,
                      const Communicator& comm, Checkpoints* checkpoints) {
  if (const auto violation = options.violation(); !violation.empty()) {
    throw AgreedError(ExitCode::usage, "warm-up: " + violation);
  }
  return Warmup(objective, regularizer, lambda, train, valid, test, options, observer, comm).run(checkpoints);
}

}  // namespace lift
