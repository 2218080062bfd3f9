#include "src/report/html_page.hpp"

#include <fmt/format.h>

#include <cctype>
#include <string_view>
#include <system_error>

#include "src/files/atomic_file.hpp"
#include "src/report/provenance.hpp"

namespace lift {
namespace {

constexpr std::string_view kHead = R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>LiFT report</title>
<style>
body { font: 15px/1.5 Helvetica, Arial, sans-serif; color: #222; margin: 2em auto; max-width: 1480px; padding: 0 1em; }
h1 { font-size: 1.6em; } h2 { font-size: 1.25em; border-top: 1px solid #ddd; padding-top: 1em; margin-top: 2em; }
h3 { font-size: 1em; margin-bottom: 0.3em; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.82em; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 0.15em 0.6em; white-space: nowrap; }
th { border-bottom: 1.5px solid #333; border-top: 1.5px solid #333; font-weight: 600; }
tbody tr:last-child td { border-bottom: 1.5px solid #333; } .l { text-align: left; }
.figures { display: flex; flex-wrap: wrap; gap: 1.2em; } figure { margin: 0.6em 0; flex: 1 1 480px; max-width: 720px; }
figure img { width: 100%; height: auto; } figcaption { font-size: 0.88em; color: #555; }
nav li { margin: 0.1em 0; }
@media print { h2 { break-after: avoid; } figure, table { break-inside: avoid; } }
</style>
</head>
<body>
)";

/// A picture as a data: address; what is not a letter, a digit or harmless in one is written as %XX.
std::string data_address(const std::string& svg) {
  constexpr std::string_view kHarmless = "-_.~!*()/:;,=?@+$[]{} ";
  std::string address = "data:image/svg+xml;charset=utf-8,";
  for (const char c : svg) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain =
        byte < 0x80 && (std::isalnum(byte) != 0 || kHarmless.find(c) != std::string_view::npos);
    address += plain ? std::string(1, c) : fmt::format("%{:02X}", byte);
  }
  return address;
}

std::string html_figure(const ReportFigure& figure, const std::filesystem::path& folder) {
  const std::filesystem::path picture = folder / (figure.figure.name + ".svg");
  std::error_code ignored;
  if (!std::filesystem::exists(picture, ignored))
    return fmt::format("<p>Not drawn: {}</p>\n", html_text(figure.caption));
  return fmt::format("<figure><img alt=\"{0}\" src=\"{1}\"><figcaption>{0}</figcaption></figure>\n",
                     html_text(figure.caption), data_address(read_file(picture)));
}

std::string html_section(const ReportSection& section, std::size_t number,
                         const std::filesystem::path& pictures) {
  std::string text = fmt::format("<h2 id=\"s{}\">{}</h2>\n", number, html_text(section.title));
  for (const std::string& sentence : section.sentences)
    text += fmt::format("<p>{}</p>\n", html_text(sentence));
  for (const ReportTable& table : section.tables)
    text += fmt::format("<h3>{}</h3>\n<div class=\"wide\">\n{}</div>\n", html_text(table.title),
                        to_html(table.table));
  if (section.figures.empty()) return text;
  text += "<div class=\"figures\">\n";
  for (const ReportFigure& figure : section.figures) text += html_figure(figure, pictures / section.folder);
  return text + "</div>\n";
}

}  // namespace

std::string html_page(const Report& report, const std::filesystem::path& pictures) {
  const BuildStamp stamp = build_stamp();
  std::string page(kHead);
  page +=
      fmt::format("<h1>LiFT report</h1>\n<p>Made by LiFT {} ({}) from the results of the runs alone.</p>\n",
                  html_text(stamp.version), html_text(stamp.commit));
  page += "<nav><ul>\n";
  for (std::size_t k = 0; k < report.sections.size(); ++k)
    page += fmt::format("<li><a href=\"#s{}\">{}</a></li>\n", k, html_text(report.sections[k].title));
  page += "</ul></nav>\n";
  for (std::size_t k = 0; k < report.sections.size(); ++k)
    page += html_section(report.sections[k], k, pictures);
  return page + "</body>\n</html>\n";
}

}  // namespace lift
