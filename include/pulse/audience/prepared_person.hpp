// A person as sent: the cells that the platform gets. The ledger keeps them packed, so that a removal sends
// the same identifiers as the addition did. Pure C++.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pulse/audience/identifier.hpp"

namespace pulse::audience {

struct Cell {
    IdentifierKind kind = IdentifierKind::kEmail;
    std::string value;  // exactly as it is sent

    auto operator<=>(const Cell&) const = default;
};

// Sorted, each cell once. Empty: there is nothing to send.
struct PreparedPerson {
    std::vector<Cell> cells;

    bool empty() const { return cells.empty(); }
    bool operator==(const PreparedPerson&) const = default;
};

// What is known of a person: values of identities and attributes, several of a kind allowed.
using PersonValues = std::vector<std::pair<IdentifierKind, std::string>>;

struct Dropped {
    IdentifierKind kind;
    const char* reason;  // a constant, such as "not an e-mail address"
};

struct Preparation {
    PreparedPerson person;         // empty when nothing in it finds a person
    std::vector<Dropped> dropped;  // invalid values
};

// Prepares a person for a destination of these rules with these kinds of identifiers.
Preparation Prepare(const IdentifierRules& rules, const std::vector<IdentifierKind>& kinds,
                    const PersonValues& values);

// Bytes for the ledger: 34 for one hash, 67 for two. The same person always has the same bytes.
std::string Pack(const PreparedPerson& person);
// Empty if the bytes are damaged or of a later version.
std::optional<PreparedPerson> Unpack(std::string_view bytes);

// The keys of identifiers in pulse.audience_cell. Those of a person leave out names and parts of addresses,
// which belong to many.
int64_t LedgerKey(const Cell& cell);
std::vector<int64_t> LedgerKeys(const PreparedPerson& person);

// What must be removed when `before` becomes `after`: the identifiers that `after` has no more. Send it
// before `after` is added.
PreparedPerson Leaving(Platform platform, const PreparedPerson& before, const PreparedPerson& after);

}  // namespace pulse::audience
