// The HTML report in a headless Chromium; skipped, saying so, where there is none.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "src/files/atomic_file.hpp"
#include "src/report/report_folder.hpp"
#include "tests/src/report/run_folders.hpp"
#include "tests/src/report/samples.hpp"
#include "tests/support/shared.hpp"

namespace lift {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

std::string browser() {
  for (const char* name : {"chromium", "chromium-browser", "google-chrome"}) {
    if (std::system((std::string("command -v ") + name + " >/dev/null 2>&1").c_str()) == 0) return name;
  }
  return "";
}

/// What the command prints on either stream.
std::string output_of(const std::string& command) {
  std::string text;
  std::array<char, 4096> chunk{};
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  while (const std::size_t got = std::fread(chunk.data(), 1, chunk.size(), pipe))
    text.append(chunk.data(), got);
  EXPECT_EQ(::pclose(pipe), 0) << command << "\n" << text;
  return text;
}

/// Counts the figures, and those that are drawn and take up room, into the page's title.
constexpr const char* kCount = R"(<script>addEventListener("load", () => {
  const all = [...document.images];
  const seen = all.filter(i => i.complete && i.naturalWidth > 0 && i.getBoundingClientRect().width > 100
                            && i.getBoundingClientRect().height > 50 && getComputedStyle(i).visibility == "visible");
  document.title = `figures ${all.length} visible ${seen.length} tables ${document.querySelectorAll("table").length}`;
});</script></body>)";

class Browser : public ::testing::Test {
 protected:
  void SetUp() override {
    if (browser().empty()) GTEST_SKIP() << "no Chromium is installed";
    if (std::system("gnuplot --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "gnuplot is not installed";
    for (const int seed : {0, 1}) {
      for (const int epochs : {10, 35}) {
        const std::string name = "we" + std::to_string(epochs) + "-<s" + std::to_string(seed) + ">&\"%41";
        testing::put_run(folder_ / name,
                         testing::paper_row(epochs, {7.31, 32.60 + seed, 32.43}, {10.16, 28.73, 28.38}, seed),
                         testing::paper_config(epochs, seed));
        folders_.push_back(folder_ / name);
      }
    }
    report_ = make_report(read_kept_runs(folders_), {"seed"});
    ASSERT_TRUE(write_report(report_, {}, folder_ / "out").empty());
  }
  /// Opens a page; `what` is an option of Chromium.
  [[nodiscard]] std::string open(const fs::path& page, const std::string& what) const {
    return output_of("timeout 120 " + browser() +
                     " --headless --no-sandbox --disable-gpu --disable-dev-shm-usage " +
                     "--user-data-dir=" + (folder_ / "profile").string() +
                     " --enable-logging=stderr --window-size=1280,2000 --virtual-time-budget=10000 " + what +
                     " 'file://" + page.string() + "'");
  }
  /// The page with a script that counts, and a policy that lets it.
  [[nodiscard]] std::string counting_page() const {
    const std::string policy = "default-src 'none'; ";
    std::string page = read_file(folder_ / "out/report.html");
    page.replace(page.find(policy), policy.size(), policy + "script-src 'unsafe-inline'; ");
    return page.replace(page.rfind("</body>"), 7, kCount);
  }
  [[nodiscard]] std::size_t figures() const {
    std::size_t count = 0;
    for (const ReportSection& section : report_.sections) count += section.figures.size();
    return count;
  }
  OwnFolder folder_;
  std::vector<fs::path> folders_;
  Report report_;
};

TEST_F(Browser, ShowsEveryFigureAndEveryTable) {
  std::size_t tables = 0;
  for (const ReportSection& section : report_.sections) tables += section.tables.size();
  EXPECT_GT(figures(), 12U);
  testing::put_text(folder_ / "counted.html", counting_page());
  EXPECT_THAT(open(folder_ / "counted.html", "--dump-dom"),
              HasSubstr(fmt::format("<title>figures {0} visible {0} tables {1}</title>", figures(), tables)));
}

TEST_F(Browser, TheCountSeesAFigureThatIsBroken) {
  std::string page = counting_page();
  page.replace(page.find("%3Csvg"), 6, "%3Cno");
  testing::put_text(folder_ / "broken.html", page);
  EXPECT_THAT(open(folder_ / "broken.html", "--dump-dom"),
              HasSubstr(fmt::format("<title>figures {} visible {} ", figures(), figures() - 1)));
}

TEST_F(Browser, ThePageItselfSaysNothingOnTheConsole) {
  const fs::path picture = folder_ / "page.png";
  EXPECT_THAT(open(folder_ / "out/report.html", "--screenshot=" + picture.string()),
              Not(HasSubstr("CONSOLE")));
  EXPECT_GT(fs::file_size(picture), 50'000U);
  testing::put_text(folder_ / "loud.html", "<script>no_such_function()</script>");
  EXPECT_THAT(open(folder_ / "loud.html", "--dump-dom"), HasSubstr("CONSOLE")) << "an error would be heard";
}

}  // namespace
}  // namespace lift
