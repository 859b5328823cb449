#include "pulse/audience/upload.hpp"

#include <algorithm>
#include <map>
#include <unordered_set>

namespace pulse::audience {

namespace {

using K = IdentifierKind;

// Google's members have at most so many identifiers.
constexpr size_t kMostOfMember = 10;
// What JSON adds to a value and to a row, at most.
constexpr size_t kBytesOfCell = 60, kBytesOfRow = 120;

Section SectionOf(Platform platform, K kind) {
    const bool google = platform == Platform::kGoogle;
    if (!google && platform != Platform::kSnapchat) return Section::kAll;
    if (IsMobile(kind)) return Section::kMobile;
    if (kind == K::kExternalId) return Section::kExternal;
    if (google) return Section::kUser;
    return kind == K::kPhone ? Section::kPhone : Section::kEmail;
}

// What stands in one column together: ids of devices of any system.
int GroupOf(Platform platform, K kind) {
    return static_cast<int>(IsMobile(kind) && platform != Platform::kTiktok ? K::kMobileAdId : kind);
}

// Rows of a table: the first has the first identifier of each kind, the second the second ones.
void AddTableRows(Platform platform, size_t member, const std::vector<Cell>& cells, std::vector<Row>& rows) {
    std::map<int, std::vector<const Cell*>> strong;
    std::vector<const Cell*> weak;
    for (const Cell& cell : cells) {
        if (IsStrong(cell.kind))
            strong[GroupOf(platform, cell.kind)].push_back(&cell);
        else
            weak.push_back(&cell);
    }
    size_t count = 1;
    for (const auto& [group, values] : strong) count = std::max(count, values.size());
    for (size_t i = 0; i < count; ++i) {
        Row& row = rows.emplace_back();
        row.member = member;
        for (const auto& [group, values] : strong)
            if (i < values.size()) row.cells.push_back(*values[i]);
        for (const Cell* cell : weak) row.cells.push_back(*cell);
        std::sort(row.cells.begin(), row.cells.end());
    }
}

// Members with lists of identifiers; the four parts of an address are one.
void AddLists(Section section, size_t member, const std::vector<Cell>& cells, std::vector<Row>& rows) {
    const size_t most = section == Section::kExternal ? 1 : kMostOfMember;
    std::vector<Cell> address;
    Row row{member, {}};
    for (const Cell& cell : cells) {
        if (!IsStrong(cell.kind)) {
            address.push_back(cell);
            continue;
        }
        if (row.cells.size() == most) {
            rows.push_back(std::move(row));
            row = Row{member, {}};
        }
        row.cells.push_back(cell);
    }
    if (!address.empty() && row.cells.size() == most) {
        rows.push_back(std::move(row));
        row = Row{member, {}};
    }
    row.cells.insert(row.cells.end(), address.begin(), address.end());
    if (!row.cells.empty()) rows.push_back(std::move(row));
}

size_t BytesOf(const Row& row) {
    size_t bytes = kBytesOfRow;
    // A value may become longer when it is written: \u001f.
    for (const Cell& cell : row.cells)
        bytes += kBytesOfCell + (LooksHashed(cell.value) ? 64 : 6 * cell.value.size());
    return bytes;
}

// The batches of one section and consent.
class Filler {
  public:
    Filler(const Destination& destination, Batch batch)
        : platform_(destination.platform),
          most_rows_(std::min(destination.batch_rows, FactsOf(destination.platform).most_rows)),
          most_bytes_(FactsOf(destination.platform).most_bytes),
          pattern_(std::move(batch)) {}

    void Add(Row row) {
        // Snapchat: no identifier twice in a request.
        const bool seen = platform_ == Platform::kSnapchat && !seen_.insert(row.cells.front().value).second;
        const size_t bytes = BytesOf(row);
        if (batches_.empty() || (!seen && (count_ >= most_rows_ || bytes_ + bytes > most_bytes_))) {
            batches_.push_back(pattern_);
            count_ = bytes_ = 0;
            seen_.clear();
            if (platform_ == Platform::kSnapchat) seen_.insert(row.cells.front().value);
        }
        Batch& batch = batches_.back();
        if (batch.members.empty() || batch.members.back() != row.member) batch.members.push_back(row.member);
        if (seen) return;
        ++count_;
        bytes_ += bytes;
        batch.rows.push_back(std::move(row));
    }

    std::vector<Batch> Take() { return std::move(batches_); }

  private:
    Platform platform_;
    size_t most_rows_, most_bytes_;
    Batch pattern_;
    std::vector<Batch> batches_;
    size_t count_ = 0, bytes_ = 0;
    std::unordered_set<std::string> seen_;
};

std::vector<Row> RowsOf(Platform platform, Section section, size_t member, const std::vector<Cell>& cells) {
    std::vector<Row> rows;
    if (platform == Platform::kSnapchat)
        for (const Cell& cell : cells) rows.push_back({member, {cell}});
    else if (platform == Platform::kGoogle)
        AddLists(section, member, cells, rows);
    else
        AddTableRows(platform, member, cells, rows);
    return rows;
}

}  // namespace

std::vector<Batch> MakeBatches(const Destination& destination, Operation operation,
                               std::span<const Member> members) {
    std::map<std::pair<ConsentState, Section>, Filler> fillers;
    for (size_t i = 0; i < members.size(); ++i) {
        std::map<Section, std::vector<Cell>> sections;
        for (const Cell& cell : members[i].person.cells)
            sections[SectionOf(destination.platform, cell.kind)].push_back(cell);
        const bool states = destination.platform == Platform::kGoogle && operation == Operation::kAdd;
        const ConsentState consent = states ? members[i].consent : ConsentState::kUnstated;
        for (const auto& [section, cells] : sections) {
            Batch pattern{operation, section, consent, {}, {}};
            Filler& filler =
                fillers.try_emplace({consent, section}, destination, std::move(pattern)).first->second;
            for (Row& row : RowsOf(destination.platform, section, i, cells)) filler.Add(std::move(row));
        }
    }
    std::vector<Batch> batches;
    for (auto& [key, filler] : fillers)
        for (Batch& batch : filler.Take()) batches.push_back(std::move(batch));
    return batches;
}

bool IsOpen(const UploadSession& session, Moment now) {
    return session.id != 0 && session.batches > 0 && !session.closed && now >= session.started_at &&
           now - session.started_at < kSessionLife;
}

NextBatch ContinueReplacement(UploadSession session, bool certain) {
    const bool repeats = !certain && session.batches > 1;
    if (!repeats) ++session.batches;
    return {session, repeats};
}

bool CanContinue(const UploadSession& session, Moment now) {
    return session.batches > 0 && session.first_done && !session.closed && now >= session.started_at &&
           now - session.started_at < kSessionLife;
}

}  // namespace pulse::audience
