#include "src/search/probe_curvature.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "solvers/shard_algebra.hpp"
#include "src/search/probes.hpp"

namespace lift {
namespace {

constexpr std::int64_t kTile = 1 << 14;  ///< coordinates

/// ZᵀZ, its lower triangle, and ZᵀH22V, both [m × m]; column j of Z is what v_j is a multiple of.
struct Forms {
  std::vector<double> gram, form;
};

/// Each probe's sums are its own: the number of threads does not show.
template <typename Action>
void for_each_probe(std::size_t m, const Action& action) {
  at::parallel_for(0, static_cast<std::int64_t>(m), 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) action(static_cast<std::size_t>(i));
  });
}

/// Adds coordinates [first, first + count) of W, this rank's.
void add_tile(const Round& round, const ProbeMatrix& a, std::int64_t first, std::int64_t count,
              Forms& forms) {
  const auto m = static_cast<std::size_t>(a.rows()), size = static_cast<std::size_t>(count);
  const int rank = a.comm().rank();
  const auto shard = static_cast<std::size_t>(a.layout().size(rank));
  const auto row = static_cast<std::size_t>(first + round.p() - a.layout().begin(rank));
  std::vector<double> tile(m * size);
  const auto z = [&](std::size_t i) { return std::span(tile).subspan(i * size, size); };
  for_each_probe(m, [&](std::size_t i) {
    normal_entries(round.options.seed, round.number, static_cast<int>(i), round.masked, first, z(i));
  });
  for_each_probe(m, [&](std::size_t i) {
    for (std::size_t j = 0; j < m; ++j)
      forms.form[i * m + j] += dot(z(i), a.local().subspan(j * shard + row, size));
    for (std::size_t j = 0; j <= i; ++j) forms.gram[i * m + j] += dot(z(i), z(j));
  });
}

Forms forms_of(const Round& round, const ProbeMatrix& a) {
  const auto m = static_cast<std::size_t>(a.rows());
  const std::int64_t end = a.layout().end(a.comm().rank()) - round.p();
  Forms forms{std::vector<double>(m * m), std::vector<double>(m * m)};
  for (std::int64_t first = std::max<std::int64_t>(0, a.layout().begin(a.comm().rank()) - round.p());
       first < end; first += kTile)
    add_tile(round, a, first, std::min(kTile, end - first), forms);
  sum_vector_over_ranks(forms.gram, a.comm());
  sum_vector_over_ranks(forms.form, a.comm());
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j < m; ++j) {
      if (j > i) forms.gram[i * m + j] = forms.gram[j * m + i];
      forms.form[i * m + j] *= std::sqrt(forms.gram[j * m + j]);
    }
  }
  return forms;
}

/// What nothing was measured of counts nowhere.
RestrictedForm judged(const Round& round, RestrictedForm found) {
  if (round.options.products.kind == ProductKind::exact) return found;
  found.inertia = {};
  found.message = "by differences, whose step was not measured and may be all of it: " + found.message;
  return found;
}

}  // namespace

std::optional<RestrictedForm> probe_curvature(const Round& round, const ProbeMatrix& a) {
  if (round.options.products.stands_in() || round.options.probe_space == ProbeSpace::joint)
    return std::nullopt;
  const Forms forms = forms_of(round, a);
  return judged(round, restricted_form(forms.gram, forms.form, rounding_of(round)));
}

std::optional<RestrictedForm> probe_curvature(const Round& round, const LanczosSummary& found) {
  if (round.options.products.stands_in() || found.ritz_values.empty()) return std::nullopt;
  return judged(round, restricted_form(found, rounding_of(round)));
}

double rounding_of(const Round& round) {
  return round.tuned().flat().scalar_type() == at::kDouble ? std::numeric_limits<double>::epsilon()
                                                           : std::numeric_limits<float>::epsilon();
}

}  // namespace lift
