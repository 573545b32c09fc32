// An opened pond: its settings, ledger, store, catalog and the caller's identity, wired once. Every
// verb (one file each in this room) is a function over it; the CLI, the server and Python call
// verbs and nothing below. Thread safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/config.h"
#include "base/error.h"
#include "derived/cache.h"
#include "ledger/open_ledger.h"
#include "query/session.h"
#include "store/blob_store.h"
#include "table/catalog.h"
#include "table/history.h"

namespace millpond::api {

struct OpenOptions {
  std::string path =
      ".";  ///< A pond's folder or one inside it: the nearest millpond.toml upward is found.
  std::map<std::string, std::string> flags;  ///< Setting -> value; win over environment and file.
};

/// A pond that was found but not opened: what verbs that replace its ledger begin with.
struct PondPlace {
  std::string folder;  ///< Absolute.
  base::Config config;

  std::string toml_path() const;
  /// Setting ledger.url, else ledger.db of the folder.
  ledger::LedgerPlace ledger() const;
};

/// Looks for millpond.toml in the folder and above; kNotFound says how to make a pond.
Result<PondPlace> FindPond(const OpenOptions& options);

/// The SQLite ledger of a pond's folder.
std::string LedgerFileOf(const std::string& folder);

class Pond {
 public:
  /// Makes a pond, or goes on where a killed Init stopped: the folder, millpond.toml, the ledger
  /// (ledger.db, or tables in PostgreSQL where the flag ledger.url says so, which millpond.toml
  /// then keeps), truth/ and derived/. kAlreadyExists where a pond, such tables or another Init
  /// are; kInvalid where the folder holds other things. Leaves nothing behind in the folder where
  /// it fails.
  static Result<std::shared_ptr<Pond>> Init(const OpenOptions& options);
  /// kNotFound says how to make one; kInvalid for a pond of a newer version.
  static Result<std::shared_ptr<Pond>> Open(const OpenOptions& options);

  const std::string& folder() const { return folder_; }  ///< Absolute.
  const base::Config& config() const { return config_; }
  /// Who acts: setting `author`, else user@host of this process.
  const std::string& author() const { return author_; }
  ledger::Ledger& ledger() const { return *ledger_; }
  const std::shared_ptr<ledger::Ledger>& shared_ledger() const { return ledger_; }
  const std::shared_ptr<store::BlobStore>& store() const { return store_; }
  const std::shared_ptr<table::Catalog>& catalog() const { return catalog_; }
  table::History history() const { return table::History(catalog_); }
  /// Who may read what; every session of the pond asks it.
  const std::shared_ptr<query::DecisionPoint>& decisions() const { return decisions_; }
  std::string derived_folder() const { return folder_ + "/derived"; }

  /// The caller's session through the gate; opened on first use, so that verbs without queries
  /// never load the SQL engine.
  Result<std::shared_ptr<query::Session>> session();
  /// The cache of derived state, within the budget of setting `derived.budget`; opened on first
  /// use.
  Result<std::shared_ptr<derived::Cache>> cache();

 private:
  Pond() = default;
  static Result<std::shared_ptr<Pond>> Wire(PondPlace place, bool create);

  std::string folder_, author_;
  base::Config config_;
  std::shared_ptr<ledger::Ledger> ledger_;
  std::shared_ptr<store::BlobStore> store_;
  std::shared_ptr<table::Catalog> catalog_;
  std::shared_ptr<query::DecisionPoint> decisions_ = std::make_shared<query::OpenPond>();
  std::mutex opening_mutex_;  // Guards the two below.
  std::shared_ptr<query::Session> session_;
  std::shared_ptr<derived::Cache> cache_;
};

}  // namespace millpond::api
