#pragma once
#include <string>
#include <vector>

namespace lift {

/// One cell: what a reader sees, and the exact values behind it.
struct Cell {
  std::string text;
  std::vector<std::string> values;  ///< one for each of its column's `fields`; for CSV

  static Cell label(std::string text);
  /// `decimals` digits after the point to read, 17 significant ones in CSV; "–" and an empty value for NaN.
  static Cell number(double value, int decimals, const std::string& unit = "");
  /// "32.60 → 28.73".
  static Cell change(double before, double after, int decimals);
};

struct Column {
  std::string title;
  std::vector<std::string> fields;  ///< names in CSV, at least one
  bool left = false;                ///< aligned left; numbers are aligned right
};

/// A table that can be printed, pasted or computed with.
///
/// Test  tests/src/report/test_tables.cpp
struct Table {
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows;
};

[[nodiscard]] std::string to_text(const Table& table);      ///< columns aligned for a terminal
[[nodiscard]] std::string to_markdown(const Table& table);  ///< as GitHub renders it
[[nodiscard]] std::string to_csv(const Table& table);       ///< RFC 4180, exact values
[[nodiscard]] std::string to_latex(const Table& table);     ///< a tabular with the rules of booktabs
[[nodiscard]] std::string to_html(const Table& table);      ///< a table element

/// `text` with what has a meaning in HTML, also within quotes, escaped.
[[nodiscard]] std::string html_text(const std::string& text);

}  // namespace lift
