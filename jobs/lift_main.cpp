#include "jobs/lift_main.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <vector>

#include "jobs/check_job.hpp"
#include "jobs/completion.hpp"
#include "jobs/curvature_job.hpp"
#include "jobs/diff_job.hpp"
#include "jobs/evaluate_job.hpp"
#include "jobs/example_job.hpp"
#include "jobs/help.hpp"
#include "jobs/job_context.hpp"
#include "jobs/lp_job.hpp"
#include "jobs/option_values.hpp"
#include "jobs/pretrain_job.hpp"
#include "jobs/report_job.hpp"
#include "jobs/run_job.hpp"
#include "jobs/sweep_job.hpp"
#include "jobs/versions.hpp"
#include "mpi/agreement.hpp"
#include "mpi/collectives.hpp"
#include "solvers/session.hpp"

namespace lift {
namespace {

using Words = std::vector<std::string>;

/// The words of rank 0: a launcher may give each rank its own.
Words words_of_root(std::span<const std::string> words, const Communicator& comm) {
  std::string joined;
  for (const std::string& word : words) joined += word + '\0';
  broadcast(joined, 0, comm);
  Words same;
  for (std::size_t begin = 0; begin < joined.size(); begin += same.back().size() + 1) {
    same.emplace_back(joined.c_str() + begin);
  }
  return same;
}

/// Makes an error that comes from words equal on every rank the error of all of them.
template <typename Parse>
auto for_all_ranks(const Parse& parse) {
  try {
    return parse();
  } catch (const AgreedError&) {
    throw;
  } catch (const Error& error) {
    throw AgreedError(error.code(), error.what());
  }
}

Job job_named(const std::string& word) {
  std::vector<std::string> names;
  for (const Job job : kJobs) {
    if (word == to_string(job)) return job;
    names.emplace_back(to_string(job));
  }
  throw Error(ExitCode::usage, fmt::format("unknown job '{}'; the nearest is '{}' (lift --help lists them)",
                                           shown(word), nearest(word, names)));
}

/// `lift baseline METHOD …` is `lift run --method METHOD …`.
Words without_baseline(const Words& words) {
  if (words[0] != to_string(Job::baseline)) return words;
  if (words.size() < 2 || words[1].starts_with("-"))
    throw Error(ExitCode::usage, "lift baseline: no METHOD is named; lift baseline --help lists them");
  Words run = {to_string(Job::run), "--method", words[1]};
  run.insert(run.end(), words.begin() + 2, words.end());
  return run;
}

/// What is only asked for, not done: the text of --help or --version, if one of them is among the words.
std::optional<std::string> answer_to_question(const Words& words) {
  const auto asks = [&](const char* question) { return std::ranges::count(words, question) > 0; };
  if (asks("--help")) return words[0].starts_with("-") ? program_help() : job_help(job_named(words[0]));
  if (asks("--version")) return version_text();
  if (words[0] == "--man" && words.size() == 1) return man_page();
  if (words[0] == "--completion" && words.size() == 2) return completion_script(words[1]);
  return std::nullopt;
}

/// Reads a --config file on rank 0 for all.
std::string read_for_all(const std::filesystem::path& path, const Communicator& comm) {
  std::string content;
  agree(comm, [&] {
    if (comm.is_root()) content = read_config_file(path);
  });
  broadcast(content, 0, comm);
  return content;
}

void dispatch(JobContext& context) {
  switch (context.options.job()) {
    case Job::run:
    case Job::baseline:  // parsed as a run
      return run_job(context);
    case Job::sweep:
      return sweep_job(context);
    case Job::evaluate:
      return evaluate_job(context);
    case Job::pretrain:
      return pretrain_job(context);
    case Job::lp:
      return lp_job(context);
    case Job::curvature:
      return curvature_job(context);
    case Job::report:
      return report_job(context);
    case Job::diff:
      return diff_job(context);
    case Job::check:
      return check_job(context);
    case Job::example:
      return example_job(context);
  }
}

/// An option that nothing used is most often a misspelt one. A dry run uses none.
void check_all_used(const JobContext& context, const SolverSession* solvers) {
  if (context.options.given("dry-run") || context.resumed) return;
  if (solvers != nullptr) {
    const auto mine = solvers->unused_options();
    std::string unused = mine.empty() ? "" : mine.front();
    broadcast(unused, 0, context.comm);  // some solvers run on rank 0 alone
    if (!unused.empty())
      throw AgreedError(ExitCode::usage, fmt::format("--petsc: nothing used the option '{}'", unused));
  }
  for (const std::string& name : context.options.unread()) {
    if (context.options.given(name)) context.log.warn(fmt::format("--{} had no effect", name));
  }
}

/// Runs a job between the start and the end of the libraries that it needs.
void run_with_solvers(JobContext& context) {
  std::optional<SolverSession> solvers;
  agree(context.comm, [&] { solvers.emplace(context.comm, context.options.text("petsc")); });
  dispatch(context);
  check_all_used(context, &*solvers);
}

void run(const Words& words, const Options& options, const Communicator& comm) {
  Console console = Console::standard();
  Log log(console, comm.rank());
  JobContext context = make_context(comm, options, log, words);
  for (const std::string& note : options.notes()) {
    if (comm.is_root()) log.warn(note);
  }
  check_answer_file(context);
  try {
    if (find_option(options.job(), "petsc") != nullptr) {
      run_with_solvers(context);
    } else {
      dispatch(context);
      check_all_used(context, nullptr);
    }
  } catch (const std::exception& error) {
    const auto* ours = dynamic_cast<const Error*>(&error);
    const bool stopped = ours != nullptr && ours->code() == ExitCode::stopped;
    log.detail(fmt::format("{}: {}", stopped ? "stopped" : "error", error.what()));  // stderr is lift_main's
    throw;
  }
}

void run_words(std::span<const std::string> typed, const Communicator& comm) {
  const Words words = words_of_root(typed, comm);
  if (words.empty()) throw AgreedError(ExitCode::usage, "no job is named; lift --help lists them");
  if (const auto answer = for_all_ranks([&] { return answer_to_question(words); })) {
    if (comm.is_root()) fmt::print("{}", *answer);
    return;
  }
  const Words resolved = for_all_ranks([&] { return without_baseline(words); });
  const Options options = for_all_ranks([&] {
    const auto read = [&](const std::filesystem::path& path) { return read_for_all(path, comm); };
    return Options::parse(job_named(resolved[0]), std::span(resolved).subspan(1), read);
  });
  run(words, options, comm);
}

}  // namespace

int lift_main(std::span<const std::string> words, const Communicator& comm) noexcept {
  ExitCode code = ExitCode::done;
  try {
    run_words(words, comm);
  } catch (const std::exception& error) {
    code = end_with_error(comm, error);
  } catch (...) {
    code = end_with_error(comm, std::runtime_error("an exception of unknown type"));
  }
  std::cout.flush();
  std::fflush(nullptr);
  return static_cast<int>(code);
}

}  // namespace lift
