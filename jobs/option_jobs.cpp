#include "jobs/option_table.hpp"

namespace lift {

const char* to_string(Job job) noexcept {
  switch (job) {
    case Job::run:
      return "run";
    case Job::baseline:
      return "baseline";
    case Job::sweep:
      return "sweep";
    case Job::evaluate:
      return "evaluate";
    case Job::pretrain:
      return "pretrain";
    case Job::lp:
      return "lp";
    case Job::curvature:
      return "curvature";
    case Job::report:
      return "report";
    case Job::diff:
      return "diff";
    case Job::check:
      return "check";
    case Job::example:
      return "example";
  }
  return "";
}

const char* summary(Job job) noexcept {
  switch (job) {
    case Job::run:
      return "Algorithm 1, from a pretrained checkpoint to a tuned one";
    case Job::baseline:
      return "a rival of Algorithm 1 in its place, at the same budget";
    case Job::sweep:
      return "many runs, a grid or a list of them, that share what they have in common";
    case Job::evaluate:
      return "loss and perplexity of a model on a split";
    case Job::pretrain:
      return "a small GPT-2 from scratch";
    case Job::lp:
      return "the linear program alone, on an instance from a file";
    case Job::curvature:
      return "is the Hessian at a checkpoint positive definite: a report with its evidence";
    case Job::report:
      return "tables, figures and one HTML page of runs, from their folders alone";
    case Job::check:
      return "whether models, checkpoints and runs are whole";
    case Job::diff:
      return "what differs between two runs: options, inputs, libraries, results";
    case Job::example:
      return "write the corpus and tokenizer of the built-in example";
  }
  return "";
}

StandingWords standing_words(Job job) noexcept {
  constexpr std::size_t kMostRuns = 10'000;
  if (job == Job::baseline)
    return {
        "METHOD",
        "What follows the warm-up, one of the words of --method in lift run, whose other options it has: a "
        "run's folder, checkpoints, reports and sweeps are the same.",
        1, 1};
  if (job == Job::sweep)
    return {"FILE",
            "File of options of lift run, name = value; A | B | C gives each in turn, over all combinations, "
            "and a section [point NAME] a point with options of its own. Or: lift sweep status OUT.",
            1, 2};
  if (job == Job::report)
    return {"RUN...",
            "Folders of runs, each with its result.json, or of sweeps; tables compare them in this order.", 1,
            kMostRuns};
  if (job == Job::diff)
    return {"A B", "Two folders of runs; the exit code is 0 whatever differs between them.", 2, 2};
  if (job == Job::check)
    return {"PATH...",
            "Folders of runs, sweeps, models, adapters or checkpoints, or safetensors files; exit code 3 if "
            "one is not "
            "whole.",
            1, kMostRuns};
  return {};
}

}  // namespace lift
