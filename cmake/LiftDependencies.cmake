# Everything LiFT links, as imported targets whose headers are SYSTEM.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

find_package(MPI REQUIRED COMPONENTS C)
add_library(lift_dep_mpi INTERFACE)
target_link_libraries(lift_dep_mpi INTERFACE MPI::MPI_C)
target_compile_definitions(lift_dep_mpi INTERFACE OMPI_SKIP_MPICXX MPICH_SKIP_MPICXX)

# Debian names its 64-bit-index builds petsc64 and slepc64; elsewhere the plain names are used, and
# solvers/petsc.hpp refuses a build with other scalars or indices.
pkg_search_module(PETSC REQUIRED IMPORTED_TARGET petsc64 petsc PETSc)
pkg_search_module(SLEPC REQUIRED IMPORTED_TARGET slepc64 slepc SLEPc)
add_library(lift_dep_petsc INTERFACE)
foreach(dir IN LISTS SLEPC_INCLUDE_DIRS PETSC_INCLUDE_DIRS)
  target_include_directories(lift_dep_petsc SYSTEM INTERFACE ${dir})
endforeach()
target_link_libraries(lift_dep_petsc INTERFACE ${SLEPC_LINK_LIBRARIES} ${PETSC_LINK_LIBRARIES} lift_dep_mpi)

find_package(Boost 1.74 REQUIRED COMPONENTS program_options)
find_package(fmt 9 REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json 3.10 REQUIRED)
find_package(ICU REQUIRED COMPONENTS uc)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)

include(LiftTorch)
if(LIFT_CUDA)
  include(LiftNccl)
endif()
