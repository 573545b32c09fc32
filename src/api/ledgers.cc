// Finding the pond, one call of ledger/ledger_copy.h, and the switch of millpond.toml.
#include "api/ledgers.h"

#include <sys/file.h>

#include <fstream>
#include <sstream>

#include "api/doctor.h"
#include "base/folder_lock.h"
#include "base/url.h"
#include "ledger/freeze.h"
#include "ledger/ledger_copy.h"
#include "ledger/migration.h"
#include "store/local_store.h"

namespace millpond::api {
namespace {

using base::Json;

constexpr const char* kSetting = "ledger.url";

Json RowsOf(const ledger::CopyReport& report) {
  int64_t total = 0;
  for (const auto& [table, rows] : report) total += rows;
  return Json{{"total", total}, {"tables", report}};
}

// One move of a pond at a time, on this machine.
Result<std::unique_ptr<base::FolderLock>> LockForMove(const PondPlace& place) {
  // Not the pond's folder itself: who makes a ledger file locks that.
  ARROW_ASSIGN_OR_RAISE(auto lock,
                        base::FolderLock::Take(place.folder + "/truth", LOCK_EX | LOCK_NB));
  if (lock->held()) return lock;
  return base::Unavailable(
      "the ledger of {} is being moved by another process; try "
      "again when it is done",
      place.folder);
}

Result<std::string> ReadToml(const PondPlace& place) {
  std::ifstream file(place.toml_path(), std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) return base::Unavailable("cannot read {}", place.toml_path());
  return text.str();
}

// The setting must come from millpond.toml, or from nowhere: the file is what is switched.
Status CheckSwitchable(const PondPlace& place) {
  for (const auto& value : place.config.All()) {
    if (value.info->name != kSetting) continue;
    if (value.origin == "default" || value.origin.starts_with(place.toml_path())) break;
    return base::Invalid(
        "the setting {} comes from {}, which would win over {}: unset it, and move again", kSetting,
        value.origin, place.toml_path());
  }
  return Status::OK();
}

Result<PondPlace> TargetOf(const PondPlace& place, const std::string& target) {
  const std::string url = target == "sqlite" ? "" : target;
  PondPlace moved{place.folder, {}};
  ARROW_ASSIGN_OR_RAISE(moved.config, base::Config::Load("", {}, {{kSetting, url}}));
  return moved;
}

}  // namespace

Result<Json> ShowLedger(const OpenOptions& options) {
  ARROW_ASSIGN_OR_RAISE(PondPlace place, FindPond(options));
  ARROW_ASSIGN_OR_RAISE(auto connection, ledger::ConnectLedger(place.ledger()));
  ARROW_ASSIGN_OR_RAISE(const int64_t version, ledger::ReadVersion(connection.get()));
  ARROW_ASSIGN_OR_RAISE(auto moving, ledger::FrozenFor(connection.get()));
  return Json{{"pond", place.folder},
              {"kind", ledger::KindOf(place.ledger())},
              {"ledger", connection->name()},
              {"version", version},
              {"moving_to", moving ? Json(*moving) : Json(nullptr)}};
}

Result<Json> MoveLedger(const OpenOptions& options, const std::string& target,
                        const base::Context& context) {
  ARROW_ASSIGN_OR_RAISE(PondPlace place, FindPond(options));
  ARROW_RETURN_NOT_OK(CheckSwitchable(place));
  ARROW_ASSIGN_OR_RAISE(auto lock, LockForMove(place));
  ARROW_ASSIGN_OR_RAISE(PondPlace moved, TargetOf(place, target));
  ARROW_ASSIGN_OR_RAISE(std::string toml, ReadToml(place));
  ARROW_ASSIGN_OR_RAISE(const std::string from, ledger::NameOf(place.ledger()));
  ledger::LedgerPlace to = moved.ledger();
  to.busy_ms = place.ledger().busy_ms;
  ARROW_ASSIGN_OR_RAISE(const std::string name, ledger::NameOf(to));
  ARROW_ASSIGN_OR_RAISE(auto rows, ledger::MoveRows(place.ledger(), to, context));
  ARROW_RETURN_NOT_OK(store::ReplaceFile(
      place.toml_path(), base::WithSetting(toml, kSetting, moved.config.GetString(kSetting))));
  return Json{{"from", from}, {"to", name}, {"rows", RowsOf(rows)}};
}

Status AbandonLedgerMove(const OpenOptions& options) {
  ARROW_ASSIGN_OR_RAISE(PondPlace place, FindPond(options));
  ARROW_ASSIGN_OR_RAISE(auto lock, LockForMove(place));
  return ledger::AbandonMove(place.ledger());
}

Result<Json> BackUpLedger(const OpenOptions& options, const std::string& file,
                          const base::Context& context) {
  ARROW_ASSIGN_OR_RAISE(PondPlace place, FindPond(options));
  ARROW_ASSIGN_OR_RAISE(auto rows, ledger::BackUp(place.ledger(), file, context));
  return Json{{"file", file}, {"rows", RowsOf(rows)}};
}

Result<Json> RestoreLedger(const OpenOptions& options, const std::string& file,
                           const base::Context& context) {
  ARROW_ASSIGN_OR_RAISE(PondPlace place, FindPond(options));
  ARROW_ASSIGN_OR_RAISE(auto rows, ledger::Restore(file, place.ledger(), context));
  // The rows are back for good; what follows can be had again from doctor --repair.
  ARROW_ASSIGN_OR_RAISE(auto pond, Pond::Open(options));
  ARROW_ASSIGN_OR_RAISE(Json report, RepairTables(*pond, context));
  report.update(Json{{"file", file}, {"rows", RowsOf(rows)}});
  return report;
}

}  // namespace millpond::api
