// Verifying the audit log: one pass over the chain, in which every row is read once.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "pulse/audit/store_chain.hpp"

namespace pulse::audit {

namespace {

using pg::Value;

constexpr long kPortion = 1000;
constexpr int kFirstContent = 7, kFirstPersonal = kFirstContent + kContentColumns;

StoredLink ReadLink(const pg::Row& row) {
    StoredLink stored;
    stored.link = {row.Int8(0), row.Int8(1), row.Time(2), ReadBytes(row, 3), ReadBytes(row, 4)};
    stored.hash = ReadBytes(row, 5);
    stored.row = row.Bool(6);
    if (stored.row) {
        const Content content = ReadContent(row, kFirstContent);
        stored.personal_digest = content.personal_digest;
        stored.content = DigestOf(content);
    }
    stored.personal = !row.IsNull(kFirstPersonal);
    if (stored.personal)
        stored.personal_now = PersonalDigest(ReadBytes(row, kFirstPersonal), row.Int8(kFirstPersonal + 1),
                                             row.Text(kFirstPersonal + 2));
    return stored;
}

// Whether two rows have changed places: the row here has what was sealed elsewhere, and the row there what
// was sealed here.
std::optional<int64_t> ExchangedWith(const StoredLink& stored) {
    const pg::Result rows =
        pg::Execute("SELECT s.seq, " PULSE_AUDIT_CONTENT
                    " FROM pulse.audit_seal AS s JOIN pulse.audit AS a"
                    " ON a.id = s.audit_id WHERE s.content = $1 AND s.seq <> $2 ORDER BY s.seq LIMIT 10",
                    {BytesValue(stored.content), Value::Int8(stored.link.seq)}, true);
    for (uint64_t i = 0; i < rows.size(); ++i)
        if (DigestOf(ReadContent(rows[i], 1)) == stored.link.content) return rows[i].Int8(0);
    return std::nullopt;
}

// The link that follows a hash, if it stands at another place.
std::optional<int64_t> FollowerElsewhere(const std::string& hash, int64_t seq) {
    const pg::Result rows =
        pg::Execute("SELECT seq FROM pulse.audit_seal WHERE prev = $1 AND seq <> $2 ORDER BY seq LIMIT 1",
                    {BytesValue(hash), Value::Int8(seq)}, true);
    return rows.empty() ? std::nullopt : std::optional(rows[0].Int8(0));
}

// What one link cannot show: whether what is wrong with it is that it changed places with another.
void Refine(Finding& finding, const ChainChecker& checker, const StoredLink& stored) {
    if (finding.kind == Break::kFork) return;
    const bool in_place = stored.link.seq == checker.seq() + 1 && stored.link.prev == checker.hash() &&
                          HashOf(stored.link) == stored.hash;
    if (in_place && stored.row && stored.content != stored.link.content) {
        if (const auto other = ExchangedWith(stored))
            finding = {Break::kSwapped,
                       "The row of pulse.audit is the one that was sealed as link " + std::to_string(*other) +
                           ", and the other way round.",
                       stored.link.seq};
    } else if (!in_place && stored.link.seq == checker.seq() + 1 && stored.link.prev != checker.hash()) {
        if (const auto other = FollowerElsewhere(checker.hash(), stored.link.seq))
            finding = {Break::kSwapped,
                       "The link that belongs here has the number " + std::to_string(*other) + ".",
                       stored.link.seq};
    }
}

class Verification {
  public:
    explicit Verification(std::vector<Head> outside) : outside_(std::move(outside)) {
        const pg::Result cut = pg::Execute(
            "SELECT seq, hash FROM pulse.audit_checkpoint WHERE cut ORDER BY seq DESC LIMIT 1", {}, true);
        if (!cut.empty()) checker_ = ChainChecker(cut[0].Int8(0), ReadBytes(cut[0], 1));
        begin_ = checker_.seq();
        if (outside_.empty() || outside_[0].seq >= begin_) return;
        // Retention has done this, or somebody who hides the beginning behind a forged cut.
        throw UserError(sqlstate::kNotReady, "the link of the checkpoint was deleted",
                        "It is " + std::to_string(outside_[0].seq) +
                            "; pulse.audit_checkpoint says that retention has deleted the links up to " +
                            std::to_string(begin_) + ".",
                        "Give checkpoints that are newer than what retention has deleted. If "
                        "pulse.audit_retention does not explain it, somebody has cut the beginning off.");
    }

    Verdict Run() {
        for (; begin_ > 0 && Intact() && OutsideHas(begin_); ++next_)
            if (outside_[next_].hash != checker_.hash())
                Fail({Break::kAltered, "The link that retention has kept is not that of the checkpoint.",
                      begin_},
                     std::nullopt);
        if (Intact()) ReadChain();
        if (Intact()) CheckTail();
        if (Intact()) CheckWaiting();
        verdict_.head = {checker_.seq(), checker_.hash()};
        verdict_.unsealed = pg::Execute("SELECT count(*) FROM pulse.audit_unsealed", {}, true)[0].Int8(0);
        return verdict_;
    }

  private:
    // Whether the next checkpoint from outside is of this link.
    bool OutsideHas(int64_t seq) const { return next_ < outside_.size() && outside_[next_].seq == seq; }

    bool Intact() const { return verdict_.finding.kind == Break::kNone; }

    void Fail(Finding finding, std::optional<int64_t> audit_id) {
        verdict_.finding = std::move(finding);
        verdict_.audit_id = audit_id;
    }

    static std::optional<int64_t> RowOf(int64_t seq) {
        const pg::Result rows =
            pg::Execute("SELECT audit_id FROM pulse.audit_seal WHERE seq = $1", {Value::Int8(seq)}, true);
        return rows.empty() ? std::nullopt : std::optional(rows[0].Int8(0));
    }

    void ReadChain() {
        pg::Cursor cursor(
            "SELECT s.seq, s.audit_id, s.sealed_at, s.content, s.prev, s.hash, a.id IS NOT NULL,"
            " " PULSE_AUDIT_CONTENT
            ", p.salt, p.person, p.fields::text, c.hash"
            " FROM pulse.audit_seal AS s LEFT JOIN pulse.audit AS a ON a.id = s.audit_id"
            " LEFT JOIN pulse.audit_personal AS p ON p.audit_id = s.audit_id"
            " LEFT JOIN pulse.audit_checkpoint AS c ON c.seq = s.seq ORDER BY s.seq",
            {});
        for (;;) {
            const pg::Result rows = cursor.Fetch(kPortion);
            for (uint64_t i = 0; i < rows.size(); ++i) {
                pg::CheckInterrupts();
                CheckLink(rows[i]);
                if (!Intact()) return;
            }
            if (rows.size() < static_cast<uint64_t>(kPortion)) return;
        }
    }

    void CheckLink(const pg::Row& row) {
        const StoredLink stored = ReadLink(row);
        Finding finding = checker_.Check(stored);
        if (finding.kind != Break::kNone) {
            Refine(finding, checker_, stored);
            const std::optional<int64_t> row =
                finding.seq == stored.link.seq ? stored.link.audit_id : RowOf(finding.seq);
            return Fail(std::move(finding), row);
        }
        ++verdict_.verified;
        if (!stored.personal_digest.empty() && !stored.personal) ++verdict_.erased;
        CheckAgainst(ReadBytes(row, kFirstPersonal + 3), "pulse.audit_checkpoint", stored);
        for (; Intact() && OutsideHas(stored.link.seq); ++next_)
            CheckAgainst(outside_[next_].hash, "the checkpoint given", stored);
    }

    void CheckAgainst(const std::string& hash, const char* where, const StoredLink& stored) {
        if (hash.empty()) return;
        ++verdict_.checkpoints;
        if (hash == stored.hash) return;
        Fail({Break::kAltered,
              std::string("This link or one before it is not what it was: ") + where +
                  " has another hash of it.",
              stored.link.seq},
             stored.link.audit_id);
    }

    // A tail that was cut off leaves a chain that is whole in itself.
    void CheckTail() {
        const pg::Result rows =
            pg::Execute("SELECT min(seq), max(seq) FROM pulse.audit_checkpoint WHERE seq > $1",
                        {Value::Int8(checker_.seq())}, true);
        std::optional<int64_t> last = rows[0].Int8OrNull(1);
        if (!outside_.empty() && outside_.back().seq > std::max(checker_.seq(), last.value_or(0)))
            last = outside_.back().seq;
        if (!last) return;
        const int64_t first = checker_.seq() + 1;
        Fail({Break::kRemoved,
              "The end of the chain is missing: a checkpoint has the link " + std::to_string(*last) + ".",
              first},
             std::nullopt);
    }

    // What no link stands for: rows that did not come by Pulse, and waiting rows that are gone.
    void CheckWaiting() {
        const pg::Result strange = pg::Execute(
            "SELECT min(a.id) FROM pulse.audit AS a WHERE NOT EXISTS (SELECT FROM pulse.audit_seal AS s WHERE"
            " s.audit_id = a.id) AND NOT EXISTS (SELECT FROM pulse.audit_unsealed AS u WHERE u.audit_id = a.id)",
            {}, true);
        if (!strange[0].IsNull(0))
            return Fail(
                {Break::kInserted, "The row of pulse.audit is neither sealed nor does it wait for that."},
                strange[0].Int8(0));
        const pg::Result gone = pg::Execute(
            "SELECT min(u.audit_id) FROM pulse.audit_unsealed AS u WHERE NOT EXISTS"
            " (SELECT FROM pulse.audit AS a WHERE a.id = u.audit_id)",
            {}, true);
        if (!gone[0].IsNull(0))
            return Fail({Break::kRemoved, "The row of pulse.audit is missing; it was to be sealed."},
                        gone[0].Int8(0));
        const pg::Result apart = pg::Execute(
            "SELECT min(p.audit_id) FROM pulse.audit_personal AS p WHERE NOT EXISTS"
            " (SELECT FROM pulse.audit AS a WHERE a.id = p.audit_id AND a.personal_digest IS NOT NULL)",
            {}, true);
        if (!apart[0].IsNull(0))
            Fail({Break::kInserted, "The row of pulse.audit_personal belongs to no row of pulse.audit."},
                 apart[0].Int8(0));
    }

    std::vector<Head> outside_;  // ascending
    size_t next_ = 0;            // of `outside_`, to compare
    ChainChecker checker_;
    int64_t begin_ = 0;
    Verdict verdict_;
};

[[noreturn]] void ThrowNoCheckpoint(const std::string& detail) {
    throw UserError(
        sqlstate::kInvalidParameter, "it is not a checkpoint of the audit log", detail,
        "Give {\"seq\": 42, \"hash\": \"…\"} as pulse_checkpoint_audit() returned it, or an array of such.");
}

Head ReadOutsideHead(const pg::Json& json) {
    // The message to a channel has it inside.
    const pg::Json* object = &json;
    if (json.is_object() && json.contains("data")) object = &json["data"];
    if (!object->is_object()) ThrowNoCheckpoint("It is no object.");
    if (!object->contains("seq") || !(*object)["seq"].is_number_integer() ||
        (*object)["seq"].get<int64_t>() < 1)
        ThrowNoCheckpoint("\"seq\" is not a number from 1.");
    const std::string hash = object->contains("hash") && (*object)["hash"].is_string()
                                 ? ReadDigest((*object)["hash"].get<std::string>())
                                 : "";
    if (hash.empty()) ThrowNoCheckpoint("\"hash\" is not 64 hexadecimal digits.");
    return {(*object)["seq"].get<int64_t>(), hash};
}

}  // namespace

Verdict Verify(const std::vector<Head>& outside) {
    return Verification(outside).Run();
}

std::vector<Head> ReadOutsideHeads(const pg::Json& json) {
    if (!json.is_array()) return {ReadOutsideHead(json)};
    if (json.empty()) ThrowNoCheckpoint("The array is empty.");
    std::vector<Head> heads;
    for (const pg::Json& each : json) heads.push_back(ReadOutsideHead(each));
    std::stable_sort(heads.begin(), heads.end(), [](const Head& a, const Head& b) { return a.seq < b.seq; });
    return heads;
}

}  // namespace pulse::audit
