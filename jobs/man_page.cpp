#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "jobs/completion.hpp"
#include "jobs/help.hpp"
#include "jobs/option_table.hpp"
#include "src/report/provenance.hpp"

namespace lift {
namespace {

/// Text as troff takes it: no escape, no request at the start of a line.
std::string plain(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '\\') {
      result += "\\e";
    } else if (c == '-') {
      result += "\\-";
    } else if ((c == '.' || c == '\'') && (result.empty() || result.back() == '\n')) {
      result += "\\&";
      result += c;
    } else {
      result += c;
    }
  }
  return result;
}

std::string entry(const OptionSpec& spec) {
  const char* value = value_name(spec.kind);
  std::string text = fmt::format(".TP\n\\fB\\-\\-{}\\fR{}\n{}\n", plain(spec.name),
                                 *value == '\0' ? "" : fmt::format(" \\fI{}\\fR", plain(value)),
                                 plain(option_sentence(spec)));
  if (!spec.default_text.empty()) text += fmt::format("Default: {}.\n", plain(spec.default_text));
  return text;
}

std::string section(Job job) {
  std::string text = fmt::format(".SH \"LIFT {}\"\n{}.\n", plain(to_string(job)), plain(summary(job)));
  if (const StandingWords words = standing_words(job); words.most > 0)
    text += fmt::format(".PP\n\\fBlift {}\\fR \\fI{}\\fR: {}\n", plain(to_string(job)), plain(words.form),
                        plain(words.help));
  for (const std::string_view heading : option_groups(job)) {
    text += fmt::format(".SS \"{}\"\n", plain(heading));
    for (const OptionSpec& spec : option_table()) {
      if (spec.group == heading && spec.belongs_to(job)) text += entry(spec);
    }
  }
  return text;
}

}  // namespace

std::string man_page() {
  std::string text = fmt::format(
      ".TH LIFT 1 \"\" \"lift {}\" \"User Commands\"\n.SH NAME\nlift \\- fine\\-tune a transformer and tune "
      "its "
      "regularisation in the same pass\n.SH SYNOPSIS\n\\fBlift\\fR \\fIJOB\\fR [options], under mpirun or "
      "srun, or "
      "alone\n.SH JOBS\n",
      plain(build_stamp().version));
  for (const Job job : kJobs)
    text += fmt::format(".TP\n\\fB{}\\fR\n{}\n", plain(to_string(job)), plain(summary(job)));
  text += ".SH \"EXIT CODES\"\n";
  for (const auto& [code, meaning] : exit_codes())
    text += fmt::format(".TP\n\\fB{}\\fR\n{}\n", code, plain(meaning));
  for (const Job job : kJobs) text += section(job);
  return text;
}

}  // namespace lift
