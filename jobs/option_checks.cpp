#include "jobs/option_checks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "jobs/options.hpp"
#include "mpi/error.hpp"
#include "solvers/exact_stationarity.hpp"

namespace lift {
namespace {

[[noreturn]] void refuse(const std::string& message) {
  throw Error(ExitCode::usage, message);
}

/// The options, and what was found.
struct Checked : OptionNotes {
  explicit Checked(const Options& all) : options(all) {}
  const Options& options;
};

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

/// Whether the command line makes a choice that may leave options of a file without meaning.
bool overrides_a_choice(const Options& options) {
  constexpr std::array kChoices = {"preset",
                                   "direction",
                                   "search.probe-kind",
                                   "search.hvp",
                                   "search.curvature",
                                   "search.line",
                                   "search.rounds",
                                   "search.corrector-steps",
                                   "lp.trust-region",
                                   "recover.interpolate",
                                   "recover.corrector-epochs",
                                   "tune.learning-rate",
                                   "warmup.epochs"};
  return std::ranges::any_of(kChoices, [&](const char* choice) { return options.typed(choice); });
}

/// What the command line overrides in a file may leave other lines of it idle: these are left out.
bool may_be_idle(const Options& options, std::string_view name) {
  return !options.typed(name) && overrides_a_choice(options);
}

/// `name` was given, but what is chosen elsewhere would ignore it.
void refuse_idle(Checked& checked, std::string_view name, const std::string& because) {
  const Options& options = checked.options;
  if (!options.chosen(name)) return;
  if (may_be_idle(options, name)) {
    checked.idle.emplace_back(name);
    return;
  }
  const std::string place = options.typed(name) ? "" : options.origin(name) + ": ";
  refuse(fmt::format("{}--{} has no meaning {}", place, name, because));
}

/// Epochs to be kept lie within the warm-up; none of a file does where the command line leaves no warm-up.
void check_kept_epochs(Checked& checked) {
  const Options& options = checked.options;
  const std::int64_t epochs = options.count("warmup.epochs");
  for (const int epoch : options.integers("warmup.keep")) {
    if (epoch <= epochs) continue;
    if (may_be_idle(options, "warmup.keep")) {
      checked.idle.emplace_back("warmup.keep");
      return;
    }
    refuse(fmt::format("--warmup.keep: epoch {} is beyond --warmup.epochs {}", epoch, epochs));
  }
}

void check_probes(const Options& options) {
  const std::string kind = options.text("search.probe-kind");
  if (options.text("search.probe-space") == "joint" && kind != "random") {
    refuse(
        fmt::format("--search.probe-space joint is of random probes, not of --search.probe-kind {}", kind));
  }
  if (kind == "adjoint" && options.typed("search.probes") && options.count("search.probes") != 1) {
    refuse(fmt::format("--search.probes {}: adjoint probes are one row; expected 1",
                       options.count("search.probes")));
  }
}

void check_products(Checked& checked) {
  const Options& options = checked.options;
  const std::string hvp = options.text("search.hvp");
  const std::string curvature = options.text("search.curvature");
  if (curvature != "hessian" && hvp != "exact")
    refuse(fmt::format("--search.curvature {} is not made by --search.hvp {}", curvature, hvp));
  if (curvature == "identity" &&
      (options.text("direction") != "lp" || options.text("search.probe-kind") != "random"))
    refuse("--search.curvature identity is a control of --direction lp with random probes");
  if (curvature == "ggn") {
    if (options.optional_count("tune.embeddings"))
      refuse("--search.curvature ggn needs a frozen head, but --tune.embeddings is given");
  }
  if (hvp == "exact") refuse_idle(checked, "search.fd-step", "with --search.hvp exact");
}

/// Fewer products than the damping and one step of each solve take would end in no direction at all.
void check_implicit(const Options& options) {
  const int damping = options.given("search.damping") ? 0 : StationarityOptions{}.lanczos_steps;
  const int least = damping + (options.text("direction") == "exact" ? 2 : 1);
  if (options.count("search.max-hvps") < least)
    refuse(fmt::format("--search.max-hvps {}: expected at least {}{}", options.count("search.max-hvps"),
                       least,
                       damping == 0 ? "" : fmt::format(", {} of which find --search.damping", damping)));
}

void check_direction(Checked& checked) {
  const Options& options = checked.options;
  const std::string direction = options.text("direction");
  const bool solves = direction == "exact" || options.text("search.probe-kind") == "adjoint";
  const std::string because = fmt::format("with --direction {}", direction);
  if (direction != "lp") {
    for (const char* name : {"search.probe-kind", "search.probes", "search.probe-space", "search.keep"})
      refuse_idle(checked, name, because);
    if (direction != "exact") refuse_idle(checked, "lp.trust-region", because);
    if (direction == "exact" && options.text("lp.trust-region") == "none")
      refuse("--lp.trust-region none has no meaning with --direction exact, which bounds lambda alone");
  }
  if (direction == "gradient" || direction == "sign" || direction == "wise") {
    for (const char* name : {"search.hvp", "search.curvature", "lp.lambda", "lp.lambda-scale"})
      refuse_idle(checked, name, because);
  }
  if (direction == "wise" || direction == "exact") {
    for (const char* name : {"lp.radius", "lp.radius-unit"}) refuse_idle(checked, name, because);
  }
  if (direction != "lp" || options.text("lp.trust-region") != "box")
    refuse_idle(checked, "lp.time-limit", "without the box program");
  if (direction == "lp" && options.text("lp.trust-region") == "none") {
    for (const char* name : {"lp.radius", "lp.radius-unit"})
      refuse_idle(checked, name, "with --lp.trust-region none, which leaves dW free");
  }
  if (solves) check_implicit(options);
  if (!solves) {
    for (const char* name : {"search.damping", "search.solve-tol", "search.max-hvps"})
      refuse_idle(checked, name,
                  "without an implicit solve (--direction exact, --search.probe-kind adjoint)");
  }
}

bool trains(const Options& options) {
  if (options.job() == Job::pretrain) return options.count("epochs") > 0;
  return options.count("warmup.epochs") > 0 || options.count("recover.corrector-epochs") > 0 ||
         options.count_or_word("search.corrector-steps") != 0 || options.text("tune.learning-rate") == "on";
}

/// Says of those of `names` that were given that they do nothing here: one who leaves out a whole phase of a
/// command has not mistaken its options.
void note_idle(Checked& checked, std::span<const std::string_view> names, const std::string& because) {
  std::string idle;
  for (const std::string_view name : names) {
    if (!checked.options.chosen(name)) continue;
    idle += fmt::format("{}--{}", idle.empty() ? "" : ", ", name);
  }
  if (!idle.empty()) checked.notes.push_back(fmt::format("without effect {}: {}", because, idle));
}

void check_warmup(Checked& checked) {
  const Options& options = checked.options;
  if (options.count("warmup.epochs") > 0) return;
  refuse_idle(checked, "warmup.schedule", "with --warmup.epochs 0");
  constexpr std::array<std::string_view, 1> kStart = {"warmup.lambda"};
  if (options.given("search.lambda"))
    note_idle(checked, kStart, "without a warm-up and with --search.lambda");
  constexpr std::array<std::string_view, 2> kSteps = {"warmup.lr", "warmup.clip"};
  if (!trains(options)) note_idle(checked, kSteps, "without a warm-up and a corrector");
}

/// What a round alone reads.
constexpr std::array<std::string_view, 20> kOfRounds = {
    "direction",       "search.batches",   "search.probes",  "search.probe-kind", "search.probe-space",
    "search.hvp",      "search.curvature", "search.fd-step", "search.damping",    "search.solve-tol",
    "search.max-hvps", "search.line",      "search.steps",   "search.max-step",   "lp.trust-region",
    "lp.radius",       "lp.radius-unit",   "lp.lambda",      "lp.lambda-scale",   "lp.time-limit"};

void check_rounds(Checked& checked) {
  const Options& options = checked.options;
  const std::int64_t rounds = options.count("search.rounds");
  if (rounds < 2) refuse_idle(checked, "search.min-gain", "with fewer than two rounds");
  if (rounds == 0) refuse_idle(checked, "search.keep", "without a round");
  if (rounds == 0) note_idle(checked, kOfRounds, "with --search.rounds 0");
  if (options.text("search.line") == "model")
    refuse_idle(checked, "search.max-step", "with --search.line model, which has no grid");
}

void check_correctors(Checked& checked) {
  const Options& options = checked.options;
  const bool between = options.count_or_word("search.corrector-steps") != 0;
  const bool tunes = options.text("tune.learning-rate") == "on";
  const bool recovers = options.count("recover.corrector-epochs") > 0;
  if (between && options.count("search.rounds") < 2 && !tunes)
    refuse_idle(checked, "search.corrector-steps", "with fewer than two rounds");
  if (!between && !tunes && !recovers) refuse_idle(checked, "search.corrector-lr", "without a corrector");
  if (!recovers || options.text("recover.interpolate") == "off")
    refuse_idle(checked, "recover.overshoot", "without interpolation and corrector");
}

void check_precision(Checked& checked) {
  const Options& options = checked.options;
  const std::string precision = options.text("precision");
  if (!trains(options) && (precision == "bf16" || precision == "tf32"))
    refuse_idle(checked, "precision", fmt::format("as {} where there is no training step", precision));
}

void check_differ(const Options& options, const char* one, const char* other) {
  const auto first = options.path(one).lexically_normal(), second = options.path(other).lexically_normal();
  if (!first.empty() && first == second)
    refuse(fmt::format("--{} and --{} are both {}", one, other, first.string()));
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

OptionNotes check_consistency(const Options& options) {
  Checked checked(options);
  if (options.job() == Job::run) {
    check_tuning(options);
    check_rounds(checked);
    check_kept_epochs(checked);
    check_direction(checked);
    check_probes(options);
    check_products(checked);
    check_warmup(checked);
    check_correctors(checked);
  }
  if (options.job() == Job::run || options.job() == Job::pretrain) check_precision(checked);
  if (options.job() == Job::pretrain) check_shape(options);
  if (options.job() == Job::lp) {
    check_differ(options, "input", "output");
    check_differ(options, "output", "json");
  }
  if (options.job() == Job::run) check_differ(options, "search.keep", "json");
  return checked;
}

}  // namespace lift
