#include "pulse/diagnosis/agent_answer.hpp"

#include <algorithm>
#include <cmath>

#include "pulse/diagnosis/text.hpp"

namespace pulse::diagnosis {

namespace {

// Limits for showing an answer in a message or on a page.
constexpr size_t kMaxSentences = 10, kMaxHypotheses = 6, kMaxRecommendations = 8, kMaxCited = 20,
                 kMaxProblems = 20;
constexpr size_t kMaxSentence = 1000, kMaxCause = 120, kMaxSql = 10'000;

Json Object(const Json& properties) {
    Json required = Json::array();
    for (const auto& [name, schema] : properties.items()) required.push_back(name);
    return {{"type", "object"},
            {"properties", properties},
            {"required", required},
            {"additionalProperties", false}};
}

Json ListOf(const Json& items) {
    return {{"type", "array"}, {"items", items}};
}

Json Described(const char* type, const char* description) {
    return {{"type", type}, {"description", description}};
}

class AnswerChecker {
  public:
    AnswerChecker(const std::set<std::string>& evidence, const SqlCheck& check_sql)
        : evidence_(evidence), check_sql_(check_sql) {}

    CheckedAnswer Run(const Json& answer) {
        if (!answer.is_object()) {
            AddProblem("the answer", "is not a JSON object");
            return std::move(checked_);
        }
        Json& clean = checked_.answer = Json::object();
        clean["what_changed"] =
            Each(answer, "what_changed", kMaxSentences, [&](const Json& item, const std::string& where) {
                return Text(item, where, kMaxSentence, false);
            });
        clean["hypotheses"] =
            Each(answer, "hypotheses", kMaxHypotheses,
                 [&](const Json& item, const std::string& where) { return Hypothesis(item, where); });
        clean["recommendations"] =
            Each(answer, "recommendations", kMaxRecommendations,
                 [&](const Json& item, const std::string& where) { return Recommendation(item, where); });
        if (answer.contains("hypotheses") && answer["hypotheses"].is_array() && answer["hypotheses"].empty())
            AddProblem("hypotheses", "is empty; give at least one, with a low confidence if you are unsure");
        auto& list = clean["hypotheses"];
        std::stable_sort(list.begin(), list.end(), [](const Json& a, const Json& b) {
            return a.value("confidence", 0.0) > b.value("confidence", 0.0);
        });
        return std::move(checked_);
    }

  private:
    void AddProblem(const std::string& where, const std::string& what) {
        if (checked_.problems.size() < kMaxProblems) checked_.problems.push_back(where + " " + what);
    }

    template <typename Body>
    Json Each(const Json& object, const char* name, size_t most, Body body) {
        Json list = Json::array();
        const auto found = object.find(name);
        if (found == object.end() || !found->is_array()) {
            AddProblem(name, found == object.end() ? "is missing" : "is not a list");
            return list;
        }
        if (found->size() > most)
            AddProblem(name, "has " + std::to_string(found->size()) + " entries; at most " +
                                 std::to_string(most) + " are shown");
        for (size_t i = 0; i < std::min(found->size(), most); ++i)
            list.push_back(body((*found)[i], std::string(name) + "[" + std::to_string(i) + "]"));
        return list;
    }

    Json Text(const Json& value, const std::string& where, size_t longest, bool may_be_empty) {
        if (!value.is_string()) {
            AddProblem(where, "is not a string");
            return "";
        }
        const std::string& text = value.get_ref<const std::string&>();
        if (text.size() > longest) AddProblem(where, "is longer than " + std::to_string(longest) + " bytes");
        if (!may_be_empty && text.find_first_not_of(" \t\r\n") == std::string::npos)
            AddProblem(where, "is empty");
        return text;
    }

    Json Field(const Json& object, const std::string& where, const char* name, size_t longest,
               bool may_be_empty = false) {
        const auto found = object.find(name);
        if (found == object.end()) {
            AddProblem(where + "." + name, "is missing");
            return "";
        }
        return Text(*found, where + "." + name, longest, may_be_empty);
    }

    Json Hypothesis(const Json& item, const std::string& where) {
        Json clean = Json::object();
        if (!item.is_object()) {
            AddProblem(where, "is not an object");
            return clean;
        }
        clean["cause"] = Field(item, where, "cause", kMaxCause);
        clean["sentence"] = Field(item, where, "sentence", kMaxSentence);
        clean["confidence"] = 0.0;
        const auto confidence = item.find("confidence");
        if (confidence == item.end() || !confidence->is_number())
            AddProblem(where + ".confidence", "is not a number");
        else if (const double number = confidence->get<double>(); !(number >= 0 && number <= 1))
            AddProblem(where + ".confidence", "is not between 0 and 1");
        else
            clean["confidence"] = std::round(number * 1000) / 1000;
        clean["evidence"] = Citations(item, where);
        return clean;
    }

    // Every id must have been shown to the model, and a hypothesis without evidence is refused.
    Json Citations(const Json& item, const std::string& where) {
        Json cited = Json::array();
        const auto found = item.find("evidence");
        if (found == item.end() || !found->is_array()) {
            AddProblem(where + ".evidence", "is not a list of evidence ids");
            return cited;
        }
        if (found->empty()) AddProblem(where + ".evidence", "is empty; cite at least one evidence id");
        if (found->size() > kMaxCited)
            AddProblem(where + ".evidence", "cites more than " + std::to_string(kMaxCited) + " ids");
        for (size_t i = 0; i < std::min(found->size(), kMaxCited); ++i) {
            const Json& id = (*found)[i];
            const std::string text = id.is_string() ? id.get<std::string>() : "";
            if (!evidence_.contains(text))
                AddProblem(where + ".evidence", "cites " +
                                                    (id.is_string() ? "\"" + Short(text, 40) + "\""
                                                                    : "a value that is not a string") +
                                                    ", which does not exist; existing ids: " + Known());
            else if (std::find(cited.begin(), cited.end(), id) == cited.end())
                cited.push_back(text);
        }
        return cited;
    }

    std::string Known() const { return Listed({evidence_.begin(), evidence_.end()}, 40); }

    Json Recommendation(const Json& item, const std::string& where) {
        Json clean = Json::object();
        if (!item.is_object()) {
            AddProblem(where, "is not an object");
            return clean;
        }
        clean["action"] = Field(item, where, "action", kMaxSentence);
        clean["reason"] = Field(item, where, "reason", kMaxSentence);
        clean["priority"] = Field(item, where, "priority", 10);
        const std::string priority = clean["priority"].get<std::string>();
        if (priority != "low" && priority != "medium" && priority != "high")
            AddProblem(where + ".priority", "is not low, medium or high");
        clean["sql"] = "";
        const auto sql = item.find("sql");
        if (sql == item.end() || sql->is_null()) return clean;
        clean["sql"] = Text(*sql, where + ".sql", kMaxSql, true);
        const std::string text = clean["sql"].get<std::string>();
        if (text.find_first_not_of(" \t\r\n") == std::string::npos) {
            clean["sql"] = "";
        } else if (text.size() <= kMaxSql && check_sql_) {
            const std::string problem = check_sql_(text);
            if (!problem.empty()) AddProblem(where + ".sql", problem);
        }
        return clean;
    }

    const std::set<std::string>& evidence_;
    const SqlCheck& check_sql_;
    CheckedAnswer checked_;
};

// Returns the end of the object that begins at `begin`; npos when it is not closed.
size_t EndOfObject(const std::string& text, size_t begin) {
    int depth = 0;
    bool quoted = false;
    for (size_t i = begin; i < text.size(); ++i) {
        const char c = text[i];
        if (quoted) {
            if (c == '\\')
                ++i;
            else if (c == '"')
                quoted = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{') {
            ++depth;
        } else if (c == '}' && --depth == 0) {
            return i + 1;
        }
    }
    return std::string::npos;
}

}  // namespace

const Json& AnswerSchema() {
    static const Json schema = Object(
        {{"what_changed", ListOf(Described("string", "One sentence with figures on what changed."))},
         {"hypotheses",
          ListOf(Object({{"cause", Described("string", "The cause in a few words.")},
                         {"sentence", Described("string", "One sentence that explains why it happened.")},
                         {"confidence", Described("number", "From 0 to 1.")},
                         {"evidence", ListOf(Described(
                                          "string", "Id of evidence that was shown, such as e1 or t2."))}}))},
         {"recommendations",
          ListOf(
              Object({{"action", Described("string", "The action that a person should take.")},
                      {"reason", Described("string", "Why.")},
                      {"priority", {{"type", "string"}, {"enum", {"low", "medium", "high"}}}},
                      {"sql",
                       {{"type", {"string", "null"}},
                        {"description", "One read-only SELECT that helps to verify this, or null."}}}}))}});
    return schema;
}

std::optional<Json> FindObject(const std::string& text) {
    if (auto whole = ParseModelJson(text); whole && whole->is_object()) return whole;
    constexpr int kTries = 20;
    size_t begin = text.find('{');
    for (int i = 0; i < kTries && begin != std::string::npos; ++i) {
        const size_t end = EndOfObject(text, begin);
        if (end != std::string::npos) {
            auto part = ParseModelJson(text.substr(begin, end - begin));
            if (part && part->is_object()) return part;
        }
        begin = text.find('{', begin + 1);
    }
    return std::nullopt;
}

CheckedAnswer CheckAnswer(const Json& answer, const std::set<std::string>& evidence,
                          const SqlCheck& check_sql) {
    return AnswerChecker(evidence, check_sql).Run(answer);
}

}  // namespace pulse::diagnosis
