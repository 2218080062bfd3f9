// Hessian-vector products that the implicit solves of a round take, (H22 + mu)q = g and (H22 + mu)dW = -H21
// dlambda, in four ways: two plain CGs after the Lanczos run that chose mu; the Krylov basis that all of it
// shares; CG with a diagonal preconditioner; and in a second round a basis that begins with the solutions of
// the first.
//
// usage: bench_implicit --model FOLDER [--start FOLDER] --data FOLDER [--batches 1] [--tol 1e-4]
// [--regularizer l2|l2-sp] ...
#include <ATen/TensorOperators.h>
#include <fmt/format.h>

#include <boost/program_options.hpp>
#include <cmath>
#include <iostream>
#include <string>
#include <vector>

#include "jobs/corpus_inputs.hpp"
#include "mpi/agreement.hpp"
#include "mpi/philox.hpp"
#include "solvers/krylov_basis.hpp"
#include "solvers/session.hpp"
#include "solvers/shard_algebra.hpp"
#include "solvers/shifted_cg.hpp"
#include "src/model/checkpoint.hpp"
#include "src/search/implicit.hpp"
#include "src/search/round_operators.hpp"
#include "src/search/sharded.hpp"

namespace {

namespace options = boost::program_options;
using lift::SymmetricOperator;
using Vector = std::vector<double>;

struct Arguments {
  std::string model, start, data, regularizer = "l2";
  std::vector<int> blocks{1, 7, 11}, mlp_only{1, 11};
  int length = 256, batches = 1, diagonal = 4;
  std::int64_t train_limit = 384, limit = 48;
  double tol = 1e-4;
};

bool parse(int argc, char** argv, Arguments& a) {
  options::options_description known("bench_implicit");
  known.add_options()("help", "this text");
  known.add_options()("model", options::value(&a.model)->required(), "pretrained checkpoint");
  known.add_options()("start", options::value(&a.start), "checkpoint that W is of");
  known.add_options()("data", options::value(&a.data)->required(), "folder of the splits");
  known.add_options()("regularizer", options::value(&a.regularizer), "l2 or l2-sp");
  known.add_options()("length", options::value(&a.length), "tokens of a sequence");
  known.add_options()("batches", options::value(&a.batches), "of 4 training sequences, of each product");
  known.add_options()("diagonal", options::value(&a.diagonal), "products that the diagonal is estimated by");
  known.add_options()("tol", options::value(&a.tol), "relative residual of each solve");
  options::variables_map given;
  options::store(options::parse_command_line(argc, argv, known), given);
  if (given.contains("help")) {
    std::cout << known;
    return false;
  }
  options::notify(given);
  return true;
}

/// The two systems of a round.
struct Systems {
  const lift::RoundOperators& operators;
  const lift::Communicator& comm;
  double mu;
  Vector g, rhs;

  [[nodiscard]] double residual(const Vector& x, const Vector& b) const {
    Vector r(b.size());
    operators.h22()(x, r);
    lift::axpy(mu, x, r);
    lift::axpy(-1, b, r);
    return lift::norm2(r, comm) / lift::norm2(b, comm);
  }
};

struct Count {
  int q = 0, z = 0, beside = 0;
  double q_residual = 0, z_residual = 0;
};

void print(const char* way, const Count& count, int plain) {
  const int all = count.q + count.z + count.beside;
  fmt::print("{:<44} {:>4} {:>4} {:>7} {:>5} {:>6.2f}   {:.1e} {:.1e}\n", way, count.q, count.z, count.beside,
             all, static_cast<double>(all) / plain, count.q_residual, count.z_residual);
  std::fflush(stdout);
}

/// CG on D^(-1/2) (H22 + mu) D^(-1/2).
int scaled_cg(const Systems& systems, const Vector& diagonal, const Vector& b, double tol, Vector& x) {
  Vector scale(diagonal.size()), inner(diagonal.size()), rhs(b);
  for (std::size_t k = 0; k < scale.size(); ++k) {
    scale[k] = 1 / std::sqrt(diagonal[k]);
    rhs[k] *= scale[k];
  }
  const SymmetricOperator h = [&](std::span<const double> v, std::span<double> y) {
    for (std::size_t k = 0; k < v.size(); ++k) inner[k] = scale[k] * v[k];
    systems.operators.h22()(inner, y);
    for (std::size_t k = 0; k < v.size(); ++k) y[k] = scale[k] * (y[k] + systems.mu * inner[k]);
  };
  const auto found = lift::solve_shifted(h, 0, rhs, tol, 300, systems.operators.layout(), systems.comm, x);
  for (std::size_t k = 0; k < x.size(); ++k) x[k] *= scale[k];
  return found.iterations;
}

Count two_cgs(const Systems& systems, const Vector& diagonal, int beside, double tol) {
  Vector x(systems.g.size());
  Count count{.beside = beside};
  count.q = scaled_cg(systems, diagonal, systems.g, tol, x);
  count.q_residual = systems.residual(x, systems.g);
  count.z = scaled_cg(systems, diagonal, systems.rhs, tol, x);
  count.z_residual = systems.residual(x, systems.rhs);
  return count;
}

/// Galerkin's on one basis that begins with `known`, all of which one block of products takes in.
Count on_basis(const Systems& systems, const std::vector<Vector>& known, double tol,
               std::vector<Vector>& found) {
  lift::KrylovBasis basis(systems.operators.h22_block(), systems.operators.layout(), systems.comm);
  Count count;
  std::vector<int> chains;
  for (const Vector& v : known) chains.push_back(basis.start(v));
  if (!known.empty() && !basis.grow(chains)) throw std::runtime_error("a product is not finite");
  count.beside = static_cast<int>(basis.products());
  found.clear();
  for (int* products : {&count.q, &count.z}) {
    const Vector& b = products == &count.q ? systems.g : systems.rhs;
    const auto before = basis.products();
    const int chain = basis.start(b);
    Vector y;
    for (;;) {
      y = basis.function([&](double theta) { return 1 / (theta + systems.mu); }, chain);
      const int next = basis.largest_part(y, chain);
      if (next < 0 || basis.residual(y, chain) <= tol * basis.length(chain)) break;
      if (!basis.grow({&next, 1})) throw std::runtime_error("a product is not finite");
    }
    *products = static_cast<int>(basis.products() - before);
    found.push_back(basis.expand(y));
    (products == &count.q ? count.q_residual : count.z_residual) = systems.residual(found.back(), b);
  }
  return count;
}

/// |diag(H22)| by Hutchinson's estimate from `count` signs, and mu.
Vector diagonal_of(const Systems& systems, int count) {
  const std::size_t size = systems.g.size();
  const lift::Philox philox(11, lift::RandomStream::test);
  const auto first = static_cast<std::uint64_t>(systems.operators.layout().begin(systems.comm.rank()));
  Vector v(size), product(size), sum(size, 0.0);
  for (int i = 0; i < count; ++i) {
    for (std::size_t k = 0; k < size; ++k)
      v[k] = (philox.bits(static_cast<std::uint64_t>(i), first + k) & 1U) != 0 ? 1 : -1;
    systems.operators.h22()(v, product);
    for (std::size_t k = 0; k < size; ++k) sum[k] += v[k] * product[k] / count;
  }
  for (double& entry : sum) entry = std::fabs(entry) + systems.mu;
  return sum;
}

Systems systems_of(const lift::Round& round, const lift::RoundOperators& operators, const lift::Slope& slope,
                   std::optional<double> mu, const lift::StationarityOptions& solver, Vector& dw) {
  const auto& comm = round.state.comm;
  const auto g = lift::shard_of(slope.gradient, operators.layout(), comm.rank());
  const auto s = lift::lambda_bounds(round.options.radius, round.state.lambda);
  auto chosen = solver;
  if (mu) chosen.mu = mu;
  dw.assign(g.size(), 0.0);
  const auto summary = lift::solve_stationarity(operators.problem(g, s), chosen, dw);
  if (comm.is_root()) fmt::print("{}\n", summary.message);
  Systems systems{operators, comm, summary.mu, g, Vector(g.size())};
  operators.cross().apply(summary.dlambda, systems.rhs);
  lift::scale(-1, systems.rhs);
  return systems;
}

void run(const Arguments& a, const lift::Communicator& world) {
  const lift::SolverSession session(world);
  auto model = lift::load_checkpoint(a.model, at::kFloat, at::kCPU, world);
  const lift::TuningSpec spec{
      .blocks = a.blocks, .mlp_only = a.mlp_only, .regularizers = {{1, 1}, {7, 0}, {11, 1}}};
  const lift::TunedParameters tuned(model, lift::TunedLayout(model.config(), spec));
  const at::Tensor pretrained = tuned.flat().clone();
  if (!a.start.empty()) {
    auto start = lift::load_checkpoint(a.start, at::kFloat, at::kCPU, world);
    const lift::TunedParameters there(start, lift::TunedLayout(start.config(), spec));
    tuned.flat().copy_(there.flat());
  }
  const lift::Objective objective(model, tuned, 4);
  const bool around = a.regularizer == "l2-sp";
  const lift::Regularizer regularizer =
      around ? lift::Regularizer(tuned.layout(), pretrained) : lift::Regularizer(tuned.layout());
  auto tokenizer = lift::load_tokenizer(a.model, model.config(), world);
  const lift::CorpusOptions corpus{.folder = a.data,
                                   .cache = lift::default_cache_folder(),
                                   .length = a.length,
                                   .limit = a.limit,
                                   .train_limit = a.train_limit,
                                   .warn = {}};
  const auto train = lift::load_split(corpus, lift::Split::train, tokenizer, world),
             valid = lift::load_split(corpus, lift::Split::valid, tokenizer, world);
  std::vector<double> lambda(static_cast<std::size_t>(tuned.layout().p()), 1e-4);
  lift::PhaseTimers timers;
  const lift::SearchState state{objective, regularizer, train, valid, lambda, world, timers};
  lift::SearchOptions search;
  search.hvp_batches = a.batches;
  if (around) lambda = lift::balanced_lambda(state, search);
  auto solver = lift::solver_options(search);
  solver.tol = a.tol;
  solver.basis = 300;
  solver.max_products = 600;

  std::vector<Vector> before;
  std::optional<double> mu;
  for (int number = 0; number < 2; ++number) {
    const lift::Round round = lift::choose_round(state, search, number);
    const lift::Slope slope = lift::validation_slope(round, {});
    const lift::RoundOperators operators(round, slope.training_gradient);
    Vector dw;
    const Systems systems = systems_of(round, operators, slope, mu, solver, dw);
    mu = systems.mu;
    if (world.is_root())
      fmt::print(
          "round {}, {}, mu {:.3g}, residual {:g}, {} sequences\n{:<44} {:>4} {:>4} {:>7} {:>5} {:>6}   {}\n",
          number + 1, a.regularizer, systems.mu, a.tol, round.hessian_sequences.size(), "", "q", "dW",
          "beside", "all", "ratio", "residuals");
    const Count plain = two_cgs(systems, Vector(systems.g.size(), 1.0), solver.lanczos_steps, a.tol);
    const int all = plain.q + plain.z + plain.beside;
    std::vector<Vector> found, again;
    const Count shared = on_basis(systems, {}, a.tol, found);
    const Count jacobi =
        two_cgs(systems, diagonal_of(systems, a.diagonal), solver.lanczos_steps + a.diagonal, a.tol);
    if (world.is_root()) {
      print("Lanczos for mu, then two CGs", plain, all);
      print("one Krylov basis", shared, all);
      print("the first, with a diagonal", jacobi, all);
    }
    if (number > 0) {
      const Count recycled = on_basis(systems, before, a.tol, again);
      if (world.is_root()) print("one basis, begun with round 1's q and dW", recycled, all);
    }
    before = found;
    at::Tensor w = tuned.flat();
    const auto step = operators.whole(dw);
    const double length = lift::from_root(step.norm().item<double>(), world);
    // A step of 1 % of W, as a round takes.
    w.add_(step, 0.01 * w.norm().item<double>() / length);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const lift::Environment environment(argc, argv);
  const auto world = lift::Communicator::world();
  try {
    Arguments arguments;
    if (parse(argc, argv, arguments)) run(arguments, world);
  } catch (const std::exception& error) {
    return static_cast<int>(lift::end_with_error(world, error));
  }
  return 0;
}
