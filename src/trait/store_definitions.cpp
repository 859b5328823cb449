// What is defined: the trees of traits and live segments, and the lock under which they change.
#include "pulse/base/error.hpp"
#include "pulse/pg/probe.hpp"
#include "pulse/pg/relation_lock.hpp"
#include "pulse/trait/store_live.hpp"

namespace pulse::trait {

namespace {

class Saved : public rule::Definitions {
  public:
    rule::ExprPtr Find(rule::Reference::Kind, const std::string& key, size_t) const override {
        throw UserError(sqlstate::kUndefinedObject, "\"" + key + "\" does not exist");
    }
};

}  // namespace

void AnnounceDefinitions() { pg::Watch::Announce("definition"); }

void LockDefinitions() { pg::LockTable("definition", pg::TableLock::kExclusive); }

const rule::Definitions& SavedDefinitions() {
    static const Saved saved;
    return saved;
}

}  // namespace pulse::trait
