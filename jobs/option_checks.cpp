#include "jobs/option_checks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "jobs/checked_options.hpp"
#include "jobs/option_values.hpp"

namespace lift {
namespace {

void check_unique(const CheckedOptions& checked, const std::vector<int>& blocks, const char* name) {
  for (auto block = blocks.begin(); block != blocks.end(); ++block) {
    if (std::find(blocks.begin(), block, *block) != block) {
      checked.refuse(fmt::format("--{}: block {} stands twice", name, *block));
    }
  }
}

void check_lora(CheckedOptions& checked) {
  const Options& options = checked.options;
  if (!options.given("tune.lora")) {
    for (const char* name : {"tune.lora-alpha", "tune.lora-targets"})
      checked.refuse_idle(name, "without --tune.lora");
    return;
  }
  if (options.optional_count("tune.embeddings"))
    checked.refuse("--tune.lora leaves all but its pairs frozen, and --tune.embeddings tunes the embeddings");
  if (options.given("start"))
    checked.refuse("--tune.lora begins at --model: the weights of a --start do not tell what its pairs were");
  const std::vector<int> mlp_only = options.integers("tune.mlp-only");
  if (options.text("tune.lora-targets") == "attention" && !mlp_only.empty())
    checked.refuse(
        fmt::format("--tune.lora-targets attention leaves nothing to tune of block {}, which "
                    "--tune.mlp-only names; expected all or mlp",
                    mlp_only.front()));
}

void check_tuning(CheckedOptions& checked) {
  const Options& options = checked.options;
  const std::vector<int> blocks = options.integers("tune.blocks");
  const std::vector<int> mlp_only = options.integers("tune.mlp-only");
  const auto first_blocks = options.optional_count("tune.first-blocks");
  if (!blocks.empty() && first_blocks) {
    checked.refuse("--tune.blocks and --tune.first-blocks contradict each other; expected one of them");
  }
  if (blocks.empty() && !first_blocks) {
    checked.refuse("nothing to tune; expected --tune.blocks or --tune.first-blocks");
  }
  check_unique(checked, blocks, "tune.blocks");
  check_unique(checked, mlp_only, "tune.mlp-only");
  const auto check_tuned = [&](int block, const char* name) {
    if (first_blocks ? block < *first_blocks : std::ranges::count(blocks, block) > 0) return;
    checked.refuse(fmt::format("--{}: block {} is not tuned; expected one of --tune.{}", name, block,
                               first_blocks ? "first-blocks" : "blocks"));
  };
  for (const int block : mlp_only) check_tuned(block, "tune.mlp-only");
  for (const auto& [block, groups] : options.integer_map("tune.regularizers")) {
    check_tuned(block, "tune.regularizers");
  }
  check_lora(checked);
}

/// Epochs to be kept lie within the warm-up; those of a file are idle where the command line leaves none.
void check_kept_epochs(CheckedOptions& checked) {
  const Options& options = checked.options;
  const std::int64_t epochs = options.count("warmup.epochs");
  const std::vector<int> kept = options.integers("warmup.keep");
  if (kept.empty() || std::ranges::max(kept) <= epochs) return;
  if (epochs == 0 && checked.may_be_idle("warmup.keep")) return checked.add_idle("warmup.keep");
  checked.refuse(
      fmt::format("--warmup.keep: epoch {} is beyond --warmup.epochs {}", std::ranges::max(kept), epochs));
}

void check_warmup(CheckedOptions& checked) {
  const Options& options = checked.options;
  if (options.count("warmup.epochs") > 0) return;
  checked.refuse_idle("warmup.schedule", "with --warmup.epochs 0");
  constexpr std::array<std::string_view, 1> kStart = {"warmup.lambda"};
  if (options.given("search.lambda")) checked.note_idle(kStart, "without a warm-up and with --search.lambda");
  constexpr std::array<std::string_view, 2> kSteps = {"warmup.lr", "warmup.clip"};
  if (!trains(options)) checked.note_idle(kSteps, "without a warm-up and a corrector");
}

/// Whether Adam takes a step beside those of a rival.
bool trains_itself(const Options& options) {
  if (options.job() == Job::pretrain) return options.count("epochs") > 0;
  if (options.job() == Job::curvature) return false;
  return options.count("warmup.epochs") > 0 || options.count("recover.corrector-epochs") > 0 ||
         options.count_or_word("search.corrector-steps") != 0 || options.text("tune.learning-rate") == "on";
}

void check_precision(CheckedOptions& checked) {
  const Options& options = checked.options;
  const std::string precision = options.text("precision");
  if (precision != "bf16" && precision != "tf32") return;
  if (!trains(options)) {
    checked.refuse_idle("precision", fmt::format("as {} where there is no training step", precision));
  } else if (!trains_itself(options) && !trains_like_a_warmup(options)) {
    checked.refuse_idle(
        "precision", fmt::format("as {} with --method {} and no warm-up: its steps are in float32", precision,
                                 options.text("method")));
  }
}

/// What `lift curvature` would ignore; a run has its own words for the same.
void check_curvature_job(CheckedOptions& checked) {
  const Options& options = checked.options;
  check_tuning(checked);
  if (options.text("search.hvp") == "exact") checked.refuse_idle("search.fd-step", "with --search.hvp exact");
  constexpr std::array<std::string_view, 1> kWarmup = {"warmup.lambda"};
  if (options.given("search.lambda"))
    checked.note_idle(kWarmup, "with --search.lambda");
  else if (options.text("regularizer") == "l2-sp")
    checked.note_idle(kWarmup, "with --regularizer l2-sp, whose lambda balances the loss");
}

void check_differ(const CheckedOptions& checked, const char* one, const char* other) {
  const Options& options = checked.options;
  const auto first = options.path(one).lexically_normal(), second = options.path(other).lexically_normal();
  if (!first.empty() && first == second)
    checked.refuse(fmt::format("--{} and --{} are both {}", one, other, shown(first.string())));
}

void check_shape(CheckedOptions& checked) {
  const Options& options = checked.options;
  if (options.count("width") % options.count("heads") != 0) {
    checked.refuse(fmt::format("--width {} is not a multiple of --heads {}", options.count("width"),
                               options.count("heads")));
  }
  if (options.count("length") > options.count("positions")) {
    checked.refuse(fmt::format("--length {} is beyond --positions {}", options.count("length"),
                               options.count("positions")));
  }
}

void check_all(CheckedOptions& checked) {
  const Job job = checked.options.job();
  if (job == Job::run) {
    check_tuning(checked);
    check_kept_epochs(checked);
    check_rival(checked);
    if (checked.options.text("method") == "lift") check_search(checked);
    check_warmup(checked);
    check_differ(checked, "search.keep", "json");
  }
  if (job == Job::curvature) check_curvature_job(checked);
  if (job == Job::run || job == Job::pretrain || job == Job::curvature) check_precision(checked);
  if (job == Job::pretrain) check_shape(checked);
  if (job == Job::lp) {
    check_differ(checked, "input", "output");
    check_differ(checked, "output", "json");
  }
}

}  // namespace

bool trains(const Options& options) {
  return trains_itself(options) || (options.job() == Job::run && trains_a_rival(options));
}

std::vector<std::string> idle_options(const Options& options) {
  CheckedOptions checked(options, CheckedOptions::Purpose::settle);
  check_all(checked);
  return checked.idle;
}

std::vector<std::string> check_consistency(const Options& options) {
  CheckedOptions checked(options, CheckedOptions::Purpose::refuse);
  check_all(checked);
  return checked.notes;
}

}  // namespace lift
