#include "tests/src/report/samples.hpp"

#include <cmath>
#include <fstream>

namespace lift::testing {

void put_text(const std::filesystem::path& file, const std::string& text) {
  std::ofstream(file) << text;
}

Error error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  return {ExitCode::done, ""};
}

SplitLoss split_of(double perplexity, std::int64_t sequences) {
  return {std::log(perplexity), sequences};
}

RunResult paper_run() {
  RunResult run;
  run.before = {.train = split_of(7.31, 487), .valid = split_of(32.60, 487), .test = split_of(32.43, 558)};
  run.after = {.train = split_of(10.16, 487), .valid = split_of(28.73, 487), .test = split_of(28.38, 558)};
  run.early_stopping = {.epoch = 1, .valid = split_of(22.93), .test = split_of(22.38)};
  for (int epoch = 0; epoch <= 35; ++epoch) {
    const double done = (epoch - 1) / 34.0;
    run.epochs.push_back(
        {.epoch = epoch,
         .train = epoch == 0 ? std::nan("") : std::log(21.71) + done * std::log(7.31 / 21.71),
         .valid = std::log(epoch == 0 ? 35.60 : 22.93 + 9.67 * done * done),
         .test = std::log(epoch == 0 ? 34.51 : 22.38 + 10.05 * done * done)});
  }
  RoundResult round{.t_star = 0.8,
                    .lambda_before = {1e-4, 1e-4},
                    .lambda_after = {2e-4, 5e-5},
                    .lp = {},
                    .line_search = {},
                    .curves = {}};
  round.lp = {.status = "optimal",
              .objective = -0.25,
              .dual_objective = -0.25,
              .gap = 1e-12,
              .residual = 1e-15,
              .bound_violation = 0,
              .iterations = 14,
              .sweeps = 45,
              .seconds = 2.5};
  for (int k = 0; k <= 30; ++k) {
    const double t = k / 20.0;
    round.line_search.emplace_back(t, 3.358 + 0.126 * (t / 0.8 - 1) * (t / 0.8 - 1));
  }
  for (const double t : {0.0, 0.25, 0.5, 0.8, 1.5}) {
    round.curves["train"].emplace_back(t, 1.99 + 0.4 * t);
    round.curves["test"].emplace_back(t, 3.346 + 0.13 * (t / 0.8 - 1) * (t / 0.8 - 1));
  }
  round.stationarity = 0.25;
  run.rounds = {round};
  run.self_check = {.symmetry = 1e-7,
                    .symmetry_limit = 1e-4,
                    .difference = 3e-5,
                    .difference_limit = 1e-2,
                    .difference_step = 0.1,
                    .passed = true};
  run.n = 16532736;
  run.p = 2;
  run.m = 16;
  run.work = {{.rank = 0,
               .gradients = 1200,
               .hvps = 8,
               .hvp_sequences = 320,
               .sequences = 900,
               .prefix_sequences = 244,
               .line_search_steps = 16,
               .peak_memory_bytes = 5'000'000'000},
              {.rank = 1,
               .gradients = 1200,
               .hvps = 8,
               .hvp_sequences = 320,
               .sequences = 901,
               .prefix_sequences = 243,
               .line_search_steps = 15,
               .peak_memory_bytes = -1}};
  run.seconds = {{"warmup", 9000.5},  {"gradient", 1},  {"probes", 60},  {"lp", 2.5},
                 {"line_search", 30}, {"evaluate", 20}, {"total", 9120}, {"load", 1.25}};
  run.reproducibility = "same bits on a rerun";
  run.ranks = 2;
  run.threads = 8;
  run.device = "cpu";
  run.seed = 18446744073709551615ULL;
  return run;
}

}  // namespace lift::testing
