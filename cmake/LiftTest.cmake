find_package(GTest REQUIRED)
include(GoogleTest)

# lift_test(NAME sources... DEPENDS targets... [RANKS 1 2 4] [LABELS l...] [TIMEOUT s] [MAIN mpi|petsc])
#
# One test binary, and one ctest entry for each rank count: NAME_np1, NAME_np2, ... A failure on any rank
# fails the entry. MAIN says which libraries the test's main starts (tests/support).
function(lift_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT;MAIN" "DEPENDS;RANKS;LABELS;ENVIRONMENT" ${ARGN})
  if(NOT ARG_RANKS)
    set(ARG_RANKS 1)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  if(NOT ARG_MAIN)
    set(ARG_MAIN mpi)
  endif()
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE lift_flags lift_test_${ARG_MAIN}_main ${ARG_DEPENDS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  foreach(np IN LISTS ARG_RANKS)
    add_test(NAME ${name}_np${np}
             COMMAND ${MPIEXEC_EXECUTABLE} ${LIFT_MPIEXEC_FLAGS} ${MPIEXEC_NUMPROC_FLAG} ${np} $<TARGET_FILE:${name}>
             WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    set_tests_properties(${name}_np${np} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT} PROCESSORS ${np}
      ENVIRONMENT "OMPI_ALLOW_RUN_AS_ROOT=1;OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1;OMP_NUM_THREADS=1;LIFT_BINARY_DIR=${PROJECT_BINARY_DIR};${ARG_ENVIRONMENT}")
  endforeach()
endfunction()
