#pragma once
#include <cstdint>
#include <span>
#include <string>

namespace lift {

/// A family of box LPs with u = 1, of any size; the same numbers on any number of ranks.
///
/// Gaussian      A and g normal
/// heavy-tailed  every column of A times the modulus of a Cauchy variable, g a product of two such variables
struct LpFamily {
  std::string name;
  bool heavy_tailed;
  /// Coordinates [begin, begin + g.size()) of the instance with `rows` rows; a: rows × g.size(), row-major.
  void fill(std::int64_t begin, int rows, std::span<double> a, std::span<double> g,
            std::span<double> u) const;
};

}  // namespace lift
