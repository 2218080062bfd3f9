#include "jobs/output_file.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <initializer_list>
#include <system_error>

#include "mpi/error.hpp"

namespace lift {

namespace {

bool ends_in(const std::string& name, std::initializer_list<std::string_view> ends) {
  return std::ranges::any_of(ends, [&](std::string_view end) { return name.ends_with(end); });
}

/// Whether a job reads files of that name from the folder of `--input`.
bool is_read(const std::string& name, std::string_view input) {
  if (input == "data" || input == "valid-data" || input == "ood")
    return ends_in(name, {".raw", ".txt", ".jsonl", ".bin", "meta.pkl"});
  return ends_in(name, {".safetensors", ".index.json"}) || name == "config.json" ||
         name == "generation_config.json" || name == "vocab.json" || name == "merges.txt";
}

/// Whether `file` is the file of `--input` or one that is read from its folder, whatever links and dots there
/// are.
bool is_input(const std::filesystem::path& file, std::string_view input, const std::filesystem::path& place) {
  std::error_code none;
  if (std::filesystem::equivalent(file, place, none)) return true;
  const auto whole = std::filesystem::canonical(file, none);
  return !none && std::filesystem::equivalent(whole.parent_path(), place, none) &&
         is_read(whole.filename().string(), input);
}

/// The folder of a run that `file` stands in, among the words of a job that reads runs; "" if there is none.
std::string run_holding(const std::filesystem::path& file, const std::vector<std::string>& words) {
  std::error_code none;
  const auto folder = std::filesystem::canonical(file, none).parent_path();
  for (const std::string& word : words) {
    if (std::filesystem::equivalent(folder, word, none)) return word;
  }
  return "";
}

}  // namespace

void check_spares_inputs(const std::filesystem::path& file, std::string_view option, const Options& options) {
  std::error_code ignored;
  if (file.empty() || !std::filesystem::exists(file, ignored)) return;
  if (const std::string run = run_holding(file, options.words()); !run.empty())
    throw Error(ExitCode::usage, fmt::format("--{} {} would replace a file of the run {}; expected another",
                                             option, file.string(), run));
  for (const std::string_view input :
       {"model", "start", "data", "valid-data", "ood", "tokenizer", "input", "config"}) {
    if (find_option(options.job(), input) == nullptr) continue;
    const std::filesystem::path place = options.path(input);
    if (!place.empty() && is_input(file, input, place))
      throw Error(ExitCode::usage, fmt::format("--{} {} would replace a file of --{} {}; expected another",
                                               option, file.string(), input, place.string()));
  }
}

void check_output_file(const std::filesystem::path& file, std::string_view option) {
  std::error_code ignored;
  const auto refuse = [&](ExitCode code, const std::string& what) {
    throw Error(code, fmt::format("--{} {}: {}", option, file.string(), what));
  };
  if (std::filesystem::is_directory(file, ignored)) refuse(ExitCode::usage, "is a folder; expected a file");
  const std::filesystem::path folder = file.has_parent_path() ? file.parent_path() : ".";
  if (!std::filesystem::is_directory(folder, ignored)) {
    refuse(ExitCode::input, fmt::format("there is no folder {}", folder.string()));
  }
  if (access(folder.c_str(), W_OK | X_OK) != 0) {
    refuse(ExitCode::write,
           fmt::format("cannot write to {}: {}", folder.string(), std::generic_category().message(errno)));
  }
}

}  // namespace lift
