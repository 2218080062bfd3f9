#pragma once
#include <cstddef>
#include <cstdint>

#include "mpi/philox.hpp"

namespace lift {

/// Random choices one after the other, from one sequence of a Philox stream.
class Dice {
 public:
  Dice(const Philox& philox, std::uint64_t sequence) noexcept : philox_(philox), sequence_(sequence) {}
  /// True with probability `p`.
  bool chance(double p) noexcept { return uniform() < p; }
  /// Uniform in 0 … n − 1.
  int below(int n) noexcept { return static_cast<int>(uniform() * n); }
  /// Uniform in low … high.
  int between(int low, int high) noexcept { return low + below(high - low + 1); }
  /// In 0 … n − 1, k with a weight that falls like k^(−2/3), as words of a language do.
  int skewed(int n) noexcept {
    const double u = uniform();
    return static_cast<int>(u * u * u * n);
  }
  /// An element of `list`, uniformly.
  template <class List>
  const auto& one_of(const List& list) noexcept {
    return list[static_cast<std::size_t>(below(static_cast<int>(list.size())))];
  }

 private:
  double uniform() noexcept { return philox_.uniform(sequence_, position_++); }

  Philox philox_;
  std::uint64_t sequence_;
  std::uint64_t position_ = 0;
};

}  // namespace lift
