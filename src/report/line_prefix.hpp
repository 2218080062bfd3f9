#pragma once
#include <ostream>
#include <streambuf>
#include <string>

namespace lift {

/// A stream that puts a prefix in front of each line and hands whole lines on, so that those of several
/// writers stay apart.
///
/// Ownership   keeps a reference to `out`, which must outlive it; a last line without an end is handed on as
///             it is destroyed.
/// Test        tests/src/report/test_line_prefix.cpp
class LinePrefix : private std::streambuf, public std::ostream {
 public:
  LinePrefix(std::ostream& out, std::string prefix)
      : std::ostream(static_cast<std::streambuf*>(this)), out_(out), prefix_(std::move(prefix)) {}
  ~LinePrefix() override {
    if (!line_.empty()) end_line();
  }
  LinePrefix(const LinePrefix&) = delete;
  LinePrefix& operator=(const LinePrefix&) = delete;

 private:
  std::streambuf::int_type overflow(std::streambuf::int_type letter) override {
    using traits_type = std::streambuf::traits_type;
    if (traits_type::eq_int_type(letter, traits_type::eof())) return traits_type::not_eof(letter);
    line_ += traits_type::to_char_type(letter);
    if (line_.back() == '\n') end_line();
    return letter;
  }
  void end_line() {
    out_ << prefix_ + line_;
    out_.flush();
    line_.clear();
  }

  std::ostream& out_;
  std::string prefix_;
  std::string line_;
};

}  // namespace lift
