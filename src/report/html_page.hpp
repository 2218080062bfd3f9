#pragma once
#include <filesystem>
#include <string>

#include "src/report/report.hpp"

namespace lift {

/// The report as one HTML page that needs nothing else: no script, no network, which its own policy (CSP)
/// forbids; each figure is the picture itself, in the page.
///
/// In        `pictures`: the folder in which a section's figures lie as FOLDER/NAME.svg; one that is missing
///           there is left out, and said.
/// Throws    Error(input) if a picture cannot be read.
/// Test      tests/src/report/test_report_folder.cpp; tests/jobs/test_browser.cpp in a browser
[[nodiscard]] std::string html_page(const Report& report, const std::filesystem::path& pictures);

}  // namespace lift
