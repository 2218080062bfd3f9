# cmake --install: the program, with the manual page and the completions that it makes of its own option table, a module file, and a
# CMake package that names the program (LiFT::lift).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/LiFT)
set_target_properties(lift PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)
install(TARGETS lift EXPORT LiFTTargets RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(EXPORT LiFTTargets NAMESPACE LiFT:: DESTINATION ${package})
file(WRITE ${PROJECT_BINARY_DIR}/generated/LiFTConfig.cmake "include(\${CMAKE_CURRENT_LIST_DIR}/LiFTTargets.cmake)\n")
write_basic_package_version_file(${PROJECT_BINARY_DIR}/generated/LiFTConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/generated/LiFTConfig.cmake ${PROJECT_BINARY_DIR}/generated/LiFTConfigVersion.cmake
        DESTINATION ${package})
configure_file(${PROJECT_SOURCE_DIR}/jobs/package/modulefile.in ${PROJECT_BINARY_DIR}/generated/lift.tcl @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/generated/lift.tcl DESTINATION ${CMAKE_INSTALL_DATADIR}/modulefiles/lift
        RENAME ${PROJECT_VERSION})

function(lift_install_answer question file)
  install(CODE "
    set(file \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${file}\")
    cmake_path(GET file PARENT_PATH folder)
    file(MAKE_DIRECTORY \"\${folder}\")
    execute_process(COMMAND \"$<TARGET_FILE:lift>\" ${question} OUTPUT_FILE \"\${file}\" COMMAND_ERROR_IS_FATAL ANY)
    message(STATUS \"Installing: \${file}\")
  ")
endfunction()
lift_install_answer("--man" ${CMAKE_INSTALL_MANDIR}/man1/lift.1)
lift_install_answer("--completion bash" ${CMAKE_INSTALL_DATADIR}/bash-completion/completions/lift)
lift_install_answer("--completion zsh" ${CMAKE_INSTALL_DATADIR}/zsh/site-functions/_lift)
