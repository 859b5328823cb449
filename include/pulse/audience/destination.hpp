// Destinations: an account on a platform, with its options. Pure C++.
#pragma once

#include "pulse/audience/identifier.hpp"
#include "pulse/base/error.hpp"
#include "pulse/base/options.hpp"

namespace pulse::audience {

struct Destination {
    std::string name;
    Platform platform = Platform::kFile;
    options::List server, mapping;
    // Read from the options:
    std::vector<IdentifierKind> identifiers;  // in the order of cells
    IdentifierRules rules;
    size_t batch_rows = 0;
    int64_t minimum_size = 0;
    bool sends_without_consent = false;  // people whose consent is not recorded are sent
    std::vector<RateRule> rates;
    int max_in_flight = 1;

    // The value of an option or its default; of the mapping also when empty.
    std::string Option(const char* name) const;
    std::string Secret(const char* name) const;
};

// The options of the foreign-data wrapper pulse_destination, in the order in which hints list them.
const options::Table& DestinationOptions();

// Check what the table of options cannot express. Throws UserError 22023.
void CheckDestinationOptions(options::Holder holder, const options::List& options);

// Combine the options of a server and its user mapping. Throws options::Incomplete.
Destination MakeDestination(const std::string& name, const options::List& server,
                            const options::List& mapping);

// Sentences about what will soon stop working: the end of the version of Meta's API within 90 days.
std::vector<std::string> Warnings(const Destination& destination, Moment now);

// Words of the name or description of an audience that hint at health or money: Meta blocks such audiences.
std::vector<std::string> SensitiveWords(std::string_view text);

}  // namespace pulse::audience
