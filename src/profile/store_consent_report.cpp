#include "pulse/profile/store_consent_report.hpp"

#include <algorithm>

#include "pulse/pg/jsonb_reader.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/profile/store_consent.hpp"
#include "pulse/profile/store_count.hpp"
#include "pulse/profile/store_index_scan.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

// As it was at a moment: without what was said later.
ConsentHistory HistoryUntil(int64_t person, Moment at) {
    auto histories = ReadConsentHistories({person}, true);
    ConsentHistory history = std::move(histories[person]);
    std::erase_if(history.records, [&](const ConsentRecord& record) { return record.at > at; });
    for (ConsentRecord& record : history.records)
        if (record.repeated_at > at) record.repeated_at = record.at;
    return history;
}

std::string AttributeText(const json::Reader& reader, const json::Value& object,
                          std::initializer_list<const char*> keys) {
    for (const char* key : keys)
        if (const json::Value value = reader.Get(object, key); value.Is(json::Type::kText))
            return std::string(value.text);
    return "";
}

// By the attributes of Segment's libraries, and those of the same name beside the address.
std::string RegionOfPerson(const Person& person) {
    const pg::JsonbReader reader;
    const json::Value attributes = pg::Root(person.attributes.datum),
                      address = reader.Get(attributes, "address");
    std::string country = AttributeText(reader, attributes, {"country"}),
                part = AttributeText(reader, attributes, {"region", "state"});
    if (address.Is(json::Type::kObject)) {
        if (country.empty()) country = AttributeText(reader, address, {"country"});
        if (part.empty()) part = AttributeText(reader, address, {"region", "state"});
    }
    return RegionOf(country, part);
}

bool GrantedByDefault(const ConsentPurpose& purpose, const Person& person) {
    if (purpose.defaults.empty()) return purpose.granted_by_default;
    return GrantedWithoutRecord(purpose.defaults, purpose.granted_by_default, RegionOfPerson(person));
}

void AddDetails(std::vector<ConsentView>& views) {
    static pg::Statement details(
        "SELECT r.id, r.source, r.basis, r.text_version FROM pulse.consent_record AS r WHERE r.id = ANY ($1)",
        {INT8ARRAYOID});
    std::vector<int64_t> ids;
    for (const ConsentView& view : views)
        if (view.record) ids.push_back(*view.record);
    const ForceIndexScans force_index;
    const pg::Result rows = details.Execute({Value::Int8s(ids)}, true);
    for (uint64_t i = 0; i < rows.size(); ++i)
        for (ConsentView& view : views) {
            if (view.record != rows[i].Int8(0)) continue;
            view.source = rows[i].Text(1);
            view.basis = rows[i].TextOrNull(2);
            view.text_version = rows[i].TextOrNull(3);
        }
}

}  // namespace

std::vector<ConsentView> ReadConsents(const Person& person, Moment at) {
    const ConsentHistory history = HistoryUntil(person.id, at);
    std::vector<std::string> purposes;
    for (const ConsentPurpose& purpose : ConsentPurposes()) purposes.push_back(purpose.purpose);
    const auto states = FoldConsent(history.records, history.merges, purposes);
    std::vector<ConsentView> views;
    for (const ConsentPurpose& purpose : ConsentPurposes()) {
        ConsentView& view = views.emplace_back();
        view.purpose = purpose.purpose;
        const auto found = states.find(purpose.purpose);
        if (found == states.end()) {
            view.status = "none";
            view.granted = GrantedByDefault(purpose, person);
            continue;
        }
        const ConsentState& state = found->second;
        view.granted = IsLive(state, at);
        view.status =
            state.status == ConsentStatus::kGranted && !view.granted ? "expired" : NameOf(state.status);
        view.at = state.at;
        view.expires_at = state.expires_at;
        view.record = state.record;
    }
    AddDetails(views);
    return views;
}

pg::Result ReadConsentRecords(int64_t person, int limit) {
    static pg::Statement statement(
        "SELECT r.id, r.profile_id, r.purpose, r.status, r.at, r.repeated_at, r.expires_at, r.recorded_at,"
        " r.recorded_by, r.source, r.basis, r.text, r.text_version, r.proof FROM pulse.profile AS p"
        " CROSS JOIN LATERAL (SELECT * FROM pulse.consent_record AS c WHERE c.profile_id = p.id OFFSET 0) AS r"
        " WHERE p.canonical_id = $1 ORDER BY r.at DESC, r.id DESC LIMIT $2",
        {INT8OID, INT4OID});
    const ForceIndexScans force_index;
    return statement.Execute({Value::Int8(person), Value::Int4(limit)}, true);
}

bool HasConsent(const Person& person, const std::string& purpose) {
    static pg::Statement statement(
        "SELECT c.live @> $3 FROM pulse.consent AS c WHERE c.profile_id = $1 AND c.purpose = $2",
        {INT8OID, TEXTOID, TIMESTAMPTZOID});
    const ForceIndexScans force_index;
    const pg::Result row =
        statement.Execute({Value::Int8(person.id), Value::Text(purpose), Value::Time(pg::Now())}, true);
    if (!row.empty()) return row[0].Bool(0);
    return std::any_of(ConsentPurposes().begin(), ConsentPurposes().end(), [&](const ConsentPurpose& known) {
        return known.purpose == purpose && GrantedByDefault(known, person);
    });
}

std::vector<ConsentCoverage> ReadConsentCoverage() {
    const Count people = CountRows("SELECT FROM pulse.profile AS p WHERE p.canonical_id = p.id");
    std::vector<ConsentCoverage> coverage;
    for (const ConsentPurpose& purpose : ConsentPurposes()) {
        const std::string rows =
            "SELECT FROM pulse.consent AS c WHERE c.purpose = " + pg::QuoteLiteral(purpose.purpose) +
            " AND c.status ";
        const Count granted = CountRows(rows + "= 'granted'"), refused = CountRows(rows + "<> 'granted'"),
                    expired = CountRows(rows + "= 'granted' AND c.expires_at <= " +
                                        pg::QuoteLiteral(FormatMoment(pg::Now())));
        coverage.push_back({purpose.purpose, people.rows, std::max<int64_t>(granted.rows - expired.rows, 0),
                            refused.rows, expired.rows,
                            people.exact && granted.exact && refused.exact && expired.exact});
    }
    return coverage;
}

}  // namespace pulse::profile
