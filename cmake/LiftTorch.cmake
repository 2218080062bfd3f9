# lift_dep_torch: LibTorch, from CMAKE_PREFIX_PATH (a module, Spack, a wheel) or from what setup.sh fetched.
#
# The CPU build links libtorch_cpu and libc10 alone, so that it needs neither cuBLAS nor cuDNN; the CUDA
# build goes through LibTorch's own CMake package.
find_path(LIFT_TORCH_ROOT share/cmake/Torch/TorchConfig.cmake
          PATHS $ENV{LIFT_DEPS}/venv $ENV{HOME}/.cache/lift/venv
          PATH_SUFFIXES lib/python3.10/site-packages/torch lib/python3.11/site-packages/torch
                        lib/python3.12/site-packages/torch lib/python3.13/site-packages/torch
                        lib64/python3.11/site-packages/torch lib64/python3.12/site-packages/torch
                        torch libtorch
          DOC "LibTorch's root: the folder with include/, lib/ and share/cmake/Torch")
if(NOT LIFT_TORCH_ROOT)
  message(FATAL_ERROR "LibTorch not found: run ./setup.sh, or set CMAKE_PREFIX_PATH or LIFT_TORCH_ROOT to its root folder")
endif()
include(${LIFT_TORCH_ROOT}/share/cmake/Torch/TorchConfigVersion.cmake)
set(LIFT_TORCH_VERSION ${PACKAGE_VERSION})

# LibTorch's include folder brings an fmt of its own, newer than the one that is linked: ours is found first.
get_target_property(LIFT_FMT_INCLUDE fmt::fmt INTERFACE_INCLUDE_DIRECTORIES)
list(GET LIFT_FMT_INCLUDE 0 LIFT_FMT_INCLUDE)
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/before_torch)
file(CREATE_LINK ${LIFT_FMT_INCLUDE}/fmt ${PROJECT_BINARY_DIR}/before_torch/fmt SYMBOLIC)

add_library(lift_dep_torch INTERFACE IMPORTED GLOBAL)
# The wheel's libraries export parts of the C++ runtime they were built with (libtorch.so a std::filesystem::remove_all that
# jumps to 0): the runtime of the compiler in use must be found before them.
target_link_libraries(lift_dep_torch INTERFACE stdc++)
target_include_directories(lift_dep_torch SYSTEM INTERFACE
  ${PROJECT_BINARY_DIR}/before_torch
  ${LIFT_TORCH_ROOT}/include ${LIFT_TORCH_ROOT}/include/torch/csrc/api/include)
if(LIFT_CUDA)
  # CMake would keep an architecture of its own choice from the first configuration on: ask only before that one.
  if(NOT TORCH_CUDA_ARCH_LIST)
    set(architectures 9.0)
    if(DEFINED ENV{TORCH_CUDA_ARCH_LIST})
      set(architectures $ENV{TORCH_CUDA_ARCH_LIST})
    elseif(CMAKE_CUDA_ARCHITECTURES MATCHES "^[0-9;]+$")
      string(REGEX REPLACE "([0-9]+)([0-9])" "\\1.\\2" architectures "${CMAKE_CUDA_ARCHITECTURES}")
    endif()
    set(TORCH_CUDA_ARCH_LIST ${architectures} CACHE STRING "GPU architectures that kernels are compiled for")
  endif()
  # LibTorch's package turns CUDA on as a language, with that list as -gencode flags. The runtime must be the one that
  # LibTorch loads, not a second one linked statically.
  set(CMAKE_CUDA_RUNTIME_LIBRARY Shared)
  set(CMAKE_CUDA_STANDARD 17)  # the kernels need no more, and CMake 3.25.1 knows no later one of nvcc
  list(APPEND CMAKE_PREFIX_PATH ${LIFT_TORCH_ROOT})
  find_package(CUDAToolkit 13 REQUIRED)
  find_package(Torch REQUIRED)
  target_link_libraries(lift_dep_torch INTERFACE ${TORCH_LIBRARIES} CUDA::cudart)
  target_compile_definitions(lift_dep_torch INTERFACE LIFT_CUDA)
  # An RPATH, unlike a RUNPATH, also finds what LibTorch's own libraries need of the toolkit.
  target_link_options(lift_dep_torch INTERFACE -Wl,--disable-new-dtags)
else()
  target_link_libraries(lift_dep_torch INTERFACE ${LIFT_TORCH_ROOT}/lib/libtorch_cpu.so
                                                 ${LIFT_TORCH_ROOT}/lib/libc10.so)
endif()

include(CheckCXXSourceCompiles)
set(CMAKE_REQUIRED_INCLUDES ${LIFT_TORCH_ROOT}/include)
set(CMAKE_REQUIRED_LIBRARIES ${LIFT_TORCH_ROOT}/lib/libc10.so)
check_cxx_source_compiles("
  #include <c10/util/Exception.h>
  #include <string>
  int main() { try { TORCH_CHECK(false, std::string(\"x\")); } catch (const c10::Error&) {} }" LIFT_TORCH_ABI_MATCHES)
unset(CMAKE_REQUIRED_INCLUDES)
unset(CMAKE_REQUIRED_LIBRARIES)
if(NOT LIFT_TORCH_ABI_MATCHES)
  message(FATAL_ERROR "LibTorch in ${LIFT_TORCH_ROOT} does not link: it was likely built with the old C++ ABI "
                      "(_GLIBCXX_USE_CXX11_ABI=0). Use the wheel torch>=2.7, or a build with the new ABI.")
endif()
