# <lift_commit.hpp> with the commit of the sources, looked up at every build and rewritten only where it changed.
find_package(Git QUIET)
set(LIFT_GENERATED ${PROJECT_BINARY_DIR}/generated)
add_custom_target(lift_commit
  COMMAND ${CMAKE_COMMAND} -DGIT=${GIT_EXECUTABLE} -DSOURCE=${PROJECT_SOURCE_DIR}
          -DHEADER=${LIFT_GENERATED}/lift_commit.hpp -P ${PROJECT_SOURCE_DIR}/cmake/WriteCommit.cmake
  BYPRODUCTS ${LIFT_GENERATED}/lift_commit.hpp COMMENT "" VERBATIM)
