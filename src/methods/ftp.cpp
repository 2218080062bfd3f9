#include "src/methods/ftp.hpp"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "mpi/error.hpp"
#include "src/methods/load_numbers.hpp"

namespace lift {

std::string FtpOptions::violation() const {
  if (!(rate > 0) || !std::isfinite(rate)) return fmt::format("rate = {} violates 0 < rate < ∞", rate);
  if (!(shrink >= 0 && shrink <= 1)) return fmt::format("shrink = {} violates 0 ≤ shrink ≤ 1", shrink);
  return "";
}

FastProjection::FastProjection(RadialProjection projection, at::Tensor start, const FtpOptions& options,
                               const Communicator& comm)
    : projection_(std::move(projection)),
      start_(std::move(start)),
      options_(options),
      comm_(comm),
      learner_(projection_.tensors().size(), options.rate),
      before_(start_.clone()),
      norms_(projection_.row_count()) {}

void FastProjection::see_gradient(const at::Tensor& gradient) {
  if (steps_ == 0) return;
  gradient_ = projection_.radius_gradient(projection_.products(gradient, before_, start_), norms_,
                                          learner_.radii(), options_.rows);
}

void FastProjection::after_step(at::Tensor& theta) {
  ++steps_;
  norms_ = projection_.norms(theta, start_);
  learn(projection_.largest(norms_));
  before_.copy_(theta);
  projection_.project(theta, before_, start_, norms_, learner_.radii());
}

void FastProjection::learn(const std::vector<double>& largest) {
  if (steps_ > 1) {
    std::vector<double> gradient = gradient_;
    for (double& slope : gradient)
      if (slope > 0) slope *= options_.shrink;
    learner_.step(gradient);
  }
  const std::vector<double> least(largest.size(), RadiusLearner::kLeast);
  learner_.begin(least, largest, steps_);
  learner_.clip(largest);
  learner_.share(comm_);
}

void FastProjection::save(Section& section) const {
  learner_.save(section);
  section.put("projected_steps", static_cast<double>(steps_));
  section.put("norms", norms_);
  section.put("before_projection", before_);
}

void FastProjection::resume(const Section& section) {
  learner_.resume(section);
  steps_ = section.count("projected_steps");
  load_numbers(section, "norms", norms_);
  section.load("before_projection", before_);
}

std::vector<TensorRadius> FastProjection::report(const std::vector<TunedTensor>& all) const {
  return report_radii(all, projection_, norms_, learner_.radii(), start_);
}

std::unique_ptr<FastProjection> ftp_projection(const SearchState& state, const FtpOptions& options) {
  if (const auto violation = options.violation(); !violation.empty())
    throw AgreedError(ExitCode::usage, "ftp: " + violation);
  return std::make_unique<FastProjection>(projection_of(state, options.norm, options.excluded),
                                          state.pretrained, options, state.comm);
}

}  // namespace lift
