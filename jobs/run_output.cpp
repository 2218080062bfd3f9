#include "jobs/run_output.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <sstream>
#include <system_error>

#include "jobs/curvature_record.hpp"
#include "jobs/kept_instance.hpp"
#include "jobs/versions.hpp"
#include "mpi/agreement.hpp"
#include "mpi/fault.hpp"
#include "src/files/atomic_file.hpp"
#include "src/model/adapter.hpp"
#include "src/model/checkpoint.hpp"
#include "src/report/figures.hpp"
#include "src/report/result_tables.hpp"
#include "src/search/sharded.hpp"

namespace lift {

namespace {

/// Whether a run reads it: of a model's folder not what lies beside, such as a README.
bool is_read(const std::filesystem::path& file, const std::string& of) {
  const std::string name = file.filename();
  return of == "--data" || of == "--valid-data" || of == "--ood" || name == "config.json" ||
         name == "vocab.json" || name == "merges.txt" || name.find(".safetensors") != std::string::npos;
}

/// Cuts a file of lines back to `bytes`; to its last whole line where a machine that went down lost more.
/// Returns whether any was lost.
bool cut_back(const std::filesystem::path& file, std::uintmax_t bytes) {
  std::error_code error;
  if (!std::filesystem::exists(file, error)) return bytes > 0;
  std::uintmax_t kept = bytes;
  if (std::filesystem::file_size(file) < bytes) kept = read_file(file).rfind('\n') + 1;
  std::filesystem::resize_file(file, kept, error);
  if (error)
    throw Error(ExitCode::write,
                fmt::format("{}: cannot be cut back to the checkpoint: {}", file.string(), error.message()));
  return kept < bytes;
}

}  // namespace

RunOutput::RunOutput(JobContext& context, const RunPlan& plan)
    : context_(context), plan_(plan), progress_(context.log) {
  const auto use = plan.checkpoints.resume ? RunFolder::Use::resumed : RunFolder::Use::fresh;
  on_root([&] { folder_.emplace(plan.out, use); });
}

bool RunOutput::done() const {
  return from_root(folder_ && folder_->done() ? 1.0 : 0.0, context_.comm) != 0;
}

void RunOutput::check_configuration() const {
  on_root([&] {
    std::error_code ignored;
    if (!std::filesystem::exists(folder_->config(), ignored)) return;
    const auto theirs = identity_of_config(read_file(folder_->config()));
    if (const std::string found = difference(plan_.checkpoints.identity, theirs); !found.empty())
      throw Error(ExitCode::usage, fmt::format("--resume: {}", found));
  });
}

std::map<std::string, std::string> RunOutput::digest_inputs() {
  std::map<std::string, std::string> digests;
  on_root([&] {
    fault_point("open");
    provenance_ = begin_provenance(context_.command_line, context_.bindings);
    provenance_.libraries.merge(library_versions());
    const auto add = [&](const std::string& name, const auto& hash) {
      const std::size_t first = provenance_.inputs.size();
      hash();
      for (std::size_t k = first; k < provenance_.inputs.size(); ++k) {
        const InputFile& file = provenance_.inputs[k];
        if (!is_read(file.path, name)) continue;
        digests.emplace(fmt::format("{} of {}", std::filesystem::path(file.path).filename().string(), name),
                        fmt::format("of digest {}", file.xxh3_128));
      }
    };
    add("--model", [&] { hash_folder(plan_.model, provenance_); });
    if (!plan_.start.empty()) add("--start", [&] { hash_folder(plan_.start, provenance_); });
    for (const auto& [option, file] : files_of(plan_.corpus))
      add(option, [&, &file = file] { provenance_.inputs.push_back(hash_file(file)); });
  });
  return digests;
}

void RunOutput::open(const std::optional<Section>& section) {
  on_root([&] {
    // Nothing is made before all inputs could be read.
    folder_->create();
    std::uintmax_t kept = 0;
    if (section) {
      kept = static_cast<std::uintmax_t>(section->count("metrics_bytes"));
      std::istringstream lines(section->text("sessions"));
      for (std::string line; std::getline(lines, line);) provenance_.earlier.push_back(line);
    }
    if (cut_back(folder_->metrics(), kept))
      context_.log.warn(
          fmt::format("{}: lines from before the checkpoint are missing", folder_->metrics().string()));
    context_.log.open_file(folder_->log());
    metrics_.emplace(folder_->metrics());
    write_file(folder_->config(), context_.options.as_config());
    write_file(folder_->provenance(), to_json(provenance_));
  });
}

void RunOutput::save(Section& section) {
  on_root([&] {
    section.put("metrics_bytes", static_cast<double>(metrics_->synced_bytes()));
    std::string sessions;
    for (const std::string& line : provenance_.earlier) sessions += line + "\n";
    sessions += fmt::format("{}, {} ranks\n", provenance_.started, context_.comm.size());
    section.put_text("sessions", sessions);
  });
}

WarmupObserver RunOutput::warmup_observer(RunResult& result) {
  return {.on_step = [this](const WarmupStep& step) { add_step(step); },
          .on_evaluation =
              [this](const char* split, std::int64_t done, std::int64_t total) {
                ProgressStep now = warmup_;
                now.note = fmt::format("evaluating {}: {} of {} sequences", split, done, total);
                progress_.update("warm-up", now);
              },
          .on_epoch = [this, &result](const WarmupEpoch& epoch) { add_epoch(epoch, result); }};
}

void RunOutput::add_step(const WarmupStep& step) {
  warmup_ = {.step = step.step,
             .steps = step.steps,
             .loss = step.loss,
             .tokens_per_second = step.tokens_per_second,
             .seconds_left = step.seconds_left};
  progress_.update("warm-up", warmup_);
  if (metrics_) {
    metrics_->write(
        StepMetrics{step.step, step.epoch, step.loss, step.gradient_norm, step.rate, step.tokens_per_second});
  }
}

void RunOutput::add_epoch(const WarmupEpoch& epoch, RunResult& result) {
  const EpochLosses losses{epoch.epoch, epoch.train, epoch.valid, epoch.test};
  result.epochs.push_back(losses);
  context_.log.info(fmt::format(
      "epoch {} of {}: perplexity {}valid {:.2f}, test {:.2f}{}", epoch.epoch, plan_.warmup.epochs,
      epoch.epoch == 0 ? "" : fmt::format("train {:.2f}, ", std::exp(epoch.train)), std::exp(epoch.valid),
      std::exp(epoch.test), epoch.best && epoch.epoch > 0 ? ", the best so far" : ""));
  on_root([&] {
    metrics_->write(losses);
    metrics_->check();
  });
}

SearchObserver RunOutput::search_observer(const TunedParameters& tuned) {
  SearchObserver observer;
  observer.on_progress = [this](const char* phase, std::int64_t done, std::int64_t total) {
    progress_.update(phase, done, total);
  };
  observer.on_failed_program = [this](int, const ProgramReport& program, std::span<const double> d) {
    if (program.status == "unbounded") keep_ray(program, d);
  };
  if (!plan_.keep.empty()) {
    observer.on_direction = [this, &tuned](int round, const LocalModel& model, std::span<const double> d) {
      keep_instance(plan_.kept_file(round), model, d, tuned, context_.comm);
    };
  }
  return observer;
}

/// What cannot be written must not hide why the round ends.
void RunOutput::keep_ray(const ProgramReport& program, std::span<const double> d) {
  const auto path = plan_.out / "unbounded-program.safetensors";
  progress_.finish();
  try {
    keep_unbounded_program(path, program, d, context_.comm);
    context_.log.info(
        fmt::format("the ray of the unbounded program and its multipliers are in {}", path.string()));
  } catch (const AgreedError& error) {
    if (context_.comm.is_root()) context_.log.warn(error.what());
  }
}

void RunOutput::write_curvature_vector(const CurvatureReport& report, const TunedParameters& tuned) {
  write_negative_vector(plan_.out / kVectorFile, report, tuned, context_.comm);
}

void RunOutput::add_round(int round, const RoundResult& result) {
  on_root([&] {
    metrics_->write(round, result);
    metrics_->check();
  });
}

void RunOutput::write_model(const std::filesystem::path& name, const Gpt2& model, at::ScalarType type) {
  on_root([&] {
    fault_point("checkpoint");
    make_folder((folder_->path() / name).parent_path());
    save_checkpoint(folder_->path() / name, model, plan_.model, plan_.layout.weights(), type);
  });
}

void RunOutput::write_adapter(const Gpt2& model) {
  if (!plan_.layout.lora()) return;
  on_root([&] {
    fault_point("checkpoint");
    save_adapter(folder_->path() / "adapter", model, *plan_.layout.lora(), plan_.model);
  });
}

void RunOutput::close(const RunResult& result) {
  context_.log.gather_warnings(context_.comm);
  on_root([&] {
    fault_point("result");
    for (const std::string& warning : write_figures(result, folder_->figures())) context_.log.warn(warning);
    provenance_.ended = utc_time(std::chrono::system_clock::now());
    write_file(folder_->provenance(), to_json(provenance_));
    metrics_->check();
    // The last of all: a run that has a result is done.
    write_file(folder_->result(), to_json(result));
    context_.log.block(to_text(before_after_table(result)));
    context_.log.info(fmt::format("written to {}: model/ is what HF transformers loads{}",
                                  folder_->path().string(),
                                  plan_.layout.lora() ? ", adapter/ what PEFT puts onto --model" : ""));
    context_.log.check();
  });
}

void RunOutput::on_root(const std::function<void()>& action) const {
  agree(context_.comm, [&] {
    if (context_.comm.is_root()) action();
  });
}

}  // namespace lift
