#pragma once
#include <vector>

namespace lift {

/// The columns of a linear program  min gᵀx  subject to  C x = b,  |x_j| ≤ u_j  that are small enough to be
/// held dense by one rank.
///
/// Shapes  columns: one column of `rows` entries after the other; g, u: one entry a column.
struct DenseColumns {
  int rows = 0;
  std::vector<double> columns;
  std::vector<double> g;
  std::vector<double> u;
  [[nodiscard]] int count() const noexcept { return static_cast<int>(g.size()); }
  [[nodiscard]] const double* column(int j) const noexcept { return columns.data() + j * rows; }
};

/// A vertex: every x_j is ± u_j exactly but for those of the basis, whose columns are independent.
struct Vertex {
  std::vector<double> x;
  std::vector<int> basis;  ///< at most `rows` columns
};

/// Moves a point inside the box to a vertex of no larger cost with the same C x.
///
/// Method  purification (Charnes and Kortanek 1963; the primal push of Megiddo 1991, ORSA J. Comput. 3:63):
///         the first basis is the columns farthest from their bounds, by Gram–Schmidt with pivoting. Each
///         other column moves, the basis making up for it, the way that its reduced cost falls until it or
///         one of the basis is at a bound, and takes that one's place. b is what C x shall be: the basis is
///         settled anew for it at the end.
/// In/out  x: |x| ≤ u. The basis may end outside its bounds by what b differs from C x.
/// Cost    one step a column: O(rows²) where it goes to a bound, O(rows³) where it takes a place in the
///         basis.
/// Test    tests/solvers/test_purification.cpp
Vertex purify(const DenseColumns& program, std::vector<double> x, const std::vector<double>& b);

/// y changed as little as may be so that the reduced costs g − Cᵀy of the basis vanish.
std::vector<double> vertex_multipliers(const DenseColumns& program, const std::vector<int>& basis,
                                       std::vector<double> y);

}  // namespace lift
