#include <csignal>
#include <string>
#include <vector>

#include "jobs/lift_main.hpp"

int main(int argc, char** argv) {
  std::signal(SIGXFSZ, SIG_IGN);  // a file-size limit is then a write that fails, as a full disk is
  const lift::Environment environment(argc, argv);
  const lift::Communicator world = lift::Communicator::world();
  const std::vector<std::string> words(argv + 1, argv + argc);
  return lift::lift_main(words, world);
}
