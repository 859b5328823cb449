// Preview: whom a full sync would send, who is left out and why, and the first request. The file of an
// audience is what its ledger says was sent.
#include "pulse/audience/store_preview.hpp"

#include <algorithm>
#include <array>

#include "pulse/audience/request.hpp"
#include "pulse/audience/upload.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/memory.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/trait/store_metric_reader.hpp"

namespace pulse::audience {

namespace {

using pg::Value;

constexpr int64_t kMostSample = 100;
constexpr int64_t kAtOnce = 2'000;
constexpr int64_t kMostAmong = 100'000, kGroups = 20;
constexpr const char* kPlaceholder = "NOT-A-TOKEN";  // hidden as a secret is
constexpr size_t kMostShown = 20;                    // people in the request that is shown

// A number of people with a few of them.
struct Group {
    int64_t people = 0;
    std::vector<int64_t> sample;

    void Add(int64_t person, int64_t most) {
        ++people;
        if (static_cast<int64_t>(sample.size()) < most) sample.push_back(person);
    }
    std::optional<std::string> Text() const {
        std::string text;
        for (const int64_t person : sample) text += (text.empty() ? "" : ", ") + std::to_string(person);
        return text.empty() ? std::nullopt : std::optional(text);
    }
};

class AudiencePreview {
  public:
    AudiencePreview(const Audience& audience, const Destination& destination, int64_t sample)
        : audience_(audience), destination_(destination), most_(sample) {}

    void Look(const std::vector<int64_t>& people) {
        examined_ += static_cast<int64_t>(people.size());
        static pg::Statement ledger(
            "SELECT profile_id, cells, consent::int, state FROM pulse.audience_member"
            " WHERE audience_id = $1 AND profile_id = ANY ($2)",
            {INT8OID, INT8ARRAYOID});
        std::map<int64_t, std::pair<std::string, bool>> sent;
        const pg::Result rows = ledger.Execute({Value::Int8(audience_.id), Value::Int8s(people)});
        for (uint64_t i = 0; i < rows.size(); ++i)
            sent[rows[i].Int8(0)] = {pg::ToBytes(rows[i].Raw(1)), rows[i].Text(3) == "sent"};
        for (WantedPerson& person : FindWanted(audience_, destination_, people)) {
            Count(person, sent);
            for (const Dropped& dropped : person.dropped)
                invalid_[std::string(Name(dropped.kind)) + ": " + dropped.reason].Add(person.person, most_);
        }
    }

    void IsOfSome() { of_all_ = false; }

    std::vector<PreviewLine> Lines() const {
        std::vector<PreviewLine> lines;
        if (!of_all_) lines.push_back({"examined", "", examined_, std::nullopt});
        const auto add = [&](const char* part, const std::string& item, const Group& group) {
            lines.push_back({part, item, group.people, group.Text()});
        };
        add("members", "", members_);
        add("send", "add", add_);
        add("send", "change", change_);
        add("send", "keep", keep_);
        add("send", "remove", remove_);
        for (const Fit fit : {Fit::kNoConsent, Fit::kRefused, Fit::kNoIdentifier, Fit::kInvalidIdentifier}) {
            const auto found = left_out_.find(fit);
            add("left out", Name(fit), found == left_out_.end() ? Group() : found->second);
        }
        for (const auto& [text, group] : invalid_) add("invalid", text, group);
        AddRequest(lines);
        return lines;
    }

  private:
    void Count(WantedPerson& person, const std::map<int64_t, std::pair<std::string, bool>>& sent) {
        const auto before = sent.find(person.person);
        if (person.fit != Fit::kNoMember) members_.Add(person.person, most_);
        if (person.fit != Fit::kWanted) {
            if (person.fit != Fit::kNoMember) left_out_[person.fit].Add(person.person, most_);
            if (before != sent.end()) remove_.Add(person.person, most_);
            return;
        }
        if (before == sent.end()) {
            add_.Add(person.person, most_);
        } else if (before->second.first == Pack(person.prepared) && before->second.second) {
            keep_.Add(person.person, most_);
            return;
        } else {
            change_.Add(person.person, most_);
        }
        if (first_.size() < kMostShown) first_.push_back({std::move(person.prepared), person.consent});
    }

    void AddRequest(std::vector<PreviewLine>& lines) const {
        if (first_.empty()) return;
        if (destination_.platform == Platform::kFile) {
            std::string text = FileHeader(destination_);
            for (const Member& member : first_)
                text += FileLines(destination_, Operation::kAdd, member.person);
            lines.push_back({"request", "file", static_cast<int64_t>(first_.size()), text});
            return;
        }
        if (FactsOf(destination_.platform).has_audiences && !audience_.platform_id) {
            const http::Request create =
                CreateRequest(destination_, kPlaceholder, {audience_.platform_name, audience_.description});
            lines.push_back({"request", "create", std::nullopt, PreviewText(create)});
        }
        const std::vector<Batch> batches = MakeBatches(destination_, Operation::kAdd, first_);
        if (batches.empty()) return;
        Upload upload;
        upload.audience = audience_.platform_id.value_or(
            FactsOf(destination_.platform).has_audiences ? "0" : audience_.name);
        upload.key = "preview";
        if (destination_.platform == Platform::kMeta) upload.session = SessionPlace{1, 1, true, 0};
        lines.push_back(
            {"request", "upload", static_cast<int64_t>(first_.size()),
             PreviewText(UploadRequest(destination_, kPlaceholder, upload, batches[0], pg::Now()))});
    }

    const Audience& audience_;
    const Destination& destination_;
    const int64_t most_;
    int64_t examined_ = 0;
    bool of_all_ = true;
    Group members_, add_, change_, keep_, remove_;
    std::map<Fit, Group> left_out_;
    std::map<std::string, Group> invalid_;
    std::vector<Member> first_;
};

// Looks at the candidates behind `after`, at most so many. Returns the last of them; 0 if there is none.
int64_t LookBehind(const Audience& audience, AudiencePreview& preview, int64_t after, int64_t most) {
    pg::CheckInterrupts();
    const pg::Arena arena("pulse preview");
    const std::vector<int64_t> people = NextCandidates(audience, after, most);
    if (people.empty()) return 0;
    preview.Look(people);
    return people.back();
}

// Whether there are more candidates than that: reads as many of their numbers.
bool HasMoreThan(const Audience& audience, int64_t most) {
    int64_t after = 0;
    for (int64_t left = most + 1; left > 0;) {
        pg::CheckInterrupts();
        const pg::Arena arena("pulse preview");
        const std::vector<int64_t> people = NextCandidates(audience, after, std::min(left, kAtOnce));
        if (people.empty()) return false;
        left -= static_cast<int64_t>(people.size());
        after = people.back();
    }
    return true;
}

// Their numbers grow with the time at which people came: groups at even distances are of all ages.
void LookAtSome(const Audience& audience, AudiencePreview& preview, int64_t among) {
    static pg::Statement newest("SELECT coalesce(max(id), 0) FROM pulse.profile", {});
    const int64_t last = newest.Execute({})[0].Int8(0);
    const int64_t groups = std::min(kGroups, among);
    for (int64_t group = 0, after = 0; group < groups; ++group) {
        after = LookBehind(audience, preview, std::max(after, last / groups * group), among / groups);
        if (after == 0) break;
    }
    preview.IsOfSome();
}

void LookAt(const Audience& audience, AudiencePreview& preview, std::optional<int64_t> among) {
    if (among && HasMoreThan(audience, *among)) return LookAtSome(audience, preview, *among);
    for (int64_t after = 0; (after = LookBehind(audience, preview, after, kAtOnce)) > 0;) {
    }
}

}  // namespace

std::vector<PreviewLine> PreviewAudience(const std::string& name, int64_t sample,
                                         std::optional<int64_t> among) {
    if (sample < 0 || sample > kMostSample)
        ThrowInvalid("\"sample\" is out of range", "It is " + std::to_string(sample) + ".",
                     "Give 0 to " + std::to_string(kMostSample) + ".");
    if (among && (*among < 1 || *among > kMostAmong))
        ThrowInvalid("\"among\" is out of range", "It is " + std::to_string(*among) + ".",
                     "Give 1 to " + std::to_string(kMostAmong) + ", or null to look at everybody.");
    const pg::OwnerSession session;
    const Audience audience = LoadAudience(name);
    const Destination destination = DestinationOf(audience);
    if (const std::string why = WhyNotReadable(audience); !why.empty())
        throw UserError(sqlstate::kNotReady, "audience \"" + name + "\" cannot be read now", why + ".", "");
    AudiencePreview preview(audience, destination, sample);
    const trait::ForceIndexPlans force_index_plans;
    if (audience.of_people) {
        LookAt(audience, preview, among);
    } else {
        // What is read of a relation is rolled back.
        const pg::Subtransaction rolled_back;
        const pg::Session inner;
        ScanMembers(audience);
        LookAt(audience, preview, among);
    }
    return preview.Lines();
}

int64_t ReadAudienceFile(const std::string& name, const std::function<void(const std::string&)>& add) {
    const Audience audience = LoadAudience(name);
    const Destination destination = DestinationOf(audience);
    if (destination.platform != Platform::kFile)
        throw UserError(sqlstate::kWrongObjectType, "audience \"" + name + "\" has no file",
                        "Its destination is of the platform " + std::string(Name(destination.platform)) + ".",
                        "Create another audience of the segment with a destination of the platform file.");
    const auto add_lines = [&](const std::string& text) {
        for (size_t at = 0; at < text.size();) {
            size_t end = text.find('\n', at);
            if (end == std::string::npos) end = text.size();
            size_t stop = end;
            if (stop > at && text[stop - 1] == '\r') --stop;
            add(text.substr(at, stop - at));
            at = end + 1;
        }
    };
    add_lines(FileHeader(destination));
    pg::Cursor cursor(
        "SELECT cells FROM pulse.audience_member WHERE audience_id = $1 AND state = 'sent' ORDER BY profile_id",
        {Value::Int8(audience.id)});
    int64_t people = 0;
    for (;;) {
        const pg::Arena arena("pulse audience file");
        const pg::Result rows = cursor.Fetch(1000);
        if (rows.empty()) return people;
        for (uint64_t i = 0; i < rows.size(); ++i)
            if (const auto person = Unpack(pg::ToBytes(rows[i].Raw(0))))
                add_lines(FileLines(destination, Operation::kAdd, *person));
        people += static_cast<int64_t>(rows.size());
    }
}

}  // namespace pulse::audience
