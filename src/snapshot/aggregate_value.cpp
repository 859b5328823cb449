#include "pulse/snapshot/aggregate.hpp"
#include "pulse/snapshot/decimal.hpp"

namespace pulse::snapshot {

namespace {

// Whether the type converts to text by a function of its own; pg_proc's name for it, or nothing.
Oid CastToText(Oid type) {
    return pg::Call([&] {
        Oid function = InvalidOid;
        if (find_coercion_pathway(TEXTOID, type, COERCION_EXPLICIT, &function) != COERCION_PATH_FUNC)
            return InvalidOid;
        return get_func_nargs(function) == 1 ? function : InvalidOid;
    });
}

}  // namespace

ValueReader::Form ValueReader::FormOf(Oid type) {
    switch (type) {
        case TEXTOID:
        case VARCHAROID: return Form::kText;
        case BPCHAROID: return Form::kPadded;
        case NAMEOID: return Form::kName;
        case BOOLOID: return Form::kBool;
        case UUIDOID: return Form::kUuid;
        case INT2OID: return Form::kInt2;
        case INT4OID: return Form::kInt4;
        case INT8OID: return Form::kInt8;
        case FLOAT4OID: return Form::kFloat4;
        case FLOAT8OID: return Form::kFloat8;
        case NUMERICOID: return Form::kNumeric;
        case TIMESTAMPTZOID: return Form::kTimestamptz;
        case TIMESTAMPOID: return Form::kTimestamp;
        case DATEOID: return Form::kDate;
        default: return pg::Call([&] { return type_is_enum(type); }) ? Form::kEnum : Form::kOther;
    }
}

ValueReader::ValueReader(Oid type, MemoryContext context)
    : type_(pg::Call([&] { return getBaseType(type); })), form_(FormOf(type_)), context_(context) {}

void ValueReader::PrepareConversion() {
    Oid function = CastToText(type_);
    cast_ = OidIsValid(function);
    pg::Call([&] {
        bool varlena;
        if (!OidIsValid(function)) getTypeOutputInfo(type_, &function, &varlena);
        fmgr_info_cxt(function, &conversion_, context_);
    });
}

std::string_view ValueReader::Convert(Datum datum) {
    if (!OidIsValid(conversion_.fn_oid)) PrepareConversion();
    if (cast_) return Plain(pg::Call([&] { return FunctionCall1(&conversion_, datum); }));
    return pg::Call([&] { return OutputFunctionCall(&conversion_, datum); });
}

std::string_view ValueReader::EnumLabel(Datum datum) {
    const Oid value = DatumGetObjectId(datum);
    const auto known = labels_.find(value);
    if (known != labels_.end()) return known->second;
    return labels_.emplace(value, std::string(Convert(datum))).first->second;
}

const struct varlena* ValueReader::Detoast(const struct varlena* value) {
    return pg::Call([&] { return pg_detoast_datum_packed(const_cast<struct varlena*>(value)); });
}

std::string_view ValueReader::OtherText(Datum datum) {
    switch (form_) {
        case Form::kPadded: {
            const std::string_view text = Plain(datum);
            return text.substr(0, text.find_last_not_of(' ') + 1);
        }
        case Form::kName: return NameStr(*reinterpret_cast<const NameData*>(DatumGetPointer(datum)));
        case Form::kBool: return DatumGetBool(datum) ? "true" : "false";
        case Form::kInt2: return Digits(DatumGetInt16(datum));
        case Form::kUuid: {
            constexpr char kHex[] = "0123456789abcdef";
            const unsigned char* bytes = DatumGetUUIDP(datum)->data;
            char* end = buffer_;
            for (int i = 0; i < UUID_LEN; ++i) {
                if (i == 4 || i == 6 || i == 8 || i == 10) *end++ = '-';
                *end++ = kHex[bytes[i] >> 4];
                *end++ = kHex[bytes[i] & 15];
            }
            return {buffer_, static_cast<size_t>(end - buffer_)};
        }
        case Form::kEnum: return EnumLabel(datum);
        default: return Convert(datum);
    }
}

double ValueReader::OtherNumber(Datum datum) const {
    switch (form_) {
        case Form::kInt2: return DatumGetInt16(datum);
        case Form::kInt4: return DatumGetInt32(datum);
        case Form::kInt8: return static_cast<double>(DatumGetInt64(datum));
        case Form::kFloat4: return DatumGetFloat4(datum);
        default: return DatumGetFloat8(datum);
    }
}

Moment ValueReader::Time(Datum datum) const {
    if (form_ != Form::kDate) return DatumGetTimestampTz(datum);
    const DateADT date = DatumGetDateADT(datum);
    if (DATE_IS_NOBEGIN(date)) return DT_NOBEGIN;
    if (DATE_IS_NOEND(date)) return DT_NOEND;
    // Beyond the years that a timestamp can say, a date counts as infinite.
    Moment moment;
    return __builtin_mul_overflow(static_cast<int64_t>(date), kDay, &moment) ? DT_NOEND : moment;
}

}  // namespace pulse::snapshot
