// Exact de-duplication of messages.
#include <openssl/evp.h>

#include <algorithm>
#include <unordered_map>

#include "pulse/pg/append.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/profile/store_ingest.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

// Partitions of pulse.message_seen, by the first three bits of the key.
constexpr int kParts = 8;

struct Key {
    uint64_t high = 0, low = 0;
    auto operator<=>(const Key&) const = default;
};

// SHA-256 of many short texts with one context.
class Hasher {
  public:
    Hasher() : context_(EVP_MD_CTX_new()) {
        if (!context_ || !EVP_DigestInit_ex(context_, EVP_sha256(), nullptr)) throw std::bad_alloc();
    }
    ~Hasher() { EVP_MD_CTX_free(context_); }
    Hasher(const Hasher&) = delete;
    Hasher& operator=(const Hasher&) = delete;

    Key Of(std::string_view source, std::string_view id) {
        unsigned char digest[EVP_MAX_MD_SIZE];
        const unsigned char apart = 0;
        if (!EVP_DigestInit_ex(context_, nullptr, nullptr) ||
            !EVP_DigestUpdate(context_, source.data(), source.size()) ||
            !EVP_DigestUpdate(context_, &apart, 1) || !EVP_DigestUpdate(context_, id.data(), id.size()) ||
            !EVP_DigestFinal_ex(context_, digest, nullptr))
            throw std::runtime_error("SHA-256 failed");
        Key key;
        for (int i = 0; i < 8; ++i) key.high = key.high << 8 | digest[i];
        for (int i = 8; i < 16; ++i) key.low = key.low << 8 | digest[i];
        return key;
    }

  private:
    EVP_MD_CTX* context_;
};

// Compares like uuid: by bytes.
Datum ToUuid(const Key& key) {
    auto* uuid = static_cast<pg_uuid_t*>(pg::Call([] { return palloc(sizeof(pg_uuid_t)); }));
    for (int i = 0; i < 8; ++i) uuid->data[i] = static_cast<unsigned char>(key.high >> (56 - 8 * i));
    for (int i = 0; i < 8; ++i) uuid->data[8 + i] = static_cast<unsigned char>(key.low >> (56 - 8 * i));
    return UUIDPGetDatum(uuid);
}

Key FromUuid(Datum datum) {
    const pg_uuid_t* uuid = DatumGetUUIDP(datum);
    Key key;
    for (int i = 0; i < 8; ++i) key.high = key.high << 8 | uuid->data[i];
    for (int i = 8; i < 16; ++i) key.low = key.low << 8 | uuid->data[i];
    return key;
}

struct Keyed {
    Key key;
    Message* message;
};

// The digests of messages accepted before, by key.
std::vector<std::pair<Key, uint64_t>> DigestsOf(const std::vector<Datum>& keys) {
    static pg::Statement statement(
        "SELECT m.key, m.digest FROM unnest($1) AS k (key) JOIN pulse.message_seen AS m ON m.key = k.key",
        {UUIDARRAYOID});
    const pg::Result rows = statement.Execute({pg::ArrayOf(UUIDOID, keys)});
    std::vector<std::pair<Key, uint64_t>> digests;
    for (uint64_t i = 0; i < rows.size(); ++i)
        digests.emplace_back(FromUuid(rows[i].Raw(0)), static_cast<uint64_t>(rows[i].Int8(1)));
    std::sort(digests.begin(), digests.end());
    return digests;
}

// Insert keys, ascending, into their partitions. Returns false, and inserts nothing, if one exists.
bool InsertAll(const std::vector<Datum>& keys, const std::vector<Datum>& digests, Moment now) {
    try {
        pg::Subtransaction attempt;
        for (size_t begin = 0; begin < keys.size();) {
            const auto part = [&](size_t i) { return DatumGetUUIDP(keys[i])->data[0] >> 5; };
            size_t end = begin;
            while (end < keys.size() && part(end) == part(begin)) ++end;
            const std::string table = "message_seen_" + std::to_string(part(begin));
            std::vector<pg::AppendColumn> columns(3);
            columns[0].values.assign(keys.begin() + static_cast<std::ptrdiff_t>(begin),
                                     keys.begin() + static_cast<std::ptrdiff_t>(end));
            columns[1].values.assign(digests.begin() + static_cast<std::ptrdiff_t>(begin),
                                     digests.begin() + static_cast<std::ptrdiff_t>(end));
            columns[2].values.assign(end - begin, TimestampTzGetDatum(now));
            if (!pg::Append("message_seen", table.c_str(), columns)) return false;
            begin = end;
        }
        attempt.Commit();
        return true;
    } catch (const pg::Error& error) {
        if (error.State() != sqlstate::kUniqueViolation) throw;
        return false;
    }
}

}  // namespace

void FindDuplicates(std::vector<Message>& messages, Moment now) {
    if (messages.empty()) return;
    Hasher hasher;
    std::vector<Keyed> keyed;
    keyed.reserve(messages.size());
    for (Message& message : messages) keyed.push_back({hasher.Of(message.source, message.id), &message});
    std::sort(keyed.begin(), keyed.end(), [](const Keyed& a, const Keyed& b) {
        return a.key != b.key ? a.key < b.key : a.message->index < b.message->index;
    });

    std::vector<Keyed> first;
    first.reserve(keyed.size());
    std::vector<Datum> keys, digests;
    for (const Keyed& one : keyed) {
        if (!first.empty() && first.back().key == one.key) {
            one.message->duplicate = true;
            one.message->conflicting = one.message->digest != first.back().message->digest;
            continue;
        }
        first.push_back(one);
        keys.push_back(ToUuid(one.key));
        digests.push_back(Int64GetDatum(static_cast<int64_t>(one.message->digest)));
    }

    // By ascending key, so that two sessions with the same messages cannot deadlock. Usually all are new, and
    // few events are not worth a subtransaction.
    constexpr size_t kMany = 8;
    if (keys.size() >= kMany && InsertAll(keys, digests, now)) return;
    static pg::Statement insert(
        "INSERT INTO pulse.message_seen (key, digest, seen_at) SELECT m.key, m.digest, $3"
        " FROM unnest($1, $2) AS m (key, digest) ON CONFLICT DO NOTHING RETURNING key",
        {UUIDARRAYOID, INT8ARRAYOID, TIMESTAMPTZOID});
    const pg::Result rows =
        insert.Execute({pg::ArrayOf(UUIDOID, keys), pg::ArrayOf(INT8OID, digests), Value::Time(now)});
    if (rows.processed() == first.size()) return;

    std::vector<Key> accepted;
    for (uint64_t i = 0; i < rows.size(); ++i) accepted.push_back(FromUuid(rows[i].Raw(0)));
    std::sort(accepted.begin(), accepted.end());
    std::vector<Datum> seen;
    for (size_t i = 0; i < first.size(); ++i) {
        if (std::binary_search(accepted.begin(), accepted.end(), first[i].key)) continue;
        first[i].message->duplicate = true;
        seen.push_back(keys[i]);
    }
    const auto before = DigestsOf(seen);
    // Includes messages that repeat within the batch one that was accepted before.
    for (const Keyed& one : keyed) {
        if (!one.message->duplicate) continue;
        const auto found = std::lower_bound(before.begin(), before.end(), std::pair(one.key, uint64_t{0}));
        if (found != before.end() && found->first == one.key)
            one.message->conflicting = found->second != one.message->digest;
    }
}

int64_t ForgetMessages(const std::vector<std::pair<std::string, std::string>>& messages) {
    static pg::Statement statement("DELETE FROM pulse.message_seen WHERE key = ANY ($1)", {UUIDARRAYOID});
    if (messages.empty()) return 0;
    Hasher hasher;
    std::vector<Datum> keys;
    for (const auto& [source, id] : messages) keys.push_back(ToUuid(hasher.Of(source, id)));
    return static_cast<int64_t>(statement.Execute({pg::ArrayOf(UUIDOID, keys)}).processed());
}

int64_t DeleteOldMessages(Moment before, int64_t rows) {
    // Partition by partition, by its index on seen_at: recent rows are not read.
    int64_t gone = 0;
    for (int i = 0; i < kParts && gone < rows; ++i) {
        const std::string part = "pulse.message_seen_" + std::to_string(i);
        gone += static_cast<int64_t>(
            pg::Execute("DELETE FROM " + part + " WHERE ctid = ANY (ARRAY(SELECT o.ctid FROM " + part +
                            " AS o WHERE o.seen_at < $1 ORDER BY o.seen_at LIMIT $2))",
                        {Value::Time(before), Value::Int8(rows - gone)})
                .processed());
    }
    return gone;
}

}  // namespace pulse::profile
