#pragma once
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lift {

/// The jobs of the program, `lift JOB …`. `lift baseline METHOD` is `lift run --method METHOD`, and parsed as
/// that; it has a name and a help page of its own.
enum class Job { run, baseline, sweep, evaluate, pretrain, lp, curvature, report, diff, check, example };
inline constexpr Job kJobs[] = {Job::run,      Job::baseline, Job::sweep,     Job::evaluate,
                                Job::pretrain, Job::lp,       Job::curvature, Job::report,
                                Job::diff,     Job::check,    Job::example};
[[nodiscard]] const char* to_string(Job job) noexcept;
[[nodiscard]] const char* summary(Job job) noexcept;  ///< one line for `lift --help`

/// The words of a job that stand alone, without --NAME in front.
struct StandingWords {
  std::string_view form;  ///< as the help shows them: "RUN..."; "" for a job without any
  std::string_view help;  ///< one sentence, ASCII
  std::size_t least = 0;
  std::size_t most = 0;
};
[[nodiscard]] StandingWords standing_words(Job job) noexcept;

/// What an option's value is, and how it is written.
enum class Kind {
  flag,           ///< --name; in a file name = true or false
  count,          ///< a whole number ≥ 0
  count_or_word,  ///< a whole number, or the word that stands in OptionSpec::choices
  real,           ///< a finite number
  text,
  path,
  choice,        ///< one of OptionSpec::choices
  integer_list,  ///< whole numbers ≥ 0: 1,7,11
  integer_map    ///< pairs of whole numbers ≥ 0, each key once: 1:1,7:0,11:1
};

/// Values low … high that a number may have; `low` itself is out if `low_open`.
struct Range {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool low_open = false;
  [[nodiscard]] bool contains(double value) const noexcept;
  [[nodiscard]] std::string text() const;  ///< ">= 1", "> 0"; "" if everything is allowed
};

enum class Presence { optional, required };
enum class Place { anywhere, command_line };  ///< where it may be given: not all may stand in a file

/// One option: a row of the table from which parsing, checks, help and config.cfg are made.
struct OptionSpec {
  std::string_view name;  ///< without the two dashes: "warmup.lr"
  Kind kind = Kind::text;
  std::string_view default_text;          ///< as it would be typed; "" for none
  Range range;                            ///< of numbers, and of the entries of lists
  std::vector<std::string_view> choices;  ///< of a choice; the word of a count_or_word
  std::string_view unit;                  ///< for the help: "nats", "s"
  std::string_view help;                  ///< one sentence, ASCII; says what holds when there is no default
  std::string_view group;                 ///< heading in the help
  std::vector<Job> jobs;
  Presence presence = Presence::optional;
  Place place = Place::anywhere;
  [[nodiscard]] bool belongs_to(Job job) const noexcept;
};

/// Every option of every job, in the order of the help. Test tests/jobs/test_option_table.cpp
[[nodiscard]] std::span<const OptionSpec> option_table();

/// The row of `name` if `job` has such an option, else nullptr.
[[nodiscard]] const OptionSpec* find_option(Job job, std::string_view name);

/// `job`'s option whose name is closest to `name` by edit distance; beginnings and last parts of names count
/// too, so that `warmup.ep` finds `warmup.epochs` and `lr` finds `warmup.lr`.
[[nodiscard]] std::string nearest_option(Job job, std::string_view name);
/// The sentence for a `name` that `job` does not have: which jobs have it, and nearest_option.
[[nodiscard]] std::string no_such_option(Job job, std::string_view name);
/// The entry of `known` closest to `word` by edit distance (Levenshtein 1966), the first of equals.
[[nodiscard]] std::string nearest(std::string_view word, const std::vector<std::string>& known);

}  // namespace lift
