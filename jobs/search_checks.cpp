#include <fmt/format.h>

#include "jobs/checked_options.hpp"
#include "solvers/exact_stationarity.hpp"

namespace lift {
namespace {

void check_probes(CheckedOptions& checked) {
  const Options& options = checked.options;
  const std::string kind = options.text("search.probe-kind");
  if (options.text("search.probe-space") == "joint" && kind != "random") {
    checked.refuse(
        fmt::format("--search.probe-space joint is of random probes, not of --search.probe-kind {}", kind));
  }
  if (kind == "adjoint" && options.typed("search.probes") && options.count("search.probes") != 1) {
    checked.refuse(fmt::format("--search.probes {}: adjoint probes are one row; expected 1",
                               options.count("search.probes")));
  }
}

void check_products(CheckedOptions& checked) {
  const Options& options = checked.options;
  const std::string direction = options.text("direction"), hvp = options.text("search.hvp");
  const std::string curvature = options.text("search.curvature");
  const bool adjoint = direction == "lp" && options.text("search.probe-kind") == "adjoint";
  if (curvature == "absolute" && direction != "exact" && !adjoint)
    checked.refuse(
        "--search.curvature absolute is of implicit solves: --direction exact, --search.probe-kind adjoint");
  if ((curvature == "ggn" || curvature == "identity") && hvp != "exact")
    checked.refuse(fmt::format("--search.curvature {} is not made by --search.hvp {}", curvature, hvp));
  if (curvature == "identity" && (direction != "lp" || options.text("search.probe-kind") != "random"))
    checked.refuse("--search.curvature identity is a control of --direction lp with random probes");
  if (curvature == "identity" && options.text("search.hypergradient") == "on")
    checked.refuse("--search.hypergradient on needs products, but --search.curvature identity makes none");
  if (curvature == "ggn" && options.optional_count("tune.embeddings"))
    checked.refuse("--search.curvature ggn needs a frozen head, but --tune.embeddings is given");
  if (hvp == "exact") checked.refuse_idle("search.fd-step", "with --search.hvp exact");
}

/// Fewer products than the damping and one step of each solve take would end in no direction at all.
void check_implicit(CheckedOptions& checked) {
  const Options& options = checked.options;
  const int damping = options.given("search.damping") ? 0 : StationarityOptions{}.lanczos_steps;
  const std::string direction = options.text("direction");
  const int least = damping + (direction == "exact" ? 2 : direction == "bilevel" ? 4 : 1);
  if (options.count("search.max-hvps") < least)
    checked.refuse(
        fmt::format("--search.max-hvps {}: expected at least {}{}", options.count("search.max-hvps"), least,
                    damping == 0 ? "" : fmt::format(", {} of which find --search.damping", damping)));
}

void check_direction(CheckedOptions& checked) {
  const Options& options = checked.options;
  const std::string direction = options.text("direction");
  const bool adjoint = direction == "lp" && options.text("search.probe-kind") == "adjoint";
  const bool solves = direction == "exact" || direction == "bilevel" || adjoint ||
                      (direction == "lp" && options.text("search.hypergradient") == "on");
  const std::string because = fmt::format("with --direction {}", direction);
  if (direction != "lp") {
    for (const char* name :
         {"search.probe-kind", "search.probes", "search.probe-space", "search.keep", "search.hypergradient"})
      checked.refuse_idle(name, because);
    if (direction != "exact") checked.refuse_idle("lp.trust-region", because);
    if (direction == "exact" && options.text("lp.trust-region") == "none")
      checked.refuse(
          "--lp.trust-region none has no meaning with --direction exact, which bounds lambda alone");
  }
  if (direction == "gradient" || direction == "sign" || direction == "wise") {
    for (const char* name : {"search.curvature", "lp.lambda", "lp.lambda-scale"})
      checked.refuse_idle(name, because);
    if (options.text("curvature.report") == "off") checked.refuse_idle("search.hvp", because);
  }
  if (direction == "bilevel" && options.text("lp.lambda") == "linear")
    checked.refuse("--lp.lambda linear: --direction bilevel moves log lambda; expected log");
  if (direction == "wise" || direction == "exact" || direction == "bilevel") {
    for (const char* name : {"lp.radius", "lp.radius-unit"}) checked.refuse_idle(name, because);
  }
  if (direction != "lp" || options.text("lp.trust-region") != "box") {
    for (const char* name : {"lp.method", "lp.relax", "lp.crossover", "lp.time-limit"})
      checked.refuse_idle(name, "without the box program");
  }
  if (direction == "lp" && options.text("lp.trust-region") == "none") {
    for (const char* name : {"lp.radius", "lp.radius-unit"})
      checked.refuse_idle(name, "with --lp.trust-region none, which leaves dW free");
  }
  if (adjoint) checked.refuse_idle("search.hypergradient", "with adjoint probes, which are made of it");
  if (solves) check_implicit(checked);
  if (!solves) {
    for (const char* name : {"search.damping", "search.solve-tol", "search.max-hvps", "search.basis"})
      checked.refuse_idle(
          name,
          "without an implicit solve (--direction exact or bilevel, --search.probe-kind adjoint, "
          "--search.hypergradient on)");
  }
}

/// What a round alone reads.
constexpr auto kOfRounds = std::to_array<std::string_view>({"direction",
                                                            "search.batches",
                                                            "search.probes",
                                                            "search.probe-kind",
                                                            "search.probe-space",
                                                            "search.curvature",
                                                            "search.damping",
                                                            "search.solve-tol",
                                                            "search.max-hvps",
                                                            "search.basis",
                                                            "search.hypergradient",
                                                            "search.line",
                                                            "search.ratio",
                                                            "search.steps",
                                                            "search.max-step",
                                                            "search.watch",
                                                            "lp.trust-region",
                                                            "lp.radius",
                                                            "lp.radius-unit",
                                                            "lp.lambda",
                                                            "lp.lambda-scale",
                                                            "lp.method",
                                                            "lp.relax",
                                                            "lp.crossover",
                                                            "lp.time-limit"});
/// What makes products, of a round or of a curvature report.
constexpr auto kOfProducts = std::to_array<std::string_view>({"search.hvp", "search.fd-step"});
/// What any stage of the search reads.
constexpr auto kOfStages = std::to_array<std::string_view>({"search.sequences", "search.holdout"});

/// Whether anything is searched at all, by rounds, by the interpolation or by a corrector.
bool has_stages(const Options& options) {
  return options.count("search.rounds") > 0 || options.text("recover.interpolate") == "on" ||
         options.count("recover.corrector-epochs") > 0 || options.text("tune.learning-rate") == "on";
}

void check_rounds(CheckedOptions& checked) {
  const Options& options = checked.options;
  const std::int64_t rounds = options.count("search.rounds");
  if (rounds < 2) checked.refuse_idle("search.min-gain", "with fewer than two rounds");
  if (rounds == 0) checked.refuse_idle("search.keep", "without a round");
  if (rounds == 0) checked.note_idle(kOfRounds, "with --search.rounds 0");
  const bool reports = options.text("curvature.report") == "on";
  if (rounds == 0 && !reports) checked.note_idle(kOfProducts, "with --search.rounds 0");
  // The lambda of l2-sp is balanced on the same training sequences.
  constexpr std::array<std::string_view, 1> kProducts = {"search.hvp-batches"};
  const bool balances = options.text("regularizer") == "l2-sp" && !options.given("search.lambda");
  if (rounds == 0 && !balances && !reports) checked.note_idle(kProducts, "with --search.rounds 0");
  if (!has_stages(options)) checked.note_idle(kOfStages, "without a stage of the search");
  if (options.text("search.line") == "model") {
    checked.refuse_idle("search.max-step", "with --search.line model, which has no grid");
    checked.refuse_idle("search.ratio", "with --search.line model, which measures it anyway");
  }
}

void check_curvature_report(CheckedOptions& checked) {
  if (checked.options.text("curvature.report") == "on") return;
  for (const char* name : {"curvature.max-hvps", "curvature.basis", "curvature.tol", "curvature.failure",
                           "curvature.damping", "curvature.density", "curvature.blocks"})
    checked.refuse_idle(name, "without --curvature.report on");
}

void check_correctors(CheckedOptions& checked) {
  const Options& options = checked.options;
  const bool between = options.count_or_word("search.corrector-steps") != 0;
  const bool tunes = options.text("tune.learning-rate") == "on";
  const bool recovers = options.count("recover.corrector-epochs") > 0;
  if (between && options.count("search.rounds") < 2 && !tunes)
    checked.refuse_idle("search.corrector-steps", "with fewer than two rounds");
  if (!between && !tunes && !recovers) checked.refuse_idle("search.corrector-lr", "without a corrector");
  if (!recovers || options.text("recover.interpolate") == "off")
    checked.refuse_idle("recover.overshoot", "without interpolation and corrector");
}

}  // namespace

void check_search(CheckedOptions& checked) {
  check_direction(checked);
  check_probes(checked);
  check_products(checked);
  check_rounds(checked);
  check_correctors(checked);
  check_curvature_report(checked);
}

}  // namespace lift
