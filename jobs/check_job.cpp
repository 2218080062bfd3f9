#include "jobs/check_job.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "mpi/agreement.hpp"
#include "src/model/adapter.hpp"
#include "src/model/checkpoint.hpp"
#include "src/model/safetensors.hpp"
#include "src/report/run_result.hpp"
#include "src/resume/resume_point.hpp"
#include "src/sweep/sweep_folder.hpp"

namespace lift {
namespace {

namespace fs = std::filesystem;

/// What was found of one thing.
struct Finding {
  fs::path path;
  bool whole = true;
  std::string text;  ///< what it is, or what is wrong with it
};

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

/// What `look` tells of a thing, or what it throws as a fault of it.
template <typename Look>
Finding found(const fs::path& path, const Look& look) {
  try {
    return {path, true, look()};
  } catch (const Error& error) {
    return {path, false, error.what()};
  }
}

std::string of_model(const fs::path& folder) {
  const Gpt2Config config = inspect_checkpoint(folder);
  static_cast<void>(load_checkpoint(folder, at::kFloat, at::kCPU, Communicator::self()));
  return fmt::format("model of {} blocks and width {}", config.layers, config.width);
}

std::string of_adapter(const fs::path& folder) {
  const AdapterSummary adapter = inspect_adapter(folder);
  return fmt::format("adapter of {} pairs of rank {}", adapter.pairs, adapter.rank);
}

std::string of_resume_point(const fs::path& folder) {
  const ResumePoint point = read_resume_point(folder);
  return fmt::format("checkpoint to go on from: {}, of {} rank{}, written {}", point.where, point.ranks,
                     point.ranks == 1 ? "" : "s", point.written);
}

/// Names in a folder, in order.
std::vector<fs::path> items(const fs::path& folder) {
  std::vector<fs::path> paths;
  std::error_code error;
  for (fs::directory_iterator item(folder, error), end; !error && item != end; item.increment(error))
    paths.push_back(item->path());
  std::ranges::sort(paths);
  return paths;
}

void add_branch(const fs::path& path, std::vector<Finding>& findings) {
  if (!is_there(path / "DONE")) {
    findings.push_back({path, true, "shared warm-up whose writing was cut off; nothing reads it"});
  } else {
    findings.push_back(found(path, [&] { return of_resume_point(path); }));
  }
}

void add_checkpoint(const fs::path& path, std::vector<Finding>& findings) {
  const std::string name = path.filename();
  if (name.starts_with(".")) {
    findings.push_back({path, true, "left by a writer that was cut off; nothing reads it"});
  } else if (name.starts_with("resume-") && !is_there(path / "DONE")) {
    findings.push_back({path, true, "checkpoint whose writing was cut off; nothing reads it"});
  } else if (name.starts_with("resume-")) {
    findings.push_back(found(path, [&] { return of_resume_point(path); }));
  } else if (is_there(path / "config.json")) {
    findings.push_back(found(path, [&] { return of_model(path); }));
  }
}

void add_run(const fs::path& folder, std::vector<Finding>& findings) {
  const fs::path result = folder / "result.json";
  if (is_there(result)) {
    findings.push_back(found(result, [&] {
      const RunResult run = read_result(result);
      return fmt::format("result of {} epochs and {} rounds", run.warmup_epochs(), run.rounds.size());
    }));
  } else {
    findings.push_back({folder, true, "run that has not come to its end"});
  }
  for (const fs::path& path : items(folder / "checkpoints")) add_checkpoint(path, findings);
  if (is_there(folder / "model"))
    findings.push_back(found(folder / "model", [&] { return of_model(folder / "model"); }));
  if (is_there(folder / "adapter"))
    findings.push_back(found(folder / "adapter", [&] { return of_adapter(folder / "adapter"); }));
}

/// Runs, records, and the warm-ups that points still share.
void add_sweep(const fs::path& folder, std::vector<Finding>& findings) {
  for (const fs::path& run : items(folder / "points")) add_run(run, findings);
  for (const fs::path& file : items(folder / "state")) {
    if (file.extension() != ".json") continue;
    findings.push_back(
        found(file, [&] { return fmt::format("record of {} starts", read_point_record(file).starts); }));
  }
  for (const fs::path& warmup : items(folder / "shared")) {
    for (const fs::path& branch : items(warmup)) {
      if (is_there(branch / "state")) add_branch(branch / "state", findings);
    }
  }
}

void add(const fs::path& path, std::vector<Finding>& findings) {
  if (SweepFolder(path).begun()) {
    add_sweep(path, findings);
  } else if (is_there(path / "log.txt")) {
    add_run(path, findings);
  } else if (is_there(path / "manifest.json") || is_there(path / "state.safetensors")) {
    findings.push_back(found(path, [&] { return of_resume_point(path); }));
  } else if (is_there(path / "config.json")) {
    findings.push_back(found(path, [&] { return of_model(path); }));
  } else if (is_there(path / "adapter_config.json")) {
    findings.push_back(found(path, [&] { return of_adapter(path); }));
  } else if (path.extension() == ".safetensors") {
    findings.push_back(found(path, [&] {
      return fmt::format("safetensors file of {} tensors", SafetensorsFile(path).entries().size());
    }));
  } else {
    findings.push_back(
        {path, false,
         fmt::format("{}: {}; expected the folder of a run, a sweep, a model, an adapter or a checkpoint",
                     path.string(), is_there(path) ? "is none of what can be checked" : "does not exist")});
  }
}

std::string to_json(const std::vector<Finding>& findings) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Finding& finding : findings)
    list.push_back({{"path", finding.path.string()}, {"whole", finding.whole}, {"text", finding.text}});
  const bool whole = std::ranges::all_of(findings, &Finding::whole);
  return nlohmann::ordered_json{{"whole", whole}, {"checked", std::move(list)}}.dump(2) + "\n";
}

}  // namespace

void check_job(JobContext& context) {
  std::vector<Finding> findings;
  std::string answer, fault;
  agree(context.comm, [&] {
    if (!context.comm.is_root()) return;
    for (const std::string& word : context.options.words()) add(word, findings);
    for (const Finding& finding : findings) {
      if (finding.whole) context.log.info(fmt::format("whole   {}: {}", finding.path.string(), finding.text));
      if (!finding.whole) context.log.info(fmt::format("broken  {}", finding.text));
      if (!finding.whole && fault.empty()) fault = finding.text;
    }
    answer = to_json(findings);
  });
  write_answer(context, answer);
  agree(context.comm, [&] {
    if (!fault.empty()) throw Error(ExitCode::input, fault);
  });
}

}  // namespace lift
