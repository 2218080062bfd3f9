#include "src/text/example_lexicon.hpp"

#include <set>
#include <string_view>

#include "src/text/dice.hpp"

namespace lift {
namespace {

using Words = std::vector<std::string_view>;

constexpr std::uint64_t kLexiconSequence = 0;
constexpr int kNouns = 48;
constexpr int kVerbs = 28;
constexpr int kAdjectives = 28;
constexpr int kPlaces = 10;
constexpr int kNames = 60;

const Words& everyday_nouns() {
  static const Words words{"house",  "road",   "river",  "hill",   "door",    "letter",  "garden", "winter",
                           "summer", "bridge", "market", "friend", "mother",  "brother", "window", "village",
                           "field",  "tower",  "boat",   "school", "morning", "answer",  "table",  "worker",
                           "army",   "family", "city",   "church", "song",    "king",    "wall",   "stone"};
  return words;
}

const Words& everyday_verbs() {
  static const Words words{"open",    "follow", "visit",    "watch",   "carry", "help",
                           "cross",   "reach",  "remember", "finish",  "join",  "notice",
                           "improve", "answer", "repair",   "destroy", "own",   "study"};
  return words;
}

const Words& everyday_adjectives() {
  static const Words words{"old",   "small", "quiet", "large", "new",   "young", "heavy",  "bright",
                           "dark",  "long",  "warm",  "cold",  "broad", "clean", "strong", "narrow",
                           "clear", "low",   "rich",  "poor",  "wild",  "plain"};
  return words;
}

const Words& everyday_adverbs() {
  static const Words words{"often", "slowly", "again", "soon", "rarely", "quietly", "always", "early"};
  return words;
}

bool is_vowel(char letter) {
  return std::string_view("aeiou").find(letter) != std::string_view::npos;
}

bool ends_in_consonant_y(const std::string& word) {
  return word.ends_with('y') && !is_vowel(word[word.size() - 2]);
}

std::string without_last(const std::string& word) {
  return word.substr(0, word.size() - 1);
}

/// The plural of a noun, and the third person of a verb.
std::string with_s(const std::string& word) {
  if (ends_in_consonant_y(word)) return without_last(word) + "ies";
  for (const auto* const hiss : {"s", "x", "z", "ch", "sh"}) {
    if (word.ends_with(hiss)) return word + "es";
  }
  return word + "s";
}

std::string past_of(const std::string& verb) {
  if (ends_in_consonant_y(verb)) return without_last(verb) + "ied";
  return verb + (verb.ends_with('e') ? "d" : "ed");
}

std::string gerund_of(const std::string& verb) {
  return (verb.ends_with('e') ? without_last(verb) : verb) + "ing";
}

ExampleNoun noun_of(const std::string& word) {
  return {.singular = word, .plural = with_s(word)};
}

ExampleVerb verb_of(const std::string& word) {
  return {.base = word, .third = with_s(word), .past = past_of(word), .gerund = gerund_of(word)};
}

std::string capitalised(std::string word) {
  word.front() = static_cast<char>(word.front() - 'a' + 'A');
  return word;
}

/// Makes up words, each once.
class WordMaker {
 public:
  explicit WordMaker(Dice& dice) : dice_(dice) {}

  std::string word(int syllables, const Words& endings) {
    std::string made;
    do {
      made.clear();
      for (int s = 0; s < syllables; ++s) made += syllable(s + 1 == syllables);
      made += dice_.one_of(endings);
    } while (!used_.insert(made).second);
    return made;
  }

 private:
  std::string syllable(bool last) {
    static const Words onsets{"b", "br", "c", "d", "dr", "f", "fl", "g", "gr", "h",  "k",  "l",  "m", "n",
                              "p", "pl", "r", "s", "st", "t", "tr", "v", "w",  "th", "sh", "sp", "j", "cl"};
    static const Words nuclei{"a", "e", "i", "o", "u", "a", "e", "o", "ai", "oo"};
    static const Words codas{"n", "r", "l", "m", "n", "t", "rn", "st", "ck", "ld", "t", "p", "nd", "lt"};
    std::string made(dice_.one_of(onsets));
    made += dice_.one_of(nuclei);
    if (last) made += dice_.one_of(codas);
    return made;
  }

  Dice& dice_;
  std::set<std::string> used_{"can",  "for",  "from", "had",  "has",  "her",   "him",  "his", "less",
                              "near", "than", "that", "them", "then", "there", "this", "with"};
};

void choose_companions(ExampleTopic& topic, Dice& dice) {
  const auto choose = [&](std::array<int, 3>& companions, std::size_t among) {
    for (int& companion : companions) companion = dice.below(static_cast<int>(among));
  };
  for (auto& noun : topic.nouns) {
    choose(noun.adjectives, topic.adjectives.size());
    choose(noun.verbs, topic.verbs.size());
  }
  for (auto& verb : topic.verbs) choose(verb.objects, topic.nouns.size());
}

ExampleTopic everyday_topic(Dice& dice) {
  ExampleTopic topic;
  for (const auto word : everyday_nouns()) topic.nouns.push_back(noun_of(std::string(word)));
  for (const auto word : everyday_verbs()) topic.verbs.push_back(verb_of(std::string(word)));
  topic.adjectives.assign(everyday_adjectives().begin(), everyday_adjectives().end());
  topic.adverbs.assign(everyday_adverbs().begin(), everyday_adverbs().end());
  choose_companions(topic, dice);
  return topic;
}

ExampleTopic made_up_topic(WordMaker& maker, Dice& dice) {
  static const Words noun_endings{"", "", "", "", "er", "ment", "age", "et"};
  static const Words verb_endings{"", "", "", "ate", "ise", "ify"};
  static const Words adjective_endings{"al", "ic", "ous", "ish", "ant", "ful"};
  static const Words place_endings{"ton", "ford", "ham", "by", "mouth"};
  ExampleTopic topic;
  for (int k = 0; k < kNouns; ++k)
    topic.nouns.push_back(noun_of(maker.word(dice.between(1, 2), noun_endings)));
  for (int k = 0; k < kVerbs; ++k) topic.verbs.push_back(verb_of(maker.word(1, verb_endings)));
  for (int k = 0; k < kAdjectives; ++k) {
    topic.adjectives.push_back(maker.word(1, adjective_endings));
    topic.adverbs.push_back(topic.adjectives.back() + "ly");
  }
  for (int k = 0; k < kPlaces; ++k) topic.places.push_back(capitalised(maker.word(1, place_endings)));
  topic.first_year = dice.between(1500, 1940);
  choose_companions(topic, dice);
  return topic;
}

}  // namespace

ExampleLexicon make_example_lexicon(const Philox& philox, int topics) {
  static const Words given_endings{"a", "o", "en", "in", "us"};
  static const Words family_endings{"son", "man", "well", "er", ""};
  Dice dice(philox, kLexiconSequence);
  WordMaker maker(dice);
  ExampleLexicon lexicon{.everyday = everyday_topic(dice), .topics = {}, .names = {}};
  for (int k = 0; k < topics; ++k) lexicon.topics.push_back(made_up_topic(maker, dice));
  for (int k = 0; k < kNames; ++k) {
    auto given = capitalised(maker.word(1, given_endings));
    lexicon.names.push_back({.given = given,
                             .family = capitalised(maker.word(1, family_endings)),
                             .female = given.ends_with('a')});
  }
  return lexicon;
}

}  // namespace lift
