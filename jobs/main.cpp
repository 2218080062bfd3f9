#include <string>
#include <vector>

#include "jobs/lift_main.hpp"

int main(int argc, char** argv) {
  const lift::Environment environment(argc, argv);
  const lift::Communicator world = lift::Communicator::world();
  const std::vector<std::string> words(argv + 1, argv + argc);
  return lift::lift_main(words, world);
}
