#include <sched.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <string>
#include <string_view>

#include "mpi/collectives.hpp"
#include "mpi/device.hpp"

namespace lift {

namespace {

/// The outermost level of OMP_NUM_THREADS ("8" or "8,2"), 0 if it is not a positive number.
int threads_asked_for() {
  const char* text = std::getenv("OMP_NUM_THREADS");
  if (text == nullptr) return 0;
  std::string_view first(text);
  first = first.substr(0, first.find(','));
  int threads = 0;
  const auto [end, error] = std::from_chars(first.data(), first.data() + first.size(), threads);
  return error == std::errc() && end == first.data() + first.size() ? std::max(threads, 0) : 0;
}

/// One character a core of the machine, '1' where this process may run; empty if the kernel does not say.
std::string affinity_mask() {
  constexpr int kMostCores = 1 << 20;
  for (int cores = CPU_SETSIZE; cores <= kMostCores; cores *= 2) {
    std::string set(CPU_ALLOC_SIZE(cores), '\0');
    auto* bits = reinterpret_cast<cpu_set_t*>(set.data());
    if (sched_getaffinity(0, set.size(), bits) != 0) continue;
    std::string mask(cores, '0');
    for (int core = 0; core < cores; ++core) {
      if (CPU_ISSET_S(core, set.size(), bits)) mask[core] = '1';
    }
    return mask;
  }
  return "";
}

bool overlap(const std::string& a, const std::string& b) {
  for (std::size_t core = 0; core < std::min(a.size(), b.size()); ++core) {
    if (a[core] == '1' && b[core] == '1') return true;
  }
  return false;
}

}  // namespace

int threads_of_rank(const Communicator& node) {
  const std::string mine = affinity_mask();
  const auto masks = gather_texts(mine, node);
  if (const int asked = threads_asked_for(); asked > 0) return asked;
  const auto cores = std::count(mine.begin(), mine.end(), '1');
  const auto sharers =
      std::count_if(masks.begin(), masks.end(), [&](const std::string& mask) { return overlap(mine, mask); });
  return sharers == 0 ? 1 : static_cast<int>(std::max<std::ptrdiff_t>(1, cores / sharers));
}

}  // namespace lift
