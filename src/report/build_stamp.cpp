#include <lift_commit.hpp>

#include "src/report/provenance.hpp"

namespace lift {

BuildStamp build_stamp() {
  return {LIFT_VERSION, LIFT_COMMIT, LIFT_COMPILER, LIFT_BUILD_TYPE};
}

}  // namespace lift
