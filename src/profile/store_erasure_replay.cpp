// Erasures kept outside of the database, to be repeated in a restored backup.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <unordered_map>

#include "pulse/base/error.hpp"
#include "pulse/base/hex.hpp"
#include "pulse/profile/identifier_search.hpp"
#include "pulse/profile/listener.hpp"
#include "pulse/profile/store_erasure.hpp"
#include "pulse/profile/store_refusal.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

constexpr size_t kHashSize = 32;
constexpr int kListVersion = 1;

[[noreturn]] void ThrowNotList(const std::string& detail) {
    ThrowInvalid("this is not a list of erasures", detail,
                 "Give what pulse_list_erasures() returned, unchanged.");
}

std::string FromHex(const pg::Json& json, const char* what) {
    const std::string text = json.is_string() ? json.get<std::string>() : "";
    const auto digit = [](char c) {
        if (c >= '0' && c <= '9') return c - '0';
        if (c >= 'a' && c <= 'f') return c - 'a' + 10;
        return -1;
    };
    std::string bytes;
    for (size_t i = 0; i + 1 < text.size(); i += 2) {
        const int high = digit(text[i]), low = digit(text[i + 1]);
        if (high < 0 || low < 0) break;
        bytes += static_cast<char>(high * 16 + low);
    }
    if (bytes.size() != kHashSize || text.size() != kHashSize * 2)
        ThrowNotList(std::string(what) + " is not 64 hexadecimal digits.");
    return bytes;
}

std::string TextOf(const pg::Json& object, const char* name) {
    const auto found = object.find(name);
    if (found == object.end() || !found->is_string())
        ThrowNotList(std::string("\"") + name + "\" of an erasure is not a text.");
    return found->get<std::string>();
}

struct ListedErasure {
    ReplayedErasure erasure;
    std::string reason;
};

std::vector<ListedErasure> ReadList(const pg::Json& list, std::string& key) {
    if (!list.is_object()) ThrowNotList("It is not an object.");
    const auto version = list.find("version"), erasures = list.find("erasures"), secret = list.find("key");
    if (version == list.end() || *version != kListVersion) ThrowNotList("\"version\" is not 1.");
    if (erasures == list.end() || !erasures->is_array()) ThrowNotList("\"erasures\" is not a list.");
    if (secret == list.end()) ThrowNotList("It has no \"key\".");
    std::vector<ListedErasure> all;
    // A database without erasures has no key.
    if (secret->is_null() && erasures->empty()) return all;
    key = FromHex(*secret, "The key");
    for (const pg::Json& each : *erasures) {
        if (!each.is_object()) ThrowNotList("An element of \"erasures\" is not an object.");
        ListedErasure& one = all.emplace_back();
        one.reason = TextOf(each, "reason");
        one.erasure = {TextOf(each, "key"), TextOf(each, "requested_at"), TextOf(each, "refused_until"), {}};
        const auto hashes = each.find("hashes");
        if (hashes == each.end() || !hashes->is_array()) ThrowNotList("\"hashes\" is not a list.");
        for (const pg::Json& hash : *hashes) one.erasure.hashes.push_back(FromHex(hash, "A hash"));
    }
    return all;
}

// Of each hash, the person who has that id here: one pass over all ids.
std::unordered_map<std::string, int64_t> FindPeople(const std::string& key,
                                                    const std::vector<ListedErasure>& list) {
    constexpr long kPortion = 10'000;
    std::unordered_map<std::string, int64_t> people;
    for (const ListedErasure& each : list)
        for (const std::string& hash : each.erasure.hashes) people.emplace(hash, 0);
    if (people.empty()) return people;
    pg::Cursor cursor(
        "SELECT i.kind, i.value, p.canonical_id FROM pulse.identity AS i JOIN pulse.profile AS p"
        " ON p.id = i.profile_id",
        {}, false);
    for (;;) {
        pg::CheckInterrupts();
        const pg::Result rows = cursor.Fetch(kPortion);
        if (rows.empty()) return people;
        for (uint64_t i = 0; i < rows.size(); ++i) {
            const auto found = people.find(HashOf(key, {rows[i].Text(0), rows[i].Text(1)}));
            if (found != people.end()) found->second = rows[i].Int8(2);
        }
    }
}

std::optional<int64_t> FindByKey(const std::string& key) {
    static pg::Statement statement("SELECT id FROM pulse.erasure WHERE key = $1::uuid", {TEXTOID});
    const pg::Result rows = statement.Execute({Value::Text(key)});
    return rows.empty() ? std::nullopt : std::optional(rows[0].Int8(0));
}

}  // namespace

pg::Json ListErasures() {
    const std::string key = ErasureKey();
    pg::Json list = {{"version", kListVersion}, {"key", nullptr}, {"erasures", pg::Json::array()}};
    if (key.empty()) return list;
    list["key"] = ToHex(key);
    const pg::Result rows = pg::Execute(
        "SELECT jsonb_build_object('key', e.key, 'reason', e.reason, 'requested_at', e.requested_at,"
        " 'refused_until', e.refused_until, 'hashes', ARRAY(SELECT encode(h.hash, 'hex')"
        " FROM pulse.erased_identifier AS h WHERE h.erasure_id = e.id ORDER BY h.hash))"
        " FROM pulse.erasure AS e ORDER BY e.id",
        {}, true);
    for (uint64_t i = 0; i < rows.size(); ++i) list["erasures"].push_back(rows[i].Jsonb(0));
    return list;
}

std::vector<ReplayedRow> ReplayErasures(const pg::Json& json, const std::string& actor) {
    std::string key;
    const std::vector<ListedErasure> list = ReadList(json, key);
    std::vector<ReplayedRow> result;
    if (list.empty()) return result;
    if (GetListener().before_write) GetListener().before_write();
    if (LockErasures(key) != key)
        throw UserError(sqlstate::kNotReady, "the list was made with another key",
                        "This database has made erasures of its own, so it cannot recognise the hashes.",
                        "Replay erasures right after a restore, before the first call of "
                        "pulse_erase_profile().");
    const std::unordered_map<std::string, int64_t> people = FindPeople(key, list);
    for (const ListedErasure& each : list) {
        pg::CheckInterrupts();
        if (const auto known = FindByKey(each.erasure.key)) {
            result.push_back({*known, "known", 0});
            continue;
        }
        std::set<int64_t> found;
        for (const std::string& hash : each.erasure.hashes)
            if (const int64_t person = people.at(hash)) found.insert(person);
        const int64_t erasure = ReplayErasure(each.erasure, each.reason, {found.begin(), found.end()}, actor);
        result.push_back(
            {erasure, found.empty() ? "not found" : "erased", static_cast<int64_t>(found.size())});
    }
    return result;
}

}  // namespace pulse::profile
