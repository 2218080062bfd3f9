#include "src/report/kept_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <charconv>
#include <cmath>
#include <limits>
#include <sstream>
#include <system_error>

#include "mpi/error.hpp"
#include "src/files/atomic_file.hpp"
#include "src/report/json_node.hpp"
#include "src/report/run_folder.hpp"

namespace lift {
namespace {

namespace fs = std::filesystem;

bool is_there(const fs::path& file) {
  std::error_code ignored;
  return fs::exists(file, ignored);
}

std::optional<RunOptions> read_options(const fs::path& file) {
  namespace po = boost::program_options;
  if (!is_there(file)) return std::nullopt;
  std::istringstream stream(read_file(file));
  RunOptions options;
  try {
    constexpr bool kAllowUnregistered = true;  // an older run may have had other options
    for (const auto& option :
         po::parse_config_file(stream, po::options_description(), kAllowUnregistered).options)
      options[option.string_key] = option.value.at(0);
  } catch (const po::error& error) {
    throw Error(ExitCode::input, fmt::format("{}: {}", file.string(), error.what()));
  }
  return options;
}

std::vector<nlohmann::json> read_metrics(const fs::path& file) {
  std::vector<nlohmann::json> lines;
  if (!is_there(file)) return lines;
  const std::string text = read_file(file);
  std::size_t begin = 0;
  for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
    auto line = nlohmann::json::parse(text.begin() + static_cast<std::ptrdiff_t>(begin),
                                      text.begin() + static_cast<std::ptrdiff_t>(end), nullptr, false);
    if (!line.is_object()) {
      throw Error(ExitCode::input, fmt::format("{}:{}: is not a JSON object; expected one a line",
                                               file.string(), lines.size() + 1));
    }
    lines.push_back(std::move(line));
    begin = end + 1;
  }
  return lines;
}

/// The last epoch of a run's own warm-up and the best of it; of a run that only went on from a checkpoint,
/// nothing.
WarmupSeen own_warmup(const RunResult& result) {
  if (!result.start.empty() && result.warmup_epochs() == 0) return {};
  return {.epochs = result.warmup_epochs(), .early = result.early_stopping};
}

/// The last parts of the path, as many as `parts`.
std::string last_parts(const fs::path& folder, int parts) {
  fs::path name;
  fs::path rest = folder;
  for (; parts > 0 && rest.has_filename(); --parts, rest = rest.parent_path())
    name = name.empty() ? rest.filename() : rest.filename() / name;
  return name.empty() ? folder.string() : name.generic_string();
}

void name_apart(std::vector<KeptRun>& runs) {
  const auto repeated = [&](const KeptRun& run) {
    return std::ranges::count(runs, run.name, &KeptRun::name) > 1;
  };
  for (int parts = 2; parts < 64 && std::ranges::any_of(runs, repeated); ++parts) {
    std::vector<KeptRun*> same;
    for (KeptRun& run : runs)
      if (repeated(run)) same.push_back(&run);
    for (KeptRun* run : same) run->name = last_parts(run->folder, parts);
  }
}

/// The early stop among the first `last` epochs.
std::optional<EarlyStopping> stop_within(const KeptRun& warmup, int last) {
  const EpochLosses* best = nullptr;
  for (const EpochLosses& epoch : warmup.result.epochs) {
    if (epoch.epoch <= last && std::isfinite(epoch.valid) && (best == nullptr || epoch.valid < best->valid))
      best = &epoch;
  }
  if (best == nullptr) return std::nullopt;
  const auto split = [](double loss) {
    return std::isnan(loss) ? std::nullopt : std::optional(SplitLoss{.loss = loss});
  };
  return EarlyStopping{.epoch = best->epoch, .valid = split(best->valid), .test = split(best->test)};
}

/// K of ".../checkpoints/epoch-K", the early stop of `warmup` for ".../checkpoints/best", else nothing.
std::optional<int> epoch_of(const fs::path& checkpoint, const KeptRun& warmup) {
  const std::string name = checkpoint.filename().string();
  const auto& stop = warmup.result.early_stopping;
  if (name == "best") return stop ? std::optional(stop->epoch) : std::nullopt;
  constexpr std::string_view kPrefix = "epoch-";
  int epoch = 0;
  if (!name.starts_with(kPrefix)) return std::nullopt;
  const char* end = name.data() + name.size();
  const auto [rest, error] = std::from_chars(name.data() + kPrefix.size(), end, epoch);
  return error == std::errc() && rest == end ? std::optional(epoch) : std::nullopt;
}

bool evaluated_alike(const RunResult& a, const RunResult& b) {
  const auto sequences = [](const std::optional<SplitLoss>& split) { return split ? split->sequences : 0; };
  return sequences(a.before.valid) == sequences(b.before.valid) &&
         sequences(a.before.test) == sequences(b.before.test);
}

void take_warmup(KeptRun& run, const std::vector<KeptRun>& all) {
  const fs::path start = run.result.start;
  if (run.result.warmup_epochs() > 0 || start.parent_path().filename() != "checkpoints") return;
  const fs::path origin = start.parent_path().parent_path();
  const KeptRun* found = nullptr;
  for (const KeptRun& other : all) {
    if (other.folder.filename() != origin.filename() || other.result.warmup_epochs() == 0) continue;
    if (found != nullptr) return;  // which of them is not known
    found = &other;
  }
  if (found == nullptr || !evaluated_alike(run.result, found->result)) return;
  if (const auto epoch = epoch_of(start, *found); epoch && *epoch <= found->result.warmup_epochs())
    run.warmup = {.epochs = epoch, .early = stop_within(*found, *epoch)};
}

}  // namespace

double perplexity_of(const std::optional<SplitLoss>& split) {
  return split ? split->perplexity() : std::numeric_limits<double>::quiet_NaN();
}

std::optional<SplitLoss> early_stopping_of(const KeptRun& run,
                                           std::optional<SplitLoss> EarlyStopping::*split) {
  return run.warmup.early ? *run.warmup.early.*split : std::nullopt;
}

KeptRun read_kept_run(const fs::path& folder) {
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored)) {
    throw Error(ExitCode::input,
                fmt::format("{}: there is no such folder; expected that of a run", folder.string()));
  }
  if (!is_there(folder / "result.json")) {
    throw Error(
        ExitCode::input,
        fmt::format("{}: holds no result.json; expected the folder of a run that ended", folder.string()));
  }
  KeptRun run;
  run.folder = fs::absolute(folder).lexically_normal();
  if (!run.folder.has_filename()) run.folder = run.folder.parent_path();  // "RUN/"
  run.name = last_parts(run.folder, 1);
  run.result = read_result(folder / "result.json");
  run.timeline = run.result.timeline;
  run.options = read_options(folder / "config.cfg");
  if (is_there(folder / "provenance.json")) run.provenance = parse_json(folder / "provenance.json");
  run.metrics = read_metrics(folder / "metrics.jsonl");
  run.warmup = own_warmup(run.result);
  return run;
}

std::vector<KeptRun> read_kept_runs(std::span<const fs::path> folders) {
  std::vector<KeptRun> runs;
  for (const fs::path& folder : folders) {
    KeptRun run = read_kept_run(folder);
    std::error_code ignored;
    for (const KeptRun& other : runs) {
      if (fs::equivalent(other.folder, run.folder, ignored))
        throw Error(ExitCode::usage, fmt::format("{}: the folder is named twice", folder.string()));
    }
    runs.push_back(std::move(run));
  }
  name_apart(runs);
  for (KeptRun& run : runs) take_warmup(run, runs);
  return runs;
}

}  // namespace lift
