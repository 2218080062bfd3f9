#include "src/text/example_article.hpp"

#include <fmt/format.h>

#include <array>
#include <string_view>
#include <vector>

namespace lift {
namespace {

using namespace std::string_view_literals;

constexpr double kEveryday = 0.25;   ///< share of words that are not the topic's own
constexpr double kFocus = 0.6;       ///< share of nouns that the article keeps coming back to
constexpr double kCompanions = 0.8;  ///< share of words that go with their neighbour
constexpr int kFocusNouns = 5;
constexpr int kYears = 60;

constexpr std::array kNumbers{"two"sv, "three"sv, "four"sv,  "five"sv,
                              "six"sv, "seven"sv, "eight"sv, "twelve"sv};
constexpr std::array kPrepositions{"near"sv, "behind"sv, "with"sv, "without"sv, "under"sv, "from"sv, "for"sv};
constexpr std::array kConjunctions{"because"sv, "although"sv, "while"sv, "before"sv, "after"sv, "until"sv};
constexpr std::array kSpeech{"said"sv, "believed"sv, "wrote"sv, "knew"sv};
constexpr std::array kHeadings{"History"sv, "Origin"sv, "Later years"sv,
                               "In use"sv,  "People"sv, "Description"sv};

std::string with_article(const std::string& phrase) {
  return ("aeiou"sv.find(phrase.front()) != std::string_view::npos ? "an " : "a ") + phrase;
}

std::string capitalised(std::string text) {
  if (text.front() >= 'a' && text.front() <= 'z') text.front() = static_cast<char>(text.front() - 'a' + 'A');
  return text;
}

/// A noun with the topic whose words go with it.
struct Subject {
  const ExampleTopic* topic;
  const ExampleNoun* noun;
};

struct Phrase {
  std::string text;
  bool plural;
};

class ArticleWriter {
 public:
  ArticleWriter(const ExampleLexicon& lexicon, int topic, Dice dice)
      : lexicon_(lexicon), topic_(lexicon.topics[static_cast<std::size_t>(topic)]), dice_(dice) {
    for (auto& noun : focus_) noun = dice_.skewed(static_cast<int>(topic_.nouns.size()));
    hero_ = &lexicon_.names[static_cast<std::size_t>((topic * 5 + dice_.skewed(20)) % lexicon_.names.size())];
    place_ = dice_.one_of(topic_.places);
    year_ = topic_.first_year + dice_.below(kYears);
  }

  std::string article() {
    std::string text = fmt::format(" = {} = \n", dice_.chance(0.5) ? full_name() : title());
    text += paragraph();
    for (int sections = dice_.between(1, 3); sections > 0; --sections) {
      text += fmt::format(" = = {} = = \n", dice_.one_of(kHeadings));
      for (int paragraphs = dice_.between(1, 2); paragraphs > 0; --paragraphs) text += paragraph();
    }
    return text;
  }

 private:
  std::string paragraph() {
    past_ = dice_.chance(0.6);
    std::string text;
    for (int sentences = dice_.between(3, 6); sentences > 0; --sentences)
      text += fmt::format(" {}.", capitalised(sentence()));
    return text + " \n";
  }

  std::string sentence() {
    switch (dice_.below(10)) {
      case 0:
        return existence();
      case 1:
        return comparison();
      case 2:
        return passive();
      case 3:
        return speech();
      case 4:
        return fmt::format("{} {} {}", clause(), dice_.one_of(kConjunctions), clause());
      case 5:
        return fmt::format("in {}, {}", next_year(), clause());
      case 6:
        return relative();
      case 7:
        return deed();
      default:
        return clause();
    }
  }

  // ---- Sentences

  std::string clause() {
    const Subject subject = any_subject();
    const Phrase phrase = noun_phrase(subject, dice_.chance(0.3));
    const std::string adverb = dice_.chance(0.2) ? dice_.one_of(subject.topic->adverbs) + " " : "";
    return fmt::format("{} {}{}{}", phrase.text, adverb, predicate(subject, phrase.plural), addition());
  }

  std::string existence() {
    const Subject subject = any_subject();
    const bool many = dice_.chance(0.5);
    const auto what = many ? fmt::format("{} {}", dice_.one_of(kNumbers), described(subject, true))
                           : with_article(described(subject, false));
    return fmt::format("there {} {} in {}", be(many), what, place_);
  }

  std::string comparison() {
    const Subject first = any_subject();
    const Phrase left = noun_phrase(first, dice_.chance(0.3));
    const Phrase right = noun_phrase(any_subject(), dice_.chance(0.3));
    return fmt::format("{} {} more {} than {}", left.text, be(left.plural), adjective_for(first), right.text);
  }

  std::string passive() {
    const Subject subject = any_subject();
    const auto& verb = verb_for(subject);
    const Phrase object = noun_phrase(object_of(subject, verb), dice_.chance(0.3));
    return fmt::format("{} {} {} by {} in {}", object.text, be(object.plural), verb.past,
                       noun_phrase(subject, dice_.chance(0.3)).text, next_year());
  }

  std::string speech() {
    return fmt::format("{} {} that {}", dice_.chance(0.5) ? pronoun() : full_name(), dice_.one_of(kSpeech),
                       clause());
  }

  std::string relative() {
    const Subject subject = any_subject();
    const Phrase phrase = noun_phrase(subject, dice_.chance(0.3));
    return fmt::format("{} which {} {} {}", phrase.text, predicate(subject, phrase.plural), be(phrase.plural),
                       adjective_for(subject));
  }

  std::string deed() {
    const Subject subject = any_subject();
    const auto& verb = verb_for(subject);
    return fmt::format("{} {} {}, {} {} in {}", dice_.chance(0.4) ? hero_->family : pronoun(), verb.past,
                       noun_phrase(object_of(subject, verb), dice_.chance(0.3)).text,
                       verb_for(subject).gerund, noun_phrase(any_subject(), true).text, place_);
  }

  // ---- Phrases

  std::string predicate(const Subject& subject, bool plural) {
    const auto& verb = verb_for(subject);
    const auto& form = past_ ? verb.past : plural ? verb.base : verb.third;
    return fmt::format("{} {}", form, noun_phrase(object_of(subject, verb), dice_.chance(0.3)).text);
  }

  std::string addition() {
    switch (dice_.below(6)) {
      case 0:
        return fmt::format(" in {}", place_);
      case 1:
        return fmt::format(" {} {}", dice_.one_of(kPrepositions), noun_phrase(any_subject(), false).text);
      case 2:
        return fmt::format(" of {}", full_name());
      default:
        return "";
    }
  }

  Phrase noun_phrase(const Subject& subject, bool plural) {
    const auto described_noun = dice_.chance(0.4) ? described(subject, plural) : form(subject, plural);
    if (dice_.chance(0.7)) return {"the " + described_noun, plural};
    if (!plural) return {with_article(described_noun), false};
    return {fmt::format("{} {}", dice_.one_of(kNumbers), described_noun), true};
  }

  std::string described(const Subject& subject, bool plural) {
    return fmt::format("{} {}", adjective_for(subject), form(subject, plural));
  }

  static const std::string& form(const Subject& subject, bool plural) {
    return plural ? subject.noun->plural : subject.noun->singular;
  }

  std::string_view be(bool plural) const {
    return past_ ? (plural ? "were"sv : "was"sv) : plural ? "are"sv : "is"sv;
  }
  std::string full_name() const { return fmt::format("{} {}", hero_->given, hero_->family); }
  std::string pronoun() const { return hero_->female ? "she" : "he"; }
  std::string title() { return capitalised(form(focus_noun(), dice_.chance(0.3))); }
  int next_year() { return year_ += dice_.below(4); }

  // ---- Words

  Subject focus_noun() { return {&topic_, &topic_.nouns[static_cast<std::size_t>(dice_.one_of(focus_))]}; }

  Subject any_subject() {
    if (dice_.chance(kFocus)) return focus_noun();
    const auto& topic = dice_.chance(kEveryday) ? lexicon_.everyday : topic_;
    return {&topic, &skewed_from(topic.nouns)};
  }

  const ExampleVerb& verb_for(const Subject& subject) {
    return companion(subject.noun->verbs, subject.topic->verbs);
  }
  const std::string& adjective_for(const Subject& subject) {
    return companion(subject.noun->adjectives, subject.topic->adjectives);
  }
  Subject object_of(const Subject& subject, const ExampleVerb& verb) {
    return {subject.topic, &companion(verb.objects, subject.topic->nouns)};
  }

  template <class Word>
  const Word& companion(const std::array<int, 3>& companions, const std::vector<Word>& words) {
    if (!dice_.chance(kCompanions)) return skewed_from(words);
    return words[static_cast<std::size_t>(dice_.one_of(companions))];
  }

  template <class Word>
  const Word& skewed_from(const std::vector<Word>& words) {
    return words[static_cast<std::size_t>(dice_.skewed(static_cast<int>(words.size())))];
  }

  const ExampleLexicon& lexicon_;
  const ExampleTopic& topic_;
  Dice dice_;
  std::array<int, kFocusNouns> focus_{};
  const ExampleName* hero_ = nullptr;
  std::string place_;
  int year_ = 0;
  bool past_ = true;
};

}  // namespace

std::string write_example_article(const ExampleLexicon& lexicon, int topic, Dice dice) {
  return ArticleWriter(lexicon, topic, dice).article();
}

}  // namespace lift
