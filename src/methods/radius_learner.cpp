#include "src/methods/radius_learner.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "mpi/collectives.hpp"
#include "mpi/error.hpp"
#include "src/methods/load_numbers.hpp"
#include "src/training/adam.hpp"
#include "src/training/adam_element.hpp"

namespace lift {
namespace {

constexpr double kNoRadius = std::numeric_limits<double>::infinity();

}  // namespace

RadiusLearner::RadiusLearner(std::size_t tensors, double rate)
    : rate_(rate), radii_(tensors, kNoRadius), first_(tensors), second_(tensors), steps_(tensors) {}

void RadiusLearner::begin(std::span<const double> initial, std::span<const double> largest,
                          std::int64_t steps) {
  for (std::size_t k = 0; k < radii_.size(); ++k) {
    if (radii_[k] != kNoRadius || largest[k] == 0) continue;
    radii_[k] = initial[k];
    steps_[k] = static_cast<double>(steps);
  }
}

void RadiusLearner::clip(std::span<const double> largest) {
  for (std::size_t k = 0; k < radii_.size(); ++k)
    if (radii_[k] != kNoRadius) radii_[k] = std::clamp(radii_[k], kLeast, std::max(kLeast, largest[k]));
}

void RadiusLearner::step(std::span<const double> gradient) {
  const Adam::Options adam;
  for (std::size_t k = 0; k < radii_.size(); ++k) {
    if (radii_[k] == kNoRadius) continue;
    const auto step = static_cast<std::int64_t>(++steps_[k]);
    const AdamStep<double> move(adam.beta1, adam.beta2, adam.epsilon, rate_, step);
    move(gradient[k], radii_[k], first_[k], second_[k]);
  }
}

void RadiusLearner::share(const Communicator& comm) {
  broadcast(host_buffer(std::span<double>(radii_)), 0, comm);
  if (std::ranges::any_of(radii_, [](double radius) { return std::isnan(radius); }))
    throw AgreedError(ExitCode::numerical,
                      "the derivative of the loss in a projection's radius is not finite");
}

void RadiusLearner::save(Section& section) const {
  section.put("radii", radii_);
  section.put("radii_first_moments", first_);
  section.put("radii_second_moments", second_);
  section.put("radii_steps", steps_);
}

void RadiusLearner::resume(const Section& section) {
  load_numbers(section, "radii", radii_);
  load_numbers(section, "radii_first_moments", first_);
  load_numbers(section, "radii_second_moments", second_);
  load_numbers(section, "radii_steps", steps_);
}

}  // namespace lift
