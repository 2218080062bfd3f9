#include "jobs/option_checks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "jobs/options.hpp"
#include "mpi/error.hpp"

namespace lift {
namespace {

[[noreturn]] void refuse(const std::string& message) {
  throw Error(ExitCode::usage, message);
}

void check_unique(const std::vector<int>& blocks, const char* name) {
  for (auto block = blocks.begin(); block != blocks.end(); ++block) {
    if (std::find(blocks.begin(), block, *block) != block) {
      refuse(fmt::format("--{}: block {} stands twice", name, *block));
    }
  }
}

void check_tuning(const Options& options) {
  const std::vector<int> blocks = options.integers("tune.blocks");
  const std::vector<int> mlp_only = options.integers("tune.mlp-only");
  const auto first_blocks = options.optional_count("tune.first-blocks");
  if (!blocks.empty() && first_blocks) {
    refuse("--tune.blocks and --tune.first-blocks contradict each other; expected one of them");
  }
  if (blocks.empty() && !first_blocks) {
    refuse("nothing to tune; expected --tune.blocks or --tune.first-blocks");
  }
  check_unique(blocks, "tune.blocks");
  check_unique(mlp_only, "tune.mlp-only");
  const auto check_tuned = [&](int block, const char* name) {
    if (first_blocks ? block < *first_blocks : std::ranges::count(blocks, block) > 0) return;
    refuse(fmt::format("--{}: block {} is not tuned; expected one of --tune.{}", name, block,
                       first_blocks ? "first-blocks" : "blocks"));
  };
  for (const int block : mlp_only) check_tuned(block, "tune.mlp-only");
  for (const auto& [block, groups] : options.integer_map("tune.regularizers")) {
    check_tuned(block, "tune.regularizers");
  }
}

void check_kept_epochs(const Options& options) {
  for (const int epoch : options.integers("warmup.keep")) {
    if (epoch > options.count("warmup.epochs"))
      refuse(fmt::format("--warmup.keep: epoch {} is beyond --warmup.epochs {}", epoch,
                         options.count("warmup.epochs")));
  }
}

void check_shape(const Options& options) {
  if (options.count("width") % options.count("heads") != 0) {
    refuse(fmt::format("--width {} is not a multiple of --heads {}", options.count("width"),
                       options.count("heads")));
  }
  if (options.count("length") > options.count("positions")) {
    refuse(fmt::format("--length {} is beyond --positions {}", options.count("length"),
                       options.count("positions")));
  }
}

}  // namespace

void check_consistency(const Options& options) {
  if (options.job() == Job::run) {
    check_tuning(options);
    check_kept_epochs(options);
  }
  if (options.job() == Job::pretrain) check_shape(options);
  if (options.job() == Job::lp && options.path("input") == options.path("output")) {
    refuse(fmt::format("--input and --output are both {}", options.path("input").string()));
  }
}

}  // namespace lift
