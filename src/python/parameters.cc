// Values for the ? of a statement, from Python objects, with the type that Python gives them.
#include "python/bindings.h"

namespace millpond::python {

namespace nb = nanobind;
using base::Json;

namespace {

constexpr int64_t kEpochOrdinal = 719163;  // date(1970, 1, 1).toordinal()
constexpr int64_t kMicrosPerSecond = 1'000'000;

int64_t MicrosOf(const nb::object& delta) {
  return (nb::cast<int64_t>(delta.attr("days")) * 86400 +
          nb::cast<int64_t>(delta.attr("seconds"))) *
             kMicrosPerSecond +
         nb::cast<int64_t>(delta.attr("microseconds"));
}

Json OfDatetime(const nb::module_& datetime, nb::handle value) {
  const bool zoned = !value.attr("utcoffset")().is_none();
  const nb::object zone = zoned ? datetime.attr("timezone").attr("utc") : nb::none();
  const nb::object epoch = datetime.attr("datetime")(1970, 1, 1, 0, 0, 0, 0, zone);
  const int64_t micros = MicrosOf(nb::object(value - epoch));
  return {{zoned ? "TIMESTAMPTZ" : "TIMESTAMP", micros}};
}

Json OfTime(nb::handle value) {
  if (!value.attr("tzinfo").is_none()) {
    ThrowIfFailed(
        base::Invalid("a time of day with a zone cannot be a parameter; give a datetime "
                      "or a time without tzinfo"));
  }
  auto part = [&](const char* name) { return nb::cast<int64_t>(value.attr(name)); };
  const int64_t seconds = (part("hour") * 60 + part("minute")) * 60 + part("second");
  return {{"TIME", seconds * kMicrosPerSecond + part("microsecond")}};
}

Json OfDecimal(nb::handle value) {
  if (!nb::cast<bool>(value.attr("is_finite")())) {
    ThrowIfFailed(
        base::Invalid("the decimal {} cannot be a parameter; give float('nan') or "
                      "float('inf')",
                      nb::str(value).c_str()));
  }
  const nb::object parts = value.attr("as_tuple")();
  const auto exponent = nb::cast<int64_t>(parts.attr("exponent"));
  std::string digits;
  for (auto digit : parts.attr("digits")) digits += nb::str(digit).c_str();
  constexpr int64_t kMaxDigits = 38;
  if (exponent > kMaxDigits || exponent < -kMaxDigits ||
      static_cast<int64_t>(digits.size()) + std::max<int64_t>(exponent, 0) > kMaxDigits) {
    ThrowIfFailed(base::Invalid("the decimal {} has more than 38 digits", nb::str(value).c_str()));
  }
  if (exponent > 0) digits.append(static_cast<size_t>(exponent), '0');
  if (nb::cast<int>(parts.attr("sign")) != 0) digits = fmt::format("-{}", digits);
  return {{"DECIMAL", digits}, {"scale", std::max<int64_t>(-exponent, 0)}};
}

Json OfInteger(nb::handle value) {
  const auto bits = nb::cast<int64_t>(value.attr("bit_length")());
  int overflow = 0;
  PyLong_AsLongLongAndOverflow(value.ptr(), &overflow);
  if (overflow == 0 || (overflow > 0 && bits <= 64)) return ToJson(value);
  if (bits > 127) {
    ThrowIfFailed(
        base::Invalid("an integer of {} bits cannot be a parameter; the largest type has "
                      "128 bits with its sign",
                      bits));
  }
  return {{"HUGEINT", nb::str(value).c_str()}};
}

Json OfBytes(nb::handle value) {
  const nb::bytes bytes(value);
  const auto* begin = reinterpret_cast<const uint8_t*>(bytes.data());
  return Json::binary(Json::binary_t::container_type(begin, begin + bytes.size()));
}

Json ParameterOf(const nb::module_& datetime, const nb::module_& decimal, nb::handle value) {
  auto is = [&](const nb::module_& module, const char* type) {
    return nb::isinstance(value, module.attr(type));
  };
  if (nb::isinstance<nb::bool_>(value)) return ToJson(value);
  if (nb::isinstance<nb::int_>(value)) return OfInteger(value);
  if (PyBytes_Check(value.ptr()) || PyByteArray_Check(value.ptr())) return OfBytes(value);
  if (is(datetime, "datetime")) return OfDatetime(datetime, value);
  if (is(datetime, "date")) {
    return {{"DATE", nb::cast<int64_t>(value.attr("toordinal")()) - kEpochOrdinal}};
  }
  if (is(datetime, "time")) return OfTime(value);
  if (is(decimal, "Decimal")) return OfDecimal(value);
  if (value.is_none() || nb::isinstance<nb::float_>(value) || nb::isinstance<nb::str>(value)) {
    return ToJson(value);
  }
  const nb::str type = nb::str(nb::handle(reinterpret_cast<PyObject*>(Py_TYPE(value.ptr()))));
  throw nb::type_error(fmt::format("expected a parameter of type None, bool, int, float, str, "
                                   "bytes, date, time, datetime or Decimal, not {}",
                                   type.c_str())
                           .c_str());
}

}  // namespace

std::vector<Json> ParametersOf(nb::handle values) {
  if (nb::len(values) == 0) return {};  // The modules below take a while to import.
  const nb::module_ datetime = nb::module_::import_("datetime");
  const nb::module_ decimal = nb::module_::import_("decimal");
  std::vector<Json> parameters;
  for (auto value : values) parameters.push_back(ParameterOf(datetime, decimal, value));
  return parameters;
}

}  // namespace millpond::python
