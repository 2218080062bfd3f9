#pragma once
#include "jobs/run_cost.hpp"

namespace lift {

inline constexpr CorpusSize kWikiText2{.train = 4718, .valid = 487, .test = 558};

/// GPT-2 Small on WikiText-2 with the paper's blocks.
inline RunPlan paper_plan() {
  RunPlan plan{.model = "model",
               .out = "out",
               .keep = {},
               .config = {},
               .layout = TunedLayout(
                   Gpt2Config{},
                   {.blocks = {1, 7, 11}, .mlp_only = {1, 11}, .regularizers = {{1, 1}, {7, 0}, {11, 1}}}),
               .corpus = {},
               .warmup = {.epochs = 35},
               .search = {},
               .micro_batch = 4};
  plan.corpus.splits.length = 512;
  return plan;
}

}  // namespace lift
