#pragma once
#include <ATen/core/Tensor.h>

#include <deque>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "jobs/job_context.hpp"
#include "src/model/config.hpp"
#include "src/objective/training_objective.hpp"
#include "src/text/corpus.hpp"

namespace lift {

/// The --data, --length, --limit, --train-limit and --cache of a job that reads text; warnings are left to
/// the caller.
CorpusOptions corpus_options(const Options& options);

/// Type of the model's tensors, from --precision.
at::ScalarType scalar_type(const Options& options);
/// What training steps are computed in, from --precision.
TrainingPrecision training_precision(const Options& options);
/// --recompute.
Activations activations(const Options& options);

/// Throws Error(usage) if sequences of `length` tokens are longer than the model's positions.
void check_length(int length, const Gpt2Config& config);

/// Reads vocab.json and merges.txt of `folder`. Throws AgreedError(input) if they are not whole, or if the
/// vocabulary is not that of the embedding. Collective on context.comm.
Tokenizer load_tokenizer(const std::filesystem::path& folder, const Gpt2Config& config,
                         const Communicator& comm);

/// Finds the file of every split before any is read. Throws AgreedError(input) naming the first that is
/// missing. Collective on `comm`.
void check_splits(const CorpusOptions& options, std::initializer_list<Split> splits,
                  const Communicator& comm);

/// What a run reads of texts.
struct CorpusRequest {
  CorpusOptions splits;                               ///< --data and what bounds it
  std::optional<std::int64_t> search_sequences = {};  ///< --search.sequences
  std::filesystem::path valid = {};                   ///< --valid-data, empty: --data
  std::filesystem::path ood = {};                     ///< --ood, empty: none
  /// Whether the search has other sequences than those evaluated as valid.
  [[nodiscard]] bool searches_apart() const noexcept { return search_sequences || !valid.empty(); }
};

/// The files of a request, each beside the option that names its folder.
///
/// Throws  Error(input) naming the first that is missing. Test tests/jobs/test_run_options_data.cpp
std::vector<std::pair<std::string, std::filesystem::path>> files_of(const CorpusRequest& request);

/// files_of(), to find what is missing before any is read. Collective on `comm`.
void check_files(const CorpusRequest& request, const Communicator& comm);

struct Corpus {
  SequenceSet train;
  SequenceSet valid;
  SequenceSet test;
  SequenceSet search;  ///< validation sequences that a search works on
  SequenceSet ood;     ///< test sequences of another corpus, which nothing is chosen by; empty: none
};

/// All splits as sequences, with the tokenizer of the model in `folder`; the small ones are read first, so
/// that a wrong one is found before the training text is encoded. The search has its number of sequences
/// spread over a whole validation split, its own corpus's where it has one; where there is no number, those
/// that --limit leaves of it. Collective on context.comm.
Corpus load_corpus(const std::filesystem::path& folder, const Gpt2Config& config, CorpusRequest request,
                   JobContext& context);

/// The corpora that were loaded last, for runs that read the same one.
///
/// Cost  keeps two.
/// Test  tests/jobs/test_sweep_job.cpp
class Corpora {
 public:
  /// As load_corpus, where none of these arguments was met before. What is returned stays until the next
  /// call. Collective on context.comm, all of whose ranks have made the same calls.
  const Corpus& load(const std::filesystem::path& folder, const Gpt2Config& config,
                     const CorpusRequest& request, JobContext& context);

 private:
  std::deque<std::pair<std::string, Corpus>> kept_;  ///< by what they were loaded from, the newest last
};

}  // namespace lift
