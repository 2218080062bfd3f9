#include "jobs/corpus_inputs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "mpi/agreement.hpp"
#include "mpi/fault.hpp"

namespace lift {

CorpusOptions corpus_options(const Options& options) {
  CorpusOptions corpus;
  corpus.folder = options.path("data");
  const std::filesystem::path cache = options.path("cache");
  if (cache.empty()) {
    corpus.cache = default_cache_folder();
  } else if (cache != "none") {
    corpus.cache = cache;
  }
  corpus.length = static_cast<int>(options.count("length"));
  const auto limit = [&](const char* name) {
    const bool has = find_option(options.job(), name) != nullptr;
    return has ? options.optional_count(name) : std::nullopt;
  };
  corpus.limit = limit("limit");
  const bool apart = find_option(options.job(), "train-limit") != nullptr;
  corpus.train_limit = apart ? limit("train-limit") : corpus.limit;
  return corpus;
}

at::ScalarType scalar_type(const Options& options) {
  return options.text("precision") == "fp64" ? at::kDouble : at::kFloat;
}

TrainingPrecision training_precision(const Options& options) {
  const std::string precision = options.text("precision");
  if (precision == "bf16") return TrainingPrecision::bf16;
  return precision == "tf32" ? TrainingPrecision::tf32 : TrainingPrecision::model;
}

Activations activations(const Options& options) {
  return options.text("recompute") == "on" ? Activations::recompute : Activations::keep;
}

void check_length(int length, const Gpt2Config& config) {
  if (length > config.positions) {
    throw Error(ExitCode::usage,
                fmt::format("--length {}: the model has {} positions", length, config.positions));
  }
}

Tokenizer load_tokenizer(const std::filesystem::path& folder, const Gpt2Config& config,
                         const Communicator& comm) {
  std::optional<Tokenizer> tokenizer;
  agree(comm, [&] {
    fault_point("tokenizer");
    tokenizer.emplace(Tokenizer::load(folder));
    if (tokenizer->size() != config.vocabulary) {
      throw Error(
          ExitCode::input,
          fmt::format("{}: {} entries, but the model's embedding has {} rows (vocab_size of config.json)",
                      (folder / "vocab.json").string(), tokenizer->size(), config.vocabulary));
    }
  });
  return std::move(*tokenizer);
}

void check_splits(const CorpusOptions& options, std::initializer_list<Split> splits,
                  const Communicator& comm) {
  agree(comm, [&] {
    for (const Split split : splits) (void)split_file(options.folder, split);
  });
}

std::vector<std::pair<std::string, std::filesystem::path>> files_of(const CorpusRequest& request) {
  std::vector<std::pair<std::string, std::filesystem::path>> files;
  const auto add = [&](const char* option, const std::filesystem::path& folder, Split split) {
    for (const auto& file : split_files(folder, split).files) files.emplace_back(option, file);
  };
  for (const Split split : {Split::train, Split::valid, Split::test})
    add("--data", request.splits.folder, split);
  if (!request.valid.empty()) add("--valid-data", request.valid, Split::valid);
  if (!request.ood.empty()) add("--ood", request.ood, Split::test);
  return files;
}

void check_files(const CorpusRequest& request, const Communicator& comm) {
  agree(comm, [&] { (void)files_of(request); });
}

namespace {

/// Of a validation split the sequences of --limit, and so many spread over all of it, or the same.
std::pair<SequenceSet, SequenceSet> load_valid(CorpusOptions options,
                                               std::optional<std::int64_t> search_sequences,
                                               Tokenizer& tokenizer, const Communicator& comm) {
  const auto limit = options.limit;
  if (search_sequences) options.limit.reset();
  SequenceSet all = load_split(options, Split::valid, tokenizer, comm);
  if (!search_sequences) return {all, all};
  SequenceSet search = all.spread(*search_sequences);
  return {limit ? all.first(*limit) : std::move(all), std::move(search)};
}

CorpusOptions in_folder(CorpusOptions options, const std::filesystem::path& folder) {
  options.folder = folder;
  return options;
}

}  // namespace

Corpus load_corpus(const std::filesystem::path& folder, const Gpt2Config& config, CorpusRequest request,
                   JobContext& context) {
  CorpusOptions& options = request.splits;
  const auto& search_sequences = request.search_sequences;
  options.warn = [&context](const std::string& line) { context.log.warn(line); };
  Tokenizer tokenizer = load_tokenizer(folder, config, context.comm);
  fault_point("tokens");
  SequenceSet test = load_split(options, Split::test, tokenizer, context.comm), ood;
  if (!request.ood.empty())
    ood = load_split(in_folder(options, request.ood), Split::test, tokenizer, context.comm);
  const bool elsewhere = !request.valid.empty();
  auto [valid, search] =
      load_valid(options, elsewhere ? std::nullopt : search_sequences, tokenizer, context.comm);
  if (elsewhere)
    search = load_valid(in_folder(options, request.valid), search_sequences, tokenizer, context.comm).second;
  if (search_sequences && search.size() < *search_sequences && context.comm.is_root())
    context.log.warn(
        fmt::format("--search.sequences {}: the validation split has {}", *search_sequences, search.size()));
  SequenceSet train = load_split(options, Split::train, tokenizer, context.comm);
  return {.train = std::move(train),
          .valid = std::move(valid),
          .test = std::move(test),
          .search = std::move(search),
          .ood = std::move(ood)};
}

const Corpus& Corpora::load(const std::filesystem::path& folder, const Gpt2Config& config,
                            const CorpusRequest& request, JobContext& context) {
  constexpr std::size_t kMost = 2;
  const auto number = [](const std::optional<std::int64_t>& value) { return value.value_or(-1); };
  const CorpusOptions& splits = request.splits;
  const std::string key =
      fmt::format("{}\n{}\n{}\n{}\n{} {} {} {} {}", folder.string(), splits.folder.string(),
                  request.valid.string(), request.ood.string(), config.vocabulary, splits.length,
                  number(splits.limit), number(splits.train_limit), number(request.search_sequences));
  const auto found = std::ranges::find(kept_, key, &std::pair<std::string, Corpus>::first);
  if (found != kept_.end()) return found->second;
  Corpus corpus = load_corpus(folder, config, request, context);
  if (kept_.size() == kMost) kept_.pop_front();
  return kept_.emplace_back(key, std::move(corpus)).second;
}

}  // namespace lift
