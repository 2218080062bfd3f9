#include "tests/bench/lp_instance.hpp"

#include <algorithm>
#include <cmath>

#include "mpi/philox.hpp"

namespace lift {

void LpFamily::fill(std::int64_t begin, int rows, std::span<double> a, std::span<double> g,
                    std::span<double> u) const {
  const Philox philox(7, RandomStream::test);
  const std::size_t size = g.size();
  for (int i = 0; i < rows; ++i) philox.normals(10 + i, begin, a.subspan(i * size, size));
  philox.normals(0, begin, g);
  std::fill(u.begin(), u.end(), 1.0);
  if (!heavy_tailed) return;
  const auto cauchy = [&](std::uint64_t sequence, std::size_t k) {
    return std::tan(M_PI * (philox.uniform(sequence, begin + k) - 0.5));
  };
  for (std::size_t k = 0; k < size; ++k) {
    const double scale = std::fabs(cauchy(1, k));
    for (int i = 0; i < rows; ++i) a[i * size + k] *= scale;
    g[k] = cauchy(2, k) * cauchy(3, k);
  }
}

}  // namespace lift
