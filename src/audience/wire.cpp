#include "wire.hpp"

#include <algorithm>

#include "pulse/delivery/escape.hpp"

namespace pulse::audience {

namespace {

using K = IdentifierKind;
using nlohmann::json;

const std::vector<Column>& MetaColumns() {
    static const std::vector<Column> columns = {{"EXTERN_ID", {K::kExternalId}},
                                                {"EMAIL", {K::kEmail}},
                                                {"PHONE", {K::kPhone}},
                                                {"GEN", {K::kGender}},
                                                {"DOBY", {K::kBirthYear}},
                                                {"DOBM", {K::kBirthMonth}},
                                                {"DOBD", {K::kBirthDay}},
                                                {"LN", {K::kLastName}},
                                                {"FN", {K::kFirstName}},
                                                {"FI", {K::kFirstInitial}},
                                                {"CT", {K::kCity}},
                                                {"ST", {K::kState}},
                                                {"ZIP", {K::kPostalCode}},
                                                {"MADID", {K::kMobileAdId, K::kIdfa, K::kAaid}},
                                                {"COUNTRY", {K::kCountry}}};
    return columns;
}

const std::vector<Column>& TiktokColumns() {
    static const std::vector<Column> columns = {{"EMAIL_SHA256", {K::kEmail}},
                                                {"PHONE_SHA256", {K::kPhone}},
                                                {"IDFA_SHA256", {K::kIdfa}},
                                                {"AAID_SHA256", {K::kAaid}}};
    return columns;
}

// Named as the kinds are.
const std::vector<Column>& OwnColumns() {
    static const std::vector<Column> columns = [] {
        std::vector<Column> all;
        for (const K kind : KindsOf(Platform::kFile)) {
            if (kind == K::kIdfa || kind == K::kAaid) continue;
            if (kind == K::kMobileAdId)
                all.push_back({Name(kind), {K::kMobileAdId, K::kIdfa, K::kAaid}});
            else if (kind == K::kBirthDate)
                for (const K part : {K::kBirthYear, K::kBirthMonth, K::kBirthDay})
                    all.push_back({Name(part), {part}});
            else
                all.push_back({Name(kind), {kind}});
        }
        return all;
    }();
    return columns;
}

bool IsChosen(const Destination& destination, K kind) {
    const std::vector<K>& chosen = destination.identifiers;
    const auto has = [&](K each) { return std::find(chosen.begin(), chosen.end(), each) != chosen.end(); };
    if (kind == K::kBirthYear || kind == K::kBirthMonth || kind == K::kBirthDay) return has(K::kBirthDate);
    // A device of an unknown system goes into the column of one.
    return has(kind) || (kind == destination.rules.unknown_mobile && has(K::kMobileAdId));
}

const char* TypeOfSection(Section section) {
    switch (section) {
        case Section::kPhone: return "PHONE_SHA256";
        case Section::kMobile: return "MOBILE_AD_ID_SHA256";
        default: return "EMAIL_SHA256";
    }
}

// ---- Google ----

json GoogleAccount(const std::string& id) {
    return {{"accountType", "GOOGLE_ADS"}, {"accountId", id}};
}

const char* KeyOf(K kind) {
    switch (kind) {
        case K::kFirstName: return "givenName";
        case K::kLastName: return "familyName";
        case K::kPostalCode: return "postalCode";
        default: return "regionCode";
    }
}

json GoogleMember(const Row& row, Section section) {
    if (section == Section::kExternal) {
        json member;
        member["userIdData"]["userId"] = row.cells.front().value;
        return member;
    }
    if (section == Section::kMobile) {
        json ids = json::array();
        for (const Cell& cell : row.cells) ids.push_back(cell.value);
        json member;
        member["mobileData"]["mobileIds"] = std::move(ids);
        return member;
    }
    json identifiers = json::array(), address = json::object();
    for (const Cell& cell : row.cells) {
        if (cell.kind == K::kEmail)
            identifiers.push_back({{"emailAddress", cell.value}});
        else if (cell.kind == K::kPhone)
            identifiers.push_back({{"phoneNumber", cell.value}});
        else
            address[KeyOf(cell.kind)] = cell.value;
    }
    if (!address.empty()) identifiers.push_back({{"address", std::move(address)}});
    json member;
    member["userData"]["userIdentifiers"] = std::move(identifiers);
    return member;
}

}  // namespace

std::vector<Column> ColumnsOf(const Destination& destination, Operation operation) {
    const std::vector<Column>& all = destination.platform == Platform::kMeta     ? MetaColumns()
                                     : destination.platform == Platform::kTiktok ? TiktokColumns()
                                                                                 : OwnColumns();
    if (operation == Operation::kRemove) return all;
    std::vector<Column> columns;
    for (const Column& column : all)
        if (std::any_of(column.kinds.begin(), column.kinds.end(),
                        [&](K kind) { return IsChosen(destination, kind); }))
            columns.push_back(column);
    return columns;
}

const std::string* ValueIn(const Row& row, const Column& column) {
    for (const Cell& cell : row.cells)
        if (std::find(column.kinds.begin(), column.kinds.end(), cell.kind) != column.kinds.end())
            return &cell.value;
    return nullptr;
}

std::string AccountId(const Destination& destination, const char* option) {
    std::string id = destination.Option(option);
    if (destination.platform == Platform::kMeta && id.starts_with("act_")) id.erase(0, 4);
    if (destination.platform == Platform::kGoogle) std::erase(id, '-');
    return id;
}

std::string TiktokName(const std::string& name) {
    return delivery::Clean(name, 70);
}

json MetaBody(const Destination& destination, const Upload& upload, const Batch& batch) {
    const std::vector<Column> columns = ColumnsOf(destination, batch.operation);
    json schema = json::array(), data = json::array();
    for (const Column& column : columns) schema.push_back(column.name);
    for (const Row& row : batch.rows) {
        json line = json::array();
        for (const Column& column : columns) {
            const std::string* value = ValueIn(row, column);
            line.push_back(value ? *value : "");
        }
        data.push_back(std::move(line));
    }
    json body = {{"payload", {{"schema", std::move(schema)}, {"data", std::move(data)}}}};
    if (options::ParseFlag(destination.Option("limited_data_use")).value_or(false)) {
        body["payload"]["data_processing_options"] = json::array({"LDU"});
        // Meta finds out where the person is.
        body["payload"]["data_processing_options_country"] = 0;
        body["payload"]["data_processing_options_state"] = 0;
    }
    if (upload.session) {
        const SessionPlace& place = *upload.session;
        body["session"] = {
            {"session_id", place.id}, {"batch_seq", place.batch}, {"last_batch_flag", place.last}};
        if (place.estimated_total > 0) body["session"]["estimated_num_total"] = place.estimated_total;
    }
    return body;
}

json GoogleDestinations(const Destination& destination, const std::string& audience) {
    json place = {{"operatingAccount", GoogleAccount(AccountId(destination, "account"))},
                  {"productDestinationId", audience}};
    const std::string login = AccountId(destination, "login_account");
    if (!login.empty()) place["loginAccount"] = GoogleAccount(login);
    return json::array({std::move(place)});
}

json GoogleBody(const Destination& destination, const Upload& upload, const Batch& batch) {
    json members = json::array();
    for (const Row& row : batch.rows) members.push_back(GoogleMember(row, batch.section));
    json body = {{"destinations", GoogleDestinations(destination, upload.audience)},
                 {"audienceMembers", std::move(members)}};
    if (batch.section == Section::kUser) body["encoding"] = "HEX";
    if (upload.validate_only) body["validateOnly"] = true;
    if (batch.operation == Operation::kRemove) return body;
    if (batch.section == Section::kUser)
        body["termsOfService"] = {{"customerMatchTermsOfServiceStatus", "ACCEPTED"}};
    if (batch.consent != ConsentState::kUnstated) body["consent"]["adUserData"] = "CONSENT_GRANTED";
    if (batch.consent == ConsentState::kGranted) body["consent"]["adPersonalization"] = "CONSENT_GRANTED";
    return body;
}

json TiktokBody(const Destination& destination, const Upload& upload, const Batch& batch) {
    const std::vector<Column> columns = ColumnsOf(destination, batch.operation);
    json schema = json::array(), data = json::array();
    for (const Column& column : columns) schema.push_back(column.name);
    for (const Row& row : batch.rows) {
        json line = json::array();
        for (const Column& column : columns) {
            const std::string* value = ValueIn(row, column);
            // An empty object keeps the place.
            line.push_back(value ? json{{"id", *value}, {"audience_ids", json::array({upload.audience})}}
                                 : json::object());
        }
        data.push_back(std::move(line));
    }
    return {{"advertiser_ids", json::array({AccountId(destination, "account")})},
            {"action", batch.operation == Operation::kAdd ? "add" : "delete"},
            {"id_schema", std::move(schema)},
            {"batch_data", std::move(data)}};
}

json SnapchatBody(const Upload& upload, const Batch& batch) {
    json data = json::array();
    for (const Row& row : batch.rows) data.push_back(json::array({row.cells.front().value}));
    json users = {{"id", upload.audience},
                  {"schema", json::array({TypeOfSection(batch.section)})},
                  {"data", std::move(data)}};
    return {{"users", json::array({std::move(users)})}};
}

json WebhookBody(const Destination& destination, const Upload& upload, const Batch& batch, Moment now) {
    const bool adds = batch.operation == Operation::kAdd;
    const std::vector<Column> columns = ColumnsOf(destination, Operation::kRemove);
    json people = json::array();
    for (const Row& row : batch.rows) {
        json person = json::object();
        for (const Column& column : columns)
            if (const std::string* value = ValueIn(row, column)) person[column.name] = *value;
        people.push_back(std::move(person));
    }
    return {{"type", adds ? "audience.members_added" : "audience.members_removed"},
            {"timestamp", delivery::IsoTime(now)},
            {"data",
             {{"audience", upload.audience},
              {"destination", destination.name},
              {"hashing", destination.rules.hash ? "sha256" : "none"},
              {"people", std::move(people)}}}};
}

}  // namespace pulse::audience
