#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "mpi/communicator.hpp"
#include "src/resume/section.hpp"

namespace lift {

/// The radii γ of a radial projection, one a tensor, and the Adam that moves them.
///
/// Method      Adam (Kingma and Ba 2015, Algorithm 1; β 0.9, 0.999, ε 1e-8) on each radius from when its
///             tensor has moved, and γ ← clip(γ, 1e-8, max_r n_r) outside of what is differentiated, before
///             every use (Tian et al. 2023, arXiv:2303.10720). A step moves a radius by about the rate, in
///             units of the norm.
/// Types       float64. A tensor that has not moved yet has the radius +∞, and neither moments nor steps.
/// Collective  share() alone.
/// Test        tests/src/methods/test_radius_learner.cpp
class RadiusLearner {
 public:
  static constexpr double kLeast = 1e-8;

  RadiusLearner(std::size_t tensors, double rate);

  [[nodiscard]] const std::vector<double>& radii() const noexcept { return radii_; }
  /// Gives tensors that have moved (largest > 0) and have no radius yet that of `initial`; `steps`: those of
  /// Adam that count as done (FTP's bias correction goes by the steps of the training).
  void begin(std::span<const double> initial, std::span<const double> largest, std::int64_t steps = 0);
  /// Keeps every radius in [kLeast, largest].
  void clip(std::span<const double> largest);
  /// One step of Adam along −gradient for every tensor that has a radius.
  void step(std::span<const double> gradient);
  /// Takes the radii of rank 0: ranks of different thread counts may round apart. Collective on `comm`.
  /// Throws AgreedError(numerical) if one is not a number, as after a gradient that is not finite.
  void share(const Communicator& comm);

  /// Under names that begin with "radii"; resume() throws Error(input) if they do not fit.
  void save(Section& section) const;
  void resume(const Section& section);

 private:
  double rate_;
  std::vector<double> radii_;
  std::vector<double> first_, second_;  ///< moments
  std::vector<double> steps_;           ///< whole numbers
};

}  // namespace lift
