#include "tests/solvers/tao_peer.hpp"

#include <algorithm>
#include <cmath>

#include "solvers/operator_shell.hpp"
#include "solvers/petsc.hpp"

#include <petsctao.h>

namespace lift::test {
namespace {

using TaoHandle = PetscHandle<Tao, TaoDestroy>;

constexpr auto kNoError = static_cast<PetscErrorCode>(0);
constexpr int kMaxRounds = 2000;
constexpr double kSettled = 1e-12;  ///< largest entry of B x, and of the change of x in a round
constexpr double kPenalty = 10, kProximal = 0.01;

/// min cᵀx, B x = 0, |x| ≤ 1, and the round it is in: cᵀx + yᵀBx + σ/2 ‖Bx‖² + ρ/2 ‖x − centre‖².
struct ScaledProgram {
  std::size_t n, m;
  std::vector<double> c, b, row_scale;
  double cost_scale;
  std::vector<double> y, centre;

  explicit ScaledProgram(const DenseLp& lp)
      : n(lp.g.size()),
        m(static_cast<std::size_t>(lp.rows)),
        cost_scale(inverse(cost_norm(lp)) * static_cast<double>(n)),
        y(m, 0.0),
        centre(n, 0.0) {
    for (std::size_t k = 0; k < n; ++k) c.push_back(cost_scale * lp.g[k] * lp.u[k]);
    for (std::size_t i = 0; i < m; ++i) {
      double squares = 0;
      for (std::size_t k = 0; k < n; ++k) squares += std::pow(lp.a[i * n + k] * lp.u[k], 2);
      row_scale.push_back(inverse(std::sqrt(squares)));
      for (std::size_t k = 0; k < n; ++k) b.push_back(row_scale[i] * lp.a[i * n + k] * lp.u[k]);
    }
  }
  static double inverse(double size) { return size > 0 ? 1 / size : 0; }

  [[nodiscard]] std::vector<double> products(std::span<const double> x) const {
    std::vector<double> bx(m, 0.0);
    for (std::size_t i = 0; i < m; ++i)
      for (std::size_t k = 0; k < n; ++k) bx[i] += b[i * n + k] * x[k];
    return bx;
  }
  double at(std::span<const double> x, std::span<double> gradient) const {
    const auto bx = products(x);
    double value = 0;
    for (std::size_t i = 0; i < m; ++i) value += (y[i] + kPenalty / 2 * bx[i]) * bx[i];
    for (std::size_t k = 0; k < n; ++k) {
      const double away = x[k] - centre[k];
      value += c[k] * x[k] + kProximal / 2 * away * away;
      gradient[k] = c[k] + kProximal * away;
      for (std::size_t i = 0; i < m; ++i) gradient[k] += (y[i] + kPenalty * bx[i]) * b[i * n + k];
    }
    return value;
  }
  [[nodiscard]] double hessian(std::size_t k, std::size_t l) const {
    double sum = k == l ? kProximal : 0;
    for (std::size_t i = 0; i < m; ++i) sum += kPenalty * b[i * n + k] * b[i * n + l];
    return sum;
  }
};

PetscErrorCode evaluate(Tao, Vec x, PetscReal* value, Vec gradient, void* data) {
  const ReadShard at(x);
  const WriteShard g(gradient);
  *value = static_cast<const ScaledProgram*>(data)->at(at.values(), g.values());
  return kNoError;
}

PetscErrorCode constant_hessian(Tao, Vec, Mat, Mat, void*) {
  return kNoError;
}

VecHandle vector_of(std::size_t size, double value) {
  VecHandle vec;
  check_petsc(VecCreateSeq(PETSC_COMM_SELF, static_cast<PetscInt>(size), vec.out()), "VecCreateSeq");
  check_petsc(VecSet(vec.get(), value), "VecSet");
  return vec;
}

MatHandle hessian_of(const ScaledProgram& program) {
  const auto n = static_cast<PetscInt>(program.n);
  MatHandle mat;
  check_petsc(MatCreateSeqDense(PETSC_COMM_SELF, n, n, nullptr, mat.out()), "MatCreateSeqDense");
  for (PetscInt k = 0; k < n; ++k)
    for (PetscInt l = 0; l < n; ++l)
      check_petsc(MatSetValue(mat.get(), k, l,
                              program.hessian(static_cast<std::size_t>(k), static_cast<std::size_t>(l)),
                              INSERT_VALUES),
                  "MatSetValue");
  check_petsc(MatAssemblyBegin(mat.get(), MAT_FINAL_ASSEMBLY), "MatAssemblyBegin");
  check_petsc(MatAssemblyEnd(mat.get(), MAT_FINAL_ASSEMBLY), "MatAssemblyEnd");
  return mat;
}

}  // namespace

TaoAnswer solve_with_tao(const DenseLp& lp) {
  ScaledProgram program(lp);
  const MatHandle hessian = hessian_of(program);
  const VecHandle x = vector_of(program.n, 0), lower = vector_of(program.n, -1),
                  upper = vector_of(program.n, 1);
  TaoHandle tao;
  check_petsc(TaoCreate(PETSC_COMM_SELF, tao.out()), "TaoCreate");
  check_petsc(TaoSetType(tao.get(), TAOTRON), "TaoSetType");
  check_petsc(TaoSetSolution(tao.get(), x.get()), "TaoSetSolution");
  check_petsc(TaoSetVariableBounds(tao.get(), lower.get(), upper.get()), "TaoSetVariableBounds");
  check_petsc(TaoSetObjectiveAndGradient(tao.get(), nullptr, evaluate, &program),
              "TaoSetObjectiveAndGradient");
  check_petsc(TaoSetHessian(tao.get(), hessian.get(), hessian.get(), constant_hessian, nullptr),
              "TaoSetHessian");
  check_petsc(TaoSetTolerances(tao.get(), 1e-13, 0, 0), "TaoSetTolerances");

  TaoAnswer answer;
  while (!answer.settled && answer.rounds < kMaxRounds) {
    check_petsc(TaoSolve(tao.get()), "TaoSolve");
    ++answer.rounds;
    const ReadShard at(x.get());
    const auto bx = program.products(at.values());
    double most = 0;
    for (std::size_t i = 0; i < program.m; ++i) {
      program.y[i] += kPenalty * bx[i];
      most = std::max(most, std::fabs(bx[i]));
    }
    for (std::size_t k = 0; k < program.n; ++k)
      most = std::max(most, std::fabs(at.values()[k] - program.centre[k]));
    std::ranges::copy(at.values(), program.centre.begin());
    answer.settled = most <= kSettled;
  }
  for (std::size_t k = 0; k < program.n; ++k) answer.d.push_back(lp.u[k] * program.centre[k]);
  // cᵀx + yᵀBx has the multipliers of the other sign than g − Aᵀy.
  for (std::size_t i = 0; i < program.m; ++i)
    answer.y.push_back(-program.y[i] * program.row_scale[i] * ScaledProgram::inverse(program.cost_scale));
  return answer;
}

}  // namespace lift::test
