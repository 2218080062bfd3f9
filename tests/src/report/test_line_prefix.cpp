#include "src/report/line_prefix.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace lift {
namespace {

TEST(LinePrefix, StandsInFrontOfEachLineThatIsWhole) {
  std::ostringstream out;
  {
    LinePrefix stream(out, "a: ");
    stream << "one\ntw";
    EXPECT_EQ(out.str(), "a: one\n") << "half a line is kept back";
    stream << "o " << 2 << "\n\n";
    EXPECT_EQ(out.str(), "a: one\na: two 2\na: \n");
    stream << "end";
  }
  EXPECT_EQ(out.str(), "a: one\na: two 2\na: \na: end");
}

}  // namespace
}  // namespace lift
