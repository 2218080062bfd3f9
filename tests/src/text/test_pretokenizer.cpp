#include "src/text/pretokenizer.hpp"

#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace lift {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> words_of(std::string_view text) {
  static const CharacterClasses classes;
  WordScanner scanner(text, classes);
  std::vector<std::string> words;
  for (auto word = scanner.next(); !word.empty(); word = scanner.next()) words.emplace_back(word);
  return words;
}

TEST(CharacterClasses, KnowThe25WhiteSpaceCharactersAndNoMore) {
  const CharacterClasses classes;
  std::vector<char32_t> spaces;
  for (char32_t c = 0; c < CharacterClasses::kInvalid; ++c) {
    if (classes[c] == CharacterClass::space) spaces.push_back(c);
  }
  EXPECT_THAT(spaces, ElementsAre(9, 10, 11, 12, 13, 0x20, 0x85, 0xA0, 0x1680, 0x2000, 0x2001, 0x2002, 0x2003,
                                  0x2004, 0x2005, 0x2006, 0x2007, 0x2008, 0x2009, 0x200A, 0x2028, 0x2029,
                                  0x202F, 0x205F, 0x3000));
}

TEST(CharacterClasses, TellLettersNumbersAndOthersApart) {
  const CharacterClasses classes;
  for (const char32_t letter : {U'a', U'Z', U'é', U'ʼ', U'漢', U'ª', U'𝒳'}) {
    EXPECT_EQ(classes[letter], CharacterClass::letter) << static_cast<std::uint32_t>(letter);
  }
  for (const char32_t number : {U'0', U'٣', U'Ⅷ', U'½', U'²'}) {
    EXPECT_EQ(classes[number], CharacterClass::number) << static_cast<std::uint32_t>(number);
  }
  for (const char32_t other :
       {U'\0', U'_', U'’', U'\u0301', U'\u200B', U'\uFEFF', U'\u180E', U'\x1C', U'😀'}) {
    EXPECT_EQ(classes[other], CharacterClass::other) << static_cast<std::uint32_t>(other);
  }
  EXPECT_EQ(classes[CharacterClasses::kInvalid], CharacterClass::other);
}

TEST(WordScanner, CutsTheExampleOfItsDocumentation) {
  EXPECT_THAT(words_of("It's  2 o'clock\n"), ElementsAre("It", "'s", " ", " 2", " o", "'", "clock", "\n"));
}

TEST(WordScanner, TakesContractionsInLowerCaseWithAnAsciiApostropheOnly) {
  EXPECT_THAT(
      words_of("we're we'll I've I'd I'm it's can't"),
      ElementsAre("we", "'re", " we", "'ll", " I", "'ve", " I", "'d", " I", "'m", " it", "'s", " can", "'t"));
  EXPECT_THAT(words_of("IT'S"), ElementsAre("IT", "'", "S"));
  EXPECT_THAT(words_of("it’s"), ElementsAre("it", "’", "s"));
  EXPECT_THAT(words_of("'stuff"), ElementsAre("'s", "tuff"));
  EXPECT_THAT(words_of(" 's !'s"), ElementsAre(" '", "s", " !'", "s"));
}

TEST(WordScanner, LeavesTheLastWhiteSpaceCharacterToWhatFollows) {
  EXPECT_THAT(words_of("a   b"), ElementsAre("a", "  ", " b"));
  EXPECT_THAT(words_of("a \n\nb"), ElementsAre("a", " \n", "\n", "b"));
  EXPECT_THAT(words_of("a\t!"), ElementsAre("a", "\t", "!"));
  EXPECT_THAT(words_of("a  "), ElementsAre("a", "  "));
  EXPECT_THAT(words_of("a \u00A0b"), ElementsAre("a", " ", "\u00A0", "b"));
  EXPECT_THAT(words_of(" "), ElementsAre(" "));
  EXPECT_THAT(words_of(""), IsEmpty());
}

TEST(WordScanner, CutsWhereTheClassChanges) {
  EXPECT_THAT(words_of("x2=3.14;"), ElementsAre("x", "2", "=", "3", ".", "14", ";"));
  EXPECT_THAT(words_of("e\u0301t"), ElementsAre("e", "\u0301", "t"));
  EXPECT_THAT(words_of("<|endoftext|>"), ElementsAre("<|", "endoftext", "|>"));
}

TEST(WordScanner, TakesInvalidBytesAsOtherCharactersAndSaysWhereTheFirstIs) {
  const CharacterClasses classes;
  const std::string text = "ab \xFF\xC3 c\xE2\x82";
  WordScanner scanner(text, classes);
  EXPECT_EQ(scanner.next(), "ab");
  EXPECT_EQ(scanner.first_invalid_byte(), -1);
  EXPECT_EQ(scanner.next(), " \xFF\xC3");
  EXPECT_EQ(scanner.next(), " c");
  EXPECT_EQ(scanner.next(), "\xE2\x82");
  EXPECT_EQ(scanner.next(), "");
  EXPECT_EQ(scanner.first_invalid_byte(), 3);
}

TEST(Utf8, FindsTheFirstByteThatIsNotWellFormed) {
  EXPECT_EQ(first_invalid_utf8("plain, é, 漢, 😀"), -1);
  EXPECT_EQ(first_invalid_utf8(""), -1);
  EXPECT_EQ(first_invalid_utf8("ab\x80"), 2);            // a continuation byte alone
  EXPECT_EQ(first_invalid_utf8("ab\xE2\x82"), 2);        // ends early
  EXPECT_EQ(first_invalid_utf8("\xC0\x80"), 0);          // overlong
  EXPECT_EQ(first_invalid_utf8("\xED\xA0\x80"), 0);      // a surrogate
  EXPECT_EQ(first_invalid_utf8("\xF4\x90\x80\x80"), 0);  // beyond U+10FFFF
}

TEST(Blank, IsATextOfWhiteSpaceOnly) {
  EXPECT_TRUE(is_blank(""));
  EXPECT_TRUE(is_blank(" \t\r\n\u00A0\u3000"));
  EXPECT_FALSE(is_blank(" \u200B\n"));
  EXPECT_FALSE(is_blank(" \xFF\n"));
  EXPECT_FALSE(is_blank(" x\n"));
}

}  // namespace
}  // namespace lift
