// One exact Hessian-vector product as a multiple of one gradient on the same batch, in time and peak memory.
//
// usage: bench_hvp [--layers N --width N --heads N --vocabulary N --length N --batch N --threads N ...]
// Without a shape: one like the stand-in of ../shared/models, and one with the width of GPT-2 Small.
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/randn_like.h>
#include <ATen/ops/zeros_like.h>
#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <chrono>
#include <cstdio>
#include <functional>
#include <iostream>
#include <limits>
#include <vector>

#include "mpi/philox.hpp"
#include "src/objective/objective.hpp"
#include "tests/src/objective/live_bytes.hpp"

namespace {

namespace options = boost::program_options;

struct Shape {
  lift::Gpt2Config model;
  std::vector<int> tuned, mlp_only;
  int length = 512;
  int batch = 2;
};

/// Blocks {1, 7, 11} of the stand-in, 1 and 11 MLP only.
Shape stand_in() {
  Shape shape{.model = {}, .tuned = {1, 7, 11}, .mlp_only = {1, 11}};
  shape.model.width = 128;
  shape.model.heads = 4;
  shape.model.inner = 512;
  return shape;
}

/// GPT-2 Small's width and vocabulary with the paper's three kinds of block one upon the other.
Shape small() {
  Shape shape{.model = {}, .tuned = {1, 2, 3}, .mlp_only = {1, 3}};
  shape.model.layers = 4;
  return shape;
}

struct Cost {
  double seconds = std::numeric_limits<double>::infinity();  ///< the least of the repetitions
  double mebibytes = 0;                                      ///< peak of what the call itself allocates
};

Cost measure(int repetitions, const std::function<void()>& action) {
  Cost cost;
  {
    const lift::LiveBytes memory;
    action();
    cost.mebibytes = static_cast<double>(memory.peak()) / (1 << 20);
  }
  for (int i = 0; i < repetitions; ++i) {
    const auto start = std::chrono::steady_clock::now();
    action();
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    cost.seconds = std::min(cost.seconds, elapsed.count());
  }
  return cost;
}

lift::SequenceSet random_sequences(const Shape& shape) {
  const lift::Philox philox(1, lift::RandomStream::test);
  std::vector<lift::Token> tokens;
  for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(shape.length) * shape.batch; ++i)
    tokens.push_back(
        static_cast<lift::Token>(philox.bits(0, i) % static_cast<std::uint64_t>(shape.model.vocabulary)));
  return {std::move(tokens), shape.length};
}

void print(const char* what, const Cost& cost, double calls, const Cost& gradient) {
  fmt::print("{:<28} {:>8.3f} s  {:>5.2f} x {:>9.0f} MiB  {:>5.2f} x\n", what, cost.seconds / calls,
             cost.seconds / calls / gradient.seconds, cost.mebibytes, cost.mebibytes / gradient.mebibytes);
  std::fflush(stdout);
}

void run(const Shape& shape, int repetitions, int together) {
  auto model = lift::random_gpt2(shape.model, 1, at::kFloat);
  const lift::TuningSpec spec{.blocks = shape.tuned, .mlp_only = shape.mlp_only, .regularizers = {}};
  const lift::TunedParameters tuned(model, lift::TunedLayout(shape.model, spec));
  const lift::Objective objective(model, tuned, shape.batch);
  const lift::Objective again(model, tuned, shape.batch, lift::Activations::recompute);
  const auto set = random_sequences(shape);
  std::vector<std::int64_t> sequences(static_cast<std::size_t>(shape.batch));
  for (std::size_t i = 0; i < sequences.size(); ++i) sequences[i] = static_cast<std::int64_t>(i);

  auto gradient = at::zeros_like(tuned.flat());
  std::vector<at::Tensor> v, products;
  for (int j = 0; j < together; ++j) {
    v.push_back(at::randn_like(tuned.flat()));
    products.push_back(at::zeros_like(v.back()));
  }
  fmt::print("{} blocks, width {}, vocabulary {}, n = {}, {} x {} tokens, float32, {} threads\n",
             shape.model.layers, shape.model.width, shape.model.vocabulary, tuned.n(), shape.batch,
             shape.length, at::get_num_threads());
  const auto of_loss = measure(repetitions, [&] { (void)objective.losses(set, sequences); });
  const auto of_gradient = measure(repetitions, [&] { objective.add_gradient(set, sequences, gradient); });
  const auto of_product =
      measure(repetitions, [&] { objective.add_hessian_vector(set, sequences, v[0], products[0]); });
  const auto of_several =
      measure(repetitions, [&] { objective.add_hessian_vectors(set, sequences, v, products); });
  print("losses", of_loss, 1, of_gradient);
  print("gradient", of_gradient, 1, of_gradient);
  print("HVP", of_product, 1, of_gradient);
  print(fmt::format("each of {} HVPs at once", together).c_str(), of_several, together, of_gradient);
  print("gradient, recomputing", measure(repetitions, [&] { again.add_gradient(set, sequences, gradient); }),
        1, of_gradient);
  print("HVP, recomputing",
        measure(repetitions, [&] { again.add_hessian_vector(set, sequences, v[0], products[0]); }), 1,
        of_gradient);
}

}  // namespace

int main(int argc, char** argv) {
  Shape shape = stand_in();
  int repetitions = 2, together = 4, threads = 0;
  options::options_description known("bench_hvp");
  known.add_options()("help", "this text");
  known.add_options()("layers", options::value(&shape.model.layers), "blocks");
  known.add_options()("width", options::value(&shape.model.width), "width; the MLP's is four times this");
  known.add_options()("heads", options::value(&shape.model.heads), "attention heads");
  known.add_options()("vocabulary", options::value(&shape.model.vocabulary), "tokens of the vocabulary");
  known.add_options()("tuned", options::value(&shape.tuned)->multitoken(), "tuned blocks");
  known.add_options()("mlp-only", options::value(&shape.mlp_only)->multitoken(), "those tuned MLP only");
  known.add_options()("length", options::value(&shape.length), "tokens of a sequence");
  known.add_options()("batch", options::value(&shape.batch), "sequences");
  known.add_options()("together", options::value(&together), "HVPs that share one forward pass");
  known.add_options()("repetitions", options::value(&repetitions), "of which the fastest counts");
  known.add_options()("threads", options::value(&threads), "CPU threads; 0 leaves LibTorch's choice");
  options::variables_map given;
  options::store(options::parse_command_line(argc, argv, known), given);
  options::notify(given);
  if (given.contains("help")) {
    std::cout << known;
    return 0;
  }
  if (threads > 0) at::set_num_threads(threads);
  shape.model.inner = 4 * shape.model.width;
  run(shape, repetitions, together);
  if (!given.contains("width") && !given.contains("layers")) run(small(), repetitions, together);
  return 0;
}
