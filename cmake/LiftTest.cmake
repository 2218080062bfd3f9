find_package(GTest REQUIRED)
find_program(LIFT_WHEELS_PYTHON python NO_DEFAULT_PATH
             PATHS $ENV{LIFT_DEPS}/venv/bin $ENV{HOME}/.cache/lift/venv/bin
             DOC "Python with the wheels that tests and benchmarks compare with")

# What every test runs under: one thread a rank, more ranks than cores allowed, root allowed (containers).
set(LIFT_TEST_ENVIRONMENT
  OMP_NUM_THREADS=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none
  LIFT_BINARY_DIR=${PROJECT_BINARY_DIR} LIFT_SOURCE_DIR=${PROJECT_SOURCE_DIR})
if(LIFT_SANITIZE)
  # Leaks are not looked for: nearly all are of Open MPI's components, which it unloads before the report, so that they have no name to
  # be suppressed by. LibTorch's libraries define the same symbols more than once.
  list(APPEND LIFT_TEST_ENVIRONMENT
    ASAN_OPTIONS=detect_leaks=0:detect_odr_violation=0
    UBSAN_OPTIONS=print_stacktrace=1:suppressions=${PROJECT_SOURCE_DIR}/tests/ubsan.supp)
endif()

# lift_test(NAME sources... DEPENDS targets... [RANKS 1 2 4] [LABELS l...] [TIMEOUT s] [MAIN mpi|petsc] [DEVICES])
#
# One test binary, and one ctest entry for each rank count: NAME_np1, NAME_np2, ... A failure on any rank
# fails the entry. MAIN says which libraries the test's main starts (tests/support). DEVICES: several ranks see
# the GPUs of the machine, and the test skips what they are too few for. Entries of three ranks have the label long too.
function(lift_test name)
  cmake_parse_arguments(ARG "DEVICES" "TIMEOUT;MAIN" "DEPENDS;RANKS;LABELS;ENVIRONMENT" ${ARGN})
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
    set(devices "")
    set(labels ${ARG_LABELS})
    if(np EQUAL 3)
      list(APPEND labels long)  # what 1, 2 and 4 ranks leave: uneven shares
    endif()
    if(LIFT_CUDA AND np GREATER 1 AND NOT ARG_DEVICES)
      set(devices CUDA_VISIBLE_DEVICES=)  # ranks never share a GPU, and a test machine may have one
    endif()
    add_test(NAME ${name}_np${np}
             COMMAND ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG} ${np} $<TARGET_FILE:${name}>
             WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    set_tests_properties(${name}_np${np} PROPERTIES LABELS "${labels}" TIMEOUT ${ARG_TIMEOUT} PROCESSORS ${np}
      ENVIRONMENT "${LIFT_TEST_ENVIRONMENT};${devices};${ARG_ENVIRONMENT}")
  endforeach()
endfunction()
