// Each operation: connect, keep the source still, replace and compare within the target's
// transaction.
#include "ledger/ledger_copy.h"

#include <filesystem>

#include "base/log.h"
#include "base/temporary_folder.h"
#include "base/time.h"
#include "ledger/freeze.h"
#include "ledger/row_copy.h"

namespace millpond::ledger {
namespace {

namespace fs = std::filesystem;
using base::ErrorKind;

// Runs `work` while `source` shows one state.
Status WhileStill(SqlConnection* source, const std::function<Status()>& work) {
  ARROW_RETURN_NOT_OK(source->BeginSnapshot());
  return FinishTransaction(source, work);
}

Result<CopyReport> FillNew(SqlConnection* from, const LedgerPlace& to,
                           const base::Context& context) {
  CopyReport report;
  ARROW_RETURN_NOT_OK(WhileStill(from, [&] {
    return CreateLedger(to, [&](SqlConnection* made) -> Status {
      ARROW_ASSIGN_OR_RAISE(report, ReplaceRows(from, made, context));
      return Status::OK();
    });
  }));
  return report;
}

Result<CopyReport> FillAnew(SqlConnection* from, SqlConnection* to, const base::Context& context) {
  CopyReport report;
  ARROW_RETURN_NOT_OK(WhileStill(from, [&]() -> Status {
    ARROW_RETURN_NOT_OK(to->BeginAlone());
    return FinishTransaction(to, [&]() -> Status {
      ARROW_RETURN_NOT_OK(Unfreeze(to));
      ARROW_ASSIGN_OR_RAISE(report, ReplaceRows(from, to, context));
      return Status::OK();
    });
  }));
  return report;
}

Result<CopyReport> FillTarget(SqlConnection* from, const LedgerPlace& to,
                              const base::Context& context) {
  auto made = FillNew(from, to, context);
  if (base::KindOf(made.status()) != ErrorKind::kAlreadyExists) return made;
  ARROW_ASSIGN_OR_RAISE(auto there, ConnectLedger(to));
  ARROW_ASSIGN_OR_RAISE(auto left_for, FrozenFor(there.get()));
  if (left_for) return FillAnew(from, there.get(), context);
  // A move that was interrupted had done all but the switch.
  auto equal = CompareRows(from, there.get(), context);
  if (base::KindOf(equal.status()) == ErrorKind::kConflict) {
    return base::AlreadyExists("{}, and holds other rows ({})", made.status().message(),
                               equal.status().message());
  }
  return equal;
}

Status UnfreezeAlone(SqlConnection* connection) {
  ARROW_RETURN_NOT_OK(connection->BeginAlone());
  return FinishTransaction(connection, [&] { return Unfreeze(connection); });
}

// A backup is never written to: opening a ledger may migrate it, so a copy is opened.
Result<std::unique_ptr<SqlConnection>> OpenBackup(const std::string& file,
                                                  const base::TemporaryFolder& scratch) {
  std::error_code error;
  const std::string copy = scratch / "ledger.db";
  if (!fs::is_regular_file(file, error)) return base::NotFound("there is no file '{}'", file);
  fs::copy_file(file, copy, error);
  if (error) return base::FromErrno(error.value(), "read the backup " + file);
  ARROW_ASSIGN_OR_RAISE(auto ledger, OpenSqliteLedger(copy, OpenMode::kExisting));
  ARROW_RETURN_NOT_OK(ledger->CheckIntegrity());
  return ConnectLedger({.url = copy});
}

// Puts a file that is no ledger any more out of the way.
Status SetAside(const std::string& path) {
  const std::string aside = fmt::format("{}.damaged-{}", path, base::NowMs());
  for (const char* suffix : {"", "-wal", "-shm"}) {
    std::error_code error;
    if (!fs::exists(path + suffix, error)) continue;
    fs::rename(path + suffix, aside + suffix, error);
    if (error) return base::FromErrno(error.value(), "rename the damaged ledger " + path);
  }
  base::Log(base::LogLevel::kWarning, "kept the damaged ledger", {{"file", aside}});
  return Status::OK();
}

}  // namespace

Result<CopyReport> MoveRows(const LedgerPlace& from, const LedgerPlace& to,
                            const base::Context& context) {
  ARROW_ASSIGN_OR_RAISE(const std::string target, NameOf(to));
  ARROW_ASSIGN_OR_RAISE(const std::string source, NameOf(from));
  if (target == source) return base::Invalid("the ledger is at {} already", target);
  ARROW_ASSIGN_OR_RAISE(auto connection, ConnectLedger(from));
  ARROW_RETURN_NOT_OK(Freeze(connection.get(), target));
  auto moved = FillTarget(connection.get(), to, context);
  if (moved.ok()) return moved;
  Status thawed = UnfreezeAlone(connection.get());
  return thawed.ok() ? moved.status() : base::WithContext(moved.status().message(), thawed);
}

Status AbandonMove(const LedgerPlace& from) {
  ARROW_ASSIGN_OR_RAISE(auto connection, ConnectLedger(from));
  ARROW_ASSIGN_OR_RAISE(auto target, FrozenFor(connection.get()));
  if (!target) return base::NotFound("the ledger {} is not moving", connection->name());
  return UnfreezeAlone(connection.get());
}

Result<CopyReport> BackUp(const LedgerPlace& from, const std::string& file,
                          const base::Context& context) {
  ARROW_ASSIGN_OR_RAISE(auto connection, ConnectLedger(from));
  return FillNew(connection.get(), {.url = file}, context);
}

Result<CopyReport> Restore(const std::string& file, const LedgerPlace& to,
                           const base::Context& context) {
  const base::TemporaryFolder scratch("millpond-restore");
  ARROW_ASSIGN_OR_RAISE(auto backup, OpenBackup(file, scratch));
  auto there = ConnectLedger(to);
  if (there.ok()) {
    ARROW_RETURN_NOT_OK(CheckNotFrozen(there->get()));
    return FillAnew(backup.get(), there->get(), context);
  }
  const ErrorKind kind = base::KindOf(there.status());
  const bool is_file = KindOf(to) == "sqlite";
  if (kind == ErrorKind::kCorrupt && is_file) ARROW_RETURN_NOT_OK(SetAside(to.url));
  const bool absent = kind == ErrorKind::kCorrupt || (kind == ErrorKind::kNotFound && is_file);
  return absent ? FillNew(backup.get(), to, context) : there.status();
}

}  // namespace millpond::ledger
