#pragma once
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "src/report/curvature_result.hpp"
#include "src/report/method_result.hpp"

namespace lift {

/// Mean loss of one split, NaN where it is not known.
struct SplitLoss {
  double loss = std::numeric_limits<double>::quiet_NaN();  ///< nats/token
  std::int64_t sequences = 0;                              ///< it is the mean of; 0: not said
  [[nodiscard]] double perplexity() const { return std::exp(loss); }
};

/// Losses of one model; a split that was not evaluated is absent.
struct Evaluation {
  std::optional<SplitLoss> train;  ///< over the first min(|train|, |valid|) training sequences
  std::optional<SplitLoss> valid;
  std::optional<SplitLoss> test;
  std::optional<SplitLoss> ood = {};  ///< of another corpus's test split, where there was one
};

/// The warm-up epoch of least validation loss.
struct EarlyStopping {
  int epoch = 0;
  std::optional<SplitLoss> valid;
  std::optional<SplitLoss> test;
  std::optional<SplitLoss> ood = {};  ///< as in Evaluation
};

/// Losses after one warm-up epoch [nats/token]; epoch 0 is the pretrained model. NaN: not measured.
struct EpochLosses {
  int epoch = 0;
  double train = std::numeric_limits<double>::quiet_NaN();  ///< mean over the batches as they were met
  double valid = std::numeric_limits<double>::quiet_NaN();
  double test = std::numeric_limits<double>::quiet_NaN();
};

/// How the LP ended and what its answer proves (BoxLpSummary, LpCertificate).
struct LpResult {
  std::string status;
  double objective = 0;
  double dual_objective = 0;
  double gap = 0;
  double residual = 0;
  double bound_violation = 0;
  std::int64_t iterations = 0;
  std::int64_t sweeps = 0;
  double seconds = 0;
  std::vector<double> y = {};               ///< multipliers [m]
  std::optional<std::int64_t> inside = {};  ///< coordinates inside their bounds, of a vertex
};

/// How the implicit solves of a round ended (StationaritySummary).
struct ImplicitResult {
  std::string status;
  double mu = 0;         ///< damping
  double theta_min = 0;  ///< least and largest curvature met
  double theta_max = 0;
  std::vector<double> gamma;  ///< hypergradient [p]
  double predicted = 0;       ///< γᵀdλ
  double certificate = 0;  ///< |gᵀdW − γᵀdλ| / |γᵀdλ|; where q alone was solved for, its relative residual
  std::int64_t products = 0;  ///< Hessian-vector products
  double q_residual = 0;      ///< of the solve for q, relative
  double z_residual = 0;      ///< of the solve for dW, relative; 0 where there was none
  double g_dw = 0;            ///< gᵀdW; 0 where there was no solve for it
  int raises = 0;             ///< times that the damping was raised
  /// Of the groups that move and that γ has a sign for, the part whose dλ_i goes against it
  std::optional<double> agreement = {};
  /// ‖ρ‖ / ‖dW‖, the radius of the program over how far W would have to follow dλ
  std::optional<double> radius_ratio = {};
};

/// The quadratic model of the validation loss along d, beside what the step taken brought [nats/token].
struct ModelResult {
  double slope = 0;                      ///< gᵀd
  double curvature = 0;                  ///< dᵀ∇²L_v d
  double predicted = 0;                  ///< its change at t*
  double actual = 0;                     ///< that of the loss that chose t*
  std::optional<double> ratio = {};      ///< actual over predicted, where a decrease was predicted
  std::optional<double> minimiser = {};  ///< its best t
};

/// H22 on the span of a round's probes (RestrictedForm).
struct ProbeCurvatureResult {
  std::int64_t vectors = 0;
  double ritz_min = std::numeric_limits<double>::quiet_NaN();  ///< no less than the least eigenvalue of H22
  double ritz_max = std::numeric_limits<double>::quiet_NaN();  ///< no more than the largest
  double asymmetry = 0;                                        ///< max |v_iᵀH22v_j − v_jᵀH22v_i|
  double noise = 0;                                            ///< by which an entry may be wrong
  std::int64_t negative_found = 0;                             ///< eigenvalues of H22 that are < 0 at least
  std::vector<double> ritz_values = {};                        ///< ascending
};

/// One hyperlocal search.
struct RoundResult {
  double t_star = 0;
  std::vector<double> lambda_before, lambda_after;  ///< [p]
  std::optional<LpResult> lp;
  std::vector<std::pair<double, double>> line_search;  ///< (t, validation loss [nats/token]), ascending t
  /// The same of splits that nothing was chosen by, "train" and "test", at some of those t.
  std::map<std::string, std::vector<std::pair<double, double>>> curves;
  double stationarity = std::numeric_limits<double>::quiet_NaN();  ///< ‖∇_W F(W0)‖ on the HVP sequences
  std::optional<ImplicitResult> implicit = {};
  std::optional<ModelResult> model = {};
  std::optional<ProbeCurvatureResult> probe_curvature = {};
};

/// One stage of a search: "interpolation", "corrector", "round 1", "corrector before round 2", …; the losses
/// are those at its end, whether it was kept or not.
struct StageResult {
  std::string name;
  double t = 0;          ///< step of its line search
  double selection = 0;  ///< loss of the selection split, nats/token
  std::optional<SplitLoss> valid = {};
  std::optional<SplitLoss> test = {};
  std::vector<std::pair<double, double>> line_search = {};  ///< (t, selection loss)
};

/// The checks of second derivatives made before the first probe.
struct SelfCheckResult {
  double symmetry = 0;  ///< |uᵀHv − vᵀHu| / (‖Hv‖‖u‖)
  double symmetry_limit = 0;
  double difference = 0;  ///< ‖Hv − central difference‖ / ‖Hv‖
  double difference_limit = 0;
  double difference_step = 0;  ///< ε of the central difference
  bool passed = false;
};

/// One phase of one rank.
struct PhaseSpan {
  int rank = 0;
  std::string phase;
  double begin = 0;  ///< [s] since the run began, without the time between two sessions of it
  double seconds = 0;
};

/// What one rank did.
struct RankWork {
  int rank = 0;
  std::int64_t gradients = 0;           ///< in sequences: one gradient of one sequence counts one
  std::int64_t hvps = 0;                ///< whole probes its group made
  std::int64_t hvp_sequences = 0;       ///< of those, the products of one sequence this rank made
  std::int64_t sequences = 0;           ///< loss evaluations, in sequences
  std::int64_t prefix_sequences = 0;    ///< sequences whose frozen lowest blocks were run
  std::int64_t line_search_steps = 0;   ///< values of t its group evaluated
  std::int64_t peak_memory_bytes = -1;  ///< peak_memory_bytes() of the rank; −1: not known
};

/// Everything result.json holds about a run; tables and figures are made from it alone.
///
/// JSON        keys as in design §6, `"schema": 1`. What is absent here (nullopt, an empty list of epochs)
///             is null there; NaN and infinities are null; each loss stands beside its perplexity, exp(loss).
///             One round's fields stand outermost. Of several, `rounds` lists each, and outermost t_star is
///             their sum, λ that before the first and of the model that is kept, lp the largest gap, residual
///             and bound violation, the sums of the rest and the first status that is not "optimal";
///             line_search is null.
/// Test        tests/src/report/test_run_result.cpp: round trip, missing parts, wrong files
struct RunResult {
  Evaluation before;  ///< W0, after the warm-up
  Evaluation after;   ///< the model that was written
  std::optional<EarlyStopping> early_stopping;
  std::string start = {};           ///< the checkpoint that the warm-up began from; "": the pretrained model
  std::vector<EpochLosses> epochs;  ///< of the warm-up, epoch 0 first
  std::vector<RoundResult> rounds;  ///< empty if no search was done
  std::vector<StageResult> stages;  ///< of the search, in their order
  MethodResult method = {};         ///< what followed the warm-up
  std::string kept_stage;           ///< the stage whose end the model written is; "" if not said
  std::vector<double> lambda_after = {};  ///< [p], of that model
  std::optional<SelfCheckResult> self_check;
  std::optional<CurvatureResult> curvature = {};  ///< at (λ, W0), where it was asked for
  std::int64_t n = 0;                             ///< tuned weights
  std::int64_t p = 0;                             ///< regularisation groups
  std::int64_t m = 0;                             ///< probes
  /// Validation sequences that the search worked on where they are not those evaluated, else 0
  std::int64_t search_sequences = 0;
  /// Of them, those that chose t* and shaped no d; 0: all of them did both
  std::int64_t selection_sequences = 0;
  /// Whether the losses of line searches are of other sequences than those evaluated as valid.
  [[nodiscard]] bool selects_apart() const noexcept {
    return search_sequences > 0 || selection_sequences > 0;
  }
  std::vector<RankWork> work;  ///< by rank
  /// Forward passes of a sequence, or as much work (forward_units()), over all ranks; reports not counted.
  double warmup_units = 0, search_units = 0;
  /// Wall seconds by phase, the largest over ranks: warmup, gradient, probes, lp, line_search, evaluate,
  /// total (0 where absent), and any others.
  std::map<std::string, double> seconds;
  std::vector<PhaseSpan> timeline = {};  ///< phases of the ranks, by rank; empty if not recorded
  std::string reproducibility;           ///< the level that held, in words
  int ranks = 1;
  int threads = 1;     ///< a rank
  std::string device;  ///< "cpu", or the name of the accelerator
  std::uint64_t seed = 0;

  /// Epochs of the warm-up (N_WE): the last of `epochs`, 0 without any.
  [[nodiscard]] int warmup_epochs() const { return epochs.empty() ? 0 : epochs.back().epoch; }
};

/// result.json as text, indented, ending in a newline.
[[nodiscard]] std::string to_json(const RunResult& result);
/// The `lp` object alone, as `lift lp` writes it.
[[nodiscard]] std::string to_json(const LpResult& lp);

/// Reads such a text, which messages call `name`. Throws as read_result.
[[nodiscard]] RunResult parse_result(const std::string& text, const std::string& name);
/// Reads a result.json. Throws Error(input) naming file and key, what is wrong and what was expected.
[[nodiscard]] RunResult read_result(const std::filesystem::path& file);

}  // namespace lift
