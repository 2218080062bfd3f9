# Flags of every target of the project; third-party headers are SYSTEM and stay outside them.
add_library(lift_flags INTERFACE)
target_compile_options(lift_flags INTERFACE
  "$<$<COMPILE_LANGUAGE:C,CXX>:-Wall;-Wextra;-Werror>"
  "$<$<COMPILE_LANGUAGE:CUDA>:-Werror=all-warnings;-Xcompiler=-Wall,-Wextra,-Werror>")
target_include_directories(lift_flags INTERFACE ${PROJECT_SOURCE_DIR})

if(LIFT_SANITIZE)
  target_compile_options(lift_flags INTERFACE -fsanitize=${LIFT_SANITIZE} -fno-omit-frame-pointer
                                              -fno-sanitize-recover=undefined)
  target_link_options(lift_flags INTERFACE -fsanitize=${LIFT_SANITIZE})
endif()

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 12)
  message(FATAL_ERROR "LiFT needs GCC 12 or newer; this is GCC ${CMAKE_CXX_COMPILER_VERSION}")
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()
if(CCACHE_PROGRAM AND NOT CMAKE_CUDA_COMPILER_LAUNCHER)
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

# lift_library(NAME sources... DEPENDS targets...): one library of a layer.
function(lift_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PUBLIC lift_flags ${ARG_DEPENDS})
endfunction()
