#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "mpi/communicator.hpp"
#include "mpi/timers.hpp"
#include "solvers/box_lp.hpp"
#include "solvers/exact_stationarity.hpp"
#include "src/objective/objective.hpp"
#include "src/objective/regularizer.hpp"
#include "src/resume/checkpoints.hpp"
#include "src/search/line_search.hpp"
#include "src/search/radius.hpp"
#include "src/text/corpus.hpp"
#include "src/training/corrector.hpp"

namespace lift {

struct LocalModel;
struct ProgramReport;
struct RoundSummary;

/// How a round finds d = (dλ, dW); all but `lp`, `exact` and `bilevel` leave λ alone.
enum class DirectionKind {
  lp,        ///< the linear program (7) over the probe rows, in its trust region
  exact,     ///< stationarity (6) to the tolerance of two Krylov solves
  bilevel,   ///< the least validation loss over λ in its box, W following as a quadratic model of F has it
  gradient,  ///< −g, scaled by the radius: the l2 program without rows; by RadiusUnit::norm ‖dW‖₂ = ρ
  sign,  ///< −sign g, scaled by the radius: the box program without rows; by that unit ‖dW‖₂ = ρ too
  wise   ///< towards the pretrained weights (Wortsman et al. 2022, WiSE-FT)
};

/// What the rows of the linear program are made of.
enum class ProbeKind {
  random,  ///< m independent normalised normal vectors (the paper's)
  krylov,  ///< the Lanczos vectors of H22 from g: the same number of products, and they say something about λ
  adjoint  ///< the one row [−γᵀ, gᵀ] of v = q, (H22 + μ)q = g, with γ = −H12 q the hypergradient
};
/// Where random probes lie: in W alone, which samples (6), or in (λ, W) as printed in the paper, which adds
/// H12 dW = 0 and leaves d = 0 as m grows.
enum class ProbeSpace { weights, joint };
/// How a curvature product is made; finite differences are of ∇L_t alone, the regulariser's part is exact.
/// `identity` is a control: rows of random probes that know nothing of L_t, only of the regulariser.
enum class ProductKind { exact, forward, central, gauss_newton, identity };
/// Which steps a round's line search tries.
enum class LineKind {
  grid,  ///< LineSearchOptions' grid
  model  ///< few around the minimiser of t gᵀd + ½t² dᵀ∇²L_v d
};

struct ProductOptions {
  ProductKind kind = ProductKind::exact;
  double step = 0;  ///< ε of finite differences with ‖v‖ = 1; 0: by precision and ‖W‖
  /// Whether it is of another matrix than the Hessian.
  [[nodiscard]] bool stands_in() const noexcept {
    return kind == ProductKind::gauss_newton || kind == ProductKind::identity;
  }
};

/// What happens once before the rounds, to an overfitted W0.
struct RecoveryOptions {
  bool interpolate = false;    ///< line search towards the pretrained weights
  double overshoot = 1.5;      ///< ≥ 1: the step taken is min(1, overshoot·t*) where a corrector follows
  CorrectorOptions corrector;  ///< steps = 0: none
};

/// Options of one hyperlocal search; names as on the command line.
struct SearchOptions {
  DirectionKind direction = DirectionKind::lp;
  ProbeKind probe_kind = ProbeKind::random;
  ProbeSpace probe_space = ProbeSpace::weights;
  ProductOptions products;
  TrustRegion trust_region = TrustRegion::box;
  std::optional<double> damping;  ///< μ of the implicit solves; without it from a short Lanczos run
  double solve_tol = 1e-4;        ///< relative residual of the implicit solves
  int max_products = 200;         ///< products of a round's implicit solves, beside two that measure
  int basis = 30;                 ///< vectors of the Krylov basis of the implicit solves, ≥ 1
  DampedInverse inverse = DampedInverse::shifted;  ///< of the implicit solves of exact and adjoint
  bool hypergradient = false;  ///< γ is solved for after a program of other rows, for the report alone
  int probes = 16;             ///< m ≥ 1
  int batches = 10;            ///< validation batches that make g; 0: all
  /// Training batches that all HVPs of the round share, and validation batches of LineKind::model's; ≥ 1.
  int hvp_batches = 10;
  int batch = 4;        ///< sequences of a batch, ≥ 1
  int rounds = 1;       ///< ≥ 0
  double min_gain = 0;  ///< rounds end once one lowers the selection loss by less, nats/token, ≥ 0
  std::uint64_t seed = 0;
  RadiusOptions radius;
  BoxLpOptions lp;
  double relax = 0;  ///< part of Σ_k |a_ik| u_k by which each row of the box program may miss 0, ≥ 0
  LineKind line_kind = LineKind::grid;
  bool ratio = false;          ///< the curvature of L_v along d is measured whatever line_kind is
  LineSearchOptions line;      ///< slope, start_loss, limit and seed are set by the round
  RecoveryOptions recovery;    ///< before the rounds
  CorrectorOptions corrector;  ///< between rounds
  bool tune_rate = false;      ///< I_η: after the rounds, correctors at several learning rates are tried
  /// Whether a round measures the curvature of L_v along d.
  [[nodiscard]] bool measures_model() const noexcept { return ratio || line_kind == LineKind::model; }
  /// Rows of a round's linear program: 0 where the direction has none.
  [[nodiscard]] int rows() const noexcept;
  /// "" when valid, else as "probes = 0 violates probes ≥ 1".
  [[nodiscard]] std::string violation() const;
};

/// Everything a search works on.
struct SearchState {
  const Objective& objective;
  const Regularizer& regularizer;
  const SequenceSet& train;
  const SequenceSet& valid;     ///< makes g
  std::vector<double>& lambda;  ///< in/out [p]
  const Communicator& comm;
  PhaseTimers& timers;  ///< phases gradient, probes, lp, line_search, corrector, evaluate, curvature
  const SequenceSet* selection = nullptr;  ///< chooses t* and the best iterate; nullptr: valid
  at::Tensor pretrained = {};  ///< [n], where interpolation leads; undefined if nothing asks for it
  /// Loss of the selection split at the W that a search begins from, where it is known, nats/token.
  std::optional<double> start_loss = {};
  Checkpoints* checkpoints = nullptr;  ///< lets the search be left and taken up again; may be null

  [[nodiscard]] const SequenceSet& select() const noexcept { return selection ? *selection : valid; }
};

/// A split whose loss along the direction of a round is recorded; nothing is chosen by it.
struct WatchedSplit {
  std::string name;
  const SequenceSet* set;
};

/// One step of a search that moved W, or did not.
struct StageSummary {
  std::string name;
  double t = 0;          ///< the step of a line search, 0 of a corrector
  double selection = 0;  ///< loss of the selection split at the new W, nats/token
  /// (t, selection loss) of a line search; empty for a corrector
  std::vector<std::pair<double, double>> losses = {};
  std::string message = {};    ///< one sentence for the log
  std::int64_t evaluated = 0;  ///< values of t that this rank's group evaluated
};

struct SearchObserver {
  /// Called on every rank as a phase begins (done = 0) and goes on; `phase` is for a reader.
  std::function<void(const char* phase, std::int64_t done, std::int64_t total)> on_progress;
  /// Called on every rank with the LP answered, d whole on every rank ([p + n]); what --search.keep writes.
  std::function<void(int round, const LocalModel& model, std::span<const double> d)> on_direction;
  /// Called on every rank with a linear program that gives no step, and the d that it ended with ([p + n]):
  /// of an unbounded one the ray −r.
  std::function<void(int round, const ProgramReport& program, std::span<const double> d)> on_failed_program;
  /// Evaluated at a few of the line search's steps once t* is chosen: RoundSummary::curves.
  std::vector<WatchedSplit> watched;
  int watched_steps = 9;  ///< about so many
  /// Called on every rank after each stage of hyperlocal_search, W where the stage left it: "interpolation",
  /// "corrector", "round 1", "corrector before round 2", …
  std::function<void(const StageSummary& stage)> on_stage;
  /// Called on every rank after each round of hyperlocal_search, λ and W updated.
  std::function<void(int round, const RoundSummary& summary)> on_round;
};

/// Tells observer.on_progress, if there is one.
void report(const SearchObserver& observer, const char* phase, std::int64_t done, std::int64_t total);

}  // namespace lift
