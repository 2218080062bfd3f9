#pragma once
#include <filesystem>
#include <string>

namespace lift {

/// Draws `folder`/`name`.svg by running gnuplot on `name`.gp inside `folder`, without a shell and without the
/// user's own gnuplot settings.
///
/// Returns     "" if the picture is there, else why not, in one line.
/// Throws      Error(internal) if the system cannot make a pipe.
/// Test        tests/src/report/test_figures.cpp, with a script that fails and a program that is missing
[[nodiscard]] std::string draw(const std::filesystem::path& folder, const std::string& name,
                               const std::string& program = "gnuplot");

}  // namespace lift
