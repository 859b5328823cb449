#include "pulse/insight/rfm.hpp"

#include <algorithm>
#include <sstream>

namespace pulse::insight {

namespace {

enum Group : size_t {
    kChampions,
    kLoyal,
    kPotential,
    kNew,
    kPromising,
    kNeedAttention,
    kAboutToSleep,
    kAtRisk,
    kCannotLose,
    kHibernating,
    kLost
};

constexpr std::array<RfmGroup, kRfmGroups> kGroups{{
    {"champions", "Reward them, show them what is new first, and ask them for reviews."},
    {"loyal_customers", "Offer them better products and membership in a loyalty programme."},
    {"potential_loyalists", "Recommend related products and a loyalty programme."},
    {"new_customers", "Welcome them, help with the first steps, and ask for the second purchase early."},
    {"promising", "Make the brand better known to them; free trials and small presents help."},
    {"need_attention", "Make offers for a limited time, based on what they bought."},
    {"about_to_sleep", "Remind them of popular products, and win them back before they are gone."},
    {"at_risk", "Write to them personally, renew contact, offer help."},
    {"cannot_lose", "Call them, learn why they stay away, and do not lose them to others."},
    {"hibernating", "Recommend other products at a discount, and renew the value of the brand."},
    {"lost", "Try once more by a campaign of its own; otherwise leave them out."},
}};

// In this order each group occurs, and the last one is for the rest.
size_t ByRules(int r, int f, int m) {
    if (r >= 4 && f >= 4 && m >= 4) return kChampions;
    if (r == 1 && f >= 4 && m >= 4) return kCannotLose;
    if (r <= 2 && (f >= 4 || m >= 4)) return kAtRisk;
    if (f >= 4 && r >= 3) return kLoyal;
    if (r >= 4 && f >= 2 && f <= 3) return kPotential;
    if (r >= 4 && f <= 2) return kNew;
    if (r >= 3 && f >= 2 && m <= 2) return kPromising;
    if (r == 1 && f <= 2 && m <= 2) return kLost;
    // Code 3-1-x would be in no group: who bought once, not long ago, needs attention.
    if ((r >= 2 && r <= 3 && f >= 2 && f <= 3) || (r == 3 && f == 1)) return kNeedAttention;
    if (r <= 2 && f >= 2) return kAboutToSleep;
    return kHibernating;
}

// The codes of each group as published (Squeezely, "RFM segmentation"), in the order of kGroups.
constexpr std::array<const char*, kRfmGroups> kPublishedCodes{
    "555 554 544 545 454 455 445",
    "543 444 435 355 354 345 344 335",
    "553 551 552 541 542 533 532 531 452 451 442 441 431 453 433 432 423 353 352 351 342 341 333 323",
    "512 511 422 421 412 411 311",
    "525 524 523 522 521 515 514 513 425 424 413 414 415 315 314 313",
    "535 534 443 434 343 334 325 324",
    "331 321 312 221 213 231 241 251",
    "255 254 245 244 253 252 243 242 235 234 225 224 153 152 145 143 142 135 134 133 125 124",
    "155 154 144 214 215 115 114 113",
    "332 322 233 232 223 222 132 123 122 212 211",
    "111 112 121 131 141 151",
};

constexpr size_t kCodes = 125;

size_t PlaceOf(int r, int f, int m) {
    return static_cast<size_t>((r - 1) * 25 + (f - 1) * 5 + m - 1);
}

std::array<size_t, kCodes> ReadPublished() {
    std::array<size_t, kCodes> groups{};
    for (size_t group = 0; group < kRfmGroups; ++group) {
        std::istringstream codes(kPublishedCodes[group]);
        for (std::string code; codes >> code;)
            groups[PlaceOf(code[0] - '0', code[1] - '0', code[2] - '0')] = group;
    }
    return groups;
}

std::vector<std::string> PathOf(const std::string& property) {
    std::vector<std::string> path(1);
    for (const char c : property) {
        if (c == '.')
            path.emplace_back();
        else
            path.back() += c;
    }
    return path;
}

// if(…) for the scores from 5 to 1: what `of` says of each. Neighbours that say the same are one.
template <typename Of>
std::string ByScore(const std::string& value, const char* op, const RfmCuts& cuts, Of of) {
    std::string text = of(1);
    for (int score = 2; score <= kScores; ++score) {
        const std::optional<std::string>& cut = cuts[static_cast<size_t>(kScores - score)];
        const std::string here = of(score);
        if (cut && here != text) text = "if(" + value + op + *cut + ", " + here + ", " + text + ")";
    }
    return text;
}

// The parts of the rules, as texts.
class RuleText {
  public:
    explicit RuleText(const RfmSettings& settings) : settings_(settings) {
        const RfmMetrics metrics = MetricsOf(settings);
        days_ = "days_since(" + rule::Print(metrics.last) + ")";
        count_ = rule::Print(metrics.count);
        sum_ = rule::Print(metrics.sum);
    }

    template <typename Of>
    std::string Recency(Of of) const {
        return ByScore(days_, " <= ", settings_.recency, of);
    }
    template <typename Of>
    std::string Frequency(Of of) const {
        return ByScore(count_, " >= ", settings_.frequency, of);
    }
    template <typename Of>
    std::string Monetary(Of of) const {
        return ByScore(sum_, " >= ", settings_.monetary, of);
    }

    std::string Group() const {
        return Recency([&](int r) {
            return Frequency([&](int f) {
                return Monetary([&](int m) {
                    return std::string("\"") + kGroups[GroupOf(settings_.grouping, r, f, m)].name + "\"";
                });
            });
        });
    }

    // Only for people with such an event in the window.
    std::string Known(const std::string& text) const { return "if(" + count_ + " >= 1, " + text + ", null)"; }

  private:
    const RfmSettings& settings_;
    std::string days_, count_, sum_;
};

std::string Digit(int score) {
    return std::to_string(score);
}

}  // namespace

const std::array<RfmGroup, kRfmGroups>& RfmGroups() {
    return kGroups;
}

const char* Name(RfmGrouping grouping) {
    return grouping == RfmGrouping::kRules ? "rules" : "published";
}

std::optional<RfmGrouping> FindRfmGrouping(std::string_view name) {
    for (const RfmGrouping grouping : {RfmGrouping::kRules, RfmGrouping::kPublished})
        if (name == Name(grouping)) return grouping;
    return std::nullopt;
}

size_t GroupOf(RfmGrouping grouping, int recency, int frequency, int monetary) {
    static const std::array<size_t, kCodes> published = ReadPublished();
    return grouping == RfmGrouping::kRules ? ByRules(recency, frequency, monetary)
                                           : published[PlaceOf(recency, frequency, monetary)];
}

RfmMetrics MetricsOf(const RfmSettings& settings) {
    rule::Metric metric;
    metric.event = settings.event;
    metric.window.kind = rule::Window::Kind::kSliding;
    metric.window.from = int64_t{settings.window_days} * 86'400;
    RfmMetrics metrics{metric, metric, metric};
    metrics.last.aggregate = rule::Aggregate::kLastSeen;
    metrics.sum.aggregate = rule::Aggregate::kSum;
    metrics.sum.property = PathOf(settings.property);
    return metrics;
}

const std::vector<std::string>& RfmNames() {
    static const std::vector<std::string> names = {"recency", "frequency", "monetary", "score", "group"};
    return names;
}

std::string RfmRule(const RfmSettings& settings, std::string_view name) {
    const RuleText text(settings);
    const std::string recency = text.Recency(Digit), frequency = text.Frequency(Digit),
                      monetary = text.Monetary(Digit);
    if (name == "recency") return text.Known(recency);
    if (name == "frequency") return text.Known(frequency);
    if (name == "monetary") return text.Known(monetary);
    if (name == "group") return text.Known(text.Group());
    return text.Known("round((" + recency + " + " + frequency + " + " + monetary + ") / 3)");
}

}  // namespace pulse::insight
