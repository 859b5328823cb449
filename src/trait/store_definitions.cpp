// The trees of traits and segments, and the lock under which definitions change.
#include <map>
#include <utility>

#include "pulse/base/json.hpp"
#include "pulse/base/error.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/rule/print.hpp"
#include "pulse/pg/probe.hpp"
#include "pulse/pg/relation_lock.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/rule/parser.hpp"
#include "pulse/segment/member_query.hpp"
#include "pulse/trait/macro.hpp"
#include "pulse/trait/store_live.hpp"

namespace pulse::trait {

namespace {

using rule::Reference;

// Whose settings macros are expanded with; empty: those of pg::Now().
std::optional<Moment> macro_moment;

class DefinitionStore : public rule::Definitions {
  public:
    rule::ExprPtr Find(Reference::Kind kind, const std::string& key, size_t position) const override {
        Entries& entries = kind == Reference::Kind::kSegment ? segments_ : traits_;
        const auto found = entries.find(key);
        if (found == entries.end()) {
            if (kind == Reference::Kind::kSegment) RequireNoDraft(key, position);
            ThrowUnknown(kind, key, position, entries);
        }
        if (!found->second.tree)
            found->second.tree = kind == Reference::Kind::kSegment
                                     ? segment::ReadRule(segment::ParseRequest(ParseJson(found->second.text)))
                                     : rule::Parse(found->second.text);
        return found->second.tree;
    }

    rule::ExprPtr FindMacro(const std::string& name, size_t position) const override {
        return trait::FindMacro(name, macro_moment ? *macro_moment : pg::Now(), position);
    }

    void Load() {
        const pg::OwnerSession session;
        const pg::LatestSnapshot latest;
        Read("SELECT key, expression FROM pulse.trait", traits_);
        Read(
            "SELECT name, definition::text FROM pulse.segment WHERE kind = 'profile'"
            " AND status IN ('active', 'paused')",
            segments_);
        Read("SELECT name, '' FROM pulse.segment WHERE kind = 'profile' AND status = 'draft'", drafts_);
    }

    void RequireNoDraft(const std::string& segment, size_t position) const {
        if (!drafts_.contains(segment)) return;
        throw UserError(sqlstate::kNotReady,
                        "segment \"" + segment + "\" is a draft" +
                            (position == 0 ? "" : " at position " + std::to_string(position)),
                        "A draft has no members, and no rule can use it.",
                        "Publish it with pulse_publish_segment().");
    }

  private:
    struct Entry {
        std::string text;
        rule::ExprPtr tree;  // parsed at first use
    };
    using Entries = std::map<std::string, Entry>;

    static void Read(const char* sql, Entries& entries) {
        const pg::Result rows = pg::Execute(sql, {}, true);
        Entries before = std::exchange(entries, {});
        for (uint64_t i = 0; i < rows.size(); ++i) {
            Entry& entry = entries[rows[i].Text(0)];
            entry.text = rows[i].Text(1);
            const auto known = before.find(rows[i].Text(0));
            if (known != before.end() && known->second.text == entry.text)
                entry.tree = std::move(known->second.tree);
        }
    }

    [[noreturn]] static void ThrowUnknown(Reference::Kind kind, const std::string& key, size_t position,
                                          const Entries& entries) {
        const std::string what = kind == Reference::Kind::kSegment ? "segment" : "trait";
        std::vector<std::string> names;
        for (const auto& entry : entries) names.push_back(entry.first);
        const std::string at = position == 0 ? "" : " at position " + std::to_string(position);
        throw UserError(
            sqlstate::kUndefinedObject, what + " \"" + key + "\" does not exist" + at, "",
            names.empty()
                ? "There are no " + what + "s over people yet; create one with pulse_create_" + what + "()."
                : SuggestName(key, names, what == "trait" ? "Traits" : "Segments over people",
                              rule::PrintName));
    }

    mutable Entries traits_, segments_;
    Entries drafts_;
};

const DefinitionStore& Saved() {
    static pg::Watch watch("definition");
    static DefinitionStore saved;
    static bool loaded = false;
    if (watch.Changed()) loaded = false;
    if (!loaded) saved.Load();
    loaded = true;
    return saved;
}

}  // namespace

MacrosAsOf::MacrosAsOf(Moment at) : before_(std::exchange(macro_moment, at)) {}

MacrosAsOf::~MacrosAsOf() {
    macro_moment = before_;
}

void InvalidateDefinitions() {
    pg::Watch::Announce("definition");
}

void MarkEventsDropped(Moment before) {
    if (pg::Execute("UPDATE pulse.metric SET lost_before = $1 WHERE lost_before IS NULL OR lost_before < $1",
                    {pg::Value::Time(before)})
            .processed() > 0)
        InvalidateDefinitions();
}

void RequireReadCommitted() {
    if (IsolationUsesXactSnapshot())
        throw UserError(
            sqlstate::kActiveTransaction, "definitions can be changed only in READ COMMITTED", "",
            "Change them outside a transaction block, or in a READ COMMITTED transaction. This transaction "
            "would miss people who arrived after it began.");
}

void LockDefinitions() {
    RequireReadCommitted();
    if (!pg::LockBusyTable("definition", pg::TableLock::kExclusive))
        throw UserError(
            sqlstate::kLockNotAvailable, "definitions cannot be changed now",
            "A transaction that writes events or changes definitions has been open for longer than "
            "pulse.lock_timeout.",
            "Try again; pg_locks shows the sessions that hold a lock on pulse.definition.");
}

const rule::Definitions& SavedDefinitions() {
    return Saved();
}

void RequireNoDraft(const std::string& segment) {
    Saved().RequireNoDraft(segment, 0);
}

}  // namespace pulse::trait
