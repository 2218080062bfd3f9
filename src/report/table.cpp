#include "src/report/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "src/report/format.hpp"

namespace lift {
namespace {

constexpr const char* kAbsent = "–";
constexpr const char* kGap = "  ";

std::string readable(double value, int decimals) {
  if (std::isnan(value)) return kAbsent;
  const std::string text = fmt::format("{:.{}f}", value, decimals);
  const bool negative_zero = text.front() == '-' && text.find_first_not_of("-0.") == std::string::npos;
  return negative_zero ? text.substr(1) : text;
}

std::string exact(double value) {
  return std::isnan(value) ? "" : fmt::format("{}", value);
}

std::string padded(const std::string& text, int width, bool left) {
  const std::string space(static_cast<std::size_t>(std::max(0, width - display_width(text))), ' ');
  return left ? text + space : space + text;
}

std::vector<int> widths(const Table& table) {
  std::vector<int> result;
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    int width = display_width(table.columns[c].title);
    for (const auto& row : table.rows) width = std::max(width, display_width(row[c].text));
    result.push_back(width);
  }
  return result;
}

std::string text_line(const Table& table, const std::vector<int>& width,
                      const std::vector<std::string>& cells) {
  std::string line;
  for (std::size_t c = 0; c < cells.size(); ++c) {
    if (c > 0) line += kGap;
    line += padded(cells[c], width[c], table.columns[c].left);
  }
  return line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
}

std::vector<std::string> titles(const Table& table) {
  std::vector<std::string> result;
  for (const Column& column : table.columns) result.push_back(column.title);
  return result;
}

std::vector<std::string> texts(const std::vector<Cell>& row) {
  std::vector<std::string> result;
  for (const Cell& cell : row) result.push_back(cell.text);
  return result;
}

std::string markdown_line(const std::vector<std::string>& cells) {
  std::string line = "|";
  for (const std::string& cell : cells) {
    std::string escaped;
    for (const char c : cell) escaped += c == '|' ? std::string("\\|") : std::string(1, c);
    line += fmt::format(" {} |", escaped);
  }
  return line + "\n";
}

std::string csv_field(const std::string& field) {
  if (field.find_first_of(",\"\n\r") == std::string::npos) return field;
  std::string quoted = "\"";
  for (const char c : field) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

void append_csv(std::string& line, const std::vector<std::string>& fields) {
  for (const std::string& field : fields) {
    if (!line.empty()) line += ',';
    line += csv_field(field);
  }
}

}  // namespace

Cell Cell::label(std::string text) {
  return {text, {text}};
}

Cell Cell::number(double value, int decimals, const std::string& unit) {
  return {readable(value, decimals) + (std::isnan(value) ? "" : unit), {exact(value)}};
}

Cell Cell::change(double before, double after, int decimals) {
  return {fmt::format("{} → {}", readable(before, decimals), readable(after, decimals)),
          {exact(before), exact(after)}};
}

std::string to_text(const Table& table) {
  const std::vector<int> width = widths(table);
  std::string text = text_line(table, width, titles(table));
  for (const auto& row : table.rows) text += text_line(table, width, texts(row));
  return text;
}

std::string to_markdown(const Table& table) {
  std::string text = markdown_line(titles(table)) + "|";
  for (const Column& column : table.columns) text += column.left ? " :--- |" : " ---: |";
  text += "\n";
  for (const auto& row : table.rows) text += markdown_line(texts(row));
  return text;
}

std::string to_csv(const Table& table) {
  std::string header;
  for (const Column& column : table.columns) append_csv(header, column.fields);
  std::string text = header + "\r\n";
  for (const auto& row : table.rows) {
    std::string line;
    for (const Cell& cell : row) append_csv(line, cell.values);
    text += line + "\r\n";
  }
  return text;
}

}  // namespace lift
