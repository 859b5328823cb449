// Values of any type on their way into an aggregate, without allocating per row. For entry code of this room.
#pragma once

#include <charconv>
#include <unordered_map>

#include "pulse/base/time.hpp"
#include "pulse/pg/error.hpp"
#include "pulse/snapshot/decimal.hpp"

namespace pulse::snapshot {

// Reads the values of one argument. What its type needs is settled once.
class ValueReader {
  public:
    // The type as get_fn_expr_argtype() says it; a domain is read as what is below it. `context` lives at
    // least as long.
    ValueReader(Oid type, MemoryContext context);

    // The bytes of value::text; valid until the next call.
    std::string_view Text(Datum datum) {
        if (form_ == Form::kText) [[likely]]
            return Plain(datum);
        if (form_ == Form::kInt8) return Digits(DatumGetInt64(datum));
        if (form_ == Form::kInt4) return Digits(DatumGetInt32(datum));
        return OtherText(datum);
    }
    // numeric and the numbers; asked only if IsNumber().
    double Number(Datum datum) const {
        if (form_ != Form::kNumeric) return OtherNumber(datum);
        const std::string_view bytes = Plain(datum);
        return DecodeNumeric(bytes.data(), bytes.size());
    }
    // timestamp(tz) and date, in UTC; infinite ones as the extremes of an int64. Asked only if IsTime().
    Moment Time(Datum datum) const;
    // The hash of a member: hashtextextended(value::text, 0).
    uint64_t Hash(Datum datum) {
        const std::string_view text = Text(datum);
        return hash_bytes_extended(reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()), 0);
    }

    bool IsNumber() const { return form_ >= Form::kInt2 && form_ <= Form::kNumeric; }
    bool IsTime() const { return form_ >= Form::kTimestamptz && form_ <= Form::kDate; }
    Oid type() const { return type_; }

  private:
    enum class Form {
        kText,
        kPadded,
        kName,
        kBool,
        kUuid,
        kEnum,
        kInt2,
        kInt4,
        kInt8,
        kFloat4,
        kFloat8,
        kNumeric,
        kTimestamptz,
        kTimestamp,
        kDate,
        kOther
    };
    static Form FormOf(Oid type);
    // The bytes of a varlena in its place where they lie plain, else of a copy in the memory of the row.
    static std::string_view Plain(Datum datum) {
        const auto* value = reinterpret_cast<const struct varlena*>(DatumGetPointer(datum));
        if (VARATT_IS_COMPRESSED(value) || VARATT_IS_EXTERNAL(value)) [[unlikely]]
            value = Detoast(value);
        return {VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)};
    }
    static const struct varlena* Detoast(const struct varlena* value);
    template <typename Integer>
    std::string_view Digits(Integer number) {
        return {buffer_,
                static_cast<size_t>(std::to_chars(buffer_, buffer_ + sizeof buffer_, number).ptr - buffer_)};
    }
    std::string_view OtherText(Datum datum);
    double OtherNumber(Datum datum) const;
    void PrepareConversion();
    std::string_view Convert(Datum datum);
    std::string_view EnumLabel(Datum datum);

    Oid type_;
    Form form_;
    MemoryContext context_;
    bool cast_ = false;      // by a cast to text rather than by the type's output function
    FmgrInfo conversion_{};  // looked up when first needed
    char buffer_[48];        // a number or a uuid in text
    std::unordered_map<Oid, std::string> labels_;  // of an enum
};

}  // namespace pulse::snapshot
