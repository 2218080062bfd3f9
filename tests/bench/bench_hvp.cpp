// One exact Hessian-vector product as a multiple of one gradient on the same batch, in time and peak memory.
//
// usage: bench_hvp [--layers N --width N --heads N --vocabulary N --length N --batch N --threads N ...]
//                  [--device cpu|cuda]
// Without a shape: one like the stand-in of ../shared/models, and one with the width of GPT-2 Small.
// On a device the clock waits for it, and memory is what its caching allocator has given out, of all threads.
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/randn_like.h>
#include <ATen/ops/zeros_like.h>
#include <fmt/format.h>

#include <boost/program_options.hpp>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "mpi/philox.hpp"
#include "src/objective/objective.hpp"
#include "tests/bench/bench_device.hpp"
#include "tests/bench/call_cost.hpp"

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

lift::SequenceSet random_sequences(const Shape& shape) {
  const lift::Philox philox(1, lift::RandomStream::test);
  std::vector<lift::Token> tokens;
  for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(shape.length) * shape.batch; ++i)
    tokens.push_back(
        static_cast<lift::Token>(philox.bits(0, i) % static_cast<std::uint64_t>(shape.model.vocabulary)));
  return {std::move(tokens), shape.length};
}

void print(const char* what, const lift::CallCost& cost, double calls, const lift::CallCost& gradient) {
  fmt::print("{:<28} {:>8.4f} s  {:>5.2f} x {:>9.0f} MiB  {:>5.2f} x\n", what, cost.seconds / calls,
             cost.seconds / calls / gradient.seconds, cost.mebibytes, cost.mebibytes / gradient.mebibytes);
  std::fflush(stdout);
}

void run(const Shape& shape, const lift::BenchDevice& where, int repetitions, int together) {
  auto model = lift::random_gpt2(shape.model, 1, at::kFloat, where.device);
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
  fmt::print("{} blocks, width {}, vocabulary {}, n = {}, {} x {} tokens, float32, {}, {} threads\n",
             shape.model.layers, shape.model.width, shape.model.vocabulary, tuned.n(), shape.batch,
             shape.length, where.name, at::get_num_threads());
  const auto cost_of = [&](const auto& action) {
    return lift::measure_call(where.device, repetitions, action);
  };
  const auto of_loss = cost_of([&] { (void)objective.losses(set, sequences); });
  const auto of_gradient = cost_of([&] { objective.add_gradient(set, sequences, gradient); });
  const auto of_product = cost_of([&] { objective.add_hessian_vector(set, sequences, v[0], products[0]); });
  const auto of_several = cost_of([&] { objective.add_hessian_vectors(set, sequences, v, products); });
  print("losses", of_loss, 1, of_gradient);
  print("gradient", of_gradient, 1, of_gradient);
  print("HVP", of_product, 1, of_gradient);
  print(fmt::format("each of {} HVPs at once", together).c_str(), of_several, together, of_gradient);
  print("gradient, recomputing", cost_of([&] { again.add_gradient(set, sequences, gradient); }), 1,
        of_gradient);
  print("HVP, recomputing", cost_of([&] { again.add_hessian_vector(set, sequences, v[0], products[0]); }), 1,
        of_gradient);
}

void bench(int argc, char** argv) {
  Shape shape = stand_in();
  int repetitions = 2, together = 4, threads = 0;
  std::string device = "cpu";
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
  known.add_options()("device", options::value(&device), "cpu, or cuda for the first device visible");
  options::variables_map given;
  options::store(options::parse_command_line(argc, argv, known), given);
  options::notify(given);
  if (given.contains("help")) {
    std::cout << known;
    return;
  }
  const auto where = lift::use_device(device);
  if (threads > 0) at::set_num_threads(threads);
  shape.model.inner = 4 * shape.model.width;
  run(shape, where, repetitions, together);
  if (!given.contains("width") && !given.contains("layers")) run(small(), where, repetitions, together);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    bench(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_hvp: {}\n", error.what());
    return 1;
  }
}
