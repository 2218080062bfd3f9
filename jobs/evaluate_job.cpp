#include "jobs/evaluate_job.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "jobs/corpus_inputs.hpp"
#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"
#include "src/model/checkpoint.hpp"
#include "src/objective/distributed.hpp"
#include "src/report/format.hpp"

namespace lift {
namespace {

struct Answer {
  double loss = 0;  ///< nats/token
  std::int64_t sequences = 0;
  std::int64_t tokens = 0;  ///< targets
  double seconds = 0;       ///< of the evaluation
};

/// The model's configuration, once everything that can be known without its values is right.
Gpt2Config check_inputs(const Options& options, const CorpusOptions& corpus, Split split,
                        const Communicator& comm) {
  Gpt2Config config;
  agree(comm, [&] {
    config = inspect_checkpoint(options.path("model"));
    check_length(corpus.length, config);
    (void)split_file(corpus.folder, split);
  });
  return config;
}

Answer evaluate(Gpt2& model, const SequenceSet& set, int micro_batch, const Communicator& comm) {
  const TuningSpec last_block{.blocks = {model.config().layers - 1}, .mlp_only = {}, .regularizers = {}};
  const TunedParameters tuned(model, TunedLayout(model.config(), last_block));
  const Objective objective(model, tuned, micro_batch);
  const auto start = std::chrono::steady_clock::now();
  const double loss = mean_loss(objective, set, first_sequences(set.size()), comm);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  return {.loss = loss,
          .sequences = set.size(),
          .tokens = set.size() * (set.length() - 1),
          .seconds = max_over_ranks(elapsed.count(), comm)};
}

std::string to_json(const Answer& answer) {
  const nlohmann::ordered_json json = {{"loss", answer.loss},
                                       {"ppl", std::exp(answer.loss)},
                                       {"sequences", answer.sequences},
                                       {"tokens", answer.tokens},
                                       {"seconds", answer.seconds}};
  return json.dump(2) + "\n";
}

}  // namespace

void evaluate_job(JobContext& context) {
  const Options& options = context.options;
  const std::filesystem::path folder = options.path("model");
  const Split split = split_from(options.text("split"));
  const auto micro_batch = static_cast<int>(options.count("micro-batch"));
  const at::ScalarType type = scalar_type(options);
  CorpusOptions corpus = corpus_options(options);
  corpus.warn = [&context](const std::string& line) { context.log.warn(line); };

  const Gpt2Config config = check_inputs(options, corpus, split, context.comm);
  Tokenizer tokenizer = load_tokenizer(folder, config, context.comm);
  const SequenceSet set = load_split(corpus, split, tokenizer, context.comm);
  Gpt2 model = load_checkpoint(folder, type, context.device, context.comm);
  const TrainingPrecision precision = training_precision(options);
  if (precision == TrainingPrecision::bf16) model = cast(model, at::kBFloat16);
  std::optional<Tf32Products> tf32;
  if (precision == TrainingPrecision::tf32) tf32.emplace();

  const Answer answer = evaluate(model, set, micro_batch, context.comm);
  write_answer(context, to_json(answer));
  context.log.info(fmt::format("{}: loss {:.6f}, perplexity {:.4f} over {} sequences ({} tokens) in {}",
                               to_string(split), answer.loss, std::exp(answer.loss),
                               format_count(answer.sequences), format_count(answer.tokens),
                               format_duration(answer.seconds)));
}

}  // namespace lift
