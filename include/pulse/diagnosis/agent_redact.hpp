// What a model may not see is folded away before anything is said: values that fewer than ten people have, in
// figures, rules and messages. Pure C++.
#pragma once

#include <map>
#include <set>

#include "pulse/diagnosis/table.hpp"

namespace pulse::diagnosis {

inline constexpr int64_t kFewest = 10;  // people that make a value one of many
inline constexpr const char* kRare = "(rare)";

// What an SQLSTATE means, in words of ours. The message of an error, and a SQLSTATE that is none of
// PostgreSQL's, can hold anything that a function of the data's owner puts there.
std::string ErrorText(const std::string& state);

class Folder {
  public:
    // With `share` nothing is folded.
    explicit Folder(bool share) : share_(share) {}

    // Fold a case; what many people have is learnt from its pictures.
    void Fold(Case& input);
    void Fold(TableCase& input);

    // Learn which values many people have.
    void Learn(const Picture& picture);
    void Learn(const std::string& value) { common_.insert(value); }

    // A rule, a definition, SQL, or a message with values in quotes.
    std::string FoldRule(const std::string& text);
    nlohmann::json FoldDefinition(const nlohmann::json& definition);
    std::string FoldSql(const std::string& sql);
    // From the first value that is rare to the last mark of all: what stands in marks may hold some itself.
    std::string FoldQuoted(const std::string& text);
    // What an incident says of itself, without the error of a measurement that failed.
    std::string FoldSummary(const std::string& text);
    // An error of the data.
    std::string FoldError(const std::string& state, const std::string& message) const {
        return share_ ? message : ErrorText(state);
    }

    // The values of one attribute that few people have in all of these at once become "other".
    void FoldValues(const std::vector<snapshot::Distribution*>& moments);

    // A number of people: those under ten are one.
    nlohmann::json Count(int64_t people) const;

    bool share() const { return share_; }

  private:
    void FoldPictures(const std::vector<Picture*>& pictures);
    bool Common(const std::string& value) const { return share_ || common_.contains(value); }
    std::string Replacement(const std::string& value);

    bool share_;
    std::set<std::string> common_;
    std::map<std::string, std::string> replaced_;
};

}  // namespace pulse::diagnosis
