# build_info.hpp: version and commit, refreshed by configure.
find_package(Git QUIET)
set(LIFT_COMMIT "unknown")
if(Git_FOUND AND EXISTS ${PROJECT_SOURCE_DIR}/.git)
  execute_process(COMMAND ${GIT_EXECUTABLE} describe --always --dirty --abbrev=12
                  WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} OUTPUT_VARIABLE LIFT_COMMIT
                  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/.git/HEAD)
endif()
add_library(lift_build_info INTERFACE)
target_compile_definitions(lift_build_info INTERFACE
  LIFT_VERSION="${PROJECT_VERSION}" LIFT_COMMIT="${LIFT_COMMIT}"
  LIFT_COMPILER="${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}" LIFT_BUILD_TYPE="${CMAKE_BUILD_TYPE}")
