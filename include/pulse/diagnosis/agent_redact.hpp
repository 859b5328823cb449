// What a model may not see is folded away before anything is said: values that fewer than ten people have, in
// figures, rules and messages. Pure C++.
#pragma once

#include <map>
#include <set>

#include "pulse/diagnosis/table.hpp"

namespace pulse::diagnosis {

inline constexpr int64_t kMinPeople = 10;  // people that make a value one of many
inline constexpr const char* kRare = "(rare)";

// What an SQLSTATE means, in words of ours. The message of an error, and a SQLSTATE that is none of
// PostgreSQL's, can hold anything that a function of the data's owner puts there.
std::string ErrorText(const std::string& state);

class Redactor {
  public:
    // With `share` nothing is folded.
    explicit Redactor(bool share) : share_(share) {}

    // Redact an input; values that many people have are learnt from its snapshots.
    void Redact(SegmentInput& input);
    void Redact(TableInput& input);

    // Learn which values many people have.
    void Learn(const SegmentSnapshot& snapshot);
    void Learn(const std::string& value) { common_.insert(value); }

    // A rule, a definition, SQL, or a message with values in quotes.
    std::string RedactRule(const std::string& text);
    nlohmann::json RedactDefinition(const nlohmann::json& definition);
    std::string RedactSql(const std::string& sql);
    // From the first value that is rare to the last mark of all: what stands in marks may hold some itself.
    std::string RedactQuoted(const std::string& text);
    // What an incident says of itself, without the error of a measurement that failed.
    std::string RedactSummary(const std::string& text);
    // An error of the data.
    std::string RedactError(const std::string& state, const std::string& message) const {
        return share_ ? message : ErrorText(state);
    }

    // The values of one attribute that few people have in all of these at once become "other".
    void RedactValues(const std::vector<snapshot::Distribution*>& moments);

    // A number of people: those under ten are one.
    nlohmann::json Count(int64_t people) const;

    bool share() const { return share_; }

  private:
    void RedactSnapshots(const std::vector<SegmentSnapshot*>& snapshots);
    bool Common(const std::string& value) const { return share_ || common_.contains(value); }
    std::string Replacement(const std::string& value);

    bool share_;
    std::set<std::string> common_;
    std::map<std::string, std::string> replaced_;
};

}  // namespace pulse::diagnosis
