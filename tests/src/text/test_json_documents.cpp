#include "src/text/json_documents.hpp"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "mpi/error.hpp"

namespace lift {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

std::vector<std::string> documents(std::string_view jsonl) {
  std::vector<std::string> texts;
  for_each_document(jsonl, "a.jsonl", [&](std::string_view text) { texts.emplace_back(text); });
  return texts;
}

std::string refusal(std::string_view jsonl) {
  try {
    documents(jsonl);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::input);
    return error.what();
  }
  return "";
}

TEST(JsonDocuments, AreTheTextsOfTheLines) {
  EXPECT_THAT(documents("{\"text\": \"one\\ntwo\"}\n{\"id\":1,\"text\":\"\\u00fc \\\"\"}"),
              ElementsAre("one\ntwo", "ü \""));
  EXPECT_THAT(documents("\n  \r\n{\"text\": \"\"}\r\n\n"), ElementsAre(""));
  EXPECT_THAT(documents(""), ElementsAre());
}

TEST(JsonDocuments, HaveOtherKeysOfAnyKind) {
  EXPECT_THAT(
      documents(R"({"a":{"text":5},"b":["text",{"text":null}],"c":1.5,"d":-1,"e":true,"text":"t","f":[]})"),
      ElementsAre("t"));
  EXPECT_THAT(documents(R"({"a":"text","text":"t","title":"u"})"), ElementsAre("t"));
}

TEST(JsonDocuments, AreRefusedByLineAndReason) {
  const std::vector<std::pair<std::string, std::string>> refusals{
      {"{", "is not valid JSON at its byte"},
      {"{}}", "is not valid JSON"},
      {"plain text", "is not valid JSON"},
      {"{\"text\": \"\xFF\"}", "is not valid JSON"},
      {R"({"text": "\ud800"})", "is not valid JSON"},
      {R"({"x": 1e999, "text": ""})", "is not valid JSON"},
      {"[]", "is an array"},
      {"\"text\"", "is a string"},
      {"5", "is a number"},
      {"-5.5", "is a number"},
      {"null", "is null"},
      {"true", "is a boolean"},
      {"{}", "has no key \"text\""},
      {R"({"Text": "a"})", "has no key \"text\""},
      {R"({"a": {"text": "b"}})", "has no key \"text\""},
      {R"({"text": null})", "has null as its \"text\""},
      {R"({"text": 5})", "has a number as its \"text\""},
      {R"({"text": ["a"]})", "has an array as its \"text\""},
      {R"({"text": {"text": "a"}})", "has an object as its \"text\""},
      {R"({"text": "a", "text": "a"})", "has the key \"text\" twice"}};
  for (const auto& [line, reason] : refusals) {
    SCOPED_TRACE(line);
    EXPECT_THAT(refusal("{\"text\": \"a\"}\n\n" + line + "\n{\"text\": \"b\"}\n"),
                AllOf(StartsWith("a.jsonl: line 3 " + reason),
                      EndsWith(", expected one JSON object with a string \"text\"")));
  }
}

TEST(JsonDocuments, MayBeNestedDeeply) {
  const std::string deep(100'000, '[');
  EXPECT_THAT(refusal("{\"a\": " + deep), HasSubstr("line 1 is not valid JSON"));
  EXPECT_THAT(documents("{\"a\": " + deep + std::string(deep.size(), ']') + ", \"text\": \"t\"}"),
              ElementsAre("t"));
}

}  // namespace
}  // namespace lift
