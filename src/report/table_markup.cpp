#include <fmt/format.h>

#include <array>
#include <string_view>
#include <utility>

#include "src/report/table.hpp"

namespace lift {
namespace {

using Replacement = std::pair<std::string_view, std::string_view>;

/// Each of `replacements` where it stands in `text`, the first that fits.
template <std::size_t N>
std::string replaced(std::string_view text, const std::array<Replacement, N>& replacements) {
  std::string result;
  while (!text.empty()) {
    std::size_t taken = 1;
    std::string_view put = text.substr(0, 1);
    for (const auto& [from, to] : replacements) {
      if (!text.starts_with(from)) continue;
      taken = from.size();
      put = to;
      break;
    }
    result += put;
    text.remove_prefix(taken);
  }
  return result;
}

std::string latex_text(std::string_view text) {
  static constexpr std::array<Replacement, 21> kLatex = {{{"\\", "\\textbackslash{}"},
                                                          {"&", "\\&"},
                                                          {"%", "\\%"},
                                                          {"$", "\\$"},
                                                          {"#", "\\#"},
                                                          {"_", "\\_"},
                                                          {"{", "\\{"},
                                                          {"}", "\\}"},
                                                          {"~", "\\textasciitilde{}"},
                                                          {"^", "\\textasciicircum{}"},
                                                          {"<", "\\textless{}"},
                                                          {">", "\\textgreater{}"},
                                                          {"–", "--"},
                                                          {"±", "$\\pm$"},
                                                          {"→", "$\\to$"},
                                                          {"↓", "$\\downarrow$"},
                                                          {"λ", "$\\lambda$"},
                                                          {"μ", "$\\mu$"},
                                                          {"ᵀ", "$^\\top$"},
                                                          {"\r", " "},
                                                          {"\n", " "}}};
  return replaced(text, kLatex);
}

/// The paper's N_WE is a symbol with an index.
std::string latex_title(const std::string& title) {
  if (title.starts_with("N_")) return fmt::format("$N_{{\\mathrm{{{}}}}}$", title.substr(2));
  return latex_text(title);
}

std::string html_row(const std::vector<Cell>& row, const std::vector<Column>& columns) {
  std::string line = "<tr>";
  for (std::size_t c = 0; c < row.size(); ++c)
    line += fmt::format("<td{}>{}</td>", columns[c].left ? " class=\"l\"" : "", html_text(row[c].text));
  return line + "</tr>\n";
}

}  // namespace

std::string html_text(const std::string& text) {
  static constexpr std::array<Replacement, 5> kHtml = {
      {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}}};
  return replaced(text, kHtml);
}

std::string to_latex(const Table& table) {
  std::string text = "\\begin{tabular}{";
  for (const Column& column : table.columns) text += column.left ? 'l' : 'r';
  text += "}\n\\toprule\n";
  const auto add = [&](std::size_t c, const std::string& cell) { text += (c == 0 ? "" : " & ") + cell; };
  for (std::size_t c = 0; c < table.columns.size(); ++c) add(c, latex_title(table.columns[c].title));
  text += " \\\\\n\\midrule\n";
  for (const auto& row : table.rows) {
    for (std::size_t c = 0; c < row.size(); ++c) add(c, latex_text(row[c].text));
    text += " \\\\\n";
  }
  return text + "\\bottomrule\n\\end{tabular}\n";
}

std::string to_html(const Table& table) {
  std::string text = "<table>\n<thead><tr>";
  for (const Column& column : table.columns)
    text += fmt::format("<th{}>{}</th>", column.left ? " class=\"l\"" : "", html_text(column.title));
  text += "</tr></thead>\n<tbody>\n";
  for (const auto& row : table.rows) text += html_row(row, table.columns);
  return text + "</tbody>\n</table>\n";
}

}  // namespace lift
