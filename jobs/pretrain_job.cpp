#include "jobs/pretrain_job.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "jobs/corpus_inputs.hpp"
#include "jobs/last_good.hpp"
#include "mpi/agreement.hpp"
#include "src/files/atomic_file.hpp"
#include "src/model/checkpoint.hpp"
#include "src/report/progress.hpp"
#include "src/report/run_folder.hpp"
#include "src/training/warmup.hpp"

namespace lift {
namespace {

Gpt2Config shape(const Options& options, const Tokenizer& tokenizer) {
  Gpt2Config config;
  config.layers = static_cast<int>(options.count("layers"));
  config.width = static_cast<int>(options.count("width"));
  config.heads = static_cast<int>(options.count("heads"));
  config.positions = static_cast<int>(options.count("positions"));
  config.vocabulary = tokenizer.size();
  config.inner = 4 * config.width;
  check_length(static_cast<int>(options.count("length")), config);
  return config;
}

WarmupOptions training(const Options& options) {
  return {.epochs = static_cast<int>(options.count("epochs")),
          .rate = options.real("lr"),
          .schedule = Schedule::cosine,
          .clip = 1.0,
          .batch = static_cast<int>(options.count("batch")),
          .seed = static_cast<std::uint64_t>(options.count("seed")),
          .precision = training_precision(options)};
}

/// Trains `model` in place.
WarmupSummary train(Gpt2& model, Tokenizer& tokenizer, JobContext& context) {
  CorpusOptions corpus = corpus_options(context.options);
  corpus.warn = [&context](const std::string& line) { context.log.warn(line); };
  const SequenceSet train_set = load_split(corpus, Split::train, tokenizer, context.comm);
  const SequenceSet valid_set = load_split(corpus, Split::valid, tokenizer, context.comm);

  const TunedParameters tuned(model, TunedLayout::everything(model.config()));
  const Objective objective(model, tuned, static_cast<int>(context.options.count("micro-batch")),
                            activations(context.options));
  const Regularizer none(tuned.layout());
  const std::vector<double> lambda(tuned.layout().p(), 0.0);
  Progress progress(context.log);
  const WarmupObserver observer{.on_step =
                                    [&](const WarmupStep& step) {
                                      progress.update("pretrain",
                                                      {.step = step.step,
                                                       .steps = step.steps,
                                                       .loss = step.loss,
                                                       .tokens_per_second = step.tokens_per_second,
                                                       .seconds_left = step.seconds_left});
                                    },
                                .on_evaluation = {},
                                .on_epoch = {}};
  WarmupSummary summary = warm_up(objective, none, lambda, train_set, valid_set, {},
                                  training(context.options), observer, context.comm);
  progress.finish();
  return summary;
}

std::string to_json(const WarmupSummary& summary) {
  nlohmann::ordered_json epochs = nlohmann::ordered_json::array();
  for (const WarmupEpoch& epoch : summary.epochs) {
    epochs.push_back({{"epoch", epoch.epoch}, {"train", epoch.train}, {"valid", epoch.valid}});
  }
  return nlohmann::ordered_json{{"steps", summary.steps}, {"epochs", epochs}}.dump(2) + "\n";
}

}  // namespace

void pretrain_job(JobContext& context) {
  const Options& options = context.options;
  const std::filesystem::path out = options.path("out");
  std::optional<Tokenizer> tokenizer;
  Gpt2Config config;
  agree(context.comm, [&] {
    if (context.comm.is_root()) RunFolder looks_free(out);
    tokenizer.emplace(Tokenizer::load(options.path("tokenizer")));
    config = shape(options, *tokenizer);
  });
  check_splits(corpus_options(options), {Split::train, Split::valid}, context.comm);
  Gpt2 model = random_gpt2(config, static_cast<std::uint64_t>(options.count("seed")), scalar_type(options),
                           context.device);
  const auto save = [&](const std::filesystem::path& folder) {
    agree(context.comm, [&] {
      if (!context.comm.is_root()) return;
      make_folder(folder_of(folder));
      save_checkpoint(folder, model, {}, {});
      tokenizer->save(folder);
    });
  };
  WarmupSummary summary;
  keeping_last_good(
      out / "last-good", [&] { summary = train(model, *tokenizer, context); },
      [&] { save(out / "last-good"); });
  save(out);
  write_answer(context, to_json(summary));
  const double loss = summary.epochs.back().valid;
  context.log.info(fmt::format("written to {}: validation loss {:.4f}, perplexity {:.2f}", out.string(), loss,
                               std::exp(loss)));
}

}  // namespace lift
