#include "src/report/gnuplot.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "mpi/error.hpp"

extern char** environ;  // NOLINT: the environment has no header of its own

namespace lift {
namespace {

/// What the child does before it becomes gnuplot.
class SpawnActions {
 public:
  SpawnActions() { posix_spawn_file_actions_init(&actions_); }
  ~SpawnActions() { posix_spawn_file_actions_destroy(&actions_); }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
  void enter(const std::filesystem::path& folder) {
    posix_spawn_file_actions_addchdir_np(&actions_, folder.c_str());
  }
  void discard(int descriptor, int flags) {
    posix_spawn_file_actions_addopen(&actions_, descriptor, "/dev/null", flags, 0);
  }
  void redirect(int from, int to) { posix_spawn_file_actions_adddup2(&actions_, to, from); }
  [[nodiscard]] const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

std::string read_all(int descriptor) {
  std::string text;
  std::array<char, 4096> chunk{};
  for (;;) {
    const ssize_t got = ::read(descriptor, chunk.data(), chunk.size());
    if (got > 0) text.append(chunk.data(), static_cast<std::size_t>(got));
    if (got == 0 || (got < 0 && errno != EINTR)) return text;
  }
}

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

/// The line of gnuplot's complaint that says what is wrong.
std::string last_line(const std::string& text) {
  std::istringstream stream(text);
  std::string last;
  for (std::string line; std::getline(stream, line);) {
    const std::size_t begin = line.find_first_not_of(" \t^");
    if (begin != std::string::npos) last = line.substr(begin);
  }
  return last;
}

bool is_whole_svg(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream content;
  content << stream.rdbuf();
  return content.str().find("</svg>") != std::string::npos;
}

}  // namespace

std::string draw(const std::filesystem::path& folder, const std::string& name, const std::string& program) {
  std::array<int, 2> complaint{};
  if (::pipe2(complaint.data(), O_CLOEXEC) != 0) {
    throw Error(ExitCode::internal,
                fmt::format("cannot make a pipe to {}: {}", program, std::strerror(errno)));
  }
  SpawnActions actions;
  actions.enter(folder);
  actions.discard(STDIN_FILENO, O_RDONLY);
  actions.discard(STDOUT_FILENO, O_WRONLY);
  actions.redirect(STDERR_FILENO, complaint[1]);

  const std::string script = name + ".gp";
  std::string executable = program;
  std::string defaults = "--default-settings";
  std::string argument = script;
  std::array<char*, 4> arguments = {executable.data(), defaults.data(), argument.data(), nullptr};
  pid_t child = 0;
  const int error =
      ::posix_spawnp(&child, program.c_str(), actions.get(), nullptr, arguments.data(), environ);
  ::close(complaint[1]);
  const std::string said = error == 0 ? read_all(complaint[0]) : "";
  ::close(complaint[0]);

  if (error != 0) return fmt::format("cannot run {}: {}", program, std::strerror(error));
  const int status = wait_for(child);
  if (status == 0 && is_whole_svg(folder / (name + ".svg"))) return "";
  return fmt::format("{} failed on {}: {}", program, (folder / script).string(),
                     said.empty() ? fmt::format("status {}", status) : last_line(said));
}

}  // namespace lift
