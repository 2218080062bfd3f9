#include "src/report/process_memory.hpp"

#include <fstream>
#include <sstream>
#include <string>

namespace lift {

std::int64_t peak_memory_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    std::istringstream fields(line);
    std::string key;
    std::int64_t kibibytes = -1;
    if (fields >> key && key == "VmHWM:" && fields >> kibibytes) return kibibytes * 1024;
  }
  return -1;
}

}  // namespace lift
