// Ref expressions; see the header.
#include "table/ref_expression.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "base/text.h"
#include "base/time.h"
#include "table/history_rows.h"

namespace millpond::table {
namespace {

constexpr size_t kPrefixDigits = 6;
constexpr size_t kUuidLength = 36;

std::optional<int64_t> AsNumber(std::string_view text) {
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size() && !text.empty();
  return whole && text[0] != '-' ? std::optional(value) : std::nullopt;
}

}  // namespace

bool RefExpression::NamesHead() const { return name.empty() || name == kMainBranch; }
bool RefExpression::IsHead() const { return NamesHead() && back == 0; }

std::optional<int64_t> RefExpression::AsSnapshotId() const {
  return back == 0 ? AsNumber(name) : std::nullopt;
}

std::optional<int64_t> RefExpression::AsTime() const {
  auto time = base::ParseTime(name);
  return time.ok() ? std::optional(*time) : std::nullopt;
}

std::optional<std::string> RefExpression::AsCommitPrefix() const {
  const bool hex = std::all_of(name.begin(), name.end(),
                               [](unsigned char c) { return std::isxdigit(c) != 0 || c == '-'; });
  const auto digits = static_cast<size_t>(name.size()) -
                      static_cast<size_t>(std::count(name.begin(), name.end(), '-'));
  if (!hex || digits < kPrefixDigits || name.size() > kUuidLength) return std::nullopt;
  return base::ToLower(name);
}

Result<RefExpression> ParseRef(std::string_view text) {
  RefExpression ref;
  const size_t mark = text.rfind('~');
  if (mark == std::string_view::npos) {
    ref.name = text;
    return ref;
  }
  auto back = AsNumber(text.substr(mark + 1));
  if (!back) {
    return base::Invalid("'{}' is not a ref: '~' is followed by a number of commits, as in main~2",
                         text);
  }
  ref.name = text.substr(0, mark);
  ref.back = *back;
  return ref;
}

Status CheckRefName(const std::string& name, const std::string& kind) {
  // A dot is fine in a ref (v1.2), though not in the names that CheckName is for.
  std::string without_dots = name;
  std::replace(without_dots.begin(), without_dots.end(), '.', '_');
  ARROW_RETURN_NOT_OK(base::CheckName(without_dots, kind + " name"));
  const RefExpression ref{name, 0};
  const char* taken = nullptr;
  if (ref.NamesHead()) taken = "the main branch";
  if (name.find('~') != std::string::npos) taken = "a number of commits back";
  if (ref.AsSnapshotId()) taken = "a snapshot id";
  if (ref.AsTime()) taken = "a time";
  if (name.size() == kUuidLength && ref.AsCommitPrefix()) taken = "a commit id";
  if (taken == nullptr) return Status::OK();
  return base::Invalid("the {} name '{}' would be read as {}; choose another, such as v1", kind,
                       name, taken);
}

}  // namespace millpond::table
