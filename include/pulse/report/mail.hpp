// The body of the mail that carries a report: short tables without SVG, which mail programs drop, and plain
// text. Pure C++.
#pragma once

#include "pulse/report/figures.hpp"

namespace pulse::report {

struct MailBody {
    std::string subject, text, html;
};

// `file`: the name of the attachment; empty if the report is too large to be attached, which the mail then
// says, with the statement that makes it.
MailBody MakeMailBody(const Figures& figures, const std::string& file, size_t bytes);

// The same in a few lines, for chats.
std::string ShortText(const Figures& figures);

}  // namespace pulse::report
