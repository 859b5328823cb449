// Redacts what a model may not see: values of fewer than ten people, in figures, rules and messages.
// Pure C++.
#pragma once

#include <map>
#include <set>

#include "pulse/diagnosis/table.hpp"

namespace pulse::diagnosis {

inline constexpr int64_t kMinPeople = 10;  // a value of fewer people is rare
inline constexpr const char* kRare = "(rare)";

// Describes an SQLSTATE in fixed words. The message of an error, or a custom SQLSTATE, may contain any data
// that a function of the data's owner puts there.
std::string ErrorText(const std::string& state);

class Redactor {
  public:
    // With `share` nothing is redacted.
    explicit Redactor(bool share) : share_(share) {}

    // Redact an input; values that many people have are learnt from its snapshots.
    void Redact(DiagnosisInput& input);
    void Redact(TableDiagnosisInput& input);

    // Learn which values are common.
    void Learn(const SegmentSnapshot& snapshot);
    void Learn(const std::string& value) { common_.insert(value); }

    // A rule, a definition, SQL, or a message with values in quotes.
    std::string RedactRule(const std::string& text);
    nlohmann::json RedactDefinition(const nlohmann::json& definition);
    std::string RedactSql(const std::string& sql);
    // Redacts from the first rare value to the last quote: a quoted value may contain quotes itself.
    std::string RedactQuoted(const std::string& text);
    // The summary of an incident, without the error of a failed measurement.
    std::string RedactSummary(const std::string& text);
    // An error that the data raised.
    std::string RedactError(const std::string& state, const std::string& message) const {
        return share_ ? message : ErrorText(state);
    }

    // Values of one attribute that are rare in all of these distributions become "other".
    void RedactValues(const std::vector<snapshot::Distribution*>& moments);

    // A number of people; below ten only that it is below ten.
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
