#pragma once
#include <cstdint>

#include "jobs/corpus_inputs.hpp"
#include "jobs/run_plan.hpp"

namespace lift {

/// Sequences of the corpus, which the plan's counts depend on.
struct CorpusSize {
  std::int64_t train = 0;
  std::int64_t valid = 0;
  std::int64_t test = 0;
  std::int64_t search = valid;  ///< validation sequences that the search works on
  std::int64_t ood = 0;         ///< of the other corpus
};
[[nodiscard]] CorpusSize corpus_size(const Corpus& corpus);

/// Evaluations of a run, before they are divided over ranks.
struct RunCounts {
  std::int64_t steps = 0;       ///< of the warm-up
  std::int64_t gradient = 0;    ///< validation sequences that make g
  std::int64_t hessian = 0;     ///< training sequences of every product
  std::int64_t evaluated = 0;   ///< sequences of one evaluation of valid and test
  std::int64_t selection = 0;   ///< validation sequences that choose t
  std::int64_t products = 0;    ///< of a round; where an implicit solve decides, the most it is given
  std::int64_t reported = 0;    ///< the most products of a curvature report, those that measure S included
  std::int64_t checking = 0;    ///< the most of a round's solve for the hypergradient beside them
  std::int64_t correctors = 0;  ///< how many there are, trials of the learning rate included
  std::int64_t corrector_steps = 0;  ///< Adam steps of all of them
};
RunCounts count_run(const RunPlan& plan, const CorpusSize& size);

/// A rival's options with its steps, and what it then does. Throws Error(usage) where its budget or steps do
/// not pay for one step of each of its trainings.
[[nodiscard]] MethodOptions planned_method(const RunPlan& plan, const CorpusSize& size);
[[nodiscard]] MethodPlan method_plan(const RunPlan& plan, const CorpusSize& size);
/// Throws as method_plan, of a rival.
void check_affordable(const RunPlan& plan, const CorpusSize& size);

/// Whether a round's products come from an implicit solve.
[[nodiscard]] bool solves_implicitly(const SearchOptions& search);

/// Floating-point operations a second of one rank in a matrix product.
struct ComputeRates {
  double model = 0;     ///< in the model's type
  double training = 0;  ///< in what training steps are computed in
  at::DeviceType device = at::kCPU;
};
/// As measured just now on `device`. Cost: seconds.
ComputeRates measure_rates(const RunPlan& plan, at::Device device);

/// Seconds of each phase on the busiest rank, as sequence_cost() counts them at the rates given; those of the
/// linear program and of files by the bytes that they move.
struct RunSeconds {
  double warmup = 0;
  double self_check = 0;
  double curvature = 0;
  double gradient = 0;
  double probes = 0;
  double lp = 0;
  double line_search = 0;
  double corrector = 0;  ///< all of them, and the interpolation before the first
  double method = 0;     ///< of a rival
  double evaluate = 0;
  double files = 0;  ///< loading, hashing and writing models
  [[nodiscard]] double total() const {
    return warmup + self_check + curvature + gradient + probes + lp + line_search + corrector + method +
           evaluate + files;
  }
};

/// Limits  communication and vector arithmetic but that of the solvers are left out: small beside the rest.
/// Test    tests/jobs/test_run_cost.cpp: what one rank does; within a factor of two of a recorded run
RunSeconds estimate_seconds(const RunPlan& plan, const CorpusSize& size, int ranks,
                            const ComputeRates& rates);

/// Bytes of rank 0, which holds most: what it holds all the time, and what each phase has beside.
struct RunMemory {
  double libraries = 0;
  double model = 0;        ///< with the pretrained weights where something leads back to them
  double warmup = 0;       ///< Adam, copies of W and activations
  double corrector = 0;    ///< the same, beside what a search keeps
  double self_check = 0;   ///< a product, with the vectors that it is checked by
  double curvature = 0;    ///< the Lanczos vectors of a report
  double probes = 0;       ///< the LP's shard so far, the probes that share a graph, activations twice over
  double program = 0;      ///< the LP's shard and the solver's vectors
  double line_search = 0;  ///< W, d, and what enters the first tuned block, of its sequences
  /// Pages of the model file that a written one is copied from. They come on top of any phase: the allocator
  /// keeps what that has freed (measured: after the warm-up and at the end of gpt2-small, 0.4 GiB each).
  double writing = 0;

  [[nodiscard]] double total() const;
};

/// Limits  what the allocator keeps for itself is left out; tests/jobs/test_run_cost.cpp: within a quarter of
///         a recorded run.
RunMemory estimate_memory(const RunPlan& plan, const CorpusSize& size, int ranks, at::DeviceType device);

/// Weights of the whole model.
[[nodiscard]] double parameters_of(const Gpt2Config& config);

}  // namespace lift
