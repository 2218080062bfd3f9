#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "solvers/box_lp.hpp"
#include "solvers/restricted_form.hpp"
#include "src/search/search_state.hpp"

namespace lift {

/// How a round's linear program ended, whatever its trust region.
struct ProgramReport {
  std::string status;     ///< of the solver that made it
  bool answered = false;  ///< its certificate meets its tolerances
  bool failed = false;    ///< d is not to be used
  LpCertificate certificate;
  int iterations = 0;
  std::optional<int> inside;  ///< coordinates inside their bounds, where a crossover came to a vertex
  std::int64_t sweeps = 0;    ///< passes over A
  double seconds = 0;
  std::vector<double> y;     ///< multipliers [m]
  double dual_residual = 0;  ///< ‖g_W − A_Wᵀy‖ / ‖g_W‖ where dW has no bound, else 0
  std::string message;       ///< one sentence for the log
};

/// How the implicit solves of a round ended (StationaritySummary).
struct ImplicitReport {
  std::string status;
  bool failed = false;   ///< no direction came of them
  double mu = 0;         ///< damping of each solve
  double theta_min = 0;  ///< least and largest curvature met
  double theta_max = 0;
  std::vector<double> gamma;  ///< hypergradient [p]
  double predicted = 0;       ///< γᵀdλ; of bilevel the change of V
  double certificate = 0;  ///< |gᵀdW − γᵀdλ| / |γᵀdλ|; where q alone was solved for, its relative residual;
                           ///< of bilevel ‖projected ∇V‖∞ / |V|
  std::int64_t products = 0;  ///< Hessian-vector products, all counted
  double q_residual = 0;      ///< of the two solves, relative, and gᵀdW; the last two 0 where there was one
  double z_residual = 0;
  double g_dw = 0;
  int raises = 0;       ///< times that μ was raised
  std::string message;  ///< one sentence for the log
  /// Of the groups that move and that γ has a sign for, the part whose dλ_i goes against it; absent where
  /// there is none.
  std::optional<double> agreement = {};
  /// ‖ρ‖₂ / ‖dW‖₂, the radius of the round's program over how far W would have to follow dλ of size s_λ;
  /// absent where no dW was solved for beside a program. Below 1 dλ is immaterial: the program pays for it
  /// with none of the way that (6) asks for.
  std::optional<double> radius_ratio = {};
};

/// ImplicitReport::agreement of any dλ and γ, both [p].
///
/// Test  tests/src/search/test_direction.cpp
[[nodiscard]] std::optional<double> sign_agreement(const std::vector<double>& lambda,
                                                   const std::vector<double>& gamma);

/// d = (dλ, dW) of one round, whole on every rank, and what was found on the way.
struct Direction {
  std::vector<double> lambda = {};              ///< [p]
  at::Tensor w = {};                            ///< [n]
  std::vector<std::int64_t> sequences = {};     ///< of the validation split, that made g
  double slope = 0;                             ///< gᵀd, what the linear model predicts of a unit step
  std::optional<ProgramReport> lp = {};         ///< of direction lp
  std::optional<ImplicitReport> implicit = {};  ///< of direction exact, of adjoint probes, and on request
  double valid_loss = 0;                        ///< on the sequences that made g, nats/token
  double stationarity = 0;                      ///< ‖∇_W F(W0)‖ on the HVP sequences
  std::int64_t probes_done = 0;                 ///< by this rank's group
  /// LocalModel::curvature
  std::optional<RestrictedForm> curvature = {};
};

/// Finds d at (λ, W0) in the way that options.direction says (Algorithm 1, steps 3 to 5).
///
/// Method      lp: local model and linear program. gradient, sign: the same programs without rows, in closed
///             form: −D²g/‖Dg‖ and −D sign g with D = diag(u). exact: two implicit solves (implicit_step), d
///             = 0 where they failed. bilevel: the λ of least V (bilevel_step), its W. wise: W_pretrained −
///             W0.
/// Collective  on state.comm; the same on every rank.
/// Throws      AgreedError(numerical) if g or a product is not finite, or, after observer.on_direction, if
///             the program failed (one that stopped short of its tolerances is used).
/// Cost        as build_local_model() and its solver; gradient, sign and wise one gradient of the validation
///             and one of the training sequences.
/// Test        tests/src/search/test_direction.cpp (1, 2, 3, 4 ranks)
Direction find_direction(const SearchState& state, const SearchOptions& options, int round,
                         const SearchObserver& observer);

}  // namespace lift
