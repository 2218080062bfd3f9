#include "tests/bench/highs_run.hpp"

#include <fmt/format.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <optional>
#include <vector>

#include "mpi/error.hpp"
#include "tests/bench/process_status.hpp"

namespace lift {
namespace {

constexpr double kGrace = 5;  ///< seconds beyond its limit that HiGHS has to come back by itself
constexpr int kPollMilliseconds = 500;

/// What the child sends, first when Highs_run begins, then with its answer.
struct Message {
  bool answered = false;
  test::HighsAnswer answer;
  double cpu_seconds = 0;  ///< of its process so far
  std::int64_t bytes = 0;
};

void send(int pipe, const Message& message) {
  if (write(pipe, &message, sizeof message) != sizeof message) _exit(2);
}

[[noreturn]] void child(const LpFamily& family, std::int64_t coordinates, int rows,
                        const HighsSetting& setting, const HighsLimits& limits, int pipe) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::ofstream("/proc/self/oom_score_adj") << "1000";
  forget_peak_memory();
  try {
    const auto n = static_cast<std::size_t>(coordinates);
    std::vector<double> a(n * static_cast<std::size_t>(rows)), g(n), u(n);
    family.fill(0, rows, a, g, u);
    const auto begun = [&] {
      std::vector<double>().swap(a);
      send(pipe, {.answered = false, .answer = {}, .cpu_seconds = cpu_seconds()});
    };
    const auto answer = test::solve_with_highs(a, g, u, rows,
                                               {.solver = setting.solver,
                                                .max_seconds = limits.seconds,
                                                .presolve = setting.presolve,
                                                .on_run = begun});
    if (answer)
      send(pipe, {.answered = true,
                  .answer = *answer,
                  .cpu_seconds = cpu_seconds(),
                  .bytes = status_bytes("VmHWM")});
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    _exit(1);
  }
  _exit(0);
}

/// The parent's side: what has come through the pipe, and when.
class Watch {
 public:
  Watch(pid_t process, int pipe, const HighsLimits& limits)
      : process_(process), pipe_(pipe), limits_(limits) {}

  HighsRun wait() {
    while (!over()) take(poll_once());
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
    return run_;
  }

 private:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] bool over() const { return run_.ending != HighsRun::Ending::not_run; }

  bool poll_once() {
    pollfd waiting{.fd = pipe_, .events = POLLIN, .revents = 0};
    return poll(&waiting, 1, kPollMilliseconds) > 0;
  }

  void take(bool readable) {
    if (readable) {
      read_message();
    } else {
      check_limits();
    }
  }

  void read_message() {
    Message message;
    if (read(pipe_, &message, sizeof message) != sizeof message) {
      run_.ending = HighsRun::Ending::failed;
      run_.note = "its process ended without an answer";
    } else if (!message.answered) {
      started_ = Clock::now();
      cpu_before_ = message.cpu_seconds;
    } else {
      run_.answer = message.answer;
      run_.bytes = message.bytes;
      run_.cpu_seconds = message.cpu_seconds - cpu_before_;
      run_.seconds = message.answer.seconds;
      run_.ending = message.answer.optimal                      ? HighsRun::Ending::solved
                    : message.answer.seconds >= limits_.seconds ? HighsRun::Ending::out_of_time
                                                                : HighsRun::Ending::unsolved;
    }
  }

  void check_limits() {
    run_.bytes = std::max(run_.bytes, status_bytes("VmHWM", process_));
    if (run_.bytes > limits_.bytes) {
      run_.ending = HighsRun::Ending::does_not_fit;
      run_.note = fmt::format("ended at {:.1f} GiB", static_cast<double>(run_.bytes) / (1 << 30));
    }
    if (!started_) return;
    run_.seconds = std::chrono::duration<double>(Clock::now() - *started_).count();
    run_.cpu_seconds = cpu_seconds(process_) - cpu_before_;
    if (run_.seconds > limits_.seconds + kGrace) run_.ending = HighsRun::Ending::out_of_time;
  }

  pid_t process_;
  int pipe_;
  const HighsLimits& limits_;
  std::optional<Clock::time_point> started_;
  double cpu_before_ = 0;  ///< of its process when Highs_run began
  HighsRun run_;
};

}  // namespace

HighsRun run_highs(const LpFamily& family, std::int64_t coordinates, int rows, const HighsSetting& setting,
                   const HighsLimits& limits) {
  malloc_trim(0);  // Open MPI lets the allocator keep what was freed, and the child would begin with it
  int ends[2];
  if (pipe(ends) != 0) throw Error(ExitCode::internal, "bench_lp: no pipe for HiGHS");
  const pid_t process = fork();
  if (process < 0) throw Error(ExitCode::internal, "bench_lp: no process for HiGHS");
  if (process == 0) {
    close(ends[0]);
    child(family, coordinates, rows, setting, limits, ends[1]);
  }
  close(ends[1]);
  const HighsRun run = Watch(process, ends[0], limits).wait();
  close(ends[0]);
  return run;
}

}  // namespace lift
