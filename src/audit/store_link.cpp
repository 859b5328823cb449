// Reading what is hashed.
#include "pulse/audit/store_chain.hpp"

namespace pulse::audit {

std::string ReadBytes(const pg::Row& row, int column) {
    return row.IsNull(column) ? "" : pg::ToBytes(row.Raw(column));
}

pg::Value BytesValue(std::string_view bytes) {
    return {BYTEAOID, pg::FromBytes(bytes), false};
}

Content ReadContent(const pg::Row& row, int first) {
    Content content;
    content.at = row.Time(first);
    content.actor = row.Text(first + 1);
    content.actor_kind = row.Text(first + 2);
    content.login = row.Text(first + 3);
    content.action = row.Text(first + 4);
    content.subject = row.Text(first + 5);
    content.details = row.Text(first + 6);
    content.personal_digest = ReadBytes(row, first + 7);
    return content;
}

}  // namespace pulse::audit
