#include "tests/src/report/run_folders.hpp"

#include <fmt/format.h>

#include "tests/src/report/samples.hpp"

namespace lift::testing {

std::string paper_config(int epochs, int seed) {
  return fmt::format(
      "# Options of lift run\nmodel = gpt2\nout = run-{0}-{1}\ntune.blocks = 1,7,11\ntune.mlp-only = 1,11\n"
      "tune.regularizers = 1:1,7:0,11:1\nwarmup.epochs = {0}\nseed = {1}\n",
      epochs, seed);
}

void put_run(const std::filesystem::path& folder, const RunResult& result, const std::string& config) {
  std::filesystem::create_directories(folder);
  put_text(folder / "result.json", to_json(result));
  put_text(folder / "config.cfg", config);
  put_text(
      folder / "provenance.json",
      R"({"schema": 1, "commit": "abc", "libraries": {"petsc": "3.18.5"}, "ranks": 2, "started": "2026-01-31T12:00:00Z",
              "inputs": [{"path": "gpt2/model.safetensors", "bytes": 1, "xxh3_128": "00ff"}]})");
  put_text(folder / "metrics.jsonl",
           "{\"kind\":\"epoch\",\"epoch\":0,\"train_loss\":null,\"valid_loss\":3.5}\n"
           "{\"kind\":\"step\",\"step\":1,\"epoch\":0.5,\"train_loss\":2.5}\n"
           "{\"kind\":\"line_search\",\"round\":1,\"t\":0.0,\"valid_loss\":3.4}\n"
           "{\"kind\":\"line_search\",\"round\":1,\"t\":0.8,\"valid_loss\":3.3}\n");
}

KeptRun kept(const std::string& name, const RunResult& result, const RunOptions& options) {
  KeptRun run;
  run.folder = "/runs/" + name;
  run.name = name;
  run.result = result;
  if (!options.empty()) run.options = options;
  run.warmup = {.epochs = result.warmup_epochs(), .early = result.early_stopping};
  return run;
}

RunResult paper_row(int epochs, const Perplexities& before, const Perplexities& after, int seed) {
  RunResult run = paper_run();
  run.epochs.resize(static_cast<std::size_t>(epochs) + 1);
  run.before = {.train = split_of(before.train, 4718),
                .valid = split_of(before.valid, 487),
                .test = split_of(before.test, 558)};
  run.after = {.train = split_of(after.train, 4718),
               .valid = split_of(after.valid, 487),
               .test = split_of(after.test, 558)};
  if (run.early_stopping->epoch > epochs) run.early_stopping->epoch = epochs;
  run.seed = static_cast<std::uint64_t>(seed);
  run.stages = {
      {.name = "round 1", .t = 0.8, .selection = 3.36, .valid = run.after.valid, .test = run.after.test}};
  run.kept_stage = "round 1";
  return run;
}

}  // namespace lift::testing
