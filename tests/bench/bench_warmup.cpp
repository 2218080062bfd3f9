// Warm-up steps per second: LiFT's warm_up() on one rank in each of --precisions, and HF's GPT-2 in eager
// PyTorch in float32 on the same device, model, tuned tensors and batches, one after the other in one run.
//
// usage: bench_warmup MODEL [--length 256] [--batch 4] [--steps 12] [--threads N] [--device cpu|cuda]
//                     [--precisions fp32 tf32 bf16] [--python PYTHON]
// tf32 needs --device cuda. The peer's TF32 is off on every device.
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <ATen/Parallel.h>
#include <unistd.h>

#include <array>
#include <boost/program_options.hpp>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "mpi/communicator.hpp"
#include "mpi/error.hpp"
#include "src/model/checkpoint.hpp"
#include "src/training/warmup.hpp"
#include "tests/bench/bench_device.hpp"

namespace {

const lift::TuningSpec kTuned{.blocks = {1, 7, 11}, .mlp_only = {1, 11}, .regularizers = {}};

struct Arguments {
  std::filesystem::path model;
  int length = 256;
  int batch = 4;
  int steps = 12;
  int threads = 1;
  std::string device = "cpu";
  std::vector<std::string> precisions = {"fp32"};
  std::string python = LIFT_BENCH_PYTHON;
};

Arguments parse(int argc, char** argv) {
  namespace po = boost::program_options;
  Arguments a;
  std::string model;
  po::options_description options;
  options.add_options()("model", po::value(&model)->required())("length", po::value(&a.length))(
      "batch", po::value(&a.batch))("steps", po::value(&a.steps))("threads", po::value(&a.threads))(
      "device", po::value(&a.device))("precisions", po::value(&a.precisions)->multitoken())(
      "python", po::value(&a.python));
  po::positional_options_description positional;
  positional.add("model", 1);
  po::variables_map values;
  po::store(po::command_line_parser(argc, argv).options(options).positional(positional).run(), values);
  po::notify(values);
  a.model = model;
  return a;
}

lift::TrainingPrecision precision_of(const std::string& name, at::Device device) {
  using lift::TrainingPrecision;
  if (name == "fp32") return TrainingPrecision::model;
  if (name == "bf16") return TrainingPrecision::bf16;
  if (name != "tf32")
    throw lift::Error(lift::ExitCode::usage,
                      fmt::format("--precisions {} is unknown, expected fp32, tf32 or bf16", name));
  if (device.is_cpu()) throw lift::Error(lift::ExitCode::usage, "--precisions tf32 needs --device cuda");
  return TrainingPrecision::tf32;
}

/// Uniformly random tokens: speed does not depend on which they are.
std::vector<lift::Token> random_tokens(std::int64_t count, int vocabulary) {
  const lift::Philox philox(1, lift::RandomStream::test);
  std::vector<lift::Token> tokens(count);
  for (std::int64_t i = 0; i < count; ++i) {
    tokens[i] = static_cast<lift::Token>(philox.bits(0, i) % static_cast<std::uint64_t>(vocabulary));
  }
  return tokens;
}

/// Writes the tokens in the order in which warm_up will meet them.
void write_in_training_order(const std::string& path, const lift::SequenceSet& set, const Arguments& a,
                             std::uint64_t seed) {
  const lift::BatchOrder order(seed, set.size(), a.batch);
  std::ofstream file(path, std::ios::binary);
  for (int step = 0; step < a.steps; ++step) {
    for (const std::int64_t sequence : order.batch(0, step)) {
      const auto tokens = set[sequence];
      file.write(reinterpret_cast<const char*>(tokens.data()),
                 static_cast<std::streamsize>(tokens.size_bytes()));
    }
  }
}

/// Runs a command, echoes its output, and returns the number after `key` in it.
double run_peer(const std::string& command, const std::string& key) {
  std::FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return 0;
  double found = 0;
  std::array<char, 512> line{};
  while (std::fgets(line.data(), line.size(), pipe) != nullptr) {
    const std::string text = line.data();
    fmt::print("  {}", text);
    if (text.starts_with(key)) found = std::stod(text.substr(key.size()));
  }
  return pclose(pipe) == 0 ? found : 0;
}

/// Tokens a second of warm_up() from the checkpoint, over all steps but the first. The clock needs no wait
/// for a device: the gradient's norm, read back behind the kernels of each step, is there before on_step.
double measure(const Arguments& a, const lift::SequenceSet& train, at::Device device,
               lift::TrainingPrecision precision) {
  using namespace lift;
  const Communicator comm = Communicator::world();
  Gpt2 model = load_checkpoint(a.model, at::kFloat, device, comm);
  const TunedParameters tuned(model, TunedLayout(model.config(), kTuned));
  const Objective objective(model, tuned, a.batch);
  const Regularizer none(tuned.layout());
  const std::vector<double> lambda(tuned.layout().p(), 0.0);
  double first_done = 0, last_done = 0;
  const auto start = std::chrono::steady_clock::now();
  const auto seconds = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  const WarmupObserver observer{.on_step =
                                    [&](const WarmupStep& step) {
                                      last_done = seconds();
                                      if (step.step == 1) first_done = last_done;
                                      fmt::print("  step {} loss {:.6f}\n", step.step - 1, step.loss);
                                    },
                                .on_evaluation = {},
                                .on_epoch = {}};
  warm_up(objective, none, lambda, train, train.first(1), {},
          {.epochs = 1, .batch = a.batch, .precision = precision}, observer, comm);
  const double rate = (a.steps - 1) * double(a.batch) * a.length / (last_done - first_done);
  fmt::print("  tokens_per_second {:.1f}\n", rate);
  return rate;
}

void run(const Arguments& a) {
  using namespace lift;
  const BenchDevice where = use_device(a.device);
  std::vector<TrainingPrecision> precisions;
  for (const std::string& name : a.precisions) precisions.push_back(precision_of(name, where.device));
  at::set_num_threads(a.threads);
  const Gpt2Config config = inspect_checkpoint(a.model);
  const SequenceSet train(random_tokens(std::int64_t{a.steps} * a.batch * a.length, config.vocabulary),
                          a.length);
  const std::string tokens_file = fmt::format("/tmp/lift-bench-warmup.{}", getpid());
  write_in_training_order(tokens_file, train, a, 0);

  std::vector<double> ours;
  for (std::size_t k = 0; k < precisions.size(); ++k) {
    fmt::print("LiFT in {}, {}, {} thread(s), {} steps of {} x {} tokens:\n", a.precisions[k], where.name,
               a.threads, a.steps, a.batch, a.length);
    ours.push_back(measure(a, train, where.device, precisions[k]));
  }

  fmt::print("eager PyTorch in float32, the same:\n");
  const std::string script = std::string(LIFT_BENCH_FOLDER) + "/eager_warmup.py";
  const double peer = run_peer(
      fmt::format("{} {} {} {} --length {} --batch {} --steps {} --threads {} --device {} --tuned {}",
                  a.python, script, a.model.string(), tokens_file, a.length, a.batch, a.steps, a.threads,
                  a.device, fmt::join(TunedLayout(config, kTuned).names(), " ")),
      "tokens_per_second");
  std::filesystem::remove(tokens_file);
  if (peer <= 0)
    throw Error(ExitCode::input,
                "eager PyTorch did not run: ./setup.sh --wheels installs it, --python names it");
  for (std::size_t k = 0; k < ours.size(); ++k)
    fmt::print("LiFT in {} / eager PyTorch in float32: {:.2f}\n", a.precisions[k], ours[k] / peer);
}

}  // namespace

int main(int argc, char** argv) {
  const lift::Environment environment(argc, argv);
  try {
    run(parse(argc, argv));
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_warmup: {}\n", error.what());
    return 1;
  }
}
