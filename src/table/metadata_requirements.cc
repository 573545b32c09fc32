// Requirements of a metadata change; see metadata_update.h.
#include <map>
#include <string>

#include "table/metadata_update.h"

namespace millpond::table {
namespace {

using base::Json;

/// A requirement that compares one number of the document with one of the request.
struct NumberRule {
  const char* wanted;  // Key in the requirement.
  const char* actual;  // Key in the document.
  const char* what;
};

const std::map<std::string, NumberRule>& NumberRules() {
  static const std::map<std::string, NumberRule> rules = {
      {"assert-last-assigned-field-id",
       {"last-assigned-field-id", "last-column-id", "last assigned field id"}},
      {"assert-current-schema-id", {"current-schema-id", "current-schema-id", "current schema"}},
      {"assert-last-assigned-partition-id",
       {"last-assigned-partition-id", "last-partition-id", "last assigned partition id"}},
      {"assert-default-spec-id", {"default-spec-id", "default-spec-id", "default partition spec"}},
      {"assert-default-sort-order-id",
       {"default-sort-order-id", "default-sort-order-id", "default sort order"}},
  };
  return rules;
}

// The snapshot that a ref of the document names; null where there is no such ref.
Json SnapshotOfRef(const Json& document, const std::string& ref) {
  if (const auto refs = document.find("refs"); refs != document.end() && refs->is_object()) {
    if (const auto found = refs->find(ref); found != refs->end()) {
      return found->value("snapshot-id", Json());
    }
  }
  if (ref != "main") return nullptr;
  const Json current = document.value("current-snapshot-id", Json());
  return current == Json(-1) ? Json() : current;
}

Status CheckRef(const Json& document, const Json& requirement, std::string_view name) {
  ARROW_ASSIGN_OR_RAISE(const std::string ref, base::GetString(requirement, "ref", "requirement"));
  const Json actual = SnapshotOfRef(document, ref);
  const Json wanted = requirement.value("snapshot-id", Json());
  if (actual == wanted) return Status::OK();
  if (wanted.is_null()) {
    return base::Conflict("Requirement failed: branch or tag {} of {} was created concurrently",
                          ref, name);
  }
  if (actual.is_null()) {
    return base::Conflict("Requirement failed: branch or tag {} of {} is missing, expected {}", ref,
                          name, wanted.dump());
  }
  return base::Conflict(
      "Requirement failed: branch or tag {} of {} has changed: expected id {} != {}", ref, name,
      wanted.dump(), actual.dump());
}

Status CheckUuid(const Json& document, const Json& requirement, const char* key,
                 std::string_view name) {
  ARROW_ASSIGN_OR_RAISE(const std::string wanted,
                        base::GetString(requirement, "uuid", "requirement"));
  const std::string actual = document.value(key, std::string());
  if (actual == wanted) return Status::OK();
  return base::Conflict("Requirement failed: UUID does not match: expected {} != {} ({})", wanted,
                        actual, name);
}

Status CheckOne(const Json* document, const Json& requirement, std::string_view name) {
  ARROW_ASSIGN_OR_RAISE(const std::string type,
                        base::GetString(requirement, "type", "requirement"));
  if (type == "assert-create") {
    if (document == nullptr) return Status::OK();
    return base::Conflict("Requirement failed: table already exists: {}", name);
  }
  const auto rule = NumberRules().find(type);
  const bool known = rule != NumberRules().end() || type == "assert-table-uuid" ||
                     type == "assert-view-uuid" || type == "assert-ref-snapshot-id";
  if (!known) return base::Invalid("requirement '{}' is not one that Millpond knows", type);
  if (document == nullptr) return base::Conflict("Requirement failed: {} does not exist", name);
  if (type == "assert-table-uuid") return CheckUuid(*document, requirement, "table-uuid", name);
  if (type == "assert-view-uuid") return CheckUuid(*document, requirement, "view-uuid", name);
  if (type == "assert-ref-snapshot-id") return CheckRef(*document, requirement, name);
  ARROW_ASSIGN_OR_RAISE(const int64_t wanted,
                        base::GetInt(requirement, rule->second.wanted, "requirement"));
  const int64_t actual = document->value(rule->second.actual, int64_t{0});
  if (actual == wanted) return Status::OK();
  return base::Conflict("Requirement failed: {} changed: expected id {} != {} ({})",
                        rule->second.what, wanted, actual, name);
}

Status CheckTyped(const Json* document, const Json& requirement, std::string_view name) {
  try {
    return CheckOne(document, requirement, name);
  } catch (const Json::exception& error) {  // A value of another type than the protocol's.
    return base::Invalid("malformed requirement {}: {}", requirement.dump(), error.what());
  }
}

}  // namespace

Status CheckRequirements(const Json* document, const Json& requirements, std::string_view name) {
  if (!requirements.is_array()) return base::Invalid("\"requirements\" is not a list");
  for (const Json& requirement : requirements) {
    if (!requirement.is_object()) return base::Invalid("a requirement is not an object");
    const Status status = CheckTyped(document, requirement, name);
    // A malformed request is its sender's mistake, not damage.
    const bool malformed = base::KindOf(status) == base::ErrorKind::kCorrupt;
    if (!status.ok()) {
      return malformed ? base::WithKind(base::ErrorKind::kInvalid, status) : status;
    }
  }
  return Status::OK();
}

}  // namespace millpond::table
