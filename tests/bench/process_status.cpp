#include "tests/bench/process_status.hpp"

#include <ctime>
#include <fstream>

namespace lift {

std::int64_t status_bytes(const std::string& field, pid_t process) {
  std::ifstream status("/proc/" + (process == 0 ? "self" : std::to_string(process)) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind(field + ":", 0) == 0) return 1024 * std::stoll(line.substr(field.size() + 1));
  }
  return -1;
}

double cpu_seconds(pid_t process) {
  clockid_t clock{};
  if (clock_getcpuclockid(process, &clock) != 0) return 0;
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

void forget_peak_memory() {
  std::ofstream("/proc/self/clear_refs") << "5";
}

}  // namespace lift
